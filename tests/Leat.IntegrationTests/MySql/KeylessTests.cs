using System.Globalization;
using System.Text;
using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Wire;
using Leat.IntegrationTests.MySql.Servers;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.IntegrationTests.MySql;

/// <summary>Tables without a key, captured because the file names them.</summary>
public sealed class KeylessTests
{
    private const string Heartbeats = "leat_keyless.heartbeat";
    private const string Table = "CREATE TABLE t (a INT, b VARCHAR(20), c DOUBLE) ENGINE = InnoDB";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<TestProduct> Products => [.. Enum.GetValues<TestProduct>()];

    [Theory]
    [MemberData(nameof(Products))]
    public async Task All_columns_stand_in_for_the_key(TestProduct product)
    {
        var server = await TestServer.SharedAsync(product);
        var database = await MakeAsync(server, rows: 0);
        await using var source = Source(server, database, options => options with { Snapshot = SnapshotMode.Never });
        var start = await source.CurrentPositionAsync(Token);
        await server.ExecuteAsync($"USE {database}; INSERT INTO t VALUES (1, NULL, 0.5), (1, NULL, 0.5), (2, '', NULL); UPDATE t SET b = 'x' WHERE a = 2; DELETE FROM t WHERE a = 1 LIMIT 1");
        var recorder = new Recorder();
        await source.RunAsync(new() { From = start, Until = await source.CurrentPositionAsync(Token) }, recorder, Token);

        Assert.Equal(
            ["Insert t (1,NULL,0.5)", "Insert t (1,NULL,0.5)", "Insert t (2,,NULL)", "Update t (2,,NULL) (2,x,NULL)", "Delete t (1,NULL,0.5)"],
            recorder.Changes.Select(change => change.ToString()));
        Assert.All(recorder.Changes, change => Assert.Equal((true, 3, 0), (change.Schema.IsKeyless, change.Schema.Key.Length, change.Schema.OwnKey.Length)));
    }

    [Theory]
    [Trait("case", "18")]
    [MemberData(nameof(Products))]
    public async Task A_table_is_read_in_one_view_beside_a_stream_that_changes_it(TestProduct product)
    {
        var server = await TestServer.SharedAsync(product);
        var database = await MakeAsync(server, rows: 2_000);
        await using var source = Source(server, database, options => options with { SnapshotChunkRows = 100 });
        var recorder = new Recorder();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var running = source.RunAsync(new(), recorder, stop.Token).AsTask();
        var read = UntilReadAsync(recorder, running);
        await Task.WhenAll(Enumerable.Range(0, 3).Select(writer => WriteUntilAsync(server, database, writer, read)));
        await PassAsync(source, recorder, running);
        await StopAsync(stop, running);

        var rows = recorder.Transactions.Where(transaction => transaction.Changes.Exists(change => change.Kind == ChangeKind.Read)).ToList();
        Assert.True(rows.Count >= 20, $"{rows.Count} parts");
        var first = recorder.Transactions.IndexOf(rows[0]);
        Assert.Equal(rows, recorder.Transactions.Skip(first).Take(rows.Count)); // the stream stood still between them
        Assert.Contains(recorder.Changes, change => change.Kind is ChangeKind.Insert or ChangeKind.Delete);
        Assert.Equal(await TableAsync(source), recorder.Fold());
    }

    [Theory]
    [InlineData(TestProduct.MySql56)]
    [InlineData(TestProduct.MySql9)]
    public async Task After_three_tries_a_table_that_never_rests_is_locked_while_its_view_is_opened(TestProduct product)
    {
        var server = await TestServer.SharedAsync(product);
        var database = await MakeAsync(server, rows: 50);
        await using var source = Source(server, database, options => options with { Snapshot = SnapshotMode.Never });
        var recorder = new Recorder();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var running = source.RunAsync(new(), recorder, stop.Token).AsTask();
        var locks = await LocksAsync(server);
        var locked = UntilLockedAsync(server, source, recorder, running, database, locks);
        await Task.WhenAll(Enumerable.Range(0, 3).Select(writer => WriteUntilAsync(server, database, writer, locked)));
        await locked;
        await PassAsync(source, recorder, running);
        await StopAsync(stop, running);

        Assert.True(await LocksAsync(server) > locks);
        Assert.Contains(recorder.Changes, change => change.Kind == ChangeKind.Sweep);
    }

    [Fact]
    public async Task An_account_that_may_not_lock_is_told_what_it_lacks()
    {
        await using var server = await TestServer.StartAsync(TestProduct.MySql9);
        var database = await MakeAsync(server, rows: 5);

        // Each heartbeat changes the table: between two of them it never rests.
        await server.ExecuteAsync(
            $"CREATE USER 'leat'@'%' IDENTIFIED BY '' REQUIRE NONE; GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO 'leat'@'%'; GRANT SELECT ON {database}.* TO 'leat'@'%'; "
            + $"GRANT SELECT, INSERT, UPDATE ON {Heartbeats} TO 'leat'@'%'; SET GLOBAL log_bin_trust_function_creators = 1; "
            + $"CREATE TRIGGER leat_keyless.beat AFTER UPDATE ON {Heartbeats} FOR EACH ROW INSERT INTO {database}.t VALUES (0, 'beat', NEW.mark)");
        await using var source = Source(server, database, options => options with { Endpoint = options.Endpoint with { User = "leat" } });

        var error = await Assert.ThrowsAsync<PauseException>(() => source.RunAsync(new(), new Recorder(), Token).AsTask());

        Assert.Equal(
            $"Source 'shop' cannot read {database}.t, which has no key: it changed each time while its place in the stream was looked for, and 127.0.0.1:{server.Port} does not let it be locked for that moment: "
            + $"Access denied for user 'leat'@'%' to database '{database}' (error 1044). GRANT LOCK TABLES ON `{database}`.* TO 'leat'@'%'; and end transactions that stay open on it. "
            + "Or give it a primary key, or set 'snapshot: never'. [LEAT-4097]", error.Message);
    }

    [Theory]
    [InlineData(TestProduct.MariaDb)]
    [InlineData(TestProduct.MySql9)]
    public async Task An_interrupted_reading_starts_over(TestProduct product)
    {
        var server = await TestServer.SharedAsync(product);
        var database = await MakeAsync(server, rows: 300);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var first = new Recorder { OnCommit = one => (one.Changes.Count() >= 100 ? stop : null)?.Cancel() };
        await using (var source = Source(server, database, options => options with { SnapshotChunkRows = 50 }))
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => source.RunAsync(new(), first, stop.Token).AsTask());
        await server.ExecuteAsync($"DELETE FROM {database}.t WHERE a <= 100");
        var second = new Recorder();
        await using (var source = Source(server, database, options => options with { SnapshotChunkRows = 50 }))
            await source.RunAsync(new() { From = first.Position, Until = await source.CurrentPositionAsync(Token) }, second, Token);

        Assert.InRange(first.Changes.Count(), 100, 299);
        Assert.Equal((100, 200), (second.Changes.Count(change => change.Kind == ChangeKind.Delete), second.Changes.Count(change => change.Kind == ChangeKind.Read)));
        first.Transactions.AddRange(second.Transactions);
        Assert.Equal(200, first.Fold().Count);
        Assert.DoesNotContain("snapshot", second.Position?.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Time_in_which_rows_are_put_into_the_stream_is_not_the_servers_silence()
    {
        var server = await TestServer.SharedAsync(TestProduct.MariaDb);
        var database = await MakeAsync(server, rows: 100);
        var time = new HandTimers(TimeSpan.FromSeconds(60));
        await using var source = Source(server, database, options => options with { SnapshotChunkRows = 20 }, time);
        var recorder = new Recorder { OnCommit = one => (one.Changes.Any() ? time : null)?.Expire() };
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var running = source.RunAsync(new(), recorder, stop.Token).AsTask();
        await UntilReadAsync(recorder, running);
        await server.ExecuteAsync($"INSERT INTO {database}.t VALUES (-1, 'after', 0)");
        await PassAsync(source, recorder, running);
        await StopAsync(stop, running);

        Assert.Equal(101, recorder.Changes.Count());
    }

    [Theory]
    [InlineData(TestProduct.MariaDb11)]
    [InlineData(TestProduct.MySql9)]
    public async Task Rows_are_found_again_by_all_their_values(TestProduct product)
    {
        var server = await TestServer.SharedAsync(product);
        var database = server.NextDatabase();
        await server.ExecuteAsync(
            $"CREATE DATABASE {database}; USE {database}; CREATE TABLE t (a INT, b VARCHAR(9), f FLOAT, d DATETIME(3), x VARBINARY(4), j JSON); "
            + "INSERT INTO t VALUES (1, NULL, 0.1, '2024-01-02 03:04:05.678', 'ab', '[1]'), (NULL, '', NULL, NULL, NULL, NULL), (3, 'Ä''', 3.25, NULL, '', NULL)");
        await using var source = Source(server, database, options => options);
        var rows = new List<ReadOnlyMemory<byte>>();
        var table = (await source.TablesAsync(Token))[0];
        await foreach (var row in source.ReadTableAsync(table, captured: null, Token))
            rows.Add(row.Row.ToArray());
        await server.ExecuteAsync($"UPDATE {database}.t SET f = 0.2 WHERE a = 1; UPDATE {database}.t SET b = NULL WHERE a IS NULL");

        var exist = await source.ExistingAsync(table, rows, captured: null, Token);
        Assert.Equal([false, false, true], exist);
    }

    [Fact]
    public async Task Images_that_lack_columns_are_refused_at_the_start_and_in_the_stream()
    {
        // MariaDB writes all columns of such a table whatever the setting, MySQL all before the change but only some after it.
        await using var server = await TestServer.StartAsync(TestProduct.MySql9);
        var database = await MakeAsync(server, rows: 3);
        await using var source = Source(server, database, options => options with { Snapshot = SnapshotMode.Never });
        var start = await source.CurrentPositionAsync(Token);
        await server.ExecuteAsync($"USE {database}; SET SESSION binlog_row_image = MINIMAL; UPDATE t SET b = 'whole' WHERE a = 1; INSERT INTO t (a) VALUES (9)");
        var recorder = new Recorder();
        var end = await source.CurrentPositionAsync(Token);
        var partial = await Assert.ThrowsAsync<PauseException>(() => source.RunAsync(new() { From = start, Until = end }, recorder, Token).AsTask());
        Assert.Equal(
            $"Source 'shop': {database}.t has no key, so that all its columns identify a row, but the binlog has a row of it that lacks columns: a session set binlog_row_image to another value than FULL. "
            + $"See that no session sets binlog_row_image. To go on, take {database}.t out of 'tables' until the source has passed this place; when it is put back it is read again. [LEAT-4099]", partial.Message);
        Assert.Equal(["Update t (1,1,0.5) (1,whole,0.5)"], recorder.Changes.Select(change => change.ToString()));

        await server.ExecuteAsync("SET GLOBAL binlog_row_image = NOBLOB");
        var refused = await Assert.ThrowsAsync<PauseException>(() => source.RunAsync(new() { From = start, Until = end }, recorder, Token).AsTask());
        Assert.Equal(
            $"Source 'shop': {database}.t has no key, so that all its columns identify a row, but binlog_row_image is NOBLOB at 127.0.0.1:{server.Port}: changes would lack some. "
            + $"SET GLOBAL binlog_row_image = FULL; and binlog_row_image = FULL in the server's configuration. Or give {database}.t a primary key. [LEAT-4099]", refused.Message);
        var found = Assert.Single(await source.CheckAsync(Token), finding => finding.Check == "primary key");
        Assert.Equal((refused.What, refused.Remedy), (found.Message, found.Remedy));
    }

    [Fact]
    public async Task A_sql_target_refuses_the_table_by_name()
    {
        var server = await TestServer.SharedAsync(TestProduct.MariaDb);
        var schema = new TableSchema(new("shop", "audit"), [new() { Name = "who", Kind = ColumnKind.String }], [0]) { IsKeyless = true };
        var shape = SinkTarget.Shape("log", schema);
        await using var sink = new MySqlSink(new() { Endpoint = server.Endpoint, Database = server.NextDatabase() }, new("copy", NullLoggerFactory.Instance, TimeProvider.System));

        var error = await Assert.ThrowsAsync<PauseException>(() => sink.PrepareAsync([shape], Token).AsTask());

        Assert.Equal(
            "Sink of pipeline 'copy': shop.audit has no key at its source ('keyless'), so that no row of a SQL table could be found again for it. "
            + "Give shop.audit a primary key, deliver it to another kind of sink, or take 'log' out of the pipeline's 'tables'. [LEAT-4096]", error.Message);
        Assert.Contains(await sink.CheckAsync([shape], Token), finding => finding.Message == error.What);
    }

    [Fact]
    public async Task Images_without_doubles_are_whole()
    {
        await using var server = await TestServer.StartAsync(TestProduct.MariaDb11, "--binlog-row-image=FULL_NODUP");
        var database = await MakeAsync(server, rows: 0);
        await using var source = Source(server, database, options => options with { Snapshot = SnapshotMode.Never });
        var start = await source.CurrentPositionAsync(Token);
        await server.ExecuteAsync($"USE {database}; INSERT INTO t (a) VALUES (1), (2); UPDATE t SET b = 'x' WHERE a = 2; DELETE FROM t WHERE a = 1");
        var recorder = new Recorder();
        await source.RunAsync(new() { From = start, Until = await source.CurrentPositionAsync(Token) }, recorder, Token);

        Assert.Equal(
            ["Insert t (1,NULL,NULL)", "Insert t (2,NULL,NULL)", "Update t (2,NULL,NULL) (2,x,NULL)", "Delete t (1,NULL,NULL)"], recorder.Changes.Select(change => change.ToString()));
        Assert.DoesNotContain(await source.CheckAsync(Token), finding => finding.Check is "binlog_row_image" or "primary key");
    }

    [Theory]
    [InlineData(TestProduct.MariaDb)]
    [InlineData(TestProduct.MySql9)]
    public async Task A_key_that_comes_or_goes_by_alter_is_followed(TestProduct product)
    {
        var server = await TestServer.SharedAsync(product);
        var database = await MakeAsync(server, rows: 0);
        await using var source = Source(server, database, options => options with { Snapshot = SnapshotMode.Never });
        var start = await source.CurrentPositionAsync(Token);
        await server.ExecuteAsync(
            $"USE {database}; INSERT INTO t VALUES (1, 'one', 0); ALTER TABLE t ADD COLUMN d INT; UPDATE t SET d = 4; ALTER TABLE t ADD PRIMARY KEY (a); UPDATE t SET d = 5; ALTER TABLE t DROP PRIMARY KEY; DELETE FROM t");
        var recorder = new Recorder();
        await source.RunAsync(new() { From = start, Until = await source.CurrentPositionAsync(Token) }, recorder, Token);

        Assert.Equal(
            ["Insert t (1,one,0)", "Update t (1,one,0,NULL) (1,one,0,4)", "Update t (1,one,0,4) (1,one,0,5)", "Delete t (1,one,0,5)"], recorder.Changes.Select(change => change.ToString()));
        Assert.Equal([(true, 3), (true, 4), (false, 1), (true, 4)], recorder.Changes.Select(change => (change.Schema.IsKeyless, change.Schema.Key.Length)));
    }

    private static MySqlSource Source(TestServer server, string database, Func<MySqlSourceOptions, MySqlSourceOptions> change, TimeProvider? time = null) => new(
        change(new()
        {
            Endpoint = server.Endpoint with { MultiStatements = false }, Tables = [new(database, "*")], Keyless = [new(database, "t")], ServerId = TestServer.NextReplicaId(),
            HeartbeatTable = server.IsMariaDb ? null : new("leat_keyless", "heartbeat"),
        }),
        new("shop", NullLoggerFactory.Instance, time ?? TimeProvider.System));

    private static async Task<string> MakeAsync(TestServer server, int rows)
    {
        var database = server.NextDatabase();
        var text = new StringBuilder(
            "CREATE DATABASE IF NOT EXISTS leat_keyless; CREATE TABLE IF NOT EXISTS leat_keyless.heartbeat "
            + "(source VARCHAR(64) NOT NULL PRIMARY KEY, mark BIGINT UNSIGNED NOT NULL, beaten_at BIGINT NOT NULL) ENGINE = InnoDB; "
            + $"CREATE DATABASE {database} CHARACTER SET utf8mb4; USE {database}; {Table}");
        for (var row = 1; row <= rows; row++)
            text.Append(row == 1 ? "; INSERT INTO t VALUES " : ", ").Append(CultureInfo.InvariantCulture, $"({row}, '{row}', 0.5)");
        await server.ExecuteAsync(text.ToString());
        return database;
    }

    // Rows differ from all others, so that the stream folds to exactly the table.
    private static async Task WriteUntilAsync(TestServer server, string database, int writer, Task end)
    {
        await using var connection = await server.OpenAsync();
        await connection.ExecuteAsync($"USE {database}", Token);
        for (var i = 0; !end.IsCompleted; i++)
            await connection.ExecuteAsync($"INSERT INTO t VALUES ({1_000_000 * (writer + 1) + i}, NULL, {i}); {(i % 7 == 0 ? $"DELETE FROM t WHERE a = {1_000_000 * (writer + 1) + i - 3}" : "DO 0")}", Token);
    }

    private static async Task UntilLockedAsync(TestServer server, MySqlSource source, Recorder recorder, Task running, string database, long before)
    {
        var (looked, sweeps) = (0, 0);
        do
        {
            var wanted = sweeps + 1;
            var read = recorder.WhenAsync(one =>
            {
                for (; looked < one.Transactions.Count; looked++)
                    sweeps += one.Transactions[looked].Changes.Exists(change => change.Kind == ChangeKind.Sweep) ? 1 : 0;
                return sweeps >= wanted && one.LastProgress is { Table: null } && source.SnapshotsNow.Count == 0;
            });
            await source.RequestSnapshotAsync(new([new(database, "t")], Where: null), Token);
            if (await Task.WhenAny(read, running) == running)
                await running;
        }
        while (await LocksAsync(server) == before);
    }

    private static async Task<long> LocksAsync(TestServer server) =>
        long.Parse((await server.QueryAsync("SHOW GLOBAL STATUS LIKE 'Com_lock_tables'"))[0][1], CultureInfo.InvariantCulture);

    private static Task<Task> UntilReadAsync(Recorder recorder, Task running) => Task.WhenAny(
        running, recorder.WhenAsync(one => one.LastProgress is { Table: null } && one.Position?.Text.Contains("snapshot", StringComparison.Ordinal) == false));

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

    private static async Task<SortedDictionary<string, string>> TableAsync(MySqlSource source)
    {
        var there = new SortedDictionary<string, string>(StringComparer.Ordinal);
        await foreach (var row in source.ReadTableAsync((await source.TablesAsync(Token))[0], captured: null, Token))
        {
            var change = new Recorded(ChangeKind.Read, row.Schema, [], row.Row.ToArray());
            there[change.Key(change.After)] = string.Join(',', change.Values(change.After).Select(value => value ?? "NULL"));
        }

        return there;
    }
}
