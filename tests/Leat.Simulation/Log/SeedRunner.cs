using System.Globalization;

namespace Leat.Simulation.Log;

/// <summary>A seed whose run broke a promise.</summary>
internal sealed record FailedSeed(ulong Seed, Scenario Scenario, Exception Error);

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

/// <summary>Runs seeds on two threads; each seed on one of them alone.</summary>
internal static class SeedRunner
{
    private const int Threads = 2;

    // Each hundredth seed runs twice: the same seed must do the same.
    private const ulong TwiceEach = 100;

    /// <summary>Runs every seed, or until one fails: then that with the lowest number of those that ran.</summary>
    public static FailedSeed? Run(ulong first, ulong count, SeedTotals totals)
    {
        FailedSeed? failed = null;
        var gate = new Lock();
        Parallel.For(0L, (long)count, new ParallelOptions { MaxDegreeOfParallelism = Threads }, (i, loop) =>
        {
            if (RunSeed(first + (ulong)i, totals) is not { } fails)
                return;
            loop.Break();
            lock (gate)
                failed = failed is null || fails.Seed < failed.Seed ? fails : failed;
        });
        return failed;
    }

    /// <summary>Runs one seed; null when every promise held.</summary>
    public static FailedSeed? RunSeed(ulong seed, SeedTotals totals)
    {
        var scenario = ScenarioGenerator.Of(seed);
        try
        {
            var result = new LogSimulation(scenario).Run();
            totals.Add(result);
            if (seed % TwiceEach == 0)
                Violation.Unless(new LogSimulation(scenario).Run() == result, "the same seed did something else the second time");
            return null;
        }
        catch (Exception error)
        {
            return new(seed, scenario, error); // whatever it is: the seed makes it happen again
        }
    }
}
