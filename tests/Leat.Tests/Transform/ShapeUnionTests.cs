using Leat.Changes;
using Leat.Transform.Plan;
using Xunit;

namespace Leat.Tests.Transform;

public sealed class ShapeUnionTests
{
    [Theory]
    [InlineData("int8", "int8", "int8")]
    [InlineData("int8", "int32", "int32")]
    [InlineData("uint8", "int8", "int16")]
    [InlineData("uint32", "int32", "int64")]
    [InlineData("uint8", "int64", "int64")]
    [InlineData("uint64", "int8", "decimal(20,0)")]
    [InlineData("uint64", "uint8", "uint64")]
    [InlineData("int32", "decimal(6,4)", "decimal(14,4)")]
    [InlineData("decimal(6,2)", "decimal(5,4)", "decimal(8,4)")]
    [InlineData("decimal(65,0)", "decimal(10,10)", null)]
    [InlineData("float32", "float64", "float64")]
    [InlineData("int32", "float32", "float64")]
    [InlineData("int64", "float64", null)]
    [InlineData("string(20)", "string(50)", "string(50)")]
    [InlineData("string(20)", "enum(a,b)", "string")]
    [InlineData("enum(a,b)", "enum(a,b,c)", "enum(a,b,c)")]
    [InlineData("enum(a,b)", "enum(b,a)", "string")]
    [InlineData("date", "datetime", "datetime")]
    [InlineData("date", "int32", null)]
    [InlineData("json", "string(9)", null)]
    public void Types_are_widened_as_far_as_no_value_is_lost(string a, string b, string? expected)
    {
        Assert.Equal(expected, TextOf(ShapeUnion.Widen(Parse(a), Parse(b))));
        Assert.Equal(expected, TextOf(ShapeUnion.Widen(Parse(b), Parse(a))));
    }

    [Fact]
    public void Columns_go_together_by_name_and_those_that_a_table_lacks_may_be_NULL()
    {
        var one = new TableSchema(new("shop", "a"), [Id(), new() { Name = "x", Kind = ColumnKind.Int8, Nullable = false }], [0]);
        var two = new TableSchema(new("shop", "b"), [new() { Name = "y", Kind = ColumnKind.Date, Nullable = false }, Id()], [1]);

        var both = ShapeUnion.Widen(one, two, out var problem);

        Assert.Null(problem);
        Assert.Equal(["id int32", "x int8 null", "y date null"], both.Columns.Select(column => $"{column.Name} {TextOf(column)}{(column.Nullable ? " null" : "")}"));
        Assert.Equal([0], both.Key);
        Assert.Same(both, ShapeUnion.Widen(both, one, out problem));
    }

    [Fact]
    public void Another_key_does_not_go_together()
    {
        var one = new TableSchema(new("shop", "a"), [Id()], [0]);
        var two = new TableSchema(new("shop", "b"), [Id(), new() { Name = "x", Kind = ColumnKind.Int8 }], [0, 1]);

        ShapeUnion.Widen(one, two, out var problem);

        Assert.Equal("the key of shop.b is (id, x), and that of the tables before it (id).", problem);
    }

    private static Column Id() => new() { Name = "id", Kind = ColumnKind.Int32, Nullable = false };

    private static Column Parse(string text)
    {
        var (name, rest) = text.IndexOf('(') is var open and >= 0 ? (text[..open], text[(open + 1)..^1].Split(',')) : (text, []);
        var kind = Enum.Parse<ColumnKind>(name, ignoreCase: true);
        var column = new Column { Name = "c", Kind = kind };
        return kind switch
        {
            ColumnKind.Decimal => column with { Precision = int.Parse(rest[0], null), Scale = int.Parse(rest[1], null) },
            ColumnKind.Enum => column with { Labels = [.. rest] },
            _ => rest.Length > 0 ? column with { Length = int.Parse(rest[0], null) } : column,
        };
    }

    private static string? TextOf(Column? column) => column?.Kind switch
    {
        null => null,
        ColumnKind.Decimal => $"decimal({column.Precision},{column.Scale})",
        ColumnKind.Enum => $"enum({string.Join(',', column.Labels)})",
        var kind => $"{kind}{(column.Length > 0 ? $"({column.Length})" : "")}".ToLowerInvariant(),
    };
}
