using Leat.Log;
using Xunit;

namespace Leat.Simulation.Log;

/// <summary>The test of the test: a log with a known bug must not pass.</summary>
public sealed class PlantedBugTests(ITestOutputHelper output)
{
    public static TheoryData<string> Bugs => [.. PlantedBugs.All.Keys];

    [Theory]
    [MemberData(nameof(Bugs))]
    public void Finds_a_log_that(string bug)
    {
        var plant = PlantedBugs.All[bug];
        for (var seed = 1ul; seed <= plant.Budget; seed++)
        {
            try
            {
                if (plant.NeedsDamage)
                    DamageTests.RunSeed(seed, plant);
                else
                    new LogSimulation(ScenarioGenerator.Of(seed), plant).Run();
            }
            catch (Exception found) when (found is ViolationException or LogException)
            {
                output.WriteLine($"found by seed {seed}: {found.Message}");
                return;
            }
        }

        Assert.Fail($"A log that {bug} passed {plant.Budget} seeds.");
    }
}
