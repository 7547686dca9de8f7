using System.Collections.Immutable;

namespace Leat.Transform.Plan.Documents;

// What a run before this one may have done.
public sealed partial class DocumentPlan
{
    /// <summary>The documents that wait in the background, each by a row in their shape of which the key counts.</summary>
    /// <param name="most">Most of them.</param>
    /// <returns><see langword="null"/> when they are more, or all.</returns>
    public ImmutableArray<byte[]>? Waiting(int most)
    {
        if (_walk is not null || _waitingGroups is { Count: > 0 } || _waiting.Count - _nextWaiting > most)
            return null;
        var root = _plan.Inputs[0];
        var slots = new HashSet<int>();
        for (var i = _nextWaiting; i < _waiting.Count; i++)
        {
            if (root.Has(_waiting[i], RowMarks.Waiting))
                slots.Add(_waiting[i]);
        }

        return [.. slots.Select(slot => KeyRow(slot).ToArray())];
    }

    /// <summary>
    /// Takes every document for one that the target may hold, so that one that goes is deleted: after a restart in the middle of a backlog, of which nobody noted how
    /// far it came. After loading, before the first change.
    /// </summary>
    public void AssumePresent()
    {
        var root = _plan.Inputs[0];
        for (var slot = root.Rows.After(-1); slot >= 0; slot = root.Rows.After(slot))
        {
            if (root.Has(slot, RowMarks.Present))
                continue;
            root.Mark(slot, RowMarks.Present);
            SetDirty(root, slot);
        }
    }
}
