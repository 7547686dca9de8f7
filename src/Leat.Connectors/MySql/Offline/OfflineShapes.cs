using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Leat.Changes;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Ddl;
using Leat.Connectors.MySql.Shapes;

namespace Leat.Connectors.MySql.Offline;

/// <summary>Shapes of tables when there is no server to ask: what each TABLE_MAP tells, and invented names for what it does not.</summary>
/// <remarks>
/// With <c>binlog_row_metadata=FULL</c> that is all of it. Without, columns are called <c>@1</c>, <c>@2</c>…, integers are taken for signed, CHAR and
/// VARCHAR for UTF-8 text, BLOB and TEXT for bytes, times in the formats of old servers for whole seconds, and enums and sets have numbers for labels.
/// </remarks>
internal sealed class OfflineShapes(IReadOnlyList<TablePattern> tables, IChangeWriter writer) : ITableShapes
{
    private readonly Dictionary<TableName, uint> _numbers = [];

    /// <inheritdoc/>
    /// <remarks>None: that a statement changed rows is no reason to stop in a file that is only looked at.</remarks>
    public IReadOnlyCollection<TableName> Known => [];

    /// <inheritdoc/>
    public uint Newest { get; private set; }

    /// <inheritdoc/>
    public bool IsCaptured(TableName table) => tables.Count == 0 || tables.Any(pattern => pattern.Matches(table));

    /// <inheritdoc/>
    public string? CharsetOf(uint collation) => Collations.CharsetOf(collation);

    /// <inheritdoc/>
    public bool TryResolve(TableMap map, [NotNullWhen(true)] out MySqlTable? table)
    {
        var columns = new MySqlColumn[map.Columns];
        for (var i = 0; i < columns.Length; i++)
            columns[i] = ColumnRules.Make(FactsOf(map, i));
        table = new(map.Table, [.. columns], map.Key is { } key ? [.. key] : []);
        _numbers[map.Table] = writer.Define(table.Schema);
        Newest = Math.Max(Newest, _numbers[map.Table]);
        return true;
    }

    /// <inheritdoc/>
    /// <remarks>Only TRUNCATE means something: of a table whose shape has been seen.</remarks>
    public StatementEffect Apply(string sql, string database, ulong sqlMode, string transaction)
    {
        try
        {
            if (DdlParser.Parse(sql, default(SqlDialect).With(sqlMode), database, static _ => false) is not TruncateTable { Table: var table }
                || !_numbers.TryGetValue(table, out var number))
                return StatementEffect.None;
            var effect = new StatementEffect();
            effect.Emptied.Add(number);
            return effect;
        }
        catch (DdlUnclearException)
        {
            return StatementEffect.None; // shapes come with the rows here: no statement is needed to know them
        }
    }

    private ColumnFacts FactsOf(TableMap map, int i) => new()
    {
        Name = map.Names is { } names ? names[i] : string.Create(CultureInfo.InvariantCulture, $"@{i + 1}"),
        Type = map.Types[i],
        Metadata = map.Metadata[i],
        Nullable = map.IsNullable(i),
        Unsigned = map.Unsigned?[i] ?? false,
        Charset = map.Collations?[i] is { } collation ? CharsetOf(collation) : CharsetGuess(map.Types[i]),
        Fraction = ColumnType.IsOldTemporal(map.Types[i]) ? 0 : null,
        Labels = map.LabelsOf(i, CharsetOf) ?? [.. Enumerable.Range(1, LabelCount(map, i)).Select(number => number.ToString(CultureInfo.InvariantCulture))],
    };

    private static string? CharsetGuess(byte type) => type is ColumnType.Blob or ColumnType.BlobCompressed ? "binary" : ColumnType.IsText(type) ? "utf8mb4" : null;

    // As many as its bytes can tell apart.
    private static int LabelCount(TableMap map, int i) => map.Types[i] switch
    {
        ColumnType.Enum => map.Metadata[i] == 1 ? byte.MaxValue : ushort.MaxValue,
        ColumnType.Set => map.Metadata[i] * 8,
        _ => 0,
    };
}
