using System.Globalization;

namespace Leat.Connectors.MySql.Ddl;

/// <summary>Turns a column's definition into what the binlog will show of it.</summary>
internal static class ColumnMaker
{
    /// <summary>The facts of a column.</summary>
    /// <param name="column">As defined.</param>
    /// <param name="tableCharset">For texts that name none.</param>
    /// <param name="databaseCharset">What DEFAULT means.</param>
    /// <param name="dialect">Whose words the type is told in.</param>
    public static ColumnFacts Make(ColumnClause column, string tableCharset, string databaseCharset, SqlDialect dialect)
    {
        var isText = IsText(column.Type);
        var charset = isText ? CharsetWords.Of(column.Charset, tableCharset, databaseCharset) : null;
        var type = column.Type;
        if (charset?.Length == 0)
            throw new DdlUnclearException($"the character set of column '{column.Name}' is not known");
        if (charset == "binary" && type is not ("enum" or "set"))
            type = TypeWords.AsBytes(type);
        var width = charset is null ? 1 : CharsetWords.WidthOf(charset);
        type = SizedBlob(column, type, width);
        var (octets, precision, scale) = Sizes(column, type, width);
        var isTemporal = type is "time" or "datetime" or "timestamp";
        return new ColumnDefinition
        {
            Name = column.Name,
            DataType = type,
            ColumnType = TypeText.Of(column, type, dialect),
            IsMariaDb = dialect.IsMariaDb,
            Nullable = !column.NotNull,
            Octets = octets,
            Precision = precision,
            Scale = isTemporal ? 0 : scale,
            Fraction = isTemporal ? scale : 0,
            Charset = charset,
            Labels = column.Labels,
            IsJson = column.IsJson,
        }.ToFacts();
    }

    /// <summary>The same column in another character set; types of text grow so that they hold as many characters.</summary>
    public static ColumnFacts Convert(ColumnFacts column, string charset)
    {
        if (column.Charset is null or "binary" || column.Charset == charset)
            return column;
        var (from, to) = (CharsetWords.WidthOf(column.Charset), CharsetWords.WidthOf(charset));
        const int CompressionBytes = 1; // says how a value is compressed
        switch (column.Type)
        {
            case Binlog.ColumnType.String or Binlog.ColumnType.VarChar or Binlog.ColumnType.VarString:
                return Resized(column, charset, column.Metadata / from * to);
            case Binlog.ColumnType.VarCharCompressed:
                return Resized(column, charset, (column.Metadata - CompressionBytes) / from * to + CompressionBytes);
            case Binlog.ColumnType.Blob or Binlog.ColumnType.BlobCompressed when to > from && column.Metadata < 4:
                return column with
                {
                    Charset = charset,
                    Metadata = (ushort)(column.Metadata + 1),
                    SourceType = column.Metadata switch { 1 => "text", 2 => "mediumtext", _ => "longtext" },
                };
            default:
                return column with { Charset = charset }; // longer texts, enums and sets
        }
    }

    private static ColumnFacts Resized(ColumnFacts column, string charset, int octets) => octets <= ushort.MaxValue
        ? column with { Charset = charset, Metadata = (ushort)octets }
        : throw new DdlUnclearException($"column '{column.Name}' outgrows its type");

    private static bool IsText(string type) => type is "char" or "varchar" or "enum" or "set" || type.EndsWith("text", StringComparison.Ordinal);

    // TEXT(300) is the smallest type that holds so many characters.
    private static string SizedBlob(ColumnClause column, string type, int width)
    {
        if (type is not ("text" or "blob") || column.Arguments.IsEmpty)
            return type;
        var bytes = (long)column.Arguments[0] * width;
        var size = bytes switch { 0 => "", < 1 << 8 => "tiny", < 1 << 16 => "", < 1 << 24 => "medium", _ => "long" };
        return size + type;
    }

    private static (long Octets, int Precision, int Scale) Sizes(ColumnClause column, string type, int width)
    {
        var first = column.Arguments.IsEmpty ? -1 : column.Arguments[0];
        var second = column.Arguments.Length < 2 ? 0 : column.Arguments[1];
        const int UsualDigits = 10;
        const int MostDigits = 65;
        const int FloatDigits = 4;
        return type switch
        {
            "char" or "varchar" => ((first < 0 ? 1 : first) * (long)width, 0, 0),
            "binary" => (first < 0 ? 1 : first, 0, 0),
            "varbinary" => (first, 0, 0),
            "vector" => ((long)Math.Max(first, 0) * FloatDigits, 0, 0),
            "decimal" => (0, first <= 0 ? UsualDigits : Math.Min(first, MostDigits), second),
            "bit" => (0, first <= 0 ? 1 : first, 0),
            "time" or "datetime" or "timestamp" => (0, 0, Math.Max(first, 0)),
            _ => (0, 0, 0),
        };
    }
}

/// <summary>The words in which the servers show types (COLUMN_TYPE).</summary>
internal static class TypeText
{
    private const int WithoutWidths = 80_019;

    /// <summary>For people: nothing depends on it.</summary>
    public static string Of(ColumnClause column, string type, SqlDialect dialect)
    {
        var hasWidths = dialect.IsMariaDb || dialect.Version is > 0 and < WithoutWidths;
        var first = column.Arguments.IsEmpty ? -1 : column.Arguments[0];
        var text = type switch
        {
            "tinyint" or "smallint" or "mediumint" or "int" or "bigint" => type + Width(type, column, first, hasWidths),
            "decimal" => string.Create(CultureInfo.InvariantCulture, $"decimal({(first <= 0 ? 10 : first)},{(column.Arguments.Length > 1 ? column.Arguments[1] : 0)})"),
            "float" or "double" when column.Arguments.Length == 2 => string.Create(CultureInfo.InvariantCulture, $"{type}({first},{column.Arguments[1]})"),
            "bit" => Sized(type, first <= 0 ? 1 : first),
            "year" => hasWidths ? "year(4)" : "year",
            "time" or "datetime" or "timestamp" when first > 0 => Sized(type, first),
            "char" or "binary" => Sized(type, first < 0 ? 1 : first),
            "varchar" or "varbinary" or "vector" => Sized(type, first),
            "enum" or "set" => $"{type}({string.Join(',', column.Labels.Select(label => $"'{label.Replace("'", "''", StringComparison.Ordinal)}'"))})",
            "geometrycollection" when !dialect.IsMariaDb && dialect.Version >= 80_000 => "geomcollection",
            _ => type,
        };
        if (column.IsCompressed)
            text += " /*M!100301 COMPRESSED*/";
        return text + (column.Unsigned ? " unsigned" : "") + (column.Zerofill ? " zerofill" : "");
    }

    private static string Width(string type, ColumnClause column, int given, bool hasWidths)
    {
        if (!hasWidths && !column.Zerofill && !(type == "tinyint" && given == 1 && !column.Unsigned))
            return "";
        var usual = type switch { "tinyint" => 4, "smallint" => 6, "mediumint" => 9, "int" => 11, _ => column.Unsigned ? 20 : 20 };
        if (column.Unsigned && type != "bigint")
            usual--;
        return string.Create(CultureInfo.InvariantCulture, $"({(given < 0 ? usual : given)})");
    }

    private static string Sized(string type, int size) => string.Create(CultureInfo.InvariantCulture, $"{type}({size})");
}
