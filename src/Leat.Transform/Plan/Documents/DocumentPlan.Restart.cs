namespace Leat.Transform.Plan.Documents;

// What a run before this one may have done.
public sealed partial class DocumentPlan
{
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
