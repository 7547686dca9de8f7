using System.Text;
using Leat.Changes;
using Leat.Changes.Formats;
using Xunit;

namespace Leat.Tests.Changes;

public sealed class SchemaJsonTests
{
    private static readonly TableSchema Orders = new(
        new("shop", "orders"),
        [
            new() { Name = "id", Kind = ColumnKind.UInt32, Nullable = false, SourceType = "int(10) unsigned" },
            new() { Name = "total", Kind = ColumnKind.Decimal, Precision = 10, Scale = 2 },
            new() { Name = "state", Kind = ColumnKind.Enum, Nullable = false, Labels = ["new", "paid"] },
        ],
        [0]);

    [Fact]
    public void Writes_the_documented_bytes() => Assert.Equal(
        """
        {"id":7,"table":"shop.orders","database":"shop","version":2,"columns":[{"name":"id","kind":"uint32","nullable":false,"type":"int(10) unsigned"},{"name":"total","kind":"decimal","nullable":true,"precision":10,"scale":2},{"name":"state","kind":"enum","nullable":false,"labels":["new","paid"]}],"key":[0]}
        """,
        Encoding.UTF8.GetString(SchemaJson.Write(7, 2, Orders)));

    [Fact]
    public void Reads_what_it_wrote()
    {
        var (id, version, schema) = SchemaJson.Read(SchemaJson.Write(7, 2, Orders));

        Assert.Equal((7u, 2), (id, version));
        Assert.Equal(Orders, schema);
    }

    [Fact]
    public void Says_that_all_columns_stand_in_for_a_key()
    {
        var keyless = new TableSchema(Orders.Table, Orders.Columns, [0, 1, 2]) { IsKeyless = true };
        var json = SchemaJson.Write(7, 2, keyless);

        Assert.EndsWith("""],"key":[0,1,2],"keyless":true}""", Encoding.UTF8.GetString(json), StringComparison.Ordinal);
        Assert.Equal(keyless, SchemaJson.Read(json).Schema);
        Assert.NotEqual(new TableSchema(Orders.Table, Orders.Columns, [0, 1, 2]), keyless);
    }

    [Fact]
    public void Reads_every_kind_and_names_with_dots()
    {
        var all = new TableSchema(
            new("a.b", "c.d"),
            [.. Enum.GetValues<ColumnKind>().Select((kind, i) => new Column { Name = $"c{i}", Kind = kind, Length = i })],
            []);

        Assert.Equal(all, SchemaJson.Read(SchemaJson.Write(uint.MaxValue, 1, all)).Schema);
    }

    [Theory]
    [InlineData("""{"id":1}""", "Not a schema record: The given key was not present in the dictionary.")]
    [InlineData(
        """{"id":1,"table":"a.b","database":"c","version":1,"columns":[],"key":[]}""",
        "A schema record names table 'a.b', which is not in its database 'c'.")]
    [InlineData(
        """{"id":1,"table":"a.b","database":"a","version":1,"columns":[{"name":"x","kind":"int8","nullable":true}],"key":[1]}""",
        "The schema record of a.b has 1 columns and the key [1].")]
    [InlineData(
        """{"id":1,"table":"a.b","database":"a","version":1,"columns":[{"name":"x","kind":"int128","nullable":true}],"key":[0]}""",
        "A schema record has a column of the unknown kind 'int128'.")]
    public void Refuses_what_is_not_a_schema(string json, string message) =>
        Assert.Equal(message, Assert.Throws<InvalidDataException>(() => SchemaJson.Read(Encoding.UTF8.GetBytes(json))).Message);
}
