using System.Globalization;
using System.Text.Json;
using Leat.Demo;
using Xunit;

namespace Leat.IntegrationTests.EndToEnd;

/// <summary>The shop of the demo on private servers, its customers at work, and the sample configuration to run on it.</summary>
internal sealed class ShopRig : IAsyncDisposable
{
    private static readonly TimeSpan DeliveryLimit = TimeSpan.FromSeconds(90);

    private readonly CancellationTokenSource _close = new();
    private Task _trading = Task.CompletedTask;

    private ShopRig(string folder, DemoServers servers, ShopTraffic traffic, ConnectionFaults? link)
    {
        Folder = folder;
        Servers = servers;
        Traffic = traffic;
        var variables = new Dictionary<string, string>(servers.Variables(folder));
        TargetPorts = [servers.Redis.Port, servers.Copy.Port];
        if (link is not null)
        {
            Links = [new(servers.Redis.Port) { Script = _ => link }, new(servers.Copy.Port) { Script = _ => link }];
            TargetPorts = [.. Links.Select(one => one.Port)];
            variables["LEAT_DEMO_REDIS"] = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{TargetPorts[0]}");
            variables["LEAT_DEMO_COPY_PORT"] = TargetPorts[1].ToString(CultureInfo.InvariantCulture);
        }

        Environment = variables;
    }

    /// <summary>Holds log, files and configuration.</summary>
    public string Folder { get; }

    /// <summary>Source and targets.</summary>
    public DemoServers Servers { get; }

    /// <summary>The shop's customers.</summary>
    public ShopTraffic Traffic { get; }

    /// <summary>What the sample asks of its environment.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; }

    /// <summary>The ports that the program sees Redis and the copy at.</summary>
    public int[] TargetPorts { get; }

    /// <summary>What stands between the program and Redis, and between it and the copy; empty when nothing does.</summary>
    public FaultProxy[] Links { get; } = [];

    /// <summary>The sample configuration.</summary>
    public static string Sample => Path.Combine(Repository.Root, "samples", "shop", "leat.yaml");

    /// <summary>The log's folder.</summary>
    public string LogFolder => Path.Combine(Folder, "log");

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    /// <summary>Starts the servers and fills the shop.</summary>
    /// <param name="seed">Decides what the customers do.</param>
    /// <param name="customers">Size of the shop.</param>
    /// <param name="link">How the network to the targets behaves at first; <see langword="null"/>: there is none.</param>
    public static async Task<ShopRig> StartAsync(ulong seed, int customers, ConnectionFaults? link = null)
    {
        TestServers.Require();
        var folder = TestRunFolder.New();
        var servers = await DemoServers.StartAsync(folder, await TestRunFolder.MariaDbTemplateAsync(), Cancelled);
        try
        {
            var traffic = await ShopTraffic.OpenAsync(servers.ShopEndpoint, seed, customers, TimeProvider.System, Cancelled);
            await traffic.FillAsync(Cancelled);
            return new(folder, servers, traffic, link);
        }
        catch
        {
            await servers.DisposeAsync();
            throw;
        }
    }

    /// <summary>The customers begin to buy.</summary>
    public void Open(int? transactionsPerSecond) => _trading = Traffic.RunAsync(transactionsPerSecond, _close.Token);

    /// <summary>The customers leave; every transaction is committed or rolled back when this returns.</summary>
    public async Task CloseAsync()
    {
        await _close.CancelAsync();
        await _trading;
    }

    /// <summary>Waits until all that the source has committed is in every target.</summary>
    public async Task<JsonElement> WaitUntilDeliveredAsync(LeatProcess leat)
    {
        var end = (await Servers.Source.QueryAsync("SELECT @@gtid_binlog_pos", Cancelled))[0][0];
        return await leat.WaitForStatusAsync(status => HasCaptured(status, end) && HasDelivered(status), DeliveryLimit, Cancelled);
    }

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        await Traffic.DisposeAsync();
        foreach (var link in Links)
            await link.DisposeAsync();
        await Servers.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
        _close.Dispose();
    }

    private static bool HasCaptured(JsonElement status, string gtid) => status.GetProperty("sources").EnumerateArray().All(source =>
        source.GetProperty("state").GetString() == "live"
        && source.GetProperty("position").GetString() is { } position
        && JsonDocument.Parse(position).RootElement.GetProperty("gtid").GetString() == gtid);

    private static bool HasDelivered(JsonElement status) => status.GetProperty("pipelines").EnumerateArray().All(pipeline =>
        pipeline.GetProperty("state").GetString() == "live" && pipeline.GetProperty("lag_rows").GetInt64() == 0);
}
