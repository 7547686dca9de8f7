using Leat.Log;
using Xunit;

namespace Leat.Simulation.Log;

/// <summary>The test of the test: a log with a known bug must not pass.</summary>
public sealed class PlantedBugTests(ITestOutputHelper output)
{
    /// <summary>Most seeds that a planted bug may take to be found.</summary>
    private const ulong PlantedSeeds = 1_000;

    public static TheoryData<string> Bugs => [.. PlantedBugs.All.Keys];

    [Theory]
    [MemberData(nameof(Bugs))]
    public void Finds_a_log_that(string bug)
    {
        for (var seed = 1ul; seed <= PlantedSeeds; seed++)
        {
            try
            {
                new LogSimulation(ScenarioGenerator.Of(seed), PlantedBugs.All[bug]).Run();
            }
            catch (Exception found) when (found is ViolationException or LogException)
            {
                output.WriteLine($"found by seed {seed}: {found.Message}");
                return;
            }
        }

        Assert.Fail($"A log that {bug} passed {PlantedSeeds} seeds.");
    }
}
