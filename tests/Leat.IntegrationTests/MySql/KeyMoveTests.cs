using System.Globalization;
using System.Text;
using Leat.IntegrationTests.MySql.Servers;
using Leat.IntegrationTests.Redis;
using Leat.Pipeline;
using Leat.Pipeline.Definitions;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.IntegrationTests.MySql;

/// <summary>Primary keys that move, from a real server to Redis and to a second database.</summary>
public sealed class KeyMoveTests(RedisFixture redis) : IClassFixture<RedisFixture>
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [Trait("case", "20")]
    [InlineData(TestProduct.MariaDb)]
    [InlineData(TestProduct.MariaDb11)]
    public async Task Targets_hold_the_rows_under_their_new_keys_alone(TestProduct product)
    {
        var server = await TestServer.SharedAsync(product);
        var (database, copy) = ($"{product}_{server.NextDatabase()}".ToLowerInvariant(), server.NextDatabase());
        await server.ExecuteAsync(
            $"CREATE DATABASE {database}; CREATE DATABASE {copy}; USE {database}; CREATE TABLE t (a INT, b VARCHAR(10), v INT, PRIMARY KEY (b, a)); "
            + "INSERT INTO t VALUES (1, 'x', 1), (2, 'x', 2), (3, 'x', 3), (4, 'x', 4), (5, 'x', 5), (6, 'x', 6)");
        var (file, problems) = LeatFileReader.Read(
            "/leat.yaml", Encoding.UTF8.GetBytes(Yaml(server.Port, database, copy, redis.Server.Port)), ConnectorList.Catalog, new(_ => null, File.ReadAllText));
        Assert.Empty(problems);
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(Token);
        await using var engine = Engine.Open(file ?? throw new InvalidOperationException("not read"), NullLoggerFactory.Instance, TimeProvider.System);
        var running = engine.RunAsync(stopping.Token);
        await UntilSameAsync(server, database, copy);

        await server.ExecuteAsync(
            // The last operation of a transaction, after another one on the same row; a key that is taken again; a chain; there and back.
            $"USE {database}; BEGIN; UPDATE t SET v = 10 WHERE a = 1; UPDATE t SET a = 100 WHERE a = 1; COMMIT; "
            + "BEGIN; UPDATE t SET a = 200 WHERE a = 2; INSERT INTO t VALUES (2, 'x', 22); COMMIT; "
            + "BEGIN; UPDATE t SET a = 33 WHERE a = 3; UPDATE t SET a = 333, b = 'y' WHERE a = 33; UPDATE t SET v = 3333 WHERE a = 333; COMMIT; "
            + "BEGIN; UPDATE t SET a = 44 WHERE a = 4; UPDATE t SET a = 4, v = 44 WHERE a = 44; COMMIT; "
            + "BEGIN; UPDATE t SET a = 55 WHERE a = 5; DELETE FROM t WHERE a = 55; COMMIT; "
            + "UPDATE t SET a = a + 1000 ORDER BY a DESC; DELETE FROM t WHERE a = 1006; UPDATE t SET b = 'z'");
        var rows = await UntilSameAsync(server, database, copy);
        await stopping.CancelAsync();
        await running;

        Assert.Equal(["1002,z,22", "1004,z,44", "1100,z,10", "1200,z,2", "1333,z,3333"], rows);
    }

    private static string Yaml(int port, string database, string copy, int redisPort) => string.Create(CultureInfo.InvariantCulture, $$"""
        log:
          folder: {{TestRunFolder.New()}}/log
        sources:
          shop:
            mysql: { host: 127.0.0.1, port: {{port}}, user: root, tables: ["{{database}}.*"], server_id: {{TestServer.NextReplicaId()}} }
        pipelines:
          cache:
            from: shop
            tables: { t: {{database}}.t }
            sink: { redis: { address: "127.0.0.1:{{redisPort}}", key: "{{database}}:{b}:{a}" } }
          copy:
            from: shop
            tables: { t: {{database}}.t }
            sink: { mysql: { host: 127.0.0.1, port: {{port}}, user: root, database: {{copy}} } }
        """);

    // Waits until both targets hold what the source does, or fails with the difference.
    private async Task<string[]> UntilSameAsync(TestServer server, string database, string copy)
    {
        using var limit = new CancellationTokenSource(Limit);
        while (true)
        {
            var wanted = await RowsAsync(server, $"{database}.t");
            var delivered = await TryRowsAsync(server, $"{copy}.t");
            var cached = (await redis.AskAsync("KEYS", $"{database}:*")).Split(' ', StringSplitOptions.RemoveEmptyEntries).Length;
            if (wanted.SequenceEqual(delivered) && await IsCachedAsync(database, wanted) && cached == wanted.Length)
                return wanted;
            Assert.False(limit.IsCancellationRequested, $"wanted {string.Join(' ', wanted)}, the copy has {string.Join(' ', delivered)}, Redis has {cached} keys");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Token);
        }
    }

    private async Task<bool> IsCachedAsync(string database, string[] rows)
    {
        foreach (var row in rows)
        {
            var values = row.Split(',');
            if (!(await redis.AskAsync("HGET", $"{database}:{values[1]}:{values[0]}", "v")).Contains(values[2], StringComparison.Ordinal))
                return false;
        }

        return true;
    }

    private static async Task<string[]> TryRowsAsync(TestServer server, string table) =>
        (await server.QueryAsync($"SELECT COUNT(*) FROM information_schema.TABLES WHERE CONCAT(TABLE_SCHEMA, '.', TABLE_NAME) = '{table}'"))[0][0] == "0" ? [] : await RowsAsync(server, table);

    private static async Task<string[]> RowsAsync(TestServer server, string table) =>
        [.. (await server.QueryAsync($"SELECT a, b, v FROM {table} ORDER BY a, b")).Select(row => string.Join(',', row))];
}
