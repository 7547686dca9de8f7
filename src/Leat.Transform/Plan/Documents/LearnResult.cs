using System.Collections.Immutable;
using Leat.Changes;

namespace Leat.Transform.Plan.Documents;

/// <summary>What the shape of a table meant for the plan.</summary>
public sealed record LearnResult
{
    /// <summary>Nothing: the plan does not take the table, or its rows are held as before.</summary>
    public static LearnResult Same { get; } = new();

    /// <summary>Whether documents have another shape now (<see cref="DocumentPlan.Shape"/>): the target is prepared anew, and every document is emitted again.</summary>
    public bool ShapeChanged { get; init; }

    /// <summary>Whether rows are held in another form now, so that <see cref="DocumentPlan.Fingerprint"/> is another one. All of them are saved anew.</summary>
    public bool RowsChanged { get; init; }

    /// <summary>Columns that documents need and that rows held so far do not tell; NULL until their table has been read again. Empty: none.</summary>
    public ImmutableArray<(TableName Table, string Column)> Untold { get; init; } = [];
}
