using System.Diagnostics.CodeAnalysis;
using Leat.Changes;
using Leat.Connectors.MySql.Binlog;

namespace Leat.Connectors.MySql.Shapes;

/// <summary>Shapes from the binlog alone: for files without a server. Needs FULL row metadata.</summary>
/// <param name="source">For messages.</param>
/// <param name="isCaptured">Whether a table's rows are wanted.</param>
/// <param name="charsetOf">Gives the character set of a collation number.</param>
internal sealed class MetadataShapes(string source, Predicate<TableName> isCaptured, Func<uint, string?> charsetOf) : ITableShapes
{
    /// <inheritdoc/>
    public IReadOnlyCollection<TableName> Known => [];

    /// <inheritdoc/>
    public uint Newest => 0;

    /// <inheritdoc/>
    public bool IsCaptured(TableName table) => isCaptured(table);

    /// <inheritdoc/>
    public string? CharsetOf(uint collation) => charsetOf(collation);

    /// <inheritdoc/>
    public bool TryResolve(TableMap map, [NotNullWhen(true)] out MySqlTable? table)
    {
        table = map.Names is null ? throw MySqlErrors.ShapeDiffers(source, map.Table, "the binlog does not tell names of columns") : MySqlTable.FromMetadata(map, null, charsetOf);
        return true;
    }

    /// <inheritdoc/>
    public StatementEffect Apply(string sql, string database, ulong sqlMode, string transaction) => StatementEffect.None;
}
