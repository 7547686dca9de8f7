using Leat.Changes;
using Leat.Log;
using Microsoft.Extensions.Logging;

namespace Leat.Pipeline.Delivery;

// Where a pipeline goes on, under which epoch, and whether its target is the one that it knows.
internal sealed partial class PipelineRunner
{
    /// <summary>The highest epoch: a version has 16 bits for it.</summary>
    public const uint LastEpoch = ushort.MaxValue;

    private Action? _interrupt;
    private RedeliveryOrder? _order;

    /// <summary>Epoch of the pipeline: that of its stream, and as much more as its targets made necessary.</summary>
    public uint Epoch => _input.Stream.Epoch + Volatile.Read(ref _raise);

    /// <summary>Asks to deliver everything again; completes when that is decided and durable. From any thread.</summary>
    /// <param name="reread">Whether the source shall read the tables again although the stream holds everything.</param>
    /// <param name="rebuild">Whether documents are made anew of the stream or the tables: the rows that are held for them are given up.</param>
    public Task<Redelivery> RedeliverAsync(bool reread, bool rebuild = false)
    {
        if (rebuild && _documents is null)
            return Task.FromException<Redelivery>(EngineErrors.NothingToRebuild(_definition.Name));
        var order = new RedeliveryOrder(reread, rebuild);
        if (Stopped)
            return Task.FromException<Redelivery>(EngineErrors.PipelineStopped(_definition.Name));
        Interlocked.Exchange(ref _order, order)?.Failed(EngineErrors.PipelineStopped(_definition.Name));
        Volatile.Read(ref _interrupt)?.Invoke();
        return order.Taken;
    }

    // One try to deliver, which an order to deliver again breaks off.
    private async Task AttemptAsync(CancellationToken stopping, CancellationToken abandon)
    {
        var interrupt = new CancellationTokenSource(); // not disposed: an order may come at any time, and it holds nothing
        Volatile.Write(ref _interrupt, interrupt.Cancel);
        try
        {
            if (Interlocked.Exchange(ref _order, null) is { } order)
                await TakeAsync(order, stopping);
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(stopping, interrupt.Token);
            using var give = CancellationTokenSource.CreateLinkedTokenSource(abandon, interrupt.Token);
            if (!_isLoaded && !await TryLoadAsync(stop.Token))
                return;
            await TrySessionAsync(stop.Token, give.Token);
        }
        catch (OperationCanceledException) when (interrupt.IsCancellationRequested && !stopping.IsCancellationRequested)
        {
            // The order is taken by the next attempt.
        }
    }

    private async Task<bool> TryLoadAsync(CancellationToken stopping)
    {
        try
        {
            // There is nothing that it could go on with, nor anything that it has delivered: its rows are read from the tables.
            if (_documents is not null && _input.Stream.StartOffset > 0 && _store.Peek() is null)
                await RebuildAsync(_documents, "the stream's first records are gone", stopping);
            if (_documents is null && _input.Log.Streams.Contains(StateStore.NameOf(_definition.Name)))
                await LeaveDocumentsAsync(stopping);
            _loaded = _store.Load();
            if (_documents is not null && _loaded.OffsetsFrom is not null)
                _loaded = _loaded with { OffsetsFrom = null, Routing = "", Lanes = [] }; // a target sets its offsets anew where they do not hold
            _emitAll = _loaded.EmitAll;
            Volatile.Write(ref _raise, _loaded.Raise);
            _sweep = _loaded.Sweep;
            _announced = _loaded.Announced;
            HoldShapes();
            Volatile.Write(ref _dispatched, _loaded.Offset);
            _isLoaded = true;
            return true;
        }
        catch (Exception cause) when (StreamTrouble.Of(_input.Log, cause) is { } failure)
        {
            await PauseAsync(failure, stopping);
            return false;
        }
    }

    private async Task TakeAsync(RedeliveryOrder order, CancellationToken stopping)
    {
        try
        {
            var checkpoint = Redeliveries.Reset(_store, _input.Stream, order.Reread, _sink.KeepsMarker, _documents is null ? null : order.Rebuild);
            await AdoptAsync(checkpoint, stopping);
            _log.DeliversAgain(_definition.Name, checkpoint.Offset, checkpoint.Reread, Epoch);
            order.Done(new(_definition.Name, checkpoint.Offset, checkpoint.Reread, Epoch));
        }
        catch (Exception cause)
        {
            order.Failed(cause);
            if (cause is not LeatException)
                throw;
        }
    }

    // Goes on from a checkpoint that has nothing to do with what was delivered.
    private async Task AdoptAsync(Checkpoint checkpoint, CancellationToken stopping)
    {
        if (checkpoint.PipelineEpoch > LastEpoch)
            throw EngineErrors.EpochsUsedUp(_definition.Name);
        _input.Hold.Offset = checkpoint.Offset;
        _markers.Forget();
        Task synced;
        lock (_gate)
        {
            // From here on nobody saves a checkpoint of what was.
            var past = Account();
            _past = past with { Emitted = past.Emitted - past.InFlight, InFlight = 0 };
            _read = Status.Accounting.None;
            _session = null;
            _saved = null;
            _loaded = checkpoint;
            _sweep = checkpoint.Sweep;
            _emitAll = checkpoint.EmitAll;
            _announced = null;
            synced = _store.SaveSyncedAsync(checkpoint, stopping);
        }

        Volatile.Write(ref _raise, checkpoint.Raise);
        Volatile.Write(ref _dispatched, checkpoint.Offset);
        _documents?.Close();
        _documents?.TryAgain();
        if (!_isLoaded)
            HoldShapes();
        await synced;
        _isLoaded = true;
    }

    // Before the first write: whose target is it, and does it hold what it acknowledged?
    private async Task AdmitAsync(CancellationToken stopping)
    {
        if (!_markers.IsKept)
            return;
        var found = await _markers.ReadAsync(stopping);
        var verdict = _markers.Judge(found, _loaded, Epoch, Started ? _input.Stream.EndOffset : _endAtOpen);
        _sweep |= verdict.IsForeign;
        if (verdict.Above > 0)
            await RaiseAsync(verdict.Above, verdict.Why, stopping);
        else if (_raiseFor is { } why)
            await RaiseAsync(Epoch, why, stopping);
        _raiseFor = null;
        await _markers.BeginAsync(Epoch, Dispatched, found, _loaded, stopping);
    }

    // Durable before anything is sent under it: an epoch under which something was sent is never given to anything else.
    private async Task RaiseAsync(uint above, string why, CancellationToken stopping)
    {
        if (above >= LastEpoch)
            throw EngineErrors.EpochsUsedUp(_definition.Name);
        var raise = above + 1 - _input.Stream.Epoch;
        Volatile.Write(ref _raise, raise);
        await KeepAsync(_loaded with { Raise = raise, Routing = "", Lanes = [], Sweep = _sweep }, stopping);
        _log.EpochRaised(_definition.Name, Epoch, why);
    }

    private Task KeepAsync(Checkpoint checkpoint, CancellationToken stopping)
    {
        lock (_gate)
        {
            var made = _store.Make(checkpoint.Offset, checkpoint.Routing, checkpoint.Lanes);
            _loaded = checkpoint with { Epoch = made.Epoch, Incarnation = made.Incarnation, Shapes = _shapes };
            _saved = null;
            return _store.SaveSyncedAsync(_loaded, stopping);
        }
    }

    // Found in the target by the next start, an announced marker is this log's own, however far it is ahead. What was written before is known to be there; of a target
    // that computes its marker only once lanes are open.
    private Task AnnounceAsync(TargetMarker marker, bool isFirst, CancellationToken stopping)
    {
        lock (_gate)
        {
            _announced = new(marker.Epoch, marker.Offset);
            return isFirst || _session is null
                ? KeepAsync(_loaded with { Announced = _announced, Marker = _markers.Noted is { Offset: >= 0 } noted ? noted : _loaded.Marker, Unjudged = null }, stopping)
                : _store.SaveSyncedAsync(_saved = Now(_session), stopping);
        }
    }

    // A target that keeps offsets and no marker. Nothing of this stream was delivered yet by this process, so what it says it holds was there when the stream was opened.
    private async Task<bool> IsAheadAsync(PipelineSession session, CancellationToken stopping)
    {
        var ahead = session.Lanes.Select(lane => lane.TrustedCommitted).DefaultIfEmpty(-1).Max();
        if (Started || ahead < _endAtOpen)
            return false;
        foreach (var lane in session.Lanes)
            await lane.CloseAsync();
        await RaiseAsync(Epoch, $"the target holds changes up to offset {ahead}, and the stream ended at {_endAtOpen}", stopping);
        return true;
    }

    // The last marker is announced, written, and known to be written: one after the other, so that a kill in between leaves nothing that looks older than it is.
    private async Task EndAsync()
    {
        if (_documents is not null)
            await EndDocumentsAsync(_documents);
        var last = _session is null ? null : _markers.Last;
        if (last is null)
        {
            Save();
            return;
        }

        await SaveLastAsync(new NotedMarker(last.Epoch, last.Offset));
        using var limit = new CancellationTokenSource(DrainLimit, _time);
        if (await _markers.EndAsync(last, limit.Token))
            await SaveLastAsync(announced: null);
    }

    private Task SaveLastAsync(NotedMarker? announced)
    {
        lock (_gate)
        {
            _announced = announced;
            return _session is null ? Task.CompletedTask : _store.SaveSyncedAsync(Now(_session), CancellationToken.None);
        }
    }
}
