using System.Collections.Immutable;
using Leat.Changes;
using Leat.Pipeline.Definitions;
using Leat.Pipeline.Shaping;
using Leat.Transform.Plan.Documents;

namespace Leat.Output;

/// <summary>What <c>leat plan</c> has found out about a pipeline: from the file alone, and as far as servers and the log could be looked at.</summary>
internal sealed record PlanLook
{
    /// <summary>The pipeline as the file says.</summary>
    public required PipelineDefinition Pipeline { get; init; }

    /// <summary>What the target is made for; empty as long as the source was not looked at.</summary>
    public ImmutableArray<Shape> Shapes { get; init; } = [];

    /// <summary>What the plan of documents does; <see langword="null"/> without one, or when the source was not looked at.</summary>
    public PlanDescription? Description { get; init; }

    /// <summary>What is held of each table.</summary>
    public ImmutableArray<HeldRows> Held { get; init; } = [];

    /// <summary>Bytes on disk of the rows that are held already; <see langword="null"/> when there are none.</summary>
    public long? StateOnDisk { get; init; }

    /// <summary>What was found at the source: settings, grants, tables.</summary>
    public ImmutableArray<Finding> Source { get; init; } = [];

    /// <summary>What the sink found at the target, and would change there.</summary>
    public ImmutableArray<Finding> Target { get; init; } = [];

    /// <summary>Why the plan cannot be made; empty when it can.</summary>
    public ImmutableArray<Finding> Problems { get; init; } = [];

    /// <summary>All that was found.</summary>
    public IEnumerable<Finding> Findings => [.. Source, .. Target, .. Problems];

    /// <summary>What happens when the file is run; <see langword="null"/> when nobody looked.</summary>
    public PlanApplication? Application { get; init; }

    /// <summary>From the file alone.</summary>
    public static PlanLook Offline(PipelineDefinition pipeline) => new() { Pipeline = pipeline };
}
