using System.Text;
using Leat.Changes;
using Leat.Pipeline.Definitions;
using Leat.Transform.Plan.Rules;
using Xunit;

namespace Leat.Tests.Definitions;

/// <summary><c>document: { mode: field_groups }</c> becomes rules of its tables, or says why it cannot.</summary>
public sealed class FieldGroupRulesTests
{
    private const string Warning =
        "1138 14:23 pipelines.search.document: field groups promise less than documents do by default: writes carry no version, so old values are seen while changes are delivered again; fields of a table may be there "
        + "before the row of 'orders' is; and fields of a table are not there when its row was written before the document was deleted and made again.";

    private const string Merge = "merge: [{ from: totals, on: totals.order_id = orders.id, fields: [cents, { n: lines }], as: sums }]";

    [Fact]
    public void Each_table_gets_its_fields_and_the_pipeline_no_documents()
    {
        var (file, problems) = Read(Merge);

        var pipeline = Assert.Single(file!.Pipelines); // not null: only a warning
        Assert.Null(pipeline.Document);
        Assert.Equal(["orders", "totals"], pipeline.Tables.Select(table => table.Alias));
        var root = pipeline.Tables[0].ToSelection().Group!; // not null: a part
        Assert.Equal(("orders", true, "order_no"), (root.Document, root.IsRoot, Assert.Single(root.Key)));
        Assert.Equal(("totals", "order_no"), (Assert.Single(root.Joins).From, Assert.Single(root.Joins[0].To)));
        var totals = pipeline.Tables[1].ToSelection().Group!; // as above
        Assert.Equal(("orders", false, "sums", "leat.yaml:16:35"), (totals.Document, totals.IsRoot, totals.As, totals.Location.ToString()));
        Assert.Equal("order_no = order_id", $"{string.Join(',', totals.Key)} = {string.Join(',', totals.Joined)}");
        Assert.Equal([new("cents", "cents"), new FieldRule("n", "lines")], totals.Fields);
        Assert.Equal(
            [
                "1128 11:7 The table 'others' is used by nothing in pipelines.search.document: nothing of it is delivered.",
                "1128 12:7 The table 'marked' is used by nothing in pipelines.search.document: nothing of it is delivered.",
                "1128 13:7 The table 'shards' is used by nothing in pipelines.search.document: nothing of it is delivered.",
                Warning,
            ],
            problems);
    }

    [Fact]
    public void Several_tables_hold_the_key_in_the_order_of_the_first()
    {
        var (file, _) = Read("merge: [{ from: totals, on: totals.a = orders.shop AND totals.b = orders.id }, { from: others, on: orders.id = others.x AND others.y = orders.shop }]");

        var tables = Assert.Single(file!.Pipelines).Tables; // not null: only a warning
        Assert.Equal(["shop", "order_no"], tables[0].Group!.Key); // not null: a part
        Assert.Equal(["a", "b"], tables[1].Group!.Joined);
        Assert.Equal(["shop", "order_no"], tables[2].Group!.Key);
        Assert.Equal(["y", "x"], tables[2].Group!.Joined);
    }

    [Fact]
    public void The_other_mode_can_be_named()
    {
        var (file, problems) = Read("merge: [{ from: totals, on: totals.order_id = orders.id }, { from: others, on: others.id = orders.other_id }]", "materialize");

        Assert.All(problems, problem => Assert.StartsWith("1128 ", problem, StringComparison.Ordinal));
        Assert.NotNull(Assert.Single(file!.Pipelines).Document); // not null: nothing is wrong
    }

    [Theory]
    [InlineData("nest: [{ as: items, from: others, on: others.order_id = orders.id }]", "1135 16:13 pipelines.search.document.nest: documents of `mode: field_groups` have none of this: a collection is made of many rows, and no row could write its part of it without the others.")]
    [InlineData("group: note", "1135 16:14 pipelines.search.document.group: documents of `mode: field_groups` have none of this: totals are made of many rows, and none of them are kept.")]
    [InlineData("where: note = 1", "1135 16:14 pipelines.search.document.where: documents of `mode: field_groups` have none of this: whether there is a document would hang on fields of several tables; a condition of one table stands under 'tables'.")]
    [InlineData("set: { a: note }", "1135 16:12 pipelines.search.document.set: documents of `mode: field_groups` have none of this: a computed field of the document would see fields of several tables; one of a single table is computed by 'set' under 'tables'.")]
    [InlineData("state: 1GiB", "1135 16:14 pipelines.search.document.state: documents of `mode: field_groups` have none of this: no rows are kept.")]
    [InlineData("merge: { from: others, on: others.id = orders.id, on_missing: wait }", "1135 16:69 pipelines.search.document.merge.on_missing: documents of `mode: field_groups` have none of this: no table waits for another.")]
    [InlineData("merge: { from: others, on: others.id = orders.id, as: a, fields: [b], nest: [] }", "1001 16:77 'nest' is not a setting of pipelines.search.document.merge.")]
    [InlineData("merge: { from: other, on: other.id = orders.id }", "1127 16:22 pipelines.search.document.merge.from: 'other' is not one of the pipeline's tables.")]
    [InlineData("merge: { from: orders, as: o, on: o.id = orders.id }", "1137 16:22 pipelines.search.document.merge.from: 'orders' is the root, and its fields are in the document already.")]
    [InlineData("merge: [{ from: others, on: others.id = orders.id }, { from: others, on: others.id = orders.id }]", "1137 16:68 pipelines.search.document.merge[1].from: 'others' is merged already; a table owns one group of fields.")]
    [InlineData("merge: { from: marked, on: marked.id = orders.id }", "1136 12:7 The table 'marked' is part of a document of `mode: field_groups`: a deleted row of a merged table sets its fields to NULL, so 'soft_delete' would have nothing to mark.")]
    [InlineData("merge: { from: shards, on: shards.id = orders.id }", "1136 13:7 The table 'shards' is part of a document of `mode: field_groups`: several tables that are one cannot own fields of it: their keys are told apart by a column that other tables do not have.")]
    public void What_needs_rows_of_several_tables_is_refused(string entry, string expected)
    {
        var (file, problems) = Read(entry);

        Assert.Null(file);
        Assert.True(problems.Contains(expected), string.Join("\n", problems));
    }

    [Fact]
    public void An_unknown_mode_is_refused()
    {
        var (file, problems) = Read(Merge, "fieldgroups");

        Assert.Null(file);
        Assert.Contains("1003 14:23 pipelines.search.document.mode: expected one of materialize, field_groups, got 'fieldgroups'.", problems);
    }

    private static (LeatFile? File, string[] Problems) Read(string entry, string mode = FieldGroupRules.Mode)
    {
        var yaml = $$"""
            sources: { shop: { simulator: } }
            pipelines:
              search:
                from: shop
                tables:
                  orders:
                    table: shop.orders
                    columns: [{ order_no: id }, note]
                  totals:
                    table: shop.order_totals
                  others: shop.others
                  marked: { table: shop.marked, soft_delete: { gone: "1" } }
                  shards: { tables: 'shop\.s_.*' }
                document: { mode: {{mode}},
                  root: orders,
                  {{entry}} }
                sink: { redis: { address: "here:1", key: "order:{id}" } }
            """;
        var (file, problems) = LeatFileReader.Read("leat.yaml", Encoding.UTF8.GetBytes(yaml), TestConnectors.Catalog, TestConnectors.Environment);
        return (file, [.. problems.Select(problem => $"{problem.Code?.Number} {problem.Location?.Line}:{problem.Location?.Column} {problem.Message}")]);
    }
}
