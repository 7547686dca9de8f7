namespace Leat.Simulation.Delivery.Documents;

/// <summary>One run with documents: the faults of delivery, and how large the shop is.</summary>
internal sealed record DocumentScenario
{
    public required DeliveryScenario Delivery { get; init; }

    /// <summary>Orders that there can be: more than 64, and a customer's change goes into the background.</summary>
    public required int Orders { get; init; }

    public required int Customers { get; init; }

    /// <summary>Orders to deliver or to build everything anew, per mille of the steps in which a person looks.</summary>
    public int Reorders { get; init; }

    /// <summary>The run of a seed.</summary>
    public static DocumentScenario Of(ulong seed)
    {
        var random = new SimRandom(seed * 104_729);
        var delivery = DeliveryScenario.Of(seed + 1_000_000);
        return new()
        {
            Delivery = delivery with { Seed = seed, IsUnique = false, IsSerial = false },
            Orders = random.Pick(4, 12, 120),
            Customers = random.Pick(1, 3),
            Reorders = random.Pick(0, 0, 0, 20),
        };
    }

    /// <summary>The same run with less in it.</summary>
    public IEnumerable<DocumentScenario> Simpler() => Delivery.Simpler().Select(simpler => this with { Delivery = simpler })
        .Append(this with { Orders = 4 }).Append(this with { Customers = 1 }).Append(this with { Reorders = 0 }).Where(simpler => simpler != this);
}
