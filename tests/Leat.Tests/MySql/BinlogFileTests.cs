using System.Buffers.Binary;
using System.Text;
using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Offline;
using Leat.Output;
using Xunit;
using static Leat.Tests.MySql.EventBytes;

namespace Leat.Tests.MySql;

public sealed class BinlogFileTests
{
    private static readonly byte[] Magic = [0xFE, 0x62, 0x69, 0x6E];

    private static readonly byte[] OneInsert =
        File(FormatDescription(), Gtid(42), TableMap(), Rows(EventType.WriteRowsV1, Image(1, "a")), Xid(900));

    [Fact]
    public async Task Without_names_in_the_file_columns_are_numbered() => Assert.Equal(
        """
        {"op":"insert","table":"d.t","after":{"@1":1,"@2":"a"},"committed_at":"2023-11-14T22:13:20.000000Z","transaction":"0-1-42","index":0,"last":true}

        """,
        await DecodeAsync(OneInsert));

    [Fact]
    public async Task Rows_are_printed_in_the_words_of_mariadb_binlog() => Assert.Equal(
        """
        ### UPDATE `d`.`t`
        ### WHERE
        ###   @1=1
        ###   @2='a'
        ### SET
        ###   @1=-1 (4294967295)
        ###   @2='it's \x0a'

        """,
        await PrintAsync(File(FormatDescription(), Gtid(1), TableMap(), Rows(EventType.UpdateRowsV1, Image(1, "a"), Image(-1, "it's \n")), Xid(900))));

    [Fact]
    public async Task Rows_are_printed_also_of_a_transaction_that_was_rolled_back_but_are_no_changes()
    {
        var file = File(FormatDescription(), Gtid(1), TableMap(), Rows(EventType.DeleteRowsV1, Image(1, "a")), Query("ROLLBACK", 900));

        Assert.StartsWith("### DELETE FROM `d`.`t`\n### WHERE\n", await PrintAsync(file), StringComparison.Ordinal);
        Assert.Equal("", await DecodeAsync(file));
    }

    [Fact]
    public async Task Other_tables_than_those_asked_for_are_left_out()
    {
        TablePattern[] others = [new("d", "x*"), new("e", "*")];

        Assert.Equal("", await PrintAsync(OneInsert, others));
        Assert.Equal("", await DecodeAsync(OneInsert, others));
        Assert.NotEqual("", await DecodeAsync(OneInsert, new TablePattern("*", "t")));
    }

    [Fact]
    public async Task A_pipe_may_give_any_number_of_bytes_at_once()
    {
        var whole = await DecodeAsync(OneInsert);
        var trickling = new TricklingStream(OneInsert);

        using var text = new StringWriter { NewLine = "\n" };
        using var writer = new PrintingWriter(text);
        using var decoder = new BinlogFileDecoder([], writer);
        await decoder.ReadAsync("-", trickling, null, TestContext.Current.CancellationToken);
        writer.Flush();

        Assert.Equal(whole, text.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("FE6269")]
    [InlineData("504B0304000000000000")]
    public async Task Another_file_is_no_binlog(string bytes)
    {
        var error = await FaultAsync(Convert.FromHexString(bytes));

        Assert.Equal((BinlogFileFault.NotBinlog, 0, "it does not begin with FE 62 69 6E, as every binlog file does"), (error.Fault, error.Offset, error.Message));
    }

    [Fact]
    public async Task An_encrypted_file_of_mysql_is_refused()
    {
        var error = await FaultAsync([0xFD, 0x62, 0x69, 0x6E, .. new byte[600]]);

        Assert.Equal((BinlogFileFault.Encrypted, 0, "it is encrypted (binlog_encryption)"), (error.Fault, error.Offset, error.Message));
    }

    [Fact]
    public async Task An_encrypted_file_of_mariadb_is_refused()
    {
        var description = FormatDescription();

        var error = await FaultAsync(File(description, Event(EventType.StartEncryption, new byte[17])));

        Assert.Equal((BinlogFileFault.Encrypted, 4 + description.Length, "it is encrypted (encrypt_binlog)"), (error.Fault, error.Offset, error.Message));
    }

    [Fact]
    public async Task A_file_that_begins_with_another_event_is_damaged()
    {
        var error = await FaultAsync(File(Gtid(1)));

        Assert.Equal((BinlogFileFault.Damaged, 4, "the first event is of type 162, not the one that describes the format"), (error.Fault, error.Offset, error.Message));
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(18u)]
    [InlineData(0x7FFF_FFFFu)]
    public async Task An_event_of_impossible_size_is_damage_at_its_offset(uint size)
    {
        var file = (byte[])OneInsert.Clone();
        var at = 4 + FormatDescription().Length;
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(at + 9), size);

        var error = await FaultAsync(file);

        Assert.Equal((BinlogFileFault.Damaged, at, $"an event claims to be {size} bytes long"), (error.Fault, error.Offset, error.Message));
    }

    [Fact]
    public async Task A_flipped_bit_is_damage_at_the_offset_of_its_event()
    {
        var at = 4 + FormatDescription().Length + Gtid(42).Length + TableMap().Length;
        var file = (byte[])OneInsert.Clone();
        file[at + 30] ^= 1;

        var decoding = await FaultAsync(file);
        var printing = await Assert.ThrowsAsync<BinlogFileException>(() => PrintAsync(file));

        Assert.Equal((BinlogFileFault.Damaged, at), (decoding.Fault, decoding.Offset));
        Assert.Equal((BinlogFileFault.Damaged, at), (printing.Fault, printing.Offset));
        Assert.StartsWith("The server's checksum of an event is ", printing.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_closed_file_that_ends_inside_an_event_is_cut_off()
    {
        var at = OneInsert.Length - Xid(900).Length;

        var error = await FaultAsync(OneInsert[..^5]);

        Assert.Equal(
            (BinlogFileFault.CutOff, at, "the file ends 26 bytes into an event, although the server had closed it"), (error.Fault, error.Offset, error.Message));
    }

    [Fact]
    public async Task A_file_that_the_server_still_writes_is_read_to_its_end_wherever_that_is()
    {
        var open = (byte[])OneInsert.Clone();
        open[4 + 17] |= 1; // the flag is not part of the checksum
        var rows = 4 + FormatDescription().Length + Gtid(42).Length + TableMap().Length + Rows(EventType.WriteRowsV1, Image(1, "a")).Length;

        Assert.NotEqual("", await DecodeAsync(open));
        for (var end = 4 + FormatDescription().Length; end < open.Length; end++)
        {
            Assert.Equal("", await DecodeAsync(open[..end])); // the transaction is not complete
            Assert.Equal(end >= rows, (await PrintAsync(open[..end])).Length > 0);
        }
    }

    [Fact]
    public async Task A_transaction_without_its_end_is_left_out_and_told()
    {
        using var writer = new PrintingWriter(TextWriter.Null);
        using var decoder = new BinlogFileDecoder([], writer);

        await decoder.ReadAsync("f", new MemoryStream(OneInsert[..^Xid(900).Length]), null, TestContext.Current.CancellationToken);

        Assert.True(decoder.IsInTransaction);
        Assert.Equal(0, writer.Changes);
    }

    [Theory]
    [InlineData(0.0, 6, "0")]
    [InlineData(1.0, 6, "1")]
    [InlineData(-0.0, 6, "-0")]
    [InlineData(100000.0, 6, "100000")]
    [InlineData(1000000.0, 6, "1e+06")]
    [InlineData(999999.5, 6, "1e+06")]
    [InlineData(0.0001, 6, "0.0001")]
    [InlineData(0.00001, 6, "1e-05")]
    [InlineData(123456.789, 6, "123457")]
    [InlineData(0.1, 20, "0.10000000000000000555")]
    [InlineData(1e22, 20, "1e+22")]
    [InlineData(1e19, 20, "10000000000000000000")]
    [InlineData(1e20, 20, "1e+20")]
    [InlineData(5e-324, 20, "4.9406564584124654418e-324")]
    [InlineData(-1.7976931348623157e308, 20, "-1.7976931348623157081e+308")]
    public void A_number_is_printed_as_c_does(double value, int digits, string text) => Assert.Equal(text, PrintfNumber.Format(value, digits));

    [Theory]
    [InlineData(8u, "latin1")]
    [InlineData(45u, "utf8mb4")]
    [InlineData(63u, "binary")]
    [InlineData(255u, "utf8mb4")]
    [InlineData(1125u, "utf16")]
    [InlineData(2048u, "utf8mb3")]
    [InlineData(2304u, "utf8mb4")]
    [InlineData(9999u, null)]
    public void The_character_set_of_a_collation_is_known_without_a_server(uint collation, string? charset) => Assert.Equal(charset, Collations.CharsetOf(collation));

    private static byte[] File(params byte[][] events) => [.. Magic, .. events.SelectMany(one => one)];

    private static async Task<string> DecodeAsync(byte[] file, params TablePattern[] tables)
    {
        using var text = new StringWriter();
        using var writer = new PrintingWriter(text);
        using var decoder = new BinlogFileDecoder(tables, writer);
        await decoder.ReadAsync("bin.000001", new MemoryStream(file), null, TestContext.Current.CancellationToken);
        writer.Flush();
        return text.ToString();
    }

    private static async Task<string> PrintAsync(byte[] file, params TablePattern[] tables)
    {
        using var output = new MemoryStream();
        using var printer = new BinlogFilePrinter(tables, output);
        await printer.ReadAsync("bin.000001", new MemoryStream(file), null, TestContext.Current.CancellationToken);
        return Encoding.UTF8.GetString(output.ToArray());
    }

    private static Task<BinlogFileException> FaultAsync(byte[] file) => Assert.ThrowsAsync<BinlogFileException>(() => DecodeAsync(file));

    /// <summary>Gives its bytes one by one.</summary>
    private sealed class TricklingStream(byte[] bytes) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(1, buffer.Length)], cancellationToken);
    }
}
