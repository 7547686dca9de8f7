using System.Globalization;
using Leat.Changes;

namespace Leat.Connectors.MySql.Apply;

/// <summary>Tables that can hold exactly what a shape delivers.</summary>
internal static class TargetDdl
{
    // Bytes that a text column may have: a table's row holds 65 535 bytes in all, larger ones live beside it.
    private const long TextBytes = 65_535;
    private const long MediumBytes = 16_777_215;
    private const int BytesPerCharacter = 4;

    // An index entry holds 3072 bytes: 768 characters.
    private const int KeyCharacters = 768;
    private const int KeyBytes = 3_072;
    private const int InRow = 1_024;
    private const int UnknownKeyLength = 255;

    /// <summary>CREATE TABLE without its semicolon.</summary>
    /// <param name="shape">What it shall hold.</param>
    /// <param name="table">Its name.</param>
    /// <param name="keyCollation">How text of its key compares.</param>
    public static string Create(Shape shape, TableName table, string keyCollation)
    {
        var columns = shape.Columns.Select(column => Definition(shape, column, keyCollation));
        var key = shape.Key.Select(ordinal => Sql.Name(ShapeStatements.NameOf(shape, ordinal)));
        return $"CREATE TABLE {Sql.Name(table)} ({string.Join(", ", columns)}, PRIMARY KEY ({string.Join(", ", key)})) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4";
    }

    /// <summary>A column's definition.</summary>
    public static string Definition(Shape shape, ShapeColumn column, string keyCollation)
    {
        var isKey = shape.Key.Contains(column.Ordinal);
        var source = shape.Schema.Columns[column.Ordinal];
        return $"{Sql.Name(column.Name)} {TypeOf(source, isKey ? keyCollation : null)}{(source.Nullable && !isKey ? " NULL" : " NOT NULL")}";
    }

    /// <summary>The type that holds every value of a source's column; of the key's columns when there is a collation for them.</summary>
    public static string TypeOf(Column column, string? keyCollation) => column.Kind switch
    {
        ColumnKind.Int8 => "TINYINT",
        ColumnKind.UInt8 => "TINYINT UNSIGNED",
        ColumnKind.Int16 => "SMALLINT",
        ColumnKind.UInt16 => "SMALLINT UNSIGNED",
        ColumnKind.Int32 => "INT",
        ColumnKind.UInt32 => "INT UNSIGNED",
        ColumnKind.Int64 => "BIGINT",
        ColumnKind.UInt64 => "BIGINT UNSIGNED",
        ColumnKind.Float32 => "FLOAT",
        ColumnKind.Float64 => "DOUBLE",
        ColumnKind.Decimal => $"DECIMAL({Number(column.Precision)},{Number(column.Scale)})",
        ColumnKind.String => TextType(column.Length, keyCollation),
        ColumnKind.Binary => BinaryType(column.Length, keyCollation is not null),
        ColumnKind.Json => "JSON",
        ColumnKind.Bit => $"BIT({Number(column.Length == 0 ? 64 : column.Length)})",
        ColumnKind.Enum => $"ENUM({Labels(column)})",
        ColumnKind.Set => $"SET({Labels(column)})",
        ColumnKind.Year => "YEAR",
        ColumnKind.Date => "DATE",
        ColumnKind.Time => $"TIME({Number(column.Scale)})",
        ColumnKind.DateTime => $"DATETIME({Number(column.Scale)})",
        ColumnKind.Timestamp => $"TIMESTAMP({Number(column.Scale)})",
        _ => throw new ArgumentOutOfRangeException(nameof(column), column.Kind, "unknown column kind"),
    };

    // Keys compare by their bytes, so that two rows of the source never meet, whatever its collation was.
    private static string TextType(long characters, string? keyCollation)
    {
        if (keyCollation is not null)
            return $"VARCHAR({Number(characters is 0 ? UnknownKeyLength : Math.Min(characters, KeyCharacters))}) CHARACTER SET utf8mb4 COLLATE {keyCollation}";
        return characters switch
        {
            0 => "LONGTEXT",
            <= InRow / BytesPerCharacter => $"VARCHAR({Number(characters)})",
            <= TextBytes / BytesPerCharacter => "TEXT",
            <= MediumBytes / BytesPerCharacter => "MEDIUMTEXT",
            _ => "LONGTEXT",
        };
    }

    private static string BinaryType(long bytes, bool isKey)
    {
        if (isKey)
            return $"VARBINARY({Number(bytes is 0 ? UnknownKeyLength : Math.Min(bytes, KeyBytes))})";
        return bytes switch
        {
            0 => "LONGBLOB",
            <= InRow => $"VARBINARY({Number(bytes)})",
            <= TextBytes => "BLOB",
            <= MediumBytes => "MEDIUMBLOB",
            _ => "LONGBLOB",
        };
    }

    private static string Labels(Column column) => string.Join(",", column.Labels.Select(Sql.Text));

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}
