using System.Collections.Immutable;
using Leat.Changes;
using Leat.Log;
using Leat.Pipeline.Capture;
using Leat.Pipeline.Definitions;
using Leat.Pipeline.Status;
using Leat.Transform.Plan;
using Microsoft.Extensions.Logging;

namespace Leat.Pipeline.Delivery;

/// <summary>What a pipeline reads from.</summary>
/// <param name="Log">The log folder.</param>
/// <param name="Stream">The source's stream.</param>
/// <param name="Schemas">The shapes in it.</param>
/// <param name="Sync">How the stream is synced.</param>
/// <param name="Hold">Keeps what the pipeline still needs.</param>
/// <param name="Ask">Opens the source to ask it: for tables whose shapes the stream does not hold yet, for the rows that exist.</param>
/// <param name="Captured">Where capture stands.</param>
internal sealed record PipelineInput(
    LogDirectory Log, StreamPartition Stream, SchemaRegistry Schemas, SyncMode Sync, RetentionHold Hold, Func<ISource> Ask, Func<SourcePosition?> Captured)
{
    /// <summary>Has the running source read tables again.</summary>
    public required Func<SnapshotRequest, CancellationToken, ValueTask> ReadAgain { get; init; }

    /// <summary>Whether the source has told its tables as a whole once, and reads none now.</summary>
    public required Func<bool> IsWhole { get; init; }
}

/// <summary>Runs one pipeline: reads the stream from the checkpoint on, plans, feeds the lanes, and moves the checkpoint as outcomes come.</summary>
internal sealed partial class PipelineRunner
{
    /// <summary>Time between checkpoint records while the checkpoint moves: what a restart sends again at most, beside what was under way.</summary>
    public static readonly TimeSpan CheckpointInterval = TimeSpan.FromSeconds(1);

    /// <summary>Longest time that stopping waits for what was read already.</summary>
    public static readonly TimeSpan DrainLimit = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private readonly PipelineDefinition _definition;
    private readonly PipelineInput _input;
    private readonly ISink _sink;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly CheckpointStore _store;
    private readonly TargetMarkers _markers;
    private readonly DeadLetters _deadLetters;
    private readonly PipelinePlan _plan;
    private readonly DocumentState? _documents;
    private readonly BlockBudget _budget = new();
    private readonly Backoff _backoff;
    private readonly long _endAtOpen;
    private readonly LaneControl _control;
    private PipelineSession? _session;
    private Accounting _past = Accounting.None;
    private Accounting _read = Accounting.None;
    private Checkpoint _loaded;
    private string _routing = "";
    private long _routingFrom;
    private uint _entered; // the epoch in which the lanes were opened
    private Checkpoint? _saved;
    private readonly Signal _errands = new();
    private uint _raise;
    private NotedMarker? _announced;
    private bool _sweep;
    private bool _isLoaded;
    private long _dispatched;
    private long _lastCommit;
    private LeatException? _failure;
    private bool _started;
    private bool _stopped;

    /// <summary>Opens the pipeline's own streams.</summary>
    public PipelineRunner(PipelineDefinition definition, PipelineInput input, ISink sink, TimeProvider time, ILoggerFactory loggers)
    {
        _definition = definition;
        _input = input;
        _sink = sink;
        _time = time;
        _log = loggers.CreateLogger("Leat.Delivery");
        _backoff = new((ulong)time.GetTimestamp());
        _control = new(definition.Lanes, time);
        _plan = new([.. definition.Tables.Select(rule => rule.ToSelection())]);
        _documents = definition.Document is null ? null : new(definition, input);
        var checkpoints = input.Log.OpenStream($"{definition.Name}.checkpoints", CheckpointStore.StreamOptions);
        _store = new(definition.Name, input.Log.Id, input.Stream, input.Sync, checkpoints, input.Hold, _log);
        _markers = new(definition.Name, sink, input.Log.Id, time, _log) { Announce = AnnounceAsync, Now = Now };
        _deadLetters = new DeadLetters(
            definition.Name, () => Epoch, input.Log.OpenStream($"{definition.Name}.deadletters", new StreamOptions()), time, _log)
        {
            Parts = [.. definition.Tables.Select(rule => Transform.Plan.KeyHash.Of(rule.Alias))],
        }.Load();
        _endAtOpen = _store.NoteEnd();
        _loaded = _store.Make(input.Stream.StartOffset, "", []);
    }

    /// <summary>The pipeline as configured.</summary>
    public PipelineDefinition Definition => _definition;

    /// <summary>What keeps the whole pipeline from delivering now; lanes have their own.</summary>
    public LeatException? Failure => Volatile.Read(ref _failure);

    /// <summary>Whether the target was prepared once.</summary>
    public bool Started => Volatile.Read(ref _started);

    /// <summary>Whether it ended.</summary>
    public bool Stopped => Volatile.Read(ref _stopped);

    /// <summary>Every record below was handed to the lanes.</summary>
    public long Dispatched => Volatile.Read(ref _dispatched);

    /// <summary>The source's stream, which it reads.</summary>
    public StreamPartition Stream => _input.Stream;

    /// <summary>Every record of the stream below can be read.</summary>
    public long Readable => _input.Stream.ReadableOffset;

    /// <summary>Bytes of the stream's blocks that are held in memory for the lanes.</summary>
    public long HeldBytes => _budget.Held;

    /// <summary>What it keeps to make documents; <see langword="null"/> when it delivers tables as they are, and before their shapes are known.</summary>
    public Status.DocumentStatus? Documents => _documents?.Status;

    /// <summary>Commit time of the last change read, microseconds since 1970 UTC.</summary>
    public long LastCommitMicros => Volatile.Read(ref _lastCommit);

    /// <summary>The lanes of this moment.</summary>
    public IReadOnlyList<Lane> Lanes
    {
        get
        {
            lock (_gate)
                return _session?.Lanes ?? [];
        }
    }

    /// <summary>Lowest offset without an outcome.</summary>
    public long CurrentCheckpoint
    {
        get
        {
            // In this order: whatever is dispatched later than this reading has a higher offset, and what is dispatched is in its lane.
            // Replays carry offsets that are long past; while they run everything before Dispatched has its outcome.
            // And of one session: what is dispatched goes back when another begins.
            long lowest;
            IReadOnlyList<Lane> lanes;
            lock (_gate)
                (lowest, lanes) = (Dispatched, Lanes);
            if (Volatile.Read(ref _isReplaying))
                return lowest;
            foreach (var lane in lanes)
                lowest = Math.Min(lowest, lane.Queue.LowestOffset);
            return lowest;
        }
    }

    /// <summary>Runs until stopped; then delivers what was read, within <see cref="DrainLimit"/>, and keeps the checkpoint.</summary>
    /// <param name="stopping">Asks to finish.</param>
    /// <param name="killed">Ends at once, without draining or checkpoint, as a crash would.</param>
    /// <exception cref="LogException">The log failed.</exception>
    public async Task RunAsync(CancellationToken stopping, CancellationToken killed)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(stopping, killed);
        using var abandon = new CancellationTokenSource(Timeout.InfiniteTimeSpan, _time);
        await using var onStop = stopping.Register(() => abandon.CancelAfter(DrainLimit));
        await using var onKill = killed.Register(abandon.Cancel);
        var saving = SaveRegularlyAsync(stop.Token);
        try
        {
            while (!stop.IsCancellationRequested)
                await AttemptAsync(stop.Token, abandon.Token);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            _log.DeliveryStopped(_definition.Name, CurrentCheckpoint);
        }
        finally
        {
            stop.Cancel();
            await saving;
            if (!killed.IsCancellationRequested && _input.Log.Failure is null)
                await EndAsync();
            Volatile.Write(ref _stopped, true);
        }
    }

    /// <summary>The accounting of this run.</summary>
    public Accounting Account()
    {
        lock (_gate)
        {
            var total = Sum(_past, _read);
            foreach (var lane in _session?.Lanes ?? [])
            {
                var now = lane.Queue.Snapshot();
                total = total with
                {
                    Emitted = total.Emitted + now.Emitted,
                    Applied = total.Applied + now.Outcomes.Applied,
                    Stale = total.Stale + now.Outcomes.Stale,
                    DeadLettered = total.DeadLettered + now.Outcomes.DeadLettered,
                    Coalesced = total.Coalesced + now.Outcomes.Coalesced,
                    InFlight = total.InFlight + now.InFlight,
                };
            }

            return total;
        }
    }

    private static Accounting Sum(Accounting a, Accounting b) => new(
        a.Changes + b.Changes, a.Filtered + b.Filtered, a.Planned + b.Planned, a.Emitted + b.Emitted, a.Applied + b.Applied, a.Stale + b.Stale,
        a.DeadLettered + b.DeadLettered, a.Coalesced + b.Coalesced, a.InFlight + b.InFlight)
    {
        Folded = a.Folded + b.Folded,
    };

    private async Task TrySessionAsync(CancellationToken stopping, CancellationToken abandon)
    {
        try
        {
            await RunSessionAsync(stopping, abandon);
        }
        catch (Exception cause) when (!IsFinal(cause, stopping))
        {
            // Everything that can go wrong outside a lane ends here, a damaged stream, too; what was not named is a fault that is reported as such.
            await PauseAsync(StreamTrouble.Of(_input.Log, cause) ?? EngineErrors.SinkFault(_definition.Name, cause), stopping);
        }
    }

    private bool IsFinal(Exception cause, CancellationToken stopping) => cause switch
    {
        LogException => StreamTrouble.Of(_input.Log, cause) is null,
        OperationCanceledException => stopping.IsCancellationRequested,
        _ => false,
    };

    private async Task PauseAsync(LeatException failure, CancellationToken stopping)
    {
        var delay = _backoff.Next();
        if (failure is RetriableException)
        {
            _log.DeliveryRetries(failure.Message, _definition.Name, _backoff.Attempts, (long)delay.TotalMilliseconds);
        }
        else
        {
            delay = Backoff.Probe;
            _log.DeliveryBlocked(failure, _definition.Name, (long)delay.TotalSeconds);
        }

        Volatile.Write(ref _failure, failure);
        await Task.Delay(delay, _time, stopping);
    }

    private async Task RunSessionAsync(CancellationToken stopping, CancellationToken abandon)
    {
        _loaded = _saved ?? _loaded;
        ProveReadable();
        await (_documents is null ? LearnTablesAsync(stopping) : OpenDocumentsAsync(_documents, stopping));
        await AskForTablesAsync(stopping);
        var traits = _documents is not null ? await _sink.PrepareAsync([_documents.Plan.Shape], stopping)
            : _plan.Shapes.Count == 0 ? new SinkTraits() : await PrepareTargetAsync(stopping);
        var shapes = _documents is null ? _plan.Shapes : [_documents.Plan.Shape];
        var laneCount = shapes.Count == 0 ? 0 : _control.Begin(traits, LanesOf(_loaded.Routing));
        if (laneCount > 0)
            await AdmitAsync(stopping);
        var routing = RoutingOf(laneCount, traits);
        await ForgetRoutingAsync(routing, stopping);
        PipelineSession? running = null;
        var context = new LaneContext(
            _definition.Name, _sink, _deadLetters, lane => Identify(lane, laneCount, routing), _documents is null && _loaded.Routing == routing, _control, _time, _log)
        {
            Prove = _markers.ProveAsync,
            PrepareAgain = change => running?.TryBreak(change, abandons: _documents is null),
        };
        Lane[] lanes = [.. Enumerable.Range(0, laneCount).Select(lane => new Lane(lane, context, traits))];
        var session = running = new PipelineSession(lanes, new(_definition.Name, _plan, shapes, lanes, traits, _control, Dispatched), traits);
        await session.OpenAsync(stopping);
        if (await IsAheadAsync(session, stopping))
            return;
        Enter(session, routing);
        await KeepBeginAsync(stopping);
        _log.DeliveryStarts(_definition.Name, Dispatched, laneCount);
        _control.Opened(lanes.Any(lane => lane.KeepsOffset));
        try
        {
            await session.RunAsync(token => _documents is null ? DispatchAsync(session, token) : DispatchDocumentsAsync(session, _documents, token), stopping, abandon);
        }
        catch (RetriableException change) when (change.TargetChanged && _documents is null)
        {
            GoBack();
            throw;
        }

        // Everything has its outcome now: with that, the lanes of the next session begin. Another number of them sets the offsets that a target keeps
        // anew, to one that holds for all: a restart must not go on at an older place with those.
        Save();
        if (session.Lanes.Any(lane => lane.KeepsOffset) && _control.Lanes != laneCount)
            await _store.SyncAsync(stopping);
        _backoff.Reset();
    }

    // What the lanes were given and has no outcome is read once more: they waited for each other as the target was before.
    private void GoBack()
    {
        Save();
        lock (_gate)
        {
            var past = Account();
            Volatile.Write(ref _dispatched, CurrentCheckpoint);
            _past = past with { Emitted = past.Emitted - past.InFlight, InFlight = 0 };
            _read = Accounting.None;
            _loaded = _saved ?? _loaded;
            _session = null;
        }
    }

    // A pipeline that met damage stays Blocked until it is gone, instead of preparing its target each time and meeting it again.
    private void ProveReadable()
    {
        using var reader = _input.Stream.NewReader(Dispatched);
        reader.Read(ReadBytes)?.Dispose();
    }

    private LaneIdentity Identify(int lane, int lanes, string routing) =>
        new(_definition.Name, _input.Log.Id, Epoch, lane, lanes, _documents is null ? CurrentCheckpoint : DocumentCheckpoint)
        {
            LaneOffset = AcknowledgedBy(lane, routing),
            OffsetsHoldFrom = _documents is null && _loaded.Routing == routing ? _loaded.OffsetsFrom ?? _loaded.PipelineEpoch : 0,
        };

    // Also what was acknowledged since: a target that is put back to an older state while Leat runs shows by it. In another epoch all lanes begin anew.
    private long AcknowledgedBy(int lane, string routing)
    {
        var now = Lanes;
        var sofar = _routing == routing && _entered == Epoch && lane < now.Count ? now[lane].Queue.Snapshot().LastOffset : -1;
        return Math.Max(sofar, AcknowledgedBefore(lane, routing));
    }

    private long AcknowledgedBefore(int lane, string routing) =>
        _loaded.Routing == routing && lane < _loaded.Lanes.Length ? _loaded.Lanes[lane] : -1;

    // Offsets that a target keeps for a lane mean something only while the same keys take the same lanes.
    private string RoutingOf(int lanes, SinkTraits traits) =>
        $"{lanes};{string.Join(',', _definition.Tables.Select(rule => rule.Alias).Order())};{string.Join(',', traits.SerialAliases.Order())}";

    // As RoutingOf wrote it; 0 for none.
    private static int LanesOf(string routing) => int.TryParse(routing.AsSpan(0, Math.Max(0, routing.IndexOf(';', StringComparison.Ordinal))), out var lanes) ? lanes : 0;

    private void Enter(PipelineSession session, string routing)
    {
        lock (_gate)
        {
            _past = Account() with { InFlight = 0 };
            _read = Accounting.None;
            _session = session;
            Volatile.Write(ref _isReplaying, false);
            _routing = routing;
            _entered = Epoch;
            _documents?.Enter();
            _routingFrom = _documents is not null || _loaded.Routing == routing ? 0 : session.Lanes.Select(lane => (lane.FoundCommitted ?? -1) + 1).DefaultIfEmpty(0).Max();
        }

        Volatile.Write(ref _failure, null);
        Volatile.Write(ref _started, true);
        Save();
    }

    // Durable before lanes are opened: other lanes set the offsets that a target keeps anew, to one that holds for all. A restart that still knew the old ones
    // would take the target for an older state. What held for all of them stays known: a state that holds less is an older one.
    private async Task ForgetRoutingAsync(string routing, CancellationToken stopping)
    {
        if (_loaded.Routing.Length > 0 && _loaded.Routing != routing)
            await KeepAsync(_loaded with { Routing = "", Lanes = _loaded.Lanes.IsEmpty ? [] : [_loaded.Lanes.Min()] }, stopping);
    }

    // Durable before the first write: offsets that the target keeps from then on would mean nothing to a restart that does not know of what spread they are; and one
    // that does not know that the marker was written would take the target of before, put back, for the one of now.
    private async Task KeepBeginAsync(CancellationToken stopping)
    {
        if (_saved is { } saved && ((saved.Routing.Length > 0 && saved.Routing != _loaded.Routing) || saved.Marker != _loaded.Marker))
            await _store.SyncAsync(stopping);
    }

    private async Task SaveRegularlyAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(CheckpointInterval, _time);
        try
        {
            while (await timer.WaitForNextTickAsync(stopping))
            {
                if (ProveBalanced())
                    Save();
            }
        }
        catch (OperationCanceledException)
        {
            // Stopped: the runner itself keeps the last checkpoint, after the lanes are through.
        }
    }

    private void Save()
    {
        lock (_gate)
        {
            _store.LetGo();
            if (_session is null)
                return;
            var now = Now(_session);
            if (_saved is not null && _saved.Offset == now.Offset && _saved.Routing == now.Routing && _saved.Marker == now.Marker && _saved.EmitAll == now.EmitAll
                && _saved.Shapes.SequenceEqual(now.Shapes))
                return;
            _store.Save(now);
            _saved = now;
        }
    }

    private Checkpoint Now()
    {
        lock (_gate)
            return _session is null ? _loaded : Now(_session);
    }

    private Checkpoint Now(PipelineSession session)
    {
        var offset = _documents is null ? CurrentCheckpoint : Math.Max(_documents.Durable, _loaded.Offset);

        // What the target held when the lanes began counts, too: a state of it that holds less is an older one. In another epoch they begin anew.
        var isSame = _entered == Epoch;
        ImmutableArray<long> lanes =
        [
            .. session.Lanes.Where(_ => isSame)
                .Select(lane => Math.Max(Math.Max(lane.Queue.Snapshot().LastOffset, lane.FoundCommitted ?? -1), AcknowledgedBefore(lane.Number, _routing))),
        ];
        return _store.Make(offset, isSame && offset >= _routingFrom ? _routing : "", lanes) with
        {
            Raise = _raise,
            Marker = _markers.Noted ?? _loaded.Marker,
            Announced = _announced,
            Reread = _loaded.Reread,
            Sweep = _sweep,
            State = _loaded.State,
            EmitAll = _emitAll,
            Shapes = _shapes,
        };
    }
}
