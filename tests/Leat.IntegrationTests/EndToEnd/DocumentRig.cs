using System.Globalization;
using System.Text.Json;
using Leat.Changes;
using Leat.Demo;
using Leat.IntegrationTests.Redis;
using Xunit;

namespace Leat.IntegrationTests.EndToEnd;

/// <summary>Orders with their items in a MariaDB, and documents of them in Redis and in a table with a JSON column.</summary>
internal sealed class DocumentRig : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static readonly Dictionary<string, string> NoEnvironment = [];

    private readonly string _folder;
    private readonly PrivateMariaDb _server;
    private readonly PrivateRedis _redis;
    private readonly int _port = FreePorts.Next();
    private LeatProcess? _leat;

    private DocumentRig(string folder, PrivateMariaDb server, PrivateRedis redis) => (_folder, _server, _redis) = (folder, server, redis);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    /// <summary>The configuration file.</summary>
    public string Configuration => Path.Combine(_folder, "leat.yaml");

    private LeatProcess Running => _leat ?? throw new InvalidOperationException("not started");

    /// <summary>Starts the servers, with what a transaction logs of rows, and makes the tables.</summary>
    public static async Task<DocumentRig> StartAsync(string rowImage)
    {
        var rig = new DocumentRig(TestRunFolder.New(), await TestServers.MariaDbAsync(), await TestServers.RedisAsync());
        await rig.RunAsync("CREATE USER leat@'%' IDENTIFIED BY 'leat'; GRANT ALL ON *.* TO leat@'%'");
        await rig.RunAsync($"SET GLOBAL binlog_row_image = '{rowImage}'");
        await rig.RunAsync(
            """
            CREATE DATABASE shop;
            CREATE TABLE shop.orders (id INT PRIMARY KEY, type INT NOT NULL, note VARCHAR(50), story TEXT);
            CREATE TABLE shop.items (id INT PRIMARY KEY, order_id INT NOT NULL, sku VARCHAR(20), qty INT NOT NULL, KEY (order_id));
            """);
        var server = $"host: 127.0.0.1, port: {rig._server.Port.ToString(CultureInfo.InvariantCulture)}, user: leat, password: leat";
        const string Documents =
            """
                from: shop
                tables: { orders: { table: shop.orders, columns: [id, type, note] }, items: shop.items }
                document:
                  root: orders
                  where: type IN (1, 2)
                  nest: [ { as: items, from: items, on: items.order_id = orders.id, key: id, fields: [id, sku, qty] } ]
                  set: { item_count: count(items) }
            """;
        await System.IO.File.WriteAllTextAsync(
            rig.Configuration,
            $$"""
            log: { folder: "{{Path.Combine(rig._folder, "log")}}" }
            sources:
              shop: { mysql: { {{server}}, tables: ["shop.*"] } }
            pipelines:
              cache:
            {{Documents}}
                sink: { redis: { address: "{{rig._redis.Address}}", structure: string, key: "order:{id}" } }
              rows:
            {{Documents}}
                sink: { mysql: { {{server}}, database: documents, schema: evolve } }
            """,
            Cancelled);
        return rig;
    }

    /// <summary>Runs SQL.</summary>
    public Task RunAsync(string sql) => _server.ExecuteAsync(sql, Cancelled);

    /// <summary>Starts Leat.</summary>
    public void Start() => _leat = LeatProcess.Run(Configuration, _port, NoEnvironment);

    /// <summary>Ends it with SIGKILL, and starts it anew.</summary>
    public async Task KillAsync()
    {
        await Running.KillAsync(Cancelled);
        await Running.DisposeAsync();
        Start();
    }

    /// <summary>Stops it in order.</summary>
    public async Task StopAsync()
    {
        var (code, _, error) = await Running.StopAsync(Cancelled);
        Assert.True(code == 0, error);
        await Running.DisposeAsync();
        _leat = null;
    }

    /// <summary>Changes the configuration, while nothing runs.</summary>
    public async Task RewriteAsync(string before, string after)
    {
        var text = await System.IO.File.ReadAllTextAsync(Configuration, Cancelled);
        await System.IO.File.WriteAllTextAsync(Configuration, text.Replace(before, after, StringComparison.Ordinal), Cancelled);
    }

    /// <summary>Runs another command.</summary>
    public async Task<(int Code, string Output, string Error)> CommandAsync(params string[] arguments) =>
        await LeatProcess.RunToEndAsync(NoEnvironment, Cancelled, [.. arguments, "--server", $"http://127.0.0.1:{_port.ToString(CultureInfo.InvariantCulture)}"]);

    /// <summary>A pipeline's status, once all that the source told has its outcome.</summary>
    public async Task<JsonElement> SettledAsync(string pipeline) => Find(
        await Running.WaitForStatusAsync(
            status => status.GetProperty("sources")[0] is var source && source.GetProperty("state").GetString() == "live" && Find(status, pipeline) is var one
                && one.GetProperty("documents") is { ValueKind: JsonValueKind.Object } documents && documents.GetProperty("phase").GetString() == "live"
                && documents.GetProperty("backlog_documents").GetInt64() == 0 && one.GetProperty("lag_rows").GetInt64() == 0,
            Limit, Cancelled),
        pipeline);

    /// <summary>Waits until both targets hold these documents, written as <c>id: note [item/sku/qty, …]</c>.</summary>
    public async Task UntilAsync(string expected)
    {
        var (cache, rows) = ("", "");
        for (var look = 0; look < 600; look++)
        {
            (cache, rows) = (await CacheAsync(), await RowsAsync());
            if (cache == expected && rows == expected)
                return;
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, Cancelled);
        }

        Assert.Equal((expected, expected), (cache, rows));
    }

    public async ValueTask DisposeAsync()
    {
        if (_leat is not null)
            await _leat.DisposeAsync();
        await _redis.DisposeAsync();
        await _server.DisposeAsync();
    }

    /// <summary>Removes everything from Redis, the marker too.</summary>
    public async Task EmptyCacheAsync() => await RedisFixture.AskAsync(_redis.Port, "FLUSHALL");

    private static JsonElement Find(JsonElement status, string pipeline) =>
        status.GetProperty("pipelines").EnumerateArray().First(one => one.GetProperty("name").GetString() == pipeline);

    private static string Write(JsonElement document, JsonElement items) =>
        $"{document.GetProperty("id").GetInt32()}: {document.GetProperty("note").GetString()} "
        + $"[{string.Join(", ", items.EnumerateArray().Select(item => $"{item.GetProperty("id").GetInt32()}/{item.GetProperty("sku").GetString()}/{item.GetProperty("qty").GetInt32()}"))}]"
        + (document.GetProperty("item_count").GetInt32() == items.GetArrayLength() ? "" : " miscounted");

    private async Task<string> CacheAsync()
    {
        var documents = new SortedDictionary<int, string>();
        var keys = await RedisFixture.AskAsync(_redis.Port, "KEYS", "order:*");
        foreach (var key in keys.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            var text = await RedisFixture.AskAsync(_redis.Port, "GET", key);
            if (!text.StartsWith('{'))
                continue; // gone since
            using var json = JsonDocument.Parse(text);
            documents[int.Parse(key["order:".Length..], CultureInfo.InvariantCulture)] = Write(json.RootElement, json.RootElement.GetProperty("items"));
        }

        return string.Join("; ", documents.Values);
    }

    // Before the target is prepared its table is not there.
    private async Task<string> RowsAsync()
    {
        try
        {
            var documents = new List<string>();
            foreach (var row in await _server.QueryAsync("SELECT JSON_OBJECT('id', id, 'note', note, 'item_count', item_count), items FROM documents.orders ORDER BY id", Cancelled))
            {
                using var json = JsonDocument.Parse(row[0] ?? "{}");
                using var items = JsonDocument.Parse(row[1] ?? "[]");
                documents.Add(Write(json.RootElement, items.RootElement));
            }

            return string.Join("; ", documents);
        }
        catch (LeatException notYet)
        {
            return notYet.Message;
        }
    }
}
