using System.Text.Json;
using Leat.Tests.Tidy;
using Xunit;

namespace Leat.Tests.Commands;

public sealed class ExplainTests
{
    [Theory]
    [InlineData("LEAT-1107")]
    [InlineData("leat-1107")]
    [InlineData("1107")]
    public async Task Prints_the_page_of_a_code(string written)
    {
        var run = await Cli.RunAsync("explain", written);

        Assert.Equal(new Cli(0, Source.Read("docs/errors/LEAT-1107.md").TrimEnd() + "\n", ""), run);
    }

    [Theory]
    [InlineData("1199", "Did you mean 'LEAT-1200'? Run 'leat explain' for a list of all.")]
    [InlineData("banana", "Run 'leat explain' for a list of all.")]
    public async Task An_unknown_code_is_told_the_nearest(string written, string remedy)
    {
        var run = await Cli.RunAsync("explain", written);

        Assert.Equal(new Cli(2, "", $"error: '{written}' is not an error of Leat. [LEAT-5003]\n  {remedy}\n"), run);
    }

    [Fact]
    public async Task Without_a_code_all_are_listed()
    {
        var run = await Cli.RunAsync("explain");

        var pages = Source.Files("docs/errors", ".md").Select(file => Path.GetFileNameWithoutExtension(file) ?? "").ToArray();
        Assert.Equal(pages.Order(), run.Out.TrimEnd().Split('\n').Select(line => line.Split(' ')[0]));
        Assert.Contains("LEAT-1107  Environment variable not set\n", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_json_page_and_list_are_objects()
    {
        using var page = JsonDocument.Parse((await Cli.RunAsync("explain", "1107", "--json")).Out);
        using var list = JsonDocument.Parse((await Cli.RunAsync("explain", "--json")).Out);

        Assert.Equal(("LEAT-1107", "Environment variable not set"), (page.RootElement.GetProperty("code").GetString(), page.RootElement.GetProperty("title").GetString()));
        Assert.StartsWith("# LEAT-1107: ", page.RootElement.GetProperty("text").GetString(), StringComparison.Ordinal);
        Assert.Contains(list.RootElement.EnumerateArray(), item => item.GetProperty("code").GetString() == "LEAT-1107");
    }
}
