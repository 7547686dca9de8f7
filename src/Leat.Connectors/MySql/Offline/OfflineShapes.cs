using System.Globalization;
using Leat.Changes;
using Leat.Connectors.MySql.Binlog;

namespace Leat.Connectors.MySql.Offline;

/// <summary>Shapes of tables when there is no server to ask: what each TABLE_MAP tells, and invented names for what it does not.</summary>
/// <remarks>
/// With <c>binlog_row_metadata=FULL</c> that is all of it. Without, columns are called <c>@1</c>, <c>@2</c>…, integers are taken for signed, CHAR and
/// VARCHAR for UTF-8 text, BLOB and TEXT for bytes, and enums and sets have numbers for labels.
/// </remarks>
internal sealed class OfflineShapes(IReadOnlyList<TablePattern> tables) : ITableShapes
{
    private readonly Dictionary<TableName, MySqlTable> _shapes = [];

    /// <inheritdoc/>
    /// <remarks>None: a statement in a file that is only looked at is no reason to stop.</remarks>
    public IReadOnlyCollection<TableName> Known => [];

    /// <inheritdoc/>
    public bool IsCaptured(TableName table) => tables.Count == 0 || tables.Any(pattern => pattern.Matches(table));

    /// <inheritdoc/>
    public bool TryGet(TableName table, out MySqlTable? shape) => _shapes.TryGetValue(table, out shape);

    /// <inheritdoc/>
    public void Forget(TableName table) => _shapes.Remove(table);

    /// <inheritdoc/>
    public string? CharsetOf(uint collation) => Collations.CharsetOf(collation);

    /// <inheritdoc/>
    public void Look(ReadOnlySpan<byte> body)
    {
        var map = TableMap.Read(body);
        var columns = new MySqlColumn[map.Columns];
        for (var i = 0; i < columns.Length; i++)
            columns[i] = ColumnRules.Make(FactsOf(map, i));
        _shapes[map.Table] = new(map.Table, [.. columns], map.Key is { } key ? [.. key] : []);
    }

    private ColumnFacts FactsOf(TableMap map, int i) => new()
    {
        Name = map.Names is { } names ? names[i] : string.Create(CultureInfo.InvariantCulture, $"@{i + 1}"),
        Type = map.Types[i],
        Metadata = map.Metadata[i],
        Nullable = map.IsNullable(i),
        Unsigned = map.Unsigned?[i] ?? false,
        Charset = map.Collations?[i] is { } collation ? CharsetOf(collation) : CharsetGuess(map.Types[i]),
        Labels = map.LabelsOf(i, CharsetOf) ?? [.. Enumerable.Range(1, LabelCount(map, i)).Select(number => number.ToString(CultureInfo.InvariantCulture))],
    };

    private static string? CharsetGuess(byte type) => type is ColumnType.Blob ? "binary" : ColumnType.IsText(type) ? "utf8mb4" : null;

    // As many as its bytes can tell apart.
    private static int LabelCount(TableMap map, int i) => map.Types[i] switch
    {
        ColumnType.Enum => map.Metadata[i] == 1 ? byte.MaxValue : ushort.MaxValue,
        ColumnType.Set => map.Metadata[i] * 8,
        _ => 0,
    };
}
