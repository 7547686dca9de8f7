using System.Text;
using Leat.Changes;
using Leat.Connectors.Simulator;
using Xunit;

namespace Leat.Tests.Simulator;

public sealed class ShopWorkloadTests
{
    [Fact]
    public void The_same_seed_gives_the_same_shop()
    {
        var (one, other) = (new ShopWorkload(7, 20), new ShopWorkload(7, 20));

        for (var i = 0; i < 2_000; i++)
        {
            var (mine, yours) = (one.Next(), other.Next());
            Assert.Equal(mine.Changes, yours.Changes);
            Assert.Equal((mine.Number, mine.At, mine.RolledBack), (yours.Number, yours.At, yours.RolledBack));
        }
    }

    [Fact]
    public void Another_seed_gives_another_shop() =>
        Assert.NotEqual(new ShopWorkload(1, 20).Next().Changes, new ShopWorkload(2, 20).Next().Changes);

    [Fact]
    public void Changes_that_were_not_rolled_back_lead_to_the_rows_told()
    {
        var shop = new ShopWorkload(3, 10);
        var mirror = ShopSchema.Tables.ToDictionary(table => table.Table, table => shop.Rows(table).ToDictionary(row => row.Id));

        for (var i = 0; i < 5_000; i++)
        {
            foreach (var change in shop.Next() is { RolledBack: false } transaction ? transaction.Changes : [])
            {
                var rows = mirror[change.Row.Schema.Table];
                if (change.Before is { } before)
                    Assert.True(rows.Remove(before.Id, out var held) && held == before);
                if (change.After is { } after)
                    rows.Add(after.Id, after);
            }
        }

        foreach (var table in ShopSchema.Tables)
            Assert.Equal(shop.Rows(table), mirror[table.Table].Values.OrderBy(row => row.Id));
    }

    [Fact]
    public void Everything_that_a_pipeline_must_bear_happens()
    {
        var shop = new ShopWorkload(1, 50);
        var transactions = Enumerable.Range(0, 2_000).Select(_ => shop.Next()).ToList();
        var changes = transactions.SelectMany(transaction => transaction.Changes).ToList();

        Assert.Contains(transactions, transaction => transaction.RolledBack);
        Assert.Contains(transactions, transaction => transaction.Changes.Count > 5);
        Assert.Contains(changes, change => change is { Before: ShopOrder before, After: ShopOrder after } && before.Id != after.Id);
        Assert.Contains(changes, change => change is { Before: ShopProduct before, After: ShopProduct after } && before.Id != after.Id);
        Assert.Contains(changes, change => change is { Before: ShopOrder, After: ShopOrder { Status: "cancelled" } });
        Assert.Contains(changes, change => change is { Before: ShopOrder { Status: "cancelled" }, After: ShopOrder { Status: "new" } });
        Assert.Contains(changes, change => change is { Before: ShopOrder, After: null });
        Assert.Contains(changes, change => change is { Before: ShopCustomer, After: null });
    }

    [Fact]
    public void The_number_of_orders_settles()
    {
        var shop = new ShopWorkload(5, 10);

        shop.RunTo(20_000);

        Assert.InRange(shop.Rows(ShopSchema.Orders).Count(), 1, 100);
    }

    [Fact]
    public void Renders_statements_that_touch_only_what_changed()
    {
        var order = new ShopOrder(17, 3, "new", 12.5m, 1, ShopWorkload.Opening, ShopWorkload.Opening, "it's a \\ test");

        Assert.Equal(
            @"INSERT INTO `shop`.`orders` VALUES (17, 3, 'new', 12.50, 1, '2026-01-05 08:00:00.000000', '2026-01-05 08:00:00.000000', 'it''s a \\ test')",
            ShopSql.Render(new(null, order)));
        Assert.Equal("UPDATE `shop`.`orders` SET `status` = 'paid' WHERE `id` = 17", ShopSql.Render(new(order, order with { Status = "paid" })));
        Assert.Equal("UPDATE `shop`.`orders` SET `id` = 18 WHERE `id` = 17", ShopSql.Render(new(order, order with { Id = 18 })));
        Assert.Equal("DELETE FROM `shop`.`orders` WHERE `id` = 17", ShopSql.Render(new(order, null)));
    }

    [Fact]
    public void Encodes_every_row_within_the_room_promised()
    {
        var shop = new ShopWorkload(9, 30);
        shop.RunTo(500);
        var bytes = new byte[ShopEncoder.MaxRowBytes];

        foreach (var row in ShopSchema.Tables.SelectMany(shop.Rows))
        {
            var reader = new RowReader(row.Schema, bytes.AsSpan(0, ShopEncoder.Write(row, bytes)));
            for (var i = 0; i < row.Values.Count; i++)
            {
                Assert.True(reader.Read());
                Assert.Equal(row.Values[i] is null, reader.IsNull);
                if (row.Values[i] is string text && row.Schema.Columns[i].Kind == ColumnKind.String)
                    Assert.Equal(text, Encoding.UTF8.GetString(reader.Bytes));
            }

            Assert.False(reader.Read());
        }
    }
}
