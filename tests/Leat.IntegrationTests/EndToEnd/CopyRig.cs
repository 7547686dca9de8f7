using System.Globalization;
using System.Text.Json;
using Leat.Demo;
using Xunit;

namespace Leat.IntegrationTests.EndToEnd;

/// <summary>A MariaDB with a database <c>shop</c> and its copy <c>shop_copy</c>, and a pipeline between the two.</summary>
internal sealed class CopyRig : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static readonly Dictionary<string, string> NoEnvironment = [];

    private CopyRig(string folder, PrivateMariaDb server)
    {
        Folder = folder;
        Server = server;
        Port = FreePorts.Next();
        File = Path.Combine(folder, "leat.yaml");
    }

    /// <summary>Holds log and configuration.</summary>
    public string Folder { get; }

    /// <summary>Source and target.</summary>
    public PrivateMariaDb Server { get; }

    /// <summary>Of the status.</summary>
    public int Port { get; }

    /// <summary>The configuration.</summary>
    public string File { get; }

    /// <summary>The running program.</summary>
    public LeatProcess? Leat { get; private set; }

    public string LogFolder => Path.Combine(Folder, "log");

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public static async Task<CopyRig> StartAsync()
    {
        var server = await TestServers.MariaDbAsync();
        var rig = new CopyRig(TestRunFolder.New(), server);
        await rig.RunAsync("CREATE DATABASE shop; CREATE TABLE shop.items (id INT PRIMARY KEY, note VARCHAR(50), v INT) ENGINE=InnoDB");
        await rig.RunAsync("USE shop; INSERT INTO items SELECT seq, CONCAT('note ', seq), 0 FROM seq_1_to_500");
        await rig.RunAsync("CREATE USER leat@'%' IDENTIFIED BY 'leat'; GRANT ALL ON *.* TO leat@'%'");
        var port = server.Port.ToString(CultureInfo.InvariantCulture);
        await System.IO.File.WriteAllTextAsync(
            rig.File,
            $$"""
            log: { folder: "{{rig.LogFolder}}" }
            sources:
              shop: { mysql: { host: 127.0.0.1, port: {{port}}, user: leat, password: leat, tables: ["shop.*"] } }
            pipelines:
              copy:
                from: shop
                tables: { items: shop.items }
                sink: { mysql: { host: 127.0.0.1, port: {{port}}, user: leat, password: leat, database: shop_copy } }
            """,
            Cancelled);
        return rig;
    }

    /// <summary>Replaces a part of the configuration.</summary>
    public async Task ChangeAsync(string before, string after)
    {
        var text = await System.IO.File.ReadAllTextAsync(File, Cancelled);
        Assert.Contains(before, text, StringComparison.Ordinal);
        await System.IO.File.WriteAllTextAsync(File, text.Replace(before, after, StringComparison.Ordinal), Cancelled);
    }

    /// <summary>Keeps what the copy holds now, as a backup would.</summary>
    public Task SaveTargetAsync() =>
        RunAsync("CREATE DATABASE saved; CREATE TABLE saved.items AS SELECT * FROM shop_copy.items; CREATE TABLE saved.positions AS SELECT * FROM shop_copy.leat_positions");

    /// <summary>Puts back what was kept.</summary>
    public Task PutBackTargetAsync() => RunAsync(
        "DELETE FROM shop_copy.items; INSERT INTO shop_copy.items SELECT * FROM saved.items; DELETE FROM shop_copy.leat_positions; "
        + "INSERT INTO shop_copy.leat_positions SELECT * FROM saved.positions");

    public Task RunAsync(string sql) => Server.ExecuteAsync(sql, Cancelled);

    public void Start() => Leat = LeatProcess.Run(File, Port, NoEnvironment);

    public async Task StopAsync()
    {
        var (code, _, error) = await Running().StopAsync(Cancelled);
        Assert.True(code == 0, error);
        await Running().DisposeAsync();
        Leat = null;
    }

    /// <summary>Waits until a mark that is written now has arrived, and everything before it has its outcome.</summary>
    public async Task DeliveredAsync()
    {
        await RunAsync("INSERT INTO shop.items VALUES (0, 'mark', 0) ON DUPLICATE KEY UPDATE v = v + 1");
        var wanted = (await Server.QueryAsync("SELECT v FROM shop.items WHERE id = 0", Cancelled))[0][0];
        while (true)
        {
            await Running().WaitForStatusAsync(status => status.GetProperty("pipelines")[0].GetProperty("state").GetString() == "live", Limit, Cancelled);
            var tables = await Server.QueryAsync("SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'shop_copy' AND TABLE_NAME = 'items'", Cancelled);
            if (tables.Count > 0 && await Server.QueryAsync("SELECT v FROM shop_copy.items WHERE id = 0", Cancelled) is [[var arrived]] && arrived == wanted)
                break;
        }

        await Running().WaitForStatusAsync(status => PipelineOf(status).GetProperty("lag_rows").GetInt64() == 0, Limit, Cancelled);
    }

    /// <summary>Waits until the pipeline is Blocked, and gives the reason.</summary>
    public async Task<string> BlockedAsync()
    {
        var status = await Running().WaitForStatusAsync(now => PipelineOf(now).GetProperty("state").GetString() == "blocked", Limit, Cancelled);
        return PipelineOf(status).GetProperty("reason").GetString() ?? "";
    }

    /// <summary>Waits until the source is Blocked, and gives the reason.</summary>
    public async Task<string> SourceBlockedAsync()
    {
        var status = await Running().WaitForStatusAsync(now => now.GetProperty("sources")[0].GetProperty("state").GetString() == "blocked", Limit, Cancelled);
        return status.GetProperty("sources")[0].GetProperty("reason").GetString() ?? "";
    }

    /// <summary>The pipeline's status.</summary>
    public async Task<JsonElement> PipelineAsync() => PipelineOf(await Running().WaitForStatusAsync(_ => true, Limit, Cancelled));

    /// <summary>Runs another command.</summary>
    public async Task<(int Code, string Output, string Error)> CommandAsync(params string[] arguments) =>
        await LeatProcess.RunToEndAsync(NoEnvironment, Cancelled, [.. arguments, "--server", $"http://127.0.0.1:{Port.ToString(CultureInfo.InvariantCulture)}"]);

    /// <summary>Waits until the copy is equal; the last comparison says where it is not.</summary>
    public async Task EqualAsync()
    {
        await DeliveredAsync();
        var (code, output, error) = await CommandAsync("compare", File);
        for (var attempt = 0; code != 0 && attempt < 10; attempt++)
            (code, output, error) = await CommandAsync("compare", File);
        Assert.True(code == 0, output + error);
    }

    public async ValueTask DisposeAsync()
    {
        if (Leat is not null)
            await Leat.DisposeAsync();
        await Server.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
    }

    private static JsonElement PipelineOf(JsonElement status) => status.GetProperty("pipelines")[0];

    private LeatProcess Running() => Leat ?? throw new InvalidOperationException("not started");
}
