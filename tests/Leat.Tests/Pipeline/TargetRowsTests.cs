using Leat.Changes;
using Leat.Connectors.Redis;
using Leat.Pipeline;
using Leat.Tests.Changes;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.Tests.Pipeline;

public sealed class TargetRowsTests
{
    [Theory]
    [InlineData(true, "x", null)]
    [InlineData(true, null, "y")]
    [InlineData(true, "", "%NULL")]
    [InlineData(false, "x", "y")]
    public void A_row_that_a_target_holds_can_be_asked_for_again(bool isKeyless, string? a, string? b)
    {
        Column[] columns = [new() { Name = "a", Kind = ColumnKind.String, Nullable = isKeyless }, new() { Name = "b", Kind = ColumnKind.String, Nullable = isKeyless }];
        var schema = new TableSchema(new("shop", "pairs"), [.. columns], [0, 1]) { IsKeyless = isKeyless };
        var shape = new Shape { Alias = "pairs", Schema = schema, Columns = [new("a", 0), new("b", 1)], Key = [0, 1] };
        var sink = Sink("p:{a}:{b}");
        var row = Rows.Encode(schema, a, b);

        Assert.Equal(row, TargetRows.Encode(sink, shape, sink.Expect(shape, row)));
    }

    [Fact]
    public void A_row_whose_key_no_row_of_the_source_can_have_is_foreign()
    {
        var schema = new TableSchema(new("shop", "pairs"), [new() { Name = "a", Kind = ColumnKind.Int32 }], [0]);
        var shape = new Shape { Alias = "pairs", Schema = schema, Columns = [new("a", 0)], Key = [0] };
        var sink = Sink("p:{a}");

        Assert.Null(TargetRows.Encode(sink, shape, new("p:1:more", [new("a", "1")])));
        Assert.Null(TargetRows.Encode(sink, shape, new("p:1", [new("a", null)])));
    }

    private static RedisSink Sink(string text)
    {
        Assert.True(KeyTemplate.TryParse(text, out var template));
        return new(new() { Host = "127.0.0.1", Keys = new Dictionary<string, KeyTemplate> { [""] = template } }, new("p", NullLoggerFactory.Instance, TimeProvider.System));
    }
}
