using Leat.Changes;
using Leat.Pipeline.Letters;

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

    // Nothing else is under way meanwhile: so no newer outcome of a letter's key can be missed, and an offset that is long past holds no checkpoint back.
    // True when the target has to be prepared for a new shape first.
    private async ValueTask<bool> ReplayAsync(PipelineSession session, CancellationToken stopping)
    {
        await session.WhenSettledAsync(long.MaxValue - 1, stopping);
        Volatile.Write(ref _isReplaying, true);
        var filtered = 0;
        var letters = _deadLetters.Requested(LettersAtOnce);
        foreach (var letter in letters)
        {
            var record = _deadLetters.ChangeOf(letter);
            var id = new EncodedChange(record).SchemaId;
            if (!_plan.Knows(id) && Learn(record, letter.Offset))
                return true;
            if (session.Router.StageReplay(record, letter, (_time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond))
            {
                // One after the other where rows may hold unique values that others shall have.
                if (!session.Traits.UniqueKeys.IsEmpty)
                    await SettleReplaysAsync(session, stopping);
                continue;
            }

            filtered++;
            await _deadLetters.EndAsync(letter, LetterState.Filtered, stopping);
        }

        await SettleReplaysAsync(session, stopping);
        Volatile.Write(ref _isReplaying, false);
        _log.LettersReplayed(_definition.Name, letters.Count - filtered, filtered);
        return false;
    }

    private async ValueTask SettleReplaysAsync(PipelineSession session, CancellationToken stopping)
    {
        session.Router.EndTransaction(Dispatched - 1);
        await PublishAsync(session, lease: null, Dispatched, stopping);
        await session.WhenSettledAsync(long.MaxValue - 1, stopping);
    }
}
