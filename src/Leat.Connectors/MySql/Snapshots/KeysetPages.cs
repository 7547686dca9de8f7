using System.Collections.Immutable;
using System.Text;

namespace Leat.Connectors.MySql.Snapshots;

/// <summary>Reads a table page by page in the order of its whole key; a page begins after the last key of the one before.</summary>
internal static class KeysetPages
{
    /// <summary>The query of one page.</summary>
    /// <param name="table">A table with a key; of one without all rows are read, in any order.</param>
    /// <param name="range">Which part.</param>
    /// <param name="where">A condition of a person's; <see langword="null"/>: none.</param>
    /// <param name="rows">Most rows.</param>
    public static string Query(MySqlTable table, KeyRange range, string? where, int rows)
    {
        var keys = KeyOf(table);
        var sql = new StringBuilder($"SELECT {TextRow.SelectList(table)} FROM {From(table)}");
        if (table.Schema.IsKeyless)
            return where is null ? sql.ToString() : sql.Append($" WHERE ({where})").ToString();
        AppendConditions(sql, keys, range, where);
        return sql.Append(" ORDER BY ").AppendJoin(", ", keys.Select(TextRow.Expression)).Append(" LIMIT ").Append(Sql.Number(rows)).ToString();
    }

    /// <summary>The query of the key that ends a page: no row when fewer than <paramref name="rows"/> follow.</summary>
    public static string EndOfPage(MySqlTable table, ImmutableArray<string> after, string? where, int rows)
    {
        var keys = KeyOf(table);
        var list = string.Join(", ", keys.Select(TextRow.Expression));
        var sql = new StringBuilder($"SELECT {list} FROM {From(table)}");
        AppendConditions(sql, keys, new(after, []), where);
        return sql.Append($" ORDER BY {list} LIMIT 1 OFFSET {Sql.Number(rows - 1)}").ToString();
    }

    /// <summary>The table in a FROM clause: with its history where that is told.</summary>
    public static string From(MySqlTable table) => table.TellsHistory ? $"{Sql.Name(table.Name)} FOR SYSTEM_TIME ALL" : Sql.Name(table.Name);

    private static List<MySqlColumn> KeyOf(MySqlTable table) => [.. table.Schema.Key.Select(ordinal => table.Columns[ordinal])];

    private static void AppendConditions(StringBuilder sql, List<MySqlColumn> keys, KeyRange range, string? where)
    {
        var conditions = new List<string>();
        if (!range.After.IsEmpty)
            conditions.Add(Beyond(keys, range.After));
        if (!range.End.IsEmpty)
            conditions.Add(UpTo(keys, range.End));
        if (where is not null)
            conditions.Add($"({where})");
        if (conditions.Count > 0)
            sql.Append(" WHERE ").AppendJoin(" AND ", conditions);
    }

    // (a, b) > (x, y) written out as a >= x AND (a > x OR (a = x AND b > y)): the first part lets the server enter the index at x.
    private static string Beyond(List<MySqlColumn> keys, ImmutableArray<string> after)
    {
        var condition = Nested(keys, after, ">", ">");
        return keys.Count == 1 ? condition : $"{TextRow.Expression(keys[0])} >= {Literal(keys, after, 0)} AND {condition}";
    }

    // (a, b) <= (x, y) in the same way.
    private static string UpTo(List<MySqlColumn> keys, ImmutableArray<string> end)
    {
        var condition = Nested(keys, end, "<", "<=");
        return keys.Count == 1 ? condition : $"{TextRow.Expression(keys[0])} <= {Literal(keys, end, 0)} AND {condition}";
    }

    private static string Nested(List<MySqlColumn> keys, ImmutableArray<string> values, string beyond, string last)
    {
        if (keys.Count != values.Length)
            throw Wire.MySqlFormatException.Unexpected("number of key values in a snapshot position", $"{keys.Count}", values.Length);
        var condition = "";
        for (var i = keys.Count - 1; i >= 0; i--)
        {
            var column = TextRow.Expression(keys[i]);
            var value = Literal(keys, values, i);
            condition = condition.Length == 0 ? $"{column} {last} {value}" : $"({column} {beyond} {value} OR ({column} = {value} AND {condition}))";
        }

        return condition;
    }

    private static string Literal(List<MySqlColumn> keys, ImmutableArray<string> values, int i) => TextRow.KeyLiteral(keys[i].Schema, values[i]);
}
