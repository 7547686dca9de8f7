using System.Collections.Immutable;

namespace Leat.Connectors.MySql.Binlog;

/// <summary>How a table keeps its history, as its catalog tells.</summary>
internal enum Versioning : byte
{
    /// <summary>It keeps none.</summary>
    None = 0,

    /// <summary>By two hidden columns <c>row_start</c> and <c>row_end</c>, which stand behind all others in row images.</summary>
    Implicit = 1,

    /// <summary>By two columns of its own.</summary>
    Explicit = 2,
}

/// <summary>A table as its rows stand in the binlog: its own columns, and those that a system-versioned table hides.</summary>
/// <remarks>
/// A row of a system-versioned MariaDB table is current while its end is the end of time; INSERT writes such a row, UPDATE changes it and
/// writes the old one as history, DELETE updates its end. Source: tried on MariaDB 10.11. So where history is told, too
/// (<see cref="MySqlTable.TellsHistory"/>), the events are told as they are.
/// </remarks>
internal sealed class VersionedTable
{
    /// <summary>How many columns a table with implicit history hides.</summary>
    public const int HiddenColumns = 2;

    private const int Micros = 6;

    private VersionedTable(MySqlTable table, ImmutableArray<MySqlColumn> physical, int rowEnd)
    {
        Table = table;
        Physical = physical;
        RowEnd = rowEnd;
    }

    /// <summary>The table as it is told.</summary>
    public MySqlTable Table { get; }

    /// <summary>All columns of a row image.</summary>
    public ImmutableArray<MySqlColumn> Physical { get; }

    /// <summary>Number of the columns that are told: the first of <see cref="Physical"/>.</summary>
    public int Visible => Table.Columns.Length;

    /// <summary>Ordinal in <see cref="Physical"/> of the column that says when the row ended; -1 when the table keeps no history.</summary>
    public int RowEnd { get; }

    /// <summary>The table with all columns of a row image, as decoding sees it.</summary>
    public MySqlTable Whole => Physical.Length == Table.Columns.Length ? Table : new(Table.Name, Physical, Table.Schema.Key);

    /// <summary>Ties a table to what its TABLE_MAP says.</summary>
    /// <param name="table">The shape of the told rows.</param>
    /// <param name="hidden">Whether rows have columns that are not told, that is, the map has the two hidden columns behind those of the table: see <see cref="HidesColumns"/>.</param>
    public static VersionedTable Of(MySqlTable table, bool hidden)
    {
        if (hidden)
            return new(table, [.. table.Columns, Hidden("row_start"), Hidden("row_end")], table.Columns.Length + 1);
        var end = table is { Versioning: Versioning.Explicit, TellsHistory: false, RowEnd: { } name } ? table.Schema.Find(name) : -1;
        return new(table, table.Columns, end);
    }

    /// <summary>Name of the column by which a row of history differs from the current one, and from others of its key.</summary>
    public static string? EndOf(Versioning versioning, string? rowEnd) => versioning == Versioning.Implicit ? "row_end" : rowEnd;

    /// <summary>A table whose rows of history are told like others: with the columns that are hidden otherwise, and the row's end in the key, where the server has it, too.</summary>
    public static MySqlTable WithHistory(MySqlTable table)
    {
        ImmutableArray<MySqlColumn> columns = table.Versioning == Versioning.Implicit ? [.. table.Columns, Hidden("row_start"), Hidden("row_end")] : table.Columns;
        var end = EndOf(table.Versioning, table.RowEnd);
        var ordinal = columns.IndexOf(columns.FirstOrDefault(column => column.Schema.Name == end)!); // null is found nowhere
        if (ordinal < 0)
            return table;
        return new(table.Name, columns, table.Schema.Key.IsEmpty ? [] : [.. table.Schema.Key, ordinal])
        {
            Engine = table.Engine,
            Refusal = table.Refusal,
            Versioning = table.Versioning,
            RowEnd = table.RowEnd,
            EstimatedRows = table.EstimatedRows,
            TellsHistory = true,
        };
    }

    /// <summary>Whether a map's last two columns are those that a table with implicit history hides.</summary>
    public static bool HidesColumns(TableMap map, MySqlTable? known)
    {
        if (known is not { Versioning: Versioning.Implicit, TellsHistory: false } || map.Columns <= HiddenColumns)
            return false;
        var isTime = map.Types[^1] == ColumnType.Timestamp2 && map.Types[^2] == ColumnType.Timestamp2 && map.Metadata[^1] == Micros && map.Metadata[^2] == Micros;
        return isTime && (map.Names is not { } names ? map.Columns == known.Columns.Length + HiddenColumns : names[^1] == "row_end" && names[^2] == "row_start");
    }

    /// <summary>What a map says of the columns that are told: without hidden ones, and without the row's end in the key, where the server puts it.</summary>
    public static TableMap Told(TableMap map, MySqlTable? known)
    {
        if (HidesColumns(map, known))
            return map.WithoutLast(HiddenColumns, static _ => true);
        var end = known is { Versioning: Versioning.Explicit, TellsHistory: false, RowEnd: { } name }
            ? map.Names is { } names ? Array.IndexOf(names, name) : known.Schema.Find(name)
            : -1;
        return end < 0 ? map : map.WithoutLast(0, ordinal => ordinal != end);
    }

    /// <summary>Whether a row's end says that it has not ended. 32-bit and 64-bit servers have each their own end of time.</summary>
    public static bool IsEndOfTime(long micros)
    {
        const long End32 = int.MaxValue * 1_000_000L + 999_999;
        const long End64 = uint.MaxValue * 1_000_000L + 999_999;
        return micros is End32 or End64;
    }

    private static MySqlColumn Hidden(string name) =>
        ColumnRules.Make(new() { Name = name, Type = ColumnType.Timestamp2, Metadata = Micros, SourceType = "timestamp(6)" });
}
