using System.Globalization;

namespace Leat.Simulation.Log;

/// <summary>All that a run of many seeds did.</summary>
internal sealed class SeedTotals
{
    private readonly Lock _gate = new();
    private long _seeds, _cuts, _kills, _faults, _operations, _acknowledged;

    public long Cuts => _cuts;

    public long Acknowledged => _acknowledged;

    public void Add(SimulationResult result)
    {
        lock (_gate)
        {
            _seeds++;
            _cuts += result.Cuts;
            _kills += result.Kills;
            _faults += result.Faults;
            _operations += result.Operations;
            _acknowledged += result.Acknowledged;
        }
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{_seeds} seeds, {_cuts} power cuts, {_kills} kills and closes, {_faults} other faults and crash points, {_operations} disk operations, {_acknowledged} records acknowledged, none lost");
}
