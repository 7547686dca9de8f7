using System.Globalization;
using Xunit;

namespace Leat.Simulation.Delivery.Documents;

/// <summary>Documents through faults and endings of every kind.</summary>
public sealed class DocumentSimulationTests(ITestOutputHelper output)
{
    /// <summary>Seeds of an ordinary run; LEAT_SEEDS asks for more, LEAT_SEED replays one and tells what it logs.</summary>
    private const long OrdinarySeeds = 300;

    [Fact]
    public void Every_document_is_as_its_transaction_left_it_and_none_is_lost()
    {
        var culture = CultureInfo.InvariantCulture;
        var one = Environment.GetEnvironmentVariable("LEAT_SEED") is { Length: > 0 } text ? ulong.Parse(text, culture) : 0;
        var count = Environment.GetEnvironmentVariable("LEAT_SEEDS") is { Length: > 0 } many ? ulong.Parse(many, culture) : OrdinarySeeds;
        var total = new DocumentResult(0, 0, 0, 0, 0, 0, 0, 0, 0);
        for (var seed = Math.Max(1, one); seed <= (one > 0 ? one : count); seed++)
        {
            try
            {
                var result = new DocumentSimulation(DocumentScenario.Of(seed), loggers: one > 0 ? new OutputLogger(output) : null).Run();
                total = new(
                    total.Trace ^ result.Trace, total.Steps + result.Steps, total.Requests + result.Requests, total.Outcomes + result.Outcomes, total.FromBackground + result.FromBackground,
                    total.Kills + result.Kills, total.Cuts + result.Cuts, total.Disasters + result.Disasters, total.Reorders + result.Reorders);
            }
            catch (Exception error)
            {
                Assert.Fail(Explain(seed, error)); // whatever it is: the seed makes it happen again
            }
        }

        output.WriteLine(total.ToString());
    }

    [Fact]
    public void The_same_seed_gives_the_same_trace()
    {
        for (var seed = 1ul; seed <= 10; seed++)
            Assert.Equal(new DocumentSimulation(DocumentScenario.Of(seed)).Run(), new DocumentSimulation(DocumentScenario.Of(seed)).Run());
    }

    private static string Explain(ulong seed, Exception error)
    {
        var (scenario, cause) = (DocumentScenario.Of(seed), error);
        for (var found = true; found;)
        {
            found = false;
            foreach (var simpler in scenario.Simpler())
            {
                if (ErrorOf(simpler) is not { } still)
                    continue;
                (scenario, cause, found) = (simpler, still, true);
                break;
            }
        }

        return $"""
            Seed {seed} failed: {error.Message}
            Replay it with LEAT_SEED={seed}. It takes no more than this to fail:

            {scenario}

            which fails with: {cause.Message}

            {error}
            """;
    }

    private static Exception? ErrorOf(DocumentScenario scenario)
    {
        try
        {
            new DocumentSimulation(scenario).Run();
            return null;
        }
        catch (Exception error)
        {
            return error; // whatever it is, it is what a person shall see
        }
    }
}
