using Leat.Tests.Tidy;
using Xunit;

namespace Leat.Tests.Commands;

public sealed class NewTests
{
    public static TheoryData<string, string, bool> Everything()
    {
        var data = new TheoryData<string, string, bool>();
        foreach (var source in ConnectorList.Catalog.Sources)
        {
            foreach (var sink in ConnectorList.Catalog.Sinks)
            {
                data.Add(source.Name, sink.Name, false);
                data.Add(source.Name, sink.Name, true);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Everything))]
    public async Task What_is_new_is_right(string source, string sink, bool isDocument)
    {
        using var folder = new TemporaryFolder();
        var file = Path.Combine(folder.Path, "new.yaml");
        string[] args = ["new", source, sink, "--output", file];

        var made = await Cli.RunAsync(isDocument ? [.. args, "--document"] : args);
        var check = await Cli.RunAsync("check", file, "--offline");

        Assert.Equal(new Cli(0, "", $"{file} is written. Look at it, then run 'leat check {file}'.\n"), made);
        Assert.Equal(new Cli(0, "", $"{file}: no problems.\n"), check);
        var text = await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken);
        Assert.StartsWith($"# From {source} to {sink}. ", text, StringComparison.Ordinal);
        Assert.Equal(isDocument, text.Contains("\n    document:\n", StringComparison.Ordinal));
        Assert.DoesNotContain(".yaml}", text, StringComparison.Ordinal);
        Assert.DoesNotContain("#document", text, StringComparison.Ordinal);
        Assert.DoesNotContain("#plain", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_anything_it_is_mysql_to_redis_on_standard_output()
    {
        var run = await Cli.RunAsync("new");

        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.StartsWith("# From mysql to redis. What to do with this file:\n#   leat check leat.yaml ", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_there_stays_as_it_is()
    {
        using var folder = new TemporaryFolder();
        var file = folder.Write("leat.yaml", "mine");

        var run = await Cli.RunAsync("new", "--output", file);

        Assert.Equal(
            new Cli(2, "", $"error: {file} is there already, and is left as it is. [LEAT-5120]\n  Name another file with --output, or remove this one first.\n"), run);
        Assert.Equal("mine", await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_folder_that_is_not_there_is_told()
    {
        using var folder = new TemporaryFolder();
        var file = Path.Combine(folder.Path, "none", "leat.yaml");

        var run = await Cli.RunAsync("new", "--output", file);

        Assert.Equal(
            new Cli(
                3, "", $"error: {file} cannot be written: Could not find a part of the path '{file}'. [LEAT-5121]\n"
                    + "  Name a file in a folder that exists and that this account may write to, or leave --output out.\n"),
            run);
    }

    [Theory]
    [InlineData("mysq", "redis", "'mysq' is not a source that Leat knows: did you mean 'mysql'?")]
    [InlineData("mysql", "kafka", "'kafka' is not a sink that Leat knows: expected one of elasticsearch, redis, mysql, postgresql, jsonlines.")]
    public async Task A_kind_that_there_is_not_is_told(string source, string sink, string expected) => Assert.Equal(
        new Cli(2, "", $"error: {expected}\nRun 'leat new --help' for what it takes.\n"), await Cli.RunAsync("new", source, sink));

    [Fact]
    public async Task Shells_complete_its_kinds()
    {
        var run = await Cli.RunAsync("[suggest:15]", "leat new mysql ");

        Assert.Superset(new HashSet<string> { "elasticsearch", "jsonlines" }, run.Out.Split('\n').ToHashSet());
    }

    [Fact]
    public async Task The_schema_is_printed_as_it_stands_in_the_documents() =>
        Assert.Equal(new Cli(0, Source.Read("docs/operating/leat.schema.json"), ""), await Cli.RunAsync("schema"));
}
