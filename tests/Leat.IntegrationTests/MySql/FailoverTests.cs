using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.IntegrationTests.MySql.Servers;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.IntegrationTests.MySql;

/// <summary>Capture goes on at another server of the same replication, by GTID, and never at one that lacks something.</summary>
public sealed class FailoverTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(TestProduct.MariaDb)]
    [InlineData(TestProduct.MySql9)]
    [Trait("case", "7")]
    public async Task A_replica_that_takes_over_is_read_on_where_the_dead_server_was(TestProduct product)
    {
        await using var first = await TestServer.StartAsync(product, "--log-slave-updates=1");
        await using var second = await TestServer.StartAsync(product, "--server-id=2", "--log-slave-updates=1");
        await ReplicateAsync(first, second);
        await first.ExecuteAsync("CREATE DATABASE d; CREATE TABLE d.a (id INT PRIMARY KEY)");
        var source = Source(first, second);
        var start = await source.CurrentPositionAsync(Token);
        await first.ExecuteAsync("INSERT INTO d.a VALUES (1)" + (first.IsMariaDb ? "; SET SESSION gtid_domain_id = 7; INSERT INTO d.a VALUES (2); INSERT INTO d.a VALUES (3)" : "; INSERT INTO d.a VALUES (2), (3)"));
        var before = new Recorder();
        await source.RunAsync(new() { From = start, Until = await source.CurrentPositionAsync(Token) }, before, Token);
        await CatchUpAsync(first, second);
        await first.KillAsync();
        await second.ExecuteAsync(second.IsMariaDb ? "STOP SLAVE; RESET SLAVE ALL" : "STOP REPLICA; RESET REPLICA ALL");
        await second.ExecuteAsync("INSERT INTO d.a VALUES (4); INSERT INTO d.a VALUES (5)");

        var after = new Recorder();
        await source.RunAsync(new() { From = before.Position, Until = await source.CurrentPositionAsync(Token) }, after, Token);

        Assert.Equal(["Insert a (1)", "Insert a (2)", "Insert a (3)"], before.Changes.Select(change => change.ToString()));
        Assert.Equal(["Insert a (4)", "Insert a (5)"], after.Changes.Select(change => change.ToString()));
        Assert.True(MySqlPosition.TryParse(after.Position?.Text ?? "", out var position));
        Assert.Equal(2u, position.ServerId);
    }

    [Theory]
    [InlineData(TestProduct.MariaDb)]
    [InlineData(TestProduct.MySql9)]
    [Trait("case", "6")]
    public async Task A_server_that_lacks_what_was_read_is_not_read(TestProduct product)
    {
        await using var first = await TestServer.StartAsync(product);
        await using var other = await TestServer.StartAsync(product, "--server-id=2");
        await other.ExecuteAsync("CREATE DATABASE d; CREATE TABLE d.a (id INT PRIMARY KEY)");
        await first.ExecuteAsync("CREATE DATABASE d; CREATE TABLE d.a (id INT PRIMARY KEY); INSERT INTO d.a VALUES (1); INSERT INTO d.a VALUES (2)");
        var position = await Source(first).CurrentPositionAsync(Token);

        var error = await Assert.ThrowsAsync<PauseException>(() => Source(other).RunAsync(new() { From = position }, new Recorder(), Token).AsTask());

        Assert.True(MySqlPosition.TryParse(position.Text, out var read));
        Assert.Equal(
            $"Source 'shop' cannot resume: 127.0.0.1:{other.Port} does not have the transactions {read.Gtids} that were read before. If it is a replica that lags behind, wait: Leat looks "
            + "again every 30 s. If its history is another one (it was reset, or lost them when it took over), begin anew with an empty log folder, which takes a new snapshot. [LEAT-4036]",
            error.Message);
    }

    [Fact]
    [Trait("case", "6")]
    public async Task Transactions_purged_from_a_MySQL_server_are_named()
    {
        await using var server = await TestServer.StartAsync(TestProduct.MySql9);
        var source = Source(server);
        await server.ExecuteAsync("CREATE DATABASE d; CREATE TABLE d.a (id INT PRIMARY KEY)");
        var old = await source.CurrentPositionAsync(Token);
        await server.ExecuteAsync("INSERT INTO d.a VALUES (1); INSERT INTO d.a VALUES (2); FLUSH BINARY LOGS; INSERT INTO d.a VALUES (3)");
        await server.PurgeBinlogAsync();

        var error = await Assert.ThrowsAsync<PauseException>(() => source.RunAsync(new() { From = old }, new Recorder(), Token).AsTask());

        Assert.True(MySqlPosition.TryParse(old.Text, out var position));
        var last = long.Parse($"{position.Gtids}".Split('-')[^1], null);
        Assert.Equal(
            $"Source 'shop' cannot resume at GTID {position.Gtids}: 127.0.0.1:{server.Port} has no transactions {position.ServerUuid}:{last + 1}-{last + 2} in its binlog any more. Changes in them are "
            + "lost to this source: have its tables read again with `leat snapshot start FILE shop --tables d.a`, and let the server keep its binlog longer (binlog_expire_logs_seconds). [LEAT-4030]",
            error.Message);
    }

    [Theory]
    [InlineData(TestProduct.MySql9)]
    [InlineData(TestProduct.MySql56)]
    [Trait("case", "6")]
    public async Task A_binlog_that_was_reset_and_grew_again_is_noticed(TestProduct product)
    {
        await using var server = await TestServer.StartAsync(product);
        var source = Source(server);
        await server.ExecuteAsync("CREATE DATABASE d; CREATE TABLE d.a (id INT PRIMARY KEY) ENGINE = InnoDB");
        await server.ExecuteAsync(Reset(server));
        var start = await source.CurrentPositionAsync(Token);
        await server.ExecuteAsync("INSERT INTO d.a VALUES (1)");
        var before = new Recorder();
        await source.RunAsync(new() { From = start, Until = await source.CurrentPositionAsync(Token) }, before, Token);

        // The same statements give the same numbers and offsets; only the events themselves differ.
        await server.ExecuteAsync(Reset(server) + "; INSERT INTO d.a VALUES (2); INSERT INTO d.a VALUES (3); INSERT INTO d.a VALUES (4)");
        var error = await Assert.ThrowsAsync<PauseException>(() => source.RunAsync(new() { From = before.Position }, new Recorder(), Token).AsTask());

        Assert.Equal(["Insert a (1)"], before.Changes.Select(change => change.ToString()));
        Assert.True(MySqlPosition.TryParse(before.Position?.Text ?? "", out var position));
        Assert.Equal(
            $"Source 'shop' cannot resume: at {position.File}:{position.Offset} 127.0.0.1:{server.Port} now has another event where {position.Place} was read. Its binlog was reset or replaced. "
            + "To go on all the same, have its tables read again: `leat snapshot start FILE shop --tables d.a`. [LEAT-4031]", error.Message);
    }

    [Fact]
    public async Task Without_gtids_another_server_is_refused_and_a_purged_file_is_named()
    {
        await using var server = await TestServer.StartAsync(TestProduct.MySql56);
        await using var other = await TestServer.StartAsync(TestProduct.MySql56, "--server-id=2");
        await other.ExecuteAsync("CREATE DATABASE d; CREATE TABLE d.a (id INT PRIMARY KEY)");
        await server.ExecuteAsync("CREATE DATABASE d; CREATE TABLE d.a (id INT PRIMARY KEY)");
        var old = await Source(server).CurrentPositionAsync(Token);
        await server.ExecuteAsync("FLUSH BINARY LOGS; FLUSH BINARY LOGS");
        await server.PurgeBinlogAsync();
        var newest = (await server.QueryAsync("SHOW BINARY LOGS"))[^1][0];

        var elsewhere = await Assert.ThrowsAsync<PauseException>(() => Source(other).RunAsync(new() { From = old }, new Recorder(), Token).AsTask());
        var purged = await Assert.ThrowsAsync<PauseException>(() => Source(server).RunAsync(new() { From = old }, new Recorder(), Token).AsTask());

        Assert.True(MySqlPosition.TryParse(old.Text, out var position));
        Assert.Equal(
            $"Source 'shop' cannot resume at {position.Place}: 127.0.0.1:{other.Port} is not the server {position.ServerUuid} that was read, and without GTIDs its files say nothing of this one's. Correct "
            + "'host'. To go on all the same, have its tables read again: `leat snapshot start FILE shop --tables d.a`. With gtid_mode = ON on the servers capture goes on at any of them. [LEAT-4035]", elsewhere.Message);
        Assert.Equal(
            $"Source 'shop' cannot resume at {position.Place}: 127.0.0.1:{server.Port} has only {newest} to {newest}. Changes in them are lost to this source: have its tables read again with "
            + "`leat snapshot start FILE shop --tables d.a`, and let the server keep its binlog longer (binlog_expire_logs_seconds). [LEAT-4030]", purged.Message);
    }

    private static MySqlSource Source(TestServer server, params TestServer[] others) => new(
        new()
        {
            Endpoint = server.Endpoint with { MultiStatements = false },
            Others = [.. others.Select(other => other.Endpoint with { MultiStatements = false })],
            Tables = [new("d", "*")],
            Snapshot = SnapshotMode.Never,
        },
        new("shop", NullLoggerFactory.Instance, TimeProvider.System));

    private static string Reset(TestServer server) => server.Product == TestProduct.MySql9 ? "RESET BINARY LOGS AND GTIDS" : "RESET MASTER";

    private static Task ReplicateAsync(TestServer from, TestServer to) => to.ExecuteAsync(to.IsMariaDb
        ? $"CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {from.Port}, MASTER_USER = 'root', MASTER_USE_GTID = slave_pos; START SLAVE"
        : $"CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = {from.Port}, SOURCE_USER = 'root', SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1; START REPLICA");

    private static async Task CatchUpAsync(TestServer from, TestServer to)
    {
        var end = (await from.QueryAsync(from.IsMariaDb ? "SELECT @@global.gtid_binlog_pos" : "SELECT @@global.gtid_executed"))[0][0].Replace("\n", "", StringComparison.Ordinal);
        var reached = await to.QueryAsync(to.IsMariaDb ? $"SELECT MASTER_GTID_WAIT('{end}', 30)" : $"SELECT WAIT_FOR_EXECUTED_GTID_SET('{end}', 30)");
        Assert.Equal("0", reached[0][0]);
    }
}
