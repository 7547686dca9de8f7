using Leat.Connectors.Simulator;
using Leat.Demo;
using Xunit;

namespace Leat.IntegrationTests.Demo;

/// <summary>The shop in MariaDB is the shop in memory, whatever happened in between.</summary>
public sealed class ShopTrafficTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_server_holds_what_the_shop_says_after_a_thousand_transactions()
    {
        await using var server = await TestServers.MariaDbAsync("--innodb-flush-log-at-trx-commit=2");
        await using var traffic = await ShopTraffic.OpenAsync(
            new() { Host = "127.0.0.1", Port = server.Port, User = "root" }, seed: 7, customers: 30, TimeProvider.System, Cancelled);
        await traffic.FillAsync(Cancelled);
        using var stop = new CancellationTokenSource();
        var running = traffic.RunAsync(perSecond: null, stop.Token);
        while (traffic.Transactions < 1_000)
            await server.QueryAsync("SELECT 1", Cancelled);
        await stop.CancelAsync();
        await running;

        var shop = new ShopWorkload(7, 30);
        shop.RunTo(traffic.Transactions);
        foreach (var table in ShopSchema.Tables)
        {
            var expected = shop.Rows(table).Select(row => row.Id.ToString(System.Globalization.CultureInfo.InvariantCulture));
            var found = await server.QueryAsync($"SELECT id FROM {table.Table} ORDER BY id", Cancelled);
            Assert.Equal(expected, found.Select(row => row[0]));
        }

        var orders = await server.QueryAsync("SELECT CONCAT_WS('|', id, status, total, items) FROM shop.orders ORDER BY id", Cancelled);
        Assert.Equal(
            shop.Rows(ShopSchema.Orders).Cast<ShopOrder>().Select(order => FormattableString.Invariant($"{order.Id}|{order.Status}|{order.Total:0.00}|{order.Items}")),
            orders.Select(row => row[0]));
    }
}
