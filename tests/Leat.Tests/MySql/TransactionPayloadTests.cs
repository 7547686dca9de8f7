using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Wire;
using Xunit;
using static Leat.Tests.MySql.EventBytes;

namespace Leat.Tests.MySql;

/// <summary>Compressed transactions of MySQL, from constructed bytes.</summary>
public sealed class TransactionPayloadTests
{
    private readonly BinlogDecoderTests.Lines _lines = new();
    private readonly BinlogDecoderTests.Shapes _shapes = new();
    private readonly MySqlPosition _position = new() { ServerId = 1 };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Its_events_are_taken_one_after_the_other_and_its_end_is_the_place_to_go_on(bool isZstd)
    {
        var answers = Apply(
            FormatDescription(), Gtid(42), Payload(isZstd, 777, Query("BEGIN", 5), TableMap(), Rows(EventType.WriteRowsV1, Image(1, "a"), Image(2, "b")), Xid(6)), Gtid(43));

        Assert.Equal([Decoded.Nothing, Decoded.Nothing, Decoded.Commit, Decoded.Nothing], answers);
        Assert.Equal(["define d.t", "begin 0-1-42 at 1700000000000000", "Insert () (1,a)", "Insert () (2,b)"], _lines.All);
        Assert.Equal(777, _position.Offset);
    }

    [Fact]
    public void A_transaction_of_other_tables_is_passed()
    {
        _shapes.IsWanted = false;

        Assert.Equal(Decoded.Passed, Apply(FormatDescription(), Gtid(42), Payload(true, 777, Query("BEGIN"), TableMap(), Rows(EventType.WriteRowsV1, Image(1, "a")), Xid(6)))[^1]);
        Assert.Equal((777L, "0-1-42"), (_position.Offset, _position.Gtids?.ToString()));
    }

    [Fact]
    public void A_shape_that_is_not_known_is_asked_for_inside_and_nothing_is_told_twice()
    {
        _shapes.IsKnown = false;
        using var decoder = Decoder();
        var payload = Payload(true, 777, Query("BEGIN"), TableMap(), Rows(EventType.WriteRowsV1, Image(1, "a")), Xid(6));

        Assert.Equal(Decoded.NeedShape, Apply(decoder, FormatDescription(), Gtid(42), payload)[^1]);
        Assert.Equal(Decoded.NeedShape, decoder.Apply(payload));
        _shapes.IsKnown = true;

        Assert.Equal(Decoded.Commit, decoder.Apply(payload));
        Assert.Equal(["define d.t", "begin 0-1-42 at 1700000000000000", "Insert () (1,a)"], _lines.All);
        Assert.Equal(Decoded.Commit, Apply(decoder, Gtid(43), Payload(false, 888, TableMap(), Rows(EventType.WriteRowsV1, Image(2, "b")), Xid(6)))[^1]);
    }

    [Fact]
    public void A_long_one_is_held_up_until_the_writer_has_room()
    {
        const int EventRows = 1000;
        var rows = Rows(EventType.WriteRowsV1, [.. Enumerable.Range(0, EventRows).Select(id => Image(id, "0123456789"))]);
        using var decoder = Decoder();
        var payload = Payload(true, 777, [Query("BEGIN"), TableMap(), .. Enumerable.Repeat(rows, 2000), Xid(6)]);
        Apply(decoder, FormatDescription(), Gtid(42));

        var waits = 0;
        for (; decoder.Apply(payload) is var decoded && decoded != Decoded.Commit; waits++)
            Assert.Equal(Decoded.NeedRoom, decoded);

        Assert.Equal(2000 * EventRows, _lines.All.Count - 2);
        Assert.Equal(2000 * rows.Length / (8 * 1024 * 1024), waits);
        Assert.True(payload.Length < 1_000_000);
    }

    [Fact]
    public void What_ends_early_or_goes_on_after_its_end_is_refused()
    {
        Assert.Equal("The server's type of an event in a compressed transaction is 2; expected one before its end.", Refused(Payload(true, 1, Xid(6), Query("BEGIN"))));
        Assert.Equal("The server's type of an event in a compressed transaction is 4; expected one before its end.", Refused(Payload(true, 1, Rotate("x"))));
        Assert.Equal("The server's type of an event in a compressed transaction is 40; expected one before its end.", Refused(Payload(true, 1, Payload(true, 1, Xid(6)))));
        Assert.Equal("The server's compression of a transaction is 1; expected 0 (zstd) or 255 (none).", Refused(Event(EventType.TransactionPayload, [2, 1, 1, 0])));
        Assert.Equal("The server's size of a compressed transaction is 5; expected 1.", Refused(Event(EventType.TransactionPayload, [1, 1, 5, 0, 9])));
        Assert.Equal("The server's size of a transaction once inflated is 0; expected told.", Refused(Event(EventType.TransactionPayload, [2, 1, 0, 0, 9])));
        Assert.Equal("The server's compressed data is damaged: zstd cannot inflate it, 4 bytes before its end.", Refused(Event(EventType.TransactionPayload, [2, 1, 0, 3, 1, 100, 0, 9, 9, 9, 9])));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Cut_anywhere_or_told_of_another_size_it_is_refused(bool isZstd)
    {
        var body = Payload(isZstd, 1, Query("BEGIN"), TableMap(), Xid(6))[EventHeader.Bytes..^4];
        for (var length = 0; length < body.Length; length++)
            Assert.Throws<MySqlFormatException>(() => Read(body[..length]));
        Assert.Equal(3, Read(body));
        Assert.Throws<MySqlFormatException>(() => Read([.. body, 0]));
        if (!isZstd)
            return;
        var at = Array.IndexOf(body, (byte)3, 0, 12) + 2; // the inflated size, here a byte
        foreach (var more in new[] { -1, 1 })
        {
            byte[] wrong = [.. body];
            wrong[at] = (byte)(wrong[at] + more);
            Assert.Throws<MySqlFormatException>(() => Read(wrong));
        }
    }

    private static int Read(byte[] body)
    {
        using var payload = new TransactionPayload();
        var events = 0;
        payload.Open(body);
        while (payload.TryNext(body, out _))
            events++;
        return events;
    }

    private string Refused(byte[] payload) => Assert.Throws<MySqlFormatException>(() => Apply(FormatDescription(), Gtid(42), payload)).Message;

    private BinlogDecoder Decoder() => new("shop", _position, _shapes, _lines, checksums: true);

    private List<Decoded> Apply(params byte[][] events)
    {
        using var decoder = Decoder();
        return Apply(decoder, events);
    }

    private static List<Decoded> Apply(BinlogDecoder decoder, params byte[][] events) => [.. events.Select(one => decoder.Apply(one))];
}
