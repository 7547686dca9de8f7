using System.Buffers.Binary;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Binlog;

/// <summary>Turns the server's packed decimals into digits.</summary>
/// <remarks>
/// Nine digits stand in four bytes, big-endian; fewer at the outer ends in as few bytes as they need. The first bit is inverted, and for
/// negative numbers all bits are. Source: MariaDB's source documentation of <c>decimal2bin</c>.
/// </remarks>
public static class DecimalText
{
    private const int DigitsPerWord = 9;

    /// <summary>Most digits, before and behind the point together.</summary>
    public const int MaxDigits = 65;

    /// <summary>Most characters: sign, 65 digits, a zero before the point, the point.</summary>
    public const int MaxBytes = 68;

    private static ReadOnlySpan<byte> BytesOfDigits => [0, 1, 1, 2, 2, 3, 3, 4, 4, 4];

    private static ReadOnlySpan<uint> Powers => [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];

    /// <summary>Bytes that a packed decimal takes.</summary>
    public static int Bytes(int integerDigits, int fractionDigits) =>
        integerDigits / DigitsPerWord * 4 + BytesOfDigits[integerDigits % DigitsPerWord]
        + fractionDigits / DigitsPerWord * 4 + BytesOfDigits[fractionDigits % DigitsPerWord];

    /// <summary>Writes the digits, without leading zeros but with at least one before the point, and returns how many bytes they take.</summary>
    /// <exception cref="MySqlFormatException">A group of digits is larger than it can be.</exception>
    public static int Write(ReadOnlySpan<byte> packed, int integerDigits, int fractionDigits, Span<byte> target)
    {
        var negative = (packed[0] & 0x80) == 0;
        var flip = negative ? uint.MaxValue : 0u;
        var first = 0x80u; // inverts the sign bit of the first byte once
        var at = 1; // room for the sign
        var source = 0;
        var any = 0u;

        at += Group(packed, ref source, integerDigits % DigitsPerWord, flip, ref first, target[at..], at > 1, ref any);
        for (var words = integerDigits / DigitsPerWord; words > 0; words--)
            at += Group(packed, ref source, DigitsPerWord, flip, ref first, target[at..], at > 1, ref any);
        if (at == 1)
            target[at++] = (byte)'0';
        if (fractionDigits > 0)
        {
            target[at++] = (byte)'.';
            for (var words = fractionDigits / DigitsPerWord; words > 0; words--)
                at += Group(packed, ref source, DigitsPerWord, flip, ref first, target[at..], true, ref any);
            at += Group(packed, ref source, fractionDigits % DigitsPerWord, flip, ref first, target[at..], true, ref any);
        }

        if (negative && any != 0)
        {
            target[0] = (byte)'-';
            return at;
        }

        target[1..at].CopyTo(target);
        return at - 1;
    }

    // One group of up to nine digits; without digits before it, leading zeros are left out.
    private static int Group(
        ReadOnlySpan<byte> packed, ref int source, int digits, uint flip, ref uint first, Span<byte> target, bool padded, ref uint any)
    {
        if (digits == 0)
            return 0;
        var bytes = BytesOfDigits[digits];
        uint value;
        if (bytes == 4)
        {
            value = BinaryPrimitives.ReadUInt32BigEndian(packed[source..]) ^ flip ^ first << 24;
        }
        else
        {
            value = 0;
            for (var i = 0; i < bytes; i++)
                value = value << 8 | packed[source + i];
            value = (value ^ first << (bytes - 1) * 8 ^ flip) & (1u << bytes * 8) - 1;
        }

        first = 0;
        source += bytes;
        any |= value;
        if (value >= Powers[digits])
            throw MySqlFormatException.Unexpected("decimal digit group", $"less than {Powers[digits]}", value);
        var length = padded ? digits : LengthOf(value, digits);
        for (var i = length - 1; i >= 0; i--)
        {
            var rest = value / 10;
            target[i] = (byte)('0' + (value - rest * 10));
            value = rest;
        }

        return length;
    }

    private static int LengthOf(uint value, int most)
    {
        var length = 0;
        while (length < most && value >= Powers[length])
            length++;
        return value == 0 ? 0 : length;
    }
}
