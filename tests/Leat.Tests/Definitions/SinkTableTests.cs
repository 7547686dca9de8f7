using System.Text;
using Leat.Changes;
using Leat.Pipeline.Definitions;
using Xunit;

namespace Leat.Tests.Definitions;

/// <summary>Settings of a sink for single tables name tables that the pipeline delivers.</summary>
public sealed class SinkTableTests
{
    [Theory]
    [InlineData("redis: { address: h, key: \"{table}:{id}\", tables: { ordrs: { ttl: 1h } } }", "20:65 pipelines.p.sink.redis.tables: 'ordrs' is not a table that the pipeline delivers. Did you mean 'orders'?")]
    [InlineData("redis: { address: h, key: { orders: \"o:{id}\", items: \"i:{id}\", people: \"p:{id}\" } }", "20:76 pipelines.p.sink.redis.key: 'people' is not a table that the pipeline delivers. It delivers: orders, items.")]
    [InlineData("elasticsearch: { url: \"http://h:1\", index: { orders: o, item: i } }", "20:69 pipelines.p.sink.elasticsearch.index: 'item' is not a table that the pipeline delivers. Did you mean 'items'?")]
    [InlineData("elasticsearch: { url: \"http://h:1\", index: \"{table}\", id: { order: \"{id}\" } }", "20:73 pipelines.p.sink.elasticsearch.id: 'order' is not a table that the pipeline delivers. Did you mean 'orders'?")]
    [InlineData("elasticsearch: { url: \"http://h:1\", index: \"{table}\", routing: { Orders: \"{id}\" } }", "20:78 pipelines.p.sink.elasticsearch.routing: 'Orders' is not a table that the pipeline delivers. Did you mean 'orders'?")]
    [InlineData("elasticsearch: { url: \"http://h:1\", index: s, join: { field: r, tables: { orders: order, itms: item } } }", "20:102 pipelines.p.sink.elasticsearch.join.tables: 'itms' is not a table that the pipeline delivers. Did you mean 'items'?")]
    public void A_table_that_is_not_delivered_is_told_with_its_place(string sink, string expected) =>
        Assert.Equal([expected], ErrorsOf("", sink));

    [Theory]
    [InlineData("")]
    [InlineData("mode: field_groups, ")]
    public void Of_tables_that_become_documents_the_roots_name_counts(string mode)
    {
        var document = $"document: {{ {mode}root: orders, merge: {{ from: items, on: items.id = orders.id }} }}";

        Assert.Empty(ErrorsOf(document, "redis: { address: h, tables: { orders: { key: \"o:{id}\" } } }"));
        Assert.Equal(
            ["20:65 pipelines.p.sink.redis.tables: 'items' is not a table that the pipeline delivers. It delivers: orders."],
            ErrorsOf(document, "redis: { address: h, key: \"{table}:{id}\", tables: { items: { ttl: 1h } } }"));
    }

    // Lines before the sink are filled up, so that it always stands in line 20.
    private static string[] ErrorsOf(string document, string sink)
    {
        var yaml = $$"""
            sources: { shop: { mysql: { host: h, user: u, tables: ["shop.*"] } } }
            pipelines:
              p:
                from: shop
                tables: { orders: shop.orders, items: shop.items }
                {{document}}
            """;
        yaml += new string('\n', 20 - yaml.Split('\n').Length) + "    sink: { " + sink + " }\n";
        var (_, problems) = LeatFileReader.Read("/leat.yaml", Encoding.UTF8.GetBytes(yaml), ConnectorList.Catalog, TestConnectors.Environment);
        return [.. problems.Where(problem => problem.Severity == Severity.Error).Select(problem => $"{problem.Location?.Line}:{problem.Location?.Column} {problem.Message} {problem.Remedy}")];
    }
}
