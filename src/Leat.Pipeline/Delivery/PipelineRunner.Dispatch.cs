using Leat.Changes;
using Leat.Log;

namespace Leat.Pipeline.Delivery;

// From the stream into the lanes.
internal sealed partial class PipelineRunner
{
    private const int ReadBytes = 256 * 1024;

    private async Task DispatchAsync(PipelineSession session, CancellationToken stopping)
    {
        using var reader = _input.Stream.NewReader(Dispatched);
        while (true)
        {
            stopping.ThrowIfCancellationRequested();
            await _budget.WhenRoomAsync(stopping);
            var block = reader.Read(ReadBytes);
            if (block is null)
            {
                await _input.Stream.WaitReadableAsync(reader.NextOffset, stopping);
                continue;
            }

            var lease = new BlockLease(block, _budget);
            try
            {
                if (await DispatchBlockAsync(session, block, lease, stopping))
                    return;
            }
            finally
            {
                lease.Release();
            }
        }
    }

    // True when the target has to be prepared for a new shape before anything else is dispatched.
    private async ValueTask<bool> DispatchBlockAsync(PipelineSession session, LogBlock block, BlockLease lease, CancellationToken stopping)
    {
        var router = session.Router;
        var records = block.Records();
        while (records.MoveNext())
        {
            var routed = router.Route(block.Buffer, records.ValueStart, records.ValueLength, records.Offset, records.TimestampMs);
            if (routed == Routed.NewShape)
            {
                await PublishAsync(session, lease, records.Offset, stopping);
                if (Learn(block.Buffer.AsSpan(records.ValueStart, records.ValueLength), records.Offset))
                    return true;
                routed = router.Route(block.Buffer, records.ValueStart, records.ValueLength, records.Offset, records.TimestampMs);
            }

            if (routed == Routed.WholeTable)
                await RemoveAsync(session, block, lease, (records.ValueStart, records.ValueLength, records.Offset), stopping);

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
    private async ValueTask RemoveAsync(
        PipelineSession session, LogBlock block, BlockLease lease, (int Start, int Length, long Offset) mark, CancellationToken stopping)
    {
        const int DeletesPerPublish = 500;
        var router = session.Router;
        var plan = router.Whole ?? throw new InvalidOperationException("no table");
        var cause = new EncodedChange(block.Buffer.AsSpan(mark.Start, mark.Length)).Kind;
        router.EndTransaction(mark.Offset - 1);
        await PublishAsync(session, lease, mark.Offset, stopping);
        await session.WhenSettledAsync(mark.Offset, stopping);
        await using var source = _input.Ask();
        var removal = new TableRemoval(_sink, plan, source, _input.Captured);
        long removed = 0;
        await foreach (var row in removal.RowsAsync(cause, stopping))
        {
            router.StageRemoval(row, new(block.Buffer.AsSpan(mark.Start, mark.Length)), mark.Offset);
            if (++removed % DeletesPerPublish != 0)
                continue;
            router.EndTransaction(mark.Offset - 1);
            await PublishAsync(session, lease, mark.Offset, stopping);
        }

        router.EndTransaction(mark.Offset - 1);
        await PublishAsync(session, lease, mark.Offset, stopping);
        await session.WhenSettledAsync(mark.Offset, stopping);
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

        var account = Account();
        if (!account.Balanced || counts.Emitted != session.Lanes.Sum(lane => lane.Queue.Snapshot().Emitted))
        {
            _log.Unbalanced(_definition.Name, account.ToString());
            throw EngineErrors.Unbalanced(_definition.Name, account);
        }
    }

    private bool Learn(ReadOnlySpan<byte> record, long offset)
    {
        var id = new EncodedChange(record).SchemaId;
        var schema = _input.Schemas.Find(id) ?? throw EngineErrors.UnknownShape(_input.Stream.Name, id, offset);
        var isNew = _plan.Learn(id, schema);
        if (isNew)
            _log.ShapeChanged(_definition.Name, schema.Table.ToString());
        return isNew;
    }
}
