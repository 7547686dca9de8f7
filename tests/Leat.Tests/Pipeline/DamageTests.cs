using Leat.Changes;
using Leat.Log;
using Leat.Pipeline;
using Leat.Pipeline.Definitions;
using Leat.Pipeline.Status;
using Leat.Tests.Log;
using Xunit;
using static Leat.Tests.Pipeline.TestChange;

namespace Leat.Tests.Pipeline;

/// <summary>Two sources with a pipeline each, and one stream of the second damaged on the disk: everything that does not need it goes on.</summary>
public sealed class DamageTests : IDisposable
{
    private static readonly StreamOptions Small = new() { SegmentBytes = 4096 };

    private readonly string _folder = Directory.CreateTempSubdirectory("leat-damage-").FullName;
    private readonly ScriptedSource[] _sources = [new(), new()];
    private readonly ScriptedSink[] _sinks = [new(), new()];
    private readonly ListedLog _log = new();

    [Theory]
    [InlineData("b", RunState.Blocked)]
    [InlineData("b.schemas", RunState.Blocked)]
    [InlineData("to-b.checkpoints", RunState.Live)]
    [InlineData("to-b.deadletters", RunState.Live)]
    public async Task A_stream_that_cannot_be_opened_blocks_only_those_who_need_it_until_it_is_mended(string stream, RunState source)
    {
        await RunAsync(status => status.Ready && _sinks.All(sink => sink.Target.Count == 1));
        var manifest = Path.Combine(_folder, $"{stream}-0", "manifest");
        var whole = await File.ReadAllBytesAsync(manifest, TestContext.Current.CancellationToken);
        await File.WriteAllBytesAsync(manifest, [.. whole.Select((value, i) => i == 30 ? (byte)~value : value)], TestContext.Current.CancellationToken);
        var before = _sinks[1].Writes.Count;

        await RunAsync(
            async (engine, running) =>
            {
                await engine.UntilAsync(running, status => status.Pipelines[0].State == RunState.Live && _sinks[0].Target.Count == 2
                    && status.Sources[1].State == source && status.Pipelines[1].State == RunState.Blocked);
                var status = engine.Status();

                Assert.StartsWith($"{manifest} is damaged: ", status.Pipelines[1].Reason, StringComparison.Ordinal);
                Assert.EndsWith("[LEAT-2007]", status.Pipelines[1].Reason, StringComparison.Ordinal);
                Assert.Equal(source == RunState.Blocked ? status.Pipelines[1].Reason : null, status.Sources[1].Reason);
                Assert.Equal((RunState.Live, null), (status.Sources[0].State, status.Sources[0].Reason));
                Assert.Equal(before, _sinks[1].Writes.Count);
                Assert.False(status.Ready);
                Assert.Contains("Pipeline to-b is blocked until somebody acts; nothing is dropped, looked at again each 30 s", _log.Of(3014));
                Assert.Equal(source == RunState.Blocked, _log.Of(3003).Contains("Source b is blocked until somebody acts; looked at again each 30 s"));

                await File.WriteAllBytesAsync(manifest, whole, TestContext.Current.CancellationToken);
                await engine.UntilAsync(running, now => now.Ready && _sinks[1].Target.Count == 2);
            });
    }

    [Fact]
    public async Task A_blocked_source_and_its_pipeline_stop_in_order()
    {
        await RunAsync(status => status.Ready && _sinks.All(sink => sink.Target.Count == 1));
        File.Delete(Path.Combine(_folder, "b-0", "manifest"));
        await using var engine = Open();
        using var stop = new CancellationTokenSource();
        var running = engine.RunAsync(stop.Token);

        await engine.UntilAsync(running, status => status.Sources[1].State == RunState.Blocked && status.Pipelines[1].State == RunState.Blocked);
        await stop.CancelAsync();
        await running;

        Assert.All(engine.Status().Sources, one => Assert.Equal(RunState.Stopped, one.State));
        Assert.All(engine.Status().Pipelines, one => Assert.Equal(RunState.Stopped, one.State));
    }

    [Fact]
    public async Task Damage_met_while_reading_blocks_that_pipeline_alone()
    {
        await RunAsync(status => status.Ready && _sinks.All(sink => sink.Target.Count == 1));
        await RunAsync(status => status.Ready && _sinks.All(sink => sink.Target.Count == 2));
        Directory.Delete(Path.Combine(_folder, "to-b.checkpoints-0"), recursive: true);
        var segment = LogFixture.PathOf(_folder, "b", 0);
        var whole = await File.ReadAllBytesAsync(segment, TestContext.Current.CancellationToken);
        await File.WriteAllBytesAsync(segment, [.. whole.Select((value, i) => i == 100 ? (byte)~value : value)], TestContext.Current.CancellationToken);
        _sinks[1].Restart();
        var before = _sinks[1].Prepared.Count;

        await RunAsync(
            async (engine, running) =>
            {
                await engine.UntilAsync(running, status => status.Pipelines[0].State == RunState.Live && _sinks[0].Target.Count == 3
                    && status.Sources.All(one => one.State == RunState.Live) && _log.Of(3014).Length >= 3);
                var status = engine.Status();

                Assert.Equal(RunState.Blocked, status.Pipelines[1].State);
                Assert.StartsWith($"{segment} is damaged at byte 0: the batch of offset 0 fails its checksum.", status.Pipelines[1].Reason, StringComparison.Ordinal);
                Assert.EndsWith("[LEAT-2006]", status.Pipelines[1].Reason, StringComparison.Ordinal);
                Assert.Equal((0, 2), (status.Pipelines[1].Checkpoint, _sinks[1].Target.Count));
                Assert.Equal(before, _sinks[1].Prepared.Count);
            });

        await File.WriteAllBytesAsync(segment, [.. whole, .. (await File.ReadAllBytesAsync(segment, TestContext.Current.CancellationToken))[whole.Length..]], TestContext.Current.CancellationToken);
        await RunAsync(status => status.Ready && _sinks[1].Target.Count == 4);
    }

    [Fact]
    public async Task A_schema_stream_older_than_its_stream_blocks_the_source()
    {
        await RunAsync(status => status.Ready && _sinks.All(sink => sink.Target.Count == 1));
        Directory.Delete(Path.Combine(_folder, "b.schemas-0"), recursive: true);

        await RunAsync(
            async (engine, running) =>
            {
                await engine.UntilAsync(running, status => status.Pipelines[0].State == RunState.Live && _sinks[0].Target.Count == 2);

                var status = engine.Status();
                Assert.Equal(
                    "The last changes of stream 'b' have the table shape 1, but stream 'b.schemas' ends with shape 0. The log folder holds streams of different age. "
                    + "Restore the whole folder from one copy. [LEAT-3063]", status.Sources[1].Reason);
                Assert.Equal((RunState.Blocked, RunState.Blocked), (status.Sources[1].State, status.Pipelines[1].State));
                Assert.Equal(status.Sources[1].Reason, status.Pipelines[1].Reason);
            });
    }

    [Fact]
    public async Task Damage_that_nobody_has_met_is_found_in_the_background_and_stops_nobody()
    {
        await RunAsync(async (engine, running) =>
        {
            for (var rows = 2; rows < 8; rows++)
            {
                _sources[1].Add(new TestChange(ChangeKind.Insert, null, TestTable.Row(rows, 1, new('x', 1500))));
                var position = $"{rows}";
                await engine.UntilAsync(running, status => status.Sources[1].Position == position);
            }

            await engine.UntilAsync(running, status => status.Ready && _sinks[1].Target.Count == 7);
        });
        var segment = LogFixture.PathOf(_folder, "b", 0);
        var whole = await File.ReadAllBytesAsync(segment, TestContext.Current.CancellationToken);
        await File.WriteAllBytesAsync(segment, [.. whole.Select((value, i) => i == 200 ? (byte)~value : value)], TestContext.Current.CancellationToken);

        await RunAsync(async (engine, running) =>
        {
            await engine.UntilAsync(running, status => status.Ready && status.Log?.ScrubPasses > 0 && _sinks.All(sink => sink.Target.Count >= 2));

            var log = engine.Status().Log;
            var finding = Assert.Single(log?.Findings ?? []);
            Assert.Equal((_folder, "b"), (log?.Folder, finding.Stream));
            Assert.StartsWith($"{segment} is damaged", finding.What, StringComparison.Ordinal);
        });
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private Engine Open() => Engine.Open(
        new()
        {
            Path = "leat.yaml",
            Sources = [new("a", "scripted", _ => _sources[0], default) { Stream = Small }, new("b", "scripted", _ => _sources[1], default) { Stream = Small }],
            Pipelines = [Pipeline("a", _sinks[0]), Pipeline("b", _sinks[1])],
            Log = new() { Folder = _folder, ReserveBytes = 0 },
        },
        _log, new FastTime());

    private static PipelineDefinition Pipeline(string from, ScriptedSink sink) =>
        TestEngine.CopyItems with { Name = $"to-{from}", From = from, OpenSink = _ => sink };

    private Task RunAsync(Func<EngineStatus, bool> until) => RunAsync((engine, running) => engine.UntilAsync(running, until));

    // An engine from start to stop, with a new row in each source.
    private async Task RunAsync(Func<Engine, Task, Task> body)
    {
        foreach (var source in _sources)
            source.Add(Insert(source.State().Count, 1));

        await using var engine = Open();
        using var stop = new CancellationTokenSource();
        var running = engine.RunAsync(stop.Token);
        await body(engine, running);
        await stop.CancelAsync();
        await running;
    }
}
