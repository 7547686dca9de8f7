using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Binlog;
using Xunit;

namespace Leat.IntegrationTests.MySql;

/// <summary>What the stream tells of transactions, against a real server.</summary>
public sealed class StreamTests(MariaDbFixture maria) : IClassFixture<MariaDbFixture>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Transactions_come_whole_in_commit_order_with_their_gtid()
    {
        var recorder = await CaptureAsync(
            "CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(9)); CREATE TABLE b (id INT PRIMARY KEY)",
            "BEGIN; INSERT INTO a VALUES (1, 'x'); INSERT INTO b VALUES (7); UPDATE a SET v = 'y'; COMMIT; DELETE FROM b");

        Assert.Equal(
            ["Insert a (1,x)|Insert b (7)|Update a (1,x) (1,y)", "Delete b (7)"],
            recorder.Transactions.Select(transaction => string.Join('|', transaction.Changes)));
        Assert.All(recorder.Transactions, transaction => Assert.Matches("^0-1-[0-9]+$", transaction.Id));
        Assert.True(MySqlPosition.TryParse(recorder.Position?.Text ?? "", out var position));
        Assert.Contains(recorder.Transactions[^1].Id, $"{position.Gtids}".Split(','));
        Assert.Equal(1u, position.ServerId);
        Assert.StartsWith("bin.0000", position.File, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_rolled_back_transaction_that_is_in_the_binlog_leaves_nothing()
    {
        var recorder = await CaptureAsync(
            "CREATE TABLE a (id INT PRIMARY KEY); CREATE TABLE log (id INT PRIMARY KEY) ENGINE = MyISAM",
            "CREATE TEMPORARY TABLE tmp (i INT); BEGIN; INSERT INTO a VALUES (1); INSERT INTO log VALUES (1); DROP TEMPORARY TABLE tmp; ROLLBACK; INSERT INTO a VALUES (2)",
            tables: "a");

        Assert.Equal(["Insert a (2)"], recorder.Changes.Select(change => change.ToString()));
        Assert.Equal(1, recorder.Rollbacks);
    }

    [Fact]
    public async Task A_changed_primary_key_has_both_images()
    {
        var recorder = await CaptureAsync(
            "CREATE TABLE a (id INT, part CHAR(2), v INT, PRIMARY KEY (part, id)); INSERT INTO a VALUES (1, 'x', 5)",
            "UPDATE a SET id = 2, part = 'y'");

        var change = Assert.Single(recorder.Changes);
        Assert.Equal("Update a (1,x,5) (2,y,5)", change.ToString());
        Assert.Equal([1, 0], change.Schema.Key);
    }

    [Fact]
    public async Task A_row_of_20_MiB_and_a_statement_of_many_rows_come_whole()
    {
        await maria.ExecuteAsync("SET GLOBAL max_allowed_packet = 67108864");
        var recorder = await CaptureAsync(
            "CREATE TABLE a (id INT PRIMARY KEY, t LONGTEXT)",
            "INSERT INTO a VALUES (0, REPEAT('x', 20971520)); INSERT INTO a SELECT seq, REPEAT('y', 100) FROM seq_1_to_50000; UPDATE a SET t = CONCAT(t, '!') WHERE id = 0");

        Assert.Equal([1, 50_000, 1], recorder.Transactions.Select(transaction => transaction.Changes.Count));
        Assert.True(recorder.RoomAskedInside > 0, "A transaction of several reads never asked whether there is room.");
        Assert.Equal(20_971_521, recorder.Transactions[2].Changes[0].Values(recorder.Transactions[2].Changes[0].After)[1]?.Length);
        Assert.Equal(Enumerable.Range(1, 50_000).Select(id => $"{id}"), recorder.Transactions[1].Changes.Select(change => change.Values(change.After)[0]));
    }

    [Fact]
    public async Task Resuming_after_any_commit_loses_and_repeats_nothing()
    {
        var database = maria.NextDatabase();
        var source = maria.Source(database);
        await maria.ExecuteAsync($"CREATE DATABASE {database}; CREATE TABLE {database}.a (id INT PRIMARY KEY, v INT); CREATE TABLE {database}.b (id INT PRIMARY KEY)");
        var start = await source.CurrentPositionAsync(Token);
        for (var i = 0; i < 20; i++)
        {
            await maria.ExecuteAsync(
                $"USE {database}; BEGIN; INSERT INTO a VALUES ({i}, 0); INSERT INTO b VALUES ({i}); UPDATE a SET v = v + 1 WHERE id = {i}; COMMIT"
                + (i % 7 == 3 ? "; FLUSH BINARY LOGS" : ""));
        }

        var end = await source.CurrentPositionAsync(Token);
        var whole = new Recorder();
        await source.RunAsync(new() { From = start, Until = end }, whole, Token);
        var seen = new List<string>();
        for (SourcePosition? from = start; from is not null;)
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
            var part = new Recorder { OnCommit = recorder => (recorder.Transactions.Count == 3 ? stop : null)?.Cancel() };
            try
            {
                await source.RunAsync(new() { From = from, Until = end }, part, stop.Token);
                from = null;
            }
            catch (OperationCanceledException)
            {
                from = part.Position;
            }

            seen.AddRange(part.Changes.Select(change => change.ToString()));
        }

        Assert.Equal(60, whole.Changes.Count());
        Assert.Equal(whole.Changes.Select(change => change.ToString()), seen);
    }

    [Fact]
    public async Task A_position_already_reached_returns_at_once()
    {
        var recorder = await CaptureAsync("CREATE TABLE a (id INT PRIMARY KEY)", "SET @x = 1");

        Assert.Empty(recorder.Transactions);
    }

    [Fact]
    public async Task Every_domain_is_followed()
    {
        var recorder = await CaptureAsync(
            "CREATE TABLE a (id INT PRIMARY KEY)",
            "INSERT INTO a VALUES (1); SET SESSION gtid_domain_id = 5; INSERT INTO a VALUES (2); SET SESSION gtid_domain_id = 0; INSERT INTO a VALUES (3)");

        Assert.Equal(["Insert a (1)", "Insert a (2)", "Insert a (3)"], recorder.Changes.Select(change => change.ToString()));
        Assert.StartsWith("5-1-", recorder.Transactions[1].Id, StringComparison.Ordinal);
        Assert.True(MySqlPosition.TryParse(recorder.Position?.Text ?? "", out var position));
        Assert.Equal([0u, 5u], Assert.IsType<MariaDbGtids>(position.Gtids).Domains.ToArray().Select(gtid => gtid.Domain));
    }

    [Fact]
    public async Task With_full_metadata_rows_before_and_after_an_alter_have_their_own_shape()
    {
        var recorder = await CaptureAsync(
            "CREATE TABLE a (id INT PRIMARY KEY, old VARCHAR(5) CHARACTER SET latin1, e ENUM('x','ß') CHARACTER SET latin1, j JSON, gone INT UNSIGNED)",
            "INSERT INTO a VALUES (1, 'ü', 'ß', '[]', 4294967295); ALTER TABLE a DROP gone, CHANGE old new VARCHAR(9) CHARACTER SET utf8mb4, ADD extra DATE; "
            + "INSERT INTO a VALUES (2, 'new', 'x', '{}', '2024-01-01')");

        var changes = recorder.Changes.ToList();
        Assert.Equal(["id", "old", "e", "j", "gone"], changes[0].Schema.Columns.Select(column => column.Name));
        Assert.Equal(["id", "new", "e", "j", "extra"], changes[1].Schema.Columns.Select(column => column.Name));
        Assert.Equal("Insert a (1,ü,ß,[],4294967295)", changes[0].ToString());
        Assert.Equal("Insert a (2,new,x,{},2024-01-01)", changes[1].ToString());
        Assert.Equal(ColumnKind.Json, changes[0].Schema.Columns[3].Kind);
        Assert.Equal([0], changes[0].Schema.Key);
    }

    [Fact]
    public async Task Tables_created_later_are_captured_when_the_pattern_fits()
    {
        var recorder = await CaptureAsync("CREATE TABLE a (id INT PRIMARY KEY)", "CREATE TABLE later (id INT PRIMARY KEY); INSERT INTO later VALUES (5)");

        // The catalog knew the table already when its CREATE was met: whatever a target has of that name is of another one.
        Assert.Equal(["Truncate later", "Insert later (5)"], recorder.Changes.Select(change => change.ToString().TrimEnd()));
    }

    [Fact]
    public async Task Tables_that_are_not_captured_move_the_position_only()
    {
        var recorder = await CaptureAsync(
            "CREATE TABLE a (id INT PRIMARY KEY); CREATE TABLE secret (id INT PRIMARY KEY, g GEOMETRY)",
            "INSERT INTO secret VALUES (1, NULL); INSERT INTO a VALUES (1); TRUNCATE secret; XA START 'x'; INSERT INTO secret VALUES (2, NULL); XA END 'x'; XA PREPARE 'x'; XA COMMIT 'x'",
            tables: "a");

        Assert.Equal(["Insert a (1)"], recorder.Changes.Select(change => change.ToString()));
    }

    [Fact]
    public async Task A_commit_after_which_nothing_worth_telling_comes_is_not_kept_waiting()
    {
        // All of it waits in one buffer: after the commit comes the end of the file and the beginning of the next, and then nothing.
        var database = maria.NextDatabase();
        await maria.ExecuteAsync($"CREATE DATABASE {database}; CREATE TABLE {database}.a (id INT PRIMARY KEY)");
        var source = maria.Source(database);
        var start = await source.CurrentPositionAsync(Token);
        await maria.ExecuteAsync($"INSERT INTO {database}.a VALUES (1); FLUSH BINARY LOGS");
        var recorder = new Recorder();
        var told = recorder.WhenAsync(recorder => recorder.Transactions.Count == 1 && !recorder.MoreInput);
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(Token);

        var running = source.RunAsync(new() { From = start }, recorder, stopping.Token).AsTask();
        await told.WaitAsync(TimeSpan.FromSeconds(5), Token);

        await stopping.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task Who_only_has_a_look_does_not_cut_off_the_one_that_captures()
    {
        var database = maria.NextDatabase();
        await maria.ExecuteAsync($"CREATE DATABASE {database}; CREATE TABLE {database}.a (id INT PRIMARY KEY)");
        MySqlSource[] sources = [maria.Source(database), maria.Source(database, isBeside: true)];
        Recorder[] recorders = [new(), new()];
        var start = await sources[0].CurrentPositionAsync(Token);
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var running = sources.Zip(recorders, (source, recorder) => source.RunAsync(new() { From = start }, recorder, stopping.Token).AsTask()).ToList();
        for (var id = 1; id <= 3; id++)
        {
            await maria.ExecuteAsync($"INSERT INTO {database}.a VALUES ({id})");
            var passed = await sources[0].CurrentPositionAsync(Token);
            await Task.WhenAll(recorders.Select(recorder => recorder.WhenPassedAsync(passed))).WaitAsync(TimeSpan.FromSeconds(20), Token);
            Assert.DoesNotContain(running, task => task.IsCompleted);
        }

        await stopping.CancelAsync();
        foreach (var task in running)
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => task);
    }

    [Fact]
    public async Task A_quiet_server_is_heard_of()
    {
        var database = maria.NextDatabase();
        await maria.ExecuteAsync($"CREATE DATABASE {database}; CREATE TABLE {database}.a (id INT PRIMARY KEY)");
        var source = maria.Source(database, SnapshotMode.Initial);
        var recorder = new Recorder();
        var advances = 0;
        recorder.OnCommit = _ => advances++;
        var heard = recorder.WhenAsync(_ => advances > 5);
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(Token);

        // A source that has just read its snapshot asks for four heartbeats a second.
        var running = source.RunAsync(new(), recorder, stopping.Token).AsTask();
        await heard.WaitAsync(TimeSpan.FromSeconds(10), Token);

        await stopping.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    /// <summary>Runs the statements, then a source over exactly them.</summary>
    private async Task<Recorder> CaptureAsync(string before, string captured, string tables = "*")
    {
        var database = maria.NextDatabase();
        var source = maria.Source(database, tables: tables);
        await maria.ExecuteAsync($"SET GLOBAL binlog_row_metadata = FULL; CREATE DATABASE {database} CHARACTER SET utf8mb4; USE {database}; {before}");
        var start = await source.CurrentPositionAsync(Token);
        await maria.ExecuteAsync($"USE {database}; {captured}");
        var recorder = new Recorder();
        await source.RunAsync(new() { From = start, Until = await source.CurrentPositionAsync(Token) }, recorder, Token);
        return recorder;
    }
}
