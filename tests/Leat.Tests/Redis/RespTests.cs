using System.Text;
using Leat.Connectors.Redis.Wire;
using Xunit;

namespace Leat.Tests.Redis;

public sealed class RespTests
{
    private static readonly byte[] Everything = Encoding.ASCII.GetBytes(
        "+OK\r\n-ERR no such thing\r\n:-42\r\n$5\r\nhe\r\nl\r\n$0\r\n\r\n$-1\r\n*2\r\n+a\r\n*0\r\n*-1\r\n");

    [Fact]
    public void Reads_every_kind_of_item() => Assert.Equal(
        ["Simple 0 OK", "Error 0 ERR no such thing", "Integer -42 ", "Bulk 0 he\r\nl", "Bulk 0 ", "Null 0 ", "Array 2 ", "Simple 0 a", "Array 0 ", "NullArray 0 "],
        ReadInParts(Everything, Everything.Length));

    [Fact]
    public void Reads_the_same_at_every_split()
    {
        var whole = ReadInParts(Everything, Everything.Length);
        for (var step = 1; step < Everything.Length; step++)
            Assert.Equal(whole, ReadInParts(Everything, step));
        for (var split = 0; split <= Everything.Length; split++)
        {
            var front = new RespReader(Everything.AsSpan(0, split));
            var items = new List<string>();
            while (front.TryRead(out var item))
                items.Add(Text(item));
            items.AddRange(ReadInParts(Everything[front.ConsumedBytes..], int.MaxValue));
            Assert.Equal(whole, items);
        }
    }

    [Theory]
    [InlineData("HTTP/1.1 400 Bad Request\r\n", "A reply begins with byte 0x48, which no reply of RESP2 does.")]
    [InlineData(":twelve\r\n", "A reply has a number that is none.")]
    [InlineData("$\r\n", "A reply has a number that is none.")]
    [InlineData("$99999999999\r\n", "A reply announces 99999999999, more than the 134217728 that are taken.")]
    [InlineData("$-2\r\n", "A reply announces -2, more than the 134217728 that are taken.")]
    [InlineData("*1048577\r\n", "A reply announces 1048577, more than the 1048576 that are taken.")]
    [InlineData("$2\r\nabcd", "A reply's text is not followed by CR LF.")]
    public void Refuses_what_is_not_the_protocol(string input, string message) =>
        Assert.Equal(message, Assert.Throws<RespFormatException>(() => ReadInParts(Encoding.ASCII.GetBytes(input), int.MaxValue)).Message);

    [Fact]
    public void Refuses_a_line_without_end() => Assert.Equal(
        "A reply has a line of more than 65536 bytes.",
        Assert.Throws<RespFormatException>(() => ReadInParts(Encoding.ASCII.GetBytes("+" + new string('x', 70_000)), int.MaxValue)).Message);

    [Fact]
    public void Random_bytes_are_read_or_refused_and_never_anything_else()
    {
        var random = new Random(4_200);
        var letters = "+-:$*0123456789\r\n-a"u8.ToArray();
        for (var round = 0; round < 50_000; round++)
        {
            var input = new byte[random.Next(1, 40)];
            for (var i = 0; i < input.Length; i++)
                input[i] = letters[random.Next(letters.Length)];
            try
            {
                var reader = new RespReader(input);
                while (reader.TryRead(out _))
                    Assert.InRange(reader.ConsumedBytes, 1, input.Length);
                var whole = new RespReader(input);
                RespReply.TryRead(ref whole, out _);
            }
            catch (RespFormatException)
            {
                // The one exception that malformed input may cause.
            }
        }
    }

    [Fact]
    public void Whole_replies_are_read_only_when_they_are_there()
    {
        var input = Encoding.ASCII.GetBytes("*2\r\n$1\r\n0\r\n*2\r\n$1\r\na\r\n:7\r\n");
        for (var length = 0; length < input.Length; length++)
        {
            var cut = new RespReader(input.AsSpan(0, length));
            Assert.False(RespReply.TryRead(ref cut, out _));
        }

        var reader = new RespReader(input);
        Assert.True(RespReply.TryRead(ref reader, out var reply));
        Assert.Equal("a", reply!.Items[1].Items[0].Text);
        Assert.Equal(7, reply.Items[1].Items[1].Number);
        Assert.Equal(input.Length, reader.ConsumedBytes);
    }

    [Fact]
    public void Writes_commands_as_arrays_of_texts()
    {
        var writer = new RespWriter();
        writer.WriteCommand("DEL"u8.ToArray(), "schlüssel"u8.ToArray());

        Assert.Equal("*2\r\n$3\r\nDEL\r\n$10\r\nschlüssel\r\n", Encoding.UTF8.GetString(writer.Written.Span));
    }

    [Fact]
    public void Replies_of_transactions_are_followed_to_their_end()
    {
        var replies = new TransactionReplies();
        replies.Expect(2);
        replies.Expect(1);
        replies.Expect(1);

        foreach (var part in Pieces("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n-WRONGTYPE oh\r\n" + "+OK\r\n-ERR what\r\n-EXECABORT gone\r\n" + "+OK\r\n+QUEUED\r\n*1\r\n:3\r\n"))
        {
            Assert.False(replies.IsDone);
            replies.Add(new() { Kind = part.Kind, Number = part.Number, Text = part.Bytes });
        }

        Assert.True(replies.IsDone);
        Assert.Equal([(0, 1, "WRONGTYPE oh"), (1, 0, "ERR what")], replies.Errors);
        Assert.Equal([(1, "EXECABORT gone")], replies.Aborted);
    }

    [Theory]
    [InlineData("+OK\r\n:1\r\n")]
    [InlineData("+OK\r\n*1\r\n")]
    [InlineData("+OK\r\n+QUEUED\r\n*2\r\n")]
    [InlineData("+OK\r\n+QUEUED\r\n*1\r\n*1\r\n")]
    [InlineData("+OK\r\n+QUEUED\r\n*1\r\n:1\r\n:1\r\n")]
    public void A_reply_in_the_wrong_place_is_refused(string input)
    {
        var replies = new TransactionReplies();
        replies.Expect(1);

        Assert.Throws<RespFormatException>(() =>
        {
            foreach (var part in Pieces(input))
                replies.Add(new() { Kind = part.Kind, Number = part.Number, Text = part.Bytes });
        });
    }

    [Fact]
    public void Replies_of_units_are_followed_to_their_end_each_with_its_first_error_and_last_number()
    {
        var replies = new UnitReplies();
        replies.Expect(new() { Operation = 0, Commands = 2, IsTransaction = false });
        replies.Expect(new() { Operation = 1, Commands = 2, IsTransaction = true, IsAsking = true });
        replies.Expect(new() { Operation = 2, Commands = 1, IsTransaction = true });
        replies.Expect(new() { Operation = 3, Commands = 1, IsTransaction = false });

        foreach (var part in Pieces(":1\r\n:12\r\n" + "+OK\r\n+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n-WRONGTYPE oh\r\n-ERR second\r\n" + "+OK\r\n-ERR what\r\n-EXECABORT gone\r\n" + "$-1\r\n"))
        {
            Assert.False(replies.IsDone);
            replies.Add(new() { Kind = part.Kind, Number = part.Number, Text = part.Bytes });
        }

        Assert.True(replies.IsDone);
        Assert.Equal([(12, null), (0, "WRONGTYPE oh"), (0, "ERR what"), (0, null)], replies.Units.ToArray().Select(unit => (unit.Number, unit.Error)));
    }

    [Theory]
    [InlineData("+OK\r\n:1\r\n")]
    [InlineData("+OK\r\n+QUEUED\r\n*2\r\n")]
    [InlineData("+OK\r\n+QUEUED\r\n*-1\r\n")]
    [InlineData("+OK\r\n+QUEUED\r\n*1\r\n*1\r\n")]
    [InlineData("+OK\r\n+QUEUED\r\n*1\r\n:1\r\n:1\r\n")]
    public void A_reply_in_the_wrong_place_of_a_unit_is_refused(string input)
    {
        var replies = new UnitReplies();
        replies.Expect(new() { Operation = 0, Commands = 1, IsTransaction = true });

        Assert.Throws<RespFormatException>(() =>
        {
            foreach (var part in Pieces(input))
                replies.Add(new() { Kind = part.Kind, Number = part.Number, Text = part.Bytes });
        });
    }

    [Fact]
    public void A_transaction_whose_watched_key_changed_is_told_as_discarded()
    {
        var replies = new TransactionReplies();
        replies.Expect(1);

        foreach (var part in Pieces("+OK\r\n+QUEUED\r\n*-1\r\n"))
            replies.Add(new() { Kind = part.Kind, Number = part.Number, Text = part.Bytes });

        Assert.Equal([(0, "")], replies.Aborted);
    }

    private static List<RespReply> Pieces(string input)
    {
        var pieces = new List<RespReply>();
        var reader = new RespReader(Encoding.ASCII.GetBytes(input));
        while (reader.TryRead(out var item))
            pieces.Add(new(item.Kind, item.Number, item.Text.ToArray(), []));
        return pieces;
    }

    // Gives the reader a growing front of the input, as a socket does.
    private static List<string> ReadInParts(byte[] input, int step)
    {
        var items = new List<string>();
        var (start, end) = (0, 0);
        while (start < input.Length)
        {
            var before = end;
            end = (int)Math.Min(input.Length, (long)end + step);
            var reader = new RespReader(input.AsSpan(start, end - start));
            while (reader.TryRead(out var item))
                items.Add(Text(item));
            start += reader.ConsumedBytes;
            if (before == end)
                break;
        }

        return items;
    }

    private static string Text(in RespItem item) => $"{item.Kind} {item.Number} {Encoding.ASCII.GetString(item.Text)}";
}
