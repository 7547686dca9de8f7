using System.Collections.Immutable;

namespace Leat.Connectors.MySql.Ddl;

/// <summary>The words of types, and which type of information_schema each means.</summary>
/// <remarks>Source: MySQL reference manual, "Data Types" and "Using Data Types from Other Database Engines"; MariaDB knowledge base, "Data Types".</remarks>
internal static class TypeWords
{
    private static readonly Dictionary<string, string> Simple = new(StringComparer.OrdinalIgnoreCase)
    {
        ["tinyint"] = "tinyint", ["int1"] = "tinyint", ["smallint"] = "smallint", ["int2"] = "smallint",
        ["mediumint"] = "mediumint", ["int3"] = "mediumint", ["middleint"] = "mediumint",
        ["int"] = "int", ["integer"] = "int", ["int4"] = "int", ["bigint"] = "bigint", ["int8"] = "bigint",
        ["decimal"] = "decimal", ["dec"] = "decimal", ["numeric"] = "decimal", ["fixed"] = "decimal",
        ["float"] = "float", ["float4"] = "float", ["float8"] = "double",
        ["bit"] = "bit", ["year"] = "year", ["date"] = "date", ["time"] = "time", ["datetime"] = "datetime", ["timestamp"] = "timestamp",
        ["binary"] = "binary", ["varbinary"] = "varbinary",
        ["tinyblob"] = "tinyblob", ["blob"] = "blob", ["mediumblob"] = "mediumblob", ["longblob"] = "longblob",
        ["tinytext"] = "tinytext", ["text"] = "text", ["mediumtext"] = "mediumtext", ["longtext"] = "longtext",
        ["enum"] = "enum", ["set"] = "set",
        ["geometry"] = "geometry", ["point"] = "point", ["linestring"] = "linestring", ["polygon"] = "polygon", ["multipoint"] = "multipoint",
        ["multilinestring"] = "multilinestring", ["multipolygon"] = "multipolygon", ["geometrycollection"] = "geometrycollection", ["geomcollection"] = "geometrycollection",
        ["uuid"] = "uuid", ["inet4"] = "inet4", ["inet6"] = "inet6", ["vector"] = "vector",
    };

    /// <summary>Takes the words of a type, up to its parentheses.</summary>
    public static ColumnClause Read(TokenReader tokens, string name, SqlDialect dialect)
    {
        ColumnClause Of(string type) => new() { Name = name, Type = type };
        if (tokens.Try("DOUBLE"))
        {
            tokens.Try("PRECISION");
            return Of("double");
        }

        if (tokens.Try("REAL"))
            return Of(dialect.RealAsFloat ? "float" : "double");
        if (tokens.Try("SERIAL"))
            return Of("bigint") with { Unsigned = true, NotNull = true };
        if (tokens.TryAny("BOOL", "BOOLEAN"))
            return Of("tinyint") with { Arguments = [1] };
        if (tokens.Try("JSON"))
            return dialect.IsMariaDb ? Of("longtext") with { Charset = new("utf8mb4", "utf8mb4_bin"), IsJson = true } : Of("json");
        if (tokens.Try("LONG"))
            return Of(Long(tokens));
        if (tokens.Try("NATIONAL"))
            return Of(Characters(tokens)) with { Charset = new("utf8mb3", null) };
        if (tokens.TryAny("NCHAR"))
            return Of(tokens.TryAny("VARYING", "VARCHAR", "VARCHARACTER") ? "varchar" : "char") with { Charset = new("utf8mb3", null) };
        if (tokens.Try("NVARCHAR"))
            return Of("varchar") with { Charset = new("utf8mb3", null) };
        if (tokens.Current.Is("CHAR") || tokens.Current.Is("CHARACTER") || tokens.Current.Is("VARCHAR") || tokens.Current.Is("VARCHARACTER"))
            return Of(Characters(tokens));
        if (!Simple.TryGetValue(tokens.Current.Text, out var type))
            throw tokens.Unexpected("a type");
        tokens.Take();
        return Of(type);
    }

    /// <summary>A type with the numbers behind it.</summary>
    public static ColumnClause WithArguments(ColumnClause column, ImmutableArray<int> arguments)
    {
        const int FloatDigits = 24;
        if (column.Type == "float" && arguments.Length == 1 && arguments[0] > FloatDigits)
            return column with { Type = "double" };
        return column with { Arguments = arguments };
    }

    /// <summary>The type of bytes for a type of text.</summary>
    public static string AsBytes(string type) => type switch
    {
        "char" => "binary",
        "varchar" => "varbinary",
        _ when type.EndsWith("text", StringComparison.Ordinal) => type[..^4] + "blob",
        _ => type,
    };

    private static string Characters(TokenReader tokens)
    {
        if (tokens.TryAny("VARCHAR", "VARCHARACTER"))
            return "varchar";
        if (!tokens.TryAny("CHAR", "CHARACTER"))
            throw tokens.Unexpected("a type");
        return tokens.Try("VARYING") ? "varchar" : "char";
    }

    private static string Long(TokenReader tokens)
    {
        if (tokens.Try("VARBINARY"))
            return "mediumblob";
        if (tokens.TryAny("VARCHAR", "VARCHARACTER"))
            return "mediumtext";
        if (tokens.TryAny("CHAR", "CHARACTER"))
            tokens.Try("VARYING");
        return "mediumtext";
    }
}
