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
    public async Task A_disk_that_is_too_small_stops_capture_alone_until_it_is_larger()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "mounting a small disk needs root");
        await using var rig = await ShopRig.StartAsync(seed: 1, customers: 50);
        await using var disk = await SmallDisk.MountAsync(rig.LogFolder, mebibytes: 2, Cancelled);
        rig.Open(transactionsPerSecond: null);

        await using var leat = LeatProcess.Run(ShopRig.Sample, FreePorts.Next(), rig.Environment);
        var full = await leat.WaitForStatusAsync(status => status.GetProperty("sources")[0].GetProperty("state").GetString() == "blocked", Limit, Cancelled);
        AssertSays(
            $@"^Source 'shop' is not captured for now: the disk under the log folder {rig.LogFolder} is nearly full, [12]\.\dMiB are free\. "
            + @"Make room there\. Delivery goes on meanwhile, nothing is lost, and capture goes on by itself\. \[LEAT-3064\]$",
            full.GetProperty("sources")[0].GetProperty("reason").GetString() ?? "");

        await rig.CloseAsync();
        await disk.GrowAsync(mebibytes: 512);
        await rig.WaitUntilDeliveredAsync(leat);
        Assert.Equal(0, (await leat.StopAsync(Cancelled)).ExitCode);
        var (same, table, differences) = await LeatProcess.RunToEndAsync(rig.Environment, Cancelled, "compare", ShopRig.Sample);
        Assert.True(same == 0, table + differences);
    }

    [Fact]
    public async Task A_damaged_stream_blocks_the_pipeline_that_needs_it_and_no_other()
    {
        await using var rig = await ShopRig.StartAsync(seed: 1, customers: 50);
        await using (var leat = LeatProcess.Run(ShopRig.Sample, FreePorts.Next(), rig.Environment))
        {
            await rig.WaitUntilDeliveredAsync(leat);
            Assert.Equal(0, (await leat.StopAsync(Cancelled)).ExitCode);
        }

        var manifest = Path.Combine(rig.LogFolder, "shop-copy.checkpoints-0", "manifest");
        FlipByte(manifest, at: 40);
        await using var damaged = LeatProcess.Run(ShopRig.Sample, FreePorts.Next(), rig.Environment);
        var blocked = await damaged.WaitForStatusAsync(
            status => StateOf(status, "shop-copy") == "blocked" && StateOf(status, "shop-redis") == "live" && StateOf(status, "shop-files") == "live"
                && status.GetProperty("sources")[0].GetProperty("state").GetString() == "live",
            Limit, Cancelled);

        AssertSays($@"^{manifest} is damaged: .* \[LEAT-2007\]$", ReasonOf(blocked, "shop-copy") ?? "");
        Assert.Equal(0, (await damaged.StopAsync(Cancelled)).ExitCode);
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
            "Correct 'user' or 'password', or set the password on the server: ALTER USER 'leat'@'%' IDENTIFIED BY '…'. An account that REQUIREs SSL also needs 'tls'.",
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
}
