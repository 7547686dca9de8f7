using Leat.Changes;
using Leat.Tests.Changes;
using Leat.Transform.Plan;
using Leat.Transform.Plan.Documents;
using Leat.Transform.Plan.Rules;
using Xunit;
using static Leat.Tests.Transform.DocumentShop;

namespace Leat.Tests.Transform;

/// <summary>What is wrong with a document rule is told with its place, and with what to do.</summary>
public sealed class DocumentErrorTests
{
    private static readonly DocumentRule Plain = new() { Root = "orders", Location = Here };

    private static readonly NestRule Items = new() { As = "items", From = "order_items", On = On(("order_id", "id")), Location = Here with { Line = 11 } };

    private static readonly MergeRule Customer = new() { From = "customers", On = On(("id", "customer_id")), Location = Here with { Line = 13 } };

    public static TheoryData<string, DocumentRule, string> Rules => new()
    {
        { "root", Plain with { Root = "order" }, "leat.yaml:10:5: 'order' is not one of the pipeline's tables. Did you mean 'orders'? [LEAT-1250]" },
        { "from", Plain with { Nest = [Items with { From = "widgets" }] }, "leat.yaml:11:5: 'widgets' is not one of the pipeline's tables. Known: orders, order_items, customers, ghosts, logs. [LEAT-1250]" },
        {
            "qualifier", Plain with { Where = Written("type = 1 AND cust.city = 'x'"), Merge = [Customer with { As = "c" }] },
            "leat.yaml:20:27: 'cust' is not one of the pipeline's tables. Known: orders, customers. [LEAT-1250]"
        },
        {
            "table", Plain with { Nest = [Items with { From = "ghosts" }] },
            "leat.yaml:3:7: the source has told of no table shop.ghosts (as 'ghosts'). Correct its name; or have the source capture it, and take a snapshot of it. [LEAT-1251]"
        },
        { "where", Plain with { Where = Written("typ = 1") }, "leat.yaml:20:14: 'orders' has no column 'typ'. Did you mean 'type'? [LEAT-1252]" },
        { "join", Plain with { Nest = [Items with { On = On(("oder_id", "id")) }] }, "leat.yaml:12:5: 'order_items' has no column 'oder_id'. Did you mean 'order_id'? [LEAT-1252]" },
        { "field", Plain with { Nest = [Items with { Fields = [new("a", "skuu")] }] }, "leat.yaml:11:5: 'order_items' has no column 'skuu'. Did you mean 'sku'? [LEAT-1252]" },
        { "merged column", Plain with { Merge = [Customer with { As = "c" }], Set = [Set("x", "upper(city)")] }, "leat.yaml:30:20: 'orders' has no column 'city'. Known: customers.city. [LEAT-1252]" },
        {
            "ambiguous", Plain with { Merge = [Customer with { As = "buyer" }, Customer with { As = "seller" }], Set = [Set("x", "city")] },
            "leat.yaml:30:14: 'city' may mean buyer.city or seller.city. Write which. [LEAT-1253]"
        },
        {
            "twice", Plain with { Merge = [Customer, Customer with { As = "seller" }] },
            "leat.yaml:13:5: 'customers' is joined twice here, and neither has a name of its own. Give each an `as`; its columns then have that name before them. [LEAT-1254]"
        },
        {
            "cycle", Plain with { Nest = [Items with { Nest = [Items with { As = "orders_again", From = "orders", On = On(("id", "order_id")) }] }] },
            "leat.yaml:11:5: 'orders' is joined to itself, directly or through others. Leave the join out: a change of one row would go round in circles. What a row needs of another one of its own table has to be a column of it. [LEAT-1255]"
        },
        {
            "no key", Plain with { Nest = [Items with { From = "logs", On = On(("order_id", "id")) }] },
            "leat.yaml:3:7: table shop.logs (as 'logs') has no primary key, so its rows cannot be told apart. Add one with `ALTER TABLE shop.logs ADD PRIMARY KEY (…)`. [LEAT-1256]"
        },
        { "kinds", Plain with { Nest = [Items with { On = On(("sku", "id")) }] }, "leat.yaml:12:5: order_items.sku (String) can never equal orders.id (Int32). Join columns of the same kind: numbers with numbers, texts with texts, dates with dates. [LEAT-1258]" },
        {
            "two fields", Plain with { Merge = [Customer] },
            "leat.yaml:13:5: two fields are named 'id': column 'id' of 'orders' and column 'id' of 'customers'. Give one another name: `fields: [{ name: column }]`, or `as` for an object of its own. [LEAT-1259]"
        },
        {
            "levels", Plain with { Nest = [Items with { Nest = [Customer3("a", "customers") with { Nest = [Customer3("b", "ghosts")] }] }] },
            "leat.yaml:14:5: collection 'b' is the third inside another; documents have two levels. Merge the table into the objects of the second level, or make documents of its own. [LEAT-1261]"
        },
        { "collection", Plain with { Nest = [Items], Set = [Set("n", "1 + count(item)")] }, "leat.yaml:30:18: an aggregate looks at 'item', which is not a collection of these objects. Did you mean 'items'? [LEAT-1262]" },
        {
            "no collection", Plain with { Set = [Set("n", "sum(items.qty)")] },
            "leat.yaml:30:14: an aggregate looks at 'items', which is not a collection of these objects. Add it: `nest: [ { as: items, from: …, on: …, form: none } ]`. [LEAT-1262]"
        },
        {
            "of rows", Plain with { Nest = [Items], Set = [Set("n", "count(*)")] },
            "leat.yaml:30:14: an aggregate without a collection to look at. Name one, such as `count(items)` or `sum(items.qty)`; or make one document for each `group` of rows. [LEAT-1263]"
        },
        {
            "not grouped", Plain with { Group = [Set("kind", "type")], Set = [Set("n", "count(*)"), Set("x", "upper(note)")] },
            "leat.yaml:30:20: 'note' is no field of the group: its rows may differ in it. Use it inside an aggregate such as `max(note)`, or group by it. Known: kind, n. [LEAT-1264]"
        },
        { "no fields", Plain with { Group = [] }, "leat.yaml:10:5: a group without `set` would have no fields. Add some: `set: { rows: count(*) }`. [LEAT-1265]" },
        {
            "sum of texts", Plain with { Nest = [Items], Set = [Set("n", "sum(items.sku)")] },
            "leat.yaml:30:14: there is no sum of String values. Sums and averages take numbers; none takes JSON: CAST it to another type. [LEAT-1267]"
        },
    };

    [Theory]
    [MemberData(nameof(Rules))]
    public void A_rule_that_does_not_fit_names_its_place(string what, DocumentRule rule, string message)
    {
        Assert.NotEmpty(what);
        var error = Assert.Throws<PauseException>(() => Compile(rule));

        Assert.Equal(message, error.Message);
    }

    [Theory]
    [InlineData("type = 'x'", "leat.yaml:20:19: ", "[LEAT-1206]")]
    [InlineData("type = ", "leat.yaml:20:21: ", "[LEAT-1201]")]
    public void A_mistake_in_an_expression_names_its_place_in_the_file(string where, string place, string code)
    {
        var error = Assert.Throws<PauseException>(() => Compile(Plain with { Where = Written(where) }));

        Assert.StartsWith(place, error.Message, StringComparison.Ordinal);
        Assert.EndsWith(code, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_nest_needs_a_key()
    {
        var logs = new TableSchema(new("shop", "logs"), Table("logs", "order_id:i32 text:text").Columns, [0, 1]) { IsKeyless = true };

        var error = Assert.Throws<PauseException>(() => DocumentPlan.Compile(
            Plain with { Nest = [Items with { From = "logs", On = On(("order_id", "id")) }] }, [Take(Orders), Take(logs)], table => table == Orders.Table ? Orders : logs));

        Assert.Equal("leat.yaml:11:5: collection 'items' has no key, and table shop.logs has none either. Name the columns that tell its objects apart: `key: id`. [LEAT-1257]", error.Message);
    }

    [Fact]
    public void A_deleted_row_that_stays_is_no_part_of_a_document()
    {
        var error = Assert.Throws<PauseException>(() => DocumentPlan.Compile(Plain, [Take(Orders) with { SoftDelete = [Set("gone", "true")] }], _ => Orders));

        Assert.Equal("leat.yaml:3:7: 'orders' is part of a document, where `soft_delete` has no meaning. Take `soft_delete` out. [LEAT-1266]", error.Message);
    }

    [Fact]
    public void A_join_column_that_the_row_image_does_not_tell_stops_at_the_change_with_the_place_of_the_join()
    {
        using var plan = Compile(Plain with { Nest = [Items] });
        var partial = DocumentShop.Items.As(partial: true);
        plan.Learn(9, partial);

        var error = Assert.Throws<PauseException>(() => plan.Apply(
            Record(ChangeKind.Update, partial, 9, [11, Rows.Absent, Rows.Absent, Rows.Absent], [11, Rows.Absent, Rows.Absent, 5]), 77));

        Assert.Equal(
            "leat.yaml:12:5: table shop.order_items (as 'order_items'): the update at offset 77 does not tell column 'order_id', which a join compares, and no row with its key is held. "
            + "The server logs only what changed: SET GLOBAL binlog_row_image = FULL; and see that no session sets another. A row that `where` of its table left out is not held: "
            + "such a condition belongs into `where` of the document then. Afterwards `leat rebuild` reads the tables again. [LEAT-1260]", error.Message);
    }

    [Fact]
    public void A_full_memory_stops_before_the_change_is_applied()
    {
        using var plan = Compile(Plain with { StateBytes = 200_000 });
        plan.Learn(1, Orders);
        var id = 0;
        var operations = new Operation[8];
        using var arena = new RowArena();

        var error = Assert.Throws<PauseException>(() =>
        {
            for (; id < 1_000; id++)
            {
                plan.Apply(Record(ChangeKind.Insert, Orders, 1, null, [id, 1, new string('x', 500), null]), id);
                plan.EndTransaction();
                Assert.Equal((1, 0), (plan.Emit(arena, operations), plan.Emit(arena, operations)));
            }
        });

        Assert.Equal(1270, error.Code.Number);
        Assert.Equal(id, plan.StateRows);
        Assert.InRange(plan.StateBytes, 100_000, 200_000);
    }

    private static NestRule Customer3(string name, string from) => new() { As = name, From = from, On = On(("id", "qty")), Location = Here with { Line = 14 } };

    private static DocumentPlan Compile(DocumentRule rule)
    {
        var logs = new TableSchema(new("shop", "logs"), Orders.Columns, []);
        TableSchema[] tables = [Orders, DocumentShop.Items, Customers, logs];
        return DocumentPlan.Compile(
            rule, [Take(Orders), Take(DocumentShop.Items), Take(Customers), Take(Table("ghosts", "id:i32", 0)), Take(logs)], name => tables.FirstOrDefault(table => table.Table == name));
    }
}
