using System.Globalization;
using System.Text.Json;
using Leat.Demo;
using Xunit;

namespace Leat.IntegrationTests.EndToEnd;

/// <summary>A disk that fills up under a running Leat: capture stops in time, delivery goes on, and everything goes on once there is room.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class DiskSpaceTests
{
    private const int Mebibyte = 1024 * 1024;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private static readonly Dictionary<string, string> NoVariables = [];

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_disk_that_others_fill_stops_capture_before_it_is_full_and_nothing_is_lost()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "mounting a small disk needs root");
        var folder = Directory.CreateTempSubdirectory("leat-space-").FullName;
        try
        {
            await RunAsync(folder);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task RunAsync(string folder)
    {
        await using var disk = await SmallDisk.MountAsync(Path.Combine(folder, "log"), mebibytes: 64, Cancelled);
        var configuration = Path.Combine(folder, "leat.yaml");
        await File.WriteAllTextAsync(
            configuration,
            """
            log: { folder: log, reserve: 4MiB, segment: 1MiB }
            sources:
              shop: { simulator: { seed: 7, rows_per_second: 2000 } }
            pipelines:
              files:
                from: shop
                tables: { customers: shop.customers, orders: shop.orders }
                sink: { jsonlines: { folder: files } }
            """, Cancelled);

        await using var leat = LeatProcess.Run(configuration, FreePorts.Next(), NoVariables);
        await leat.WaitForStatusAsync(status => AppliedOf(status) > 100 && StateOf(status) != "blocked", Limit, Cancelled);

        // Less than twice the reserve is left, and far from nothing.
        var filler = disk.Fill(leaveBytes: 7 * Mebibyte);
        var stopped = await leat.WaitForStatusAsync(status => StateOf(status) == "blocked" && LagOf(status) == 0, Limit, Cancelled);
        Assert.Equal("disk_full", StreamOf(stopped).GetProperty("intake").GetString());
        Assert.EndsWith("[LEAT-3064]", stopped.GetProperty("sources")[0].GetProperty("reason").GetString(), StringComparison.Ordinal);
        Assert.Equal("live", stopped.GetProperty("pipelines")[0].GetProperty("state").GetString());
        Assert.False(stopped.GetProperty("ready").GetBoolean());
        var end = EndOf(stopped);
        var later = stopped.GetProperty("now").GetDateTimeOffset().AddSeconds(2);
        var still = await leat.WaitForStatusAsync(status => status.GetProperty("now").GetDateTimeOffset() > later, Limit, Cancelled);
        Assert.Equal((end, "blocked"), (EndOf(still), StateOf(still)));

        File.Delete(filler);
        await leat.WaitForStatusAsync(status => StateOf(status) == "live" && EndOf(status) > end && LagOf(status) < 1000, Limit, Cancelled);
        var (code, _, said) = await leat.StopAsync(Cancelled);
        Assert.True(code == 0, said);
        Assert.Contains("Source shop takes nothing new for now; delivery goes on", said, StringComparison.Ordinal);
        Assert.Contains("what is new is taken again", said, StringComparison.Ordinal);
        Assert.DoesNotContain("LEAT-2004", said, StringComparison.Ordinal);

        var (same, table, differences) = await LeatProcess.RunToEndAsync(NoVariables, Cancelled, "compare", configuration);
        Assert.True(same == 0, string.Create(CultureInfo.InvariantCulture, $"{same}: {table}{differences}"));
        JsonLinesFile.AssertNothingTwice(Path.Combine(folder, "files", "orders.jsonl"));
    }

    private static JsonElement StreamOf(JsonElement status) => status.GetProperty("sources")[0].GetProperty("stream");

    private static string? StateOf(JsonElement status) => status.GetProperty("sources")[0].GetProperty("state").GetString();

    private static long EndOf(JsonElement status) => status.GetProperty("sources")[0].GetProperty("end_offset").GetInt64();

    private static long LagOf(JsonElement status) => status.GetProperty("pipelines")[0].GetProperty("lag_rows").GetInt64();

    private static long AppliedOf(JsonElement status) =>
        status.GetProperty("pipelines")[0].GetProperty("accounting").GetProperty("applied").GetInt64();
}
