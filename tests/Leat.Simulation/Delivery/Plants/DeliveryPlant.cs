using Leat.Changes;
using Leat.Log;

namespace Leat.Simulation.Delivery.Plants;

/// <summary>A known way to get delivery wrong.</summary>
internal sealed record DeliveryPlant
{
    /// <summary>No bug.</summary>
    public static DeliveryPlant None { get; } = new();

    /// <summary>Most seeds of rows that it may take to be found: several times what it took when this was written; 0: rows do not show it.</summary>
    public ulong Rows { get; init; }

    /// <summary>The same of documents.</summary>
    public ulong Documents { get; init; }

    /// <summary>The same of parts of documents.</summary>
    public ulong Parts { get; init; }

    /// <summary>The target as an engine with the bug would use it.</summary>
    public Func<ISink, ISink> Sink { get; init; } = static sink => sink;

    /// <summary>The source as an engine with the bug would read it.</summary>
    public Func<ISource, ISource> Source { get; init; } = static source => source;

    /// <summary>The disk as an engine with the bug would use it.</summary>
    public Func<FakeDisk, IDisk> Disk { get; init; } = static disk => disk;

    /// <summary>The run, where the bug needs one of a kind.</summary>
    public Func<DeliveryScenario, DeliveryScenario> Scenario { get; init; } = static scenario => scenario;

    /// <summary>Most seeds that it may take to be found.</summary>
    public ulong Budget(DeliveryKind kind) => kind switch
    {
        DeliveryKind.Documents => Documents,
        DeliveryKind.Parts => Parts,
        _ => Rows,
    };
}
