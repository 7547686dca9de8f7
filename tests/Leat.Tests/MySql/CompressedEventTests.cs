using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Compression;
using Leat.Connectors.MySql.Wire;
using Xunit;
using static Leat.Tests.MySql.EventBytes;

namespace Leat.Tests.MySql;

/// <summary>Events of log_bin_compress, and events of kinds that hold no rows.</summary>
public sealed class CompressedEventTests
{
    private readonly BinlogDecoderTests.Lines _lines = new();
    private readonly MySqlPosition _position = new() { ServerId = 1 };

    [Theory]
    [InlineData(EventType.WriteRowsCompressedV1, EventType.UpdateRowsCompressedV1, EventType.DeleteRowsCompressedV1)]
    [InlineData(EventType.WriteRowsCompressed, EventType.UpdateRowsCompressed, EventType.DeleteRowsCompressed)]
    public void Compressed_rows_are_the_rows_that_were_compressed(byte insert, byte update, byte delete)
    {
        var many = Enumerable.Range(10, 100).Select(id => Image(id, "some words, some words")).ToArray();

        var end = Apply(
            FormatDescription(), Gtid(42), TableMap(), CompressedRows(insert, many), CompressedRows(update, Image(10, "a"), Image(10, "b")),
            CompressedRows(delete, Image(11, "b"), Image(12, "c")), CompressedQuery("COMMIT", 99_999));

        Assert.Equal(Decoded.Commit, end);
        Assert.Equal(99_999, _position.Offset);
        Assert.Equal(
            [
                "define d.t", "begin 0-1-42 at 1700000000000000", .. Enumerable.Range(10, 100).Select(id => $"Insert () ({id},some words, some words)"),
                "Update (10,a) (10,b)", "Delete (11,b) ()", "Delete (12,c) ()",
            ], _lines.All);
    }

    [Fact]
    public void A_compressed_statement_is_looked_at_like_any_other()
    {
        var error = Assert.Throws<PauseException>(
            () => Apply(FormatDescription(), Gtid(42), CompressedQuery("INSERT INTO t VALUES (1, 'words that are longer, words that are longer')")));

        Assert.StartsWith("Source 'shop': transaction 0-1-42 changes d.t by a statement whose rows are not in the binlog: INSERT INTO t", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "The server's packet ends early: 1 more bytes were expected, 0 are left.")]
    [InlineData("01", "The server's head of a compressed event is 1; expected 129 to 132 (zlib).")]
    [InlineData("80", "The server's head of a compressed event is 128; expected 129 to 132 (zlib).")]
    [InlineData("9101", "The server's head of a compressed event is 145; expected 129 to 132 (zlib).")]
    [InlineData("84FFFFFFFF00", "The server's length of a compressed event is 4294967295; expected what 1 bytes can become.")]
    [InlineData("83010000789C00", "The server's length of a compressed event is 65536; expected what 3 bytes can become.")]
    [InlineData("8100", "The server's packet ends early: 1 more bytes were expected, 0 are left.")]
    [InlineData("81065866630D0307", "The server's compressed data of 6 bytes is damaged: zlib cannot inflate it.")] // wants a dictionary
    [InlineData("8102789C030000000001", "The server's packet ends early: 2 more bytes were expected, 0 are left.")]
    [InlineData("8102789CFFFFFFFFFF", "The server's compressed data of 7 bytes is damaged: zlib cannot inflate it.")]
    [InlineData("8101789C4B4C040001890187", "The server's compressed data of 10 bytes is damaged: zlib cannot inflate it.")] // its checksum
    public void A_damaged_part_is_refused(string part, string expected)
    {
        var error = Assert.Throws<MySqlFormatException>(() => new CompressedPart().Inflate(Convert.FromHexString(part)).Length);

        Assert.Equal(expected, error.Message);
    }

    [Fact]
    public void A_part_that_inflates_to_more_than_it_says_is_refused()
    {
        var part = Compressed([1, 2, 3, 4, 5, 6, 7, 8]);
        part[1] = 7;

        var error = Assert.Throws<MySqlFormatException>(() => new CompressedPart().Inflate(part).Length);

        Assert.Equal("The server's compressed data is 8; expected 7 bytes once inflated, got at least.", error.Message);
    }

    [Fact]
    public void Large_and_small_parts_follow_each_other()
    {
        var inflating = new CompressedPart();
        foreach (var length in new[] { 10, 3_000_000, 20, 70_000, 5 })
        {
            var plain = new byte[length];
            new Random(length).NextBytes(plain);
            Assert.Equal(plain, inflating.Inflate(Compressed(plain)).ToArray());
        }
    }

    [Theory]
    [InlineData(3)] // stop
    [InlineData(5)] // insert id
    [InlineData(9)] // append block
    [InlineData(11)] // delete file
    [InlineData(13)] // random seed
    [InlineData(14)] // user variable
    [InlineData(17)] // begin load query
    [InlineData(27)] // heartbeat
    [InlineData(29)] // rows query
    [InlineData(36)] // transaction context
    [InlineData(37)] // view change
    [InlineData(160)] // annotate
    [InlineData(161)] // binlog checkpoint
    [InlineData(163)] // GTID list
    public void Events_that_change_no_row_are_passed(byte type) =>
        Assert.Equal(Decoded.Commit, Apply(FormatDescription(), Gtid(42), TableMap(), Event(type, [1, 2, 3]), Rows(EventType.WriteRowsV1, Image(1, "a")), Xid(1)));

    [Theory]
    [InlineData(0)]
    [InlineData(8)] // statements and files of servers before 5.0
    [InlineData(20)] // rows of 5.1 before it was released
    [InlineData(172)]
    [InlineData(255)]
    public void Events_that_may_change_rows_are_not(byte type) => Assert.Throws<PauseException>(() => Apply(FormatDescription(), Event(type, [1, 2, 3])));

    [Theory]
    [InlineData("0100084C6F737420796F75", "Lost you")]
    [InlineData("010000", "incident 1")]
    [InlineData("0300", "incident 3")]
    public void An_incident_stops_the_source_with_its_words(string body, string words)
    {
        var error = Assert.Throws<PauseException>(() => Apply(Rotate("bin.000007"), FormatDescription(), Gtid(42), Xid(4), Event(EventType.Incident, Convert.FromHexString(body))));

        Assert.Equal(
            $"Source 'shop': after GTID 0-1-42 in bin.000007 the server notes an incident that lost changes of its binlog: {words}. Read the server's error log of "
            + "that time. Have the tables read again, which passes this place: `leat snapshot start FILE shop --all`. [LEAT-4064]", error.Message);
    }

    private Decoded Apply(params byte[][] events)
    {
        var decoder = new BinlogDecoder("shop", _position, new BinlogDecoderTests.Shapes(), _lines, checksums: true);
        return events.Select(one => decoder.Apply(one)).ToList()[^1];
    }
}
