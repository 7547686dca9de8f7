using System.Globalization;
using System.Text;
using Leat.Connectors.MySql.Wire;
using Leat.IntegrationTests.MySql.Servers;
using Leat.Pipeline;
using Leat.Pipeline.Definitions;
using Leat.Pipeline.Status;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.IntegrationTests.MySql;

/// <summary>Whole pipelines from a MariaDB into a database: unique values on several lanes, transactions kept whole, rows that lack columns.</summary>
public sealed class SinkPipelineTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(120);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(TestProduct.MariaDb)]
    [InlineData(TestProduct.MySql9)]
    public async Task Unique_values_pass_between_rows_of_different_lanes_while_connections_are_cut(TestProduct targetProduct)
    {
        await using var world = await World.BeginAsync(
            targetProduct, "CREATE TABLE t (id INT PRIMARY KEY, code INT, n INT, UNIQUE KEY one_code (code)) ENGINE=InnoDB", "lanes: 4", "", copyHasIndexes: true);
        await world.SourceAsync($"INSERT INTO t VALUES {string.Join(",", Enumerable.Range(1, 40).Select(i => $"({i},{i},0)"))}");
        var running = world.Run();
        await world.UntilSameAsync("t", "id, code, n");

        var random = new Random(7);
        for (var round = 0; round < 150; round++)
        {
            await world.SourceAsync(HandOver(random));
            if (round % 40 == 20)
                await world.CutTargetConnectionsAsync();
        }

        await world.UntilSameAsync("t", "id, code, n");
        var accounting = world.Accounting;
        await running.StopAsync();
        Assert.Equal(0, accounting.DeadLettered);
        Assert.True(accounting.Applied > 40);
    }

    [Theory]
    [InlineData(TestProduct.MariaDb)]
    [InlineData(TestProduct.MySql9)]
    public async Task A_unique_index_that_the_target_gets_while_lanes_run_is_heeded_from_then_on(TestProduct targetProduct)
    {
        await using var world = await World.BeginAsync(
            targetProduct, "CREATE TABLE t (id INT PRIMARY KEY, code INT, n INT, UNIQUE KEY one_code (code)) ENGINE=InnoDB", "lanes: 4", "", copyHasIndexes: false);
        await world.SourceAsync($"INSERT INTO t VALUES {string.Join(",", Enumerable.Range(1, 40).Select(i => $"({i},{i},0)"))}");
        var running = world.Run();
        await world.UntilSameAsync("t", "id, code, n");
        await world.ChangeTargetAsync("ALTER TABLE t ADD UNIQUE KEY one_code (code)");

        var random = new Random(11);
        for (var round = 0; round < 200; round++)
            await world.SourceAsync(HandOver(random));
        await world.UntilSameAsync("t", "id, code, n");
        var accounting = world.Accounting;
        await running.StopAsync();
        Assert.Equal(0, accounting.DeadLettered);
    }

    [Theory]
    [InlineData(TestProduct.MariaDb)]
    [InlineData(TestProduct.MySql9)]
    public async Task Tables_that_are_full_when_it_begins_arrive_whatever_the_order_of_their_foreign_keys(TestProduct targetProduct)
    {
        const string Tables =
            "CREATE TABLE t (id INT PRIMARY KEY, v INT) ENGINE=InnoDB; CREATE TABLE moves (id INT PRIMARY KEY AUTO_INCREMENT, account INT, v INT, FOREIGN KEY (account) REFERENCES t (id)) ENGINE=InnoDB";
        await using var world = await World.BeginAsync(targetProduct, Tables, "lanes: 1", "apply: transactional", copyHasIndexes: true);
        await world.SourceAsync("INSERT INTO t VALUES (1, 1000), (2, 1000); INSERT INTO moves (account, v) VALUES (1, 5), (2, 6), (1, 7)");
        var running = world.Run();
        await world.UntilSameAsync("moves", "id, account, v");
        await world.SourceAsync("INSERT INTO t VALUES (3, 0); INSERT INTO moves (account, v) VALUES (3, 5)");

        await world.UntilSameAsync("t", "id, v");
        await world.UntilSameAsync("moves", "id, account, v");
        var accounting = world.Accounting;
        await running.StopAsync();
        Assert.Equal(0, accounting.DeadLettered);
    }

    [Fact]
    public async Task Whole_transactions_arrive_whole_and_in_the_order_that_foreign_keys_need()
    {
        const string Tables =
            "CREATE TABLE t (id INT PRIMARY KEY, v INT) ENGINE=InnoDB; CREATE TABLE moves (id INT PRIMARY KEY AUTO_INCREMENT, account INT, v INT, FOREIGN KEY (account) REFERENCES t (id)) ENGINE=InnoDB";
        await using var world = await World.BeginAsync(TestProduct.MariaDb, Tables, "lanes: 1", "apply: transactional", copyHasIndexes: true);
        await world.SourceAsync("INSERT INTO t VALUES (1, 1000), (2, 1000), (3, 1000), (4, 1000), (5, 0)");
        var running = world.Run();
        await world.UntilSameAsync("t", "id, v");

        // Money moves between accounts; a new account gets some and is closed again. The sum over both tables is the same in every state of the source.
        var random = new Random(3);
        var looks = 0;
        for (var round = 0; round < 200; round++)
        {
            var (from, to, much) = (random.Next(1, 5), random.Next(1, 5), random.Next(1, 50));
            await world.SourceAsync(
                $"BEGIN; UPDATE t SET v = v - {2 * much} WHERE id = {from}; INSERT INTO moves (account, v) VALUES ({from}, {much}); UPDATE t SET v = v + {much} WHERE id = {to}; COMMIT; "
                + $"BEGIN; INSERT INTO t VALUES ({100 + round}, 0); INSERT INTO moves (account, v) VALUES ({100 + round}, 0); UPDATE moves SET account = {to} WHERE account = {100 + round}; DELETE FROM t WHERE id = {100 + round}; COMMIT");
            var sum = await world.TargetAsync("SELECT (SELECT SUM(v) FROM t) + IFNULL((SELECT SUM(v) FROM moves), 0)");
            Assert.Equal("4000", sum);
            looks++;
        }

        await world.UntilSameAsync("t", "id, v");
        await world.UntilSameAsync("moves", "id, account, v");
        var accounting = world.Accounting;
        await running.StopAsync();
        Assert.Equal((200, 0L), (looks, accounting.DeadLettered));
    }

    [Fact]
    public async Task Changes_that_lack_columns_update_what_they_tell()
    {
        await using var world = await World.BeginAsync(
            TestProduct.MySql9, "CREATE TABLE t (id INT PRIMARY KEY, v INT, note VARCHAR(20), more TEXT) ENGINE=InnoDB", "lanes: 2", "", copyHasIndexes: false);
        await world.SourceAsync("INSERT INTO t VALUES (1, 1, 'a', 'x'), (2, 2, 'b', 'y'), (3, 3, 'c', 'z')");
        var running = world.Run();
        await world.UntilSameAsync("t", "id, v, note, more");

        await world.SourceAsync(
            "SET SESSION binlog_row_image = MINIMAL; UPDATE t SET v = 10 WHERE id = 1; UPDATE t SET note = NULL, v = v + 1 WHERE id IN (2, 3); DELETE FROM t WHERE id = 3; "
            + "INSERT INTO t VALUES (4, 4, 'd', 'w'); UPDATE t SET more = REPEAT('m', 5000) WHERE id = 4; SET SESSION binlog_row_image = FULL; UPDATE t SET note = 'full' WHERE id = 2");
        await world.UntilSameAsync("t", "id, v, note, more");
        var accounting = world.Accounting;
        await running.StopAsync();
        Assert.Equal(0, accounting.DeadLettered);
    }

    // Swaps two codes, gives one to a new row, or frees one and takes it in another row.
    private static string HandOver(Random random)
    {
        var (a, b, c) = (random.Next(1, 41), random.Next(1, 41), random.Next(1, 41));
        return random.Next(3) switch
        {
            0 => $"BEGIN; SET @a = (SELECT code FROM t WHERE id = {a}), @b = (SELECT code FROM t WHERE id = {b}); UPDATE t SET code = NULL WHERE id IN ({a}, {b}); "
                + $"UPDATE t SET code = @b, n = n + 1 WHERE id = {a}; UPDATE t SET code = @a WHERE id = {b} AND id <> {a}; COMMIT",
            1 => $"BEGIN; SET @c = (SELECT code FROM t WHERE id = {c}); DELETE FROM t WHERE id = {c}; INSERT INTO t SELECT 100 + MAX(id), @c, 0 FROM t; COMMIT; "
                + $"INSERT IGNORE INTO t VALUES ({c}, NULL, 0)",
            _ => $"SET @b = (SELECT code FROM t WHERE id = {b}); UPDATE t SET code = NULL WHERE id = {b}; UPDATE t SET code = @b WHERE id = {a} AND id <> {b}; UPDATE t SET n = n + 1 WHERE id = {a}",
        };
    }

    /// <summary>A source database, its copy, and an engine between.</summary>
    private sealed class World : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stopping = CancellationTokenSource.CreateLinkedTokenSource(Token);
        private readonly TestServer _source;
        private readonly TestServer _target;
        private readonly string _database;
        private readonly string _copy;
        private readonly Engine _engine;
        private Task? _running;

        private World(TestServer source, TestServer target, string database, string copy, Engine engine) =>
            (_source, _target, _database, _copy, _engine) = (source, target, database, copy, engine);

        public Accounting Accounting => _engine.Status().Pipelines[0].Accounting;

        public static async Task<World> BeginAsync(TestProduct targetProduct, string tables, string pipelineSettings, string sinkSettings, bool copyHasIndexes)
        {
            var source = await TestServer.SharedAsync(TestProduct.MariaDb);
            var target = await TestServer.StartAsync(targetProduct);
            var (database, copy) = ($"source_{source.NextDatabase()}", target.NextDatabase());
            await source.ExecuteAsync($"CREATE DATABASE {database}; USE {database}; {tables}");
            await target.ExecuteAsync($"CREATE DATABASE {copy}; USE {copy}; {(copyHasIndexes ? tables : "SELECT 1")}");
            var names = (await source.QueryAsync($"SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = '{database}'")).Select(row => $"{row[0]}: {database}.{row[0]}");
            var yaml = string.Create(CultureInfo.InvariantCulture, $$"""
                log:
                  folder: {{TestRunFolder.New()}}/log
                sources:
                  shop:
                    mysql: { host: 127.0.0.1, port: {{source.Port}}, user: root, tables: ["{{database}}.*"], server_id: {{TestServer.NextReplicaId()}} }
                pipelines:
                  copy:
                    from: shop
                    {{pipelineSettings}}
                    tables: { {{string.Join(", ", names)}} }
                    sink: { mysql: { host: 127.0.0.1, port: {{target.Port}}, user: root, database: {{copy}}{{(sinkSettings.Length > 0 ? ", " : "")}}{{sinkSettings}} } }
                """);
            var (file, problems) = LeatFileReader.Read("/leat.yaml", Encoding.UTF8.GetBytes(yaml), ConnectorList.Catalog, new(_ => null, File.ReadAllText));
            Assert.Empty(problems);
            return new(source, target, database, copy, Engine.Open(file ?? throw new InvalidOperationException("not read"), NullLoggerFactory.Instance, TimeProvider.System));
        }

        public World Run()
        {
            _running = _engine.RunAsync(_stopping.Token);
            return this;
        }

        public async Task StopAsync()
        {
            await _stopping.CancelAsync();
            if (_running is not null)
                await _running;
        }

        public Task SourceAsync(string sql) => _source.ExecuteAsync($"USE {_database}; {sql}");

        public async Task<string> TargetAsync(string sql)
        {
            await using var connection = await _target.OpenAsync();
            await connection.ExecuteAsync($"USE {_copy}", Token);
            return (await TestServer.QueryAsync(connection, sql))[0][0];
        }

        public Task ChangeTargetAsync(string sql) => _target.ExecuteAsync($"USE {_copy}; {sql}");

        public async Task CutTargetConnectionsAsync()
        {
            const int NoSuchThread = 1094;
            foreach (var row in await _target.QueryAsync("SELECT ID FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID() AND USER = 'root'"))
            {
                try
                {
                    await _target.ExecuteAsync($"KILL {row[0]}");
                }
                catch (MySqlServerException gone) when (gone.Code == NoSuchThread)
                {
                    continue; // ended by itself since it was listed
                }
            }
        }

        public async Task UntilSameAsync(string table, string columns)
        {
            using var limit = new CancellationTokenSource(Limit);
            while (true)
            {
                var wanted = await RowsAsync(_source, $"{_database}.{table}", columns);
                var found = await TryRowsAsync(columns, table);
                if (wanted.SequenceEqual(found))
                    return;
                Assert.False(
                    limit.IsCancellationRequested,
                    $"wanted {string.Join(' ', wanted)}, the copy has {string.Join(' ', found)}; {_engine.Status().Pipelines[0].Accounting}");
                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Token);
            }
        }

        public async ValueTask DisposeAsync()
        {
            await StopAsync();
            await _engine.DisposeAsync();
            await _target.DisposeAsync();
            _stopping.Dispose();
        }

        private async Task<string[]> TryRowsAsync(string columns, string table) =>
            (await _target.QueryAsync($"SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = '{_copy}' AND TABLE_NAME = '{table}'"))[0][0] == "0"
                ? [] : await RowsAsync(_target, $"{_copy}.{table}", columns);

        private static async Task<string[]> RowsAsync(TestServer server, string table, string columns) =>
            [.. (await server.QueryAsync($"SELECT {columns} FROM {table} ORDER BY id")).Select(row => string.Join(',', row))];
    }
}
