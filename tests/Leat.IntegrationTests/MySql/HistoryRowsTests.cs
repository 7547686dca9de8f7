using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.IntegrationTests.MySql.Servers;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.IntegrationTests.MySql;

/// <summary>System-versioned tables whose rows of history are told, because the file says so.</summary>
public sealed class HistoryRowsTests
{
    private const string Implicit = "CREATE TABLE t (id INT PRIMARY KEY, a INT) WITH SYSTEM VERSIONING";
    private const string Explicit =
        "CREATE TABLE t (id INT PRIMARY KEY, a INT, row_start TIMESTAMP(6) GENERATED ALWAYS AS ROW START, row_end TIMESTAMP(6) GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (row_start, row_end)) WITH SYSTEM VERSIONING";

    private const string Statements =
        "INSERT INTO t (id, a) VALUES (1, 1), (2, 2), (3, 3); UPDATE t SET a = 5 WHERE id = 1; DELETE FROM t WHERE id = 2; UPDATE t SET a = 6 WHERE id = 1; "
        + "UPDATE t SET id = 9 WHERE id = 3; INSERT INTO t (id, a) VALUES (2, 22); REPLACE INTO t (id, a) VALUES (9, 99)";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [Trait("case", "10")]
    [InlineData(TestProduct.MariaDb, Implicit, "FULL")]
    [InlineData(TestProduct.MariaDb, Explicit, "FULL")]
    [InlineData(TestProduct.MariaDb11, Implicit, "FULL")]
    [InlineData(TestProduct.MariaDb11, Explicit, "FULL")]
    [InlineData(TestProduct.MariaDb, Implicit, "NO_LOG")]
    [InlineData(TestProduct.MariaDb11, Explicit, "NO_LOG")]
    public async Task Stream_and_snapshot_tell_the_same_rows_of_history(TestProduct product, string table, string metadata)
    {
        await using var server = await TestServer.StartAsync(product, $"--binlog-row-metadata={metadata}");
        var database = server.NextDatabase();
        await server.ExecuteAsync($"CREATE DATABASE {database}; USE {database}; {table}");
        await using var source = Source(server, database, SnapshotMode.Never);
        var start = await source.CurrentPositionAsync(Token);
        await server.ExecuteAsync($"USE {database}; {Statements}");
        var streamed = new Recorder();
        await source.RunAsync(new() { From = start, Until = await source.CurrentPositionAsync(Token) }, streamed, Token);

        await using var reading = Source(server, database, SnapshotMode.Initial);
        var read = new Recorder();
        await reading.RunAsync(new() { Until = await reading.CurrentPositionAsync(Token) }, read, Token);

        var rows = await server.QueryAsync($"SELECT id, a, row_start, row_end FROM {database}.t FOR SYSTEM_TIME ALL");
        Assert.Equal(8, rows.Count);
        Assert.Equal(rows.Select(row => string.Join(',', row)).Order(StringComparer.Ordinal), streamed.Fold().Values.Order(StringComparer.Ordinal));
        Assert.Equal(streamed.Fold(), read.Fold());
        Assert.All(streamed.Changes.Concat(read.Changes), change => Assert.Equal(["id", "row_end"], change.Schema.Key.Select(ordinal => change.Schema.Columns[ordinal].Name)));
        Assert.All(read.Changes, change => Assert.Equal(streamed.Changes.First().Schema.Columns, change.Schema.Columns));

        var found = new List<ReadOnlyMemory<byte>>();
        var shape = (await reading.TablesAsync(Token))[0];
        await foreach (var row in reading.ReadTableAsync(shape, captured: null, Token))
            found.Add(row.Row.ToArray());
        var exist = await reading.ExistingAsync(shape, found, captured: null, Token);
        Assert.Equal((8, 8), (found.Count, exist.Count(there => there)));
    }

    [Theory]
    [Trait("case", "10")]
    [InlineData(TestProduct.MariaDb)]
    [InlineData(TestProduct.MariaDb11)]
    public async Task History_that_is_deleted_is_told(TestProduct product)
    {
        var server = await TestServer.SharedAsync(product);
        var database = server.NextDatabase();
        await server.ExecuteAsync($"CREATE DATABASE {database}; USE {database}; {Implicit}");
        await using var source = Source(server, database, SnapshotMode.Never);
        var start = await source.CurrentPositionAsync(Token);
        await server.ExecuteAsync($"USE {database}; {Statements}; DELETE HISTORY FROM t");
        var recorder = new Recorder();
        await source.RunAsync(new() { From = start, Until = await source.CurrentPositionAsync(Token) }, recorder, Token);

        Assert.Equal(["1,6", "2,22", "9,99"], recorder.Fold().Values.Select(row => string.Join(',', row.Split(',')[..2])));
    }

    [Theory]
    [Trait("case", "10")]
    [InlineData(TestProduct.MariaDb, 2)]
    [InlineData(TestProduct.MariaDb11, 1)]
    public async Task A_table_is_read_by_several_readers_over_key_and_end(TestProduct product, int readers)
    {
        var server = await TestServer.SharedAsync(product);
        var database = server.NextDatabase();
        await server.ExecuteAsync($"CREATE DATABASE {database}; USE {database}; {Implicit}; INSERT INTO t SELECT seq, 0 FROM seq_1_to_50; UPDATE t SET a = 1; UPDATE t SET a = 2; UPDATE t SET a = 3");
        await using var source = Source(server, database, SnapshotMode.Initial, options => options with { SnapshotChunkRows = 7, SnapshotReaders = readers });
        var recorder = new Recorder();
        await source.RunAsync(new() { Until = await source.CurrentPositionAsync(Token) }, recorder, Token);

        Assert.Equal((200, 200), (recorder.Changes.Count(), recorder.Fold().Count));
    }

    [Theory]
    [Trait("case", "10")]
    [InlineData(TestProduct.MariaDb)]
    [InlineData(TestProduct.MariaDb11)]
    public async Task A_table_whose_history_is_asked_for_later_is_read_again(TestProduct product)
    {
        var server = await TestServer.SharedAsync(product);
        var database = server.NextDatabase();
        await server.ExecuteAsync($"CREATE DATABASE {database}; USE {database}; {Implicit}; INSERT INTO t VALUES (1, 1); UPDATE t SET a = 2");
        var recorder = new Recorder();
        await using (var before = Source(server, database, SnapshotMode.Initial, options => options with { History = [] }))
            await before.RunAsync(new() { Until = await before.CurrentPositionAsync(Token) }, recorder, Token);
        var first = recorder.Changes.Count();
        await using var source = Source(server, database, SnapshotMode.Initial);
        await source.RunAsync(new() { From = recorder.Position, Until = await source.CurrentPositionAsync(Token) }, recorder, Token);

        Assert.Equal(1, first);
        Assert.Equal([ChangeKind.ReadAgain, ChangeKind.ReadAgain, ChangeKind.Sweep], recorder.Changes.Skip(first).Select(change => change.Kind));
    }

    [Theory]
    [Trait("case", "10")]
    [InlineData(TestProduct.MariaDb, "FULL")]
    [InlineData(TestProduct.MariaDb11, "NO_LOG")]
    public async Task When_history_is_dropped_the_table_is_read_again_by_its_own_key(TestProduct product, string metadata)
    {
        await using var server = await TestServer.StartAsync(product, $"--binlog-row-metadata={metadata}");
        var database = server.NextDatabase();
        await server.ExecuteAsync($"CREATE DATABASE {database}; USE {database}; {Implicit}");
        await using var source = Source(server, database, SnapshotMode.Never);
        var recorder = new Recorder();
        await source.RunAsync(new() { Until = await source.CurrentPositionAsync(Token) }, recorder, Token);
        await server.ExecuteAsync($"USE {database}; INSERT INTO t VALUES (1, 1); UPDATE t SET a = 2; ALTER TABLE t DROP SYSTEM VERSIONING; UPDATE t SET a = 3");
        await source.RunAsync(new() { From = recorder.Position, Until = await source.CurrentPositionAsync(Token) }, recorder, Token);

        Assert.Equal([ChangeKind.Insert, ChangeKind.Update, ChangeKind.Insert], recorder.Changes.Take(3).Select(change => change.Kind));
        Assert.Equal(["ReadAgain t (1,3)", "Sweep t", "Update t (1,2) (1,3)"], recorder.Changes.Skip(3).Select(change => change.ToString()).Order(StringComparer.Ordinal));
        Assert.All(recorder.Changes.Skip(3), change => Assert.Equal([0], change.Schema.Key));
    }

    private static MySqlSource Source(TestServer server, string database, SnapshotMode snapshot, Func<MySqlSourceOptions, MySqlSourceOptions>? change = null)
    {
        var options = new MySqlSourceOptions
        {
            Endpoint = server.Endpoint with { MultiStatements = false }, Tables = [new(database, "*")], History = [new(database, "t")], Snapshot = snapshot,
            ServerId = TestServer.NextReplicaId(),
        };
        return new(change?.Invoke(options) ?? options, new("shop", NullLoggerFactory.Instance, TimeProvider.System));
    }
}
