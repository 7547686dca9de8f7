using System.Globalization;
using System.Text;
using Leat.Demo;
using Leat.IntegrationTests.MySql.Servers;
using Leat.Pipeline;
using Leat.Pipeline.Compare;
using Leat.Pipeline.Definitions;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.IntegrationTests.Redis;

/// <summary>From a real source into every structure while the server is killed and comes back, with the comparison as the judge.</summary>
public sealed class RedisPipelineTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(120);

    private static readonly string[] Sinks =
    [
        "key: \"a:{id}\"",
        "key: \"b:{id}\", mode: merge",
        "key: \"c:{id}\", structure: string",
        "key: \"d:{id}\", structure: string, value: name",
        "key: \"e\", structure: set, member: \"{id}\"",
        "key: \"f:{country}\", structure: set, member: \"{name}:{id}\"",
        "key: \"g:{country}\", structure: sorted_set, member: \"{id}\", score: points",
        "key: \"h\", structure: stream",
        "key: \"i:{id}\", guard: version",
        "key: \"j:{id}\", exactly_once: true",
        "key: \"k:{country}:{id}\"",
    ];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_structure_holds_what_the_source_does_after_the_server_was_killed()
    {
        var server = await TestServer.SharedAsync(TestProduct.MariaDb);
        await using var redis = await TestServers.RedisAsync("--appendonly", "yes", "--appendfsync", "always");
        var database = server.NextDatabase();
        await server.ExecuteAsync(
            $"CREATE DATABASE {database}; USE {database}; CREATE TABLE people (id INT PRIMARY KEY, name VARCHAR(40), country CHAR(2), points DOUBLE NOT NULL, born DATE, doc JSON, raw VARBINARY(20)); "
            + "INSERT INTO people SELECT seq, CONCAT('n', seq), IF(seq % 3, 'DE', 'FR'), seq / 4, '2026-01-05', IF(seq % 5, JSON_OBJECT('a', seq), NULL), IF(seq % 2, UNHEX('FF00'), NULL) FROM seq_1_to_2000");
        var (read, problems) = LeatFileReader.Read(
            "/leat.yaml", Encoding.UTF8.GetBytes(Yaml(server.Port, database, redis.Port)), ConnectorList.Catalog, new(_ => null, File.ReadAllText));
        Assert.Empty(problems);
        var file = read ?? throw new InvalidOperationException("not read");
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(Token);
        await using var engine = Engine.Open(file, NullLoggerFactory.Instance, TimeProvider.System);
        var running = engine.RunAsync(stopping.Token);

        await UntilSameAsync(file, server, database);
        for (var round = 0; round < 3; round++)
        {
            await ChangeAsync(server, database, round);
            await redis.KillAsync();
            await ChangeAsync(server, database, round + 10);
            await redis.RestartAsync(Token);
        }

        await UntilSameAsync(file, server, database);
        await stopping.CancelAsync();
        await running;
        Assert.Equal("1", await RedisFixture.AskAsync(redis.Port, "EXISTS", "leat:positions:p9"));
    }

    // Members, scores and keys that change, columns that become NULL and back, rows that go and come again.
    private static Task ChangeAsync(TestServer server, string database, int round) => server.ExecuteAsync(string.Create(CultureInfo.InvariantCulture, $"""
        USE {database};
        UPDATE people SET country = IF(country = 'DE', 'AT', 'DE'), points = points + {round} WHERE id % 7 = {round % 7};
        UPDATE people SET name = IF(id % 2, NULL, CONCAT('r', {round}, ':', id)), doc = NULL WHERE id % 11 = {round % 11};
        DELETE FROM people WHERE id % 13 = {round % 13};
        INSERT INTO people SELECT seq, CONCAT('again', seq), 'IT', {round}, '2020-02-29', NULL, NULL FROM seq_1_to_2000 WHERE seq % 26 = {round % 13};
        UPDATE people SET id = id + {(round + 1) * 10_000} WHERE id % 97 = {round};
        BEGIN; UPDATE people SET name = 'rolled back'; ROLLBACK;
        """));

    private static async Task UntilSameAsync(LeatFile file, TestServer server, string database)
    {
        using var limit = new CancellationTokenSource(Limit);
        var rows = long.Parse((await server.QueryAsync($"SELECT COUNT(*) FROM {database}.people"))[0][0], CultureInfo.InvariantCulture);
        foreach (var pipeline in file.Pipelines)
        {
            while (true)
            {
                await using var source = file.Sources[0].Open(new("shop", NullLoggerFactory.Instance, TimeProvider.System));
                await using var sink = pipeline.OpenSink(new(pipeline.Name, NullLoggerFactory.Instance, TimeProvider.System));
                var result = await Comparer.CompareAsync(pipeline, source, sink, captured: null, TimeProvider.System, progress: null, Token);
                if (result is { Different: 0, Missing: 0, Extra: 0, RowsCompared: > 0 })
                {
                    Assert.Equal(pipeline.Name == "p10" ? result.RowsCompared : rows, result.RowsCompared);
                    break;
                }

                Assert.False(limit.IsCancellationRequested, $"{pipeline.Name}: {result.Different} different, {result.Missing} missing, {result.Extra} extra of {result.RowsCompared}, such as {result.Examples[0]}");
                await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, Token);
            }
        }
    }

    private static string Yaml(int port, string database, int redis)
    {
        var yaml = new StringBuilder(string.Create(CultureInfo.InvariantCulture, $$"""
            log:
              folder: {{TestRunFolder.New()}}/log
            sources:
              shop:
                mysql: { host: 127.0.0.1, port: {{port}}, user: root, tables: ["{{database}}.*"], server_id: {{TestServer.NextReplicaId()}} }
            pipelines:

            """));
        for (var i = 0; i < Sinks.Length; i++)
        {
            var where = i == 10 ? ", where: \"country <> 'FR'\", columns: [name, points]" : "";
            yaml.Append(CultureInfo.InvariantCulture, $$"""
                  p{{i}}:
                    from: shop
                    tables: { people: { table: {{database}}.people{{where}} } }
                    sink: { redis: { address: "127.0.0.1:{{redis}}", {{Sinks[i]}} } }

                """);
        }

        return yaml.ToString();
    }
}
