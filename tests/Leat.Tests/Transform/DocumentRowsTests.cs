using System.Globalization;
using Leat.Changes;
using Leat.Transform.Plan;
using Leat.Transform.Plan.Documents;
using Leat.Transform.Plan.Rules;
using Xunit;
using static Leat.Tests.Transform.DocumentShop;

namespace Leat.Tests.Transform;

/// <summary>Rows of the tables that documents are made of: their own rules, and images that tell only a part of them.</summary>
public sealed class DocumentRowsTests
{
    private static readonly DocumentRule WithItems = new()
    {
        Root = "orders",
        Nest = [new() { As = "items", From = "order_items", On = On(("order_id", "id")), Fields = [new("id", "id"), new("label", "sku")], Location = Here }],
        Location = Here,
    };

    [Theory]
    [InlineData("FULL")]
    [InlineData("MINIMAL")]
    [InlineData("NOBLOB")]
    public void Computed_columns_of_a_table_are_made_before_the_join(string rowImage)
    {
        var items = Take(DocumentShop.Items) with { Set = [Set("sku", "upper(sku)")] };
        using var shop = new DocumentShop(WithItems, [Take(Orders, columns: ["id"]), items], Orders, DocumentShop.Items) { RowImage = rowImage };

        shop.Commit("insert orders 1 1 x null", "insert order_items 11 1 a 2");
        Assert.Equal("""1: {"id":1,"items":[{"id":11,"label":"A"}]}""", shop.Documents());
        shop.Commit("update order_items 11 qty=3", "update order_items 11 sku=b");
        Assert.Equal("""1: {"id":1,"items":[{"id":11,"label":"B"}]}""", shop.Documents());
        Assert.DoesNotContain(shop.Plan.Describe().Inputs[1].Columns, column => column.Name == "qty");
    }

    [Fact]
    public void Rows_that_the_condition_of_their_table_leaves_out_are_not_held()
    {
        using var shop = new DocumentShop(WithItems, [Take(Orders, columns: ["id"]), Take(DocumentShop.Items, where: "qty > 1")], Orders, DocumentShop.Items);

        shop.Commit("insert orders 1 1 x null", "insert order_items 11 1 a 1", "insert order_items 12 1 b 2");
        Assert.Equal(1, shop.Plan.Rows("order_items"));
        shop.Commit("update order_items 11 qty=5", "update order_items 12 qty=0");

        Assert.Equal("""1: {"id":1,"items":[{"id":11,"label":"a"}]}""", shop.Documents());
        Assert.Equal(0, shop.Plan.Retractions);
    }

    [Theory]
    [InlineData("sku=b", "Filtered")] // tells nothing that the condition looks at: it was left out, and still is
    [InlineData("qty=0", "Filtered")]
    [InlineData("qty=5", "LEAT-1260")]
    public void A_short_image_of_a_row_that_was_left_out_decides_when_it_can(string change, string expected)
    {
        using var shop = new DocumentShop(WithItems, [Take(Orders, columns: ["id"]), Take(DocumentShop.Items, where: "qty > 1")], Orders, DocumentShop.Items) { RowImage = "MINIMAL" };
        shop.Commit("insert orders 1 1 x null", "insert order_items 11 1 a 1");

        var result = Xunit.Record.Exception(() => Assert.Equal(ApplyResult.Filtered, shop.Apply($"update order_items 11 {change}")));

        Assert.Equal(expected, result is LeatException error ? error.Code.ToString() : result is null ? "Filtered" : result.Message);
    }

    [Fact]
    public void A_transaction_that_touches_more_than_can_be_noted_is_told_and_what_ended_is_noted_no_more()
    {
        const int Noted = (16 << 20) / 128;
        using var shop = new DocumentShop(
            new() { Root = "orders", StateBytes = 64 << 20, Location = Here }, [Take(Orders, columns: ["id"])], Orders);
        for (var id = 0; id < Noted; id++)
            shop.Apply($"insert orders {id} 1 x null");
        shop.Plan.EndTransaction();
        Assert.InRange(shop.Plan.Backlog, (Noted / 2) - 2, (Noted / 2) + 2); // further ones wait
        shop.Drain();
        Assert.Equal((Noted, Noted), (shop.Target.Count, shop.Log.Count));
        shop.Commit("insert orders -1 1 x null");
        for (var id = 0; id < Noted; id++)
            shop.Apply($"delete orders {id}");

        var error = Assert.Throws<PauseException>(() => shop.Apply("delete orders -1"));

        Assert.Equal(
            "One transaction of the source touches more documents than can be noted until it ends: 16,777,216 bytes are for that, beside the 67,108,864 bytes for rows. Nothing of the transaction "
            + "was sent. Raise `state` in the pipeline's `document` block: a quarter as much is for the notes. Then start again. [LEAT-1274]",
            error.Message);
    }

    [Fact]
    public void Rows_that_grow_for_a_long_time_leave_no_memory_behind()
    {
        const int Orders = 2_000;
        using var shop = new DocumentShop(new() { Root = "orders", Location = Here }, [Take(DocumentShop.Orders)], DocumentShop.Orders);
        shop.Commit([.. Enumerable.Range(0, Orders).Select(id => $"insert orders {id} 1 x null")]);
        var most = 0L;
        for (var length = 200; length <= 3_000; length += 200)
        {
            shop.Commit([.. Enumerable.Range(0, Orders).Select(id => $"update orders {id} note={new string('n', length)}")]);
            most = Math.Max(most, shop.Plan.StateBytes);
        }

        Assert.InRange(most, Orders * 3_000, 2.5 * Orders * 3_000);
        Assert.All(shop.Target.Values, document => Assert.Contains(new string('n', 3_000), document, StringComparison.Ordinal));
    }

    // The source is asked as of now; the stream tells later that the row was deleted.
    [Theory]
    [InlineData(true, 0)]
    [InlineData(false, 1)]
    public void The_end_of_a_row_that_was_swept_away_is_no_loss_even_after_a_restart(bool isRemembered, int retractions)
    {
        using var shop = new DocumentShop(WithItems, [Take(Orders, columns: ["id"]), Take(DocumentShop.Items)], Orders, DocumentShop.Items);
        shop.Commit("insert orders 1 1 x null", "insert order_items 11 1 a 1");

        shop.Plan.Remove(DocumentShop.Items.Table, Leat.Tests.Changes.Rows.Encode(DocumentShop.Items, [11, 1, "a", 1]), 3, 0);
        shop.Commit();
        Assert.Equal("""1: {"id":1,"items":[]}""", shop.Documents());
        var swept = shop.Plan.Swept;
        Assert.Single(swept);
        shop.Restart();
        shop.Plan.RememberSwept(isRemembered ? swept : []);
        shop.Commit("delete order_items 11");

        Assert.Equal((retractions, retractions > 0), (shop.Plan.Retractions, shop.Plan.IsSuspect));
        Assert.Empty(shop.Plan.Swept);
    }

    [Fact]
    public void Operations_that_are_not_followed_leave_what_is_held()
    {
        var items = Take(DocumentShop.Items) with { When = FollowedOperations.Insert | FollowedOperations.Update };
        using var shop = new DocumentShop(WithItems, [Take(Orders, columns: ["id"]), items], Orders, DocumentShop.Items);

        shop.Commit("insert orders 1 1 x null", "insert order_items 11 1 a 1");
        shop.Commit("delete order_items 11");

        Assert.Equal("""1: {"id":1,"items":[{"id":11,"label":"a"}]}""", shop.Documents());
    }

    [Fact]
    public void Every_change_is_filtered_folded_or_planned()
    {
        using var shop = new DocumentShop(WithItems, [Take(Orders, columns: ["id"]), Take(DocumentShop.Items, where: "qty > 1")], Orders, DocumentShop.Items);

        Assert.Equal(
            [ApplyResult.Folded, ApplyResult.Filtered, ApplyResult.Planned, ApplyResult.Folded, ApplyResult.Folded, ApplyResult.Planned],
            new[] { "insert order_items 11 1 a 2", "insert order_items 12 1 b 1", "insert orders 1 1 x null", "update orders 1 note=y", "update order_items 11 sku=c", "insert orders 2 1 x null" }.Select(shop.Apply));
    }

    [Fact]
    public void Short_images_make_the_same_documents_as_full_ones()
    {
        var rule = new DocumentRule
        {
            Root = "orders",
            Where = Written("type < 3 AND count(items) < 4"),
            Merge = [new() { From = "customers", On = On(("id", "customer_id")), As = "customer", Location = Here }],
            Nest =
            [
                new()
                {
                    As = "items", From = "order_items", On = On(("order_id", "id")), Order = [("qty", true)], Location = Here, Where = Written("qty IS NOT NULL"),
                    Nest = [new() { As = "parts", From = "parts", On = On(("item_id", "id")), Form = NestForm.Map, Location = Here }],
                },
            ],
            Set = [Set("title", "upper(note)"), Set("pieces", "sum(items.qty)")],
            Location = Here,
        };
        for (var seed = 1; seed <= 25; seed++)
        {
            using var full = Shop(rule, "FULL");
            using var minimal = Shop(rule, "MINIMAL");
            using var noBlob = Shop(rule, "NOBLOB");
            var random = new Random(seed);
            var live = new Dictionary<string, HashSet<int>> { ["orders"] = [], ["order_items"] = [], ["customers"] = [], ["parts"] = [] };
            for (var transaction = 0; transaction < 25; transaction++)
            {
                var statements = Enumerable.Range(0, random.Next(1, 5)).Select(_ => Statement(random, live)).ToArray();
                foreach (var shop in new[] { full, minimal, noBlob })
                {
                    shop.Commit(statements);
                    if (random.Next(4) == 0)
                        shop.Restart();
                }

                Assert.Equal((seed, transaction, full.Documents()), (seed, transaction, minimal.Documents()));
                Assert.Equal((seed, transaction, full.Documents()), (seed, transaction, noBlob.Documents()));
            }

            Assert.Equal((0, 0, 0), (full.Plan.Retractions, minimal.Plan.Retractions, noBlob.Plan.Retractions));
        }
    }

    private static string Statement(Random random, Dictionary<string, HashSet<int>> live)
    {
        var (table, ids) = live.ElementAt(random.Next(live.Count));
        var id = random.Next(1, 6);
        var columns = table switch { "orders" => "type i note t customer_id i", "order_items" => "order_id i sku t qty i", "customers" => "name t city t", _ => "item_id i label t" };
        var kinds = columns.Split(' ').Chunk(2).ToList();
        if (ids.Add(id))
            return $"insert {table} {id} {string.Join(' ', kinds.Select(kind => Value(random, kind[1])))}";

        if (random.Next(3) == 0)
        {
            ids.Remove(id);
            return $"delete {table} {id}";
        }

        if (random.Next(4) == 0 && ids.Add(id + 10))
        {
            ids.Remove(id);
            return $"update {table} {id} id={id + 10}";
        }

        return $"update {table} {id} {string.Join(' ', kinds.Where(_ => random.Next(2) == 0).Select(kind => $"{kind[0]}={Value(random, kind[1])}"))}".TrimEnd();
    }

    private static string Value(Random random, string kind) => random.Next(6) == 0 ? "null"
        : kind == "i" ? random.Next(1, 6).ToString(CultureInfo.InvariantCulture)
        : ((char)('a' + random.Next(4))).ToString();

    private static DocumentShop Shop(DocumentRule rule, string rowImage) => new(
        rule, [Take(Orders, columns: ["id"]), Take(DocumentShop.Items), Take(Customers), Take(Parts)], Orders, DocumentShop.Items, Customers, Parts) { RowImage = rowImage };
}
