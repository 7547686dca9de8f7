using Leat.Changes;

namespace Leat.Connectors.MySql.Apply;

/// <summary>A column of a target's table as information_schema describes it.</summary>
internal sealed record TargetColumn
{
    public required string Name { get; init; }

    /// <summary>The type without its sizes, in small letters: <c>varchar</c>.</summary>
    public required string DataType { get; init; }

    /// <summary>The type as declared: <c>varchar(20)</c>, <c>bigint(20) unsigned</c>.</summary>
    public required string ColumnType { get; init; }

    /// <summary>Of text, enums and sets; otherwise <see langword="null"/>.</summary>
    public string? Collation { get; init; }

    public bool Nullable { get; init; }

    /// <summary>Whether an INSERT that does not name it fails.</summary>
    public bool NeedsValue { get; init; }

    /// <summary>Whether the server computes it: it cannot be written.</summary>
    public bool IsGenerated { get; init; }

    /// <summary>Most characters of text (bytes for TEXT and BLOB).</summary>
    public long Characters { get; init; }

    /// <summary>Most bytes of text and binary.</summary>
    public long Bytes { get; init; }

    /// <summary>Digits of a DECIMAL, bits of a BIT.</summary>
    public int Precision { get; init; }

    /// <summary>Digits after the point.</summary>
    public int Scale { get; init; }

    /// <summary>Digits of a second's fraction.</summary>
    public int Fraction { get; init; }

    public bool IsUnsigned => ColumnType.Contains("unsigned", StringComparison.OrdinalIgnoreCase);

    private bool IsText => DataType is "char" or "varchar" or "tinytext" or "text" or "mediumtext" or "longtext";

    /// <summary>
    /// Whether the column takes two values of a source's column for one exactly when their encoded bytes are the same. Not so for text under a collation that
    /// folds or pads, for floats (-0 is 0), and where digits are lost.
    /// </summary>
    public bool IsExactFor(Column source) => source.Kind switch
    {
        ColumnKind.Int8 or ColumnKind.UInt8 or ColumnKind.Int16 or ColumnKind.UInt16 or ColumnKind.Int32 or ColumnKind.UInt32 or ColumnKind.Int64
            or ColumnKind.UInt64 => WholeBytes(DataType) > 0 || DataType == "decimal",
        ColumnKind.Bit => DataType == "bit" || WholeBytes(DataType) > 0,
        ColumnKind.Year => DataType == "year" || WholeBytes(DataType) > 0,
        ColumnKind.Decimal => DataType == "decimal" && Scale >= source.Scale,
        ColumnKind.Date => DataType is "date" or "datetime" or "timestamp",
        ColumnKind.Time => DataType == "time" && Fraction >= source.Scale,
        ColumnKind.DateTime or ColumnKind.Timestamp => DataType is "datetime" or "timestamp" && Fraction >= source.Scale,
        ColumnKind.Enum => DataType == "enum",
        ColumnKind.Set => DataType == "set",
        ColumnKind.String => IsText && DataType != "char" && Collation is not null && TargetServer.IsExact(Collation),
        ColumnKind.Binary => DataType is "varbinary" or "tinyblob" or "blob" or "mediumblob" or "longblob" || (DataType == "binary" && Bytes == source.Length),
        _ => false,
    };

    /// <summary>Whether the column holds every value that a source's column may have, as far as the two types tell. NULL aside.</summary>
    public bool Holds(Column source) => source.Kind switch
    {
        ColumnKind.Int8 or ColumnKind.UInt8 or ColumnKind.Int16 or ColumnKind.UInt16 or ColumnKind.Int32 or ColumnKind.UInt32 or ColumnKind.Int64
            or ColumnKind.UInt64 => HoldsWhole(EncodedRow.WidthOf(source.Kind), IsUnsignedKind(source.Kind)),
        ColumnKind.Bit => (DataType == "bit" && Precision >= source.Length) || HoldsWhole((int)(source.Length + 7) / 8, unsigned: true),
        ColumnKind.Year => DataType == "year" || HoldsWhole(sizeof(ushort), unsigned: true),
        ColumnKind.Float32 => DataType is "float" or "double",
        ColumnKind.Float64 => DataType == "double",
        ColumnKind.Decimal => DataType == "decimal" && Scale >= source.Scale && Precision - Scale >= source.Precision - source.Scale,
        ColumnKind.Date => DataType is "date" or "datetime",
        ColumnKind.Time => DataType == "time" && Fraction >= source.Scale,
        ColumnKind.DateTime => DataType == "datetime" && Fraction >= source.Scale,
        ColumnKind.Timestamp => DataType is "datetime" or "timestamp" && Fraction >= source.Scale,
        ColumnKind.Enum or ColumnKind.Set => HoldsLabels(source),
        ColumnKind.String => HoldsText(source.Length),
        ColumnKind.Json => DataType is "json" or "longtext" or "mediumtext" or "text",
        ColumnKind.Binary => DataType is "binary" or "varbinary" or "tinyblob" or "blob" or "mediumblob" or "longblob" && Bytes >= (source.Length == 0 ? uint.MaxValue : source.Length),
        _ => false,
    };

    // A source that tells no length gets the longest type. TEXT counts bytes on both sides: those of a source's TEXT are told as its length.
    private bool HoldsText(long characters) => DataType switch
    {
        "char" or "varchar" => characters != 0 && Characters >= characters,
        "uuid" or "inet4" or "inet6" => characters != 0,
        _ => IsText && Bytes >= (characters == 0 ? uint.MaxValue : characters),
    };

    private bool HoldsLabels(Column source)
    {
        if (source.Kind == ColumnKind.Enum && DataType is not "enum")
            return IsText && Characters >= source.Labels.Select(label => label.Length).DefaultIfEmpty(1).Max();
        if (source.Kind == ColumnKind.Set && DataType is not "set")
            return IsText && Characters >= source.Labels.Sum(label => label.Length + 1);
        var labels = Sql.Labels(ColumnType);
        return source.Labels.All(labels.Contains);
    }

    private bool HoldsWhole(int bytes, bool unsigned)
    {
        const int MostDigits = 20;
        if (DataType == "decimal")
            return Precision - Scale >= MostDigits && !(IsUnsigned && !unsigned);
        var own = WholeBytes(DataType);
        return unsigned == IsUnsigned ? own >= bytes : unsigned && own > bytes;
    }

    private static bool IsUnsignedKind(ColumnKind kind) => kind is ColumnKind.UInt8 or ColumnKind.UInt16 or ColumnKind.UInt32 or ColumnKind.UInt64;

    // MEDIUMINT comes as Int32, whose length the schema does not tell apart: three bytes are enough for it and not for an INT. Taken for enough.
    private static int WholeBytes(string type) => type switch
    {
        "tinyint" => 1,
        "smallint" => 2,
        "mediumint" or "int" => 4,
        "bigint" => 8,
        _ => 0,
    };
}
