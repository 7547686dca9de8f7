using Leat.Changes;
using Leat.Connectors.Elasticsearch;
using Leat.Tests.Pipeline;
using Xunit;
using static Leat.Tests.Pipeline.TestChange;

namespace Leat.Tests.Elasticsearch;

/// <summary>Whose cluster is it, and is it the one that acknowledged? The engine asks, and this sink's markers and versions answer.</summary>
public sealed class ElasticsearchMarkerTests
{
    [Fact]
    public async Task A_cluster_that_was_emptied_blocks()
    {
        await using var server = new FakeElasticsearch();
        await using var engine = Engine(server);
        await DeliverAsync(engine, server, Insert(1, 10));
        server.Cluster.Clear();

        Assert.Equal(new ErrorCode(3090), await BlockedAsync(engine, server));
    }

    [Fact]
    public async Task A_cluster_that_was_restored_to_an_older_state_blocks()
    {
        await using var server = new FakeElasticsearch();
        await using var engine = Engine(server);
        await DeliverAsync(engine, server, Insert(1, 10));
        var restore = server.Cluster.Backup();
        await DeliverAsync(engine, server, Insert(2, 20));
        restore();

        Assert.Equal(new ErrorCode(3091), await BlockedAsync(engine, server));
    }

    [Fact]
    public async Task A_marker_that_somebody_changed_blocks()
    {
        await using var server = new FakeElasticsearch();
        await using var engine = Engine(server);
        await DeliverAsync(engine, server, Insert(1, 10));
        server.Cluster.Documents("leat-markers")["copy"]["epoch"] = "x";

        Assert.Equal(new ErrorCode(4530), await BlockedAsync(engine, server));
        Assert.Equal(["1"], server.Cluster.Documents("items").Keys);
    }

    // A log that is lost, and one that is copied back from the past: its offsets come again, with other changes behind them.
    [Fact]
    public async Task Another_log_is_never_taken_for_stale()
    {
        await using var server = new FakeElasticsearch();
        await using (var lost = Engine(server))
        {
            await DeliverAsync(lost, server, Insert(1, 10), Insert(2, 20));
            for (var value = 10; value < 60; value++)
                lost.Source.Add(Update(1, value, value + 1));
            await DeliverAsync(lost, server, Delete(2, 20), Insert(3, 30));
        }

        await using var engine = Engine(server);
        engine.OtherSink = Sink(server);
        engine.Source.Add(Insert(1, 999), Insert(2, 888));
        engine.Start();

        // What the other log left there goes once the source has told everything.
        await engine.UntilAsync(() => !server.Cluster.Documents("items").ContainsKey("3") && server.Cluster.Documents("items").Count == 2);
        await engine.SettledAsync();

        Assert.Equal(["1=999", "2=888"], Shown(server));
        Assert.Equal(2U, engine.Pipeline.Epoch);
        Assert.Empty(server.Cluster.Violations);
    }

    [Fact]
    public async Task After_a_kill_nothing_is_taken_for_stale()
    {
        await using var server = new FakeElasticsearch();
        await using var engine = Engine(server);
        engine.OtherSink = Sink(server);
        engine.Source.Add(Insert(1, 10));
        engine.Start();
        await engine.SettledAsync();
        await engine.KillAsync();

        await DeliverAsync(engine, server, Update(1, 10, 11));

        Assert.Equal(["1=11"], Shown(server));
        Assert.Contains("\"epoch\":1", server.Cluster.Documents("leat-markers")["copy"].ToJsonString(), StringComparison.Ordinal);
    }

    private static TestEngine Engine(FakeElasticsearch server) => new(timeFactor: 2000) { OtherSink = Sink(server) };

    private static ElasticsearchSink Sink(FakeElasticsearch server) => Writing.Sink(server.Url, "index: items");

    private static async Task DeliverAsync(TestEngine engine, FakeElasticsearch server, params TestChange[] changes)
    {
        engine.OtherSink = Sink(server);
        engine.Source.Add(changes);
        engine.Start();
        await engine.SettledAsync();
        await engine.StopAsync();
    }

    private static async Task<ErrorCode> BlockedAsync(TestEngine engine, FakeElasticsearch server)
    {
        engine.OtherSink = Sink(server);
        engine.Start();
        await engine.UntilAsync(() => engine.Pipeline.Failure is not null);
        return engine.Pipeline.Failure is LeatException failure ? failure.Code : default;
    }

    private static IEnumerable<string> Shown(FakeElasticsearch server) =>
        server.Cluster.Documents("items").Select(pair => $"{pair.Key}={pair.Value["v"]}").Order(StringComparer.Ordinal);
}
