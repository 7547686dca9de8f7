using System.Text.Json.Nodes;
using Xunit;

namespace Leat.Tests.Commands;

public sealed class EnvelopeCommandTests : IDisposable
{
    private const string Shop = """
        sources:
          shop: { simulator: { seed: 1 } }
        pipelines:
          files: { from: shop, tables: { orders: shop.orders }, sink: { jsonlines: { folder: out } } }
        """;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("debezium", "op", "r")]
    [InlineData("canal", "type", "INSERT")]
    [InlineData("maxwell", "type", "bootstrap-insert")]
    [InlineData("leat", "op", "read")]
    public async Task Changes_are_captured_as_the_documents_asked_for(string format, string member, string value)
    {
        var run = await Cli.RunAsync("capture", File(), "--to", "now", "--format", format);

        Assert.Equal(0, run.ExitCode);
        var lines = run.Out.TrimEnd().Split('\n');
        Assert.All(lines, line => Assert.Equal(value, (string?)JsonNode.Parse(line)?[member]));
        Assert.StartsWith($"{lines.Length} changes in ", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--keys has no meaning with --format leat.", "--keys")]
    [InlineData("--keys has no meaning with --format canal.", "--keys", "--format", "canal")]
    [InlineData("--details has no meaning with --format canal.", "--details", "--format", "canal")]
    [InlineData("--decimals has no meaning with --format maxwell.", "--decimals", "string", "--format", "maxwell")]
    public async Task An_option_of_another_format_is_wrong_usage(string what, params string[] options) => Assert.Equal(
        new Cli(2, "", $"error: {what} [LEAT-5076]\n  Leave one of them out.\n"), await Cli.RunAsync(["capture", File(), .. options]));

    [Fact]
    public async Task With_keys_each_line_is_a_message()
    {
        var run = await Cli.RunAsync("capture", File(), "--to", "now", "--format", "debezium", "--keys");

        Assert.All(run.Out.TrimEnd().Split('\n'), line => Assert.Equal(["key", "value"], JsonNode.Parse(line)?.AsObject().Select(member => member.Key)));
    }

    private string File() => _folder.Write("leat.yaml", Shop);
}
