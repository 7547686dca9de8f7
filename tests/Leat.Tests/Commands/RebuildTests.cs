using Xunit;

namespace Leat.Tests.Commands;

public sealed class RebuildTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("leat-rebuild-").FullName;

    private string File => Path.Combine(_folder, "leat.yaml");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Documents_are_made_anew_and_rows_that_are_held_are_kept_by_a_redelivery()
    {
        Write("document: { root: orders }");

        var done = await Cli.RunAsync(["rebuild", "cache", "--file", File, "--snapshot", "--yes", "--server", "http://127.0.0.1:1"]);

        Assert.Equal(
            (0, "Pipeline 'cache' makes its documents anew when Leat is started, after source 'shop' has read its tables again, and from offset 0 of the log on, in epoch 2.\n"),
            (done.ExitCode, done.Out));
        Assert.Equal(
            new Cli(0, "Pipeline 'cache' would make its documents anew, from offset 0 of the log on: 0 records. Nothing is done without --yes.\n", ""),
            await Cli.RunAsync(["rebuild", "cache", "--file", File]));
        Assert.Equal(
            new Cli(0, "Pipeline 'cache' would deliver everything again, each document made of the rows that it holds. Nothing is done without --yes.\n", ""),
            await Cli.RunAsync(["redeliver", "cache", "--file", File]));
    }

    [Fact]
    public async Task A_pipeline_without_documents_has_nothing_to_build_anew()
    {
        Write("");

        Assert.Equal(
            new Cli(
                2, "", "error: Pipeline 'cache' makes no documents, so it holds nothing that could be built anew. [LEAT-3022]\n  To deliver everything again: `leat redeliver cache`.\n"),
            await Cli.RunAsync(["rebuild", "cache", "--file", File, "--yes"]));
    }

    private void Write(string document) => System.IO.File.WriteAllText(
        File,
        $$"""
        log: { folder: "{{Path.Combine(_folder, "log")}}" }
        sources: { shop: { simulator: { } } }
        pipelines:
          cache:
            from: shop
            tables: { orders: shop.orders }
            {{document}}
            sink: { redis: { address: "127.0.0.1:1", key: "order:{id}" } }
        """);
}
