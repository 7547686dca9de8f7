using System.Text;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Wire;
using Xunit;

namespace Leat.Tests.MySql;

public sealed class BinlogValueTests
{
    [Fact]
    public void The_checksum_is_that_of_zlib_at_every_length_and_both_ways()
    {
        Assert.Equal(0xCBF43926u, Crc32.Of("123456789"u8)); // the check value of the algorithm's catalogue
        var bytes = new byte[1_000];
        new Random(1).NextBytes(bytes);
        for (var length = 0; length <= bytes.Length; length++)
            Assert.Equal(Crc32.OfBySlices(bytes.AsSpan(0, length)), Crc32.Of(bytes.AsSpan(0, length)));
    }

    [Theory]
    [InlineData("810DFB38D204D2", 14, 4, "1234567890.1234")] // the example of the server's source documentation
    [InlineData("7EF204C72DFB2D", 14, 4, "-1234567890.1234")]
    [InlineData("8000", 2, 1, "0.0")]
    [InlineData("7FFF", 2, 1, "0.0")]
    [InlineData("80000000", 9, 0, "0")]
    [InlineData("7FFFFFFE", 9, 0, "-1")]
    public void Decimals_become_digits(string packed, int precision, int scale, string expected)
    {
        Span<byte> target = stackalloc byte[DecimalText.MaxBytes];
        var bytes = Convert.FromHexString(packed);

        Assert.Equal(bytes.Length, DecimalText.Bytes(precision - scale, scale));
        var written = DecimalText.Write(bytes, precision - scale, scale, target);

        Assert.Equal(expected, Encoding.ASCII.GetString(target[..written]));
    }

    [Fact]
    public void A_digit_group_that_is_too_large_is_refused()
    {
        var error = Assert.Throws<MySqlFormatException>(() => DecimalText.Write([0xFF, 0xFF, 0xFF, 0xFF], 9, 0, new byte[DecimalText.MaxBytes]));

        Assert.Equal("The server's decimal digit group is 2147483647; expected less than 1000000000.", error.Message);
    }

    // Column type and metadata as in TABLE_MAP, the bytes of the image, and the text that the server shows.
    [Theory]
    [InlineData(ColumnType.Tiny, 0, false, "80", "-128")]
    [InlineData(ColumnType.Tiny, 0, true, "FF", "255")]
    [InlineData(ColumnType.Int24, 0, false, "FFFFFF", "-1")]
    [InlineData(ColumnType.Int24, 0, true, "FFFFFF", "16777215")]
    [InlineData(ColumnType.LongLong, 0, true, "FFFFFFFFFFFFFFFF", "18446744073709551615")]
    [InlineData(ColumnType.Year, 0, false, "FF", "2155")]
    [InlineData(ColumnType.Year, 0, false, "00", "0000")]
    [InlineData(ColumnType.Date, 0, false, "5DD00F", "2024-02-29")]
    [InlineData(ColumnType.Date, 0, false, "000000", "0000-00-00")]
    [InlineData(ColumnType.Time2, 0, false, "7FFFFF", "-00:00:01")]
    [InlineData(ColumnType.Time2, 1, false, "7FFFFFCE", "-00:00:00.5")]
    [InlineData(ColumnType.DateTime2, 0, false, "8000000000", "0000-00-00 00:00:00")]
    [InlineData(ColumnType.Timestamp2, 3, false, "65E0A60004CE", "2024-02-29 15:42:56.123")]
    [InlineData(ColumnType.Timestamp2, 0, false, "00000000", "0000-00-00 00:00:00")]
    [InlineData(ColumnType.Bit, 0x0101, false, "0155", "341")]
    [InlineData(ColumnType.VarChar, 300, false, "0200C3A4", "ä")]
    [InlineData(ColumnType.String, 20, false, "0178", "x")]
    [InlineData(ColumnType.Blob, 3, false, "01000078", "x")]
    public void One_column_images_become_the_servers_text(byte type, int metadata, bool unsigned, string image, string expected)
    {
        var table = Table(type, (ushort)metadata, unsigned, charset: "utf8mb4");
        byte[] bytes = [0x00, .. Convert.FromHexString(image)];

        Assert.Equal(expected, Decode(table, bytes));
        for (var length = 0; length < bytes.Length; length++)
            Assert.Throws<MySqlFormatException>(() => Decode(table, bytes[..length]));
    }

    [Fact]
    public void Old_temporals_are_decimal_digits()
    {
        Assert.Equal("12:34:56", Decode(Table(ColumnType.Time, 0, false), [0, .. BitConverter.GetBytes(123456)[..3]]));
        Assert.Equal("-12:34:56", Decode(Table(ColumnType.Time, 0, false), [0, .. BitConverter.GetBytes(-123456)[..3]]));
        Assert.Equal("2024-12-31 23:59:59", Decode(Table(ColumnType.DateTime, 0, false), [0, .. BitConverter.GetBytes(20241231235959L)]));
        Assert.Equal("1970-01-01 00:00:01", Decode(Table(ColumnType.Timestamp, 0, false), [0, 1, 0, 0, 0]));
    }

    // Read from MariaDB 10.11 and 11.8 with mysql56_temporal_format=OFF.
    [Theory]
    [InlineData(ColumnType.Time, 3, "0000000001", "-838:59:59.999")]
    [InlineData(ColumnType.Time, 6, "02BF3DDE7C01", "00:00:00.000001")]
    [InlineData(ColumnType.DateTime, 1, "00A976435FFF", "2024-12-31 23:59:59.9")]
    [InlineData(ColumnType.DateTime, 4, "0295F5F72ED8F1", "2024-12-31 23:59:59.0001")]
    [InlineData(ColumnType.DateTime, 6, "0000000000000000", "0000-00-00 00:00:00.000000")]
    [InlineData(ColumnType.DateTime, 1, "00A9619CC101", "2024-00-15 00:00:00.1")]
    [InlineData(ColumnType.Timestamp, 2, "665B0D4019", "2024-06-01 12:00:00.25")]
    [InlineData(ColumnType.Timestamp, 6, "665B0D40000001", "2024-06-01 12:00:00.000001")]
    public void Old_temporals_of_MariaDB_count_their_smallest_unit(byte type, int fraction, string image, string expected) =>
        Assert.Equal(expected, Decode(Table(type, 0, false, fraction: fraction), [0, .. Convert.FromHexString(image)]));

    [Fact]
    public void Old_temporals_without_known_fraction_are_refused()
    {
        var column = ColumnRules.Make(new() { Name = "c", Type = ColumnType.Time, Metadata = 0 });

        Assert.Equal("a time in the format of servers before 5.6, whose fractional digits the binlog does not tell", column.Refusal);
    }

    [Theory]
    [InlineData(ValueForm.Uuid, 16, "0E123E4567E89B12D3A45642665544", "123e4567-e89b-12d3-a456-426655440000")]
    [InlineData(ValueForm.Inet4, 4, "00", "0.0.0.0")]
    [InlineData(ValueForm.Inet4, 4, "04FFFE0A01", "255.254.10.1")]
    [InlineData(ValueForm.Inet6, 16, "00", "::")]
    [InlineData(ValueForm.Inet6, 16, "1000000000000000000000FFFF01020304", "::ffff:1.2.3.4")]
    [InlineData(ValueForm.Inet6, 16, "1020010DB8000000000000000000000001", "2001:db8::1")]
    internal void Identifiers_and_addresses_become_the_servers_text(ValueForm form, int length, string image, string expected)
    {
        var table = Table(ColumnType.String, (ushort)length, false, charset: "binary", form: form);

        Assert.Equal(expected, Decode(table, [0, .. Convert.FromHexString(image)]));
        Assert.Throws<MySqlFormatException>(() => Decode(table, [0, (byte)(length + 1), .. new byte[length + 1]]));
    }

    [Theory]
    [InlineData("0000", "")]
    [InlineData("040000616263", "abc")]
    [InlineData("0C008A012C4B4C4A4E1C45C42100", "abc*100")]
    public void Values_of_compressed_columns_are_inflated(string image, string expected)
    {
        var text = expected.EndsWith("*100", StringComparison.Ordinal) ? string.Concat(Enumerable.Repeat("abc", 100)) : expected;

        Assert.Equal(text, Decode(Table(ColumnType.BlobCompressed, 2, false, charset: "latin1"), [0, .. Convert.FromHexString(image)]));
    }

    [Theory]
    [InlineData("0D008C7FFFFFFF4B4C4A4E1C45C421", "The server's length of a compressed value is 2147483647; expected at most 67108864 and what 8 bytes can become.")]
    [InlineData("02004000", "The server's head of a compressed value is 64; expected 0, or 129 to 140 (zlib).")]
    public void Compressed_values_that_claim_too_much_are_refused(string image, string expected)
    {
        var error = Assert.Throws<MySqlFormatException>(() => Decode(Table(ColumnType.BlobCompressed, 2, false, charset: "utf8mb4"), [0, .. Convert.FromHexString(image)]));

        Assert.Equal(expected, error.Message);
    }

    [Fact]
    public void Trailing_zeros_of_BINARY_are_put_back()
    {
        var table = Table(ColumnType.String, 4, false, charset: "binary");

        Assert.Equal("YQAAAA==", Decode(table, [0x00, 1, (byte)'a']));
        Assert.Throws<MySqlFormatException>(() => Decode(table, [0x00, 5, 1, 2, 3, 4, 5]));
    }

    [Fact]
    public void A_null_has_its_bit_only_and_bits_of_no_column_are_cleared()
    {
        var table = Table(ColumnType.Long, 0, false);
        var target = new byte[64];

        var read = RowDecoder.Decode(RowProgram.Compile(table), [0xFF], target, out var written);

        Assert.Equal((1, 1, (byte)1), (read, written, target[0]));
    }

    [Theory]
    [InlineData("0-1-42", true)]
    [InlineData("4294967295-4294967295-18446744073709551615", true)]
    [InlineData("0-1", false)]
    [InlineData("0-1-2-3", false)]
    [InlineData("a-1-2", false)]
    [InlineData("0--1", false)]
    public void Gtids_are_read_and_written_alike(string text, bool isGtid)
    {
        Assert.Equal(isGtid, Gtid.TryParse(text, out var gtid));
        if (!isGtid)
            return;
        Span<byte> ascii = stackalloc byte[Gtid.MaxTextBytes];
        Assert.Equal(text, gtid.ToString());
        Assert.Equal(text, Encoding.ASCII.GetString(ascii[..gtid.Format(ascii)]));
    }

    [Fact]
    public void A_position_has_the_last_of_each_domain_in_order()
    {
        Assert.True(MariaDbGtids.TryParse("7-2-5, 0-1-42", out var position));
        position.Set(new(3, 9, 1));
        position.Set(new(0, 1, 43));
        Assert.Equal("0-1-43,3-9-1,7-2-5", position.ToString());
        Assert.True(MariaDbGtids.TryParse("0-1-43", out var less));
        Assert.True(MariaDbGtids.TryParse("0-1-44", out var more));
        Assert.True(position.HasReached(less));
        Assert.False(position.HasReached(more));
        Assert.False(less.HasReached(position));
    }

    private static MySqlTable Table(byte type, ushort metadata, bool unsigned, string? charset = null, int? fraction = 0, ValueForm form = ValueForm.Plain) => new(
        new("d", "t"),
        [ColumnRules.Make(new() { Name = "c", Type = type, Metadata = metadata, Unsigned = unsigned, Charset = charset, Fraction = FractionOf(type, fraction), Form = form })],
        []);

    // Newer formats tell their fraction in the metadata.
    private static int? FractionOf(byte type, int? fraction) => type is ColumnType.Time or ColumnType.DateTime or ColumnType.Timestamp ? fraction : null;

    private static string? Decode(MySqlTable table, byte[] image)
    {
        var program = RowProgram.Compile(table);
        var target = new byte[program.MaxBytes(1, image)];
        var read = RowDecoder.Decode(program, image, target, out var written);
        Assert.Equal(image.Length, read);
        var reader = new RowReader(table.Schema, target.AsSpan(0, written));
        Assert.True(reader.Read());
        return ValueText.Of(ref reader);
    }
}
