using System.Buffers.Binary;

namespace Leat.Log;

/// <summary>Tells which keys a closed segment cannot hold: <c>.keys</c>, a blocked Bloom filter of about ten bits a key; one answer in a hundred is a false "perhaps".</summary>
/// <remarks>
/// <code>
/// offset  0          8          12      16          24           32             40         44         48              48 + 32 n
///         +----------+----------+-------+-----------+------------+--------------+----------+----------+---------------+---------+
///         | 'leatkeys'| version 1| n     | hashes in | segment's  | segment's    | who tells| 0        | n blocks of   | CRC-32C |
///         |          | u32      | u32   | it  u64   | base i64   | bytes i64    | keys u32 | u32      | eight u32     | u32     |
///         +----------+----------+-------+-----------+------------+--------------+----------+----------+---------------+---------+
/// </code>
/// Big-endian. A hash sets one bit in each of the eight words of one block, as Parquet's split block filter does: block (high half × n) / 2^32,
/// bit (low half × salt) / 2^27 of each word, with Parquet's eight salts. "Who tells keys" is a CRC-32C of the name of the type behind
/// <see cref="StreamOptions.KeysOf"/>, 0 for the record's own key: a filter made by another rule is made again. The CRC covers all before it.
/// </remarks>
internal static class KeyFilter
{
    public const int HeaderBytes = 48, BlockBytes = 32, CrcBytes = 4;
    public const int BitsPerKey = 10;
    private const uint Version = 1;

    private static ReadOnlySpan<byte> Magic => "leatkeys"u8;

    private static ReadOnlySpan<uint> Salts =>
        [0x47B6137B, 0x44974D91, 0x8824AD5B, 0xA2B7289D, 0x705495C7, 0x2DF1424B, 0x9EFC4947, 0x5C6BFB31];

    /// <summary>An empty filter for about so many keys: the file's bytes, to be filled and sealed.</summary>
    public static byte[] Create(long keys, int mostBytes)
    {
        var blocks = (int)Math.Clamp((keys * BitsPerKey + BlockBytes * 8 - 1) / (BlockBytes * 8), 1, mostBytes / BlockBytes);
        var filter = new byte[HeaderBytes + blocks * BlockBytes + CrcBytes];
        BinaryPrimitives.WriteInt32BigEndian(filter.AsSpan(12), blocks);
        return filter;
    }

    public static void Add(Span<byte> filter, ulong hash)
    {
        var block = filter.Slice(BlockAt(filter, hash), BlockBytes);
        for (var i = 0; i < Salts.Length; i++)
        {
            var word = block[(4 * i)..];
            BinaryPrimitives.WriteUInt32BigEndian(word, BinaryPrimitives.ReadUInt32BigEndian(word) | BitOf(hash, i));
        }
    }

    /// <summary>False when the key is certainly not in the segment. For a filter that was checked.</summary>
    public static bool MayContain(ReadOnlySpan<byte> filter, ulong hash)
    {
        var block = filter.Slice(BlockAt(filter, hash), BlockBytes);
        for (var i = 0; i < Salts.Length; i++)
        {
            if ((BinaryPrimitives.ReadUInt32BigEndian(block[(4 * i)..]) & BitOf(hash, i)) == 0)
                return false;
        }

        return true;
    }

    /// <summary>Completes the header and the checksum.</summary>
    public static void Seal(Span<byte> filter, long hashes, SegmentWindow window, uint rule)
    {
        Magic.CopyTo(filter);
        BinaryPrimitives.WriteUInt32BigEndian(filter[8..], Version);
        BinaryPrimitives.WriteInt64BigEndian(filter[16..], hashes);
        BinaryPrimitives.WriteInt64BigEndian(filter[24..], window.BaseOffset);
        BinaryPrimitives.WriteInt64BigEndian(filter[32..], window.Bytes);
        BinaryPrimitives.WriteUInt32BigEndian(filter[40..], rule);
        BinaryPrimitives.WriteUInt32BigEndian(filter[^CrcBytes..], BatchFormat.Crc(filter[..^CrcBytes]));
    }

    /// <summary>Whether the bytes are a whole filter of this very segment, made by this rule.</summary>
    public static bool IsOf(ReadOnlySpan<byte> filter, SegmentWindow window, uint rule) =>
        filter.Length >= HeaderBytes + BlockBytes + CrcBytes && filter.StartsWith(Magic)
        && BinaryPrimitives.ReadUInt32BigEndian(filter[8..]) == Version
        && filter.Length == HeaderBytes + (long)BinaryPrimitives.ReadUInt32BigEndian(filter[12..]) * BlockBytes + CrcBytes
        && BinaryPrimitives.ReadInt64BigEndian(filter[24..]) == window.BaseOffset
        && BinaryPrimitives.ReadInt64BigEndian(filter[32..]) == window.Bytes
        && BinaryPrimitives.ReadUInt32BigEndian(filter[40..]) == rule
        && BinaryPrimitives.ReadUInt32BigEndian(filter[^CrcBytes..]) == BatchFormat.Crc(filter[..^CrcBytes]);

    /// <summary>The number that stands for who tells a record's keys.</summary>
    public static uint RuleOf(IRecordKeys? keys) =>
        keys is null ? 0 : BatchFormat.Crc(System.Text.Encoding.UTF8.GetBytes(keys.GetType().FullName ?? ""));

    private static int BlockAt(ReadOnlySpan<byte> filter, ulong hash)
    {
        var blocks = BinaryPrimitives.ReadUInt32BigEndian(filter[12..]);
        return HeaderBytes + (int)(((hash >> 32) * blocks) >> 32) * BlockBytes;
    }

    private static uint BitOf(ulong hash, int word) => 1u << (int)(((uint)hash * Salts[word]) >> 27);
}
