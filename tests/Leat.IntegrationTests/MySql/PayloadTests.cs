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
