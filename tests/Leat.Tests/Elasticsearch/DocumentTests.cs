using System.Text;
using System.Text.Json;
using Leat.Changes;
using Leat.Connectors.Elasticsearch;
using Leat.Connectors.Elasticsearch.Wire;
using Leat.Tests.Changes;
using Xunit;

namespace Leat.Tests.Elasticsearch;

/// <summary>Each type's form in a document (TYPES.md), and that what is read back is what is expected.</summary>
public sealed class DocumentTests
{
    public static TheoryData<string, Column, object?, string, string?> Values => new()
    {
        { "int8", Of(ColumnKind.Int8), -128, "-128", "-128" },
        { "int16", Of(ColumnKind.Int16), -32768, "-32768", "-32768" },
        { "int32", Of(ColumnKind.Int32), int.MinValue, "-2147483648", "-2147483648" },
        { "int64", Of(ColumnKind.Int64), long.MinValue, "-9223372036854775808", "-9223372036854775808" },
        { "uint8", Of(ColumnKind.UInt8), 255, "255", "255" },
        { "uint16", Of(ColumnKind.UInt16), 65535, "65535", "65535" },
        { "uint32", Of(ColumnKind.UInt32), uint.MaxValue, "4294967295", "4294967295" },
        { "uint64", Of(ColumnKind.UInt64), ulong.MaxValue, "18446744073709551615", "18446744073709551615" },
        { "bit", Of(ColumnKind.Bit) with { Length = 64 }, ulong.MaxValue, "18446744073709551615", "18446744073709551615" },
        { "year", Of(ColumnKind.Year), 1999, "1999", "1999" },
        { "float", Of(ColumnKind.Float32), 0.1f, "0.1", "0.1" },
        { "large float", Of(ColumnKind.Float32), 1e20f, "1E+20", "1E+20" },
        { "double", Of(ColumnKind.Float64), -2.5e-300, "-2.5E-300", "-2.5E-300" },
        { "no number", Of(ColumnKind.Float64), double.NaN, "\"NaN\"", "NaN" },
        { "decimal", Of(ColumnKind.Decimal) with { Precision = 30, Scale = 2 }, "-1234567890123456789012345678.90", "\"-1234567890123456789012345678.90\"", "-1234567890123456789012345678.90" },
        { "text", Of(ColumnKind.String), "a\"b\\c\n\t\u0001é€😀/", "\"a\\\"b\\\\c\\n\\t\\u0001é€😀/\"", "a\"b\\c\n\t\u0001é€😀/" },
        { "empty text", Of(ColumnKind.String), "", "\"\"", "" },
        { "binary", Of(ColumnKind.Binary), new byte[] { 0, 255, 16 }, "\"AP8Q\"", "AP8Q" },
        { "json", Of(ColumnKind.Json), "{\"b\": 1,\n \"a\":[1.50,\"x\"]}", "{\"b\": 1,  \"a\":[1.50,\"x\"]}", "{\"b\":1,\"a\":[1.5,\"x\"]}" },
        { "json string", Of(ColumnKind.Json), "\"x\"", "\"x\"", "x" },
        { "no json", Of(ColumnKind.Json), "{broken", "\"{broken\"", "{broken" },
        { "enum", Of(ColumnKind.Enum) with { Labels = ["new", "pa\"id"] }, 2, "\"pa\\\"id\"", "pa\"id" },
        { "enum 0", Of(ColumnKind.Enum) with { Labels = ["new"] }, 0, "\"\"", "" },
        { "set", Of(ColumnKind.Set) with { Labels = ["a", "b", "c"] }, 5, "[\"a\",\"c\"]", "a,c" },
        { "empty set", Of(ColumnKind.Set) with { Labels = ["a"] }, 0, "[]", "" },
        { "date", Of(ColumnKind.Date), Temporal.Date(2024, 1, 31), "\"2024-01-31\"", "2024-01-31" },
        { "zero date", Of(ColumnKind.Date), 0, "null", null },
        { "partial date", Of(ColumnKind.Date), Temporal.Date(2024, 0, 0), "null", null },
        { "time", Of(ColumnKind.Time) with { Scale = 3 }, -45_296_500_000, "\"-12:34:56.500\"", "-12:34:56.500" },
        { "datetime", Of(ColumnKind.DateTime) with { Scale = 6 }, Temporal.DateTime(2024, 1, 31, 12, 0, 0, 123456), "\"2024-01-31T12:00:00.123456\"", "2024-01-31 12:00:00.123456" },
        { "zero datetime", Of(ColumnKind.DateTime), 0UL, "null", null },
        { "timestamp", Of(ColumnKind.Timestamp), 1_706_702_400_000_000, "\"2024-01-31T12:00:00Z\"", "2024-01-31 12:00:00" },
        { "zero timestamp", Of(ColumnKind.Timestamp), Temporal.ZeroTimestamp, "null", null },
        { "null", Of(ColumnKind.String), null, "null", null },
    };

    [Theory]
    [MemberData(nameof(Values))]
    public void Each_type_has_its_form_and_is_read_back(string name, Column column, object? value, string json, string? canonical)
    {
        var (written, row) = Write(column, value, "");

        Assert.Equal($$"""{"id":1,"c":{{json}}}""", written);
        AssertRead(column, row, written, "", canonical);
        Assert.NotEmpty(name);
    }

    [Theory]
    [InlineData("12.50", 2, "12.50")]
    [InlineData("-0.00", 2, "-0.00")]
    [InlineData("7", 0, "7")]
    public void Decimals_can_be_numbers(string digits, int scale, string canonical)
    {
        var column = Of(ColumnKind.Decimal) with { Precision = 10, Scale = scale };

        var (written, row) = Write(column, digits, "decimals: number");

        Assert.Equal($$"""{"id":1,"c":{{digits}}}""", written);
        AssertRead(column, row, written, "decimals: number", canonical);
    }

    [Fact]
    public void A_server_that_writes_a_document_anew_changes_nothing_that_counts()
    {
        var money = Of(ColumnKind.Decimal) with { Precision = 10, Scale = 2 };
        var (_, row) = Write(money, "12.50", "decimals: number");
        AssertRead(money, row, """{"c":12.5,"id":1}""", "decimals: number", "12.50");

        var (_, json) = Write(Of(ColumnKind.Json), """{ "a" : 1e2 }""", "");
        AssertRead(Of(ColumnKind.Json), json, """{"c":{"a":100.0},"id":1}""", "", """{"a":100}""");

        var (_, number) = Write(Of(ColumnKind.Float64), 1e20, "");
        AssertRead(Of(ColumnKind.Float64), number, """{"c":1.0E20,"id":1}""", "", "1E+20");
    }

    [Fact]
    public void Zero_dates_can_be_text()
    {
        Assert.Equal("""{"id":1,"c":"0000-00-00"}""", Write(Of(ColumnKind.Date), 0, "zero_dates: text").Json);
        Assert.Equal("""{"id":1,"c":"2024-01-00 00:00:00"}""", Write(Of(ColumnKind.DateTime), Temporal.DateTime(2024, 1, 0, 0, 0, 0, 0), "zero_dates: text").Json);
    }

    [Fact]
    public void An_absent_column_is_left_out()
    {
        var schema = Schema(Of(ColumnKind.String)).As(partial: true);
        var bytes = new byte[32];
        var row = RowWriter.Partial(bytes, 2);
        row.WriteUInt32(1);
        row.WriteAbsent();
        var target = new JsonBuffer();

        new DocumentWriter(Writing.ShapeOf("t", schema), Writing.Options("{ url: \"http://a:1\", index: i }")).Write(bytes.AsSpan(0, row.WrittenBytes), default, deleted: false, target);

        Assert.Equal("""{"id":1}""", Encoding.UTF8.GetString(target.Written));
    }

    [Fact]
    public void Text_is_escaped_wherever_a_special_letter_stands()
    {
        foreach (var special in new[] { "\"", "\\", "\n", "\u0000", "\u001f" })
        {
            for (var place = 0; place < 70; place++)
            {
                var text = new string('x', place) + special + new string('é', 3) + special;
                var buffer = new JsonBuffer(1);
                buffer.Text(Encoding.UTF8.GetBytes(text));
                Assert.Equal(text, JsonSerializer.Deserialize<string>(buffer.Written));
            }
        }
    }

    private static Column Of(ColumnKind kind) => new() { Name = "c", Kind = kind };

    private static TableSchema Schema(Column column) => new(new("s", "t"), [new() { Name = "id", Kind = ColumnKind.Int32 }, column], [0]);

    private static (string Json, byte[] Row) Write(Column column, object? value, string more)
    {
        var schema = Schema(column);
        var row = Rows.Encode(schema, 1, value);
        var target = new JsonBuffer();
        new DocumentWriter(Writing.ShapeOf("t", schema), OptionsOf(more)).Write(row, default, deleted: false, target);
        return (Encoding.UTF8.GetString(target.Written), row);
    }

    private static void AssertRead(Column column, byte[] row, string document, string more, string? canonical)
    {
        var reader = new DocumentReader(new(Writing.ShapeOf("t", Schema(column)), OptionsOf(more)), OptionsOf(more));
        using var source = JsonDocument.Parse(document);

        var found = reader.Read("1", source.RootElement);
        var expected = reader.Expect(row);

        Assert.Equal(canonical, found!.Fields[1].Value);
        Assert.Equal(Writing.Show(expected), Writing.Show(found));
    }

    private static ElasticsearchSinkOptions OptionsOf(string more) => Writing.Options($"{{ url: \"http://a:1\", index: i, {more} }}");
}
