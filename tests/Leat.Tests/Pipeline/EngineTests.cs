using Leat.Changes;
using Leat.Log;
using Leat.Pipeline;
using Leat.Pipeline.Definitions;
using Leat.Pipeline.Status;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;
using static Leat.Tests.Pipeline.TestChange;

namespace Leat.Tests.Pipeline;

public sealed class EngineTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("leat-engine-").FullName;
    private readonly ScriptedSource _good = new();
    private readonly ScriptedSource _bad = new();
    private readonly ScriptedSink _goodSink = new();
    private readonly ScriptedSink _badSink = new();

    [Fact]
    public async Task One_failing_source_and_one_failing_pipeline_never_stop_the_others()
    {
        _bad.Fault = _ => throw new PauseException(new(9001), "Access denied.", "Correct the password.");
        _badSink.OnPrepare = () => throw new RetriableException(new(9002), "Nobody listens.", "Start the server.");
        _bad.Add(Insert(1, 1));
        _good.Add(Insert(1, 10), Insert(2, 20));
        await using var engine = Engine.Open(File(), NullLoggerFactory.Instance, new FastTime());
        using var stop = new CancellationTokenSource();

        var running = engine.RunAsync(stop.Token);
        await UntilAsync(running, () => engine.Status() is { } status && status.Pipelines[0].State == RunState.Live
            && status.Sources[1].State == RunState.Blocked && status.Pipelines[1].State == RunState.Retrying && _goodSink.Target.Count == 2
            && status.Pipelines[0].LagRows == 0);

        var now = engine.Status();
        Assert.False(now.Ready);
        Assert.Equal("Access denied. Correct the password. [LEAT-9001]", now.Sources[1].Reason);
        Assert.Equal("Nobody listens. Start the server. [LEAT-9002]", now.Pipelines[1].Reason);
        Assert.Equal((2, 1, "1"), (now.Sources[0].Changes, now.Sources[0].Transactions, now.Sources[0].Position));
        Assert.Equal((0, 0.0, 2), (now.Pipelines[0].LagRows, now.Pipelines[0].LagMs, now.Pipelines[0].Accounting.Applied));
        Assert.Matches("^insert items id=[12]$", now.Pipelines[0].LastChange);
        await stop.CancelAsync();
        await running;
        Assert.All(engine.Status().Pipelines, pipeline => Assert.Equal(RunState.Stopped, pipeline.State));
        Assert.All(engine.Status().Sources, source => Assert.Equal(RunState.Stopped, source.State));
    }

    [Fact]
    public async Task What_waits_for_a_target_that_was_never_reached_grows_older()
    {
        await using var engine = new TestEngine();
        engine.Sink.OnPrepare = () => throw new RetriableException(new(9002), "Nobody listens.", "Start the server.");
        engine.Source.Add(Insert(1, 1));
        engine.Start();

        await engine.UntilAsync(() => engine.Status().Pipelines[0] is { State: RunState.Retrying, LagRows: > 0 });
        var captured = engine.Time.GetUtcNow();
        await engine.UntilAsync(() => engine.Time.GetUtcNow() - captured > TimeSpan.FromSeconds(5));

        Assert.InRange(engine.Status().Pipelines[0].LagMs, 5_000, 3_600_000);
        await engine.KillAsync();
    }

    [Fact]
    public async Task A_change_after_a_long_silence_is_not_as_old_as_the_silence()
    {
        await using var engine = new TestEngine();
        engine.Source.CommittedAtMicros = (engine.Time.GetUtcNow() - TimeSpan.FromDays(1)).ToUnixTimeMilliseconds() * 1000;
        engine.Source.Add(Insert(1, 1));
        engine.Start();
        await engine.SettledAsync();
        engine.Sink.OnPrepare = () => throw new RetriableException(new(9002), "Nobody listens.", "Start the server.");
        engine.Source.Schema = new(TestTable.Schema.Table, TestTable.Schema.Columns.SetItem(2, TestTable.Schema.Columns[2] with { Length = 200 }), [0]);
        engine.Source.CommittedAtMicros = engine.Time.GetUtcNow().ToUnixTimeMilliseconds() * 1000;
        engine.Source.Add(Insert(2, 2));

        await engine.UntilAsync(() => engine.Status().Pipelines[0] is { State: RunState.Retrying, LagRows: > 0, LagMs: > 0 });

        Assert.InRange(engine.Status().Pipelines[0].LagMs, 1, 3_600_000);
        await engine.KillAsync();
    }

    [Fact]
    public async Task A_target_that_is_down_slows_no_other_pipeline_of_the_same_stream()
    {
        var down = true;
        _badSink.Before = (_, _) => Volatile.Read(ref down) ? throw new RetriableException(new(9002), "Nobody listens.", "Start the server.") : Task.CompletedTask;
        var text = new string('x', 4000);
        for (var transaction = 0; transaction < 50; transaction++)
            _good.Add([.. Enumerable.Range(transaction * 100, 100).Select(id => new TestChange(ChangeKind.Insert, null, TestTable.Row(id, id, text)))]);
        await using var engine = Engine.Open(File(), NullLoggerFactory.Instance, new FastTime());
        using var stop = new CancellationTokenSource();

        // 20 MB: more than blocks and lanes have room for.
        var running = engine.RunAsync(stop.Token);
        await UntilAsync(running, () => _goodSink.Target.Count == 5000 && engine.Status().Pipelines[0].LagRows == 0);

        Assert.Empty(_badSink.Target);
        Assert.Equal(RunState.Retrying, engine.Status().Pipelines[1].State);
        Assert.InRange(engine.Status().Pipelines[1].Accounting.InFlight, 1, 4500);
        Volatile.Write(ref down, false);
        await UntilAsync(running, () => _badSink.Target.Count == 5000);
        await stop.CancelAsync();
        await running;
    }

    [Fact]
    public async Task A_second_engine_on_the_same_folder_is_refused()
    {
        await using var first = Engine.Open(File(), NullLoggerFactory.Instance, TimeProvider.System);

        var error = Assert.Throws<LogException>(() => Engine.Open(File(), NullLoggerFactory.Instance, TimeProvider.System));

        Assert.Contains(_folder, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_failed_sync_ends_the_engine_and_nothing_that_was_not_durable_reaches_a_target()
    {
        var disk = new FailingDisk();
        _good.Add(Insert(1, 10));
        var engine = Engine.Open(File(), NullLoggerFactory.Instance, new FastTime(), disk);
        var running = engine.RunAsync(CancellationToken.None);
        await UntilAsync(running, () => _goodSink.Target.Count == 1 && _badSink.Target.Count == 1);

        disk.Fails = true;
        _good.Add(Insert(2, 20));
        var error = await Assert.ThrowsAsync<LogException>(() => running.WaitAsync(TimeSpan.FromMinutes(1)));

        Assert.Contains("Input/output error", error.Message, StringComparison.Ordinal);
        Assert.Equal((1, 1), (_goodSink.Target.Count, _badSink.Target.Count));
        await engine.DisposeAsync();

        // The disk works again: what was captured and not acknowledged is captured once more.
        disk.Fails = false;
        await using var again = Engine.Open(File(), NullLoggerFactory.Instance, new FastTime(), disk);
        using var stop = new CancellationTokenSource();
        var later = again.RunAsync(stop.Token);
        await UntilAsync(later, () => _goodSink.Target.Count == 2 && _badSink.Target.Count == 2);
        await stop.CancelAsync();
        await later;
    }

    [Fact]
    public async Task A_pipeline_that_starts_later_gets_everything_from_the_stream()
    {
        _good.Add([.. Enumerable.Range(0, 200).Select(id => Insert(id, id))]);
        var file = File();
        await using (var engine = Engine.Open(file with { Pipelines = [] }, NullLoggerFactory.Instance, new FastTime()))
        {
            using var stop = new CancellationTokenSource();
            var running = engine.RunAsync(stop.Token);
            await UntilAsync(running, () => engine.Status().Sources[0].Position == "1");
            await stop.CancelAsync();
            await running;
        }

        await using var later = Engine.Open(file, NullLoggerFactory.Instance, new FastTime());
        using var end = new CancellationTokenSource();
        var delivering = later.RunAsync(end.Token);
        await UntilAsync(delivering, () => _goodSink.Target.Count == 200);
        await end.CancelAsync();
        await delivering;

        Assert.Equal([0, 1], _good.StartedFrom);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private LeatFile File() => new()
    {
        Path = "leat.yaml",
        Sources = [new("good", "scripted", _ => _good, default), new("bad", "scripted", _ => _bad, default)],
        Pipelines = [Pipeline("first", "good", _goodSink), Pipeline("second", "good", _badSink)],
        Log = new() { Folder = Path.Combine(_folder, "log"), ReserveBytes = 0 },
    };

    private static PipelineDefinition Pipeline(string name, string from, ScriptedSink sink) => new()
    {
        Name = name,
        From = from,
        Tables = [new() { Alias = "items", Table = new("shop", "items"), Location = default }],
        SinkKind = "scripted",
        OpenSink = _ => sink,
        Location = default,
    };

    private static async Task UntilAsync(Task running, Func<bool> condition)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        while (!condition())
        {
            if (running.IsCompleted)
                await running;
            Assert.False(limit.IsCancellationRequested, "Waited in vain.");
            await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System);
        }
    }
}
