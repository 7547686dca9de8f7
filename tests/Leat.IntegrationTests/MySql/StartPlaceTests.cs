using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.IntegrationTests.MySql.Servers;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.IntegrationTests.MySql;

/// <summary>Where a stream begins, and what it calls places and transactions, on real servers.</summary>
public sealed class StartPlaceTests(StartPlaceTests.MySql9 mysql) : IClassFixture<StartPlaceTests.MySql9>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("case", "12")]
    public async Task Places_are_true_where_events_of_a_transaction_do_not_say_them()
    {
        var server = await TestServer.SharedAsync(TestProduct.MariaDb11);
        var database = server.NextDatabase();
        var source = server.Source(database);
        await server.ExecuteAsync($"CREATE DATABASE {database}; CREATE TABLE {database}.a (id INT PRIMARY KEY, v LONGTEXT)");
        var start = await source.CurrentPositionAsync(Token);
        await server.ExecuteAsync($"USE {database}; BEGIN; INSERT INTO a VALUES (1, 'x'); UPDATE a SET v = 'y'; COMMIT; INSERT INTO a VALUES (2, REPEAT('z', 100000))");
        var ends = new List<(string File, long Offset)>();
        var recorder = new Recorder { OnCommit = one => ends.Add(PlaceOf(one)) };

        await source.RunAsync(new() { From = start, Until = await source.CurrentPositionAsync(Token) }, recorder, Token);

        Assert.Equal(2, recorder.Transactions.Count);
        foreach (var (file, offset) in ends.Where(end => end.Offset > 0))
        {
            // The server itself says whether a transaction ends at that place, and which.
            var gtid = (await server.QueryAsync($"SELECT BINLOG_GTID_POS('{file}', {offset})"))[0][0];
            Assert.NotEqual("NULL", gtid);
        }

        Assert.True(ends[^1].Offset > 0, "the place of the last transaction is not known");
        Assert.Contains(recorder.Transactions[^1].Id, (await server.QueryAsync($"SELECT BINLOG_GTID_POS('{ends[^1].File}', {ends[^1].Offset})"))[0][0].Split(','));
        var inside = await server.QueryAsync($"SHOW BINLOG EVENTS IN '{ends[^1].File}'");
        Assert.Contains(inside, row => row[2] == "Write_rows_v1" && row[4] == "0");
    }

    [Fact]
    public async Task A_stream_begins_at_the_first_transaction_at_or_after_a_time()
    {
        var server = await mysql.CleanAsync();
        await server.ExecuteAsync("CREATE DATABASE d; CREATE TABLE d.a (id INT PRIMARY KEY); DO SLEEP(1)"); // a file tells the second in which it begins, and others were before it
        var times = new List<string>();
        for (var i = 0; i < 6; i++)
        {
            times.Add((await server.QueryAsync("SELECT DATE_FORMAT(UTC_TIMESTAMP(6), '%Y-%m-%dT%H:%i:%s.%fZ')"))[0][0]);
            await server.ExecuteAsync($"INSERT INTO d.a VALUES ({i})" + (i % 2 == 1 ? "; FLUSH BINARY LOGS" : ""));
        }

        for (var i = 0; i < times.Count; i++)
            Assert.Equal(Enumerable.Range(i, 6 - i).Select(id => $"Insert a ({id})"), await FromAsync(Source(server), times[i]));
        Assert.Equal(["Insert a (4)", "Insert a (5)"], await FromAsync(Source(server, start: times[4]), from: null));
        Assert.Empty(await FromAsync(Source(server), (await server.QueryAsync("SELECT DATE_FORMAT(UTC_TIMESTAMP(6), '%Y-%m-%dT%H:%i:%s.%fZ')"))[0][0]));
    }

    [Theory]
    [InlineData(TestProduct.MariaDb)]
    [InlineData(TestProduct.MySql56)]
    public async Task Whole_seconds_are_enough_where_the_server_tells_no_more(TestProduct product)
    {
        await using var server = await TestServer.StartAsync(product);
        await server.ExecuteAsync(
            "SET TIMESTAMP = 1700000000; CREATE DATABASE d; CREATE TABLE d.a (id INT PRIMARY KEY); INSERT INTO d.a VALUES (1); SET TIMESTAMP = 1700000100; INSERT INTO d.a VALUES (2); "
            + "SET TIMESTAMP = 1700000200; BEGIN; INSERT INTO d.a VALUES (3); INSERT INTO d.a VALUES (4); COMMIT");

        Assert.Equal(["Insert a (2)", "Insert a (3)", "Insert a (4)"], await FromAsync(Source(server), "2023-11-14T22:14:00Z"));
        Assert.Equal(["Insert a (3)", "Insert a (4)"], await FromAsync(Source(server), "2023-11-15T00:16:40+02:00"));
    }

    [Fact]
    public async Task A_time_before_the_binlog_and_one_to_come_are_refused()
    {
        var server = await mysql.CleanAsync();
        await server.ExecuteAsync("CREATE DATABASE d; FLUSH BINARY LOGS");
        await server.PurgeBinlogAsync();

        var purged = await Assert.ThrowsAsync<PauseException>(() => Source(server).ParsePositionAsync("2020-01-05T08:00:00Z", Token).AsTask());
        var future = await Assert.ThrowsAsync<LeatException>(() => Source(server).ParsePositionAsync("2999-01-05T08:00:00Z", Token).AsTask());

        Assert.Matches(
            $"^Source 'shop' cannot begin at 2020-01-05T08:00:00Z: the binlog of 127.0.0.1:{server.Port} begins at 20[-0-9T:]+Z. Choose a later time, or take a snapshot "
            + "\\('snapshot: initial'\\). \\[LEAT-4057\\]$", purged.Message);
        Assert.Matches("^Source 'shop' cannot begin at 2999-01-05T08:00:00Z: it is 20[-0-9T:]+Z now. Choose a time that has passed, or 'now'. \\[LEAT-4058\\]$", future.Message);
    }

    [Fact]
    public async Task Transactions_with_tags_are_named_and_passed()
    {
        var server = await mysql.CleanAsync();
        await server.ExecuteAsync("CREATE DATABASE d; CREATE TABLE d.a (id INT PRIMARY KEY)");
        var source = Source(server);
        var start = await source.CurrentPositionAsync(Token);
        await server.ExecuteAsync("USE d; SET SESSION gtid_next = 'AUTOMATIC:blue'; INSERT INTO a VALUES (1); FLUSH BINARY LOGS; INSERT INTO a VALUES (2); SET SESSION gtid_next = 'AUTOMATIC'; INSERT INTO a VALUES (3)");
        var end = await source.CurrentPositionAsync(Token);
        var recorder = new Recorder();
        await source.RunAsync(new() { From = start, Until = end }, recorder, Token);
        await server.ExecuteAsync("INSERT INTO d.a VALUES (4)");

        Assert.Equal(["Insert a (4)"], await FromAsync(source, recorder.Position?.Text));
        Assert.Equal(["Insert a (1)", "Insert a (2)", "Insert a (3)"], recorder.Changes.Select(change => change.ToString()));
        Assert.True(MySqlPosition.TryParse(recorder.Position?.Text ?? "", out var position));
        Assert.Equal([$"{position.ServerUuid}:blue:1", $"{position.ServerUuid}:blue:2"], recorder.Transactions.Take(2).Select(transaction => transaction.Id));
        Assert.Contains($"{position.ServerUuid}:blue:1-2", $"{position.Gtids}", StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_whose_gtids_are_switched_on_is_followed_by_them_from_the_next_file()
    {
        await using var server = await TestServer.StartAsync(TestProduct.MySql9, "--gtid-mode=OFF_PERMISSIVE");
        await server.ExecuteAsync("CREATE DATABASE d; CREATE TABLE d.a (id INT PRIMARY KEY)");
        var source = Source(server);
        var start = await source.CurrentPositionAsync(Token);
        await server.ExecuteAsync("INSERT INTO d.a VALUES (1); INSERT INTO d.a VALUES (2)");
        var unnamed = new Recorder();
        await source.RunAsync(new() { From = start, Until = await source.CurrentPositionAsync(Token) }, unnamed, Token);
        await server.ExecuteAsync("SET GLOBAL gtid_mode = ON_PERMISSIVE; SET GLOBAL gtid_mode = ON; INSERT INTO d.a VALUES (3); INSERT INTO d.a VALUES (4)");
        var tooLate = await Assert.ThrowsAsync<PauseException>(() => source.RunAsync(new() { From = start }, new Recorder(), Token).AsTask());
        var named = new Recorder();
        await source.RunAsync(new() { From = unnamed.Position, Until = await source.CurrentPositionAsync(Token) }, named, Token);

        Assert.Equal(
            $"Source 'shop' cannot resume at {Place(start)}: transactions without a GTID follow, which 127.0.0.1:{server.Port} does not send since its gtid_mode is ON. SET GLOBAL gtid_mode = ON_PERMISSIVE; "
            + "until the source has passed them, then ON. [LEAT-4062]", tooLate.Message);
        Assert.All(unnamed.Transactions, transaction => Assert.Matches("^bin\\.[0-9]+:[0-9]+$", transaction.Id));
        Assert.Equal(["Insert a (1)", "Insert a (2)"], unnamed.Changes.Select(change => change.ToString()));
        Assert.DoesNotContain("gtid", unnamed.Position?.Text ?? "", StringComparison.Ordinal);
        Assert.Equal(["Insert a (3)", "Insert a (4)"], named.Changes.Select(change => change.ToString()));
        Assert.True(MySqlPosition.TryParse(named.Position?.Text ?? "", out var position));
        Assert.Equal($"{position.ServerUuid}:1-2", $"{position.Gtids}");
    }

    [Theory]
    [InlineData(TestProduct.MariaDb)]
    [InlineData(TestProduct.MySql56)]
    [InlineData(TestProduct.MySql9)]
    public async Task A_binlog_without_checksums_is_read_and_resumed_also_when_it_gets_them(TestProduct product)
    {
        await using var server = await TestServer.StartAsync(product, "--binlog-checksum=NONE");
        await server.ExecuteAsync("CREATE DATABASE d; CREATE TABLE d.a (id INT PRIMARY KEY) ENGINE = InnoDB");
        var source = Source(server);
        var start = await source.CurrentPositionAsync(Token);
        await server.ExecuteAsync("INSERT INTO d.a VALUES (1)");
        var before = new Recorder();
        await source.RunAsync(new() { From = start, Until = await source.CurrentPositionAsync(Token) }, before, Token);
        await server.ExecuteAsync("INSERT INTO d.a VALUES (2); SET GLOBAL binlog_checksum = CRC32; INSERT INTO d.a VALUES (3)");

        Assert.Equal(["Insert a (1)"], before.Changes.Select(change => change.ToString()));
        Assert.Equal(["Insert a (2)", "Insert a (3)"], await FromAsync(source, before.Position?.Text));
    }

    private static async Task<IReadOnlyList<string>> FromAsync(MySqlSource source, string? from)
    {
        var recorder = new Recorder();
        SourcePosition? start = from is null ? null : await source.ParsePositionAsync(from, Token);
        await source.RunAsync(new() { From = start, Until = await source.CurrentPositionAsync(Token) }, recorder, Token);
        return [.. recorder.Changes.Select(change => change.ToString())];
    }

    private static (string File, long Offset) PlaceOf(Recorder recorder) =>
        MySqlPosition.TryParse(recorder.Position?.Text ?? "", out var position) ? (position.File, position.Offset) : ("", 0);

    private static string Place(SourcePosition position) => MySqlPosition.TryParse(position.Text, out var read) ? read.Place : "";

    private static MySqlSource Source(TestServer server, string start = "now") => new(
        new() { Endpoint = server.Endpoint with { MultiStatements = false }, Tables = [new("d", "*")], Snapshot = SnapshotMode.Never, Start = start },
        new("shop", NullLoggerFactory.Instance, TimeProvider.System));

    /// <summary>One MySQL 9 for the tests that need no settings of their own; it is purged, so nobody else may share it.</summary>
    public sealed class MySql9 : IAsyncLifetime
    {
        private TestServer? _server;

        public ValueTask InitializeAsync() => ValueTask.CompletedTask;

        /// <summary>The server without the database <c>d</c>.</summary>
        internal async Task<TestServer> CleanAsync()
        {
            _server ??= await TestServer.StartAsync(TestProduct.MySql9);
            await _server.ExecuteAsync("DROP DATABASE IF EXISTS d; FLUSH BINARY LOGS");
            return _server;
        }

        public ValueTask DisposeAsync() => _server?.DisposeAsync() ?? ValueTask.CompletedTask;
    }
}
