using Leat.Changes;
using Leat.Log;
using Leat.Simulation.Log;
using Xunit;

namespace Leat.Simulation.Delivery.Plants;

/// <summary>The test of the test: an engine with a known bug must not pass.</summary>
public sealed class PlantTests(ITestOutputHelper output)
{
    public static TheoryData<string, string> Bugs => [.. from kind in Enum.GetValues<DeliveryKind>() from bug in AllPlants.ByName where bug.Value.Budget(kind) > 0 select (kind.ToString(), bug.Key)];

    [Theory]
    [MemberData(nameof(Bugs))]
    public void Finds_an_engine_that(string delivers, string bug)
    {
        var (plant, kind) = (AllPlants.ByName[bug], Enum.Parse<DeliveryKind>(delivers));
        for (var seed = 1ul; seed <= plant.Budget(kind); seed++)
        {
            var scenario = plant.Scenario(DeliveryScenario.Of(kind, seed));
            var found = SeedRunner.ErrorOf(() => new DeliverySimulation(scenario, plant).Run());
            if (found is null)
                continue;
            Assert.True(found is ViolationException or LogException or LeatException, found.ToString());
            output.WriteLine($"found by seed {seed}: {found.Message}");

            // By the bug, and not by what an engine without it does.
            Assert.Null(SeedRunner.ErrorOf(() => new DeliverySimulation(scenario).Run()));
            return;
        }

        Assert.Fail($"An engine that {bug} passed {plant.Budget(kind)} seeds.");
    }
}
