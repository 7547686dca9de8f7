using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Leat.Changes;
using Leat.Changes.Formats;
using Xunit;

namespace Leat.Tests.Changes;

public sealed class ValueTextTests
{
    public static TheoryData<ColumnKind, int, object?, string?, string> Values => new()
    {
        { ColumnKind.Int8, 0, -128L, "-128", "-128" },
        { ColumnKind.UInt8, 0, 255L, "255", "255" },
        { ColumnKind.Int16, 0, -32_768L, "-32768", "-32768" },
        { ColumnKind.UInt16, 0, 65_535L, "65535", "65535" },
        { ColumnKind.Int32, 0, -8_388_608L, "-8388608", "-8388608" },
        { ColumnKind.UInt32, 0, 4_294_967_295L, "4294967295", "4294967295" },
        { ColumnKind.Int64, 0, long.MinValue, "-9223372036854775808", "-9223372036854775808" },
        { ColumnKind.UInt64, 0, ulong.MaxValue, "18446744073709551615", "18446744073709551615" },
        { ColumnKind.Float32, 0, 0.1f, "0.1", "0.1" },
        { ColumnKind.Float32, 0, float.MaxValue, "3.4028235E+38", "3.4028235E+38" },
        { ColumnKind.Float64, 0, 1.0 / 3, "0.3333333333333333", "0.3333333333333333" },
        { ColumnKind.Float64, 0, 5e-324, "5E-324", "5E-324" },
        { ColumnKind.Decimal, 2, "-12345678901234567890.50", "-12345678901234567890.50", "\"-12345678901234567890.50\"" },
        { ColumnKind.String, 0, "a \"ł\" 🎁\n", "a \"ł\" 🎁\n", """
            "a \"ł\" \uD83C\uDF81\n"
            """ },
        { ColumnKind.Binary, 0, new byte[] { 0, 255 }, "AP8=", "\"AP8=\"" },
        { ColumnKind.Json, 0, """{"a": [1, null]}""", """{"a": [1, null]}""", """{"a": [1, null]}""" },
        { ColumnKind.Json, 0, "{oops", "{oops", "\"{oops\"" },
        { ColumnKind.Json, 0, "{\n}", "{\n}", "\"{\\n}\"" },
        { ColumnKind.Json, 0, "", "", "\"\"" },
        { ColumnKind.Bit, 0, 513L, "513", "513" },
        { ColumnKind.Enum, 0, 2L, "zwei", "\"zwei\"" },
        { ColumnKind.Enum, 0, 0L, "", "\"\"" },
        { ColumnKind.Set, 0, 5L, "eins,trois", """["eins","trois"]""" },
        { ColumnKind.Set, 0, 0L, "", "[]" },
        { ColumnKind.Year, 0, 0L, "0000", "0" },
        { ColumnKind.Year, 0, 2155L, "2155", "2155" },
        { ColumnKind.Date, 0, Temporal.Date(2024, 2, 29), "2024-02-29", "\"2024-02-29\"" },
        { ColumnKind.Date, 0, 0L, "0000-00-00", "\"0000-00-00\"" },
        { ColumnKind.Time, 0, 0L, "00:00:00", "\"00:00:00\"" },
        { ColumnKind.Time, 6, -((12L * 3600) + (34 * 60) + 56) * 1_000_000 - 1, "-12:34:56.000001", "\"-12:34:56.000001\"" },
        { ColumnKind.Time, 0, 3_020_399_000_000L, "838:59:59", "\"838:59:59\"" },
        { ColumnKind.DateTime, 3, Temporal.DateTime(2024, 1, 31, 12, 0, 1, 123_000), "2024-01-31 12:00:01.123", "\"2024-01-31T12:00:01.123\"" },
        { ColumnKind.DateTime, 0, Temporal.DateTime(2024, 0, 0, 0, 0, 0, 0), "2024-00-00 00:00:00", "\"2024-00-00 00:00:00\"" },
        { ColumnKind.Timestamp, 6, 1_706_702_400_123_456L, "2024-01-31 12:00:00.123456", "\"2024-01-31T12:00:00.123456Z\"" },
        { ColumnKind.Timestamp, 0, -1L, "1969-12-31 23:59:59", "\"1969-12-31T23:59:59Z\"" },
        { ColumnKind.Timestamp, 2, Temporal.ZeroTimestamp, "0000-00-00 00:00:00.00", "\"0000-00-00 00:00:00.00\"" },
        { ColumnKind.Timestamp, 0, null, null, "null" },
    };

    [Theory]
    [MemberData(nameof(Values))]
    public void Every_kind_has_its_text_and_its_json(ColumnKind kind, int scale, object? value, string? text, string json)
    {
        ImmutableArray<string> labels = kind is ColumnKind.Enum or ColumnKind.Set ? ["eins", "zwei", "trois"] : [];
        var schema = new TableSchema(new("d", "t"), [new() { Name = "c", Kind = kind, Scale = scale, Labels = labels }], []);
        var row = Rows.Encode(schema, value);

        var reader = new RowReader(schema, row);
        reader.Seek(0);

        Assert.Equal(text, ValueText.Of(ref reader));
        Assert.Equal(json.Trim(), Json(schema, row));
    }

    [Fact]
    public void Text_that_is_not_utf8_becomes_json_with_replacement_characters()
    {
        var schema = new TableSchema(new("d", "t"), [new() { Name = "c", Kind = ColumnKind.String }], []);

        Assert.Equal("\"a\\uFFFDb\"", Json(schema, Rows.Encode(schema, new byte[] { (byte)'a', 0xFF, (byte)'b' })));
    }

    private static string Json(TableSchema schema, byte[] row)
    {
        using var bytes = new MemoryStream();
        using (var writer = new Utf8JsonWriter(bytes, ChangeJson.Options))
        {
            var reader = new RowReader(schema, row);
            reader.Seek(0);
            ValueJson.Write(ref reader, writer);
        }

        return Encoding.UTF8.GetString(bytes.ToArray());
    }
}
