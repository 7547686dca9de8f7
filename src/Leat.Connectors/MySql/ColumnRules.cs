using System.Collections.Immutable;
using System.Globalization;
using Leat.Changes;
using Leat.Connectors.MySql.Binlog;

namespace Leat.Connectors.MySql;

/// <summary>What is known of a column before its encoding is chosen.</summary>
internal sealed record ColumnFacts
{
    public required string Name { get; init; }
    public required byte Type { get; init; }
    public required ushort Metadata { get; init; }
    public bool Nullable { get; init; }
    public bool Unsigned { get; init; }

    /// <summary>Character set of text; <c>binary</c> for bytes; <see langword="null"/> when the column has none or it is not told.</summary>
    public string? Charset { get; init; }

    public ImmutableArray<string> Labels { get; init; } = [];
    public bool IsJson { get; init; }
    public string SourceType { get; init; } = "";
    public string? Refusal { get; init; }
}

/// <summary>The one place that decides how a column type is encoded; TYPES.md is its description for people.</summary>
internal static class ColumnRules
{
    /// <summary>Types whose sign matters to the encoding.</summary>
    public static bool HasSign(byte type) => type is ColumnType.Tiny or ColumnType.Short or ColumnType.Int24 or ColumnType.Long or ColumnType.LongLong;

    /// <summary>Chooses the encoding.</summary>
    public static MySqlColumn Make(ColumnFacts facts)
    {
        var refusal = facts.Refusal;
        var kind = KindOf(facts, ref refusal);
        var coding = facts.Type == ColumnType.Json ? TextCoding.Utf8 : kind is ColumnKind.String or ColumnKind.Json ? CodingOf(facts.Charset, ref refusal) : TextCoding.None;
        var (length, precision, scale) = Sizes(facts, kind);
        var schema = new Column
        {
            Name = facts.Name, Kind = kind, Nullable = facts.Nullable, Length = length, Precision = precision, Scale = scale,
            Labels = facts.Labels, SourceType = facts.SourceType,
        };
        return new(schema, facts.Type, facts.Metadata, coding, facts.Unsigned, refusal) { Facts = facts };
    }

    /// <summary>Type and metadata that TABLE_MAP gives for a column of information_schema; type 0 for one that is unknown.</summary>
    /// <param name="dataType">DATA_TYPE, e.g. <c>varchar</c>.</param>
    /// <param name="octets">CHARACTER_OCTET_LENGTH.</param>
    /// <param name="precision">NUMERIC_PRECISION.</param>
    /// <param name="scale">NUMERIC_SCALE, or DATETIME_PRECISION.</param>
    /// <param name="labels">Number of labels of an enum or set.</param>
    public static (byte Type, ushort Metadata) PhysicalOf(string dataType, long octets, long precision, long scale, int labels) => dataType switch
    {
        "tinyint" => (ColumnType.Tiny, 0),
        "smallint" => (ColumnType.Short, 0),
        "mediumint" => (ColumnType.Int24, 0),
        "int" => (ColumnType.Long, 0),
        "bigint" => (ColumnType.LongLong, 0),
        "decimal" => (ColumnType.NewDecimal, (ushort)(precision << 8 | scale)),
        "float" => (ColumnType.Float, 4),
        "double" => (ColumnType.Double, 8),
        "bit" => (ColumnType.Bit, (ushort)(precision / 8 << 8 | precision % 8)),
        "year" => (ColumnType.Year, 0),
        "date" => (ColumnType.Date, 0),
        "time" => (ColumnType.Time2, (ushort)scale),
        "datetime" => (ColumnType.DateTime2, (ushort)scale),
        "timestamp" => (ColumnType.Timestamp2, (ushort)scale),
        "char" or "binary" => (ColumnType.String, (ushort)octets),
        "varchar" or "varbinary" => (ColumnType.VarChar, (ushort)octets),
        "tinytext" or "tinyblob" => (ColumnType.Blob, 1),
        "text" or "blob" => (ColumnType.Blob, 2),
        "mediumtext" or "mediumblob" => (ColumnType.Blob, 3),
        "longtext" or "longblob" => (ColumnType.Blob, 4),
        "enum" => (ColumnType.Enum, (ushort)(labels < 256 ? 1 : 2)),
        "json" => (ColumnType.Json, 4),
        "set" => (ColumnType.Set, (ushort)(labels > 32 ? 8 : (labels + 7) / 8)),
        _ => (0, 0),
    };

    private static ColumnKind KindOf(ColumnFacts facts, ref string? refusal)
    {
        switch (facts.Type)
        {
            case ColumnType.Tiny:
                return facts.Unsigned ? ColumnKind.UInt8 : ColumnKind.Int8;
            case ColumnType.Short:
                return facts.Unsigned ? ColumnKind.UInt16 : ColumnKind.Int16;
            case ColumnType.Int24 or ColumnType.Long:
                return facts.Unsigned ? ColumnKind.UInt32 : ColumnKind.Int32;
            case ColumnType.LongLong:
                return facts.Unsigned ? ColumnKind.UInt64 : ColumnKind.Int64;
            case ColumnType.Float:
                return ColumnKind.Float32;
            case ColumnType.Double:
                return ColumnKind.Float64;
            case ColumnType.NewDecimal:
                return ColumnKind.Decimal;
            case ColumnType.Bit:
                return ColumnKind.Bit;
            case ColumnType.Year:
                return ColumnKind.Year;
            case ColumnType.Date or ColumnType.NewDate:
                return ColumnKind.Date;
            case ColumnType.Time2 or ColumnType.Time:
                return ColumnKind.Time;
            case ColumnType.DateTime2 or ColumnType.DateTime:
                return ColumnKind.DateTime;
            case ColumnType.Timestamp2 or ColumnType.Timestamp:
                return ColumnKind.Timestamp;
            case ColumnType.Enum:
                return ColumnKind.Enum;
            case ColumnType.Set:
                return ColumnKind.Set;
            case ColumnType.Json:
                return ColumnKind.Json;
            case ColumnType.VarChar or ColumnType.VarString or ColumnType.String or ColumnType.Blob:
                return facts.IsJson ? ColumnKind.Json : facts.Charset == "binary" ? ColumnKind.Binary : ColumnKind.String;
            case ColumnType.BlobCompressed or ColumnType.VarCharCompressed:
                refusal ??= "COMPRESSED columns";
                return ColumnKind.Binary;
            default:
                refusal ??= facts.SourceType.Length > 0
                    ? $"type {facts.SourceType}"
                    : string.Create(CultureInfo.InvariantCulture, $"type number {facts.Type}");
                return ColumnKind.Binary;
        }
    }

    private static TextCoding CodingOf(string? charset, ref string? refusal)
    {
        switch (charset)
        {
            case "utf8mb4" or "utf8mb3" or "utf8" or "ascii":
                return TextCoding.Utf8;
            case "latin1":
                return TextCoding.Latin1;
            default:
                refusal ??= $"character set {charset ?? "unknown"}";
                return TextCoding.Utf8;
        }
    }

    private static (long Length, int Precision, int Scale) Sizes(ColumnFacts facts, ColumnKind kind)
    {
        var meta = facts.Metadata;
        long bytes = facts.Type == ColumnType.Blob ? (1L << 8 * Math.Min((int)meta, 4)) - 1 : meta;
        return kind switch
        {
            ColumnKind.Decimal => (0, meta >> 8, meta & 255),
            ColumnKind.Bit => ((meta >> 8) * 8 + (meta & 255), 0, 0),
            ColumnKind.Binary => (bytes, 0, 0),
            ColumnKind.String when facts.Type == ColumnType.Blob => (bytes, 0, 0),
            ColumnKind.String => (bytes / (facts.Charset switch { "utf8mb4" => 4, "utf8mb3" or "utf8" => 3, _ => 1 }), 0, 0),
            ColumnKind.Time or ColumnKind.DateTime or ColumnKind.Timestamp => (0, 0, meta),
            _ => (0, 0, 0),
        };
    }
}
