using Leat.Log;
using Xunit;

namespace Leat.Simulation.Log;

public sealed class LogSimulationTests(ITestOutputHelper output)
{
    /// <summary>Seeds of an ordinary run; LEAT_SEEDS asks for more, LEAT_SEED replays one.</summary>
    private const int OrdinarySeeds = 1_500;

    private const ulong FlipSeeds = 200;

    /// <summary>Most seeds that a planted bug may take to be found.</summary>
    private const ulong PlantedSeeds = 1_000;

    [Fact]
    public void Nothing_acknowledged_is_lost_and_nothing_else_is_read()
    {
        var (first, count) = Seeds();
        var (crashes, operations, acknowledged) = (0L, 0L, 0L);
        for (var seed = first; seed < first + count; seed++)
        {
            var result = RunSeed(seed);
            crashes += result.Crashes;
            operations += result.Operations;
            acknowledged += result.Acknowledged;
        }

        output.WriteLine($"{count} seeds, {crashes} crashes, {operations} disk operations, {acknowledged} records acknowledged and none lost");
        Assert.True(acknowledged > 0);
    }

    [Fact]
    public void The_same_seed_gives_the_same_trace()
    {
        for (var seed = 1ul; seed <= 50; seed++)
            Assert.Equal(new LogSimulation(seed).Run(), new LogSimulation(seed).Run());
    }

    [Fact]
    public void A_bit_that_flips_on_the_disk_is_told_or_changes_nothing()
    {
        var told = 0;
        for (var seed = 1ul; seed <= FlipSeeds; seed++)
        {
            var simulation = new LogSimulation(seed);
            simulation.Run();
            told += simulation.FlipBit() ? 1 : 0;
        }

        output.WriteLine($"{told} of {FlipSeeds} flips were told, the others hit derived data or bytes never acknowledged");
        Assert.True(told > 0);
    }

    public static TheoryData<string> Bugs => [.. PlantedBugs.All.Keys];

    [Theory]
    [MemberData(nameof(Bugs))]
    public void Finds_a_log_that(string bug)
    {
        for (var seed = 1ul; seed <= PlantedSeeds; seed++)
        {
            try
            {
                new LogSimulation(seed, PlantedBugs.All[bug]).Run();
            }
            catch (Exception found) when (found is ViolationException or LogException)
            {
                output.WriteLine($"found by seed {seed}: {found.Message}");
                return;
            }
        }

        Assert.Fail($"A log that {bug} passed {PlantedSeeds} seeds.");
    }

    private static SimulationResult RunSeed(ulong seed)
    {
        try
        {
            return new LogSimulation(seed).Run();
        }
        catch (Exception error)
        {
            // Whatever it is: the seed makes it happen again.
            throw new InvalidOperationException($"Seed {seed} failed: {error.Message} Replay it with LEAT_SEED={seed}.", error);
        }
    }

    private static (ulong First, ulong Count) Seeds()
    {
        var culture = System.Globalization.CultureInfo.InvariantCulture;
        if (Environment.GetEnvironmentVariable("LEAT_SEED") is { Length: > 0 } one)
            return (ulong.Parse(one, culture), 1);
        var count = Environment.GetEnvironmentVariable("LEAT_SEEDS") is { Length: > 0 } many ? ulong.Parse(many, culture) : OrdinarySeeds;
        return (1, count);
    }
}
