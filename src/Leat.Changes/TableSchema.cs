using System.Collections.Immutable;

namespace Leat.Changes;

/// <summary>Where rows live, e.g. <c>shop.orders</c>.</summary>
public readonly record struct TableName(string Database, string Name)
{
    /// <summary><c>database.table</c>.</summary>
    public override string ToString() => $"{Database}.{Name}";

    /// <summary>Reads <c>database.table</c>; false when there is no dot or a part is empty.</summary>
    public static bool TryParse(string text, out TableName table)
    {
        var dot = text.IndexOf('.', StringComparison.Ordinal);
        table = dot > 0 && dot < text.Length - 1 ? new(text[..dot], text[(dot + 1)..]) : default;
        return table.Database is not null;
    }
}

/// <summary>How a column's values are encoded (see docs/formats/change.md). Values are written to disk: never renumber.</summary>
public enum ColumnKind : byte
{
    /// <summary>Signed 8-bit integer, 1 byte.</summary>
    Int8 = 1,

    /// <summary>Unsigned 8-bit integer, 1 byte.</summary>
    UInt8 = 2,

    /// <summary>Signed 16-bit integer, 2 bytes.</summary>
    Int16 = 3,

    /// <summary>Unsigned 16-bit integer, 2 bytes.</summary>
    UInt16 = 4,

    /// <summary>Signed 32-bit integer, 4 bytes; also MySQL's 24-bit MEDIUMINT.</summary>
    Int32 = 5,

    /// <summary>Unsigned 32-bit integer, 4 bytes; also MySQL's 24-bit MEDIUMINT UNSIGNED.</summary>
    UInt32 = 6,

    /// <summary>Signed 64-bit integer, 8 bytes.</summary>
    Int64 = 7,

    /// <summary>Unsigned 64-bit integer, 8 bytes.</summary>
    UInt64 = 8,

    /// <summary>IEEE 754 single, 4 bytes.</summary>
    Float32 = 9,

    /// <summary>IEEE 754 double, 8 bytes.</summary>
    Float64 = 10,

    /// <summary>Exact decimal as ASCII digits: optional '-', at least one digit, then '.' and exactly <c>Scale</c> digits when Scale &gt; 0.</summary>
    Decimal = 11,

    /// <summary>Text, UTF-8.</summary>
    String = 12,

    /// <summary>Bytes.</summary>
    Binary = 13,

    /// <summary>JSON text as the source shows it, UTF-8.</summary>
    Json = 14,

    /// <summary>Bit field of up to 64 bits, 8 bytes; <c>Length</c> is the number of bits.</summary>
    Bit = 15,

    /// <summary>Index into <c>Labels</c>, counted from 1; 0 is MySQL's empty error value; 2 bytes.</summary>
    Enum = 16,

    /// <summary>Bit k set means <c>Labels[k]</c> is a member; 8 bytes.</summary>
    Set = 17,

    /// <summary>Year 0 (MySQL's 0000) or 1901 to 2155; 2 bytes unsigned.</summary>
    Year = 18,

    /// <summary>Calendar date without zone, possibly zero or partial: <see cref="Temporal.Date"/>, 4 bytes.</summary>
    Date = 19,

    /// <summary>Signed time span in microseconds, -838:59:59.999999 to 838:59:59.999999; 8 bytes.</summary>
    Time = 20,

    /// <summary>Calendar date and time without zone, possibly zero or partial: <see cref="Temporal.DateTime"/>, 8 bytes.</summary>
    DateTime = 21,

    /// <summary>Instant: microseconds since 1970-01-01 UTC, 8 bytes; <see cref="Temporal.ZeroTimestamp"/> is MySQL's all-zero timestamp.</summary>
    Timestamp = 22,
}

/// <summary>One column of a table as it was when a change happened. Two columns are equal when all their parts are.</summary>
public sealed record Column
{
    /// <summary>The column's name.</summary>
    public required string Name { get; init; }

    /// <summary>How its values are encoded.</summary>
    public required ColumnKind Kind { get; init; }

    /// <summary>Whether NULL is allowed.</summary>
    public bool Nullable { get; init; } = true;

    /// <summary>Most characters of a String, most bytes of a Binary, number of bits of a Bit; 0 when not told.</summary>
    public long Length { get; init; }

    /// <summary>Decimal: total digits, 1 to 65. 0 otherwise.</summary>
    public int Precision { get; init; }

    /// <summary>Decimal: digits after the point, 0 to 38. Time, DateTime, Timestamp: fractional digits shown, 0 to 6.</summary>
    public int Scale { get; init; }

    /// <summary>Enum, Set: the labels in index order. Empty otherwise.</summary>
    public ImmutableArray<string> Labels { get; init; } = [];

    /// <summary>The type in the source's own words, e.g. <c>int(10) unsigned</c>; empty when not told. Never part of a decision.</summary>
    public string SourceType { get; init; } = "";

    /// <inheritdoc/>
    public bool Equals(Column? other) =>
        other is not null && Name == other.Name && Kind == other.Kind && Nullable == other.Nullable && Length == other.Length
        && Precision == other.Precision && Scale == other.Scale && SourceType == other.SourceType && Labels.SequenceEqual(other.Labels);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Name, Kind, Nullable, Length, Precision, Scale, Labels.Length);
}

/// <summary>Shape of a table at one time. Immutable; equal when the name, all columns, the key, the origin, whether it is partial and whether it is keyless are.</summary>
public sealed record TableSchema
{
    private readonly sbyte[] _widths;

    /// <summary>A shape with at least one column; key ordinals in key order.</summary>
    public TableSchema(TableName table, ImmutableArray<Column> columns, ImmutableArray<int> key)
    {
        Table = table;
        Columns = columns;
        Key = key;
        _widths = [.. columns.Select(column => (sbyte)EncodedRow.WidthOf(column.Kind))];
    }

    /// <summary>Where the rows live.</summary>
    public TableName Table { get; }

    /// <summary>The columns in the table's order.</summary>
    public ImmutableArray<Column> Columns { get; }

    /// <summary>Ordinals of the columns that identify a row, in key order. Empty when nothing does; all columns when <see cref="IsKeyless"/>.</summary>
    public ImmutableArray<int> Key { get; }

    /// <summary>Whether the table has no key of its own, and all columns together stand in for one: equal rows count as one then, and a key column may be NULL. Part of equality.</summary>
    public bool IsKeyless { get; init; }

    /// <summary>The table's own key: <see cref="Key"/>, but empty when that only stands in for one.</summary>
    public ImmutableArray<int> OwnKey => IsKeyless ? [] : Key;

    /// <summary>Whether rows may lack columns whose values the source did not tell: see docs/formats/change.md. Part of equality: a shape and its partial variant have two numbers.</summary>
    public bool IsPartial { get; init; }

    /// <summary>What the source has to know of the shape to decode its own bytes by it, in words that only it understands; empty when nothing. Part of equality.</summary>
    public string Origin { get; init; } = "";

    /// <summary>Bytes that each column's value takes in an encoded row; -1: a varint length and that many bytes.</summary>
    internal ReadOnlySpan<sbyte> Widths => _widths;

    /// <summary>Ordinal of a column by its exact name, or -1.</summary>
    public int Find(string column)
    {
        for (var i = 0; i < Columns.Length; i++)
        {
            if (Columns[i].Name == column)
                return i;
        }

        return -1;
    }

    /// <summary>The same shape for rows that may lack columns, or for whole ones.</summary>
    public TableSchema As(bool partial) => IsPartial == partial ? this : this with { IsPartial = partial };

    /// <inheritdoc/>
    public bool Equals(TableSchema? other) =>
        other is not null && Table == other.Table && IsPartial == other.IsPartial && IsKeyless == other.IsKeyless && Columns.SequenceEqual(other.Columns) && Key.SequenceEqual(other.Key) && Origin == other.Origin;

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Table, Columns.Length, Columns[0], Columns[^1]);
}
