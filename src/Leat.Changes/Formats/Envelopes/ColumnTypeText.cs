using System.Globalization;

namespace Leat.Changes.Formats.Envelopes;

/// <summary>A column's type in MySQL's words: the source's own when it told them, otherwise made from what is known.</summary>
internal static class ColumnTypeText
{
    private const int MostVarCharCharacters = 16_383;
    private const int MostVarBinaryBytes = 65_535;

    private static readonly string[] Geometries =
        ["geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection", "geomcollection"];

    /// <summary>The whole type, e.g. <c>int(10) unsigned</c>.</summary>
    public static string Of(Column column) => column.SourceType.Length > 0 ? column.SourceType : Made(column);

    /// <summary>Its first word, e.g. <c>int</c>, in small letters.</summary>
    public static string WordOf(Column column)
    {
        var text = Of(column);
        var end = text.AsSpan().IndexOfAny('(', ' ');
        return (end < 0 ? text : text[..end]).ToLowerInvariant();
    }

    /// <summary>Whether values are an SRID and well-known binary.</summary>
    public static bool IsGeometry(Column column) => column.Kind == ColumnKind.Binary && column.SourceType.Length > 0 && Geometries.Contains(WordOf(column));

    /// <summary>Whether values are singles one after the other.</summary>
    public static bool IsVector(Column column) => column.Kind == ColumnKind.Binary && column.SourceType.Length > 0 && WordOf(column) == "vector";

    private static string Made(Column column) => column.Kind switch
    {
        ColumnKind.Int8 => "tinyint",
        ColumnKind.UInt8 => "tinyint unsigned",
        ColumnKind.Int16 => "smallint",
        ColumnKind.UInt16 => "smallint unsigned",
        ColumnKind.Int32 => "int",
        ColumnKind.UInt32 => "int unsigned",
        ColumnKind.Int64 => "bigint",
        ColumnKind.UInt64 => "bigint unsigned",
        ColumnKind.Float32 => "float",
        ColumnKind.Float64 => "double",
        ColumnKind.Decimal => $"decimal({Number(column.Precision)},{Number(column.Scale)})",
        ColumnKind.String => column.Length is > 0 and <= MostVarCharCharacters ? $"varchar({Number(column.Length)})" : "longtext",
        ColumnKind.Json => "json",
        ColumnKind.Binary => column.Length is > 0 and < MostVarBinaryBytes ? $"varbinary({Number(column.Length)})" : "longblob",
        ColumnKind.Bit => $"bit({Number(Math.Max(1, column.Length))})",
        ColumnKind.Enum => $"enum({Labels(column)})",
        ColumnKind.Set => $"set({Labels(column)})",
        ColumnKind.Year => "year",
        ColumnKind.Date => "date",
        ColumnKind.Time => WithScale("time", column),
        ColumnKind.DateTime => WithScale("datetime", column),
        _ => WithScale("timestamp", column),
    };

    private static string WithScale(string word, Column column) => column.Scale > 0 ? $"{word}({Number(column.Scale)})" : word;

    private static string Labels(Column column) => string.Join(',', column.Labels.Select(label => $"'{label.Replace("'", "''", StringComparison.Ordinal)}'"));

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
