using System.Text;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Connectors.MySql;
using Leat.IntegrationTests.EndToEnd;
using Leat.IntegrationTests.MySql.Servers;
using Leat.Log;
using Leat.Log.Posix;
using Leat.Pipeline.Capture;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.IntegrationTests.MySql;

/// <summary>A connection that breaks inside a transaction: the next one begins with the transaction's first event, and nothing of the torn one is seen.</summary>
public sealed class ReconnectTests
{
    private const int Rows = 60;
    private const int RowBytes = 200_000; // 12 MB in all: more than one batch takes, so that parts are in the log when the connection breaks

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(TestProduct.MySql56, 3_000)]
    [InlineData(TestProduct.MariaDb11, 3_000)]
    [InlineData(TestProduct.MySql9, 3_000)]
    [Trait("case", "3")]
    public async Task A_transaction_that_the_connection_tore_comes_whole_and_once(TestProduct product, int rows)
    {
        var server = await TestServer.SharedAsync(product);
        var database = server.NextDatabase();
        var (start, _, end) = await WriteAsync(server, database, rows, rowBytes: 100);
        await using var link = CutOnce(server.Port, after: 150_000);
        var source = Source(server, link, database);
        var torn = new Recorder();
        var lost = await Assert.ThrowsAsync<RetriableException>(() => source.RunAsync(new() { From = start, Until = end }, torn, Token).AsTask());
        var whole = new Recorder();
        await source.RunAsync(new() { From = torn.Position ?? start, Until = end }, whole, Token);

        Assert.Equal((4005, 1), (lost.Code.Number, link.Struck));
        Assert.Equal(["Insert a (0,before)"], torn.Changes.Select(change => change.ToString()));
        Assert.Equal([rows, 1], whole.Transactions.Select(transaction => transaction.Changes.Count));
        Assert.Equal(Enumerable.Range(1, rows + 1).Select(id => $"{id}"), whole.Changes.Select(change => change.Values(change.After)[0]));
    }

    [Theory]
    [InlineData(TestProduct.MySql56)]
    [InlineData(TestProduct.MariaDb)]
    [Trait("case", "3")]
    public async Task A_large_transaction_torn_in_the_log_is_aborted_there_and_written_anew(TestProduct product)
    {
        var server = await TestServer.SharedAsync(product);
        var database = server.NextDatabase();
        var (start, middle, end) = await WriteAsync(server, database, Rows, RowBytes);
        await using var link = CutOnce(server.Port, after: 9_000_000);
        using var log = LogDirectory.Open(TestRunFolder.New(), new PosixDisk(), TimeProvider.System, new ThreadScheduler(), NullLogger.Instance);
        var capture = CaptureRunner.Open("shop", Source(server, link, database), log, TimeProvider.System, NullLoggerFactory.Instance, beginning: start);

        await capture.RunAsync(middle, Token); // the table's shape is durable then, for which parts of a transaction would wait
        await capture.RunAsync(end, Token);

        Assert.Equal(1, link.Struck);
        Assert.Equal(["1: 0", .. Enumerable.Range(1, Rows).Select(id => $"{Rows}: {id}"), $"1: {Rows + 1}"], Read(capture));
        Assert.True(capture.Stream.EndOffset > Rows + 20, "nothing of the torn transaction was in the log: the test proves nothing");
    }

    // The first connection that carries so many bytes from the server ends there; all others are carried whole.
    private static FaultProxy CutOnce(int port, long after)
    {
        var link = new FaultProxy(port);
        link.Script = _ => link.Struck == 0 ? new() { ToClient = new() { After = after, Then = LinkEnd.Cut } } : ConnectionFaults.None;
        return link;
    }

    // One row, then many in one transaction, then one more.
    private static async Task<(SourcePosition Start, SourcePosition Middle, SourcePosition End)> WriteAsync(TestServer server, string database, int rows, int rowBytes)
    {
        var source = server.Source(database);
        await server.ExecuteAsync($"CREATE DATABASE {database}; CREATE TABLE {database}.a (id INT PRIMARY KEY, v LONGTEXT) ENGINE = InnoDB");
        var start = await source.CurrentPositionAsync(Token);
        await server.ExecuteAsync($"INSERT INTO {database}.a VALUES (0, 'before')");
        var middle = await source.CurrentPositionAsync(Token);
        var insert = new StringBuilder($"USE {database}; BEGIN");
        for (var id = 1; id <= rows; id++)
            insert.Append(System.Globalization.CultureInfo.InvariantCulture, $"; INSERT INTO a VALUES ({id}, REPEAT('x', {rowBytes}))");
        await server.ExecuteAsync(insert.Append("; COMMIT; INSERT INTO a VALUES (").Append(rows + 1).Append(", 'after')").ToString());
        return (start, middle, await source.CurrentPositionAsync(Token));
    }

    // Each change as a reader of the stream sees it: how many its transaction has, and its key.
    private static List<string> Read(CaptureRunner capture)
    {
        var transactions = new List<List<string>>();
        var isOpen = false;
        using var reader = capture.Stream.NewReader(0);
        while (reader.Read(1024 * 1024) is { } block)
        {
            using var held = block;
            var records = block.Records();
            while (records.MoveNext())
            {
                var value = block.Buffer.AsSpan(records.ValueStart, Math.Max(0, records.ValueLength));
                if (value.Length < 2 || value[1] == (byte)ChangeKind.Position)
                    continue;
                var change = new EncodedChange(value);
                if (!isOpen)
                    transactions.Add([]);
                var row = new RowReader(capture.Schemas.Find(change.SchemaId) ?? throw new InvalidOperationException("no schema"), change.After);
                Assert.True(row.Read());
                transactions[^1].Add(ValueText.Of(ref row) ?? "NULL");
                isOpen = !change.Marks.HasFlag(ChangeMarks.LastOfTransaction);
            }
        }

        return [.. transactions.SelectMany(transaction => transaction.Select(id => $"{transaction.Count}: {id}"))];
    }

    private static MySqlSource Source(TestServer server, FaultProxy link, string database) => new(
        new() { Endpoint = new() { Host = "127.0.0.1", Port = link.Port, User = "root" }, ServerId = TestServer.NextReplicaId(), Tables = [new(database, "*")], Snapshot = SnapshotMode.Never },
        new("shop", NullLoggerFactory.Instance, TimeProvider.System));
}
