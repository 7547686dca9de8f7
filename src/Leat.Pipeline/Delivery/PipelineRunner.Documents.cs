using Leat.Changes;
using Leat.Log;
using Leat.Transform.Plan;
using Leat.Transform.Plan.Documents;

namespace Leat.Pipeline.Delivery;

// From the stream into documents, and from those into the lanes.
internal sealed partial class PipelineRunner
{
    /// <summary>Longest time between markers of the state while it moves: what a restart reads again.</summary>
    public static readonly TimeSpan StateInterval = TimeSpan.FromSeconds(5);

    // Operations of a transaction that are emitted together, and so many that lanes are given them before the block ends.
    private const int OperationsAtOnce = 64;
    private const int OperationsPerPublish = 2_000;

    // Documents of the background that are emitted together; under load, so many blocks apart.
    private const int BacklogAtOnce = 500;
    private const int BlocksPerBacklog = 4;

    private readonly Operation[] _emitted = new Operation[OperationsAtOnce];
    private long _markedTime;
    private long _loadedAt = -1;

    private async Task DispatchDocumentsAsync(PipelineSession session, DocumentState documents, CancellationToken stopping)
    {
        if (Account() is { Balanced: false } account)
            throw EngineErrors.Unbalanced(_definition.Name, account);
        await BeginDocumentsAsync(session, documents, stopping);
        using var reader = _input.Stream.NewReader(documents.Next);
        for (var blocks = 1; ; blocks++)
        {
            stopping.ThrowIfCancellationRequested();
            if (_deadLetters.HasRequests && CanReplay(session, documents))
            {
                await ReplayDocumentsAsync(session, documents, stopping);
                continue;
            }

            if (documents.IsBetweenTransactions && await HasTooManyLettersAsync(stopping))
                continue;

            await _control.WaitAsync(_budget.WhenRoomAsync(stopping));
            if (_control.WantsChange())
            {
                _log.LanesChange(_definition.Name, session.Lanes.Count, _control.Lanes, _control.Reason);
                return;
            }

            await MarkWhenDueAsync(session, documents, stopping);
            var block = reader.Read(ReadBytes);
            if (documents.IsBetweenTransactions && await WorkBetweenAsync(session, documents, block is null, blocks, stopping))
                continue; // only without a block
            if (block is null)
            {
                await WhenDocumentWorkAsync(session, documents, reader.NextOffset, stopping);
                continue;
            }

            var lease = new BlockLease(block, _budget);
            try
            {
                await _markers.CoverAsync(block.NextOffset, stopping);
                if (await DispatchDocumentsAsync(session, documents, block, lease, stopping))
                    return;
            }
            finally
            {
                lease.Release();
            }
        }
    }

    // What a run before this one may not have delivered, and everything where that was asked for.
    private async ValueTask BeginDocumentsAsync(PipelineSession session, DocumentState documents, CancellationToken stopping)
    {
        _markedTime = _time.GetTimestamp();
        documents.Plan.WantsBefore = session.Traits.WantsBefore || !session.Traits.UniqueKeys.IsEmpty;
        if (documents.EmitsAll && !documents.Plan.IsLoading)
            await EmitAllAsync(session, documents, stopping);
        if (documents.Again.IsEmpty)
            return;
        foreach (var keys in documents.Again.Chunk(BacklogAtOnce))
        {
            await WithLeaseAsync(async lease =>
            {
                foreach (var key in keys)
                {
                    if (DocumentKey.Expand(documents.Plan.Shape, key) is { Length: > 0 } row)
                        await StageAsync(session, lease, Again(documents.Plan.EmitKey(row, PlaceBehind(documents), NowMicros(), lease.Arena)), NowMicros(), stopping);
                }

                session.Router.EndTransaction(documents.End - 1);
                await PublishAsync(session, documents, lease, stopping);
            });
        }

        documents.Again = [];
        documents.Tell();
    }

    // True when a block was not there, and something else was done in its place.
    private async ValueTask<bool> WorkBetweenAsync(PipelineSession session, DocumentState documents, bool isIdle, int blocks, CancellationToken stopping)
    {
        if (documents.Plan.IsLoading)
            return await FinishLoadingAsync(session, documents, isIdle, stopping) && isIdle;
        if (documents.Plan.HasBacklog && (isIdle || blocks % BlocksPerBacklog == 0))
        {
            await EmitBacklogAsync(session, documents, stopping);
            return isIdle;
        }

        if (documents.Reread.Count > 0)
            await AskAgainAsync(session, documents, stopping);
        if (!isIdle || !_sweep || documents.Plan.HasBacklog || session.Lanes.Count == 0)
            return false;
        await SweepTargetAsync(session, documents, stopping);
        return true;
    }

    // Everything that is put into the lanes is a document as of an offset: a state that is ahead of what lanes were given would be lost with them.
    private async ValueTask<bool> DispatchDocumentsAsync(PipelineSession session, DocumentState documents, LogBlock block, BlockLease lease, CancellationToken stopping)
    {
        var records = block.Records();
        while (records.MoveNext())
        {
            var offset = records.Offset;
            if (offset < documents.Next)
                continue;
            Taken taken;
            bool endsTransaction;
            try
            {
                taken = documents.Take(block.Buffer.AsSpan(records.ValueStart, records.ValueLength), offset, out endsTransaction);
                if (taken == Taken.NewShape)
                {
                    var schema = SchemaOf(block.Buffer.AsSpan(records.ValueStart, records.ValueLength), offset, out var id);
                    if (!documents.IsBetweenTransactions && documents.Plan.Takes(schema.Table) && !documents.IsKnown(schema, out _))
                        await EndTransactionAsync(session, documents, lease, offset, records.TimestampMs, stopping); // a shape does not change inside a transaction
                    if (Learn(documents, id, schema))
                    {
                        await PublishAsync(session, documents, lease, stopping);
                        return true;
                    }

                    taken = documents.Take(block.Buffer.AsSpan(records.ValueStart, records.ValueLength), offset, out endsTransaction);
                }
            }
            catch (Exception)
            {
                // What came before goes out; the rows themselves are of no use any more, for the change may be in them in part.
                try
                {
                    await PublishAsync(session, documents, lease, stopping);
                }
                finally
                {
                    documents.MustLoad = true;
                }

                throw;
            }

            if (taken == Taken.Sweep && offset < _sweepsAgainBelow && !documents.Plan.IsLoading)
            {
                // What the source has is asked as it is by now: then it may have had a row that it has no more, and documents of later changes are at the target with it.
                _sweepsAgainBelow = 0;
                _raiseFor = $"rows of {SchemaOf(block.Buffer.AsSpan(records.ValueStart, records.ValueLength), offset, out _).Table} may be looked for once more";
                if (!documents.IsBetweenTransactions)
                    await EndTransactionAsync(session, documents, lease, offset, records.TimestampMs, stopping);
                await PublishAsync(session, documents, lease, stopping);
                return true;
            }

            if (taken == Taken.Truncate)
                await TruncateStateAsync(session, documents, block.Buffer.AsMemory(records.ValueStart, records.ValueLength), lease, offset, records.TimestampMs, stopping);
            if (taken == Taken.Sweep)
                await SweepStateAsync(session, documents, block.Buffer.AsMemory(records.ValueStart, records.ValueLength), lease, offset, records.TimestampMs, stopping);
            else if (endsTransaction)
                await EndTransactionAsync(session, documents, lease, offset + 1, records.TimestampMs, stopping);
        }

        if (documents.IsBetweenTransactions)
            documents.EndAt(block.NextOffset);
        await PublishAsync(session, documents, lease, stopping);
        await documents.SaveSomeAsync(stopping);
        return false;
    }

    private TableSchema SchemaOf(ReadOnlySpan<byte> record, long offset, out uint id)
    {
        id = new EncodedChange(record).SchemaId;
        return _input.Schemas.Find(id) ?? throw EngineErrors.UnknownShape(_input.Stream.Name, id, offset);
    }

    private bool Learn(DocumentState documents, uint id, TableSchema schema)
    {
        var learned = documents.Learn(id, schema);
        if (!learned.ShapeChanged)
            return false;

        // Their versions alone would not tell the documents of now from those that were sent.
        _log.ShapeChanged(_definition.Name, schema.Table.ToString());
        _raiseFor = "its documents have another shape";
        return true;
    }

    private async ValueTask EndTransactionAsync(PipelineSession session, DocumentState documents, BlockLease lease, long end, long timestampMs, CancellationToken stopping)
    {
        documents.EndTransaction();
        await EmitTouchedAsync(session, documents, lease, timestampMs, stopping);
        documents.EndAt(end);
        session.Router.EndTransaction(end - 1);
        if (session.Router.Staged >= OperationsPerPublish)
            await PublishAsync(session, documents, lease, stopping);
    }

    // Of those that one change made, only the last holds a place in the stream: a target that keeps an offset has all of them then.
    private async ValueTask EmitTouchedAsync(PipelineSession session, DocumentState documents, BlockLease lease, long timestampMs, CancellationToken stopping)
    {
        var held = default(Operation);
        var any = false;
        documents.MustLoad = true;
        while (documents.Plan.Emit(lease.Arena, _emitted) is var count and > 0)
        {
            for (var i = 0; i < count; i++)
            {
                var offset = any ? Math.Max(held.Offset, _emitted[i].Offset) : _emitted[i].Offset;
                if (any)
                    await StageAsync(session, lease, held with { IsUnpositioned = offset == held.Offset }, Router.Estimate(held.CommittedAtMicros, timestampMs), stopping);
                held = _emitted[i] with { Offset = offset };
                any = true;
            }

            if (session.Router is { IsWhole: false, Staged: >= OperationsPerPublish })
                await PublishAsync(session, documents, lease, stopping, isInside: true);
        }

        if (any)
            await StageAsync(session, lease, held, Router.Estimate(held.CommittedAtMicros, timestampMs), stopping);
    }

    private static async ValueTask StageAsync(PipelineSession session, BlockLease lease, Operation operation, long commitMicros, CancellationToken stopping)
    {
        var router = session.Router;
        for (var routed = router.StageDocument(operation, commitMicros); routed == Routed.Await; routed = router.Resume())
        {
            await router.PublishAsync(lease, stopping);
            if (router.AwaitedLane == UniqueValues.AllLanes)
                await session.WhenSettledAsync(router.AwaitedOffset, stopping);
            else
                await session.Lanes[router.AwaitedLane].Queue.WhenSettledAsync(router.AwaitedOffset, stopping);
        }
    }

    // Nothing was emitted, and the tables are told as a whole: from here on documents go out, all of them to begin with.
    private async ValueTask<bool> FinishLoadingAsync(PipelineSession session, DocumentState documents, bool isIdle, CancellationToken stopping)
    {
        if (_loadedAt < 0 && !_loaded.Reread && documents.Reread.Count == 0 && _input.IsWhole())
            _loadedAt = _input.Stream.EndOffset;
        if (_loadedAt < 0 || (documents.Next < _loadedAt && !(isIdle && _input.Stream.ReadableOffset >= _loadedAt)))
            return false;
        documents.Plan.IsLoading = false;
        _log.DocumentsLoaded(_definition.Name, documents.Plan.StateRows, documents.Plan.StateBytes);
        await EmitAllAsync(session, documents, stopping);
        return true;
    }

    // Durable before the first is sent: which documents there are at the target is then known to whoever comes after.
    private async ValueTask EmitAllAsync(PipelineSession session, DocumentState documents, CancellationToken stopping)
    {
        documents.EmitAll();
        await documents.MarkAsync(documents.Again.IsEmpty ? session.Router.Keys : null, sync: true, stopping);
        _emitAll = false;
        Save();
    }

    private ValueTask EmitBacklogAsync(PipelineSession session, DocumentState documents, CancellationToken stopping) => WithLeaseAsync(async lease =>
    {
        var place = PlaceBehind(documents);
        documents.MustLoad = true;
        for (var emitted = 0; emitted < BacklogAtOnce;)
        {
            var count = documents.Plan.EmitBacklog(lease.Arena, _emitted, place, NowMicros());
            if (count == 0)
                break;
            for (var i = 0; i < count; i++)
                await StageAsync(session, lease, Again(_emitted[i]), NowMicros(), stopping);
            emitted += count;
        }

        session.Router.EndTransaction(place);
        await PublishAsync(session, documents, lease, stopping);
    });

    // Nobody tells what it was before: a target that finds it by more than its key has to look.
    private static Operation Again(in Operation operation) =>
        operation with { IsUnpositioned = true, Cause = operation.Kind == OperationKind.Delete ? operation.Cause : ChangeKind.ReadAgain };

    // A document that is emitted for what it holds now is of the last record that was taken in.
    private static long PlaceBehind(DocumentState documents) => Math.Max(0, documents.End - 1);

    private long NowMicros() => (_time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    private async ValueTask WithLeaseAsync(Func<BlockLease, ValueTask> work)
    {
        var lease = new BlockLease(block: null, _budget);
        try
        {
            await work(lease);
        }
        finally
        {
            lease.Release();
        }
    }

    private async ValueTask PublishAsync(PipelineSession session, DocumentState documents, BlockLease lease, CancellationToken stopping, bool isInside = false)
    {
        var router = session.Router;
        await router.PublishAsync(lease, stopping);
        documents.MustLoad = isInside;
        documents.Tell();
        var counts = documents.CountsOfSession();
        lock (_gate)
            _read = _read with { Changes = counts.Changes, Filtered = counts.Filtered, Folded = counts.Folded, Planned = counts.Planned };
        Volatile.Write(ref _lastCommit, router.Counts.LastCommitMicros);
        Volatile.Write(ref _dispatched, documents.End);
        ProveEmitted(session, router.Counts.Emitted);
    }

    private async ValueTask MarkWhenDueAsync(PipelineSession session, DocumentState documents, CancellationToken stopping)
    {
        if (!documents.IsBetweenTransactions || _time.GetElapsedTime(_markedTime) < StateInterval || !documents.IsMarkDue(session.Router.Keys))
            return;
        _markedTime = _time.GetTimestamp();
        await documents.MarkAsync(session.Router.Keys, sync: false, stopping);
    }

    // Until there is something to read, or an errand, or time for a marker; while it loads it looks by itself whether the source has told everything.
    private async ValueTask WhenDocumentWorkAsync(PipelineSession session, DocumentState documents, long offset, CancellationToken stopping)
    {
        var readable = _input.Stream.WaitReadableAsync(offset, stopping);
        if (readable.IsCompleted)
        {
            await readable;
            return;
        }

        TimeSpan? atMost = documents.Plan.IsLoading || _sweep ? CheckpointInterval : null;
        if (documents.IsBetweenTransactions && documents.IsMarkDue(session.Router.Keys))
        {
            var left = StateInterval - _time.GetElapsedTime(_markedTime);
            atMost = left < TimeSpan.Zero ? TimeSpan.FromMilliseconds(1) : atMost < left ? atMost : left;
        }

        using var look = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var errand = atMost is { } limit ? _errands.WaitAsync(limit, _time, look.Token) : _errands.WaitAsync(look.Token);
        await await Task.WhenAny(readable.AsTask(), errand);
        look.Cancel();
    }
}
