namespace Leat.Log;

/// <summary>Zig-zag variable-length integers, as Kafka's records use them: seven bits a byte, lowest first, the top bit means "more".</summary>
internal static class Varint
{
    /// <summary>Bytes of the longest encoding of 32 bits.</summary>
    public const int MaxBytes32 = 5;

    /// <summary>Bytes of the longest encoding of 64 bits.</summary>
    public const int MaxBytes64 = 10;

    /// <summary>Bytes that the minimal encoding takes.</summary>
    public static int Size(long value)
    {
        var rest = (ulong)((value << 1) ^ (value >> 63));
        return (70 - System.Numerics.BitOperations.LeadingZeroCount(rest | 1)) / 7;
    }

    /// <summary>Writes the minimal encoding; returns its bytes.</summary>
    public static int Write(Span<byte> target, long value)
    {
        var rest = (ulong)((value << 1) ^ (value >> 63));
        var at = 0;
        while (rest >= 0x80)
        {
            target[at++] = (byte)(rest | 0x80);
            rest >>= 7;
        }

        target[at++] = (byte)rest;
        return at;
    }

    /// <summary>Reads one value and moves <paramref name="at"/> past it; false when it is cut off or too long.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, ref int at, out long value)
    {
        ulong sum = 0;
        for (var shift = 0; shift < 70 && at < source.Length; shift += 7)
        {
            var next = source[at++];
            sum |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                value = (long)(sum >> 1) ^ -(long)(sum & 1);
                return true;
            }
        }

        value = 0;
        return false;
    }
}
