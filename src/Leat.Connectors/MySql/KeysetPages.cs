using System.Text;

namespace Leat.Connectors.MySql;

/// <summary>Reads a table page by page in the order of its primary key; a page begins after the last key of the one before.</summary>
internal static class KeysetPages
{
    /// <summary>The query of one page.</summary>
    /// <param name="table">A table with a primary key.</param>
    /// <param name="after">The last key, as <see cref="TextRow.KeyText"/> gives it; empty for the first page.</param>
    /// <param name="rows">Most rows.</param>
    public static string Query(MySqlTable table, IReadOnlyList<string> after, int rows)
    {
        var keys = table.Schema.Key.Select(ordinal => table.Columns[ordinal]).ToList();
        var sql = new StringBuilder($"SELECT {TextRow.SelectList(table)} FROM {Sql.Name(table.Name)}");
        if (after.Count > 0)
            sql.Append(" WHERE ").Append(Beyond(keys, after));
        return sql.Append(" ORDER BY ").AppendJoin(", ", keys.Select(TextRow.Expression)).Append(" LIMIT ").Append(Sql.Number(rows)).ToString();
    }

    // (a, b) > (x, y) written out as a >= x AND (a > x OR (a = x AND b > y)): the first part lets the server enter the index at x.
    private static string Beyond(List<MySqlColumn> keys, IReadOnlyList<string> after)
    {
        if (keys.Count != after.Count)
            throw Wire.MySqlFormatException.Unexpected("number of key values in a snapshot position", $"{keys.Count}", after.Count);
        var condition = "";
        for (var i = keys.Count - 1; i >= 0; i--)
        {
            var column = TextRow.Expression(keys[i]);
            var value = TextRow.KeyLiteral(keys[i].Schema, after[i]);
            condition = condition.Length == 0 ? $"{column} > {value}" : $"({column} > {value} OR ({column} = {value} AND {condition}))";
        }

        return keys.Count == 1 ? condition : $"{TextRow.Expression(keys[0])} >= {TextRow.KeyLiteral(keys[0].Schema, after[0])} AND {condition}";
    }
}
