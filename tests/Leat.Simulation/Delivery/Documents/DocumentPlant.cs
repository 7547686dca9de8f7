using Leat.Changes;

namespace Leat.Simulation.Delivery.Documents;

/// <summary>A known way to get the delivery of documents wrong.</summary>
internal sealed record DocumentPlant
{
    /// <summary>Most seeds that it may take to be found.</summary>
    public required ulong Budget { get; init; }

    /// <summary>The target as an engine with the bug would use it.</summary>
    public Func<ISink, ISink> Sink { get; init; } = static sink => sink;

    /// <summary>The source as an engine with the bug would read it.</summary>
    public Func<ISource, ISource> Source { get; init; } = static source => source;
}
