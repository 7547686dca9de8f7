using System.Globalization;
using Leat.Demo;
using Leat.IntegrationTests.EndToEnd;
using Npgsql;
using Xunit;

namespace Leat.IntegrationTests.PostgreSql;

/// <summary>The program from MariaDB to PostgreSQL, with <c>leat compare</c> as the judge.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class ShopToPostgreSqlTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);
    private static readonly Dictionary<string, string> NoEnvironment = [];

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("lanes")]
    [InlineData("transactional")]
    public async Task The_target_equals_the_source_after_crashes_of_both_sides_and_after_it_was_emptied(string apply)
    {
        await using var source = await TestServers.MariaDbAsync();
        await using var server = await PrivatePostgreSql.StartAsync("-c", "fsync=on");
        await source.ExecuteAsync(
            "CREATE DATABASE shop; USE shop; CREATE TABLE items (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, code VARCHAR(20) UNIQUE, state ENUM('new','sold','gone'), price DECIMAL(10,2), attrs JSON, " +
            "seen DATETIME(3), raw VARBINARY(16)); CREATE USER leat@'%' IDENTIFIED BY 'leat'; GRANT ALL ON *.* TO leat@'%'; " +
            "INSERT INTO items SELECT seq, CONCAT('code ', seq), 1 + seq % 3, seq / 7, CONCAT('{\"n\": ', seq, ', \"t\": \"ü\"}'), '2024-01-31 12:00:00.125', UNHEX(MD5(seq)) FROM seq_1_to_3000",
            Cancelled);
        await server.ExecuteAsync("CREATE DATABASE copy");
        await server.ExecuteAsync("CREATE TABLE items (id bigint PRIMARY KEY, code text UNIQUE, state text, price numeric(10,2), attrs jsonb, seen timestamp(3))", "copy");
        var (file, port) = await WriteFileAsync(source.Port, server.Port, apply);

        var leat = LeatProcess.Run(file, port, NoEnvironment);
        for (var round = 0; round < 6; round++)
        {
            await TradeAsync(source, round);
            if (round == 1)
                await server.CrashAsync();
            if (round == 2)
                await server.RestartAsync();
            if (round is 0 or 4)
            {
                await ArrivedAsync(leat, source, server);
                await leat.KillAsync(Cancelled);
                await leat.DisposeAsync();
                leat = LeatProcess.Run(file, port, NoEnvironment);
            }
        }

        await EqualAsync(leat, source, server, file, port);
        Assert.Equal(["0"], await AskAsync(server, "SELECT count(*) FROM items WHERE state = 'gone'"));

        // Emptied while Leat is away: told, and delivered again on command.
        var (code, _, said) = await leat.StopAsync(Cancelled);
        Assert.True(code == 0, said);
        await leat.DisposeAsync();
        await server.ExecuteAsync("TRUNCATE items, leat_positions", "copy");
        leat = LeatProcess.Run(file, port, NoEnvironment);
        await leat.WaitForStatusAsync(status => status.GetProperty("pipelines")[0].GetProperty("state").GetString() == "blocked", Limit, Cancelled);
        var redelivered = await LeatProcess.RunToEndAsync(NoEnvironment, Cancelled, "redeliver", "p", "--file", file, "--yes", "--server", Url(port));
        Assert.True(redelivered.ExitCode == 0, redelivered.Output + redelivered.Error);
        await EqualAsync(leat, source, server, file, port);
        await leat.StopAsync(Cancelled);
        await leat.DisposeAsync();
    }

    // Updates, deletes, moved keys, and unique values that are exchanged, in transactions of their own.
    private static Task TradeAsync(PrivateMariaDb source, int round) => source.ExecuteAsync(
        string.Create(
            CultureInfo.InvariantCulture,
            $"""
            USE shop;
            UPDATE items SET price = price + 1, state = 1 + (id + {round}) % 3 WHERE id % 5 = {round % 5};
            DELETE FROM items WHERE id % 97 = {round};
            START TRANSACTION;
            UPDATE items SET code = 'between' WHERE id = {10 + (20 * round)};
            UPDATE items SET code = 'code {10 + (20 * round)}' WHERE id = {11 + (20 * round)};
            UPDATE items SET code = 'code {11 + (20 * round)}' WHERE id = {10 + (20 * round)};
            COMMIT;
            UPDATE items SET id = 500000 - id WHERE id = {2000 + round};
            INSERT INTO items (code, state, price, attrs) SELECT CONCAT('round {round} ', seq), 2, seq, NULL FROM seq_1_to_200;
            """),
        Cancelled);

    private static async Task<(string File, int Port)> WriteFileAsync(int source, int target, string apply)
    {
        var folder = TestRunFolder.New();
        var file = Path.Combine(folder, "leat.yaml");
        await File.WriteAllTextAsync(
            file,
            $$"""
            log: { folder: "{{Path.Combine(folder, "log")}}" }
            sources:
              shop: { mysql: { host: 127.0.0.1, port: {{source.ToString(CultureInfo.InvariantCulture)}}, user: leat, password: leat, tables: ["shop.*"] } }
            pipelines:
              p:
                from: shop
                tables: { items: { table: shop.items, columns: [seen, code, state, price, attrs], where: "state <> 'gone'" } }
                sink: { postgresql: { host: 127.0.0.1, port: {{target.ToString(CultureInfo.InvariantCulture)}}, user: leat, database: copy, apply: {{apply}} } }
            """,
            Cancelled);
        return (file, FreePorts.Next());
    }

    private static async Task EqualAsync(LeatProcess leat, PrivateMariaDb source, PrivatePostgreSql server, string file, int port)
    {
        await ArrivedAsync(leat, source, server);
        var (code, output, error) = await LeatProcess.RunToEndAsync(NoEnvironment, Cancelled, "compare", file, "--server", Url(port));
        Assert.True(code == 0, output + error);
    }

    // A mark that is written now has arrived, and nothing is refused.
    private static async Task ArrivedAsync(LeatProcess leat, PrivateMariaDb source, PrivatePostgreSql server)
    {
        await source.ExecuteAsync("INSERT INTO shop.items (id, code, state, price) VALUES (999999, 'mark', 1, 0) ON DUPLICATE KEY UPDATE price = price + 1", Cancelled);
        var wanted = (await source.QueryAsync("SELECT price FROM shop.items WHERE id = 999999", Cancelled))[0][0];
        var (arrived, started) = ("", TimeProvider.System.GetTimestamp());
        while (arrived != wanted)
        {
            var now = await leat.WaitForStatusAsync(status => status.GetProperty("pipelines")[0].GetProperty("state").GetString() == "live", Limit, Cancelled);
            Assert.True(TimeProvider.System.GetElapsedTime(started) < Limit, now.GetRawText());
            arrived = await AskAsync(server, "SELECT price::text FROM items WHERE id = 999999") is [var price] ? price : "";
        }

        var pipeline = (await leat.WaitForStatusAsync(status => status.GetProperty("pipelines")[0].GetProperty("lag_rows").GetInt64() == 0, Limit, Cancelled)).GetProperty("pipelines")[0];
        Assert.Equal(0, pipeline.GetProperty("dead_letters").GetInt64());
    }

    private static async Task<IReadOnlyList<string>> AskAsync(PrivatePostgreSql server, string sql)
    {
        await using var connection = await server.OpenAsync("copy");
        await using var command = new NpgsqlCommand(sql, connection);
        await using var reader = await command.ExecuteReaderAsync(Cancelled);
        var rows = new List<string>();
        while (await reader.ReadAsync(Cancelled))
            rows.Add(Convert.ToString(reader.GetValue(0), CultureInfo.InvariantCulture) ?? "");
        return rows;
    }

    private static string Url(int port) => $"http://127.0.0.1:{port.ToString(CultureInfo.InvariantCulture)}";
}
