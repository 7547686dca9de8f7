using System.Text.Json;
using Leat.Demo;
using Leat.Connectors.Simulator;
using Xunit;

namespace Leat.IntegrationTests.EndToEnd;

/// <summary>The program reading tables: killed meanwhile, and asked to read them again.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class SnapshotKillTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Kills_in_a_parallel_snapshot_under_writes_lose_nothing_and_repeat_nothing()
    {
        const int Kills = 4;
        var seed = Random.Shared.Next();
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        await using var rig = await ShopRig.StartAsync((ulong)seed, customers: 1_000);
        var file = Configured(rig, "snapshot_readers: 2, snapshot_chunk_rows: 50, snapshot_rate: 2000");
        rig.Open(transactionsPerSecond: 200);
        var inSnapshot = 0;
        for (var kill = 0; kill < Kills; kill++)
        {
            await using var leat = LeatProcess.Run(file, FreePorts.Next(), rig.Environment);
            var status = await leat.WaitForStatusAsync(Reads, Limit, Cancelled);

            // The only honest way to a random moment is to let time pass.
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(400)), TimeProvider.System, Cancelled);
            inSnapshot += (await leat.StatusAsync(Cancelled)) is { } last && Snapshot(last).ValueKind == JsonValueKind.Object ? 1 : 0;
            var (_, _, error) = await leat.KillAsync(Cancelled);
            Assert.DoesNotContain("LEAT-", error, StringComparison.Ordinal);
            output.WriteLine($"kill {kill}: {Snapshot(status)}");
        }

        await rig.CloseAsync();
        await using (var leat = LeatProcess.Run(file, FreePorts.Next(), rig.Environment))
        {
            await rig.WaitUntilDeliveredAsync(leat);
            var (stopped, _, said) = await leat.StopAsync(Cancelled);
            Assert.True(stopped == 0, said);
        }

        var (same, table, differences) = await LeatProcess.RunToEndAsync(rig.Environment, Cancelled, "compare", file);
        Assert.True(same == 0, table + differences);
        LogContents.AssertNothingTwice(rig.LogFolder, "shop");
        foreach (var shopTable in ShopSchema.Tables)
            JsonLinesFile.AssertNothingTwice(Path.Combine(rig.Folder, "files", $"{shopTable.Table.Name}.jsonl"));
        Assert.True(inSnapshot >= Kills / 2, $"only {inSnapshot} of {Kills} kills fell into the snapshot");
    }

    [Fact]
    public async Task A_target_that_was_changed_by_hand_is_mended_by_reading_the_table_again()
    {
        await using var rig = await ShopRig.StartAsync(seed: 7, customers: 200);
        var file = Configured(rig, "snapshot_chunk_rows: 50");
        var port = FreePorts.Next();
        await using var leat = LeatProcess.Run(file, port, rig.Environment);
        await rig.WaitUntilDeliveredAsync(leat);
        await rig.Servers.Copy.ExecuteAsync("UPDATE shop_copy.customers SET id = 4000000001 WHERE id = 1; UPDATE shop_copy.customers SET city = 'Nowhere' WHERE id = 2", Cancelled);
        var (differs, _, _) = await LeatProcess.RunToEndAsync(rig.Environment, Cancelled, "compare", file, "shop-copy", "--server", Server(port));
        Assert.Equal(4, differs);
        rig.Open(transactionsPerSecond: 50);

        var (done, told, error) = await LeatProcess.RunToEndAsync(
            rig.Environment, Cancelled, "snapshot", "start", file, "shop", "--tables", "shop.customers", "--server", Server(port));
        Assert.True(done == 0, error);
        Assert.Equal("Source 'shop' reads shop.customers again. See how far it is with 'leat snapshot status'.", told.Trim());
        await leat.WaitForStatusAsync(status => Source(status).GetProperty("snapshots").GetArrayLength() == 0 && Source(status).GetProperty("state").GetString() == "live", Limit, Cancelled);
        await rig.CloseAsync();
        await rig.WaitUntilDeliveredAsync(leat);

        var (same, table, differences) = await LeatProcess.RunToEndAsync(rig.Environment, Cancelled, "compare", file, "shop-copy", "--server", Server(port));
        Assert.True(same == 0, table + differences);
        var (refused, _, why) = await LeatProcess.RunToEndAsync(
            rig.Environment, Cancelled, "snapshot", "start", file, "shop", "--tables", "shop.custmers", "--server", Server(port));
        Assert.NotEqual(0, refused);
        Assert.Contains("Source 'shop' does not capture a table shop.custmers. Did you mean 'shop.customers'? [LEAT-4087]", why, StringComparison.Ordinal);
    }

    private static string Server(int port) => $"http://127.0.0.1:{port.ToString(System.Globalization.CultureInfo.InvariantCulture)}";

    // The sample with more settings of its source.
    private static string Configured(ShopRig rig, string settings)
    {
        var file = Path.Combine(rig.Folder, "snapshot.yaml");
        var lines = settings.Split(", ").Select(line => $"      {line}");
        File.WriteAllText(file, File.ReadAllText(ShopRig.Sample).Replace("      tables: [\"shop.*\"]", $"      tables: [\"shop.*\"]\n{string.Join('\n', lines)}", StringComparison.Ordinal));
        return file;
    }

    private static bool Reads(JsonElement status) => Snapshot(status).ValueKind == JsonValueKind.Object || Source(status).GetProperty("state").GetString() == "live";

    private static JsonElement Source(JsonElement status) => status.GetProperty("sources")[0];

    private static JsonElement Snapshot(JsonElement status) => Source(status).GetProperty("snapshot");
}
