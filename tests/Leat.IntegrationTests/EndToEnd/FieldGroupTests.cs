using System.Globalization;
using Leat.Demo;
using Xunit;

namespace Leat.IntegrationTests.EndToEnd;

/// <summary>One document out of three tables that each write their own fields: from MariaDB to a copy and to hashes, with kills in between, judged by the comparison.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class FieldGroupTests
{
    private const string Tables = """
        CREATE DATABASE shop; USE shop;
        CREATE TABLE orders (id INT PRIMARY KEY, customer INT NOT NULL, note VARCHAR(50));
        CREATE TABLE order_totals (order_id BIGINT PRIMARY KEY, cents BIGINT NOT NULL, line_count INT);
        CREATE TABLE shipments (order_id INT PRIMARY KEY, state VARCHAR(20), carrier VARCHAR(20), at DATETIME);
        CREATE USER leat@'%' IDENTIFIED BY 'leat'; GRANT ALL ON *.* TO leat@'%';
        INSERT INTO orders SELECT seq, seq % 7, CONCAT('note ', seq) FROM seq_1_to_300;
        INSERT INTO order_totals SELECT seq, seq * 100, IF(seq % 4, seq % 9, NULL) FROM seq_1_to_250;
        INSERT INTO shipments SELECT seq, 'sent', 'post', '2026-01-02 03:04:05' FROM seq_1_to_300 WHERE seq % 3 = 0
        """;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static readonly Dictionary<string, string> NoEnvironment = [];

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Documents_hold_what_their_tables_do_whatever_order_they_are_written_in_and_after_kills()
    {
        await using var server = await TestServers.MariaDbAsync();
        await using var redis = await TestServers.RedisAsync();
        var file = await PrepareAsync(server, redis);
        var port = FreePorts.Next();
        var leat = LeatProcess.Run(file, port, NoEnvironment);
        try
        {
            await SameAsync(leat, file, port);
            for (var round = 1; round <= 3; round++)
            {
                await ChangeAsync(server, round);
                await leat.KillAsync(Cancelled);
                await leat.DisposeAsync();
                await ChangeAsync(server, round + 10);
                leat = LeatProcess.Run(file, port, NoEnvironment);
                await SameAsync(leat, file, port);
            }

            // A row of totals that came before its order, and one whose order is gone.
            await server.ExecuteAsync("USE shop; INSERT INTO order_totals VALUES (9000, 5, 1); INSERT INTO orders VALUES (9000, 1, 'late'); DELETE FROM orders WHERE id = 9001", Cancelled);
            await SameAsync(leat, file, port);
            Assert.Equal(["9000 late 5 1 NULL"], await CopyAsync(server, 9000));
            Assert.Equal(["1", "9000", "5", "9000", "late"], await HashAsync(redis, 9000, "customer", "id", "cents", "id", "note"));

            await server.ExecuteAsync("USE shop; TRUNCATE shipments", Cancelled);
            await SameAsync(leat, file, port);
            Assert.Equal(["0"], (await server.QueryAsync("SELECT COUNT(*) FROM shop_copy.orders WHERE shipping IS NOT NULL", Cancelled)).Select(row => row[0]));

            // What the target has of a row that the source has lost unseen goes when the table is read again, and nothing else.
            await server.ExecuteAsync("INSERT INTO shop.orders VALUES (9002, 3, 'alone')", Cancelled);
            await SameAsync(leat, file, port);
            await server.ExecuteAsync("UPDATE shop_copy.orders SET cents = 77 WHERE id = 9002", Cancelled);
            await redis.CommandAsync(Cancelled, "HSET", "order:9002", "cents", "77");
            var (read, _, error) = await LeatProcess.RunToEndAsync(NoEnvironment, Cancelled, "snapshot", "start", file, "shop", "--tables", "shop.order_totals", "--server", Server(port));
            Assert.True(read == 0, error);
            await SameAsync(leat, file, port);
            Assert.Equal(["9002 alone NULL NULL NULL"], await CopyAsync(server, 9002));

            await server.ExecuteAsync("UPDATE shop_copy.orders SET cents = 1 WHERE id = 9000", Cancelled);
            await redis.CommandAsync(Cancelled, "HSET", "order:9000", "note", "wrong");
            Assert.Contains("cents", await DifferenceAsync(file, port, "copy"), StringComparison.Ordinal);
            Assert.Contains("note", await DifferenceAsync(file, port, "cache"), StringComparison.Ordinal);
        }
        finally
        {
            await leat.DisposeAsync();
        }
    }

    [Fact]
    public async Task The_check_warns_of_what_is_not_promised_and_refuses_a_sink_that_writes_whole_rows()
    {
        await using var server = await TestServers.MariaDbAsync();
        await using var redis = await TestServers.RedisAsync();
        var file = await PrepareAsync(server, redis);

        var (code, output, error) = await LeatProcess.RunToEndAsync(NoEnvironment, Cancelled, "check", file);

        Assert.True(code == 0, output + error);
        Assert.Contains("LEAT-1138", output, StringComparison.Ordinal);

        await File.WriteAllTextAsync(file, (await File.ReadAllTextAsync(file, Cancelled)).Replace("structure: hash", "structure: string", StringComparison.Ordinal), Cancelled);
        (code, output, _) = await LeatProcess.RunToEndAsync(NoEnvironment, Cancelled, "check", file);
        Assert.NotEqual(0, code);
        Assert.Contains("LEAT-4227", output, StringComparison.Ordinal);
    }

    private static async Task<string> PrepareAsync(PrivateMariaDb server, PrivateRedis redis)
    {
        await server.ExecuteAsync(Tables, Cancelled);
        var folder = TestRunFolder.New();
        var file = Path.Combine(folder, "leat.yaml");
        var port = server.Port.ToString(CultureInfo.InvariantCulture);
        const string Pipeline = """
            from: shop
                tables:
                  orders: shop.orders
                  totals: { table: shop.order_totals, where: cents >= 0 }
                  shipments: shop.shipments
                document:
                  mode: field_groups
                  root: orders
                  merge:
                    - { from: totals, on: totals.order_id = orders.id }
                    - { from: shipments, on: shipments.order_id = orders.id, as: shipping, fields: [state, { by: carrier }, at] }
            """;
        await File.WriteAllTextAsync(
            file,
            $$"""
            log: { folder: "{{folder}}/log" }
            sources:
              shop: { mysql: { host: 127.0.0.1, port: {{port}}, user: leat, password: leat, tables: ["shop.*"] } }
            pipelines:
              copy:
                {{Pipeline}}
                sink: { mysql: { host: 127.0.0.1, port: {{port}}, user: leat, password: leat, database: shop_copy } }
              cache:
                {{Pipeline}}
                sink: { redis: { address: "{{redis.Address}}", key: "order:{id}", structure: hash } }
            """,
            Cancelled);
        return file;
    }

    // Rows come, change and go in both orders of the tables; keys move; totals leave their condition and enter it again.
    private static Task ChangeAsync(PrivateMariaDb server, int round) => server.ExecuteAsync(
        string.Create(CultureInfo.InvariantCulture, $"""
        USE shop;
        UPDATE order_totals SET cents = cents + {round} WHERE order_id % 3 = {round % 3};
        UPDATE orders SET note = CONCAT('r', {round}, ' ', id) WHERE id % 5 = {round % 5};
        UPDATE shipments SET state = IF(state = 'sent', 'there', NULL), carrier = IF({round} % 2, 'rider', carrier) WHERE order_id % 2 = {round % 2};
        UPDATE order_totals SET cents = -cents WHERE order_id % 17 = {round % 17};
        BEGIN; DELETE FROM order_totals WHERE order_id % 11 = {round % 11}; DELETE FROM shipments WHERE order_id % 11 = {round % 11}; DELETE FROM orders WHERE id % 11 = {round % 11}; COMMIT;
        BEGIN; INSERT IGNORE INTO order_totals SELECT seq, {round}, NULL FROM seq_1_to_300 WHERE seq % 22 = {round % 11}; INSERT IGNORE INTO orders SELECT seq, 1, 'again' FROM seq_1_to_300 WHERE seq % 22 = {round % 11}; COMMIT;
        BEGIN; INSERT IGNORE INTO orders SELECT seq, 2, 'new' FROM seq_301_to_400 WHERE seq % 11 = {round % 11}; INSERT IGNORE INTO shipments SELECT seq, 'sent', NULL, NULL FROM seq_301_to_400 WHERE seq % 11 = {round % 11}; COMMIT;
        BEGIN; UPDATE orders SET id = id + {round * 1000} WHERE id % 97 = {round} AND id < 300; UPDATE order_totals SET order_id = order_id + {round * 1000} WHERE order_id % 97 = {round} AND order_id < 300;
        DELETE FROM shipments WHERE order_id % 97 = {round} AND order_id < 300; COMMIT;
        """), Cancelled);

    // As soon as what was written last has arrived; the last comparison says where it is not.
    private static async Task SameAsync(LeatProcess leat, string file, int port)
    {
        await leat.WaitForStatusAsync(
            status => status.GetProperty("pipelines").EnumerateArray().All(pipeline => pipeline.GetProperty("state").GetString() == "live"), Limit, Cancelled);
        foreach (var pipeline in (string[])["copy", "cache"])
        {
            var (code, output, error) = await CompareAsync(file, port, pipeline);
            for (var attempt = 0; code != 0 && attempt < 20; attempt++)
                (code, output, error) = await CompareAsync(file, port, pipeline);
            Assert.True(code == 0, output + error);
        }
    }

    private static async Task<string> DifferenceAsync(string file, int port, string pipeline)
    {
        var (code, output, error) = await CompareAsync(file, port, pipeline);
        Assert.Equal(4, code);
        return output + error;
    }

    private static Task<(int Code, string Output, string Error)> CompareAsync(string file, int port, string pipeline) =>
        LeatProcess.RunToEndAsync(NoEnvironment, Cancelled, "compare", file, pipeline, "--server", Server(port));

    private static string Server(int port) => $"http://127.0.0.1:{port.ToString(CultureInfo.InvariantCulture)}";

    private static async Task<string[]> CopyAsync(PrivateMariaDb server, int id) =>
        [.. (await server.QueryAsync(string.Create(CultureInfo.InvariantCulture, $"SELECT id, note, cents, line_count, shipping FROM shop_copy.orders WHERE id = {id}"), Cancelled)).Select(row => string.Join(' ', row))];

    private static async Task<string[]> HashAsync(PrivateRedis redis, int id, params string[] fields) =>
        (await redis.CommandAsync(Cancelled, ["HMGET", string.Create(CultureInfo.InvariantCulture, $"order:{id}"), .. fields])).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
