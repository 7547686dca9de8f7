using System.Globalization;
using System.Text;
using Leat.Changes;
using Leat.Connectors.MySql.Binlog;
using Leat.IntegrationTests.MySql.Servers;
using Xunit;

namespace Leat.IntegrationTests.MySql;

/// <summary>JSON columns of which the binlog tells only what changed (<c>PARTIAL_JSON</c>), set by a session while capture runs.</summary>
public sealed class PartialJsonTests
{
    private static readonly string[] Edits =
    [
        "JSON_SET({d}, '$.a', {v})", "JSON_SET({d}, '$.b', {v})", "JSON_SET({d}, '$.new', {v})", "JSON_SET({d}, '$.a.deep', {v}, '$.a.deeper', {v})", "JSON_SET({d}, '$.list[0]', {v})",
        "JSON_SET({d}, '$.list[20]', {v})", "JSON_SET({d}, '$.list[last]', {v})", "JSON_REPLACE({d}, '$.list[1].x', {v})", "JSON_REPLACE({d}, '$.\"quoted \\\\\"key\\\\\" \\\\n ü\"', {v})",
        "JSON_SET({d}, '$.\"quoted \\\\\"key\\\\\" \\\\n ü\".z', {v})", "JSON_REMOVE({d}, '$.a')", "JSON_REMOVE({d}, '$.list[0]')", "JSON_REMOVE({d}, '$.list[last-1]', '$.b')",
        "JSON_REMOVE({d}, '$.gone')", "JSON_SET({d}, '$.b', {v}, '$.list[0]', {v}, '$.a', JSON_OBJECT())", "JSON_SET({d}, '$.list[2]', JSON_ARRAY({v}, JSON_OBJECT('x', {v})))",
        "JSON_SET({d}, '$.\"\"', {v})", "JSON_SET({d}, '$.a', {v}, '$.a', {v})",
    ];

    private const string Absent = "absent";
    private const string First = "{\"a\": {\"x\": 1}, \"b\": \"text\", \"list\": [1, {\"x\": [2]}, \"three\"], \"quoted \\\\\"key\\\\\" \\\\n ü\": {\"z\": 0}, \"pad\": \"" + Long + "\"}";
    private const string Long = "a value that is long enough that the server finds it worth telling only what changed of a document, which it does when that is shorter than all of it";

    [Theory]
    [Trait("case", "14")]
    [InlineData("FULL")]
    [InlineData("NOBLOB")]
    public async Task Diffs_applied_to_the_before_image_give_the_servers_own_documents(string rowImage)
    {
        var server = await TestServer.SharedAsync(TestProduct.MySql9);
        var database = server.NextDatabase();
        await server.ExecuteAsync($"CREATE DATABASE {database}; CREATE TABLE {database}.j (id INT PRIMARY KEY, v VARCHAR(20), d JSON, n INT, e JSON, f TEXT)");
        var events = await BinlogFile.WrittenByAsync(server, Statements(database, rowImage));

        var recorder = BinlogFile.Decode(events, database);

        var shown = await server.QueryAsync($"SELECT id, v, CAST(d AS CHAR), n, CAST(e AS CHAR), f FROM {database}.j ORDER BY id");
        Assert.True(events.Count(one => one[4] == EventType.PartialUpdateRows) > 100, "The server wrote no partial updates.");
        Assert.Equal(shown.Select(row => string.Join('|', row)), Known(recorder).OrderBy(row => int.Parse(row.Key, CultureInfo.InvariantCulture)).Select(row => string.Join('|', row.Value)));
        Assert.Equal(rowImage == "NOBLOB", recorder.Changes.Any(change => change.Schema.IsPartial));
    }

    [Fact]
    [Trait("case", "14")]
    public async Task Without_a_before_image_a_partly_updated_document_is_not_known_and_the_rest_is()
    {
        var server = await TestServer.SharedAsync(TestProduct.MySql9);
        var database = server.NextDatabase();
        await server.ExecuteAsync($"CREATE DATABASE {database}; CREATE TABLE {database}.j (id INT PRIMARY KEY, v VARCHAR(20), d JSON)");

        var recorder = BinlogFile.Decode(
            await BinlogFile.WrittenByAsync(
                server,
                $"USE {database}; SET NAMES utf8mb4; SET binlog_row_value_options = 'PARTIAL_JSON', binlog_row_image = MINIMAL; INSERT INTO j VALUES (1, 'one', '{First}'); "
                + "UPDATE j SET v = 'two', d = JSON_SET(d, '$.b', 5); UPDATE j SET d = '[1]'; UPDATE j SET v = 'three'"), database);

        var updates = recorder.Changes.Skip(1).ToList();
        Assert.All(updates, update => Assert.True(update.Schema.IsPartial));
        Assert.Equal(["(1,two,absent)", "(1,absent,[1])", "(1,three,absent)"], updates.Select(AfterText));
    }

    private static string Statements(string database, string rowImage)
    {
        var random = new Random(3);
        var sql = new StringBuilder($"USE {database}; SET NAMES utf8mb4; SET binlog_row_value_options = 'PARTIAL_JSON', binlog_row_image = {rowImage};");
        for (var id = 0; id < 20; id++)
            sql.Append(CultureInfo.InvariantCulture, $"INSERT INTO j VALUES ({id}, 'v', '{First}', NULL, '{First}', 'f');");
        for (var i = 0; i < 400; i++)
        {
            var value = random.Next(6) switch { 0 => "NULL", 1 => "1.50", 2 => "'text \" ü'", 3 => "CAST('2020-01-02 03:04:05' AS DATETIME)", 4 => "JSON_ARRAY(1, JSON_OBJECT('q', 2e0))", _ => $"{random.Next()}" };
            var edit = Edits[random.Next(Edits.Length)].Replace("{v}", value, StringComparison.Ordinal);
            var (d, e) = (edit.Replace("{d}", "d", StringComparison.Ordinal), edit.Replace("{d}", "e", StringComparison.Ordinal));
            var set = random.Next(5) switch { 0 => $"d = {d}, e = {e}", 1 => $"e = {e}, n = {i}", 2 => $"v = 'v{i}', d = {d}, e = '[{i}]'", 3 => $"d = {d}, e = NULL", _ => $"d = {d}" };
            sql.Append(CultureInfo.InvariantCulture, $"UPDATE j SET {set} WHERE id % 20 {(random.Next(10) == 0 ? ">= 0" : $"= {random.Next(20)}")};");
            if (i % 9 == 0)
                sql.Append(CultureInfo.InvariantCulture, $"UPDATE j SET e = '{First}' WHERE id = {random.Next(20)};");
        }

        return sql.ToString();
    }

    // What is known of each row: an update that does not tell a column leaves it as it was.
    private static Dictionary<string, string[]> Known(Recorder recorder)
    {
        var rows = new Dictionary<string, string[]>(StringComparer.Ordinal);
        foreach (var change in recorder.Changes)
        {
            var values = Values(change);
            var known = rows.GetValueOrDefault(values[0]);
            rows[values[0]] = [.. values.Select((value, column) => value == Absent && known is not null ? known[column] : value)];
        }

        return rows;
    }

    private static string AfterText(Recorded change) => $"({string.Join(',', Values(change))})";

    private static List<string> Values(Recorded change)
    {
        var values = new List<string>();
        var reader = new RowReader(change.Schema, change.After);
        while (reader.Read())
            values.Add(reader.IsAbsent ? Absent : change.Values(change.After)[reader.Ordinal] ?? "NULL");
        return values;
    }
}
