using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Leat.Demo;
using Leat.IntegrationTests.EndToEnd;
using Leat.Tests.Elasticsearch;
using Xunit;

namespace Leat.IntegrationTests.Elasticsearch;

/// <summary>MariaDB through the program into a server that speaks Elasticsearch's protocol; <c>leat compare</c> judges.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class ElasticsearchEndToEndTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);
    private static readonly IReadOnlyDictionary<string, string> NoVariables = new Dictionary<string, string>();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Documents_equal_the_source_through_faults_and_a_kill()
    {
        await using var mariaDb = await TestServers.MariaDbAsync();
        await using var server = new FakeElasticsearch();
        var random = new Random(1);
        server.Script = request => request.Path == "/_bulk" ? Misbehave(random) : null;
        var (file, port) = (Configure(mariaDb, server), FreePorts.Next());
        await FillAsync(mariaDb);

        await using (var first = LeatProcess.Run(file, port, NoVariables))
        {
            await first.WaitForStatusAsync(status => Delivered(status) > 100, Limit, Cancelled);
            await ChangeAsync(mariaDb, round: 1);
            await first.KillAsync(Cancelled);
        }

        server.Cluster.ForgetDeleted();
        await ChangeAsync(mariaDb, round: 2);
        await using var leat = LeatProcess.Run(file, port, NoVariables);
        await ChangeAsync(mariaDb, round: 3);
        await SettledAsync(leat, mariaDb);

        server.Script = _ => null;
        await AssertEqualAsync(file, port);
        Assert.All(server.Cluster.Indexes, index => Assert.True(index is "leat-markers" || index.StartsWith("things-20", StringComparison.Ordinal) || index is "things-", index));
        Assert.Contains("things-2024.01", server.Cluster.Indexes);
    }

    [Fact]
    public async Task A_truncated_table_is_empty_and_a_difference_is_told()
    {
        await using var mariaDb = await TestServers.MariaDbAsync();
        await using var server = new FakeElasticsearch();
        var (file, port) = (Configure(mariaDb, server), FreePorts.Next());
        await FillAsync(mariaDb);
        await using var leat = LeatProcess.Run(file, port, NoVariables);
        await SettledAsync(leat, mariaDb);
        await AssertEqualAsync(file, port);

        await mariaDb.ExecuteAsync("USE shop; TRUNCATE things; INSERT INTO things (id, name, day) VALUES (1, 'again', '2024-05-01')", Cancelled);
        await SettledAsync(leat, mariaDb);
        await AssertEqualAsync(file, port);
        var documents = server.Cluster.Indexes.Where(index => index.StartsWith("things-", StringComparison.Ordinal)).Sum(index => server.Cluster.Documents(index).Count);
        Assert.Equal(1, documents);

        var document = Assert.Single(server.Cluster.Documents("things-2024.05"));
        document.Value["name"] = JsonValue.Create("somebody else's");
        var (code, output, _) = await CompareAsync(file, port);
        Assert.Equal(4, code);
        Assert.Contains("somebody else's", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_check_shows_what_answers_and_a_template_that_fits()
    {
        await using var mariaDb = await TestServers.MariaDbAsync();
        await using var server = new FakeElasticsearch();
        await FillAsync(mariaDb);

        var (code, output, error) = await LeatProcess.RunToEndAsync(NoVariables, Cancelled, "check", Configure(mariaDb, server));

        Assert.True(code == 0, output + error);
        var words = string.Join(' ', output.Split((char[])[' ', '\n', '\r', '│'], StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains("Elasticsearch 8.13.0 answers at", words, StringComparison.Ordinal);
        Assert.Contains("_index_template/leat-things", output, StringComparison.Ordinal);
    }

    private static Fault? Misbehave(Random random)
    {
        lock (random)
        {
            var first = random.Next(10);
            return random.Next(20) switch
            {
                0 => new() { Drop = true },
                1 => new() { CutAfterBytes = random.Next(200) },
                2 => new() { Instead = (503, "<html>Service Unavailable</html>", null) },
                3 => new() { AnswerWith = (200, "<html>Welcome</html>") },
                4 => new() { Instead = (429, "{}", "Retry-After: 1") },
                5 or 6 => new() { Items = (number, _) => number % 10 == first ? new(429, "es_rejected_execution_exception", "full") : null },
                _ => null,
            };
        }
    }

    private static string Configure(PrivateMariaDb mariaDb, FakeElasticsearch server)
    {
        var folder = TestRunFolder.New();
        var file = Path.Combine(folder, "leat.yaml");
        File.WriteAllText(file, $$"""
            sources:
              shop: { mysql: { host: 127.0.0.1, port: {{mariaDb.Port}}, user: root, tables: [shop.*] } }
            pipelines:
              search:
                from: shop
                tables: { things: shop.things }
                sink: { elasticsearch: { url: "{{server.Url}}", index: "things-{day|yyyy.MM}", routing: "{owner}" } }
            log: { folder: log }
            """);
        return file;
    }

    private static Task FillAsync(PrivateMariaDb mariaDb) => mariaDb.ExecuteAsync(
        """
        CREATE DATABASE shop CHARACTER SET utf8mb4;
        USE shop;
        CREATE TABLE shop.things (
          id BIGINT UNSIGNED NOT NULL PRIMARY KEY, name VARCHAR(100), owner INT, day DATE, at TIMESTAMP(6) NULL, moment DATETIME(3), took TIME(2), price DECIMAL(20,4), weight DOUBLE, small FLOAT,
          kind ENUM('new','used'), tags SET('a','b','c'), data LONGBLOB, doc JSON, flags BIT(64), born YEAR);
        INSERT INTO shop.things SELECT 18446744073709551615 - seq, concat('näme "', seq, '"\n'), seq % 7, '2024-01-15' + INTERVAL seq % 100 DAY, '2024-01-01 00:00:00.123456' + INTERVAL seq MINUTE,
          '1969-12-31 23:59:59.999', '-800:00:00.25', seq / 7, seq * 1e100 / 3, seq / 3, 1 + seq % 2, seq % 8, repeat(char(seq % 256), 10), json_object('a', seq, 'b', json_array(seq / 3, 'x')), 18446744073709551615 - seq, 2000 + seq % 20
          FROM seq_1_to_700;
        INSERT INTO shop.things (id) VALUES (1), (2);
        """, Cancelled);

    // Everything that can happen to a row, also that it moves to another index, another routing and another key.
    private static Task ChangeAsync(PrivateMariaDb mariaDb, int round) => mariaDb.ExecuteAsync(
        $$"""
        USE shop;
        UPDATE things SET day = day + INTERVAL 31 DAY WHERE id % 3 = 0;
        UPDATE things SET owner = owner + 1, name = NULL WHERE id % 5 = 0;
        UPDATE things SET day = NULL WHERE id % 11 = 0;
        DELETE FROM things WHERE id % 13 = 0;
        UPDATE things SET id = id - 1000000 WHERE id % 17 = 0 AND id > 2000000;
        INSERT INTO things (id, name, day) VALUES ({{5000 + round}}, 'new', '2024-03-01');
        """, Cancelled);

    private static async Task SettledAsync(LeatProcess leat, PrivateMariaDb mariaDb)
    {
        var end = (await mariaDb.QueryAsync("SELECT @@gtid_binlog_pos", Cancelled))[0][0];
        await leat.WaitForStatusAsync(
            status => status.GetProperty("sources")[0].GetProperty("position").GetString() is { } position && JsonDocument.Parse(position).RootElement.GetProperty("gtid").GetString() == end
                && status.GetProperty("pipelines")[0] is var pipeline && pipeline.GetProperty("state").GetString() == "live" && pipeline.GetProperty("lag_rows").GetInt64() == 0,
            Limit, Cancelled);
    }

    private static long Delivered(JsonElement status) => status.GetProperty("pipelines")[0].GetProperty("accounting").GetProperty("applied").GetInt64();

    private static async Task AssertEqualAsync(string file, int port)
    {
        var (code, output, error) = await CompareAsync(file, port);
        Assert.True(code == 0, output + error);
    }

    private static Task<(int Code, string Output, string Error)> CompareAsync(string file, int port) =>
        LeatProcess.RunToEndAsync(NoVariables, Cancelled, "compare", file, "search", "--server", $"http://127.0.0.1:{port.ToString(CultureInfo.InvariantCulture)}");
}
