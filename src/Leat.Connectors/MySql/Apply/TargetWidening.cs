using System.Globalization;
using Leat.Changes;

namespace Leat.Connectors.MySql.Apply;

/// <summary>Types that hold what a column holds already and what shall come.</summary>
internal static class TargetWidening
{
    private const int MostDigits = 65;
    private const int MostFraction = 30;

    private static readonly string[] Texts = ["TEXT", "MEDIUMTEXT", "LONGTEXT"];
    private static readonly string[] Blobs = ["BLOB", "MEDIUMBLOB", "LONGBLOB"];
    private static readonly string[] Wholes = ["TINYINT", "SMALLINT", "INT", "BIGINT"];

    /// <summary>The wider type, of the same family as the one that is there; <see langword="null"/> when there is none.</summary>
    public static string? Of(TargetColumn there, Column source, bool isKey) => source.Kind switch
    {
        ColumnKind.Decimal when there.DataType == "decimal" => Decimal(there, source),
        ColumnKind.Float64 when there.DataType == "float" => "DOUBLE",
        ColumnKind.Bit when there.DataType == "bit" => Text($"BIT({source.Length})"),
        ColumnKind.Time when there.DataType == "time" => Text($"TIME({source.Scale})"),
        ColumnKind.DateTime when there.DataType is "datetime" or "date" => Text($"DATETIME({source.Scale})"),
        ColumnKind.Timestamp when there.DataType == "timestamp" => Text($"TIMESTAMP({source.Scale})"),
        ColumnKind.Timestamp when there.DataType == "datetime" => Text($"DATETIME({source.Scale})"),
        ColumnKind.Enum when there.DataType == "enum" => $"ENUM({Labels(there, source)}) COLLATE {there.Collation}",
        ColumnKind.Set when there.DataType == "set" => $"SET({Labels(there, source)}) COLLATE {there.Collation}",
        ColumnKind.String when there.DataType is "char" or "varchar" or "tinytext" or "text" or "mediumtext" => TextOf(there, source, isKey),
        ColumnKind.Binary when there.DataType is "varbinary" or "tinyblob" or "blob" or "mediumblob" => BinaryOf(there, source, isKey),
        _ => Whole(there, source),
    };

    private static string? Decimal(TargetColumn there, Column source)
    {
        var scale = Math.Max(there.Scale, source.Scale);
        var digits = Math.Max(there.Precision - there.Scale, source.Precision - source.Scale) + scale;
        return digits <= MostDigits && scale <= MostFraction ? Text($"DECIMAL({digits},{scale})") : null;
    }

    // Labels that are there keep their places: stored numbers stand for them.
    private static string Labels(TargetColumn there, Column source)
    {
        var labels = Sql.Labels(there.ColumnType);
        return string.Join(",", labels.Concat(source.Labels.Except(labels)).Select(Sql.Text));
    }

    private static string? TextOf(TargetColumn there, Column source, bool isKey)
    {
        var wider = TargetDdl.TypeOf(source with { Length = Math.Max(source.Length, source.Length == 0 ? 0 : there.Characters) }, isKey ? there.Collation : null);
        if (isKey)
            return wider;
        return $"{Larger(Texts, there.DataType, wider)} COLLATE {there.Collation}";
    }

    private static string BinaryOf(TargetColumn there, Column source, bool isKey)
    {
        var wider = TargetDdl.TypeOf(source with { Length = Math.Max(source.Length, source.Length == 0 ? 0 : there.Bytes) }, isKey ? "" : null);
        return Larger(Blobs, there.DataType, wider);
    }

    // What is stored beside the row already stays there.
    private static string Larger(string[] types, string there, string wanted)
    {
        var own = Array.IndexOf(types, there.ToUpperInvariant());
        return own > Array.IndexOf(types, wanted) ? types[own] : wanted;
    }

    private static string? Whole(TargetColumn there, Column source)
    {
        var wanted = source.Kind is >= ColumnKind.Int8 and <= ColumnKind.UInt64;
        if (!wanted || there.DataType is not ("tinyint" or "smallint" or "mediumint" or "int" or "bigint"))
            return null;
        foreach (var type in Wholes)
        {
            foreach (var unsigned in new[] { false, true })
            {
                var candidate = there with { DataType = type.ToLowerInvariant(), ColumnType = unsigned ? "unsigned" : "" };
                if (candidate.Holds(source) && candidate.Holds(source with { Kind = KindOf(there) }))
                    return unsigned ? $"{type} UNSIGNED" : type;
            }
        }

        return null;
    }

    private static ColumnKind KindOf(TargetColumn there) => (there.DataType, there.IsUnsigned) switch
    {
        ("tinyint", false) => ColumnKind.Int8,
        ("tinyint", true) => ColumnKind.UInt8,
        ("smallint", false) => ColumnKind.Int16,
        ("smallint", true) => ColumnKind.UInt16,
        ("bigint", false) => ColumnKind.Int64,
        ("bigint", true) => ColumnKind.UInt64,
        (_, true) => ColumnKind.UInt32,
        _ => ColumnKind.Int32,
    };

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
