using System.Text.Json;
using Xunit;

namespace Leat.Tests.Commands;

public sealed class PlanTests : IDisposable
{
    private const string Documents = """
        log: { folder: log }
        sources:
          shop: { simulator: { seed: 1, customers: 20 } }
        pipelines:
          docs:
            from: shop
            tables:
              orders: { table: shop.orders, columns: [id, status, note, customer_id] }
              order_items: shop.order_items
              customers: shop.customers
            document:
              root: orders
              where: status <> 'cancelled'
              merge: [ { from: customers, as: customer, on: customers.id = orders.customer_id, fields: [name, { town: city }] } ]
              nest: [ { as: items, from: order_items, on: order_items.order_id = orders.id, key: id, fields: [id, quantity] } ]
              set: { item_count: count(items) }
            sink: { jsonlines: { folder: out } }

        """;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_limit_stands_beside_the_order()
    {
        var file = Documents.Replace("key: id,", "order: [\"quantity desc\"], key: id, limit: 3,", StringComparison.Ordinal);

        var run = await Cli.RunAsync("plan", _folder.Write("leat.yaml", file), "--offline");

        Assert.Contains("├─ ordered by  quantity desc, id, the first 3\n", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Offline_it_tells_what_the_file_says()
    {
        var run = await Cli.RunAsync("plan", _folder.Write("leat.yaml", Documents), "--offline");

        Assert.Equal(
            new Cli(
                0,
                """
                docs  shop → jsonlines, 4 to 32 lanes by key
                ├─ documents  one for each row of orders
                │  ├─ where  status <> 'cancelled'
                │  ├─ customer  object, from customers
                │  │  ├─ on  customers.id = orders.customer_id
                │  │  └─ fields  name, town = city
                │  ├─ items  array, from order_items
                │  │  ├─ on  order_items.order_id = orders.id
                │  │  ├─ ordered by  id
                │  │  └─ fields  id, quantity
                │  └─ set
                │     └─ item_count  = count(items)
                └─ state  the rows of its tables, in memory, at most 1GiB
                   ├─ orders  shop.orders
                   │  └─ columns  id, status, note, customer_id
                   ├─ order_items  shop.order_items
                   │  └─ columns  all
                   └─ customers  shop.customers
                      └─ columns  all

                """,
                ""),
            run);
    }

    [Fact]
    public async Task Against_its_servers_it_tells_joins_state_target_and_what_is_read()
    {
        var run = await Cli.RunAsync("plan", _folder.Write("leat.yaml", Documents));

        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains(
            """
            │  ├─ customer  object, from customers
            │  │  ├─ on  customers.id = orders.customer_id, found by its key
            │  │  ├─ fan-out  a change of one row may touch many documents: beyond 64 they are written in the background, behind direct changes
            │  │  └─ fields  name, town = city
            │  ├─ items  array, from order_items
            │  │  ├─ on  order_items.order_id = orders.id, found by an index

            """, run.Out, StringComparison.Ordinal);
        Assert.Contains("│  ├─ fields  id, status, note, customer_id, customer, items, item_count\n│  └─ key  id\n", run.Out, StringComparison.Ordinal);
        Assert.Matches(@"├─ state  about \d+\.\dKiB of memory, at most 1GiB\n", run.Out);
        Assert.Matches(@"│  ├─ orders  shop\.orders: [a-z_, ]+; key \(id\); index \(customer_id\); about \d+ rows × \d+ B\n", run.Out);
        Assert.Contains($"├─ target\n│  └─ folder  {_folder.Path}/out will be created.\n", run.Out, StringComparison.Ordinal);
        Assert.Matches(@"└─ when run  nothing is captured yet: the source reads its tables, about \d+ rows, then each document is written once\n$", run.Out);
        Assert.False(Directory.Exists(Path.Combine(_folder.Path, "log")));
    }

    [Fact]
    public async Task With_json_it_is_the_result_of_an_envelope()
    {
        var run = await Cli.RunAsync("plan", _folder.Write("leat.yaml", Documents), "--json");

        using var envelope = JsonDocument.Parse(run.Out);
        var plan = envelope.RootElement.GetProperty("result").GetProperty("pipelines")[0];
        Assert.Equal(["customer", "items"], plan.GetProperty("document").GetProperty("joins").EnumerateArray().Select(join => join.GetProperty("name").GetString()).Order());
        Assert.Equal(["orders", "customers", "order_items"], plan.GetProperty("state").GetProperty("tables").EnumerateArray().Select(table => table.GetProperty("table").GetString()));
        Assert.Equal("new", plan.GetProperty("application").GetProperty("kind").GetString());
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
    }

    [Fact]
    public async Task A_rule_that_does_not_fit_is_told_with_its_place_by_plan_and_by_check()
    {
        var file = _folder.Write("leat.yaml", Documents.Replace("where: status <> 'cancelled'", "where: statsu <> 'cancelled'", StringComparison.Ordinal));

        var plan = await Cli.RunAsync("plan", file);
        var check = await Cli.RunAsync("check", file);

        Assert.Equal((2, 2), (plan.ExitCode, check.ExitCode));
        foreach (var said in (string[])[plan.Out, check.Out])
        {
            Assert.Contains($"{file}:13:14: ", said, StringComparison.Ordinal);
            Assert.Contains("Did you mean 'status'?", said, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_table_of_its_own_is_told_with_its_rules()
    {
        const string Plain = """
            sources:
              shop: { simulator: { seed: 1, customers: 20 } }
            pipelines:
              plain:
                from: shop
                lanes: 1
                tables:
                  customers: { table: shop.customers, columns: [id, { town: city }], where: vip = 1, set: { mail: lower(email) }, soft_delete: { gone: "true" }, when: [insert, delete] }
                sink: { jsonlines: { folder: out } }

            """;

        var run = await Cli.RunAsync("plan", _folder.Write("leat.yaml", Plain));

        Assert.Contains(
            """
            plain  shop → jsonlines, 1 lane by key
            ├─ customers  shop.customers
            │  ├─ where  vip = 1
            │  ├─ columns  id, town, mail, gone
            │  ├─ set
            │  │  └─ mail  = lower(email)
            │  ├─ a deleted row stays  gone = true
            │  ├─ follows  insert, delete
            │  └─ key  id

            """, run.Out, StringComparison.Ordinal);
    }
}
