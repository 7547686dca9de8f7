using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Leat.Connectors.MySql.Binlog;

/// <summary>CRC-32 of zlib (polynomial 0xEDB88320), the checksum at the end of every binlog event.</summary>
/// <remarks>
/// With carry-less multiplication 64 or 16 bytes are folded at once, as in Intel's paper "Fast CRC Computation for Generic Polynomials Using
/// PCLMULQDQ" (the constants are x^n modulo the polynomial, reflected); otherwise, and for the last bytes, table look-ups take 16, 8 and 4 bytes.
/// Both give the same.
/// </remarks>
public static class Crc32
{
    private const int FoldBytes = 16;
    private static readonly uint[] Table = MakeTable();

    /// <summary>Checksum of all bytes.</summary>
    public static uint Of(ReadOnlySpan<byte> bytes)
    {
        var crc = ~0u;
        if (Pclmulqdq.IsSupported && Sse41.IsSupported && bytes.Length >= FoldBytes)
        {
            var folded = bytes.Length & ~15;
            crc = Fold(crc, bytes[..folded]);
            bytes = bytes[folded..];
        }

        return ~BySlices(crc, bytes);
    }

    /// <summary>Whether an event ends in its own checksum: for those that come before the file has said whether they do.</summary>
    public static bool IsAtEndOf(ReadOnlySpan<byte> binlogEvent)
    {
        const int ChecksumBytes = 4;
        return binlogEvent.Length > EventHeader.Bytes + ChecksumBytes
            && Of(binlogEvent[..^ChecksumBytes]) == BinaryPrimitives.ReadUInt32LittleEndian(binlogEvent[^ChecksumBytes..]);
    }

    /// <summary>The portable way, for tests and machines without carry-less multiplication.</summary>
    public static uint OfBySlices(ReadOnlySpan<byte> bytes) => ~BySlices(~0u, bytes);

    private static uint Fold(uint crc, ReadOnlySpan<byte> bytes)
    {
        var blocks = MemoryMarshal.Cast<byte, Vector128<ulong>>(bytes);
        var by4 = Vector128.Create(0x0154442bd4UL, 0x01c6e41596UL);
        var by1 = Vector128.Create(0x01751997d0UL, 0x00ccaa009eUL);
        var a = blocks[0] ^ Vector128.CreateScalar(crc).AsUInt64();
        var at = 1;
        if (blocks.Length >= 8)
        {
            var (b, c, d) = (blocks[1], blocks[2], blocks[3]);
            for (at = 4; at + 4 <= blocks.Length; at += 4)
            {
                a = Multiply(a, by4) ^ blocks[at];
                b = Multiply(b, by4) ^ blocks[at + 1];
                c = Multiply(c, by4) ^ blocks[at + 2];
                d = Multiply(d, by4) ^ blocks[at + 3];
            }

            a = Multiply(a, by1) ^ b;
            a = Multiply(a, by1) ^ c;
            a = Multiply(a, by1) ^ d;
        }

        for (; at < blocks.Length; at++)
            a = Multiply(a, by1) ^ blocks[at];
        return Reduce(a, by1);
    }

    private static Vector128<ulong> Multiply(Vector128<ulong> value, Vector128<ulong> constants) =>
        Pclmulqdq.CarrylessMultiply(value, constants, 0x00) ^ Pclmulqdq.CarrylessMultiply(value, constants, 0x11);

    // 128 bits to 64, to 32, then Barrett's reduction.
    private static uint Reduce(Vector128<ulong> value, Vector128<ulong> by1)
    {
        var low32 = Vector128.Create(0xFFFFFFFFUL, 0UL);
        value = Sse2.ShiftRightLogical128BitLane(value, 8) ^ Pclmulqdq.CarrylessMultiply(value, by1, 0x10);
        value = Sse2.ShiftRightLogical128BitLane(value, 4) ^ Pclmulqdq.CarrylessMultiply(value & low32, Vector128.CreateScalar(0x0163cd6124UL), 0x00);
        var polynomial = Vector128.Create(0x01db710641UL, 0x01f7011641UL);
        var quotient = Pclmulqdq.CarrylessMultiply(value & low32, polynomial, 0x10);
        return (value ^ Pclmulqdq.CarrylessMultiply(quotient & low32, polynomial, 0x00)).AsUInt32()[1];
    }

    private static uint BySlices(uint crc, ReadOnlySpan<byte> bytes)
    {
        var table = Table.AsSpan(0, 16 * 256);
        for (; bytes.Length >= 16; bytes = bytes[16..])
        {
            var next = 0u;
            for (var word = 0; word < 4; word++)
            {
                var value = BinaryPrimitives.ReadUInt32LittleEndian(bytes[(word * 4)..]) ^ (word == 0 ? crc : 0);
                next ^= Word(table, value, (15 - word * 4) * 256);
            }

            crc = next;
        }

        if (bytes.Length >= 8)
        {
            var (low, high) = (BinaryPrimitives.ReadUInt32LittleEndian(bytes) ^ crc, BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]));
            crc = Word(table, low, 7 * 256) ^ Word(table, high, 3 * 256);
            bytes = bytes[8..];
        }

        if (bytes.Length >= 4)
        {
            crc = Word(table, BinaryPrimitives.ReadUInt32LittleEndian(bytes) ^ crc, 3 * 256);
            bytes = bytes[4..];
        }

        foreach (var one in bytes)
            crc = table[(int)((crc ^ one) & 255)] ^ crc >> 8;
        return crc;
    }

    // Four bytes whose first stands so many places, a table each, before the end.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Word(ReadOnlySpan<uint> table, uint value, int slice) =>
        table[slice + (int)(value & 255)] ^ table[slice - 256 + (int)(value >> 8 & 255)]
        ^ table[slice - 512 + (int)(value >> 16 & 255)] ^ table[slice - 768 + (int)(value >> 24)];

    private static uint[] MakeTable()
    {
        var table = new uint[16 * 256];
        for (var i = 0u; i < 256; i++)
        {
            var value = i;
            for (var bit = 0; bit < 8; bit++)
                value = (value & 1) != 0 ? value >> 1 ^ 0xEDB88320 : value >> 1;
            table[i] = value;
        }

        for (var i = 256; i < table.Length; i++)
            table[i] = table[i - 256] >> 8 ^ table[table[i - 256] & 255];
        return table;
    }
}
