using System.Text.Json;
using Leat.Demo;
using Leat.Tests.Elasticsearch;
using Xunit;

namespace Leat.IntegrationTests.EndToEnd;

/// <summary>The sample of documents, looked at by every command that looks, run, and compared, on the demo's shop.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class OrdersSearchTests(ITestOutputHelper output)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private static string Sample => Path.Combine(Repository.Root, "samples", "orders-search", "leat.yaml");

    [Fact]
    public async Task Documents_are_as_previewed_planned_and_compared()
    {
        await using var rig = await ShopRig.StartAsync(seed: 7, customers: 60);
        var (port, server) = Server();
        await AssertRunsAsync(rig, "check", Sample);
        await AssertPreviewAsync(rig);
        var before = await AssertRunsAsync(rig, "plan", Sample, "--server", server);
        Assert.Contains("order_items.order_id = orders.id, found by an index", before, StringComparison.Ordinal);
        Assert.Matches(@"└─ when run  nothing is captured yet: the source reads its tables, about [\d,]+ rows, then each document is written once\n", before);

        await using var leat = LeatProcess.Run(Sample, port, rig.Environment);
        rig.Open(transactionsPerSecond: 200);
        await leat.WaitForStatusAsync(status => Delivered(status) > 200, TimeSpan.FromSeconds(60), Cancelled);
        await AssertRunsAsync(rig, "compare", Sample, "--server", server); // while orders come and go
        await rig.CloseAsync();
        await rig.WaitUntilDeliveredAsync(leat);
        Assert.Matches(@"^orders-search: equal, [\d,]+ rows\.\n$", await AssertRunsAsync(rig, "compare", Sample, "--server", server));
        Assert.Equal(0, (await leat.StopAsync(Cancelled)).ExitCode);

        Assert.Contains("└─ when run  the rows held fit and are kept; goes on where it stopped", await AssertRunsAsync(rig, "plan", Sample), StringComparison.Ordinal);
        var wider = Path.Combine(rig.Folder, "wider.yaml");
        await File.WriteAllTextAsync(wider, (await File.ReadAllTextAsync(Sample, Cancelled)).Replace("fields: [id, product_id,", "fields: [id, order_id, product_id,", StringComparison.Ordinal)
            .Replace("note, placed_at]", "note, placed_at, changed_at]", StringComparison.Ordinal), Cancelled);
        Assert.Contains("└─ when run  the rows held are of another plan and are gathered anew: the stream 'shop' is read from its start", await AssertRunsAsync(rig, "plan", wider), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_demo_delivers_documents_to_Elasticsearch_when_an_address_is_given()
    {
        TestServers.Require();
        await using var server = new FakeElasticsearch();
        var environment = new Dictionary<string, string> { ["TMPDIR"] = TestRunFolder.New(), ["LEAT_DEMO_ELASTICSEARCH"] = server.Url.ToString() };

        var (code, table, said) = await LeatProcess.RunToEndAsync(environment, Cancelled, "demo", "--duration", "5s");

        output.WriteLine(said + table);
        Assert.True(code == 0, said + table);
        foreach (var pipeline in (string[])["orders-search", "orders-elasticsearch"])
            Assert.Matches($"{pipeline}: equal, [0-9,]+ rows\\.", table);
        Assert.Contains("orders-search", server.Cluster.Indexes);
    }

    // An order that is read before its items could have been: what is shown fits together all the same, for nothing changes yet.
    private async Task AssertPreviewAsync(ShopRig rig)
    {
        using var envelope = JsonDocument.Parse(await AssertRunsAsync(rig, "preview", Sample, "--rows", "3", "--json"));
        var rows = envelope.RootElement.GetProperty("result").GetProperty("pipelines")[0].GetProperty("parts")[0].GetProperty("rows");
        Assert.Equal(3, rows.GetArrayLength());
        foreach (var row in rows.EnumerateArray())
        {
            var items = row.GetProperty("before").EnumerateArray().Where(one => one.GetProperty("table").GetString() == "order_items").ToList();
            Assert.NotEmpty(items);
            Assert.Equal(items.Count, row.GetProperty("after").GetProperty("items").GetArrayLength());
            Assert.All(items, item => Assert.Equal(row.GetProperty("key").GetString(), item.GetProperty("row").GetProperty("order_id").GetRawText()));
        }
    }

    private async Task<string> AssertRunsAsync(ShopRig rig, params string[] arguments)
    {
        var (code, told, said) = await LeatProcess.RunToEndAsync(rig.Environment, Cancelled, arguments);
        output.WriteLine($"leat {string.Join(' ', arguments)}\n{said}{told}");
        Assert.True(code == 0, said + told);
        return told;
    }

    private static (int Port, string Server) Server()
    {
        var port = FreePorts.Next();
        return (port, $"http://127.0.0.1:{port}");
    }

    private static long Delivered(JsonElement status) => status.GetProperty("pipelines")[0].GetProperty("accounting").GetProperty("applied").GetInt64();
}
