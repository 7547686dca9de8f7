using Leat.Changes;

namespace Leat.Pipeline.Delivery;

/// <summary>
/// Finds updates of some columns that stand behind a refused change of their row: they say nothing of the columns that were refused, so they do not supersede it, and a
/// replay of it alone would undo them. They become dead letters as well, and both are replayed in order.
/// </summary>
internal static class UpdateOrder
{
    /// <summary>Whether an operation that the target took is such an update.</summary>
    /// <param name="batch">What was sent, with its answers.</param>
    /// <param name="index">Place of the operation in it.</param>
    /// <param name="waiting">Refused operations before the batch that are no letters yet.</param>
    /// <param name="letters">The pipeline's dead letters.</param>
    public static bool IsBehindRefused(LaneBatch batch, int index, Refusals waiting, DeadLetters letters)
    {
        ref var update = ref batch[index].Operation;
        if (update.Kind != OperationKind.Update || IsReplaced(batch, index))
            return false;
        List<long>? replayed = null;
        for (var i = index - 1; i >= 0; i--)
        {
            ref var earlier = ref batch[i];
            if (earlier.Operation.KeyHash != update.KeyHash || earlier.Repeats)
                continue;
            if (batch.Answers.Span[i].Kind == AnswerKind.Refused)
            {
                if (!TellsAllOf(update, earlier.Operation))
                    return true;
            }
            else if (earlier.Operation.Kind != OperationKind.Update)
            {
                return false;
            }
            else if (earlier.Operation.IsReplay)
            {
                (replayed ??= []).Add(earlier.Operation.Offset);
            }
        }

        foreach (var refused in waiting.OfKey(update.KeyHash))
        {
            if (!TellsAllOf(update, refused))
                return true;
        }

        return letters.IsBehind(update, replayed);
    }

    /// <summary>Whether an update tells every column of a letter; <paramref name="told"/> is <see langword="null"/> when that was about the whole row.</summary>
    public static bool TellsAllOf(in Operation update, string[]? told)
    {
        if (told is null)
            return false;
        var own = Told(update);
        return Array.TrueForAll(told, own.Contains);
    }

    private static bool TellsAllOf(in Operation update, in Operation refused) =>
        TellsAllOf(update, refused.Kind == OperationKind.Update ? [.. Told(refused)] : null);

    // A whole row, or its end, that came later in the same request makes nothing of what was before.
    private static bool IsReplaced(LaneBatch batch, int index)
    {
        for (var i = index + 1; i < batch.Count; i++)
        {
            ref var later = ref batch[i];
            if (later.Operation.KeyHash == batch[index].Operation.KeyHash && later.Operation.Kind != OperationKind.Update && !later.Repeats
                && batch.Answers.Span[i].Kind != AnswerKind.Refused)
            {
                return true;
            }
        }

        return false;
    }

    private static HashSet<string> Told(in Operation update)
    {
        var told = new HashSet<string>(StringComparer.Ordinal);
        var reader = new RowReader(update.Shape.Schema, update.Row.Span);
        foreach (var (name, ordinal) in update.Shape.Columns)
        {
            reader.Seek(ordinal);
            if (!reader.IsAbsent)
                told.Add(name);
        }

        return told;
    }
}
