using System.Text;
using Leat.Changes;
using Leat.Connectors.Elasticsearch;
using Leat.Connectors.Elasticsearch.Wire;
using Leat.Tests.Changes;
using Xunit;

namespace Leat.Tests.Elasticsearch;

public sealed class AddressTests
{
    private static readonly TableSchema Table = new(
        new("shop", "lines"),
        [
            new() { Name = "a", Kind = ColumnKind.String },
            new() { Name = "b", Kind = ColumnKind.Int32 },
            new() { Name = "day", Kind = ColumnKind.Date },
            new() { Name = "at", Kind = ColumnKind.Timestamp },
            new() { Name = "kind", Kind = ColumnKind.String },
        ],
        [0, 1]);

    private static readonly Shape Shape = Writing.ShapeOf("lines", Table);

    [Theory]
    [InlineData("", "1", 23, "1:23")]
    [InlineData("", "1:2", 3, "1%3A2:3")]
    [InlineData("", "a%b", 3, "a%25b:3")]
    [InlineData(", id: \"{b}-{a}\"", "x-1", 7, "7-x%2D1")]
    [InlineData(", id: \"{table}/{a}/{b}\"", "x", 7, "lines/x/7")]
    [InlineData(", id: \"{{{a}}}_{b}\"", "x", 7, "{x}_7")]
    public void No_two_keys_share_an_id(string more, string a, int b, string id) => Assert.Equal(id, Id(more, a, b));

    [Fact]
    public void An_id_of_more_than_512_bytes_becomes_its_sha_256()
    {
        Assert.Equal(512, Id("", new string('x', 510), 1).Length);
        Assert.Equal(64, Id("", new string('x', 511), 1).Length);
        Assert.Equal(
            Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(new string('é', 300) + ":1"))), Id("", new string('é', 300), 1));
    }

    [Theory]
    [InlineData("lines", "lines")]
    [InlineData("{table}-v2", "lines-v2")]
    [InlineData("l-{day|yyyy.MM}", "l-2024.01")]
    [InlineData("l-{day|yyyy-MM-dd}", "l-2024-01-31")]
    [InlineData("l-{at|yyyyMMddHH}", "l-2024013112")]
    [InlineData("l-{kind}", "l-%c3%84 b%2fc.d")]
    public void An_index_is_named_after_columns(string template, string index)
    {
        var row = Rows.Encode(Table, "x", 1, Temporal.Date(2024, 1, 31), 1_706_702_400_000_000, "Ä B/C.d");
        Assert.Equal(index.Replace(" ", "%20", StringComparison.Ordinal), Index(template, row).Name);
    }

    [Theory]
    [InlineData("{kind}", "_x", false)]
    [InlineData("{kind}", "", false)]
    [InlineData("{kind}", "..", false)]
    [InlineData("l{kind}", "_x", true)]
    public void What_cannot_be_an_index_is_told(string template, string kind, bool valid) =>
        Assert.Equal(valid, Index(template, Rows.Encode(Table, "x", 1, null, null, kind)).IsValid);

    [Fact]
    public void A_null_date_is_left_out_of_the_index() =>
        Assert.Equal("l-", Index("l-{day|yyyy.MM}", Rows.Encode(Table, "x", 1, null, null, null)).Name);

    [Theory]
    [InlineData("index: orders", true, "orders")]
    [InlineData("index: \"l-{b}\"", true, "l-*")]
    [InlineData("index: \"l-{day|yyyy}-x\"", false, "l-*-x")]
    [InlineData("index: l, routing: \"{a}\"", true, "l")]
    [InlineData("index: l, routing: \"{kind}\"", false, "l")]
    public void Whether_the_key_alone_tells_the_address(string settings, bool isFixed, string pattern)
    {
        var address = Address(settings);
        Assert.Equal((isFixed, pattern), (address.IsFixed, address.IndexPattern));
    }

    [Theory]
    [InlineData("index: Orders", 4521, "'Orders' cannot be the name of the index of table 'lines'.")]
    [InlineData("index: { other: x }", 4520, "The table 'lines' of the pipeline has no index.")]
    [InlineData("index: \"l-{nope}\"", 4522, "The template 'l-{nope}' of table 'lines' uses nope, which is none of the table's delivered columns.")]
    [InlineData("index: \"l-{kind|yyyy}\"", 4523, "The template 'l-{kind|yyyy}' of table 'lines' wants the date of kind, whose type is no date.")]
    [InlineData("index: l, id: \"{a}{b}\"", 4524, "The template '{a}{b}' of table 'lines' has two columns with nothing between: (1, 23) and (12, 3) would share one id.")]
    [InlineData("index: l, id: \"{a}\"", 4525, "The id '{a}' of table 'lines' lacks the key column b: several rows would share one document.")]
    [InlineData("index: l, id: \"{a}:{b}:{kind}\"", 4526, "The id '{a}:{b}:{kind}' of table 'lines' uses kind, which is not a column of its primary key.")]
    [InlineData("index: l, join: { field: f, tables: { other: o } }", 4528, "The table 'lines' has no place in the sink's `join`.")]
    public void What_does_not_fit_the_table_is_told(string settings, int code, string what)
    {
        var error = Assert.Throws<PauseException>(() => Address(settings));
        Assert.Equal((new ErrorCode(code), what), (error.Code, error.What));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("a}")]
    [InlineData("{}")]
    [InlineData("{a|}")]
    [InlineData("{a|yy}")]
    [InlineData("{a|yyyy/MM}")]
    [InlineData("{a|now}")]
    public void A_malformed_template_is_refused(string text) => Assert.False(AddressTemplate.TryParse(text, out _));

    private static DocumentAddress Address(string settings) => new(Shape, Writing.Options($"{{ url: \"http://a:1\", {settings} }}"));

    private static string Id(string more, string a, int b)
    {
        var row = new RowReader(Table, Rows.Encode(Table, a, b, null, null, null));
        var target = new JsonBuffer();
        Assert.True(Address("index: l" + more).WriteId(ref row, target));
        return Encoding.UTF8.GetString(target.Written);
    }

    private static (string Name, bool IsValid) Index(string template, byte[] bytes)
    {
        var row = new RowReader(Table, bytes);
        var target = new JsonBuffer();
        var valid = Address($"index: \"{template}\"").WriteIndex(ref row, target);
        return (Encoding.UTF8.GetString(target.Written), valid);
    }
}
