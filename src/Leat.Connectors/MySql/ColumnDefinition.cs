using System.Collections.Immutable;
using Leat.Connectors.MySql.Binlog;

namespace Leat.Connectors.MySql;

/// <summary>A column as a definition says it, be it information_schema's or a statement's; knows what TABLE_MAP will say of it.</summary>
internal sealed record ColumnDefinition
{
    /// <summary>Metadata of types that are stored like LONGBLOB: the bytes of their length.</summary>
    private const ushort BlobOfFour = 4;

    /// <summary>The column's name.</summary>
    public required string Name { get; init; }

    /// <summary>DATA_TYPE, e.g. <c>varchar</c>, in lower case.</summary>
    public required string DataType { get; init; }

    /// <summary>COLUMN_TYPE, e.g. <c>varchar(20)</c>, with the server's comments, which tell of COMPRESSED and of old formats.</summary>
    public required string ColumnType { get; init; }

    /// <summary>Whether the server is MariaDB: a few types are stored otherwise there.</summary>
    public required bool IsMariaDb { get; init; }

    /// <summary>Whether NULL is allowed.</summary>
    public bool Nullable { get; init; } = true;

    /// <summary>CHARACTER_OCTET_LENGTH: most characters times most bytes of one.</summary>
    public long Octets { get; init; }

    /// <summary>NUMERIC_PRECISION: digits, or bits of a BIT.</summary>
    public int Precision { get; init; }

    /// <summary>NUMERIC_SCALE.</summary>
    public int Scale { get; init; }

    /// <summary>DATETIME_PRECISION.</summary>
    public int Fraction { get; init; }

    /// <summary>CHARACTER_SET_NAME; <see langword="null"/> when the column has none.</summary>
    public string? Charset { get; init; }

    /// <summary>Of enum and set, in order.</summary>
    public ImmutableArray<string> Labels { get; init; } = [];

    /// <summary>Whether MariaDB checks a text to be JSON.</summary>
    public bool IsJson { get; init; }

    /// <summary>Whether the column is stored compressed.</summary>
    public bool IsCompressed => ColumnType.Contains("COMPRESSED", StringComparison.OrdinalIgnoreCase) && !HasLabels;

    private bool HasLabels => DataType is "enum" or "set";

    // MariaDB before 10.1 and MySQL before 5.6; the comments are those of information_schema.
    private bool IsOldTemporal => ColumnType.Contains("/* mariadb-5.3 */", StringComparison.Ordinal) || ColumnType.Contains("/* 5.5 binary format */", StringComparison.Ordinal);

    /// <summary>The column as it is captured.</summary>
    public MySqlColumn ToColumn() => ColumnRules.Make(ToFacts());

    /// <summary>What decides how the column is encoded.</summary>
    public ColumnFacts ToFacts()
    {
        var (type, metadata) = Physical();
        var isBytes = DataType.EndsWith("blob", StringComparison.Ordinal) || DataType.EndsWith("binary", StringComparison.Ordinal) || DataType == "vector";
        return new()
        {
            Name = Name,
            Type = type,
            Metadata = metadata,
            Nullable = Nullable,
            Unsigned = !HasLabels && ColumnType.Contains("unsigned", StringComparison.OrdinalIgnoreCase),
            Charset = isBytes ? "binary" : Charset,
            Labels = Labels,
            IsJson = IsJson,
            Form = DataType switch { "uuid" => ValueForm.Uuid, "inet4" => ValueForm.Inet4, "inet6" => ValueForm.Inet6, _ => ValueForm.Plain },
            Fraction = IsOldTemporal ? Fraction : null,
            SourceType = ColumnType,
        };
    }

    /// <summary>Type and metadata that TABLE_MAP gives; type 0 for one that is unknown.</summary>
    public (byte Type, ushort Metadata) Physical() => DataType switch
    {
        "tinyint" => (Binlog.ColumnType.Tiny, 0),
        "smallint" => (Binlog.ColumnType.Short, 0),
        "mediumint" => (Binlog.ColumnType.Int24, 0),
        "int" => (Binlog.ColumnType.Long, 0),
        "bigint" => (Binlog.ColumnType.LongLong, 0),
        "decimal" => (Binlog.ColumnType.NewDecimal, (ushort)(Precision << 8 | Scale)),
        "float" => (Binlog.ColumnType.Float, sizeof(float)),
        "double" => (Binlog.ColumnType.Double, sizeof(double)),
        "bit" => (Binlog.ColumnType.Bit, (ushort)(Precision / 8 << 8 | Precision % 8)),
        "year" => (Binlog.ColumnType.Year, 0),
        "date" => (Binlog.ColumnType.Date, 0),
        "time" => IsOldTemporal ? (Binlog.ColumnType.Time, default(ushort)) : (Binlog.ColumnType.Time2, (ushort)Fraction),
        "datetime" => IsOldTemporal ? (Binlog.ColumnType.DateTime, default(ushort)) : (Binlog.ColumnType.DateTime2, (ushort)Fraction),
        "timestamp" => IsOldTemporal ? (Binlog.ColumnType.Timestamp, default(ushort)) : (Binlog.ColumnType.Timestamp2, (ushort)Fraction),
        "char" or "binary" => (Binlog.ColumnType.String, (ushort)Octets),
        "varchar" or "varbinary" => IsCompressed ? (Binlog.ColumnType.VarCharCompressed, (ushort)(Octets + 1)) : (Binlog.ColumnType.VarChar, (ushort)Octets),
        "tinytext" or "tinyblob" => Blob(1),
        "text" or "blob" => Blob(2),
        "mediumtext" or "mediumblob" => Blob(3),
        "longtext" or "longblob" => Blob(4),
        "enum" => (Binlog.ColumnType.Enum, (ushort)(Labels.Length < 256 ? 1 : 2)),
        "set" => (Binlog.ColumnType.Set, (ushort)(Labels.Length > 32 ? 8 : (Labels.Length + 7) / 8)),
        "json" => (Binlog.ColumnType.Json, BlobOfFour),
        "vector" => IsMariaDb ? (Binlog.ColumnType.VarChar, (ushort)Octets) : (Binlog.ColumnType.Vector, BlobOfFour),
        "uuid" or "inet6" => (Binlog.ColumnType.String, AddressText.WideBytes),
        "inet4" => (Binlog.ColumnType.String, AddressText.Inet4Bytes),
        "geometry" or "point" or "linestring" or "polygon" or "multipoint" or "multilinestring" or "multipolygon" or "geometrycollection" or "geomcollection"
            => (Binlog.ColumnType.Geometry, BlobOfFour),
        _ => (0, 0),
    };

    private (byte Type, ushort Metadata) Blob(ushort lengthBytes) => (IsCompressed ? Binlog.ColumnType.BlobCompressed : Binlog.ColumnType.Blob, lengthBytes);
}
