using Leat.Changes.Configuration;

namespace Leat.Connectors.Simulator;

/// <summary>Settings of the simulated shop.</summary>
public sealed record SimulatorSourceOptions
{
    /// <summary>Decides everything that happens in the shop. Default 1.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>Customers when the shop opens, 1 to 100 000; they bring half as many products and two orders each. Default 100: read at a glance.</summary>
    public int Customers { get; init; } = 100;

    /// <summary>Row changes a second, 1 to 1 000 000. Default 200: fast enough to see, slow enough to follow.</summary>
    public int RowsPerSecond { get; init; } = 200;

    /// <summary>Reads the block and notes its problems.</summary>
    public static SimulatorSourceOptions Read(ConfigReader reader)
    {
        var defaults = new SimulatorSourceOptions();
        var options = new SimulatorSourceOptions
        {
            Seed = reader.Int("seed", defaults.Seed, 0, int.MaxValue),
            Customers = reader.Int("customers", defaults.Customers, 1, 100_000),
            RowsPerSecond = reader.Int("rows_per_second", defaults.RowsPerSecond, 1, 1_000_000),
        };
        reader.Done();
        return options;
    }
}
