using System.Globalization;
using Leat.Log;
using Xunit;

namespace Leat.Simulation.Log;

public sealed class LogSimulationTests(ITestOutputHelper output)
{
    /// <summary>Seeds of an ordinary run; LEAT_SEEDS asks for more, LEAT_SEED replays one.</summary>
    private const ulong OrdinarySeeds = 20_000;

    private const long PromisedCuts = 300_000;

    [Fact]
    public void Nothing_acknowledged_is_lost_and_nothing_else_is_read()
    {
        var totals = new SeedTotals();
        var (first, count) = Seeds();
        var failed = SeedRunner.Run(first, count, totals);
        output.WriteLine(totals.ToString());

        Assert.True(failed is null, failed is null ? "" : Explain(failed));
        if (count >= OrdinarySeeds)
            Assert.True(totals.Cuts >= PromisedCuts, $"only {totals.Cuts} power cuts");
    }

    [Fact]
    public void The_same_seed_gives_the_same_trace()
    {
        for (var seed = 1ul; seed <= 50; seed++)
            Assert.Equal(new LogSimulation(ScenarioGenerator.Of(seed)).Run(), new LogSimulation(ScenarioGenerator.Of(seed)).Run());
    }

    [Fact]
    public void A_scenario_is_read_back_as_it_was_printed()
    {
        for (var seed = 1ul; seed <= 50; seed++)
        {
            var text = ScenarioGenerator.Of(seed).ToString();
            Assert.Equal(text, Scenario.Parse(text).ToString());
        }
    }

    // What a person needs: the seed, what went wrong, and the shortest way to make it go wrong.
    private static string Explain(FailedSeed failed)
    {
        var reduced = new Reducer(scenario => ErrorOf(scenario) is not null).Reduce(failed.Scenario);
        return $"""
            Seed {failed.Seed} failed: {failed.Error.Message}
            Replay it with LEAT_SEED={failed.Seed}. Reduced from {failed.Scenario.Ops.Count} operations to {reduced.Ops.Count}; to be pasted into Scenario.Parse:

            {reduced}

            which fails with: {ErrorOf(reduced)}

            {failed.Error}
            """;
    }

    private static Exception? ErrorOf(Scenario scenario)
    {
        try
        {
            new LogSimulation(scenario).Run();
            return null;
        }
        catch (Exception error)
        {
            return error; // whatever it is, it is what a person shall see
        }
    }

    private static (ulong First, ulong Count) Seeds()
    {
        var culture = CultureInfo.InvariantCulture;
        if (Environment.GetEnvironmentVariable("LEAT_SEED") is { Length: > 0 } one)
            return (ulong.Parse(one, culture), 1);
        var count = Environment.GetEnvironmentVariable("LEAT_SEEDS") is { Length: > 0 } many ? ulong.Parse(many, culture) : OrdinarySeeds;
        return (1, count);
    }
}
