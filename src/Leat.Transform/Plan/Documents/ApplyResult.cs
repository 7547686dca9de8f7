namespace Leat.Transform.Plan.Documents;

/// <summary>What a change meant for the documents: every change of a table that the plan takes counts as one of these.</summary>
public enum ApplyResult
{
    /// <summary>Neither the row before nor the row after takes part.</summary>
    Filtered,

    /// <summary>It changed what is held, or not even that, but no document that the transaction had not touched before.</summary>
    Folded,

    /// <summary>The first change of its transaction that touched some document.</summary>
    Planned,
}
