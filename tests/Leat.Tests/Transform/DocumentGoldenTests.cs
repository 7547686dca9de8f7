using Leat.Changes;
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

    private static readonly TableSchema Customer = Table("c", "cust:text", 0);
    private static readonly TableSchema Amounts = Table("o", "id:i32 cust:text type:i32 amt:i32", 0);

    private static readonly DocumentRule TwoLargest = new()
    {
        Root = "c",
        Nest =
        [
            new()
            {
                As = "largest", From = "o", On = On(("cust", "cust")), Where = Written("type IN (1, 2)"), Order = [("amt", true)], Limit = 2, Fields = [new("id", "id")], Location = Here,
            },
        ],
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

    // Ids of the two largest amounts of each customer among types 1 and 2: NULL last, of equal ones the lower id first.
    private static readonly (string Statement, string Firsts)[] Largest =
    [
        ("insert o 1 A 1 10", "A:1"),
        ("insert o 2 A 2 30", "A:2,1"),
        ("insert o 3 B 1 5", "A:2,1 B:3"),
        ("insert o 4 A 3 99", "A:2,1 B:3"),
        ("insert o 5 A 1 30", "A:2,5 B:3"),
        ("update o 1 amt=12", "A:2,5 B:3"),
        ("delete o 2", "A:5,1 B:3"),
        ("update o 5 cust=B", "A:1 B:5,3"),
        ("update o 4 type=2", "A:4,1 B:5,3"),
        ("update o 1 type=3", "A:4 B:5,3"),
        ("update o 3 amt=null", "A:4 B:5,3"),
        ("delete o 4", "B:5,3"),
        ("update o 5 id=50", "B:50,3"),
        ("insert o 6 A 1 -7", "A:6 B:50,3"),
        ("delete o 50", "A:6 B:3"),
        ("delete o 3", "A:6"),
    ];

    [Theory]
    [MemberData(nameof(Images))]
    public void The_first_two_of_each_group_are_right_after_every_statement(string rowImage, bool restarts)
    {
        using var shop = new DocumentShop(TwoLargest, [Take(Customer), Take(Amounts)], Customer, Amounts) { RowImage = rowImage };
        shop.Commit("insert c A", "insert c B");

        foreach (var (statement, firsts) in Largest)
        {
            shop.Commit(statement);
            if (restarts)
                shop.Restart();

            Assert.Equal((statement, firsts), (statement, Firsts(shop)));
        }

        Assert.False(shop.Plan.IsSuspect);
    }

    // What the limit hides still counts.
    [Fact]
    public void Aggregates_see_what_a_limit_does_not_show()
    {
        using var shop = new DocumentShop(TwoLargest with { Set = [Set("n", "count(largest)"), Set("total", "sum(largest.amt)")] }, [Take(Customer), Take(Amounts)], Customer, Amounts);

        shop.Commit("insert c A", "insert o 1 A 1 10", "insert o 2 A 1 20", "insert o 3 A 1 30", "insert o 4 A 3 40");

        Assert.Equal("""A: {"cust":"A","largest":[{"id":3},{"id":2}],"n":3,"total":60}""", shop.Documents());
    }

    private static string Firsts(DocumentShop shop) => string.Join(' ', shop.Target.Select(document =>
    {
        using var json = System.Text.Json.JsonDocument.Parse(document.Value);
        return $"{document.Key}:{string.Join(',', json.RootElement.GetProperty("largest").EnumerateArray().Select(row => row.GetProperty("id").ToString()))}";
    }).Where(firsts => !firsts.EndsWith(':')));

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
