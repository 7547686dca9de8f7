using Leat.Changes;
using Leat.Log;
using Leat.Simulation.Log;
using Xunit;

namespace Leat.Simulation.Delivery.Documents;

/// <summary>The test of the test: an engine with a known bug must not pass.</summary>
public sealed class DocumentPlantTests(ITestOutputHelper output)
{
    public static TheoryData<string> Bugs => [.. DocumentPlants.All.Keys];

    [Theory]
    [MemberData(nameof(Bugs))]
    public void Finds_an_engine_that(string bug)
    {
        var plant = DocumentPlants.All[bug];
        for (var seed = 1ul; seed <= plant.Budget; seed++)
        {
            try
            {
                new DocumentSimulation(DocumentScenario.Of(seed), plant).Run();
            }
            catch (Exception found) when (found is ViolationException or LogException or LeatException)
            {
                output.WriteLine($"found by seed {seed}: {found.Message}");
                return;
            }
        }

        Assert.Fail($"An engine that {bug} passed {plant.Budget} seeds.");
    }
}
