using Leat.Changes;

namespace Leat.Connectors.Simulator;

/// <summary>Everything that can go wrong with the simulated shop. Codes 4400 to 4499.</summary>
public static class SimulatorErrors
{
    /// <summary>A position that the simulator did not write.</summary>
    public static LeatException BadPosition(string text) => new(
        new(4400), $"'{text}' is not a place in the simulated shop.", "Write `now`, or a number of transactions such as `42`.");

    /// <summary>The log holds a position of another source.</summary>
    public static PauseException ForeignPosition(string source, string text) => new(
        new(4401), $"Source '{source}' is a simulated shop and cannot go on from {text}, which another kind of source wrote.",
        "Give the simulated shop a name or a log folder of its own.");
}
