using Xunit;

namespace Leat.Tests.Commands;

/// <summary><c>leat test</c> on pipelines that make documents, groups, and one table of several.</summary>
public sealed class DocumentTestCommandTests : IDisposable
{
    private const string Head = """
        sources:
          shop: { simulator: { seed: 1 } }
        pipelines:
          p:
            from: shop
            sink: { jsonlines: { folder: out } }

        """;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> SamplesWithTests =>
        [.. Directory.EnumerateFiles(Repository.Path("samples"), "*.yaml", SearchOption.AllDirectories).Where(file => File.ReadAllText(file).Contains(" tests:", StringComparison.Ordinal)).Order()];

    [Theory]
    [MemberData(nameof(SamplesWithTests))]
    public async Task A_sample_does_what_its_tests_say(string file)
    {
        var run = await Cli.RunAsync("test", file);

        Assert.True(run.ExitCode == 0, run.Out + run.Error);
    }

    // Columns that the test does not name are taken from the rules, and their types from those that they are joined with.
    [Fact]
    public async Task A_test_names_only_what_it_is_about() => Passes(await RunAsync("""
            tables:
              orders: { table: shop.orders, columns: [id, type, note] }
              order_items: { table: shop.order_items }
            document:
              root: orders
              where: type IN (1, 2)
              nest: [ { as: items, from: order_items, on: order_items.order_id = orders.id, key: id, fields: [id, sku, qty] } ]
              set: { title: "coalesce(note, '')", item_count: count(items) }
            tests:
              - name: an order that leaves the filter is deleted
                given: [ { orders: { id: 1, type: 1 } } ]
                when:  [ { update: orders, key: 1, set: { type: 3 } } ]
                then:  [ { delete: "1" } ]
              - name: another change says nothing
                given: [ { orders: { id: 1, type: 3 } } ]
                when:  [ { update: orders, key: 1, set: { note: x } } ]
                then:  []
        """));

    [Fact]
    public async Task Groups_are_kept_under_update_and_delete() => Passes(await RunAsync("""
            tables: { o: { table: shop.o, where: "type IN (1, 2)" } }
            document:
              root: o
              group: { cust: cust }
              set: { n: count(*), total: sum(amt), most: max(amt) }
            tests:
              - name: a row that moves changes both groups
                given: [ { o: [ { id: 1, cust: A, type: 1, amt: 12 }, { id: 3, cust: B, type: 1, amt: 5 }, { id: 5, cust: A, type: 1, amt: 30 } ] } ]
                when:  [ { update: o, key: 5, set: { cust: B } } ]
                then:
                  - { index: A, document: { cust: A, n: 1, total: 12, most: 12 } }
                  - { index: B, document: { cust: B, n: 2, total: 35, most: 30 } }
              - name: the last row takes its group along
                given: [ { o: { id: 1, cust: A, type: 1, amt: 12 } } ]
                when:  [ { delete: o, key: 1 } ]
                then:  [ { delete: A } ]
              - name: what is filtered changes nothing
                given: [ { o: { id: 1, cust: A, type: 3, amt: 12 } } ]
                when:  [ { update: o, key: 1, set: { amt: 13 } } ]
                then:  []
        """));

    [Fact]
    public async Task Several_tables_are_one_and_the_test_says_which() => Passes(await RunAsync("""
            tables: { orders: { tables: "shop\\.orders_(\\d+)" } }
            tests:
              - name: rows of two shards stand beside each other
                types: { orders: { id: bigint key, note: text } }
                when:
                  - { insert: orders, table: shop.orders_1, row: { id: 1, note: a } }
                  - { insert: orders, table: shop.orders_2, row: { id: 1, note: b } }
                then:
                  - { index: "1:1", document: { shard: "1", id: 1, note: a } }
                  - { index: "2:1", fields: { note: b } }
        """));

    [Fact]
    public async Task A_table_that_is_emptied_is_deleted_row_by_row() => Passes(await RunAsync("""
            tables: { o: { table: shop.o, where: amt > 1 } }
            tests:
              - name: truncate
                given: [ { o: [ { id: 1, amt: 2 }, { id: 2, amt: 1 }, { id: 3, amt: 3 } ] } ]
                when:  [ { truncate: o } ]
                then:  [ { delete: "1" }, { delete: "3" } ]
        """));

    [Fact]
    public async Task Documents_of_a_root_that_is_emptied_go_and_so_do_the_rows_of_a_collection() => Passes(await RunAsync("""
            tables: { o: shop.o, i: shop.i }
            document: { root: o, nest: [ { as: items, from: i, on: i.o = o.id, key: id } ] }
            tests:
              - name: the root
                given: [ { o: [ { id: 1 }, { id: 2 } ] }, { i: { id: 7, o: 1 } } ]
                when:  [ { truncate: o } ]
                then:  [ { delete: "1" }, { delete: "2" } ]
              - name: the collection
                given: [ { o: [ { id: 1 }, { id: 2 } ] }, { i: { id: 7, o: 1 } } ]
                when:  [ { truncate: i } ]
                then:  [ { index: "1", document: { id: 1, items: [] } } ]
        """));

    [Fact]
    public async Task A_row_that_is_part_of_very_many_documents_changes_all_of_them()
    {
        var orders = string.Join(", ", Enumerable.Range(1, 100).Select(id => $"{{ id: {id}, cust: 1 }}"));
        var then = string.Join(", ", Enumerable.Range(1, 100).Select(id => $"{{ index: \"{id}\", fields: {{ who: {{ name: new }} }} }}"));

        Passes(await RunAsync($$"""
            tables: { o: shop.o, c: shop.c }
            document: { root: o, merge: [ { from: c, as: who, on: c.id = o.cust, fields: [name] } ] }
            tests:
              - name: all
                given: [ { c: { id: 1, name: old } }, { o: [ {{orders}} ] } ]
                when:  [ { update: c, key: 1, set: { name: new } } ]
                then:  [ {{then}} ]
        """));
    }

    [Fact]
    public async Task A_rule_that_does_not_fit_the_rows_of_a_test_is_told_with_both_places()
    {
        var run = await RunAsync("""
            tables: { o: { table: shop.o, where: "upper(amt) = 'A'" } }
            tests:
              - { name: t, when: [ { insert: o, row: { id: 1, amt: 2 } } ], then: [] }
        """);

        var file = Path.Combine(_folder.Path, "leat.yaml");
        Assert.Equal(2, run.ExitCode);
        Assert.Contains($"  failed  t  {file}:9:9\n            {file}:9:9: Test 't' cannot be run: {file}:7:43: table 'o', where: upper takes one text. [LEAT-1209]\n", run.Out, StringComparison.Ordinal);
    }

    private static void Passes(Cli run) => Assert.True(run.ExitCode == 0, run.Out + run.Error);

    private Task<Cli> RunAsync(string pipeline) => Cli.RunAsync("test", _folder.Write("leat.yaml", Head + pipeline + "\n"));
}
