using Xunit;

namespace Leat.Simulation.Log;

/// <summary>Bugs of the log that the simulation found, each with the scenario that was left after reduction. They stay fixed.</summary>
public sealed class FoundBugTests
{
    [Fact]
    public void The_copy_of_what_a_start_cuts_is_there_when_the_power_goes_before_the_cut() => Run("""
        disk
        stream sync=1
        start dice=1
        append stream=0 records=1 bytes=0 dice=1
        step dice=1
        cut dice=1
        plancut after=9 dice=1
        start dice=3
        """);

    private static void Run(string scenario) => new LogSimulation(Scenario.Parse(scenario)).Run();
}
