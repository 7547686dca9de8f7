using System.Text.Json;
using Xunit;

namespace Leat.Tests.Commands;

public sealed class PreviewTests : IDisposable
{
    private const string Right = """
        sources:
          shop: { simulator: { seed: 1, customers: 20 } }
        pipelines:
          files:
            from: shop
            tables:
              customers: { table: shop.customers, columns: [id, { town: city }], set: { mail: "upper(email)" }, where: "vip = 1" }
              products: { table: shop.products, columns: [id, sku] }
            sink: { jsonlines: { folder: out } }

        """;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Shows_rows_before_and_after_and_what_is_passed_over()
    {
        var run = await Cli.RunAsync("preview", _folder.Write("leat.yaml", Right), "--rows", "2", "--table", "customers");

        Assert.Equal(0, run.ExitCode);
        var lines = run.Out.TrimEnd().Split('\n');
        Assert.Equal(5, lines.Length);
        Assert.Equal("files: customers", lines[0]);
        for (var at = 1; at < 5; at += 2)
        {
            using var before = JsonDocument.Parse(lines[at]["  before  ".Length..]);
            using var after = JsonDocument.Parse(lines[at + 1]["  after   ".Length..]);
            Assert.Equal(1, before.RootElement.GetProperty("vip").GetInt32());
            Assert.Equal(["id", "town", "mail"], after.RootElement.EnumerateObject().Select(member => member.Name));
            Assert.Equal(before.RootElement.GetProperty("city").GetString(), after.RootElement.GetProperty("town").GetString());
            Assert.Equal(before.RootElement.GetProperty("email").GetString()?.ToUpperInvariant(), after.RootElement.GetProperty("mail").GetString());
        }

        Assert.Matches(@"^files: customers: \d+ rows read, \d+ of them not delivered\.\n$", run.Error);
        Assert.False(Directory.Exists(Path.Combine(_folder.Path, "out")));
        Assert.False(Directory.Exists(Path.Combine(_folder.Path, "leat-data")));
    }

    [Fact]
    public async Task With_json_every_table_is_a_part_of_the_result()
    {
        var run = await Cli.RunAsync("preview", _folder.Write("leat.yaml", Right), "--rows", "1", "--json");

        using var envelope = JsonDocument.Parse(run.Out);
        var parts = envelope.RootElement.GetProperty("result").GetProperty("pipelines")[0].GetProperty("parts");
        Assert.Equal(["customers", "products"], parts.EnumerateArray().Select(part => part.GetProperty("table").GetString()));
        Assert.Equal("sku", parts[1].GetProperty("rows")[0].GetProperty("after").EnumerateObject().Last().Name);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
    }

    [Fact]
    public async Task A_table_that_no_pipeline_takes_is_refused()
    {
        var file = _folder.Write("leat.yaml", Right);

        var run = await Cli.RunAsync("preview", file, "--table", "custmers");

        Assert.Equal(2, run.ExitCode);
        Assert.Contains("Did you mean 'customers'?", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_document_is_shown_with_the_rows_that_it_is_made_of()
    {
        var run = await Cli.RunAsync("preview", _folder.Write("leat.yaml", Documents("""
            document:
              root: orders
              where: count(items) > 1
              nest: [ { as: items, from: order_items, on: order_items.order_id = orders.id, key: id } ]
            """)), "--rows", "2", "--json");

        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        using var envelope = JsonDocument.Parse(run.Out);
        var part = envelope.RootElement.GetProperty("result").GetProperty("pipelines")[0].GetProperty("parts")[0];
        Assert.True(part.GetProperty("document").GetBoolean());
        Assert.Equal(2, part.GetProperty("rows").GetArrayLength());
        foreach (var row in part.GetProperty("rows").EnumerateArray())
        {
            var before = row.GetProperty("before").EnumerateArray().ToList();
            var items = row.GetProperty("after").GetProperty("items");
            Assert.Equal("orders", before[0].GetProperty("table").GetString());
            Assert.True(items.GetArrayLength() > 1);
            Assert.Equal(
                before.Skip(1).Select(one => one.GetProperty("row").GetProperty("id").GetInt64()), items.EnumerateArray().Select(item => item.GetProperty("id").GetInt64()));
        }
    }

    [Fact]
    public async Task Groups_are_shown_as_they_are_over_the_rows_that_were_read()
    {
        var run = await Cli.RunAsync("preview", _folder.Write("leat.yaml", Documents(
            "document: { root: orders, group: { status: status }, set: { n: count(*), pieces: sum(items.quantity) }, "
            + "nest: [ { as: items, from: order_items, on: order_items.order_id = orders.id, key: id } ] }")), "--rows", "1");

        Assert.Equal(0, run.ExitCode);
        Assert.Matches(@"^docs: groups of orders\n  new  \{\n    ""status"": ""new"",\n    ""n"": \d+,\n    ""pieces"": \d+\n  \}\n$", run.Out);
        Assert.Matches(@"^docs: orders: \d+ rows read, all there are\.\n$", run.Error);
    }

    private static string Documents(string document) => """
        sources:
          shop: { simulator: { seed: 1, customers: 20 } }
        pipelines:
          docs:
            from: shop
            tables: { orders: { table: shop.orders, columns: [id, status, note] }, order_items: shop.order_items }
            sink: { jsonlines: { folder: out } }

        """ + "    " + document.Replace("\n", "\n    ", StringComparison.Ordinal) + "\n";
}
