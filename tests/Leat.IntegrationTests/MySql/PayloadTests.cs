using Leat.Connectors.MySql.Binlog;
using Leat.IntegrationTests.MySql.Servers;
using Xunit;

namespace Leat.IntegrationTests.MySql;

/// <summary>Transactions that MySQL compresses as a whole (<c>binlog_transaction_compression</c>), as its files have them.</summary>
public sealed class PayloadTests
{
    private const string Compressed = "SET binlog_transaction_compression = ON;";

    private const string Changes = "BEGIN; INSERT INTO a VALUES (1, 'x', NULL); INSERT INTO b VALUES (7); UPDATE a SET v = REPEAT('y', 3000); COMMIT; DELETE FROM b; "
        + "BEGIN; INSERT INTO a VALUES (2, 'z', '{\"k\": [1, 2]}'); SAVEPOINT s; INSERT INTO a VALUES (3, 'no', NULL); ROLLBACK TO s; COMMIT; "
        + "BEGIN; INSERT INTO b VALUES (8); ROLLBACK; INSERT INTO a SELECT n, REPEAT('long ', 1000), NULL FROM n";

    [Theory]
    [Trait("case", "14")]
    [InlineData("")]
    [InlineData("SET binlog_transaction_compression_level_zstd = 22;")]
    [InlineData("SET binlog_row_value_options = 'PARTIAL_JSON';")]
    public async Task A_compressed_transaction_gives_the_changes_of_a_plain_one(string more)
    {
        var (plain, _) = await CaptureAsync(more);
        var (compressed, events) = await CaptureAsync(Compressed + more);

        Assert.Equal(4, events.Count(one => one[4] == EventType.TransactionPayload));
        Assert.Equal(4, plain.Transactions.Count);
        Assert.Equal(300, plain.Transactions[^1].Changes.Count);
        Assert.Equal(
            plain.Transactions.Select(transaction => string.Join('|', transaction.Changes)), compressed.Transactions.Select(transaction => string.Join('|', transaction.Changes)));
    }

    [Fact]
    [Trait("case", "14")]
    public async Task A_payload_cut_anywhere_is_refused()
    {
        var (_, events) = await CaptureAsync(Compressed);
        var payload = events.First(one => one[4] == EventType.TransactionPayload);
        var body = payload[EventHeader.Bytes..^4];
        for (var length = 0; length < body.Length; length++)
        {
            using var reader = new TransactionPayload();
            Assert.Throws<Leat.Connectors.MySql.Wire.MySqlFormatException>(() => ReadAll(reader, body[..length]));
        }
    }

    [Fact]
    [Trait("case", "14")]
    public async Task A_source_resumes_behind_any_compressed_transaction_and_never_inside_one()
    {
        var server = await TestServer.SharedAsync(TestProduct.MySql9);
        var database = server.NextDatabase();
        await server.ExecuteAsync($"CREATE DATABASE {database}; CREATE TABLE {database}.a (id INT PRIMARY KEY, j JSON)");
        var source = server.Source(database);
        var start = await source.CurrentPositionAsync(Token);
        await server.ExecuteAsync(
            $"USE {database}; {Compressed} SET binlog_row_value_options = 'PARTIAL_JSON'; BEGIN; INSERT INTO a VALUES (1, '{{\"k\": 1, \"pad\": \"a text that makes it worth telling the change only\"}}'); "
            + "INSERT INTO a VALUES (2, '[]'); COMMIT; UPDATE a SET j = JSON_SET(j, '$.k', 2) WHERE id = 1; SET binlog_transaction_compression = OFF; DELETE FROM a WHERE id = 2; "
            + "SET binlog_transaction_compression = ON; DELETE FROM a");
        var end = await source.CurrentPositionAsync(Token);

        var seen = new List<string>();
        for (var from = start; from != end && seen.Count < 5;)
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
            var part = new Recorder { OnCommit = recorder => (recorder.Transactions.Count == 1 ? stop : null)?.Cancel() };
            try
            {
                await source.RunAsync(new() { From = from, Until = end }, part, stop.Token);
                break;
            }
            catch (OperationCanceledException)
            {
                from = part.Position ?? from;
            }
            finally
            {
                seen.AddRange(part.Transactions.Select(transaction => string.Join('|', transaction.Changes)));
            }
        }

        const string Pad = ", \"pad\": \"a text that makes it worth telling the change only\"}";
        Assert.Equal(
            [
                $"Insert a (1,{{\"k\": 1{Pad})|Insert a (2,[])", $"Update a (1,{{\"k\": 1{Pad}) (1,{{\"k\": 2{Pad})", "Delete a (2,[])", $"Delete a (1,{{\"k\": 2{Pad})",
            ], seen);
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static int ReadAll(TransactionPayload reader, byte[] body)
    {
        var events = 0;
        reader.Open(body);
        while (reader.TryNext(body, out _))
            events++;
        return events;
    }

    private static async Task<(Recorder Recorder, List<byte[]> Events)> CaptureAsync(string settings)
    {
        var server = await TestServer.SharedAsync(TestProduct.MySql9);
        var database = server.NextDatabase();
        await server.ExecuteAsync(
            $"CREATE DATABASE {database}; USE {database}; CREATE TABLE a (id INT PRIMARY KEY, v LONGTEXT, j JSON); CREATE TABLE b (id INT PRIMARY KEY); "
            + "CREATE TABLE n (n INT PRIMARY KEY); SET cte_max_recursion_depth = 1000; INSERT INTO n WITH RECURSIVE s(i) AS (SELECT 101 UNION ALL SELECT i + 1 FROM s WHERE i < 400) SELECT i FROM s");
        var events = await BinlogFile.WrittenByAsync(server, $"USE {database}; {settings} {Changes}");
        return (BinlogFile.Decode(events, database), events);
    }
}
