using Leat.Changes;
using Leat.Log;

namespace Leat.Pipeline.Delivery;

// From the stream into the lanes.
internal sealed partial class PipelineRunner
{
    private const int ReadBytes = 256 * 1024;

    private async Task DispatchAsync(PipelineSession session, CancellationToken stopping)
    {
        if (Account() is { Balanced: false } account)
            throw EngineErrors.Unbalanced(_definition.Name, account);
        using var reader = _input.Stream.NewReader(Dispatched);
        while (true)
        {
            stopping.ThrowIfCancellationRequested();
            if (_deadLetters.HasRequests && session.Lanes.Count > 0 && session.Router.IsBetweenTransactions)
            {
                if (await ReplayAsync(session, stopping))
                    return;
                continue;
            }

            if (session.Router.IsBetweenTransactions && await HasTooManyLettersAsync(stopping))
                continue;

            await _control.WaitAsync(_budget.WhenRoomAsync(stopping));
            if (_control.WantsChange())
            {
                _log.LanesChange(_definition.Name, session.Lanes.Count, _control.Lanes, _control.Reason);
                return;
            }

            var block = reader.Read(ReadBytes);
            if (block is null && _sweep && CanSweep())
            {
                if (await SweepAsync(session, stopping))
                    return;
                continue;
            }

            if (block is null)
            {
                await WhenWorkAsync(reader.NextOffset, stopping);
                continue;
            }

            var lease = new BlockLease(block, _budget);
            try
            {
                await _markers.CoverAsync(block.NextOffset, stopping);
                if (await DispatchBlockAsync(session, block, lease, stopping))
                    return;
            }
            finally
            {
                lease.Release();
            }
        }
    }

    // Until there is something to read, or an errand; a sweep looks again by itself whether the source has told everything.
    private async ValueTask WhenWorkAsync(long offset, CancellationToken stopping)
    {
        var readable = _input.Stream.WaitReadableAsync(offset, stopping);
        if (readable.IsCompleted)
        {
            await readable;
            return;
        }

        using var look = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var errand = _sweep ? _errands.WaitAsync(CheckpointInterval, _time, look.Token) : _errands.WaitAsync(look.Token);
        await await Task.WhenAny(readable.AsTask(), errand);
        look.Cancel();
    }

    // True when the target has to be prepared for a new shape before anything else is dispatched.
    private async ValueTask<bool> DispatchBlockAsync(PipelineSession session, LogBlock block, BlockLease lease, CancellationToken stopping)
    {
        var router = session.Router;
        var records = block.Records();
        while (records.MoveNext())
        {
            var routed = router.Route(lease.Arena, block.Buffer, records.ValueStart, records.ValueLength, records.Offset, records.TimestampMs);
            if (routed == Routed.NewShape)
            {
                await PublishAsync(session, lease, records.Offset, stopping);
                if (Learn(block.Buffer.AsSpan(records.ValueStart, records.ValueLength), records.Offset))
                    return true;
                routed = router.Route(lease.Arena, block.Buffer, records.ValueStart, records.ValueLength, records.Offset, records.TimestampMs);
            }

            if (routed == Routed.WholeTable)
                await RemoveAsync(session, block.Buffer.AsMemory(records.ValueStart, records.ValueLength), lease, new(records.Offset, records.Offset, Replayed: 0), stopping);

            for (; routed == Routed.Await; routed = router.Resume())
            {
                await router.PublishAsync(lease, stopping);
                if (router.AwaitedLane == UniqueValues.AllLanes)
                    await session.WhenSettledAsync(router.AwaitedOffset, stopping);
                else
                    await session.Lanes[router.AwaitedLane].Queue.WhenSettledAsync(router.AwaitedOffset, stopping);
            }
        }

        await PublishAsync(session, lease, block.NextOffset, stopping);
        return false;
    }

    // Everything before has its outcome first, and every delete has its own before anything later is dispatched: a row that comes again comes after.
    private async ValueTask RemoveAsync(PipelineSession session, ReadOnlyMemory<byte> change, BlockLease lease, RemovalPlace place, CancellationToken stopping)
    {
        const int DeletesPerPublish = 500;
        var router = session.Router;
        var plan = router.Whole ?? throw new InvalidOperationException("no table");
        var cause = new EncodedChange(change.Span).Kind;
        router.EndTransaction(place.Dispatched - 1);
        await PublishAsync(session, lease, place.Dispatched, stopping);
        await session.WhenSettledAsync(place.Dispatched, stopping);
        await using var source = _input.Ask();
        var removal = new TableRemoval(_sink, plan, PartsOf(plan), source, _input.Captured);
        long removed = 0;
        await foreach (var row in removal.RowsAsync(cause, place.IsOfTarget, stopping))
        {
            router.StageRemoval(row, new(change.Span), place.Offset, place.Replayed);
            if (++removed % DeletesPerPublish != 0)
                continue;
            router.EndTransaction(place.Dispatched - 1);
            await PublishAsync(session, lease, place.Dispatched, stopping);
        }

        router.EndTransaction(place.Dispatched - 1);
        await PublishAsync(session, lease, place.Dispatched, stopping);
        await session.WhenSettledAsync(place.Dispatched, stopping);
        if (cause == ChangeKind.Truncate)
            await SupersedeAllAsync(plan, place.Offset, stopping);
        else
            await SupersedeGoneAsync(plan, source, place.Offset, stopping);
        _log.TableRemoved(_definition.Name, plan.Shape.Alias, cause == ChangeKind.Truncate ? "truncated" : "read again", removed, removal.Foreign);
    }

    private async ValueTask PublishAsync(PipelineSession session, BlockLease lease, long dispatched, CancellationToken stopping)
    {
        var router = session.Router;
        await router.PublishAsync(lease, stopping);
        var counts = router.Counts;
        lock (_gate)
            _read = _read with { Changes = counts.Changes, Filtered = counts.Filtered, Planned = counts.Planned };
        Volatile.Write(ref _lastCommit, counts.LastCommitMicros);
        Volatile.Write(ref _dispatched, router.EndOf(dispatched));
        ProveEmitted(session, counts.Emitted);
    }

    private void ProveEmitted(PipelineSession session, long emitted)
    {
        var account = Account();
        if (!account.Balanced || emitted != session.Lanes.Sum(lane => lane.Queue.Snapshot().Emitted))
        {
            _log.Unbalanced(_definition.Name, account.ToString());
            throw EngineErrors.Unbalanced(_definition.Name, account);
        }
    }

    // What the dispatcher proves with each block is proven while nothing comes, too. An account that does not balance ends the session, and no checkpoint is kept.
    private bool ProveBalanced()
    {
        var account = Account();
        if (account.Balanced)
            return true;
        PipelineSession? session;
        lock (_gate)
            session = _session;
        if (session is not null && session.TryBreak(EngineErrors.Unbalanced(_definition.Name, account)))
            _log.Unbalanced(_definition.Name, account.ToString());
        return false;
    }

    private bool Learn(ReadOnlySpan<byte> record, long offset)
    {
        var id = new EncodedChange(record).SchemaId;
        var schema = _input.Schemas.Find(id) ?? throw EngineErrors.UnknownShape(_input.Stream.Name, id, offset);
        var isNew = _plan.Learn(id, schema);
        NoteShapes();
        if (isNew)
            _log.ShapeChanged(_definition.Name, schema.Table.ToString());
        return isNew;
    }

    /// <summary>Where a removal of rows stands in the stream.</summary>
    /// <param name="Offset">Offset of its deletes.</param>
    /// <param name="Dispatched">What is dispatched with it.</param>
    /// <param name="Replayed">As <see cref="Operation.ReplayedEpoch"/>: for one that no record of the stream asks for.</param>
    private readonly record struct RemovalPlace(long Offset, long Dispatched, uint Replayed)
    {
        /// <summary>Whether no record of the stream asks for it: it is about all that the target has.</summary>
        public bool IsOfTarget => Replayed != 0;
    }
}
