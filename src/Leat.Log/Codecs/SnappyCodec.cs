using System.Buffers.Binary;

namespace Leat.Log.Codecs;

/// <summary>Snappy blocks of 32 KiB in the framing of Java's snappy library, which is what Kafka's clients write and read.</summary>
/// <remarks>
/// Sixteen bytes of header (<c>82 'SNAPPY' 00</c>, version i32 = 1, oldest version that can read it i32 = 1), then blocks: compressed length
/// i32, a raw snappy block. All big-endian.
/// </remarks>
internal sealed class SnappyCodec : ICodec
{
    private const int BlockBytes = 32 * 1024;

    // A copy of up to 64 bytes takes three, one of up to 11 takes two: no block grows more than this.
    private const int MaxRatio = 22;

    private static ReadOnlySpan<byte> Header => [0x82, (byte)'S', (byte)'N', (byte)'A', (byte)'P', (byte)'P', (byte)'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1];

    public int RoomFor(int sourceBytes)
    {
        var blocks = (sourceBytes + BlockBytes - 1) / BlockBytes;
        return Header.Length + blocks * (4 + 32 + BlockBytes / 6) + sourceBytes; // a block that does not compress: 32 + n + n / 6
    }

    public int Compress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        Header.CopyTo(target);
        var used = Header.Length;
        while (!source.IsEmpty)
        {
            var block = IronSnappy.Snappy.Encode(source[..Math.Min(BlockBytes, source.Length)]);
            BinaryPrimitives.WriteInt32BigEndian(target[used..], block.Length);
            block.CopyTo(target[(used + 4)..]);
            used += 4 + block.Length;
            source = source[Math.Min(BlockBytes, source.Length)..];
        }

        return used;
    }

    public long ClaimedBytes(ReadOnlySpan<byte> source)
    {
        if (!source.StartsWith(Header))
            return -1;
        var sum = 0L;
        var rest = source[Header.Length..];
        while (TryCut(ref rest, out var block))
            sum += BytesOf(block);
        return sum;
    }

    public DecodeEnd Decompress(ReadOnlySpan<byte> source, Span<byte> target, out int written)
    {
        written = 0;
        if (!source.StartsWith(Header))
            return DecodeEnd.Malformed;
        var rest = source[Header.Length..];
        while (!rest.IsEmpty)
        {
            if (!TryCut(ref rest, out var block) || Decode(block) is not { } plain)
                return DecodeEnd.Malformed;
            var fits = Math.Min(plain.Length, target.Length - written);
            plain.AsSpan(0, fits).CopyTo(target[written..]);
            written += fits;
            if (fits < plain.Length)
                return DecodeEnd.TargetFull;
        }

        return DecodeEnd.Ended;
    }

    private static bool TryCut(ref ReadOnlySpan<byte> rest, out ReadOnlySpan<byte> block)
    {
        block = default;
        if (rest.Length < 4)
            return false;
        var length = BinaryPrimitives.ReadInt32BigEndian(rest);
        if (length <= 0 || length > rest.Length - 4)
            return false;
        block = rest.Slice(4, length);
        rest = rest[(4 + length)..];
        return true;
    }

    // A block begins with its plain size, seven bits a byte, lowest first. 0 for one that cannot be.
    private static long BytesOf(ReadOnlySpan<byte> block)
    {
        var bytes = 0L;
        for (var i = 0; i < Math.Min(5, block.Length); i++)
        {
            bytes |= (long)(block[i] & 0x7F) << (7 * i);
            if (block[i] < 0x80)
                return bytes <= (long)block.Length * MaxRatio ? bytes : 0;
        }

        return 0;
    }

    private static byte[]? Decode(ReadOnlySpan<byte> block)
    {
        if (BytesOf(block) == 0)
            return null;
        try
        {
            return IronSnappy.Snappy.Decode(block);
        }
        catch (Exception error) when (error is IOException or InvalidDataException or ArgumentException or IndexOutOfRangeException or InvalidOperationException)
        {
            return null; // the library's ways to say that a block is malformed
        }
    }
}
