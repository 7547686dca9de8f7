using Leat.Changes;
using Leat.Pipeline.Letters;
using Leat.Transform.Plan;
using Leat.Transform.Plan.Documents;

namespace Leat.Pipeline.Delivery;

// What documents lose by changes of whole tables, and what of them goes out of its turn.
internal sealed partial class PipelineRunner
{
    private const int RowsPerQuestion = 500;
    private const int RowsPerRemoval = 65_536;

    // A letter's document is sent as it is now, under the offset at which it was refused. So after a restart it waits until the rows are where they were
    // then: what they made of it before would otherwise lie over what comes from the stream again, to a target that goes by versions.
    private bool CanReplay(PipelineSession session, DocumentState documents) =>
        session.Lanes.Count > 0 && !documents.Plan.IsLoading && documents.IsBetweenTransactions && session.Router.IsBetweenTransactions
        && _deadLetters.Requested(1, documents.End).Count > 0;

    // Nothing else is under way meanwhile: so no newer outcome of its key can be missed.
    private async ValueTask ReplayDocumentsAsync(PipelineSession session, DocumentState documents, CancellationToken stopping)
    {
        await session.WhenSettledAsync(long.MaxValue - 1, stopping);
        Volatile.Write(ref _isReplaying, true);
        await WithLeaseAsync(async lease =>
        {
            var filtered = 0;
            var letters = _deadLetters.Requested(LettersAtOnce, documents.End);
            foreach (var letter in letters)
            {
                if (DocumentOf(letter, documents, lease, out var operation))
                {
                    await StageAsync(session, lease, operation with { Offset = letter.Offset, ReplayedEpoch = letter.Epoch }, NowMicros(), stopping);
                    if (!session.Traits.UniqueKeys.IsEmpty)
                        await SettleDocumentsAsync(session, documents, lease, stopping);
                    continue;
                }

                filtered++;
                await _deadLetters.EndAsync(letter, LetterState.Filtered, stopping);
            }

            await SettleDocumentsAsync(session, documents, lease, stopping);
            Volatile.Write(ref _isReplaying, false);
            _log.LettersReplayed(_definition.Name, letters.Count - filtered, filtered);
        });
    }

    private bool DocumentOf(Letter letter, DocumentState documents, BlockLease lease, out Operation operation)
    {
        operation = default;
        if (letter.Alias != documents.Plan.Shape.Alias)
            return false;
        var key = DocumentKey.Expand(documents.Plan.Shape, DocumentKey.Of(_deadLetters.ChangeOf(letter)));
        if (key.Length == 0)
            return false;
        operation = documents.Plan.EmitKey(key, letter.Offset, NowMicros(), lease.Arena);
        return operation.KeyHash == letter.KeyHash;
    }

    private async ValueTask SettleDocumentsAsync(PipelineSession session, DocumentState documents, BlockLease lease, CancellationToken stopping)
    {
        session.Router.EndTransaction(documents.End - 1);
        await PublishAsync(session, documents, lease, stopping);
        await session.WhenSettledAsync(long.MaxValue - 1, stopping);
    }

    // More than a portion is emitted on the way: of a table that was emptied nothing is left, whenever one looks.
    private async ValueTask TruncateStateAsync(
        PipelineSession session, DocumentState documents, ReadOnlyMemory<byte> record, BlockLease lease, long offset, long timestampMs, CancellationToken stopping)
    {
        var committedAt = new EncodedChange(record.Span).CommittedAtMicros;
        var table = SchemaOf(record.Span, offset, out _).Table;
        var result = ApplyResult.Filtered;
        while (!documents.Truncate(table, offset, committedAt, RowsPerRemoval, ref result))
            await EmitPortionAsync(session, documents, lease, timestampMs, stopping);
        documents.Pass(offset, result);
    }

    private async ValueTask EmitPortionAsync(PipelineSession session, DocumentState documents, BlockLease lease, long timestampMs, CancellationToken stopping)
    {
        documents.EndTransaction();
        await EmitTouchedAsync(session, documents, lease, timestampMs, stopping);
        if (!session.Router.IsWhole)
            await PublishAsync(session, documents, lease, stopping, isInside: true);
    }

    // After a table was read again, or one of several that are one was emptied: rows of the state that the source does not have go.
    private async ValueTask SweepStateAsync(
        PipelineSession session, DocumentState documents, ReadOnlyMemory<byte> record, BlockLease lease, long offset, long timestampMs, CancellationToken stopping)
    {
        if (!documents.IsBetweenTransactions)
            await EndTransactionAsync(session, documents, lease, offset, timestampMs, stopping);
        await PublishAsync(session, documents, lease, stopping);
        var committedAt = new EncodedChange(record.Span).CommittedAtMicros;
        var table = SchemaOf(record.Span, offset, out _).Table;
        await using var source = _input.Ask();
        var (removed, cursor) = (0L, 0L);
        for (var isMore = true; isMore;)
        {
            using var arena = new RowArena();
            var gone = new List<ReadOnlyMemory<byte>>();
            do
            {
                (isMore, cursor) = await AskForGoneAsync(source, documents, table, cursor, arena, gone, stopping);
            }
            while (isMore && gone.Count < RowsPerRemoval);

            documents.MustLoad |= gone.Count > 0; // what ends in the middle of it leaves a state that no marker may be written for
            foreach (var row in gone)
                documents.Plan.Remove(table, row.Span, offset, committedAt);
            removed += gone.Count;
            if (isMore)
                await EmitPortionAsync(session, documents, lease, timestampMs, stopping);
        }

        documents.Pass(offset, removed > 0 ? ApplyResult.Planned : ApplyResult.Folded);
        await EndTransactionAsync(session, documents, lease, offset + 1, timestampMs, stopping);
        await PublishAsync(session, documents, lease, stopping);
        _log.StateSwept(_definition.Name, table.ToString(), removed);
    }

    // Nothing is changed meanwhile: a source that is away costs no more than asking it once more.
    private async ValueTask<(bool IsMore, long Cursor)> AskForGoneAsync(
        ISource source, DocumentState documents, TableName table, long cursor, RowArena arena, List<ReadOnlyMemory<byte>> gone, CancellationToken stopping)
    {
        var schema = documents.Plan.SchemaOf(table) ?? throw new InvalidOperationException("a table that documents are made of has no shape");
        using var keys = new RowArena();
        var asked = new ReadOnlyMemory<byte>[RowsPerQuestion];
        var count = documents.Plan.Keys(table, ref cursor, keys, asked);
        if (count == 0)
            return (false, cursor);
        var exists = new bool[count];
        foreach (var part in PartsOf(documents, table))
        {
            var there = await source.ExistingAsync(part == table ? schema : new(part, schema.Columns, schema.Key), asked[..count], _input.Captured(), stopping);
            for (var i = 0; i < count; i++)
                exists[i] |= there[i];
        }

        for (var i = 0; i < count; i++)
        {
            if (!exists[i])
                gone.Add(arena.Keep(asked[i].Span));
        }

        return (true, cursor);
    }

    // Where rows do not tell of which of several tables they are, one is gone only when none of them has it.
    private IEnumerable<TableName> PartsOf(DocumentState documents, TableName table)
    {
        if (documents.Plan.TellsRowsOf(table))
            return [table];
        return _definition.Tables.Where(rule => new TableMatch(rule.ToSelection()).Takes(table)).SelectMany(TablesOf).Distinct();
    }

    // What a target has beside the documents was left there by another log, or by this pipeline as it was before.
    private async ValueTask SweepTargetAsync(PipelineSession session, DocumentState documents, CancellationToken stopping)
    {
        await session.WhenSettledAsync(long.MaxValue - 1, stopping);
        var (shape, place) = (documents.Plan.Shape, PlaceBehind(documents));
        long removed = 0, foreign = 0;
        await WithLeaseAsync(async lease =>
        {
            await foreach (var there in _sink.ReadAsync(shape, stopping))
            {
                if (TargetRows.Encode(_sink, shape, there, out var isPlaced) is not { } row)
                {
                    foreign++;
                    continue;
                }

                // A document that there is may have left something at a place where it is not any more.
                using var document = new RowArena();
                var operation = documents.Plan.EmitKey(row, place, NowMicros(), document);
                if (operation.Kind != OperationKind.Delete && !(isPlaced && _sink.Expect(shape, operation.Row.Span).Key != there.Key))
                    continue;
                await StageAsync(session, lease, operation with { Kind = OperationKind.Delete, Cause = ChangeKind.Sweep, Row = row }, NowMicros(), stopping);
                if (++removed % RowsPerQuestion == 0)
                    await SettleDocumentsAsync(session, documents, lease, stopping);
            }

            await SettleDocumentsAsync(session, documents, lease, stopping);
        });
        _sweep = false;
        Save();
        _log.TableRemoved(_definition.Name, shape.Alias, "swept", removed, foreign);
    }

    // Columns that documents need and that no row held so far tells.
    private async ValueTask AskAgainAsync(PipelineSession session, DocumentState documents, CancellationToken stopping)
    {
        foreach (var table in documents.Reread.ToList())
            await _input.ReadAgain(new([table], Where: null), stopping);
        _log.TablesAskedFor(_definition.Name, _definition.From);
        documents.Reread.Clear();
        await documents.MarkAsync(session.Router.Keys, sync: false, stopping);
    }
}
