using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Leat.Demo;
using Xunit;

namespace Leat.IntegrationTests.EndToEnd;

/// <summary>What the whole program says, word for word, when the world is not as it should be, and that it goes on once it is.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class BadInputTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_taken_port_is_named_with_one_that_is_free()
    {
        await using var rig = await ShopRig.StartAsync(seed: 1, customers: 5);
        var port = rig.Servers.Redis.Port;

        await using var leat = LeatProcess.Run(ShopRig.Sample, port, rig.Environment);
        var (code, _, said) = await leat.EndAsync(Cancelled);

        Assert.Equal(3, code);
        AssertSays(
            $@"Port {port} of 127\.0\.0\.1, where Leat serves its status, is in use by another process\. \[LEAT-5010\]\n"
            + $@"  Start with --port \d+, which is free, or let Leat choose with --port 0\.\n$",
            said);
        Assert.DoesNotContain("Exception", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_Redis_that_is_down_at_start_is_waited_for()
    {
        await using var rig = await ShopRig.StartAsync(seed: 1, customers: 5);
        var address = rig.Servers.Redis.Address;
        await rig.Servers.Redis.KillAsync();

        await using var leat = LeatProcess.Run(ShopRig.Sample, FreePorts.Next(), rig.Environment);
        var waiting = await leat.WaitForStatusAsync(
            status => StateOf(status, "shop-redis") == "retrying" && StateOf(status, "shop-copy") == "live", Limit, Cancelled);

        Assert.Equal(
            $"Redis at {address} cannot be reached: Connection refused. Start it, or correct `address`; Leat tries again by itself. [LEAT-4200]",
            ReasonOf(waiting, "shop-redis"));

        await rig.Servers.Redis.RestartAsync(Cancelled);
        await rig.WaitUntilDeliveredAsync(leat);
    }

    [Fact]
    public async Task A_full_disk_under_the_log_stops_it_with_nothing_lost()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "mounting a small disk needs root");
        await using var rig = await ShopRig.StartAsync(seed: 1, customers: 50);
        await using var disk = await SmallDisk.MountAsync(rig.LogFolder, mebibytes: 2);
        rig.Open(transactionsPerSecond: null);

        await using (var leat = LeatProcess.Run(ShopRig.Sample, FreePorts.Next(), rig.Environment))
        {
            var (code, _, said) = await leat.EndAsync(Cancelled);
            Assert.Equal(3, code);
            AssertSays(
                $@"The log in {rig.LogFolder} stopped: the disk is full \(\w+ of {rig.LogFolder}/[^ ]+ failed: No space left on device\)\. \[LEAT-2004\]\n"
                + @"  Free space there or move the folder to a larger disk, then start again\. Nothing captured is lost\.",
                said);
        }

        await rig.CloseAsync();
        await disk.GrowAsync(mebibytes: 512);
        await using var again = LeatProcess.Run(ShopRig.Sample, FreePorts.Next(), rig.Environment);
        await rig.WaitUntilDeliveredAsync(again);
        Assert.Equal(0, (await again.StopAsync(Cancelled)).ExitCode);
        var (same, table, differences) = await LeatProcess.RunToEndAsync(rig.Environment, Cancelled, "compare", ShopRig.Sample);
        Assert.True(same == 0, table + differences);
    }

    [Fact]
    public async Task A_corrupt_segment_is_named_at_start_with_its_bytes()
    {
        await using var rig = await ShopRig.StartAsync(seed: 1, customers: 50);
        await using (var leat = LeatProcess.Run(ShopRig.Sample, FreePorts.Next(), rig.Environment))
        {
            await rig.WaitUntilDeliveredAsync(leat);
            Assert.Equal(0, (await leat.StopAsync(Cancelled)).ExitCode);
        }

        var segment = Directory.EnumerateFiles(Path.Combine(rig.LogFolder, "shop-0"), "*.log").Order(StringComparer.Ordinal).First();
        FlipByte(segment, at: new FileInfo(segment).Length / 2);
        await using var damaged = LeatProcess.Run(ShopRig.Sample, FreePorts.Next(), rig.Environment);
        var (code, _, said) = await damaged.EndAsync(Cancelled);

        Assert.NotEqual(0, code);
        AssertSays(
            $@"{segment} is damaged: bytes \d+ to \d+ should hold offsets \d+ to \d+, which were durable, and do not\. \[LEAT-2005\]\n"
            + @"  Run 'leat log verify shop' to see all of it; then restore the log from a backup, or run 'leat log repair shop', which says first what would be lost\. "
            + @"The rest of the log is untouched; nothing was cut or deleted\.",
            said);
    }

    [Fact]
    public async Task A_wrong_password_is_told_by_check_with_what_to_correct()
    {
        await using var rig = await ShopRig.StartAsync(seed: 1, customers: 5);
        var wrong = new Dictionary<string, string>(rig.Environment) { ["LEAT_DEMO_PASSWORD"] = "canary" };

        var (code, findings, said) = await LeatProcess.RunToEndAsync(wrong, Cancelled, "check", ShopRig.Sample, "--json");

        Assert.Equal(3, code);
        var port = rig.Servers.Source.Port;
        var finding = FindingsOf(findings).First(item => item.GetProperty("code").GetString() == "LEAT-4002");
        Assert.Equal(
            $"Source 'shop' cannot sign in at 127.0.0.1:{port} as 'leat': Access denied for user 'leat'@'127.0.0.1' (using password: YES).",
            finding.GetProperty("message").GetString());
        Assert.Equal(
            "Correct 'user' or 'password', or set the password on the server: ALTER USER 'leat'@'%' IDENTIFIED BY '…'.",
            finding.GetProperty("remedy").GetString());
        Assert.DoesNotContain("canary", findings + said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_healthy_shop_passes_the_check()
    {
        await using var rig = await ShopRig.StartAsync(seed: 1, customers: 5);

        var (code, table, said) = await LeatProcess.RunToEndAsync(rig.Environment, Cancelled, "check", ShopRig.Sample);

        Assert.True(code == 0, table + said);
    }

    private static void AssertSays(string pattern, string said) => Assert.True(Regex.IsMatch(said, pattern), $"{pattern}\nis not in\n{said}");

    private static string? StateOf(JsonElement status, string pipeline) => PipelineOf(status, pipeline).GetProperty("state").GetString();

    private static string? ReasonOf(JsonElement status, string pipeline) => PipelineOf(status, pipeline).GetProperty("reason").GetString();

    private static JsonElement PipelineOf(JsonElement status, string name) =>
        status.GetProperty("pipelines").EnumerateArray().First(pipeline => pipeline.GetProperty("name").GetString() == name);

    private static JsonElement[] FindingsOf(string envelope) => [.. JsonDocument.Parse(envelope).RootElement.GetProperty("findings").EnumerateArray()];

    private static void FlipByte(string file, long at)
    {
        using var stream = File.Open(file, FileMode.Open, FileAccess.ReadWrite);
        stream.Position = at;
        var value = stream.ReadByte();
        stream.Position = at;
        stream.WriteByte((byte)(value ^ 0x40));
    }

    /// <summary>A small file system in memory, mounted on a folder.</summary>
    private sealed class SmallDisk(string folder) : IAsyncDisposable
    {
        public static async Task<SmallDisk> MountAsync(string folder, int mebibytes)
        {
            Directory.CreateDirectory(folder);
            await RunAsync("mount", "-t", "tmpfs", "-o", string.Create(CultureInfo.InvariantCulture, $"size={mebibytes}m"), "tmpfs", folder);
            return new(folder);
        }

        public Task GrowAsync(int mebibytes) =>
            RunAsync("mount", "-o", string.Create(CultureInfo.InvariantCulture, $"remount,size={mebibytes}m"), folder);

        public async ValueTask DisposeAsync() => await RunAsync("umount", "--lazy", folder);

        private static async Task RunAsync(string program, params string[] arguments)
        {
            using var process = Process.Start(program, arguments);
            await process.WaitForExitAsync(Cancelled);
            Assert.Equal(0, process.ExitCode);
        }
    }
}
