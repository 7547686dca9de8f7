using Leat.Changes;
using Leat.Pipeline.Letters;
using Leat.Transform.Plan;

namespace Leat.Pipeline.Delivery;

// Dead letters go through the lanes once more, between what the stream brings.
internal sealed partial class PipelineRunner
{
    private const int LettersAtOnce = 200;

    private bool _isReplaying;

    /// <summary>Dead letters that are open.</summary>
    public int OpenLetters => _deadLetters.Open;

    /// <summary>Asks for dead letters to be replayed, or gives them up. Returns when that is durable, with how many of them were open. From any thread.</summary>
    public async ValueTask<int> RequestAsync(IReadOnlyList<long> letters, bool discard, string by, CancellationToken cancellationToken)
    {
        var taken = await _deadLetters.RequestAsync(letters, discard, by, cancellationToken);
        _errands.Set();
        return taken;
    }

    // Open letters are held in memory, and whoever is to look at them has to be able to. Replays go on meanwhile; for one that has to wait for the stream, the stream does.
    private async ValueTask<bool> HasTooManyLettersAsync(CancellationToken stopping)
    {
        var stood = _failure?.Code == EngineErrors.LettersFull;
        if (_deadLetters.Open < _definition.MaxDeadLetters || _deadLetters.HasRequests)
        {
            if (stood)
                Volatile.Write(ref _failure, null);
            return false;
        }

        if (!stood)
        {
            var failure = EngineErrors.TooManyLetters(_definition.Name, _deadLetters.Open);
            _log.DeliveryBlocked(failure, _definition.Name, (long)CheckpointInterval.TotalSeconds);
            Volatile.Write(ref _failure, failure);
        }

        await _errands.WaitAsync(CheckpointInterval, _time, stopping);
        return true;
    }

    // Nothing else is under way meanwhile: so no newer outcome of a letter's key can be missed, and an offset that is long past holds no checkpoint back.
    // True when the target has to be prepared for a new shape first.
    private async ValueTask<bool> ReplayAsync(PipelineSession session, CancellationToken stopping)
    {
        await session.WhenSettledAsync(long.MaxValue - 1, stopping);
        Volatile.Write(ref _isReplaying, true);
        var lease = new BlockLease(block: null, _budget);
        try
        {
            return await ReplayAsync(session, lease, stopping);
        }
        finally
        {
            lease.Release();
        }
    }

    private async ValueTask<bool> ReplayAsync(PipelineSession session, BlockLease lease, CancellationToken stopping)
    {
        var filtered = 0;
        var letters = _deadLetters.Requested(LettersAtOnce);
        foreach (var letter in letters)
        {
            var record = _deadLetters.ChangeOf(letter);
            var id = new EncodedChange(record).SchemaId;
            if (!_plan.Knows(id) && Learn(record, letter.Offset))
                return true;
            if (session.Router.StageReplay(lease.Arena, record, letter, NowMicros()))
            {
                // One after the other where rows may hold unique values that others shall have.
                if (session.Traits.UniqueKeys.ContainsKey(letter.Alias))
                    await SettleReplaysAsync(session, lease, stopping);
                continue;
            }

            filtered++;
            await _deadLetters.EndAsync(letter, LetterState.Filtered, stopping);
        }

        await SettleReplaysAsync(session, lease, stopping);
        Volatile.Write(ref _isReplaying, false);
        _log.LettersReplayed(_definition.Name, letters.Count - filtered, filtered);
        return false;
    }

    private async ValueTask SettleReplaysAsync(PipelineSession session, BlockLease lease, CancellationToken stopping)
    {
        session.Router.EndTransaction(Dispatched - 1);
        await PublishAsync(session, lease, Dispatched, stopping);
        await session.WhenSettledAsync(long.MaxValue - 1, stopping);
    }

    // After a table was read again: letters of rows that the source does not have. The target never took those, so nothing removes them, and nothing more is told of them.
    private async ValueTask SupersedeGoneAsync(TablePlan plan, ISource source, long offset, CancellationToken stopping)
    {
        var schema = plan.Source;
        foreach (var letters in _deadLetters.OlderOf(plan.Shape.Alias, offset).Chunk(LettersAtOnce))
        {
            var known = letters.Select(letter => (Letter: letter, Row: RowOf(_deadLetters.ChangeOf(letter), plan))).Where(one => !one.Row.IsEmpty).ToList();
            if (known.Count == 0)
                continue;
            var exists = await source.ExistingAsync(schema, [.. known.Select(one => one.Row)], _input.Captured(), stopping);
            foreach (var (letter, _) in known.Where((_, index) => !exists[index]))
                await _deadLetters.EndAsync(letter, LetterState.Superseded, stopping);
        }
    }

    // After a table was emptied. Of tables that are one, and of parts of documents, only the letters of that one; where nothing tells their rows apart, a letter's change does.
    private async ValueTask SupersedeAllAsync(TablePlan plan, long offset, CancellationToken stopping)
    {
        if (_plan.PartsOf(plan.Selection.Alias).Count == 1 && plan.Shape.Part is not { IsRoot: false })
        {
            await _deadLetters.SupersedeAsync(plan.Shape.Alias, offset, stopping);
            return;
        }

        foreach (var letter in _deadLetters.OlderOf(plan.Shape.Alias, offset))
        {
            if (_input.Schemas.Find(new EncodedChange(_deadLetters.ChangeOf(letter)).SchemaId)?.Table == plan.Source.Table)
                await _deadLetters.EndAsync(letter, LetterState.Superseded, stopping);
        }
    }

    // Empty when it is encoded in another shape. What a target lost by a change of the whole table is told as the target has it.
    private ReadOnlyMemory<byte> RowOf(byte[] record, TablePlan plan)
    {
        var change = new EncodedChange(record);
        if (_input.Schemas.Find(change.SchemaId) is not { } own || !own.Equals(plan.Source))
            return default;
        if (change.Kind is ChangeKind.Truncate or ChangeKind.Sweep)
            return plan.SourceKeyOf(change.Before);
        return (change.Marks & ChangeMarks.HasAfter) != 0 ? record.AsMemory(change.AfterOffset) : record.AsMemory(change.BeforeOffset, change.Before.Length);
    }
}
