using System.Collections.Immutable;
using Leat.Changes;

namespace Leat.Connectors.MySql;

/// <summary>Whose changes are lost when a position is gone. What was changed meanwhile nobody can tell any more, so that all captured tables are concerned.</summary>
/// <param name="Source">The source's name.</param>
/// <param name="Tables">The captured tables; empty when they are not known.</param>
internal sealed record LostChanges(string Source, ImmutableArray<TableName> Tables)
{
    /// <summary>So many names a person reads; more are not worth telling apart.</summary>
    private const int MostNames = 8;

    /// <summary>What has them read again: by their names, so that one may leave some out, unless they are many.</summary>
    public string Command => Tables.IsEmpty || Tables.Length > MostNames
        ? $"leat snapshot start FILE {Source} --all"
        : $"leat snapshot start FILE {Source} --tables {string.Join(',', Tables)}";
}
