using Leat.Changes;
using Leat.Pipeline;
using Leat.Pipeline.Definitions;
using Leat.Pipeline.Letters;
using Leat.Pipeline.Status;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;
using static Leat.Tests.Pipeline.TestChange;

namespace Leat.Tests.Pipeline;

/// <summary>Everything once more.</summary>
public sealed class RedeliveryTests
{
    [Fact]
    public async Task From_the_log_everything_is_sent_again_in_a_higher_epoch()
    {
        await using var engine = Engine();
        await DeliverAsync(engine, Insert(1, 10), Insert(2, 20));
        engine.Sink.Target.Clear();
        engine.Sink.Restart();

        Assert.Equal(new("copy", 0, Reread: false, 2), await engine.Pipeline.RedeliverAsync(reread: false));
        await engine.UntilAsync(() => engine.Sink.Target.Count == 2);
        await engine.SettledAsync();

        Assert.Equal((2U, 2U), (engine.Pipeline.Epoch, engine.Sink.Opened.Last().Epoch));
        Assert.True(engine.Pipeline.Account().Balanced);
    }

    [Fact]
    public async Task A_target_that_was_emptied_is_filled_again_on_command()
    {
        await using var engine = Engine();
        await DeliverAsync(engine, Insert(1, 10));
        await engine.StopAsync();
        engine.Sink.Target.Clear();
        engine.Sink.Markers.Clear();
        engine.Sink.Restart();
        engine.Start();
        await engine.UntilAsync(() => engine.Status().Pipelines[0].State == RunState.Blocked);

        await engine.Pipeline.RedeliverAsync(reread: false);
        await engine.UntilAsync(() => engine.Sink.Target.Count == 1);
        await engine.SettledAsync();

        Assert.Equal(RunState.Live, engine.Status().Pipelines[0].State);
        Assert.Equal(2U, engine.Sink.Markers["copy"].Epoch);
    }

    [Fact]
    public async Task A_target_that_was_put_back_gets_what_it_lacks_and_loses_what_it_has_too_much()
    {
        await using var engine = Engine();
        await DeliverAsync(engine, Insert(1, 10), Insert(2, 20));
        await engine.StopAsync();
        var (older, marker) = (engine.Sink.Target.ToArray(), engine.Sink.Markers["copy"]);
        engine.Sink.Restart();
        await DeliverAsync(engine, Update(1, 10, 11), Delete(2, 20), Insert(3, 30));
        await engine.StopAsync();
        engine.Sink.Target.Clear();
        foreach (var (key, row) in older)
            engine.Sink.Target[key] = row;
        engine.Sink.Target["items:99"] = TestTable.Row(99, 99);
        engine.Sink.Markers["copy"] = marker;
        engine.Sink.Restart();
        engine.Start();
        await engine.UntilAsync(() => engine.Status().Pipelines[0].State == RunState.Blocked);

        await engine.Pipeline.RedeliverAsync(reread: false);
        engine.Source.Add(Insert(4, 40)); // a source tells by its next word that it reads no tables
        await engine.UntilAsync(() => Shown(engine).SequenceEqual(["items:1=11", "items:3=30", "items:4=40"]));
        await engine.SettledAsync();
    }

    [Fact]
    public async Task With_a_snapshot_it_begins_at_the_end_and_the_source_reads_its_tables()
    {
        await using var engine = Engine();
        await DeliverAsync(engine, Insert(1, 10), Insert(2, 20));
        var end = engine.Capture.Stream.EndOffset;
        var asked = new List<SnapshotRequest>();
        engine.Source.OnRequest = asked.Add;
        engine.Sink.Target.Clear();
        engine.Sink.Target["items:99"] = TestTable.Row(99, 99);
        engine.Sink.Restart();

        Assert.Equal(new("copy", end, Reread: true, 2), await engine.Pipeline.RedeliverAsync(reread: true));
        await engine.UntilAsync(() => Shown(engine).SequenceEqual(["items:1=10", "items:2=20"]));
        await engine.SettledAsync();

        Assert.Equal("shop.items", Assert.Single(Assert.Single(asked).Tables).ToString());
        Assert.All(engine.Sink.Writes.Skip(2), write => Assert.InRange(write.Offset, end, long.MaxValue));
    }

    [Fact]
    public async Task A_kill_before_the_source_was_asked_loses_nothing()
    {
        await using var engine = Engine();
        await DeliverAsync(engine, Insert(1, 10));
        engine.Source.OnRequest = _ => throw new RetriableException(new(9001), "The source is away.", "Wait.");
        engine.Sink.Target.Clear();
        await engine.Pipeline.RedeliverAsync(reread: true);
        await engine.UntilAsync(() => engine.Pipeline.Failure is not null);
        await engine.KillAsync();

        engine.Source.OnRequest = null;
        engine.Sink.Restart();
        engine.Start();
        await engine.UntilAsync(() => engine.Sink.Target.Count == 1);
    }

    [Fact]
    public async Task Lanes_that_are_blocked_are_broken_off()
    {
        await using var engine = Engine();
        var wrong = true;
        engine.Sink.Before = (_, _) => Volatile.Read(ref wrong) ? throw new PauseException(new(9001), "No rights.", "Grant them.") : Task.CompletedTask;
        engine.Start();
        engine.Source.Add(Insert(1, 10));
        await engine.UntilAsync(() => engine.Status().Pipelines[0].State == RunState.Blocked);
        Volatile.Write(ref wrong, false);

        await engine.Pipeline.RedeliverAsync(reread: false);
        await engine.SettledAsync();

        Assert.Equal(["items:1=10"], Shown(engine));
        Assert.Equal((1, 1, true), (engine.Pipeline.Account().Emitted, engine.Pipeline.Account().Applied, engine.Pipeline.Account().Balanced));
    }

    [Fact]
    public async Task A_checkpoint_that_cannot_be_used_is_replaced()
    {
        await using var engine = Engine();
        await DeliverAsync(engine, Insert(1, 10));
        await engine.StopAsync();
        Directory.Delete(Path.Combine(engine.Folder, "shop-0"), recursive: true);
        engine.Sink.Restart();
        engine.Start();
        await engine.UntilAsync(() => engine.Status().Pipelines[0].State == RunState.Blocked);
        Assert.EndsWith("or have everything delivered again: 'leat redeliver copy'. [LEAT-3060]", engine.Status().Pipelines[0].Reason, StringComparison.Ordinal);

        await engine.Pipeline.RedeliverAsync(reread: false);
        await engine.SettledAsync();

        Assert.Equal(["items:1=10"], Shown(engine));
    }

    [Fact]
    public async Task Letters_are_superseded_by_what_is_delivered_again_or_get_another_attempt()
    {
        await using var engine = Engine();
        var poison = new HashSet<int> { 1, 2 };
        engine.Sink.Decide = operation => poison.Contains(TestTable.IdOf(operation.Row.Span)) ? Answer.Refused("Data too long", "1406") : null;
        await DeliverAsync(engine, Insert(1, 10), Insert(2, 20));
        poison.Remove(1);

        await engine.Pipeline.RedeliverAsync(reread: false);
        await engine.UntilAsync(() => engine.Letters().Sum(letter => letter.Attempts) == 3 && engine.Letters().Any(letter => letter.State == LetterState.Superseded));

        Assert.Equal([(LetterState.Superseded, 1), (LetterState.Open, 2)], engine.Letters().OrderBy(letter => letter.Key).Select(letter => (letter.State, letter.Attempts)));
    }

    [Fact]
    public async Task A_pipeline_that_does_not_run_takes_it_at_its_next_start()
    {
        await using var engine = Engine();
        await DeliverAsync(engine, Insert(1, 10));
        await engine.StopAsync();
        engine.Sink.Target.Clear();
        engine.Sink.Restart();
        var definition = engine.Definition with { OpenSink = _ => new ScriptedSink { KeepsMarker = true } };
        var file = new LeatFile
        {
            Path = "leat.yaml", Log = new() { Folder = engine.Folder }, Sources = [new("shop", "scripted", _ => engine.Source, default)], Pipelines = [definition],
        };

        var redelivery = await StoppedDelivery.RedeliverAsync(
            file, definition, reread: false, rebuild: false, TimeProvider.System, NullLoggerFactory.Instance, TestContext.Current.CancellationToken);
        Assert.Equal(new("copy", 0, Reread: false, 2), redelivery);

        engine.Start();
        await engine.UntilAsync(() => engine.Sink.Target.Count == 1);
        Assert.Equal(2U, engine.Pipeline.Epoch);
    }

    private static TestEngine Engine()
    {
        var engine = new TestEngine();
        engine.Sink.KeepsMarker = true;
        return engine;
    }

    private static async Task DeliverAsync(TestEngine engine, params TestChange[] changes)
    {
        engine.Start();
        engine.Source.Add(changes);
        await engine.SettledAsync();
    }

    private static List<string> Shown(TestEngine engine) =>
        [.. engine.Sink.Target.Select(row => $"{row.Key}={TestTable.ValueOf(row.Value)}").Order(StringComparer.Ordinal)];
}
