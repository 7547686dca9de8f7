using System.Globalization;
using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Wire;
using Leat.IntegrationTests.MySql.Servers;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.IntegrationTests.MySql;

/// <summary>Tables read by several connections beside a stream that changes them, on servers that tell places and on those that have to be marked.</summary>
public sealed class ParallelSnapshotTests
{
    private const string Heartbeats = "leat_snapshots.heartbeat";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [Trait("case", "18")]
    [Trait("case", "19")]
    [InlineData(TestProduct.MariaDb)]
    [InlineData(TestProduct.MariaDb11)]
    [InlineData(TestProduct.MySql56)]
    [InlineData(TestProduct.MySql9)]
    public async Task Two_readers_of_one_table_under_writes_fold_to_exactly_the_table(TestProduct product)
    {
        var server = await TestServer.SharedAsync(product);
        var database = await ShopAsync(server, rows: 3_000);
        await using var source = await SourceAsync(server, database, options => options with { SnapshotChunkRows = 100, SnapshotReaders = 2 });
        var recorder = new Recorder();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var running = source.RunAsync(new(), recorder, stop.Token).AsTask();
        await Task.WhenAll(Enumerable.Range(0, 3).Select(seed => WriteAsync(server, database, seed, transactions: 100)));
        await UntilReadAsync(source, recorder, running);
        await PassAsync(source, recorder, running);
        await StopAsync(stop, running);

        Assert.Contains(recorder.Changes, change => change.Kind is ChangeKind.Insert or ChangeKind.Update or ChangeKind.Delete);
        Assert.All(recorder.Changes, change => Assert.NotEqual(Heartbeats, change.Schema.Table.ToString()));
        Assert.Equal(await TablesAsync(source), recorder.Fold());
        var read = recorder.Changes.Where(change => change.Kind == ChangeKind.Read).Select(change => change.Key(change.After)).ToList();
        Assert.Equal(read.Distinct().Count(), read.Count);
    }

    [Theory]
    [InlineData(TestProduct.MariaDb)]
    [InlineData(TestProduct.MySql9)]
    public async Task Tables_are_read_again_beside_the_stream_and_end_with_a_sweep(TestProduct product)
    {
        var server = await TestServer.SharedAsync(product);
        var database = await ShopAsync(server, rows: 500);
        await using var source = await SourceAsync(server, database, options => options with { Snapshot = SnapshotMode.Never, SnapshotChunkRows = 60 });
        var recorder = new Recorder();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var running = source.RunAsync(new(), recorder, stop.Token).AsTask();
        await source.RequestSnapshotAsync(new([new(database, "a")], Where: null), Token);
        await source.RequestSnapshotAsync(new([new(database, "b")], "y > 450"), Token);
        await UntilReadAsync(source, recorder, running);
        await StopAsync(stop, running);

        var again = recorder.Changes.Where(change => change.Kind == ChangeKind.ReadAgain).ToList();
        Assert.Equal(500, again.Count(change => change.Schema.Table.Name == "a"));
        Assert.Equal(50, again.Count(change => change.Schema.Table.Name == "b"));
        Assert.Equal(["a", "b"], recorder.Changes.Where(change => change.Kind == ChangeKind.Sweep).Select(change => change.Schema.Table.Name).Order());
        var kinds = recorder.Changes.Where(change => change.Schema.Table.Name == "a").Select(change => change.Kind).ToList();
        Assert.Equal(kinds.Count - 1, kinds.IndexOf(ChangeKind.Sweep));
        Assert.DoesNotContain("snapshot", recorder.Position?.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(TestProduct.MariaDb)]
    [InlineData(TestProduct.MySql9)]
    public async Task A_request_survives_a_crash_and_goes_on_where_it_was(TestProduct product)
    {
        var server = await TestServer.SharedAsync(product);
        var database = await ShopAsync(server, rows: 600);
        var position = default(SourcePosition?);
        var all = new List<Recorded>();
        var crashes = 0;
        for (var isFirst = true; isFirst || position?.Text.Contains("snapshot", StringComparison.Ordinal) == true; isFirst = false)
        {
            await using var source = await SourceAsync(server, database, options => options with { Snapshot = SnapshotMode.Never, SnapshotChunkRows = 100 });
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
            
            // The sweep comes with the last rows, or alone when the end was not known with them.
            var recorder = new Recorder { OnCommit = one => (one.Changes.Any(change => change.Kind is ChangeKind.ReadAgain or ChangeKind.Sweep) ? stop : null)?.Cancel() };
            var running = source.RunAsync(new() { From = position }, recorder, stop.Token).AsTask();
            if (isFirst)
                await source.RequestSnapshotAsync(new([new(database, "a")], Where: null), Token);
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
            crashes++;
            all.AddRange(recorder.Changes);
            position = recorder.Position ?? position;
        }

        Assert.True(crashes >= 5, $"{crashes} crashes");
        var keys = all.Where(change => change.Kind == ChangeKind.ReadAgain).Select(change => change.Key(change.After)).ToList();
        Assert.Equal(600, keys.Distinct().Count());
        Assert.Equal(600, keys.Count);
        Assert.Equal(ChangeKind.Sweep, all[^1].Kind);
    }

    [Theory]
    [InlineData(TestProduct.MariaDb)]
    [InlineData(TestProduct.MySql56)]
    [InlineData(TestProduct.MySql9)]
    public async Task Statements_that_change_tables_in_between_lose_and_repeat_nothing(TestProduct product)
    {
        var server = await TestServer.SharedAsync(product);
        var database = await ShopAsync(server, rows: 2_000);
        await using var source = await SourceAsync(server, database, options => options with { SnapshotChunkRows = 50 });
        var recorder = new Recorder();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var running = source.RunAsync(new(), recorder, stop.Token).AsTask();
        for (var i = 0; i < 4; i++)
        {
            await server.ExecuteAsync($"ALTER TABLE {database}.a ADD COLUMN c{i} INT NOT NULL DEFAULT {i}");
            await server.ExecuteAsync($"UPDATE {database}.a SET n = n + 1 WHERE id % 7 = {i}");
        }

        await server.ExecuteAsync($"TRUNCATE TABLE {database}.b");
        await server.ExecuteAsync($"INSERT INTO {database}.b VALUES (1, 1, 1), (2, 2, 2)");
        await UntilReadAsync(source, recorder, running);
        await PassAsync(source, recorder, running);
        await StopAsync(stop, running);

        var expected = await TablesAsync(source);
        Assert.Equal(expected.Keys, recorder.Fold().Keys);
        Assert.Equal(expected.Values.Select(Front), recorder.Fold().Values.Select(Front));
    }

    [Fact]
    [Trait("case", "19")]
    public async Task A_chunk_ends_after_its_bytes_however_many_rows_it_may_have()
    {
        var server = await TestServer.SharedAsync(TestProduct.MariaDb);
        var database = server.NextDatabase();
        await server.ExecuteAsync($"CREATE DATABASE {database}; USE {database}; CREATE TABLE {database}.wide (id INT PRIMARY KEY, body LONGTEXT); INSERT INTO {database}.wide SELECT seq, REPEAT('x', 100000) FROM seq_1_to_40");
        await using var source = await SourceAsync(server, database, options => options with { SnapshotChunkBytes = 256 * 1024 });
        var recorder = new Recorder();

        await source.RunAsync(new() { Until = await source.CurrentPositionAsync(Token) }, recorder, Token);

        Assert.Equal(40, recorder.Changes.Count());
        Assert.All(recorder.Transactions, transaction => Assert.InRange(transaction.Changes.Sum(change => change.After.Length), 1, 256 * 1024 + 110_000));
    }

    [Fact]
    [Trait("case", "18")]
    public async Task No_statement_of_a_snapshot_takes_a_lock_that_others_would_wait_for()
    {
        var server = await TestServer.SharedAsync(TestProduct.MariaDb);
        var database = await ShopAsync(server, rows: 500);
        await using var blocker = await server.OpenAsync();
        await blocker.ExecuteAsync($"USE {database}; BEGIN; UPDATE a SET n = 99; INSERT INTO a VALUES (100001, 'open', 0)", Token);
        await using var source = await SourceAsync(server, database, options => options with { SnapshotChunkRows = 100 });
        var recorder = new Recorder();

        // With every row locked by somebody the snapshot is read as it was committed; a lock would wait until the test's time is over.
        await source.RunAsync(new() { Until = await source.CurrentPositionAsync(Token) }, recorder, Token);
        await blocker.ExecuteAsync("ROLLBACK", Token);

        Assert.Equal(1_000, recorder.Changes.Count());
        Assert.DoesNotContain(recorder.Changes, change => change.ToString().Contains("99", StringComparison.Ordinal) && change.Schema.Table.Name == "a" && change.Values(change.After)[2] == "99");
    }

    [Fact]
    public async Task Only_a_snapshot_ends_by_itself_and_is_done()
    {
        var server = await TestServer.SharedAsync(TestProduct.MariaDb);
        var database = await ShopAsync(server, rows: 300);
        await using var source = await SourceAsync(server, database, options => options with { Snapshot = SnapshotMode.Only, SnapshotChunkRows = 100 });
        var recorder = new Recorder();

        await source.RunAsync(new(), recorder, Token);
        Assert.True(source.IsDone);
        Assert.Equal(await TablesAsync(source), recorder.Fold());

        var later = new Recorder();
        await source.RunAsync(new() { From = recorder.Position }, later, Token);
        Assert.Empty(later.Changes);
    }

    [Fact]
    public async Task A_lost_position_begins_anew_when_the_file_says_so()
    {
        await using var server = await TestServer.StartAsync(TestProduct.MariaDb);
        var database = await ShopAsync(server, rows: 300);
        await using var source = await SourceAsync(server, database, options => options with { Snapshot = SnapshotMode.WhenNeeded });
        var first = new Recorder();
        await source.RunAsync(new() { Until = await source.CurrentPositionAsync(Token) }, first, Token);
        await server.ExecuteAsync($"DELETE FROM {database}.a WHERE id > 200; FLUSH BINARY LOGS; FLUSH BINARY LOGS; INSERT INTO {database}.a VALUES (5000, 'late', 1); FLUSH BINARY LOGS");
        await server.PurgeBinlogAsync();

        var second = new Recorder();
        await source.RunAsync(new() { From = first.Position, Until = await source.CurrentPositionAsync(Token) }, second, Token);

        var rows = second.Changes.Where(change => change.Schema.Table.Name == "a").ToList();
        Assert.Equal(201, rows.Count(change => change.Kind == ChangeKind.ReadAgain));
        Assert.Equal(ChangeKind.Sweep, rows[^1].Kind);
    }

    [Theory]
    [InlineData(TestProduct.MariaDb)]
    [InlineData(TestProduct.MySql9)]
    public async Task What_a_statement_changed_is_passed_once_the_table_is_to_be_read_again(TestProduct product)
    {
        var server = await TestServer.SharedAsync(product);
        var database = await ShopAsync(server, rows: 300);
        await using var source = await SourceAsync(server, database, options => options with { SnapshotChunkRows = 50 });
        var first = new Recorder();
        await source.RunAsync(new() { Until = await source.CurrentPositionAsync(Token) }, first, Token);
        await server.ExecuteAsync(
            $"USE {database}; SET SESSION binlog_format = STATEMENT; DELETE FROM a WHERE id > 200; INSERT INTO a VALUES (5000, 'late', 1); SET SESSION binlog_format = ROW; "
            + "UPDATE b SET v = 7 WHERE y = 9; INSERT INTO a VALUES (5001, 'later', 1)");
        var end = await source.CurrentPositionAsync(Token);

        var refused = await Assert.ThrowsAsync<PauseException>(async () => await source.RunAsync(new() { From = first.Position, Until = end }, new Recorder(), Token));
        Assert.Equal(4024, refused.Code.Number);
        var other = source.RequestSnapshotAsync(new([new(database, "b")], Where: null), Token).AsTask();
        while (!other.IsCompleted)
        {
            refused = await Assert.ThrowsAsync<PauseException>(async () => await source.RunAsync(new() { From = first.Position, Until = end }, new Recorder(), Token));
            Assert.Equal(4024, refused.Code.Number);
        }

        await other;
        var asked = source.RequestSnapshotAsync(new([new(database, "a")], Where: null), Token).AsTask();
        Recorder? second = null;
        while (second is null)
        {
            var attempt = new Recorder();
            try
            {
                await source.RunAsync(new() { From = first.Position, Until = end }, attempt, Token);
                second = attempt;
            }
            catch (PauseException early) when (early.Code == refused.Code)
            {
                // The request is not there yet: it asks the server first.
            }
        }

        await asked;
        var rows = second.Changes.Where(change => change.Schema.Table.Name == "a").ToList();
        Assert.Equal(202, rows.Where(change => change.Kind is ChangeKind.ReadAgain or ChangeKind.Insert).Select(change => change.Values(change.After)[0]).Distinct().Count());
        Assert.Equal(ChangeKind.Sweep, rows[^1].Kind);
        Assert.Contains(second.Changes, change => change.Schema.Table.Name == "b" && change.Kind == ChangeKind.Update);
    }

    [Fact]
    public async Task A_table_that_is_added_to_the_file_is_read_by_itself()
    {
        var server = await TestServer.SharedAsync(TestProduct.MariaDb);
        var database = await ShopAsync(server, rows: 200);
        await using var first = await SourceAsync(server, database, options => options with { Tables = [new(database, "a")] });
        var before = new Recorder();
        await first.RunAsync(new() { Until = await first.CurrentPositionAsync(Token) }, before, Token);
        await using var second = await SourceAsync(server, database, options => options with { Tables = [new(database, "a"), new(database, "b")] });
        var after = new Recorder();
        await second.RunAsync(new() { From = before.Position, Until = await second.CurrentPositionAsync(Token) }, after, Token);

        Assert.All(before.Changes, change => Assert.Equal("a", change.Schema.Table.Name));
        Assert.All(after.Changes, change => Assert.Equal(("b", ChangeKind.Read), (change.Schema.Table.Name, change.Kind)));
        Assert.Equal((200, 200), (before.Changes.Count(), after.Changes.Count()));
    }

    [Fact]
    public async Task A_unique_index_of_columns_that_are_never_null_stands_in_for_a_primary_key()
    {
        var server = await TestServer.SharedAsync(TestProduct.MariaDb);
        var database = server.NextDatabase();
        await server.ExecuteAsync(
            $"CREATE DATABASE {database}; USE {database}; CREATE TABLE u (maybe INT, a INT NOT NULL, b VARCHAR(9) NOT NULL, UNIQUE (maybe), UNIQUE pair (b, a)); "
            + "INSERT INTO u SELECT NULL, seq, seq % 7 FROM seq_1_to_100");
        await using var source = await SourceAsync(server, database, options => options with { SnapshotChunkRows = 9 });
        var recorder = new Recorder();

        await source.RunAsync(new() { Until = await source.CurrentPositionAsync(Token) }, recorder, Token);

        Assert.Equal(100, recorder.Fold().Count);
        Assert.Equal(100, recorder.Changes.Count());
        Assert.All(recorder.Changes, change => Assert.Equal([2, 1], change.Schema.Key));
    }

    [Fact]
    public async Task Requests_for_what_is_not_there_are_refused_with_a_name()
    {
        var server = await TestServer.SharedAsync(TestProduct.MariaDb);
        var database = await ShopAsync(server, rows: 3);
        await using var source = await SourceAsync(server, database, options => options);

        var unknown = await Assert.ThrowsAsync<LeatException>(() => source.RequestSnapshotAsync(new([new(database, "aa")], null), Token).AsTask());
        Assert.Equal($"Source 'shop' does not capture a table {database}.aa. Did you mean '{database}.a'? [LEAT-4087]", unknown.Message);
        var wrong = await Assert.ThrowsAsync<LeatException>(() => source.RequestSnapshotAsync(new([new(database, "a")], "idd > 3"), Token).AsTask());
        Assert.StartsWith($"Source 'shop': {database}.a cannot be read where idd > 3: Unknown column 'idd' in", wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task MySql_is_not_read_without_a_heartbeat_table()
    {
        var server = await TestServer.SharedAsync(TestProduct.MySql9);
        var database = await ShopAsync(server, rows: 3);
        await using var without = server.Source(database, SnapshotMode.Initial);
        var missing = await Assert.ThrowsAsync<PauseException>(() => without.RunAsync(new(), new Recorder(), Token).AsTask());
        Assert.Equal(
            $"Source 'shop' cannot read tables of 127.0.0.1:{server.Port} beside the stream: MySQL does not tell the place of what is read, so that a heartbeat table is needed. "
            + "Add 'heartbeat_table: leat.heartbeat' to the source and run as administrator: CREATE DATABASE IF NOT EXISTS `leat`; CREATE TABLE `leat`.`heartbeat` (source VARCHAR(64) NOT NULL PRIMARY KEY, "
            + "mark BIGINT UNSIGNED NOT NULL, beaten_at BIGINT NOT NULL) ENGINE = InnoDB; GRANT SELECT, INSERT, UPDATE ON `leat`.`heartbeat` TO 'root'@'%'; Or set 'snapshot: never'. [LEAT-4085]",
            missing.Message);
    }

    [Fact]
    public async Task A_heartbeat_moves_the_position_of_a_quiet_server()
    {
        var server = await TestServer.SharedAsync(TestProduct.MySql9);
        var database = await ShopAsync(server, rows: 3);
        await using var source = await SourceAsync(server, database, options => options with { Snapshot = SnapshotMode.Never, Heartbeat = TimeSpan.FromSeconds(1) });
        var recorder = new Recorder();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var running = source.RunAsync(new(), recorder, stop.Token).AsTask();
        var seen = new HashSet<string>();
        while (seen.Count < 3 && !running.IsCompleted)
        {
            await recorder.WhenAsync(one => one.Position is { } position && !seen.Contains(position.Text));
            seen.Add(recorder.Position?.Text ?? "");
        }

        await StopAsync(stop, running);
        Assert.Empty(recorder.Changes);
    }

    private static string Front(string row) => string.Join(',', row.Split(',').Take(3));

    private static async Task<MySqlSource> SourceAsync(TestServer server, string database, Func<MySqlSourceOptions, MySqlSourceOptions> change)
    {
        await server.ExecuteAsync(
            "CREATE DATABASE IF NOT EXISTS leat_snapshots; CREATE TABLE IF NOT EXISTS leat_snapshots.heartbeat "
            + "(source VARCHAR(64) NOT NULL PRIMARY KEY, mark BIGINT UNSIGNED NOT NULL, beaten_at BIGINT NOT NULL) ENGINE = InnoDB");
        var options = new MySqlSourceOptions
        {
            Endpoint = server.Endpoint with { MultiStatements = false }, Tables = [new(database, "*")], ServerId = TestServer.NextReplicaId(),
            HeartbeatTable = server.IsMariaDb ? null : new("leat_snapshots", "heartbeat"),
        };
        return new(change(options), new("shop", NullLoggerFactory.Instance, TimeProvider.System));
    }

    private static async Task<string> ShopAsync(TestServer server, int rows)
    {
        var database = server.NextDatabase();
        var numbers = $"(SELECT a.n + 10 * b.n + 100 * c.n + 1000 * d.n + 1 AS seq FROM {Digits} a, {Digits} b, {Digits} c, {Digits} d) numbers WHERE seq <= {rows.ToString(CultureInfo.InvariantCulture)}";
        await server.ExecuteAsync(
            $"CREATE DATABASE {database} CHARACTER SET utf8mb4; USE {database}; CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(64), n INT); "
            + "CREATE TABLE b (x INT, y INT, v INT, PRIMARY KEY (x, y)); CREATE TABLE nothing (id INT PRIMARY KEY); "
            + $"INSERT INTO a SELECT seq, SHA2(seq, 256), 0 FROM {numbers}; INSERT INTO b SELECT seq % 10, seq, 0 FROM {numbers}");
        return database;
    }

    private static string Digits => "(SELECT 0 n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)";

    private static async Task WriteAsync(TestServer server, string database, int seed, int transactions)
    {
        var random = new Random(seed);
        await using var connection = await server.OpenAsync();
        await connection.ExecuteAsync($"USE {database}", Token);
        for (var i = 0; i < transactions; i++)
        {
            var id = random.Next(3_200).ToString(CultureInfo.InvariantCulture);
            var other = random.Next(3_200).ToString(CultureInfo.InvariantCulture);
            var statement = random.Next(5) switch
            {
                0 => $"REPLACE INTO a VALUES ({id}, 'new', {i})",
                1 => $"DELETE FROM a WHERE id = {id}",
                2 => $"UPDATE IGNORE a SET id = {other} WHERE id = {id}",
                3 => $"UPDATE b SET v = v + 1 WHERE y BETWEEN {id} AND {id} + 5",
                _ => $"UPDATE a SET n = n + 1 WHERE id BETWEEN {id} AND {id} + 20",
            };
            try
            {
                await connection.ExecuteAsync($"BEGIN; {statement}; UPDATE a SET n = n + 1 WHERE id = {other}; {(random.Next(10) == 0 ? "ROLLBACK" : "COMMIT")}", Token);
            }
            catch (MySqlServerException deadlock) when (deadlock.Code is 1213 or 1205)
            {
                await connection.ExecuteAsync("ROLLBACK", Token); // two writers met; the transaction is simply not made
            }
        }
    }

    private static Task<Task> UntilReadAsync(MySqlSource source, Recorder recorder, Task running) => Task.WhenAny(
        running, recorder.WhenAsync(one => one.LastProgress is { Table: null } && source.SnapshotsNow.Count == 0 && one.Position?.Text.Contains("snapshot", StringComparison.Ordinal) == false));

    private static async Task PassAsync(MySqlSource source, Recorder recorder, Task running)
    {
        var passed = recorder.WhenPassedAsync(await source.CurrentPositionAsync(Token));
        if (await Task.WhenAny(passed, running) == running)
            await running;
    }

    private static async Task StopAsync(CancellationTokenSource stop, Task running)
    {
        if (running.IsFaulted)
            await running;
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    private static async Task<SortedDictionary<string, string>> TablesAsync(MySqlSource source)
    {
        var there = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var table in await source.TablesAsync(Token))
        {
            await foreach (var row in source.ReadTableAsync(table, captured: null, Token))
            {
                var change = new Recorded(ChangeKind.Read, row.Schema, [], row.Row.ToArray());
                there[change.Key(change.After)] = string.Join(',', change.Values(change.After).Select(value => value ?? "NULL"));
            }
        }

        return there;
    }
}
