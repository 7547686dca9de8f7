using System.Collections.Immutable;
using System.Globalization;
using Leat.Changes;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Charsets;

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

    /// <summary>What text the bytes of a value stand for.</summary>
    public ValueForm Form { get; init; }

    /// <summary>Fractional digits of a column whose metadata does not tell them; else <see langword="null"/>.</summary>
    public int? Fraction { get; init; }

    public string SourceType { get; init; } = "";
    public string? Refusal { get; init; }
}

/// <summary>The one place that decides how a column type is encoded; TYPES.md is its description for people.</summary>
internal static class ColumnRules
{
    private const int MostDigits = 65;
    private const int MostFraction = 6;

    /// <summary>Types whose sign matters to the encoding.</summary>
    public static bool HasSign(byte type) => type is ColumnType.Tiny or ColumnType.Short or ColumnType.Int24 or ColumnType.Long or ColumnType.LongLong;

    /// <summary>Chooses the encoding.</summary>
    public static MySqlColumn Make(ColumnFacts facts)
    {
        var refusal = facts.Refusal;
        var kind = KindOf(facts, ref refusal);
        var isText = kind is ColumnKind.String or ColumnKind.Json && facts.Form == ValueForm.Plain && facts.Type != ColumnType.Json;
        var charset = isText ? CharsetOf(facts.Charset, ref refusal) : null;
        var (length, precision, scale) = Sizes(facts, kind);
        if (precision > MostDigits || scale > (kind == ColumnKind.Decimal ? precision : MostFraction))
            refusal ??= string.Create(CultureInfo.InvariantCulture, $"{precision} digits, {scale} of them after the point");
        var schema = new Column
        {
            Name = facts.Name, Kind = kind, Nullable = facts.Nullable, Length = length, Precision = precision, Scale = scale,
            Labels = facts.Labels, SourceType = facts.SourceType,
        };
        return new(schema, facts.Type, facts.Metadata, charset, facts.Unsigned, facts.Form, refusal) { Facts = facts };
    }

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
            case ColumnType.Time or ColumnType.DateTime or ColumnType.Timestamp:
                if (facts.Fraction is null)
                    refusal ??= "a time in the format of servers before 5.6, whose fractional digits the binlog does not tell";
                return TemporalKindOf(facts.Type);
            case ColumnType.Time2 or ColumnType.DateTime2 or ColumnType.Timestamp2:
                return TemporalKindOf(facts.Type);
            case ColumnType.Enum:
                return ColumnKind.Enum;
            case ColumnType.Set:
                return ColumnKind.Set;
            case ColumnType.VarChar or ColumnType.VarString or ColumnType.String or ColumnType.Blob or ColumnType.BlobCompressed or ColumnType.VarCharCompressed:
                return facts.IsJson ? ColumnKind.Json : facts.Charset == "binary" && facts.Form == ValueForm.Plain ? ColumnKind.Binary : ColumnKind.String;
            case ColumnType.Json:
                return ColumnKind.Json;
            case ColumnType.Geometry or ColumnType.Vector:
                return ColumnKind.Binary;
            default:
                refusal ??= facts.SourceType.Length > 0
                    ? $"type {facts.SourceType}"
                    : string.Create(CultureInfo.InvariantCulture, $"type number {facts.Type}");
                return ColumnKind.Binary;
        }
    }

    private static ColumnKind TemporalKindOf(byte type) => type switch
    {
        ColumnType.Time or ColumnType.Time2 => ColumnKind.Time,
        ColumnType.DateTime or ColumnType.DateTime2 => ColumnKind.DateTime,
        _ => ColumnKind.Timestamp,
    };

    private static Charset? CharsetOf(string? name, ref string? refusal)
    {
        var charset = Charset.Find(name);
        if (charset is null)
            refusal ??= $"character set {name ?? "unknown"}";
        return charset;
    }

    private static (long Length, int Precision, int Scale) Sizes(ColumnFacts facts, ColumnKind kind)
    {
        var meta = facts.Metadata;
        long bytes = facts.Type switch
        {
            ColumnType.Blob or ColumnType.BlobCompressed or ColumnType.Geometry or ColumnType.Vector => (1L << 8 * Math.Clamp((int)meta, 1, 4)) - 1,
            ColumnType.VarCharCompressed => Math.Max(meta - 1, 0), // one byte says how it is compressed
            _ => meta,
        };
        return kind switch
        {
            ColumnKind.Decimal => (0, meta >> 8, meta & 255),
            ColumnKind.Bit => ((meta >> 8) * 8 + (meta & 255), 0, 0),
            ColumnKind.String when facts.Form != ValueForm.Plain => (LengthOf(facts.Form), 0, 0),
            ColumnKind.Binary => (bytes, 0, 0),
            ColumnKind.String when facts.Type is ColumnType.Blob or ColumnType.BlobCompressed => (bytes, 0, 0),
            ColumnKind.String => (bytes / (Charset.Find(facts.Charset)?.MostBytes ?? 1), 0, 0),
            ColumnKind.Time or ColumnKind.DateTime or ColumnKind.Timestamp => (0, 0, facts.Fraction ?? meta),
            _ => (0, 0, 0),
        };
    }

    private static long LengthOf(ValueForm form) => form switch
    {
        ValueForm.Uuid => AddressText.UuidBytes,
        ValueForm.Inet4 => AddressText.MostInet4Bytes,
        _ => AddressText.MostInet6Bytes,
    };
}
