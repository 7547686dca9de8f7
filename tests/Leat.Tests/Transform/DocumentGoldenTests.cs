using Leat.Transform.Plan.Rules;
using Xunit;
using static Leat.Tests.Transform.DocumentShop;

namespace Leat.Tests.Transform;

/// <summary>Sequences whose results were computed by a database, step by step.</summary>
public sealed class DocumentGoldenTests
{
    private static readonly DocumentRule OrdersWithItems = new()
    {
        Root = "orders",
        Where = Written("type IN (1, 2)"),
        Nest = [new() { As = "items", From = "order_items", On = On(("order_id", "id")), Key = ["id"], Fields = [new("id", "id"), new("sku", "sku"), new("qty", "qty")], Location = Here }],
        Location = Here,
    };

    // Each statement, and the documents after it.
    private static readonly (string Statement, string Documents)[] Joined =
    [
        ("insert order_items 11 1 a 2", ""),
        ("insert orders 1 1 x null", "1: x [11/a/2]"),
        ("insert order_items 12 1 b 1", "1: x [11/a/2, 12/b/1]"),
        ("insert orders 2 3 y null", "1: x [11/a/2, 12/b/1]"),
        ("insert order_items 21 2 c 5", "1: x [11/a/2, 12/b/1]"),
        ("update orders 2 type=2", "1: x [11/a/2, 12/b/1]; 2: y [21/c/5]"),
        ("update order_items 12 order_id=2", "1: x [11/a/2]; 2: y [12/b/1, 21/c/5]"),
        ("update orders 1 type=3", "2: y [12/b/1, 21/c/5]"),
        ("update order_items 11 qty=9", "2: y [12/b/1, 21/c/5]"),
        ("update orders 1 type=1", "1: x [11/a/9]; 2: y [12/b/1, 21/c/5]"),
        ("delete order_items 11", "1: x []; 2: y [12/b/1, 21/c/5]"),
        ("delete orders 2", "1: x []"),
        ("insert orders 2 1 z null", "1: x []; 2: z [12/b/1, 21/c/5]"),
    ];

    public static TheoryData<string, bool> Images => new() { { "FULL", false }, { "FULL", true }, { "MINIMAL", false }, { "MINIMAL", true }, { "NOBLOB", false }, { "NOBLOB", true } };

    [Theory]
    [MemberData(nameof(Images))]
    public void Orders_with_their_items_are_right_after_every_statement(string rowImage, bool restarts)
    {
        using var shop = Shop(rowImage);

        foreach (var (statement, documents) in Joined)
        {
            shop.Commit(statement);
            if (restarts)
                shop.Restart();

            Assert.Equal((statement, documents), (statement, Short(shop)));
        }

        Assert.Equal(
            [
                "index 1@2", "index 1@3", "index 2@6", "index 1@7", "index 2@7", "delete 1@8", "index 1@10", "index 1@11", "delete 2@12", "index 2@13",
            ], shop.Log);
        Assert.False(shop.Plan.IsSuspect);
    }

    [Fact]
    public void All_of_it_in_one_transaction_emits_each_document_once()
    {
        using var shop = Shop("FULL");

        shop.Commit([.. Joined.Select(step => step.Statement)]);

        Assert.Equal(Joined[^1].Documents, Short(shop));
        Assert.Equal(["index 1@11", "index 2@13"], shop.Log);
    }

    [Fact]
    public void Every_interleaving_that_keeps_the_order_of_each_table_ends_the_same()
    {
        string[] orders = [.. Joined.Select(step => step.Statement).Where(statement => statement.Contains(" orders ", StringComparison.Ordinal))];
        string[] items = [.. Joined.Select(step => step.Statement).Where(statement => statement.Contains(" order_items ", StringComparison.Ordinal))];
        var interleavings = 0;

        foreach (var statements in Interleave(orders, items))
        {
            interleavings++;
            using var shop = Shop("FULL");
            foreach (var statement in statements)
                shop.Commit(statement);
            Assert.Equal(Joined[^1].Documents, Short(shop));
        }

        Assert.Equal(1716, interleavings); // 13 over 6
    }

    private static IEnumerable<List<string>> Interleave(ReadOnlyMemory<string> first, ReadOnlyMemory<string> second)
    {
        if (first.IsEmpty || second.IsEmpty)
            return [[.. first.ToArray(), .. second.ToArray()]];
        return Interleave(first[1..], second).Select(rest => rest.Prepend(first.Span[0]).ToList())
            .Concat(Interleave(first, second[1..]).Select(rest => rest.Prepend(second.Span[0]).ToList()));
    }

    private static DocumentShop Shop(string rowImage) =>
        new(OrdersWithItems, [Take(Orders, columns: ["id", "type", "note"]), Take(Items)], Orders, Items) { RowImage = rowImage };

    private static string Short(DocumentShop shop) => string.Join("; ", shop.Target.Select(document =>
    {
        using var json = System.Text.Json.JsonDocument.Parse(document.Value);
        var items = json.RootElement.GetProperty("items").EnumerateArray().Select(item => $"{item.GetProperty("id")}/{item.GetProperty("sku")}/{item.GetProperty("qty")}");
        return $"{document.Key}: {json.RootElement.GetProperty("note")} [{string.Join(", ", items)}]";
    }));
}
