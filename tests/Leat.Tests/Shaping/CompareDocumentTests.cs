using System.Text;
using Leat.Pipeline.Compare;
using Leat.Pipeline.Definitions;
using Leat.Tests.Definitions;
using Leat.Tests.Pipeline;
using Xunit;

namespace Leat.Tests.Shaping;

public sealed class CompareDocumentTests
{
    private const string Documents = """
        tables: { o: shop.o, i: shop.i }
        document: { root: o, where: type < 3, nest: [ { as: items, from: i, on: i.o = o.id, key: id, fields: [id, qty] } ] }
        """;

    [Fact]
    public async Task Documents_that_equal_their_rows_are_equal()
    {
        var target = new MemoryTarget()
            .With("1", ("id", "1"), ("type", "1"), ("items", """[{"id":7,"qty":2},{"id":8,"qty":3}]"""))
            .With("2", ("id", "2"), ("type", "2"), ("items", "[]"));

        var result = await CompareAsync(Documents, Shop(), target);

        Assert.Equal((true, 2L, 0L), (result.Equal, result.RowsCompared, result.InMotion));
    }

    [Fact]
    public async Task A_document_that_a_change_of_another_table_did_not_reach_is_told()
    {
        var target = new MemoryTarget()
            .With("1", ("id", "1"), ("type", "1"), ("items", """[{"id":7,"qty":2}]"""))
            .With("3", ("id", "3"), ("type", "3"), ("items", "[]"));

        var result = await CompareAsync(Documents, Shop(), target);

        Assert.Equal((1L, 1L, 1L), (result.Different, result.Missing, result.Extra));
        var different = result.Examples.Single(example => example.Kind == DifferenceKind.Different);
        Assert.Equal([new FieldDifference("items", """[{"id":7,"qty":2},{"id":8,"qty":3}]""", """[{"id":7,"qty":2}]""")], different.Fields);
        Assert.Equal([("2", DifferenceKind.Missing), ("3", DifferenceKind.Extra)], result.Examples.Where(example => example != different).Select(example => (example.Key, example.Kind)).Order());
    }

    // An item moves while the tables are read: the documents of the first look never were.
    [Fact]
    public async Task Documents_that_change_while_their_tables_are_read_are_looked_at_again()
    {
        var source = Shop();
        var reads = 0;
        source.OnRead = table =>
        {
            if (table.Name == "i" && ++reads == 2)
                source.Replace("shop.i", [7, 1, 2], [8, 2, 3]);
        };
        var target = new MemoryTarget()
            .With("1", ("id", "1"), ("type", "1"), ("items", """[{"id":7,"qty":2}]"""))
            .With("2", ("id", "2"), ("type", "2"), ("items", """[{"id":8,"qty":3}]"""));

        var result = await CompareAsync(Documents, source, target);

        Assert.Equal((true, 2L, 2L), (result.Equal, result.RowsCompared, result.InMotion));
    }

    [Fact]
    public async Task Groups_are_compared_over_all_rows()
    {
        var target = new MemoryTarget().With("1", ("o", "1"), ("pieces", "5"), ("n", "2"));

        var result = await CompareAsync("""
            tables: { i: shop.i }
            document: { root: i, group: { o: o }, set: { pieces: sum(qty), n: count(*) } }
            """, Shop(), target);

        Assert.Equal((true, 1L), (result.Equal, result.RowsCompared));
    }

    [Fact]
    public async Task Tables_that_are_one_are_compared_as_one()
    {
        var source = new MemorySource().Add("shop.o_1", "id note$", [1, "a"]).Add("shop.o_2", "id note$", [1, "b"], [2, "c"]).Add("shop.other", "id", [9]);
        var target = new MemoryTarget()
            .With("1:1", ("shard", "1"), ("id", "1"), ("note", "a")).With("2:1", ("shard", "2"), ("id", "1"), ("note", "b")).With("2:2", ("shard", "2"), ("id", "2"), ("note", "x"));

        var result = await CompareAsync("""tables: { o: { tables: "shop\\.o_(\\d)" } }""", source, target);

        Assert.Equal((3L, 1L, 0L, 0L), (result.RowsCompared, result.Different, result.Missing, result.Extra));
        Assert.Equal([new FieldDifference("note", "c", "x")], result.Examples.Single().Fields);
    }

    [Theory]
    [InlineData("when: [insert, update]", 1, 0)]
    [InlineData("when: [insert, delete]", 0, 1)]
    [InlineData("soft_delete: { gone: \"true\" }", 1, 0)]
    public async Task What_a_pipeline_does_not_follow_is_no_difference(string setting, int different, int extra)
    {
        var source = new MemorySource().Add("shop.o", "id v", [1, 5], [2, 6]);
        var target = new MemoryTarget().With("1", ("id", "1"), ("v", "4")).With("2", ("id", "2"), ("v", "6")).With("3", ("id", "3"), ("v", "7"));

        var result = await CompareAsync($"tables: {{ o: {{ table: shop.o, {setting} }} }}", source, target);

        Assert.Equal((different, 0L, extra), ((int)result.Different, result.Missing, (int)result.Extra));
    }

    private static MemorySource Shop() => new MemorySource().Add("shop.o", "id type", [1, 1], [2, 2], [3, 3]).Add("shop.i", "id o qty", [7, 1, 2], [8, 1, 3]);

    private static Task<CompareResult> CompareAsync(string rules, MemorySource source, MemoryTarget target) =>
        Comparer.CompareAsync(Pipeline(rules), source, target, captured: null, new FastTime(), progress: null, TestContext.Current.CancellationToken);

    private static PipelineDefinition Pipeline(string rules)
    {
        var yaml = "sources: { shop: { simulator: {} } }\npipelines:\n  p:\n    from: shop\n    sink: { jsonlines: { folder: out } }\n    "
            + rules.Replace("\n", "\n    ", StringComparison.Ordinal);
        var (file, problems) = LeatFileReader.Read("/etc/leat/leat.yaml", Encoding.UTF8.GetBytes(yaml), TestConnectors.Catalog, TestConnectors.Environment);
        Assert.True(file is not null, string.Join('\n', problems));
        return file.Pipelines[0];
    }
}
