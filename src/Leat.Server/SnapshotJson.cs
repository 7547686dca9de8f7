using System.Collections.Immutable;

namespace Leat.Server;

/// <summary>What a request to read tables again says.</summary>
/// <param name="Tables">Names such as <c>shop.orders</c>.</param>
/// <param name="Where">A condition on their rows in the source's own language; <see langword="null"/>: all rows.</param>
public sealed record SnapshotOrder(ImmutableArray<string> Tables, string? Where)
{
    /// <summary>Stands alone in <see cref="Tables"/> for all tables that the source captures.</summary>
    public const string All = "*";
}

/// <summary>What was taken, or given up.</summary>
/// <param name="Source">The source.</param>
/// <param name="Tables">Names of the tables.</param>
public sealed record SnapshotAnswer(string Source, ImmutableArray<string> Tables);
