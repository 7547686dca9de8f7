using Leat.Changes;
using Leat.Pipeline.Delivery;
using Leat.Pipeline.Status;
using Xunit;
using static Leat.Tests.Pipeline.TestChange;

namespace Leat.Tests.Pipeline;

/// <summary>Whose target is it, and is it the one that acknowledged?</summary>
public sealed class MarkerTests
{
    private static readonly Guid Other = new("00000000-0000-0000-0000-000000000007");

    [Fact]
    public async Task A_marker_stands_ahead_before_anything_is_sent_and_the_one_of_a_stop_is_above_all_before()
    {
        await using var engine = Engine();
        var markersAtWrite = -1;
        engine.Sink.Before = (_, _) =>
        {
            markersAtWrite = engine.Sink.MarkersWritten.Count;
            return Task.CompletedTask;
        };
        await DeliverAsync(engine, Insert(1, 10), Insert(2, 20));

        Assert.InRange(markersAtWrite, 1, int.MaxValue);
        var ahead = engine.Sink.Markers["copy"];
        Assert.Equal(new(engine.Log.Id, 1, TargetMarkers.Lead), engine.Sink.MarkersWritten.First());
        Assert.InRange(ahead.Offset, TargetMarkers.Lead, TargetMarkers.Lead + engine.Capture.Stream.EndOffset);
        await engine.StopAsync();

        Assert.Equal(ahead with { Offset = ahead.Offset + 1 }, engine.Sink.Markers["copy"]);
    }

    [Fact]
    public async Task A_state_that_was_copied_while_it_ran_is_not_taken_for_the_one_of_the_stop()
    {
        await using var engine = Engine();
        await DeliverAsync(engine, Insert(1, 10));
        var running = engine.Sink.Markers["copy"];
        engine.Source.Add(Insert(2, 20));
        await engine.SettledAsync();
        await engine.StopAsync();
        engine.Sink.Markers["copy"] = running;
        engine.Sink.Target.TryRemove("items:2", out _);

        engine.Start();
        await engine.UntilAsync(() => engine.Pipeline.Failure is not null);

        Assert.Equal(new ErrorCode(3091), engine.Pipeline.Failure!.Code);
        Assert.Equal(["items:1=10"], Shown(engine));
    }

    [Fact]
    public async Task After_an_orderly_stop_the_epoch_stays()
    {
        await using var engine = Engine();
        await DeliverAsync(engine, Insert(1, 10));
        await engine.StopAsync();

        await DeliverAsync(engine, Insert(2, 20));

        Assert.Equal(1U, engine.Pipeline.Epoch);
        Assert.All(engine.Sink.Opened, identity => Assert.Equal(1U, identity.Epoch));
    }

    [Fact]
    public async Task After_a_kill_the_marker_ahead_is_known_for_its_own_and_the_epoch_stays()
    {
        await using var engine = Engine();
        await DeliverAsync(engine, Insert(1, 10));
        await engine.KillAsync();
        engine.Sink.Restart();

        await DeliverAsync(engine, Insert(2, 20));

        Assert.Equal((1U, 1U), (engine.Pipeline.Epoch, engine.Sink.Opened.Last().Epoch));
        Assert.Equal(["items:1=10", "items:2=20"], Shown(engine));
    }

    [Fact]
    public async Task A_raised_epoch_stays_raised()
    {
        await using var engine = Engine();
        engine.Sink.Markers["copy"] = new(Other, 7, 5000);
        await DeliverAsync(engine, Insert(1, 10));
        await engine.KillAsync();
        engine.Sink.Restart();
        await DeliverAsync(engine, Insert(2, 20));
        await engine.StopAsync();

        engine.Start();
        await engine.UntilAsync(() => engine.Pipeline.Started);
        Assert.Equal((8U, 8U), (engine.Pipeline.Epoch, engine.Sink.Markers["copy"].Epoch));
        await engine.StopAsync();
    }

    [Fact]
    public async Task Without_a_marker_and_with_nothing_acknowledged_delivery_begins()
    {
        await using var engine = Engine();
        engine.Sink.OnPrepare = () => throw new RetriableException(new(9001), "The target is away.", "Wait.");
        engine.Source.Add(Insert(1, 10));
        engine.Start();
        await engine.UntilAsync(() => engine.Pipeline.Failure is not null);
        await engine.StopAsync();

        engine.Sink.OnPrepare = null;
        engine.Start();
        await engine.SettledAsync();

        Assert.Single(engine.Sink.Target);
    }

    [Fact]
    public async Task A_target_that_was_emptied_blocks()
    {
        await using var engine = Engine();
        await DeliverAsync(engine, Insert(1, 10));
        await engine.StopAsync();
        engine.Sink.Markers.Clear();

        Assert.Equal(
            "The target of pipeline 'copy' no longer has the marker that was written to it: it was emptied or replaced. "
            + "Bring the target back as it was, or have everything delivered again: 'leat redeliver copy'. [LEAT-3090]", await ReasonAsync(engine));
    }

    [Fact]
    public async Task A_target_that_was_put_back_to_an_older_state_blocks()
    {
        await using var engine = Engine();
        await DeliverAsync(engine, Insert(1, 10));
        await engine.StopAsync();
        var older = engine.Sink.Markers["copy"];
        await DeliverAsync(engine, Insert(2, 20), Insert(3, 30));
        await engine.StopAsync();
        engine.Sink.Markers["copy"] = older;

        Assert.Equal(
            "The target of pipeline 'copy' is older than what it acknowledged: its marker stands at offset 1048577 of epoch 1, and stood at offset 1048579 of epoch 1. "
            + "Bring the newer state of the target back, or have everything delivered again: 'leat redeliver copy'. [LEAT-3091]", await ReasonAsync(engine));
    }

    [Fact]
    public async Task A_target_of_another_log_is_taken_over_above_its_epoch_and_loses_what_the_source_does_not_have()
    {
        await using var engine = Engine();
        var log = new ListedLog();
        engine.Loggers = log;
        engine.Sink.Markers["copy"] = new(Other, 7, 5000);
        engine.Sink.Target["items:1"] = TestTable.Row(1, 99);
        engine.Sink.Target["items:2"] = TestTable.Row(2, 99);
        engine.Source.Add(Insert(1, 10));
        engine.Start();
        await engine.UntilAsync(() => engine.Sink.Target.Count == 1 && log.Of(3070).Length == 1);
        await engine.SettledAsync();

        Assert.Equal(10, TestTable.ValueOf(engine.Sink.Target["items:1"]));
        Assert.Equal(8U, engine.Pipeline.Epoch);
        Assert.Equal(8U, engine.Sink.Markers["copy"].Epoch);
        Assert.Equal([$"Pipeline copy writes in epoch 8 from now on, because log {Other} wrote to the target in epoch 7"], log.Of(3090));
        Assert.Equal(["Pipeline copy: items was read again at the source; 1 rows removed from the target, 0 left that are not of this pipeline"], log.Of(3070));
        Assert.True(engine.Pipeline.Account().Balanced);
    }

    [Fact]
    public async Task A_target_that_another_log_took_over_blocks()
    {
        await using var engine = Engine();
        await DeliverAsync(engine, Insert(1, 10));
        await engine.StopAsync();
        engine.Sink.Markers["copy"] = new(Other, 1, 10);

        Assert.Equal(
            $"The target of pipeline 'copy' was written by log {Other} since this one delivered to it. Stop the other Leat, or give one of the two another target or "
            + "another pipeline name. Then have everything delivered again: 'leat redeliver copy'. [LEAT-3092]", await ReasonAsync(engine));
    }

    [Fact]
    public async Task A_log_from_the_past_writes_above_the_epoch_that_its_target_knows()
    {
        await using var engine = Engine();
        var log = new ListedLog();
        engine.Loggers = log;
        await DeliverAsync(engine, Insert(1, 10));
        var id = engine.Log.Id;
        await engine.StopAsync();
        engine.Sink.Markers["copy"] = new(id, 4, 3);

        await DeliverAsync(engine, Insert(2, 20));

        Assert.Equal(5U, engine.Pipeline.Epoch);
        Assert.Equal(["Pipeline copy writes in epoch 5 from now on, because the target was written in epoch 4"], log.Of(3090));
    }

    [Fact]
    public async Task An_offset_beyond_the_stream_raises_the_epoch()
    {
        await using var engine = Engine();
        var log = new ListedLog();
        engine.Loggers = log;
        await DeliverAsync(engine, Insert(1, 10));
        var id = engine.Log.Id;
        await engine.StopAsync();
        engine.Sink.Markers["copy"] = new(id, 1, 3_000_000);

        await DeliverAsync(engine, Insert(2, 20));

        Assert.Equal(["Pipeline copy writes in epoch 2 from now on, because the target may hold changes up to offset 3000000, and the stream ended at 2"], log.Of(3090));
        Assert.Equal(["items:1=10", "items:2=20"], Shown(engine));
    }

    [Fact]
    public async Task What_another_log_left_is_removed_also_when_the_source_is_idle_before_it_tells_a_shape()
    {
        await using var engine = Engine();
        engine.Sink.Markers["copy"] = new(Other, 3, 100);
        engine.Sink.Target["items:9"] = TestTable.Row(9, 1);
        engine.Source.Add();
        engine.Start();
        await engine.UntilAsync(() => engine.Pipeline.Started && engine.Capture.Position is not null);
        await Task.Delay(PipelineRunner.CheckpointInterval * 3, engine.Time, TestContext.Current.CancellationToken);

        engine.Source.Add(Insert(1, 10));

        await engine.UntilAsync(() => Shown(engine) is ["items:1=10"]);
    }

    [Fact]
    public async Task Epochs_end()
    {
        await using var engine = Engine();
        engine.Sink.Markers["copy"] = new(Other, 65_535, 1);
        engine.Source.Add(Insert(1, 10));

        Assert.Equal(
            "Pipeline 'copy' has used up its epochs: there are 65535. Empty the target and give the pipeline another name: it then begins anew. [LEAT-3094]",
            await ReasonAsync(engine));
        Assert.Empty(engine.Sink.Target);
    }

    [Fact]
    public async Task A_marker_that_cannot_be_read_blocks()
    {
        await using var engine = Engine();
        engine.Sink.OnMarkerRead = () => throw new PauseException(new(9002), "The marker is not one.", "Look at it.");
        engine.Source.Add(Insert(1, 10));

        Assert.Equal("The marker is not one. Look at it. [LEAT-9002]", await ReasonAsync(engine));
        Assert.Empty(engine.Sink.Target);
    }

    [Fact]
    public async Task A_marker_that_cannot_be_written_holds_up_sending_and_loses_nothing()
    {
        await using var engine = Engine();
        var isAway = true;
        engine.Sink.OnMarker = _ =>
        {
            if (Volatile.Read(ref isAway))
                throw new RetriableException(new(9001), "The target is away.", "Wait.");
        };
        engine.Source.Add(Insert(1, 10));
        engine.Start();
        await engine.UntilAsync(() => engine.Pipeline.Failure is not null);
        Assert.Empty(engine.Sink.Target);
        Assert.Empty(engine.Sink.Opened);

        Volatile.Write(ref isAway, false);
        await engine.SettledAsync();
        Assert.Equal(["items:1=10"], Shown(engine));
    }

    [Fact]
    public async Task A_kill_between_the_raised_epoch_and_its_marker_does_not_block()
    {
        await using var engine = Engine();
        await DeliverAsync(engine, Insert(1, 10));
        var id = engine.Log.Id;
        await engine.StopAsync();
        engine.Sink.Markers["copy"] = new(id, 4, 3);
        engine.Sink.Restart();
        engine.Sink.OnMarker = _ => throw new RetriableException(new(9001), "The target is away.", "Wait.");
        engine.Start();
        await engine.UntilAsync(() => engine.Pipeline.Failure is not null);
        await engine.KillAsync();

        engine.Sink.OnMarker = null;
        await DeliverAsync(engine, Insert(2, 20));
        Assert.Equal(["items:1=10", "items:2=20"], Shown(engine));
        Assert.InRange(engine.Pipeline.Epoch, 5U, 6U);
    }

    [Fact]
    public async Task A_target_that_is_emptied_while_Leat_runs_blocks_when_its_connection_is_opened_again()
    {
        await using var engine = Engine();
        await DeliverAsync(engine, Insert(1, 10));
        engine.Sink.Target.Clear();
        engine.Sink.Markers.Clear();
        var breaks = 1;
        engine.Sink.Before = (_, _) => Interlocked.Decrement(ref breaks) >= 0
            ? throw new RetriableException(new(9001), "The connection broke.", "It is opened again.") : Task.CompletedTask;
        engine.Source.Add(Insert(2, 20));
        await engine.UntilAsync(() => engine.Status().Pipelines[0].State == RunState.Blocked);

        Assert.EndsWith("[LEAT-3090]", engine.Status().Pipelines[0].Reason, StringComparison.Ordinal);
        Assert.Empty(engine.Sink.Target);
    }

    [Fact]
    public async Task Another_process_that_took_a_higher_epoch_fences_this_one_off()
    {
        await using var engine = Engine();
        await DeliverAsync(engine, Insert(1, 10));
        engine.Sink.Markers["copy"] = engine.Sink.Markers["copy"] with { Epoch = 2 };
        var breaks = 1;
        engine.Sink.Before = (_, _) => Interlocked.Decrement(ref breaks) >= 0
            ? throw new RetriableException(new(9001), "The connection broke.", "It is opened again.") : Task.CompletedTask;
        engine.Source.Add(Insert(2, 20));
        await engine.UntilAsync(() => engine.Status().Pipelines[0].State == RunState.Blocked);

        Assert.Equal(
            "The target of pipeline 'copy' was written in epoch 2 by another Leat, while this one writes in epoch 1. "
            + "Stop the other Leat, which runs on a copy of this log folder. Then start this one again: it takes a higher epoch. [LEAT-3093]",
            engine.Status().Pipelines[0].Reason);
    }

    [Fact]
    public async Task While_much_is_sent_the_marker_moves_ahead_of_it()
    {
        await using var engine = Engine();
        engine.Sink.Before = (batch, _) =>
        {
            if (batch.Span[^1].Offset >= engine.Sink.Markers["copy"].Offset)
                engine.Sink.Violations.Enqueue($"{batch.Span[^1].Offset} sent under {engine.Sink.Markers["copy"].Offset}");
            return Task.CompletedTask;
        };
        engine.Start();
        for (var round = 0; round < 30; round++)
        {
            engine.Source.Add([.. Enumerable.Range(0, 100).Select(id => Insert((round * 100) + id, id))]);
            await engine.SettledAsync();
            await Task.Delay(TargetMarkers.Interval / 3, engine.Time);
        }

        Assert.Empty(engine.Sink.Violations);
        Assert.InRange(engine.Sink.MarkersWritten.Count, 2, 60);
        Assert.InRange(engine.Sink.Markers["copy"].Offset, TargetMarkers.Lead + 1, long.MaxValue);
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

    private static async Task<string?> ReasonAsync(TestEngine engine)
    {
        engine.Start();
        await engine.UntilAsync(() => engine.Status().Pipelines[0].State == RunState.Blocked);
        return engine.Status().Pipelines[0].Reason;
    }

    private static List<string> Shown(TestEngine engine) =>
        [.. engine.Sink.Target.Select(row => $"{row.Key}={TestTable.ValueOf(row.Value)}").Order(StringComparer.Ordinal)];
}
