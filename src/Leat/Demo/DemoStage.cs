using System.Text.Json;
using Leat.Changes;
using Leat.Pipeline.Definitions;
using Leat.Pipeline.Status;

namespace Leat.Demo;

/// <summary>The shop that the demo runs on: on real servers or simulated.</summary>
internal interface IDemoStage : IAsyncDisposable
{
    /// <summary>The sample configurations that run beside each other, below <c>samples/</c>; all have the same source and log.</summary>
    IReadOnlyList<string> Samples { get; }

    /// <summary>What the configuration asks of its environment.</summary>
    IReadOnlyDictionary<string, string> Variables { get; }

    /// <summary>Aligned lines that tell what runs where, and what to try.</summary>
    IReadOnlyList<string> Banner { get; }

    /// <summary>The configuration as the demo runs it.</summary>
    LeatFile Prepare(LeatFile file);

    /// <summary>Lets the customers in; ends when <see cref="CloseAsync"/> is called, or throws.</summary>
    Task OpenAsync();

    /// <summary>Sends the customers home: when it returns, the source stands still.</summary>
    Task CloseAsync(CancellationToken cancellationToken);

    /// <summary>Whether all that the source holds, now that it stands still, is in the log.</summary>
    Task<bool> IsCapturedAsync(SourceStatus source, CancellationToken cancellationToken);
}

/// <summary>The shop on private servers.</summary>
/// <param name="folder">Everything's folder.</param>
/// <param name="servers">The servers.</param>
/// <param name="traffic">The customers.</param>
/// <param name="elasticsearch">Address of an Elasticsearch that is to have the documents, too; <see langword="null"/>: none.</param>
internal sealed class ServerStage(string folder, DemoServers servers, ShopTraffic traffic, string? elasticsearch) : IDemoStage
{
    /// <summary>The environment variable with the address of an Elasticsearch.</summary>
    public const string ElasticsearchVariable = "LEAT_DEMO_ELASTICSEARCH";

    private const int TransactionsPerSecond = 100;

    private readonly CancellationTokenSource _close = new();
    private Task _trading = Task.CompletedTask;

    public IReadOnlyList<string> Samples => ["shop/leat.yaml", "orders-search/leat.yaml", .. elasticsearch is null ? [] : (string[])["orders-search/elasticsearch.yaml"]];

    public IReadOnlyDictionary<string, string> Variables => elasticsearch is null
        ? servers.Variables(folder)
        : new Dictionary<string, string>(servers.Variables(folder)) { [ElasticsearchVariable] = elasticsearch };

    public IReadOnlyList<string> Banner =>
    [
        FormattableString.Invariant($"Source:   MariaDB on 127.0.0.1:{servers.Source.Port}, database {DemoServers.ShopDatabase}"),
        FormattableString.Invariant($"Targets:  Redis on {servers.Redis.Address}; MariaDB on 127.0.0.1:{servers.Copy.Port}, database {DemoServers.CopyDatabase}; files in {folder}/files"),
        $"Try:      mariadb --no-defaults -u root -S {servers.Source.Socket} {DemoServers.ShopDatabase} -e \"UPDATE orders SET note = 'hello' ORDER BY id LIMIT 1\"",
        FormattableString.Invariant($"          redis-cli -p {servers.Redis.Port} HGETALL customer:1"),
        FormattableString.Invariant($"          redis-cli -p {servers.Redis.Port} GET order-document:1"),
    ];

    /// <summary>Starts the servers and fills the shop.</summary>
    public static async Task<ServerStage> StartAsync(string folder, string? elasticsearch, TimeProvider time, CancellationToken cancellationToken)
    {
        const ulong Seed = 1;
        const int Customers = 200;
        var servers = await DemoServers.StartAsync(folder, template: null, cancellationToken);
        try
        {
            var traffic = await ShopTraffic.OpenAsync(servers.ShopEndpoint, Seed, Customers, time, cancellationToken);
            await traffic.FillAsync(cancellationToken);
            return new(folder, servers, traffic, string.IsNullOrEmpty(elasticsearch) ? null : elasticsearch);
        }
        catch
        {
            await servers.DisposeAsync();
            throw;
        }
    }

    public LeatFile Prepare(LeatFile file) => file;

    public Task OpenAsync() => _trading = traffic.RunAsync(TransactionsPerSecond, _close.Token);

    public async Task CloseAsync(CancellationToken cancellationToken)
    {
        await _close.CancelAsync();
        await _trading.WaitAsync(cancellationToken);
    }

    public async Task<bool> IsCapturedAsync(SourceStatus source, CancellationToken cancellationToken)
    {
        if (source.Position is null)
            return false;
        var end = await servers.Source.QueryAsync("SELECT @@gtid_binlog_pos", cancellationToken);
        using var position = JsonDocument.Parse(source.Position);
        return position.RootElement.GetProperty("gtid").GetString() == end[0][0];
    }

    public async ValueTask DisposeAsync()
    {
        await traffic.DisposeAsync();
        await servers.DisposeAsync();
        _close.Dispose();
    }
}

/// <summary>The simulated shop.</summary>
internal sealed class SimulatedStage(string folder) : IDemoStage
{
    private readonly SourceHold _hold = new();

    public IReadOnlyList<string> Samples => ["shop/simulator.yaml"];

    public IReadOnlyDictionary<string, string> Variables => new Dictionary<string, string> { ["LEAT_DEMO_FOLDER"] = folder };

    public IReadOnlyList<string> Banner =>
    [
        "Source:   a simulated shop: the same customers at every start, no server",
        $"Targets:  JSON lines in {folder}/files and {folder}/under-way",
        $"Try:      tail -f {folder}/files/orders.jsonl",
    ];

    public LeatFile Prepare(LeatFile file) => file with
    {
        Sources = [.. file.Sources.Select(source => source with { Open = context => new HeldSource(source.Open(context), _hold) })],
    };

    public Task OpenAsync() => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, CancellationToken.None); // they come with the source

    public Task CloseAsync(CancellationToken cancellationToken) => _hold.HoldAsync(cancellationToken);

    public Task<bool> IsCapturedAsync(SourceStatus source, CancellationToken cancellationToken) => Task.FromResult(true); // it stands in the writer

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
