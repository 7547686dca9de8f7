using Leat.Changes;
using Leat.Changes.Formats;
using Xunit;

namespace Leat.Tests.Changes;

public sealed class ValueParserTests
{
    [Theory]
    [InlineData(ColumnKind.Int8, "-128", "0", "127")]
    [InlineData(ColumnKind.UInt8, "0", "255")]
    [InlineData(ColumnKind.Int16, "-32768", "32767")]
    [InlineData(ColumnKind.UInt16, "65535")]
    [InlineData(ColumnKind.Int32, "-2147483648", "2147483647")]
    [InlineData(ColumnKind.UInt32, "4294967295")]
    [InlineData(ColumnKind.Int64, "-9223372036854775808", "9223372036854775807")]
    [InlineData(ColumnKind.UInt64, "18446744073709551615")]
    [InlineData(ColumnKind.Float32, "-1.5", "3.4028235E+38")]
    [InlineData(ColumnKind.Float64, "0.1", "-1.7976931348623157E+308")]
    [InlineData(ColumnKind.Decimal, "-0.50", "12345678901234567890.00")]
    [InlineData(ColumnKind.String, "", "a'b\\c", "größer")]
    [InlineData(ColumnKind.Json, "{\"a\": 1}")]
    [InlineData(ColumnKind.Binary, "", "AAEC/w==")]
    [InlineData(ColumnKind.Bit, "5")]
    [InlineData(ColumnKind.Enum, "", "b")]
    [InlineData(ColumnKind.Set, "", "a,c")]
    [InlineData(ColumnKind.Year, "0000", "2155")]
    [InlineData(ColumnKind.Date, "2024-01-31", "0000-00-00", "2024-00-00", "9999-12-31")]
    [InlineData(ColumnKind.Time, "-838:59:59.99", "00:00:00.00", "12:34:56.78")]
    [InlineData(ColumnKind.DateTime, "2024-01-31 12:00:00.12", "0000-00-00 00:00:00.00", "2024-00-00 23:59:59.99")]
    [InlineData(ColumnKind.Timestamp, "1970-01-01 00:00:01.00", "2038-01-19 03:14:07.99", "0000-00-00 00:00:00.00")]
    public void Reads_back_what_is_written(ColumnKind kind, params string[] texts)
    {
        foreach (var text in texts)
        {
            var row = Parse(kind, text) ?? throw new Xunit.Sdk.XunitException($"'{text}' was not understood.");
            var reader = new RowReader(SchemaOf(kind), row);
            reader.Seek(0);
            Assert.Equal(text, ValueText.Of(ref reader));
        }
    }

    [Theory]
    [InlineData(ColumnKind.Int8, "128", "", "x", " 1", "1.0")]
    [InlineData(ColumnKind.UInt32, "-1", "4294967296")]
    [InlineData(ColumnKind.Decimal, "1", "1.5", "1.555", ".50", "-", "1e5")]
    [InlineData(ColumnKind.Binary, "not base64")]
    [InlineData(ColumnKind.Enum, "d")]
    [InlineData(ColumnKind.Set, "a,d")]
    [InlineData(ColumnKind.Date, "2024-13-01", "2024-01-32", "2024/01/01", "2024-01-31 00:00:00", "")]
    [InlineData(ColumnKind.Time, "12:34", "839:00:00.00", "12:60:00.00", "12:00:00.")]
    [InlineData(ColumnKind.DateTime, "2024-01-31", "2024-01-31x12:00:00", "2024-01-31 24:00:00")]
    [InlineData(ColumnKind.Timestamp, "2024-00-01 00:00:00", "2023-02-29 00:00:00")]
    public void Refuses_what_is_no_value_of_the_column(ColumnKind kind, params string[] texts)
    {
        foreach (var text in texts)
            Assert.True(Parse(kind, text) is null, $"'{text}' was taken for a {kind}.");
    }

    [Fact]
    public void Takes_the_forms_of_JSON_for_date_and_time()
    {
        Assert.Equal(Parse(ColumnKind.DateTime, "2024-01-31 12:00:00.12"), Parse(ColumnKind.DateTime, "2024-01-31T12:00:00.12"));
        Assert.Equal(Parse(ColumnKind.Timestamp, "2024-01-31 12:00:00.12"), Parse(ColumnKind.Timestamp, "2024-01-31T12:00:00.12Z"));
    }

    private static byte[]? Parse(ColumnKind kind, string text)
    {
        var bytes = new byte[64 + text.Length * 4];
        var writer = new RowWriter(bytes, 1);
        return ValueParser.TryWrite(SchemaOf(kind).Columns[0], text, ref writer) ? bytes[..writer.WrittenBytes] : null;
    }

    private static TableSchema SchemaOf(ColumnKind kind) =>
        new(new("shop", "items"), [new() { Name = "c", Kind = kind, Scale = 2, Precision = 30, Labels = kind is ColumnKind.Enum or ColumnKind.Set ? ["a", "b", "c"] : [] }], [0]);
}
