using System.Globalization;
using Leat.Demo;
using Xunit;

namespace Leat.IntegrationTests.EndToEnd;

/// <summary>The tools of the log as an operator uses them: beside a running Leat, after a kill, after damage. No server is needed.</summary>
public sealed class LogToolTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly string _folder = Directory.CreateTempSubdirectory("leat-tools-").FullName;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private string Log => Path.Combine(_folder, "log");

    [Fact]
    public async Task A_backup_of_a_running_Leat_is_restored_and_goes_on()
    {
        var (backup, restored) = (Path.Combine(_folder, "backup"), Path.Combine(_folder, "restored"));
        await using (var leat = await RunningAsync(Write("leat.yaml", Log)))
        {
            Assert.Equal((0, ""), await ToolAsync("log", "verify", "--log", Log));
            Assert.Equal((0, ""), await ToolAsync("log", "backup", backup, "--log", Log));
            Assert.Equal((0, ""), await ToolAsync("log", "verify", "--log", Log));
            Assert.Equal(0, (await leat.StopAsync(Cancelled)).ExitCode);
        }

        Assert.Equal((0, ""), await ToolAsync("log", "restore", backup, restored));
        Assert.Equal((0, ""), await ToolAsync("log", "verify", "--file", Write("restored.yaml", restored)));
        var before = await LinesAsync(restored);
        Assert.True(before > 0);
        await using var again = await RunningAsync(Path.Combine(_folder, "restored.yaml"), changes: before + 100);
        Assert.Equal(0, (await again.StopAsync(Cancelled)).ExitCode);
        LogContents.AssertNothingTwice(restored, "shop");
    }

    [Fact]
    public async Task Damage_is_found_repaired_and_capture_goes_on()
    {
        var file = Write("leat.yaml", Log);
        await using (var leat = await RunningAsync(file))
            await leat.KillAsync(Cancelled);
        var segment = Path.Combine(Log, "shop-0", 0.ToString("D20", CultureInfo.InvariantCulture) + ".log");
        var bytes = await File.ReadAllBytesAsync(segment, Cancelled);
        bytes[^(bytes.Length / 2)] ^= 1;
        await File.WriteAllBytesAsync(segment, bytes, Cancelled);

        Assert.Equal(4, (await ToolAsync("log", "verify", "--log", Log)).ExitCode);
        Assert.Equal(4, (await ToolAsync("log", "repair", "shop", "--log", Log)).ExitCode);
        Assert.Equal((0, ""), await ToolAsync("log", "repair", "shop", "--apply", "--log", Log));
        Assert.Equal((0, ""), await ToolAsync("log", "verify", "--log", Log));

        var before = await LinesAsync(Log);
        await using var again = await RunningAsync(file, changes: before + 100);
        Assert.Equal(0, (await again.StopAsync(Cancelled)).ExitCode);
    }

    [Fact]
    public async Task A_running_Leat_is_not_repaired()
    {
        await using var leat = await RunningAsync(Write("leat.yaml", Log));

        var (code, told) = await ToolAsync("log", "repair", "shop", "--apply", "--log", Log);

        Assert.Equal(3, code);
        Assert.Equal($"error: The log folder {Log} is in use by another process. [LEAT-2001]\n  Stop that process, or give this one a log folder of its own.\n", told);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Write(string name, string log)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllText(path, $$"""
            log: { folder: "{{log}}" }
            sources: { shop: { simulator: { seed: 1, rows_per_second: 2000 } } }
            pipelines: { files: { from: shop, tables: { orders: shop.orders }, sink: { jsonlines: { folder: "{{log}}-files" } } } }
            """);
        return path;
    }

    // A Leat that has captured so many changes.
    private async Task<LeatProcess> RunningAsync(string file, long changes = 1000)
    {
        var leat = LeatProcess.Run(file, FreePorts.Next(), new Dictionary<string, string>());
        var log = file.Contains("restored", StringComparison.Ordinal) ? Path.Combine(_folder, "restored") : Log;
        await leat.WaitForStatusAsync(status => status.GetProperty("sources")[0].GetProperty("state").GetString() == "live", Limit, Cancelled);
        while (await LinesAsync(log) < changes)
            Assert.False(leat.HasExited);
        return leat;
    }

    private static async Task<long> LinesAsync(string log)
    {
        var (code, output, error) = await LeatProcess.RunToEndAsync(new Dictionary<string, string>(), Cancelled, "log", "dump", "shop", "--keys", "--log", log);
        Assert.True(code == 0, error);
        return output.Count(letter => letter == '\n');
    }

    // What it says besides data, without the sentence that tells that all went well.
    private static async Task<(int ExitCode, string Error)> ToolAsync(params string[] arguments)
    {
        var (code, output, error) = await LeatProcess.RunToEndAsync(new Dictionary<string, string>(), Cancelled, arguments);
        return (code, code == 0 ? "" : output.Length > 0 ? output : error);
    }
}
