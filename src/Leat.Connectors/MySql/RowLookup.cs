using System.Buffers;
using System.Text;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Connectors.MySql.Apply;
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
        var keys = new MySqlTable(now.Name, [.. columns.OfType<MySqlColumn>()], [.. Enumerable.Range(0, columns.Count)]);
        var there = new HashSet<string>(StringComparer.Ordinal);
        var encoded = new byte[1024];
        await using var found = await connection.QueryAsync(Query(keys, schema, rows), cancellationToken);
        while (await found.ReadRowAsync(cancellationToken))
        {
            var room = TextRow.MaxBytes(keys, found.RowBytes);
            if (encoded.Length < room)
                encoded = new byte[room * 2];
            there.Add(RowKeyText.Of(keys.Schema, encoded.AsSpan(0, TextRow.Encode(keys, found, encoded))));
        }

        return [.. rows.Select(row => there.Contains(RowKeyText.Of(schema, row.Span)))];
    }

    // (a, b) IN ((1, 'x'), (2, 'y')): the server enters the primary key for each.
    private static string Query(MySqlTable keys, TableSchema schema, IReadOnlyList<ReadOnlyMemory<byte>> rows)
    {
        var literal = new SqlLiteral();
        var values = new ArrayBufferWriter<byte>();
        for (var i = 0; i < rows.Count; i++)
        {
            values.Write(i == 0 ? "("u8 : ",("u8);
            var reader = new RowReader(schema, rows[i].Span);
            for (var k = 0; k < schema.Key.Length; k++)
            {
                if (k > 0)
                    values.Write(","u8);
                reader.Seek(schema.Key[k]);
                literal.Write(ref reader, values);
            }

            values.Write(")"u8);
        }

        var names = string.Join(", ", keys.Columns.Select(column => Sql.Name(column.Schema.Name)));
        return $"SELECT {TextRow.SelectList(keys)} FROM {Sql.Name(keys.Name)} WHERE ({names}) IN ({Encoding.UTF8.GetString(values.WrittenSpan)})";
    }
}
