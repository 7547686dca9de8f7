using System.Collections.Immutable;
using Leat.Changes;

namespace Leat.Transform.Plan.Documents;

/// <summary>A document rule tied to the shapes of its tables, with the rows that it holds.</summary>
internal sealed class CompiledDocument
{
    /// <summary>Tables that take part, the root first.</summary>
    public required ImmutableArray<Input> Inputs { get; init; }

    /// <summary>Documents; of groups the rows that they are made of.</summary>
    public required Scope Root { get; init; }

    /// <summary>Documents of groups; <see langword="null"/>: each row of the root is one.</summary>
    public required GroupPlan? Groups { get; init; }

    /// <summary>Shape of the documents.</summary>
    public required Shape Shape { get; set; }

    /// <summary>What the state holds.</summary>
    public required string Fingerprint { get; init; }

    /// <summary>What it does, for people.</summary>
    public required ImmutableArray<PlanJoin> Joins { get; init; }

    /// <summary>Aggregates, for people.</summary>
    public required ImmutableArray<string> Aggregates { get; init; }
}
