using Leat.Changes;

namespace Leat.Connectors.PostgreSql.Tables;

/// <summary>Names and texts as they stand in statements.</summary>
internal static class Sql
{
    /// <summary>A name in double quotes: taken letter by letter, whatever is in it.</summary>
    public static string Name(string name) => $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    /// <summary>A table with its schema.</summary>
    public static string Name(TableName table) => $"{Name(table.Database)}.{Name(table.Name)}";

    /// <summary>A text in single quotes, for people to paste; the server's default settings take a backslash as it is.</summary>
    public static string Text(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";
}
