using System.Globalization;
using Leat.Changes;
using Leat.Tests.Transform;
using Leat.Transform.Plan;
using Xunit;
using static Leat.Tests.Elasticsearch.Writing;
using static Leat.Tests.Transform.FieldGroupTables;

namespace Leat.Tests.Elasticsearch;

/// <summary>Documents that several tables write: partial updates, whatever the setting of whole ones.</summary>
public sealed class FieldGroupTests
{
    private static readonly TablePlan _orders = TablePlan.Compile(OrdersEntry, FieldGroupTables.Orders);
    private static readonly TablePlan _totals = TablePlan.Compile(TotalsEntry, Totals);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Parts_are_upserted_and_taken_out_and_the_roots_end_is_the_documents()
    {
        await using var server = new FakeElasticsearch();
        await using var sink = Sink(server.Url);

        var answers = await WriteAsync(
            sink,
            [.. Operations(_totals, null, Total(17, 500)), .. Operations(_orders, null, Order(17, "a")), .. Operations(_totals, Total(17, 500), null), .. Operations(_orders, Order(17, "a"), null),
            .. Operations(_totals, Total(17, 500), null)]);

        Assert.All(answers, answer => Assert.Equal(Answer.Applied, answer));
        Assert.Equal(
            """
            {"update":{"_index":"orders","_id":"17","retry_on_conflict":3}}
            {"doc":{"id":17,"cents":500,"lines":null},"doc_as_upsert":true}
            {"update":{"_index":"orders","_id":"17","retry_on_conflict":3}}
            {"doc":{"id":17,"note":"a"},"doc_as_upsert":true}
            {"update":{"_index":"orders","_id":"17","retry_on_conflict":3}}
            {"doc":{"cents":null,"lines":null}}
            {"delete":{"_index":"orders","_id":"17"}}
            {"update":{"_index":"orders","_id":"17","retry_on_conflict":3}}
            {"doc":{"cents":null,"lines":null}}

            """,
            Assert.Single(server.Bulks), ignoreLineEndingDifferences: true);
        Assert.Empty(server.Cluster.Documents("orders"));
    }

    [Fact]
    public async Task What_came_after_a_write_that_is_repeated_comes_after_it_again_whichever_table_it_is_of()
    {
        await using var server = new FakeElasticsearch();
        await using var sink = Sink(server.Url);
        var conflicts = 1;
        server.Script = request => request.Path.StartsWith("/_bulk", StringComparison.Ordinal) && Interlocked.Decrement(ref conflicts) == 0
            ? new() { Items = (number, _) => number == 0 ? new(409, "version_conflict_engine_exception", "met another write") : null }
            : null;

        var answers = await WriteAsync(sink, [.. Operations(_totals, null, Total(17, 500)), .. Operations(_orders, Order(17, "a"), null)]);

        Assert.All(answers, answer => Assert.Equal(Answer.Applied, answer));
        Assert.Equal(2, server.Bulks.Count);
        Assert.Empty(server.Cluster.Documents("orders"));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Documents_end_up_equal_to_their_tables_in_any_order_of_the_tables_and_after_restarts(int seed)
    {
        await using var server = new FakeElasticsearch();
        await using var sink = Sink(server.Url);
        var workload = new FieldGroupWorkload(seed);
        await sink.PrepareAsync(workload.Shapes, Cancelled);
        var random = new Random(seed);
        var sent = 0;
        for (var round = 0; round < 20; round++)
        {
            workload.Play(25);
            var all = workload.Operations;
            while (sent < all.Count)
            {
                var count = Math.Min(all.Count - sent, 1 + random.Next(30));
                Assert.All(await WriteAsync(sink, [.. all.Slice(sent, count)]), answer => Assert.Equal(Answer.Applied, answer));
                sent += count;
            }

            // A restart delivers again what it has no outcome of.
            sent -= random.Next(3) == 0 && round < 19 ? random.Next(sent) : 0;
        }

        var held = server.Cluster.Documents("orders").Values.Select(document => string.Create(
            CultureInfo.InvariantCulture, $"{document["id"]} {document["note"]} {document["cents"]?.ToString() ?? "-"}"));
        Assert.Equal(workload.Expected.Order(StringComparer.Ordinal), held.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("pipeline: enrich", "pipeline")]
    [InlineData("join: { field: j, tables: { orders: order, items: { name: item, parent: \"{order_id}\" } } }", "join")]
    public async Task Settings_that_need_whole_documents_are_refused(string more, string setting)
    {
        await using var server = new FakeElasticsearch();
        await using var sink = Sink(server.Url, more);

        var findings = await sink.CheckAsync([_orders.Shape, _totals.Shape], Cancelled);

        Assert.Contains(
            $"The documents 'orders' are of `mode: field_groups`, which `{setting}` does not work with: it needs documents that are written whole.",
            findings.Where(finding => finding.Severity == Severity.Error).Select(finding => finding.Message));
    }
}
