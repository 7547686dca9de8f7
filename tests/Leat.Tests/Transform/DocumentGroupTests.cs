using Leat.Changes;
using Leat.Transform.Plan.Rules;
using Xunit;
using static Leat.Tests.Transform.DocumentShop;

namespace Leat.Tests.Transform;

/// <summary>Documents of groups of rows.</summary>
public sealed class DocumentGroupTests
{
    private static readonly TableSchema Amounts = Table("o", "id:i32 cust:text type:i32 amt:i32", 0);

    private static readonly DocumentRule ByCustomer = new()
    {
        Root = "o",
        Where = Written("type IN (1, 2)"),
        Group = [Set("cust", "cust")],
        Set =
        [
            Set("rows", "count(*)"), Set("amounts", "count(amt)"), Set("total", "sum(amt)"), Set("least", "min(amt)"), Set("most", "max(amt)"),
            Set("different", "count(DISTINCT amt)"),
        ],
        Location = Here,
    };

    private static readonly DocumentRule All = ByCustomer with { Group = [], Set = [Set("rows", "count(*)"), Set("total", "sum(amt)")] };

    // Each statement, the groups after it, the single group of all, and what is emitted.
    private static readonly (string Statement, string Groups, string All, string Emitted)[] Golden =
    [
        ("insert o 1 A 1 10", "A: 1,1,10,10,10,1", "1,10", "index A"),
        ("insert o 2 A 2 30", "A: 2,2,40,10,30,2", "2,40", "index A"),
        ("insert o 3 B 1 5", "A: 2,2,40,10,30,2; B: 1,1,5,5,5,1", "3,45", "index B"),
        ("insert o 4 A 3 99", "A: 2,2,40,10,30,2; B: 1,1,5,5,5,1", "3,45", ""),
        ("insert o 5 A 1 30", "A: 3,3,70,10,30,2; B: 1,1,5,5,5,1", "4,75", "index A"),
        ("update o 1 amt=12", "A: 3,3,72,12,30,2; B: 1,1,5,5,5,1", "4,77", "index A"),
        ("delete o 2", "A: 2,2,42,12,30,2; B: 1,1,5,5,5,1", "3,47", "index A"),
        ("update o 5 cust=B", "A: 1,1,12,12,12,1; B: 2,2,35,5,30,2", "3,47", "index A, index B"),
        ("update o 4 type=2", "A: 2,2,111,12,99,2; B: 2,2,35,5,30,2", "4,146", "index A"),
        ("update o 1 type=3", "A: 1,1,99,99,99,1; B: 2,2,35,5,30,2", "3,134", "index A"),
        ("update o 3 amt=null", "A: 1,1,99,99,99,1; B: 2,1,30,30,30,1", "3,129", "index B"),
        ("delete o 4", "B: 2,1,30,30,30,1", "2,30", "delete A"),
        ("update o 5 id=50", "B: 2,1,30,30,30,1", "2,30", ""),
        ("insert o 6 A 1 -7", "A: 1,1,-7,-7,-7,1; B: 2,1,30,30,30,1", "3,23", "index A"),
        ("delete o 50", "A: 1,1,-7,-7,-7,1; B: 1,0,null,null,null,0", "2,-7", "index B"),
        ("delete o 3", "A: 1,1,-7,-7,-7,1", "1,-7", "delete B"),
    ];

    [Theory]
    [InlineData("FULL", false)]
    [InlineData("FULL", true)]
    [InlineData("MINIMAL", true)]
    [InlineData("NOBLOB", false)]
    public void Groups_are_right_after_every_statement(string rowImage, bool restarts)
    {
        using var groups = new DocumentShop(ByCustomer, [Take(Amounts)], Amounts) { RowImage = rowImage };
        using var all = new DocumentShop(All, [Take(Amounts)], Amounts) { RowImage = rowImage };

        foreach (var step in Golden)
        {
            groups.Log.Clear();
            groups.Commit(step.Statement);
            all.Commit(step.Statement);
            if (restarts)
            {
                groups.Restart();
                all.Restart();
            }

            var emitted = string.Join(", ", groups.Log.Select(line => line[..line.IndexOf('@', StringComparison.Ordinal)]).Order());
            Assert.Equal(step, (step.Statement, Short(groups), Short(all)["all: all,".Length..], emitted));
        }

        Assert.False(groups.Plan.IsSuspect);
    }

    // The two largest amounts of each customer, NULL last and ties by id, after each statement.
    [Fact]
    public void The_first_two_of_each_group_follow_every_statement()
    {
        string[] expected =
        [
            "A: 1", "A: 2,1", "A: 2,1; B: 3", "A: 2,1; B: 3", "A: 2,5; B: 3", "A: 2,5; B: 3", "A: 5,1; B: 3", "A: 1; B: 5,3", "A: 4,1; B: 5,3", "A: 4; B: 5,3", "A: 4; B: 5,3",
            "B: 5,3", "B: 50,3", "A: 6; B: 50,3", "A: 6; B: 3", "A: 6",
        ];
        const string ByAmount = "string_agg(CAST(id AS CHAR), ',' ORDER BY amt DESC)";
        var rule = ByCustomer with { Set = [Set("top", $"concat_ws(',', nullif(split_part({ByAmount}, ',', 1), ''), nullif(split_part({ByAmount}, ',', 2), ''))")] };
        using var groups = new DocumentShop(rule, [Take(Amounts)], Amounts);

        foreach (var (step, top) in Golden.Zip(expected))
        {
            groups.Commit(step.Statement);
            Assert.Equal((step.Statement, top), (step.Statement, Short(groups)));
        }
    }

    [Fact]
    public void All_of_it_in_one_transaction_emits_only_what_is_there_afterwards()
    {
        using var groups = new DocumentShop(ByCustomer, [Take(Amounts)], Amounts);

        groups.Commit([.. Golden.Select(step => step.Statement)]);

        Assert.Equal(Golden[^1].Groups, Short(groups));
        Assert.Equal(["index A@14"], groups.Log);
    }

    [Fact]
    public void A_group_over_all_rows_is_there_without_rows()
    {
        using var all = new DocumentShop(All, [Take(Amounts)], Amounts);
        all.Plan.EmitAll();
        all.Drain();

        Assert.Equal("all: all,0,null", Short(all));
        Assert.Equal(["index all@0 later"], all.Log);
    }

    [Fact]
    public void Aggregates_over_a_collection_of_the_rows_follow_the_collection()
    {
        var rule = new DocumentRule
        {
            Root = "orders",
            Group = [Set("customer", "customer_id")],
            Nest = [new() { As = "items", From = "order_items", On = On(("order_id", "id")), Form = NestForm.None, Location = Here }],
            Set = [Set("orders", "count(*)"), Set("items", "count(items)"), Set("qty", "sum(items.qty)")],
            Location = Here,
        };
        using var shop = new DocumentShop(rule, [Take(Orders), Take(Items)], Orders, Items);

        shop.Commit("insert orders 1 1 x 7", "insert orders 2 1 y 7", "insert order_items 10 1 a 2", "insert order_items 11 1 a 3", "insert order_items 20 2 a 5");
        Assert.Equal("7: 7,2,3,10", Short(shop));

        shop.Commit("update order_items 11 order_id=2 qty=4");
        Assert.Equal("7: 7,2,3,11", Short(shop));

        shop.Commit("update orders 2 customer_id=8");
        Assert.Equal("7: 7,1,1,2; 8: 8,1,2,9", Short(shop));
    }

    [Fact]
    public void A_total_over_accounts_never_shows_half_a_transfer()
    {
        var accounts = Table("accounts", "id:i32 balance:i64", 0);
        var rule = new DocumentRule { Root = "accounts", Group = [], Set = [Set("total", "sum(balance)"), Set("accounts", "count(*)")], Location = Here };
        using var bank = new DocumentShop(rule, [Take(accounts)], accounts);
        bank.Commit([.. Enumerable.Range(0, 10).Select(id => $"insert accounts {id} 100")]);
        var balances = Enumerable.Repeat(100, 10).ToArray();
        var random = new Random(42);

        for (var transfer = 0; transfer < 500; transfer++)
        {
            var (from, to) = (random.Next(10), random.Next(10));
            var amount = random.Next(1, 50);
            balances[from] -= amount;
            var first = $"update accounts {from} balance={balances[from]}";
            balances[to] += amount;
            bank.Commit(first, $"update accounts {to} balance={balances[to]}");
            Assert.Equal("all: all,1000,10", Short(bank));
        }

        // The total never differed, so that there was nothing to emit.
        Assert.Equal(["index all@10"], bank.Log);
    }

    private static string Short(DocumentShop shop) => string.Join("; ", shop.Target.Select(document =>
    {
        using var json = System.Text.Json.JsonDocument.Parse(document.Value);
        var values = string.Join(',', json.RootElement.EnumerateObject().Select(field => field.Value.ToString() is { Length: > 0 } text ? text : "null"));
        return $"{document.Key}: {(values.StartsWith($"{document.Key},", StringComparison.Ordinal) && shop.Plan.Shape.Schema.Table.Name == "o" && document.Key != "all" ? values[(document.Key.Length + 1)..] : values)}";
    }));
}
