using Leat.Changes;
using Leat.Log;
using Leat.Pipeline;
using Leat.Pipeline.Definitions;
using Leat.Pipeline.Delivery;
using Leat.Pipeline.Status;
using Leat.Tests.Log;
using Xunit;

namespace Leat.Tests.Pipeline;

/// <summary>A stream of small segments that keeps next to nothing, and what holds it back all the same.</summary>
public sealed class RetentionTests : IDisposable
{
    private const int Segment = 4096;

    private readonly string _folder = Directory.CreateTempSubdirectory("leat-retention-").FullName;
    private readonly ScriptedSource _source = new();
    private readonly Dictionary<string, ScriptedSink> _sinks = new() { ["first"] = new(), ["second"] = new() };
    private readonly ListedLog _log = new();
    private StreamOptions _stream = new() { SegmentBytes = Segment, RetentionBytes = 1 };

    [Fact]
    public async Task Nothing_is_deleted_that_a_pipeline_has_not_delivered()
    {
        _sinks["second"].OnPrepare = () => throw new PauseException(new(9001), "Access denied.", "Correct the password.");
        await RunAsync(["first", "second"], async (engine, running) =>
        {
            await CaptureAsync(engine, running, rows: 12);
            await engine.UntilAsync(running, status => HoldsOf(status)["pipeline first"].Records == 0);

            var stream = StreamOf(engine.Status());
            Assert.Equal((0, 0, Intake.Open), (stream.StartOffset, stream.DeletedBytes, stream.Intake));
            Assert.Equal(new("pipeline second", 0, 24), stream.Holds[0]);
            Assert.True(stream.Bytes > 12 * 1000);

            _sinks["second"].OnPrepare = null;
            await engine.UntilAsync(running, status => StreamOf(status).StartOffset > 0 && _sinks["second"].Target.Count == 12);
            await engine.UntilAsync(running, status => StreamOf(status).Bytes <= 2 * Segment && StreamOf(status).DeletedBytes > Segment);
        });
    }

    [Fact]
    public async Task A_pipeline_whose_own_streams_are_damaged_keeps_everything()
    {
        await RunAsync(["first"], async (engine, running) =>
        {
            await CaptureAsync(engine, running, rows: 1);
            await engine.UntilAsync(running, _ => _sinks["first"].Target.Count == 1);
        });
        await File.WriteAllBytesAsync(Path.Combine(_folder, "first.checkpoints-0", "manifest"), [1, 2, 3], TestContext.Current.CancellationToken);

        await RunAsync(["first"], async (engine, running) =>
        {
            await CaptureAsync(engine, running, rows: 12);
            Assert.Equal((0, new HoldStatus("pipeline first", 0, 26)), (StreamOf(engine.Status()).StartOffset, StreamOf(engine.Status()).Holds[0]));
            Assert.Equal(RunState.Blocked, engine.Status().Pipelines[0].State);
        });
    }

    [Fact]
    public async Task Capture_goes_on_at_its_position_when_everything_else_was_deleted()
    {
        await RunAsync(["first"], async (engine, running) =>
        {
            await CaptureAsync(engine, running, rows: 12);
            await engine.UntilAsync(running, status => StreamOf(status).StartOffset > 0 && HoldsOf(status)["pipeline first"].Records == 0);
        });

        await RunAsync(["first"], async (engine, running) =>
        {
            await CaptureAsync(engine, running, rows: 1);
            await engine.UntilAsync(running, _ => _sinks["first"].Target.Count == 13);
        });

        Assert.Equal([0, 12], _source.StartedFrom);
    }

    [Fact]
    public async Task A_new_pipeline_on_a_stream_without_its_beginning_is_blocked()
    {
        var start = 0L;
        await RunAsync(["first"], async (engine, running) =>
        {
            await CaptureAsync(engine, running, rows: 12);
            await engine.UntilAsync(running, status => StreamOf(status).StartOffset > 0 && HoldsOf(status)["pipeline first"].Records == 0);
            start = StreamOf(engine.Status()).StartOffset;
        });

        await RunAsync(["first", "second"], async (engine, running) =>
        {
            await engine.UntilAsync(running, status => status.Pipelines[1].State == RunState.Blocked && status.Pipelines[0].State == RunState.Live);

            Assert.Equal(
                $"Pipeline 'second' needs stream 'shop' from offset 0 on, but it begins at offset {start}: what was before is deleted. "
                + "Have the source read the tables again: 'leat redeliver second'. Without 'retention' the stream keeps everything for pipelines that are added later. [LEAT-3061]",
                engine.Status().Pipelines[1].Reason);
            Assert.Empty(_sinks["second"].Writes);

            var redelivery = await engine.Deliveries.RedeliverAsync("second", reread: false, TestContext.Current.CancellationToken);
            Assert.Equal(("second", true, 2U), (redelivery.Pipeline, redelivery.Reread, redelivery.Epoch));
            await engine.UntilAsync(running, _ => _sinks["second"].Target.Count == 12);
        });
    }

    [Fact]
    public async Task Over_its_quota_a_stream_takes_nothing_says_who_holds_it_and_goes_on_by_itself()
    {
        _stream = _stream with { QuotaBytes = 4 * Segment };
        _sinks["first"].OnPrepare = () => throw new PauseException(new(9001), "Access denied.", "Correct the password.");
        await RunAsync(["first"], async (engine, running) =>
        {
            for (var id = 0; id < 60; id++)
            {
                var position = $"{id + 1}";
                Add(id);
                await engine.UntilAsync(running, status => status.Sources[0].Position == position || status.Sources[0].State == RunState.Blocked);
            }

            await engine.UntilAsync(running, status => status.Sources[0].State == RunState.Blocked && _log.Of(3061).Length > 0);
            var source = engine.Status().Sources[0];
            Assert.Matches(
                @"^Source 'shop' is not captured for now: its stream has \d+\.\dKiB, its quota is 16\.0KiB, and pipeline first still needs the last \d+ records\. "
                + @"Mend what keeps it from delivering, take it out of the file, or raise the quota\. Nothing is lost, and capture goes on by itself\. \[LEAT-3065\]$", source.Reason);
            Assert.Equal(Intake.OverQuota, source.Stream?.Intake);
            Assert.InRange(source.EndOffset, 1, 60);
            Assert.Equal(["Source shop takes nothing new for now; delivery goes on"], _log.Of(3061));

            _sinks["first"].OnPrepare = null;
            // What waited may fill the quota once more before retention has made room: it goes on by itself each time.
            await engine.UntilAsync(running, status => _sinks["first"].Target.Count == 60 && status.Ready && _log.Of(3062).Length > 0);
        });
    }

    [Fact]
    public async Task A_transaction_larger_than_the_quota_is_let_through_to_its_end()
    {
        _stream = _stream with { QuotaBytes = 4 * Segment };
        await RunAsync(["first"], async (engine, running) =>
        {
            _source.Add([.. Enumerable.Range(0, 12_000).Select(id => new TestChange(ChangeKind.Insert, null, TestTable.Row(id, 1, new('x', 1000))))]);
            await engine.UntilAsync(running, status => _sinks["first"].Target.Count == 12_000 && status.Ready);
        });
    }

    [Fact]
    public async Task A_hold_follows_the_checkpoint_only_when_that_is_durable()
    {
        using var fixture = new LogFixture();
        using var log = fixture.Open();
        var shop = log.OpenStream("shop", new());
        await LogFixture.AppendSyncedAsync(shop, "a", "b", "c");
        using var hold = shop.Hold("pipeline copy", 0);
        var slow = new CheckpointStore(
            "copy", log.Id, shop, SyncMode.Commit, log.OpenStream("slow", new() { Sync = SyncMode.Interval, SyncInterval = TimeSpan.FromHours(1) }), hold, _log);
        var fast = log.OpenStream("fast", new());
        var store = new CheckpointStore("copy", log.Id, shop, SyncMode.Commit, fast, hold, _log);

        slow.Save(slow.Make(2, "", []));
        slow.LetGo();
        Assert.Equal(0, hold.Offset);

        store.Save(store.Make(2, "", []));
        await fast.WaitSyncedAsync(1, TestContext.Current.CancellationToken);
        store.LetGo();
        Assert.Equal(2, hold.Offset);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static StreamStatus StreamOf(EngineStatus status) => status.Sources[0].Stream ?? throw new InvalidOperationException("The stream is not open.");

    private static Dictionary<string, HoldStatus> HoldsOf(EngineStatus status) => StreamOf(status).Holds.ToDictionary(hold => hold.Who);

    private void Add(int id) => _source.Add(new TestChange(ChangeKind.Insert, null, TestTable.Row(id, 1, new('x', 1000))));

    // Each row in a batch of its own: the row, and the position.
    private async Task CaptureAsync(Engine engine, Task running, int rows)
    {
        for (var row = 0; row < rows; row++)
        {
            var id = _source.State().Count;
            Add(id);
            await engine.UntilAsync(running, status => status.Sources[0].Position == $"{id + 1}");
        }
    }

    private async Task RunAsync(string[] pipelines, Func<Engine, Task, Task> body)
    {
        await using var engine = Engine.Open(
            new()
            {
                Path = "leat.yaml",
                Sources = [new("shop", "scripted", _ => _source, default) { Stream = _stream }],
                Pipelines = [.. pipelines.Select(name => TestEngine.CopyItems with { Name = name, OpenSink = _ => _sinks[name] })],
                Log = new() { Folder = _folder, ReserveBytes = 0 },
            },
            _log, new FastTime());
        using var stop = new CancellationTokenSource();
        var running = engine.RunAsync(stop.Token);
        await body(engine, running);
        await stop.CancelAsync();
        await running;
    }
}
