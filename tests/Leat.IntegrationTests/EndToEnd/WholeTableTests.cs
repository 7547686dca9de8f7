using System.Globalization;
using System.Text.Json;
using Leat.Demo;
using Xunit;

namespace Leat.IntegrationTests.EndToEnd;

/// <summary>What every target loses when a table is truncated, and when it is read again.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class WholeTableTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_truncated_table_is_empty_at_every_target_and_filled_anew()
    {
        await using var rig = await ShopRig.StartAsync(seed: 11, customers: 300);
        var port = FreePorts.Next();
        await using var leat = LeatProcess.Run(ShopRig.Sample, port, rig.Environment);
        await rig.WaitUntilDeliveredAsync(leat);
        await rig.Servers.Redis.CommandAsync(Cancelled, "SET", "customer:index", "somebody else's");

        await rig.Servers.Source.ExecuteAsync(
            "USE shop; CREATE TEMPORARY TABLE kept AS SELECT * FROM customers WHERE id % 3 = 0; SET foreign_key_checks = 0; TRUNCATE customers; INSERT INTO customers SELECT * FROM kept",
            Cancelled);
        await rig.WaitUntilDeliveredAsync(leat);

        var (same, table, differences) = await CompareAsync(rig, port, "shop-copy");
        Assert.True(same == 0, table + differences);
        (same, table, differences) = await CompareAsync(rig, port, "shop-files");
        Assert.True(same == 0, table + differences);
        Assert.Equal("somebody else's", (await rig.Servers.Redis.CommandAsync(Cancelled, "GET", "customer:index")).Trim());
        await rig.Servers.Redis.CommandAsync(Cancelled, "DEL", "customer:index");
        (same, table, differences) = await CompareAsync(rig, port, "shop-redis");
        Assert.True(same == 0, table + differences);
    }

    [Fact]
    public async Task Reading_a_table_again_takes_rows_from_Redis_that_the_source_does_not_have()
    {
        await using var rig = await ShopRig.StartAsync(seed: 12, customers: 300);
        var port = FreePorts.Next();
        await using var leat = LeatProcess.Run(ShopRig.Sample, port, rig.Environment);
        await rig.WaitUntilDeliveredAsync(leat);
        await rig.Servers.Redis.CommandAsync(Cancelled, "HSET", "customer:4000000001", "id", "4000000001", "name", "nobody");
        await rig.Servers.Redis.CommandAsync(Cancelled, "DEL", "customer:1");

        var (done, _, error) = await LeatProcess.RunToEndAsync(
            rig.Environment, Cancelled, "snapshot", "start", ShopRig.Sample, "shop", "--tables", "shop.customers", "--server", Server(port));
        Assert.True(done == 0, error);
        await leat.WaitForStatusAsync(IsRead, Limit, Cancelled);
        await rig.WaitUntilDeliveredAsync(leat);

        var (same, table, differences) = await CompareAsync(rig, port, "shop-redis");
        Assert.True(same == 0, table + differences);
    }

    private static Task<(int Code, string Output, string Error)> CompareAsync(ShopRig rig, int port, string pipeline) =>
        LeatProcess.RunToEndAsync(rig.Environment, Cancelled, "compare", ShopRig.Sample, pipeline, "--server", Server(port));

    private static string Server(int port) => $"http://127.0.0.1:{port.ToString(CultureInfo.InvariantCulture)}";

    private static bool IsRead(JsonElement status) =>
        status.GetProperty("sources")[0] is var source && source.GetProperty("snapshots").GetArrayLength() == 0 && source.GetProperty("state").GetString() == "live";
}
