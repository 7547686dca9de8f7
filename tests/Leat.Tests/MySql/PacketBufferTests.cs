using Leat.Connectors.MySql.Wire;
using Xunit;

namespace Leat.Tests.MySql;

public sealed class PacketBufferTests
{
    private static readonly byte[] TwoPackets = [3, 0, 0, 0, 1, 2, 3, 1, 0, 0, 1, 9];

    [Fact]
    public void Cuts_packets_at_every_possible_split()
    {
        for (var split = 0; split <= TwoPackets.Length; split++)
        {
            using var buffer = new PacketBuffer(1000);
            var seen = new List<string>();
            Feed(buffer, TwoPackets.AsSpan(0, split), seen);
            Feed(buffer, TwoPackets.AsSpan(split), seen);

            Assert.Equal(["010203", "09"], seen);
            Assert.Equal(0, buffer.WaitingBytes);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(PacketBuffer.FullPart)]
    public void Joins_a_packet_of_several_parts(int lastPartBytes)
    {
        var content = new byte[PacketBuffer.FullPart + lastPartBytes];
        new Random(7).NextBytes(content);
        byte[] wire = lastPartBytes == PacketBuffer.FullPart
            ? [0xFF, 0xFF, 0xFF, 0, .. content[..PacketBuffer.FullPart], 0xFF, 0xFF, 0xFF, 1, .. content[PacketBuffer.FullPart..], 0, 0, 0, 2]
            : [0xFF, 0xFF, 0xFF, 0, .. content[..PacketBuffer.FullPart], (byte)lastPartBytes, 0, 0, 1, .. content[PacketBuffer.FullPart..]];
        using var buffer = new PacketBuffer(MySqlConnection.MaxPacketBytes);

        var at = 0;
        while (at < wire.Length)
        {
            Assert.False(buffer.TryTake(out _));
            var free = buffer.Free().Span;
            var count = Math.Min(Math.Min(free.Length, 700_001), wire.Length - at);
            wire.AsSpan(at, count).CopyTo(free);
            buffer.Received(count);
            at += count;
        }

        Assert.True(buffer.TryTake(out var payload));
        Assert.True(payload.SequenceEqual(content));
        Assert.Equal(PacketBuffer.UsualBytes, buffer.Free().Length);
    }

    [Fact]
    public void Begins_small_and_has_its_usual_size_once_a_receive_call_fills_it()
    {
        using var buffer = new PacketBuffer(int.MaxValue);
        byte[] wire = [.. Enumerable.Range(0, 40_000).SelectMany(i => new byte[] { 1, 0, 0, (byte)i, (byte)i })];
        Assert.Equal(PacketBuffer.FirstBytes, buffer.Free().Length);
        wire.AsSpan(0, 3).CopyTo(buffer.Free().Span);
        buffer.Received(3);
        Assert.Equal(PacketBuffer.FirstBytes - 3, buffer.Free().Length);

        var seen = 0;
        for (var at = 3; at < wire.Length;)
        {
            for (; buffer.TryTake(out var payload); seen++)
                Assert.Equal((byte)seen, payload[0]);
            var free = buffer.Free().Span;
            var count = Math.Min(free.Length, wire.Length - at);
            wire.AsSpan(at, count).CopyTo(free);
            buffer.Received(count);
            at += count;
        }

        for (; buffer.TryTake(out var payload); seen++)
            Assert.Equal((byte)seen, payload[0]);
        Assert.Equal(40_000, seen);
        Assert.Equal(PacketBuffer.UsualBytes, buffer.Free().Length);
    }

    [Fact]
    public void Refuses_a_packet_over_the_limit_before_it_has_arrived()
    {
        using var buffer = new PacketBuffer(1000);
        Give(buffer, [0xE9, 3, 0, 0]);

        var error = Assert.Throws<MySqlFormatException>(() => buffer.TryTake(out _));

        Assert.Equal("The server sent a packet of at least 1001 bytes; at most 1000 are taken.", error.Message);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(77)]
    public void Gives_the_first_part_of_an_oversized_packet_and_drops_the_others(int lastPartBytes)
    {
        const int Limit = PacketBuffer.FullPart + 1000;
        var part = new byte[PacketBuffer.FullPart];
        part[5] = 99;
        byte[] wire =
        [
            0xFF, 0xFF, 0xFF, 0, .. part, 0xFF, 0xFF, 0xFF, 1, .. new byte[PacketBuffer.FullPart], (byte)lastPartBytes, 0, 0, 2, .. new byte[lastPartBytes],
            3, 0, 0, 3, 1, 2, 3,
        ];
        using var buffer = new PacketBuffer(Limit) { CutsOversized = true };

        var seen = new List<(int Length, byte Fifth, bool IsCut)>();
        for (var at = 0; at < wire.Length;)
        {
            while (buffer.TryTake(out var payload))
                seen.Add((payload.Length, payload.Length > 5 ? payload[5] : payload[0], buffer.IsCut));
            var free = buffer.Free().Span;
            var count = Math.Min(Math.Min(free.Length, 300_001), wire.Length - at);
            wire.AsSpan(at, count).CopyTo(free);
            buffer.Received(count);
            at += count;
        }

        while (buffer.TryTake(out var payload))
            seen.Add((payload.Length, payload[0], buffer.IsCut));

        Assert.Equal([(PacketBuffer.FullPart, (byte)99, true), (3, (byte)1, false)], seen);
        Assert.Equal((0, PacketBuffer.UsualBytes), (buffer.WaitingBytes, buffer.Free().Length));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    public void The_rest_of_a_packet_above_the_limit_can_be_taken_in_parts(int lastPartBytes)
    {
        byte[] second = new byte[PacketBuffer.FullPart], last = new byte[lastPartBytes];
        new Random(1).NextBytes(second);
        new Random(2).NextBytes(last);
        byte[] wire =
        [
            0xFF, 0xFF, 0xFF, 0, .. new byte[PacketBuffer.FullPart], 0xFF, 0xFF, 0xFF, 1, .. second, (byte)lastPartBytes, 0, 0, 2, .. last, 3, 0, 0, 3, 1, 2, 3,
        ];
        using var buffer = new PacketBuffer(20 * 1024 * 1024) { CutsOversized = true };
        var rest = new List<byte>();
        var ends = 0;
        byte[]? after = null;

        for (var at = 0; at < wire.Length;)
        {
            var free = buffer.Free().Span;
            var count = Math.Min(Math.Min(free.Length, 300_001), wire.Length - at);
            wire.AsSpan(at, count).CopyTo(free);
            buffer.Received(count);
            at += count;
            if (!buffer.IsCut && !(buffer.TryTake(out var payload) && buffer.IsCut))
                continue;
            while (buffer.TryTakePart(out var part, out var isLast))
            {
                rest.AddRange(part.Span);
                ends += isLast ? 1 : 0;
            }

            if (ends > 0 && buffer.TryTake(out payload))
                after = payload.ToArray();
        }

        Assert.True(rest.SequenceEqual([.. second, .. last]));
        Assert.Equal(1, ends);
        Assert.Equal([1, 2, 3], after);
    }

    [Fact]
    public void Refuses_a_packet_out_of_sequence()
    {
        using var buffer = new PacketBuffer(1000);
        Give(buffer, [1, 0, 0, 4, 0]);

        var error = Assert.Throws<MySqlFormatException>(() => buffer.TryTake(out _));

        Assert.Equal("The server's packet has sequence number 4 where 0 was expected.", error.Message);
    }

    [Fact]
    public void Random_bytes_give_packets_or_the_declared_exception()
    {
        var random = new Random(11);
        for (var round = 0; round < 2_000; round++)
        {
            var bytes = new byte[random.Next(64)];
            random.NextBytes(bytes);
            using var buffer = new PacketBuffer(4096);
            try
            {
                Feed(buffer, bytes, []);
            }
            catch (MySqlFormatException)
            {
                // The one exception that is declared.
            }
        }
    }

    private static void Give(PacketBuffer buffer, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(buffer.Free().Span);
        buffer.Received(bytes.Length);
    }

    private static void Feed(PacketBuffer buffer, ReadOnlySpan<byte> bytes, List<string> seen)
    {
        Give(buffer, bytes);
        while (buffer.TryTake(out var payload))
            seen.Add(Convert.ToHexString(payload));
    }
}
