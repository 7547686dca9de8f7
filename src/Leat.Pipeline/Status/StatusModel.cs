using System.Collections.Immutable;
using Leat.Changes;
using Leat.Log;
using Leat.Pipeline.Capture;
using Leat.Pipeline.Delivery;

namespace Leat.Pipeline.Status;

/// <summary>Computes the state of everything from evidence: what was captured and acknowledged, when, and what failed. A running task is no evidence.</summary>
/// <remarks>
/// Lag and latency count from the commit at the source. A source that tells commit times in whole seconds (MySQL, MariaDB) leaves the
/// place within the second open: the moment of capture stands in as far as it lies within that second, else the second's end. So of a
/// change captured at once the time from capture on is measured, and of a late one the true delay but for at most a second.
/// </remarks>
internal sealed class StatusModel
{
    // A source that was idle, or a target that was up to date, within this time is live: short gaps under load are no backlog.
    private static readonly TimeSpan LiveWithin = TimeSpan.FromSeconds(2);

    private readonly TimeProvider _time;
    private readonly DateTimeOffset _startedAt;
    private readonly string _version;
    private readonly ImmutableArray<(SourcePart Part, RateMeter Rate, OldestRecord Oldest)> _sources;
    private readonly ImmutableArray<(PipelinePart Part, RateMeter Rate, OldestRecord Unread)> _pipelines;

    public StatusModel(IEnumerable<SourcePart> sources, IEnumerable<PipelinePart> pipelines, TimeProvider time)
    {
        _time = time;
        _startedAt = time.GetUtcNow();
        _version = typeof(StatusModel).Assembly.GetName().Version?.ToString(3) ?? "0.0.0";
        _sources = [.. sources.Select(part => (part, new RateMeter(time), new OldestRecord()))];
        _pipelines = [.. pipelines.Select(part => (part, new RateMeter(time), new OldestRecord()))];
    }

    /// <summary>Remembers the counts of this moment; called each <see cref="RateMeter.MarkInterval"/>.</summary>
    public void Mark()
    {
        foreach (var (part, rate, _) in _sources)
            rate.Mark(part.Runner?.Changes ?? 0);
        foreach (var (part, rate, _) in _pipelines)
            rate.Mark(part.Runner is { } runner ? OutcomesOf(runner.Account()) : 0);
    }

    /// <summary>The state of this moment.</summary>
    public EngineStatus Compute() => new(
        _version, _startedAt, _time.GetUtcNow(),
        [.. _sources.Select(source => source.Part.Runner is { } runner ? Compute(source.Part, runner, source.Rate, source.Oldest) : Unopened(source.Part))],
        [.. _pipelines.Select(pipeline => (pipeline.Part.Runner is { } runner ? Compute(runner, pipeline.Rate, pipeline.Unread) : Unopened(pipeline.Part)) with { Warnings = WarningsOf(pipeline.Part) })]);

    private static ImmutableArray<string> WarningsOf(PipelinePart part) => [.. part.Warnings.Select(warning => $"{warning.Message} {warning.Remedy} [{warning.Code}]")];

    private static long OutcomesOf(Accounting account) => account.Applied + account.Stale + account.DeadLettered + account.Coalesced;

    private static SourceStatus Unopened(SourcePart part) =>
        new() { Name = part.Name, State = Unopened(part.Stopped, part.Failure), Reason = part.Failure?.Message };

    private static PipelineStatus Unopened(PipelinePart part) => new()
    {
        Name = part.Definition.Name,
        Source = part.Definition.From,
        Sink = part.Definition.SinkKind,
        State = Unopened(part.Stopped, part.Failure),
        Reason = part.Failure?.Message,
        Accounting = Accounting.None,
    };

    // A source that opened after all has no failure any more, while its pipelines are about to follow.
    private static RunState Unopened(bool stopped, LeatException? failure) =>
        stopped ? RunState.Stopped : failure is null ? RunState.Starting : RunState.Blocked;

    private SourceStatus Compute(SourcePart part, CaptureRunner runner, RateMeter rate, OldestRecord oldest)
    {
        var evidence = runner.Evidence;

        // A stream that takes nothing is why nothing else can be said of the source.
        var failure = part.IntakeFailure ?? evidence.Failure;
        var snapshot = evidence.Snapshot;
        return new()
        {
            Name = runner.Name,
            State = StateOf(evidence, failure),
            Reason = failure?.Message,
            Position = evidence.DurablePosition(runner.Stream.SyncedOffset),
            EndOffset = runner.Stream.EndOffset,
            ReadableOffset = runner.Stream.ReadableOffset,
            Changes = evidence.Changes,
            Transactions = evidence.Transactions,
            ChangesPerSecond = rate.PerSecond(evidence.Changes),
            LastHeardAt = evidence.HeardAt == 0 ? null : _time.GetUtcNow() - _time.GetElapsedTime(evidence.HeardAt),
            LastChangeAt = evidence.LastCommitMicros == 0 ? null : FromMicros(evidence.LastCommitMicros),
            Snapshot = snapshot is null
                ? null
                : new(snapshot.Table?.ToString() ?? "", snapshot.TablesDone, snapshot.Tables, snapshot.RowsDone, snapshot.RowsEstimated)
                {
                    SecondsLeft = snapshot.Left?.TotalSeconds,
                },
            Snapshots =
            [
                .. part.Source.SnapshotsNow.Select(table => new TableSnapshotStatus(
                    table.Table.ToString(), table.Where, table.IsAgain, table.IsReading, table.RowsDone, table.RowsEstimated)),
            ],
            Unverified = [.. part.Source.UnverifiedNow.Select(table => new UnverifiedTableStatus(table.Table.ToString(), table.Reason))],
            Stream = StreamOf(runner.Stream, oldest),
        };
    }

    private static StreamStatus StreamOf(StreamPartition stream, OldestRecord oldest)
    {
        var end = stream.EndOffset;
        return new()
        {
            Bytes = stream.SizeBytes,
            StartOffset = stream.StartOffset,
            OldestAt = oldest.Of(stream),
            Epoch = stream.Epoch,
            Intake = stream.Intake.Intake,
            DeletedBytes = stream.DeletedBytes,
            Holds = [.. stream.Holds.OrderBy(hold => hold.Offset).Select(hold => new HoldStatus(hold.Who, hold.Offset, Math.Max(0, end - hold.Offset)))],
        };
    }

    private RunState StateOf(CaptureEvidence evidence, LeatException? failure)
    {
        if (evidence.Stopped)
            return RunState.Stopped;
        if (failure is not null)
            return failure is RetriableException ? RunState.Retrying : RunState.Blocked;
        if (evidence.HeardAt == 0)
            return RunState.Starting;
        if (evidence.Snapshot is not null)
            return RunState.CatchingUp;

        // Live: nothing more was waiting at the last call, or a moment ago.
        return evidence.IdleAt != 0 && (evidence.IdleAt == evidence.HeardAt || _time.GetElapsedTime(evidence.IdleAt) < LiveWithin)
            ? RunState.Live
            : RunState.CatchingUp;
    }

    private PipelineStatus Compute(PipelineRunner runner, RateMeter rate, OldestRecord unread)
    {
        var account = runner.Account();
        var checkpoint = runner.CurrentCheckpoint;
        var lag = Math.Max(0, runner.Readable - checkpoint);
        var lagTime = lag == 0 ? TimeSpan.Zero : LagOf(runner, Math.Max(checkpoint, runner.Dispatched), unread);
        var failure = runner.Failure ?? runner.Lanes.Select(lane => lane.Health.Failure).OfType<LeatException>().MaxBy(one => one is not RetriableException);
        var latencies = Latencies(runner);
        var lastLane = runner.Lanes.MaxBy(lane => lane.Health.LastOutcomeMicros);
        return new()
        {
            Name = runner.Definition.Name,
            Source = runner.Definition.From,
            Sink = runner.Definition.SinkKind,
            State = StateOf(runner, failure, lagTime),
            Reason = failure?.Message,
            Checkpoint = checkpoint,
            LagRows = lag,
            LagMs = lagTime.TotalMilliseconds,
            LatencyP50Ms = Percentile(latencies, 0.50),
            LatencyP99Ms = Percentile(latencies, 0.99),
            RowsPerSecond = rate.PerSecond(OutcomesOf(account)),
            LastChange = lastLane?.Health.LastChange,
            LastOutcomeAt = lastLane is null || lastLane.Health.LastOutcomeMicros == 0 ? null : FromMicros(lastLane.Health.LastOutcomeMicros),
            Accounting = account,
            DeadLetters = runner.OpenLetters,
            Epoch = runner.Epoch,
            Lanes = [.. runner.Lanes.Select(LaneOf)],
            Documents = runner.Documents,
        };
    }

    private static LaneStatus LaneOf(Lane lane)
    {
        var now = lane.Queue.Snapshot();
        return new(lane.Number, now.InFlight, now.LastOffset, lane.Health.Attempts) { BatchOperations = lane.Limit.Operations, BatchBytes = lane.Limit.Bytes };
    }

    private static RunState StateOf(PipelineRunner runner, LeatException? failure, TimeSpan lag)
    {
        if (runner.Stopped)
            return RunState.Stopped;
        if (failure is not null)
            return failure is RetriableException ? RunState.Retrying : RunState.Blocked;
        if (!runner.Started)
            return RunState.Starting;
        return lag < LiveWithin ? RunState.Live : RunState.CatchingUp;
    }

    // Age of the oldest change without an outcome. Of what no lane has yet, and nobody looked into, the moment of capture is known.
    private TimeSpan LagOf(PipelineRunner runner, long next, OldestRecord unread)
    {
        var oldest = long.MaxValue;
        foreach (var lane in runner.Lanes)
            oldest = Math.Min(oldest, lane.Queue.Snapshot().OldestCommitMicros);
        var at = oldest != long.MaxValue ? FromMicros(oldest) : next < runner.Readable ? unread.Of(runner.Stream, next) : null;
        var age = at is { } since ? _time.GetUtcNow() - since : TimeSpan.Zero;
        return age > TimeSpan.Zero ? age : TimeSpan.Zero;
    }

    private static List<float> Latencies(PipelineRunner runner)
    {
        var samples = new List<float>();
        foreach (var lane in runner.Lanes)
            lane.Health.CopyLatencies(samples);
        samples.Sort();
        return samples;
    }

    private static double Percentile(List<float> sorted, double part) => sorted.Count == 0 ? 0 : sorted[(int)((sorted.Count - 1) * part)];

    private static DateTimeOffset FromMicros(long micros) =>
        DateTimeOffset.UnixEpoch.AddTicks(Math.Clamp(micros, 0, 253_402_300_799_000_000) * TimeSpan.TicksPerMicrosecond);
}
