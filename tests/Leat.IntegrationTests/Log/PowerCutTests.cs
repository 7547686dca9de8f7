using System.Diagnostics;
using System.Globalization;
using Xunit;

namespace Leat.IntegrationTests.Log;

/// <summary>The power goes on a real file system while a log runs on it. Skipped where no ext4 can be mounted from a file: it takes root.</summary>
public sealed class PowerCutTests
{
    private const int Cycles = 20;

    [Fact]
    public async Task After_each_power_cut_all_that_was_acknowledged_is_there()
    {
        await using var disk = await LoopDisk.TryCreateAsync(mebibytes: 64);
        Assert.SkipUnless(disk is not null, "an ext4 file system cannot be mounted from a file here: it takes root, loop devices and mkfs.ext4");
        var seed = int.TryParse(Environment.GetEnvironmentVariable("LEAT_SEED"), NumberStyles.None, CultureInfo.InvariantCulture, out var wanted) ? wanted : Random.Shared.Next();
        var cycles = int.TryParse(Environment.GetEnvironmentVariable("LEAT_CUTS"), NumberStyles.None, CultureInfo.InvariantCulture, out var asked) ? asked : Cycles;
        var random = new Random(seed);
        var folder = Path.Combine(disk.Folder, "log");
        var history = new ScenarioHistory();
        for (var cycle = 0; cycle < cycles; cycle++)
        {
            // The first start of all lasts long enough to have something to lose.
            var (run, certain) = await RunUntilAsync(folder, lines: cycle == 0 ? 30 : random.Next(80), disk.CutPower);
            await disk.UnmountAsync();
            Assert.True(await disk.MountAsync(), $"cycle {cycle}: the file system cannot be mounted again");
            history.Add(run, certain);
            Assert.True(run.ExitCode is 0 or LogScenario.Failed, $"cycle {cycle}, seed {seed}: exit code {run.ExitCode}: {run.Errors}");
            // A copy is looked at: the next cycle's process shall find the folder as the cut left it.
            var copy = Path.Combine(disk.Folder, $"copy-{cycle}");
            Copy(folder, copy);
            history.Check(copy, $"cycle {cycle}, seed {seed}");
            Directory.Delete(copy, recursive: true);
        }

        Console.WriteLine($"power cuts: {cycles} on ext4, {history.Acknowledged} records acknowledged and none lost, seed {seed}");
        Assert.True(history.Acknowledged > 30, $"{history.Acknowledged} records");
    }

    [Fact]
    public async Task A_disk_that_cannot_be_written_to_is_told_at_start_and_works_once_it_can()
    {
        await using var disk = await LoopDisk.TryCreateAsync(mebibytes: 16);
        Assert.SkipUnless(disk is not null, "an ext4 file system cannot be mounted from a file here: it takes root, loop devices and mkfs.ext4");
        var folder = Path.Combine(disk.Folder, "log");
        var history = new ScenarioHistory();
        history.Add(await ScenarioProcess.RunAsync(folder));
        await disk.UnmountAsync();
        Assert.True(await disk.MountAsync("loop,ro"));

        var error = Assert.Throws<Leat.Log.LogException>(() => LogScenario.Open(folder, new LogScenario.OneThread()));

        Assert.Equal($"open of {Path.Combine(folder, "lock")} failed: Read-only file system.", error.InnerException?.Message);
        await disk.UnmountAsync();
        Assert.True(await disk.MountAsync());
        history.Check(folder, "writable again");
    }

    // Cuts after so many lines, or when the run has ended.
    private static async Task<(ScenarioProcess Run, int Certain)> RunUntilAsync(string folder, int lines, Action cut)
    {
        var start = new ProcessStartInfo("dotnet", [typeof(ScenarioProcess).Assembly.Location, LogScenario.Argument, folder])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        };
        using var process = Process.Start(start);
        Assert.NotNull(process);
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var told = new List<string>();
        while (told.Count < lines && await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
            told.Add(line);
        var certain = told.Count;
        cut();
        while (await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
            told.Add(line);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (new(process.ExitCode, told, await errors), certain);
    }

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        if (!Directory.Exists(from))
            return;
        foreach (var file in Directory.GetFiles(from))
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        foreach (var folder in Directory.GetDirectories(from))
            Copy(folder, Path.Combine(to, Path.GetFileName(folder)));
    }
}
