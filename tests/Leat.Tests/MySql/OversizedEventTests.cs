using System.Buffers.Binary;
using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Wire;
using Xunit;
using static Leat.Tests.MySql.EventBytes;

namespace Leat.Tests.MySql;

/// <summary>Events of which only the front is there, because the whole is more than is taken in.</summary>
public sealed class OversizedEventTests
{
    private const uint Size = 70_000_000;

    private readonly MySqlPosition _position = new();
    private readonly BinlogDecoderTests.Shapes _shapes = new();
    private readonly BinlogDecoderTests.Lines _lines = new();

    [Theory]
    [InlineData(EventType.WriteRowsV1)]
    [InlineData(EventType.UpdateRowsV2)]
    [InlineData(EventType.DeleteRowsCompressedV1)]
    public void Rows_of_a_captured_table_stop_the_source_with_table_and_transaction(byte type)
    {
        var decoder = Began();

        var error = Assert.Throws<PauseException>(() => decoder.ApplyFront(Front(type, [7, 0, 0, 0, 0, 0, 1, 0])));

        Assert.Equal(
            "Source 'shop': transaction 0-1-42 has a change of table d.t that takes 70000000 bytes; the largest that Leat records is 67108864 bytes. Add d.t to the source's "
            + "'exclude' and start again: nothing of the transaction was recorded, and capture goes on with its other tables at the same place. [LEAT-4017]",
            error.Message);
    }

    [Fact]
    public void Rows_of_other_tables_and_texts_beside_rows_are_passed()
    {
        _shapes.IsWanted = false;
        var decoder = Began();

        Assert.Equal(Decoded.Nothing, decoder.ApplyFront(Front(EventType.WriteRowsV1, [7, 0, 0, 0, 0, 0, 1, 0])));
        Assert.Equal(Decoded.Nothing, decoder.ApplyFront(Front(EventType.Annotate, [.. "INSERT INTO"u8])));
        Assert.Equal(Decoded.Nothing, decoder.ApplyFront(Front(EventType.RowsQuery, [.. "INSERT INTO"u8])));
        Assert.Empty(_lines.All);
    }

    [Fact]
    public void A_statement_stops_the_source_whatever_it_says()
    {
        var decoder = Began();

        var error = Assert.Throws<PauseException>(() => decoder.ApplyFront(Front(EventType.Query, [.. "INSERT INTO"u8])));

        Assert.Equal(
            "Source 'shop': the binlog has an event of type 2 and 70000000 bytes after  in bin.000007; the largest that Leat reads is 67108864 bytes. "
            + "Have the tables read again, which passes this place: `leat snapshot start FILE shop --all`. And keep max_allowed_packet at the server to at most 64 MiB: it then writes no larger ones. [LEAT-4018]",
            error.Message);
    }

    [Fact]
    public void A_front_shorter_than_a_header_is_refused() => Assert.Throws<MySqlFormatException>(() => Began().ApplyFront(new byte[EventHeader.Bytes - 1]));

    private BinlogDecoder Began()
    {
        var decoder = new BinlogDecoder("shop", _position, _shapes, _lines, checksums: true);
        foreach (var one in new[] { Rotate("bin.000007"), FormatDescription(), Gtid(42), TableMap() })
            decoder.Apply(one);
        return decoder;
    }

    private static byte[] Front(byte type, byte[] body)
    {
        var front = Event(type, body);
        BinaryPrimitives.WriteUInt32LittleEndian(front.AsSpan(9), Size);
        return front;
    }
}
