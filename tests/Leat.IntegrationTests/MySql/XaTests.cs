using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Wire;
using Leat.IntegrationTests.MySql.Servers;
using Xunit;

namespace Leat.IntegrationTests.MySql;

/// <summary>XA transactions from real servers into a real log, over restarts of capture.</summary>
/// <remarks>The servers are this class's own: names of prepared transactions are the server's, and other sources stop at the commit of one that they did not see prepared.</remarks>
public sealed class XaTests(XaTests.Servers servers) : IClassFixture<XaTests.Servers>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<TestProduct> Products => [TestProduct.MariaDb, TestProduct.MariaDb11, TestProduct.MySql9];

    [Theory]
    [Trait("case", "5")]
    [MemberData(nameof(Products))]
    public async Task Rows_come_with_the_commit_and_never_with_a_rollback(TestProduct product)
    {
        await using var xa = await XaRun.BeginAsync(await servers.GetAsync(product));
        await xa.ExecuteAsync("XA START 'a'; INSERT INTO t VALUES (1, 'a'), (2, 'b'); UPDATE t SET v = 'c' WHERE id = 2; XA END 'a'; XA PREPARE 'a'");
        await xa.ExecuteAsync("XA START 'b'; INSERT INTO t VALUES (3, 'never'); XA END 'b'; XA PREPARE 'b'");
        await xa.ExecuteAsync("INSERT INTO t VALUES (4, 'd')");
        await xa.ExecuteAsync("XA ROLLBACK 'b'");
        await xa.ExecuteAsync("XA COMMIT 'a'");
        await xa.ExecuteAsync("INSERT INTO t VALUES (5, 'e')");
        await xa.CaptureAsync();

        Assert.Equal(["Insert t (4,d)", "Insert t (1,a)|Insert t (2,b)|Update t (2,b) (2,c)", "Insert t (5,e)"], xa.Changes);
        Assert.DoesNotContain("prepared", xa.Log.Position(), StringComparison.Ordinal);
    }

    [Theory]
    [Trait("case", "5")]
    [MemberData(nameof(Products))]
    public async Task What_is_prepared_waits_over_restarts_of_capture(TestProduct product)
    {
        await using var xa = await XaRun.BeginAsync(await servers.GetAsync(product));
        await xa.ExecuteAsync("XA START 'a','branch',7; INSERT INTO t VALUES (1, 'a'); XA END 'a','branch',7; XA PREPARE 'a','branch',7");
        await xa.ExecuteAsync("XA START 'b'; INSERT INTO t VALUES (2, 'never'); XA END 'b'; XA PREPARE 'b'");
        await xa.CaptureAsync();
        Assert.Empty(xa.Changes);
        Assert.Contains("\"xid\":\"X'61',X'6272616E6368',7\"", xa.Log.Position(), StringComparison.Ordinal);
        Assert.Equal(4, xa.Log.Records("shop.parked"));

        await xa.ExecuteAsync("INSERT INTO t VALUES (3, 'c')");
        await xa.CaptureAsync();
        Assert.Equal(["Insert t (3,c)"], xa.Changes);

        await xa.ExecuteAsync("XA COMMIT 'a','branch',7");
        await xa.ExecuteAsync("XA ROLLBACK 'b'");
        await xa.CaptureAsync();
        await xa.CaptureAsync();
        Assert.Equal(["Insert t (3,c)", "Insert t (1,a)"], xa.Changes);
        Assert.DoesNotContain("prepared", xa.Log.Position(), StringComparison.Ordinal);
    }

    [Theory]
    [Trait("case", "5")]
    [MemberData(nameof(Products))]
    public async Task One_phase_is_a_transaction_like_any_other(TestProduct product)
    {
        await using var xa = await XaRun.BeginAsync(await servers.GetAsync(product));
        await xa.ExecuteAsync("XA START 'a'; INSERT INTO t VALUES (1, 'a'); XA END 'a'; XA COMMIT 'a' ONE PHASE");
        await xa.CaptureAsync();

        Assert.Equal(["Insert t (1,a)"], xa.Changes);
    }

    [Theory]
    [Trait("case", "5")]
    [MemberData(nameof(Products))]
    public async Task A_name_is_free_again_after_its_transaction_ended(TestProduct product)
    {
        await using var xa = await XaRun.BeginAsync(await servers.GetAsync(product));
        await xa.ExecuteAsync("XA START 'a'; INSERT INTO t VALUES (1, 'a'); XA END 'a'; XA PREPARE 'a'");
        await xa.ExecuteAsync("XA ROLLBACK 'a'");
        await xa.CaptureAsync();
        await xa.ExecuteAsync("XA START 'a'; INSERT INTO t VALUES (2, 'b'); XA END 'a'; XA PREPARE 'a'");
        await xa.CaptureAsync();
        await xa.ExecuteAsync("XA COMMIT 'a'");
        await xa.CaptureAsync();

        Assert.Equal(["Insert t (2,b)"], xa.Changes);
    }

    [Theory]
    [Trait("case", "5")]
    [MemberData(nameof(Products))]
    public async Task A_transaction_without_captured_rows_passes(TestProduct product)
    {
        await using var xa = await XaRun.BeginAsync(await servers.GetAsync(product));
        await xa.ExecuteAsync("XA START 'a'; INSERT INTO other VALUES (1); XA END 'a'; XA PREPARE 'a'");
        await xa.CaptureAsync();
        await xa.ExecuteAsync("XA COMMIT 'a'");
        await xa.ExecuteAsync("INSERT INTO t VALUES (1, 'a')");
        await xa.CaptureAsync();

        Assert.Equal(["Insert t (1,a)"], xa.Changes);
        Assert.Equal(0, xa.Log.Records("shop.parked"));
    }

    [Theory]
    [Trait("case", "5")]
    [MemberData(nameof(Products))]
    public async Task A_large_one_comes_whole(TestProduct product)
    {
        await using var xa = await XaRun.BeginAsync(await servers.GetAsync(product));
        await xa.ExecuteAsync(
            "INSERT INTO t VALUES (1, REPEAT('x', 1000)), (2, REPEAT('x', 1000)), (3, REPEAT('x', 1000)), (4, REPEAT('x', 1000)), (5, REPEAT('x', 1000)), (6, REPEAT('x', 1000)), "
            + "(7, REPEAT('x', 1000)), (8, REPEAT('x', 1000)); XA START 'a'; INSERT INTO t SELECT a.id * 4096 + b.id * 512 + c.id * 64 + d.id * 8, a.v FROM t a, t b, t c, t d; "
            + "XA END 'a'; XA PREPARE 'a'");
        await xa.CaptureAsync();
        Assert.Single(xa.Changes);
        await xa.ExecuteAsync("XA COMMIT 'a'");
        await xa.CaptureAsync();

        Assert.Equal(2, xa.Changes.Count);
        Assert.Equal(4096, xa.Changes[1].Split('|').Length);
    }

    [Theory]
    [Trait("case", "5")]
    [MemberData(nameof(Products))]
    public async Task What_was_prepared_before_capture_began_is_found_in_the_binlog(TestProduct product)
    {
        await using var xa = await XaRun.BeginAsync(await servers.GetAsync(product));
        await xa.ExecuteAsync("INSERT INTO t VALUES (1, 'a'); XA START 'early'; INSERT INTO t VALUES (2, 'never'); XA END 'early'; XA PREPARE 'early'");
        await xa.ExecuteAsync("XA ROLLBACK 'early'");
        await xa.ExecuteAsync("XA START 'early'; INSERT INTO t VALUES (3, 'c'); UPDATE t SET v = 'b' WHERE id = 1; XA END 'early'; XA PREPARE 'early'");
        await xa.ExecuteAsync("XA START 'empty'; INSERT INTO other VALUES (1); XA END 'empty'; XA PREPARE 'empty'");
        await xa.ExecuteAsync("FLUSH BINARY LOGS");
        await xa.BeginNowAsync();
        await xa.ExecuteAsync("INSERT INTO t VALUES (4, 'd')");
        await xa.ExecuteAsync("XA COMMIT 'empty'");
        await xa.ExecuteAsync("XA COMMIT 'early'");
        await xa.ExecuteAsync("INSERT INTO t VALUES (5, 'e')");
        await xa.ExecuteAsync("XA START 'early'; INSERT INTO t VALUES (6, 'never'); XA END 'early'; XA PREPARE 'early'");
        await xa.ExecuteAsync("XA ROLLBACK 'early'");
        await xa.CaptureAsync();

        Assert.Equal(["Insert t (4,d)", "Insert t (3,c)|Update t (1,a) (1,b)", "Insert t (5,e)"], xa.Changes);
        Assert.DoesNotContain("prepared", xa.Log.Position(), StringComparison.Ordinal);
    }

    [Fact]
    [Trait("case", "5")]
    public async Task What_was_prepared_before_capture_began_is_found_where_transactions_are_compressed()
    {
        var server = await servers.GetAsync(TestProduct.MySql9);
        await using var xa = await XaRun.BeginAsync(server);
        await xa.ExecuteAsync("SET SESSION binlog_transaction_compression = ON; XA START 'packed'; INSERT INTO t VALUES (1, 'a'); XA END 'packed'; XA PREPARE 'packed'");
        await xa.BeginNowAsync();
        await xa.ExecuteAsync("SET SESSION binlog_transaction_compression = ON; XA COMMIT 'packed'");
        await xa.CaptureAsync();

        Assert.Equal(["Insert t (1,a)"], xa.Changes);
    }

    [Theory]
    [Trait("case", "5")]
    [InlineData(TestProduct.MariaDb)]
    [InlineData(TestProduct.MariaDb11)]
    public async Task A_first_snapshot_beside_what_is_prepared_has_all_rows(TestProduct product)
    {
        var server = await servers.GetAsync(product);
        await using var xa = await XaRun.BeginAsync(server, withSnapshot: true);
        await xa.ExecuteAsync("INSERT INTO t VALUES (1, 'a'); XA START 'early'; INSERT INTO t VALUES (2, 'b'); XA END 'early'; XA PREPARE 'early'");
        await xa.CaptureAsync();
        await xa.ExecuteAsync("XA COMMIT 'early'");
        await xa.CaptureAsync();

        Assert.Equal(["Read t (1,a)", "Insert t (2,b)"], xa.Changes);
    }

    [Theory]
    [Trait("case", "5")]
    [MemberData(nameof(Products))]
    public async Task A_commit_of_what_is_in_no_binlog_any_more_stops_the_source(TestProduct product)
    {
        var server = await servers.GetAsync(product);
        await using var xa = await XaRun.BeginAsync(server);
        await xa.ExecuteAsync("XA START 'late'; INSERT INTO t VALUES (1, 'a'); XA END 'late'; XA PREPARE 'late'");
        await xa.ExecuteAsync("FLUSH BINARY LOGS");
        var start = await xa.Source.CurrentPositionAsync(Token);
        await server.PurgeBinlogAsync();
        await xa.ExecuteAsync("XA COMMIT 'late'");

        var error = await Assert.ThrowsAsync<PauseException>(async () => await xa.Source.RunAsync(new() { From = start }, new Recorder(), Token));

        Assert.Matches(
            "^Source 'shop': [0-9a-f:-]+ commits the XA transaction X'6C617465',X'',1, which was prepared before capture began, and its rows are in the server's binlog no more. "
            + "Have the tables read again, which passes this place: `leat snapshot start FILE shop --all`. .LEAT-4069.$", error.Message);
    }

    /// <summary>One server of each product, started when first asked for.</summary>
    public sealed class Servers : IAsyncDisposable
    {
        private readonly Dictionary<TestProduct, TestServer> _started = [];

        public async Task<TestServer> GetAsync(TestProduct product) =>
            _started.TryGetValue(product, out var server) ? server : _started[product] = await TestServer.StartAsync(product);

        public async ValueTask DisposeAsync()
        {
            foreach (var server in _started.Values)
                await server.DisposeAsync();
        }
    }

    /// <summary>A table <c>t</c>, a source of it, and the log that it is captured into.</summary>
    private sealed class XaRun(TestServer server, string database, Leat.Connectors.MySql.MySqlSource source, SourcePosition? start) : IAsyncDisposable
    {
        private SourcePosition? _start = start;

        public CapturedLog Log { get; } = new();

        public Leat.Connectors.MySql.MySqlSource Source => source;

        public List<string> Changes => [.. Log.Transactions().Select(told => told[(told.IndexOf(": ", StringComparison.Ordinal) + 2)..])];

        public static async Task<XaRun> BeginAsync(TestServer server, bool withSnapshot = false)
        {
            var database = server.NextDatabase();
            await server.ExecuteAsync($"CREATE DATABASE {database}; USE {database}; CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(1000)); CREATE TABLE other (id INT PRIMARY KEY)");
            var source = server.Source(database, withSnapshot ? SnapshotMode.Initial : SnapshotMode.Never, tables: "t");
            return new(server, database, source, withSnapshot ? null : await source.CurrentPositionAsync(Token));
        }

        // What was before is not captured.
        public async Task BeginNowAsync() => _start = await source.CurrentPositionAsync(Token);

        // Each on a connection of its own: what is prepared stays when its connection ends.
        public async Task ExecuteAsync(string sql)
        {
            const int UnknownXid = 1397;
            for (var tries = 200; ; tries--)
            {
                try
                {
                    await server.ExecuteAsync($"USE {database}; {sql}");
                    return;
                }
                catch (MySqlServerException owned) when (owned.Code == UnknownXid && tries > 0)
                {
                    // The server has not noticed yet that the connection which prepared it has ended.
                }
            }
        }

        public Task CaptureAsync() => Log.RunAsync(source, _start, Token);

        public ValueTask DisposeAsync() => source.DisposeAsync();
    }
}
