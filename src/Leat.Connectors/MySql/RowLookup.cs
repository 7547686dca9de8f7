using System.Buffers;
using System.Text;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Connectors.MySql.Apply;
using Leat.Connectors.MySql.Snapshots;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql;

/// <summary>Asks the server which keys exist.</summary>
internal static class RowLookup
{
    /// <summary>For each row whether the table has one with exactly its key: what the server takes for equal (letter case, trailing spaces) is compared again here.</summary>
    /// <param name="connection">With our own session settings.</param>
    /// <param name="now">The table as it is.</param>
    /// <param name="schema">The shape of the rows.</param>
    /// <param name="rows">Encoded rows.</param>
    /// <param name="cancellationToken">Ends the query.</param>
    public static async ValueTask<bool[]> ExistingAsync(
        MySqlConnection connection, MySqlTable now, TableSchema schema, IReadOnlyList<ReadOnlyMemory<byte>> rows, CancellationToken cancellationToken)
    {
        if (rows.Count == 0)
            return [];
        var columns = schema.Key.Select(ordinal => now.Columns.FirstOrDefault(column => column.Schema.Name == schema.Columns[ordinal].Name)).ToList();
        if (columns.Any(column => column is null))
            throw MySqlErrors.KeyChanged(now.Name);
        var keys = new MySqlTable(now.Name, [.. columns.OfType<MySqlColumn>()], [.. Enumerable.Range(0, columns.Count)]) { TellsHistory = now.TellsHistory };
        var there = new HashSet<string>(StringComparer.Ordinal);
        var encoded = new byte[1024];
        var query = schema.IsKeyless ? KeylessQuery(keys, schema, rows) : Query(keys, schema, rows);
        await using var found = await connection.QueryAsync(query, cancellationToken);
        while (await found.ReadRowAsync(cancellationToken))
        {
            var room = TextRow.MaxBytes(keys, found.RowBytes);
            if (encoded.Length < room)
                encoded = new byte[room * 2];
            there.Add(RowKeyText.Of(keys.Schema, encoded.AsSpan(0, TextRow.Encode(keys, found, encoded))));
        }

        return [.. rows.Select(row => there.Contains(RowKeyText.Of(schema, row.Span)))];
    }

    /// <summary>The rows whose columns have certain values, in no order: <c>(a, b) IN ((1, 'x'), (2, 'y'))</c>.</summary>
    public static string Matching(MySqlTable table, RowMatches matches, int most) =>
        $"SELECT {TextRow.SelectList(table)} FROM {KeysetPages.From(table)} WHERE {Condition(matches)} LIMIT {Sql.Number(most)}";

    // (a, b) IN ((1, 'x'), (2, 'y')): the server enters the primary key for each.
    private static string Query(MySqlTable keys, TableSchema schema, IReadOnlyList<ReadOnlyMemory<byte>> rows) =>
        $"SELECT {TextRow.SelectList(keys)} FROM {KeysetPages.From(keys)} WHERE {Condition(new([.. keys.Columns.Select(column => column.Schema.Name)], schema, schema.Key, rows))}";

    private static string Condition(RowMatches matches)
    {
        var literal = new SqlLiteral();
        var values = new ArrayBufferWriter<byte>();
        for (var i = 0; i < matches.Rows.Count; i++)
        {
            values.Write(i == 0 ? "("u8 : ",("u8);
            var reader = new RowReader(matches.Schema, matches.Rows[i].Span);
            for (var k = 0; k < matches.Ordinals.Length; k++)
            {
                if (k > 0)
                    values.Write(","u8);
                reader.Seek(matches.Ordinals[k]);
                literal.Write(ref reader, values);
            }

            values.Write(")"u8);
        }

        return $"({string.Join(", ", matches.Columns.Select(Sql.Name))}) IN ({Encoding.UTF8.GetString(values.WrittenSpan)})";
    }

    // (a <=> 1 AND b <=> NULL) OR (…): of the columns whose values the server finds again by a literal. What is found beyond is sorted out afterwards.
    private static string KeylessQuery(MySqlTable table, TableSchema schema, IReadOnlyList<ReadOnlyMemory<byte>> rows)
    {
        var literal = new SqlLiteral();
        var conditions = new ArrayBufferWriter<byte>();
        var compared = Enumerable.Range(0, schema.Key.Length).Where(k => IsFound(schema.Columns[schema.Key[k]].Kind)).ToList();
        for (var i = 0; i < rows.Count && compared.Count > 0; i++)
        {
            conditions.Write(i == 0 ? " WHERE ("u8 : ") OR ("u8);
            var reader = new RowReader(schema, rows[i].Span);
            for (var c = 0; c < compared.Count; c++)
            {
                conditions.Write(Encoding.UTF8.GetBytes($"{(c == 0 ? "" : " AND ")}{Sql.Name(table.Columns[compared[c]].Schema.Name)} <=> "));
                reader.Seek(schema.Key[compared[c]]);
                literal.Write(ref reader, conditions);
            }
        }

        return $"SELECT {TextRow.SelectList(table)} FROM {KeysetPages.From(table)}{Encoding.UTF8.GetString(conditions.WrittenSpan)}{(compared.Count > 0 ? ")" : "")}";
    }

    private static bool IsFound(ColumnKind kind) => kind is ColumnKind.Int8 or ColumnKind.UInt8 or ColumnKind.Int16 or ColumnKind.UInt16 or ColumnKind.Int32 or ColumnKind.UInt32
        or ColumnKind.Int64 or ColumnKind.UInt64 or ColumnKind.Decimal or ColumnKind.String or ColumnKind.Date or ColumnKind.DateTime or ColumnKind.Time or ColumnKind.Timestamp;
}
