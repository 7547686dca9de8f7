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
        var seeds = SeedRunner.Seeds(OrdinarySeeds);
        var failed = SeedRunner.Run(seeds, seed => new LogSimulation(ScenarioGenerator.Of(seed)).Run(), totals.Add);
        output.WriteLine(totals.ToString());

        Assert.True(failed is null, failed is null ? "" : Explain(failed));
        if (seeds.Count >= OrdinarySeeds)
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
        var scenario = ScenarioGenerator.Of(failed.Seed);
        var reduced = new Reducer(one => ErrorOf(one) is not null).Reduce(scenario);
        return $"""
            Seed {failed.Seed} failed: {failed.Error.Message}
            Replay it with LEAT_SEED={failed.Seed}. Reduced from {scenario.Ops.Count} operations to {reduced.Ops.Count}; to be pasted into Scenario.Parse:

            {reduced}

            which fails with: {ErrorOf(reduced)}

            {failed.Error}
            """;
    }

    private static Exception? ErrorOf(Scenario scenario) => SeedRunner.ErrorOf(() => new LogSimulation(scenario).Run());
}
