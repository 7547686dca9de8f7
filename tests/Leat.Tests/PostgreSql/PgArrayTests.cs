using System.Text;
using Leat.Changes;
using Leat.Connectors.PostgreSql.Wire;
using Leat.Tests.Changes;
using Xunit;

namespace Leat.Tests.PostgreSql;

public sealed class PgArrayTests
{
    [Fact]
    public void An_array_is_its_header_and_each_value_with_its_length()
    {
        var array = new PgArray();

        array.AddInt32(1);
        array.AddNull();
        array.AddInt32(-2);

        Assert.Equal(
            "00000001" + "00000001" + "00000017" + "00000003" + "00000001" + "00000004" + "00000001" + "FFFFFFFF" + "00000004" + "FFFFFFFE",
            Convert.ToHexString(array.Finish(PgType.Int4).Span));
    }

    [Fact]
    public void A_buffer_that_is_used_again_begins_anew()
    {
        var array = new PgArray();
        array.AddNull();
        array.AddBytes(new byte[100_000]);
        array.Clear();

        array.AddInt16(7);

        Assert.Equal("00000001" + "00000000" + "00000015" + "00000001" + "00000001" + "00000002" + "0007", Convert.ToHexString(array.Finish(PgType.Int2).Span));
    }

    // Number of digits, weight, sign, places, then the digits to the base of ten thousand.
    [Theory]
    [InlineData("0", "0000 0000 0000 0000")]
    [InlineData("-0.00", "0000 0000 0000 0002")]
    [InlineData("1", "0001 0000 0000 0000 0001")]
    [InlineData("-10000", "0001 0001 4000 0000 0001")]
    [InlineData("12345.678", "0003 0001 0000 0003 0001 0929 1A7C")]
    [InlineData("0.00001", "0001 FFFE 0000 0005 03E8")]
    [InlineData("00099990000", "0001 0001 0000 0000 270F")]
    public void A_decimal_is_groups_of_four_digits_from_its_point(string text, string expected)
    {
        var array = new PgArray();

        PgNumeric.Add(Encoding.ASCII.GetBytes(text), array);

        var bytes = Convert.ToHexString(array.Finish(PgType.Numeric).Span[24..]);
        Assert.Equal(expected.Replace(" ", "", StringComparison.Ordinal), bytes);
    }

    [Theory]
    [InlineData(ColumnKind.Date, 0L, 0, true)]
    [InlineData(ColumnKind.Timestamp, Temporal.ZeroTimestamp, 0, true)]
    [InlineData(ColumnKind.Timestamp, 0L, 0, false)]
    [InlineData(ColumnKind.Int32, 0L, 0, false)]
    public void A_zero_date_is_outside_the_calendar(ColumnKind kind, long value, int scale, bool expected)
    {
        var schema = new TableSchema(new("shop", "t"), [new() { Name = "v", Kind = kind, Scale = scale }], []);
        var reader = new RowReader(schema, Rows.Encode(schema, value));
        reader.Read();

        Assert.Equal(expected, PgValue.IsOutsideCalendar(ref reader));
    }
}
