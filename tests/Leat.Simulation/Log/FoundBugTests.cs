using Leat.Log;
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

    [Fact]
    public void An_epoch_that_was_told_is_not_taken_back() => Run("""
        disk
        stream
        stream
        stream
        start dice=1
        planwriteerror after=3 dice=1
        append stream=1 records=1 bytes=0 dice=1
        begin stream=0 records=1 bytes=0 dice=1
        step dice=1
        step dice=2
        append stream=1 records=1 bytes=0 dice=1
        step dice=1
        plankill after=29 dice=1
        start dice=1
        start dice=1
        cut dice=3
        """);

    [Fact]
    public void A_cut_that_was_told_is_not_made_again() => Run("""
        disk
        stream sync=1 compression=4 keys=3
        start dice=1
        begin stream=0 records=1 bytes=0 dice=1
        close dice=1
        start dice=1
        start dice=1
        append stream=0 records=2 bytes=153 dice=1367742945
        append stream=0 records=2 bytes=63 dice=221416789
        step dice=1
        cut dice=2217639899
        plansyncerror after=6 dice=1
        start dice=1
        start dice=1
        cut dice=3
        """);

    [Fact]
    public void What_a_start_finished_is_not_swept_away_once_more() => Run("""
        disk reserve=8000
        stream age=500
        start dice=1
        step dice=2
        cut dice=2
        start dice=1
        begin stream=0 records=1 bytes=0 dice=1
        step dice=1
        start dice=1
        advance ms=501 dice=1
        append stream=0 records=1 bytes=0 dice=1
        step dice=1
        start dice=1
        plancut after=9 dice=1
        append stream=0 records=1 bytes=0 dice=1
        step dice=2
        step dice=1
        """);

    [Fact]
    public void A_manifest_that_took_another_streams_place_is_told()
    {
        var simulation = new LogSimulation(Scenario.Parse("disk\nstream\nstream"));
        simulation.Run();
        simulation.Disk.Kill();
        var files = simulation.Disk.Files.ToDictionary();
        using (var manifest = simulation.Disk.Open("/log/s0-0/manifest", DiskOpen.Replace))
            manifest.Write(0, files["/log/s1-0/manifest"].Bytes);

        var error = Assert.Throws<LogException>(() => simulation.Streams[0].Open(simulation.OpenAgain()));

        Assert.Equal(
            "/log/s0-0/manifest is damaged: it is the manifest of stream s1. Restore the log from a backup, or run 'leat log repair', which says first what it would do. "
            + "The rest of the log is untouched; nothing was cut or deleted. [LEAT-2007]", error.Message);
    }

    [Fact]
    public void An_offset_of_a_compacted_segment_that_changed_beyond_its_checksum_is_told()
    {
        var (_, wasTold) = DamageTests.RunSeed(1289);

        Assert.True(wasTold);
    }

    private static void Run(string scenario) => new LogSimulation(Scenario.Parse(scenario)).Run();
}
