using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Wire;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.IntegrationTests.MySql;

/// <summary>What a source will not pass over, each with the whole message.</summary>
public sealed class RefusalTests(MariaDbFixture maria) : IClassFixture<MariaDbFixture>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Address => $"127.0.0.1:{maria.Server.Port}";

    [Theory]
    [InlineData(
        "SET SESSION binlog_format = STATEMENT; INSERT INTO a VALUES (2)",
        "changes {db}.a by a statement whose rows are not in the binlog: INSERT INTO a VALUES (2). "
        + "SET GLOBAL binlog_format = ROW; and see that no session sets another. Have the table read again, which passes this place: `leat snapshot start FILE shop --tables {db}.a`. [LEAT-4024]")]
    public async Task Statements_that_hide_changes_stop_the_source(string sql, string message)
    {
        var database = await DatabaseAsync("CREATE TABLE a (id INT PRIMARY KEY); INSERT INTO a VALUES (1)");
        var source = maria.Source(database);
        var start = await source.CurrentPositionAsync(Token);
        await maria.ExecuteAsync($"USE {database}; {sql}");
        await maria.ExecuteAsync($"CREATE TABLE IF NOT EXISTS {database}.a (id INT PRIMARY KEY)");
        var recorder = new Recorder();

        var error = await Assert.ThrowsAsync<PauseException>(
            async () => await source.RunAsync(new() { From = start, Until = await source.CurrentPositionAsync(Token) }, recorder, Token));

        Assert.StartsWith("Source 'shop': ", error.Message, StringComparison.Ordinal);
        Assert.EndsWith(message.Replace("{db}", database, StringComparison.Ordinal), error.Message, StringComparison.Ordinal);
        Assert.Empty(recorder.Transactions);
    }

    [Fact]
    public async Task A_table_without_a_primary_key_is_refused_at_start()
    {
        var error = await FailAsync("CREATE TABLE a (v INT, w INT)", "SET @x = 1");

        Assert.Equal(
            "Source 'shop': {db}.a has neither a primary key nor a unique index over columns that cannot be NULL, so that its rows cannot be told apart. Give it one, for example "
            + "ALTER TABLE `{db}`.`a` ADD PRIMARY KEY (`v`); or take it out of 'tables'; or capture it all the same, by all its columns: keyless: [{db}.a]. [LEAT-4042]", error);
    }

    [Fact]
    public async Task A_character_set_that_is_not_known_is_refused_by_table_and_column()
    {
        // The one in which the server keeps names of files: nobody's text, but a column may have it.
        var error = await FailAsync("CREATE TABLE a (id INT PRIMARY KEY, k VARCHAR(10) CHARACTER SET filename)", "SET @x = 1");

        Assert.Equal(
            "Source 'shop': column 'k' of {db}.a cannot be captured yet: character set filename. "
            + "Take {db}.a out of 'tables', or change it to something that TYPES.md lists. [LEAT-4028]", error);
    }

    [Fact]
    public async Task A_table_of_another_engine_is_refused_at_start()
    {
        var error = await FailAsync("CREATE TABLE a (id INT PRIMARY KEY) ENGINE = MyISAM", "SET @x = 1");

        Assert.Equal(
            "Source 'shop': {db}.a is stored by MyISAM, which gives no consistent view to read it from. ALTER TABLE `{db}`.`a` ENGINE = InnoDB; "
            + "or take it out of 'tables'. [LEAT-4043]", error);
    }

    [Fact]
    public async Task Patterns_without_a_table_are_refused_at_start()
    {
        var database = await DatabaseAsync("SET @x = 1");

        var error = await Assert.ThrowsAsync<PauseException>(() => maria.Source(database).RunAsync(new(), new Recorder(), Token).AsTask());

        Assert.Equal(
            $"Source 'shop': no table of the server that the account can see fits {database}.*. Correct 'tables', create them, or grant SELECT on them. [LEAT-4041]",
            error.Message);
    }

    [Fact]
    public async Task A_position_that_was_never_at_the_server_stops_the_source()
    {
        var database = await DatabaseAsync("CREATE TABLE a (id INT PRIMARY KEY)");
        var source = maria.Source(database);
        var from = await source.ParsePositionAsync("0-1-999999", Token);

        var error = await Assert.ThrowsAsync<PauseException>(() => source.RunAsync(new() { From = from }, new Recorder(), Token).AsTask());

        Assert.Equal(
            $"Source 'shop' cannot resume: {Address} does not have the transactions 0-1-999999 that were read before. If it is a replica that lags behind, wait: Leat looks again "
            + "every 30 s. If its history is another one (it was reset, or lost them when it took over), begin anew with an empty log folder, which takes a new snapshot. [LEAT-4036]", error.Message);
    }

    [Fact]
    public async Task Purged_and_reset_binlogs_stop_the_source()
    {
        await using var server = await TestServers.MariaDbAsync();
        var options = new MySqlSourceOptions { Endpoint = maria.Endpoint with { Port = server.Port }, Tables = [new("d", "*")], Snapshot = SnapshotMode.Never };
        var source = new MySqlSource(options, new("shop", NullLoggerFactory.Instance, TimeProvider.System));
        await server.ExecuteAsync("CREATE DATABASE d; CREATE TABLE d.a (id INT PRIMARY KEY); INSERT INTO d.a VALUES (1)", Token);
        var old = await source.CurrentPositionAsync(Token);
        await server.ExecuteAsync("INSERT INTO d.a VALUES (2); FLUSH BINARY LOGS; FLUSH BINARY LOGS; INSERT INTO d.a VALUES (3)", Token);
        do
            await server.ExecuteAsync("PURGE BINARY LOGS TO 'bin.000003'", Token); // not as long as the server's checkpoint has not passed the others
        while ((await server.QueryAsync("SHOW BINARY LOGS", Token)).Count > 1);
        var purged = await Assert.ThrowsAsync<PauseException>(() => source.RunAsync(new() { From = old }, new Recorder(), Token).AsTask());
        await server.ExecuteAsync("RESET MASTER; USE d; INSERT INTO d.a VALUES (4), (5), (6), (7); INSERT INTO d.a VALUES (8); INSERT INTO d.a SELECT seq FROM seq_100_to_500", Token);
        var reset = await Assert.ThrowsAsync<PauseException>(() => source.RunAsync(new() { From = old }, new Recorder(), Token).AsTask());

        Assert.True(MySqlPosition.TryParse(old.Text, out var position));
        Assert.Equal(
            $"Source 'shop' cannot resume at GTID 0-1-3: 127.0.0.1:{server.Port} has no transactions 4 to 4 of domain 0 in its binlog any more. Changes in them are lost to this source: have its "
            + "tables read again with `leat snapshot start FILE shop --tables d.a`, and let the server keep its binlog longer (binlog_expire_logs_seconds). [LEAT-4030]", purged.Message);
        Assert.Equal(4030, purged.Code.Number);
        Assert.Matches(
            $"^Source 'shop' cannot resume: at bin.000001:{position.Offset} 127.0.0.1:{server.Port} now has (another event|no transaction's end|a file of [0-9]+ bytes) where GTID 0-1-3 was read. "
            + "Its binlog was reset or replaced. To go on all the same, have its tables read again: `leat snapshot start FILE shop --tables d.a`. \\[LEAT-4031\\]$", reset.Message);
    }

    [Fact]
    public async Task A_second_replica_of_the_same_number_is_told_by_the_setting()
    {
        var database = await DatabaseAsync("CREATE TABLE a (id INT PRIMARY KEY)");
        var source = maria.Source(database);
        var first = new Recorder();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var running = source.RunAsync(new() { From = await source.CurrentPositionAsync(Token) }, first, stop.Token).AsTask();
        var seen = first.WhenAsync(recorder => recorder.Transactions.Count > 0);
        await maria.ExecuteAsync($"INSERT INTO {database}.a VALUES (1)");
        await Task.WhenAny(seen, running);

        var second = source.RunAsync(new() { From = await source.CurrentPositionAsync(Token) }, new Recorder(), stop.Token).AsTask();
        var error = await Assert.ThrowsAsync<RetriableException>(() => running);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);

        Assert.Matches(
            $"^Source 'shop' was cut off by {Address}: another replica signed in with the same server id [0-9]+. Set 'server_id' of one of the two to a number "
            + "that no other replica of this server has \\(SHOW SLAVE HOSTS lists them\\). \\[LEAT-4029\\]$", error.Message);
    }

    [Fact]
    public async Task A_position_that_nobody_understands_is_told_what_would_be()
    {
        var error = await Assert.ThrowsAsync<LeatException>(() => maria.Source("x").ParsePositionAsync("yesterday", Token).AsTask());

        Assert.Equal(
            "Source 'shop' does not understand the position 'yesterday'. Write 'now', a time such as 2026-01-05T08:00:00Z, a GTID position such as 0-1-42 "
            + "(several domains: 0-1-42,3-7-9; MySQL: uuid:1-42), or a position as `leat status` prints it. [LEAT-4034]", error.Message);
    }

    private async Task<string> DatabaseAsync(string sql)
    {
        var database = maria.NextDatabase();
        await maria.ExecuteAsync($"CREATE DATABASE {database} CHARACTER SET utf8mb4; USE {database}; {sql}");
        return database;
    }

    // The message with the database's name replaced.
    private async Task<string> FailAsync(string before, string captured)
    {
        var database = await DatabaseAsync(before);
        var source = maria.Source(database);
        var start = await source.CurrentPositionAsync(Token);
        await maria.ExecuteAsync($"USE {database}; {captured}");
        var error = await Assert.ThrowsAsync<PauseException>(
            async () => await source.RunAsync(new() { From = start, Until = await source.CurrentPositionAsync(Token) }, new Recorder(), Token));
        return error.Message.Replace(database, "{db}", StringComparison.Ordinal);
    }
}
