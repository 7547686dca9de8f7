using System.Buffers.Binary;
using System.Numerics;

namespace Leat.Log;

/// <summary>The hash of a record's key as key filters hold it. The same in every process and version: it stands in files.</summary>
public static class KeyHash
{
    // Odd constants with well spread bits: 2^64 divided by the golden ratio, and those of the finishing step of MurmurHash3.
    private const ulong Golden = 0x9E3779B97F4A7C15, FinishA = 0xFF51AFD7ED558CCD, FinishB = 0xC4CEB9FE1A85EC53;

    /// <summary>Hashes bytes, eight at a time, the last ones filled up with zeros; the length counts too.</summary>
    public static ulong Of(ReadOnlySpan<byte> key)
    {
        var hash = (ulong)key.Length * Golden;
        for (; key.Length >= 8; key = key[8..])
            hash = Mix(hash, BinaryPrimitives.ReadUInt64LittleEndian(key));
        if (!key.IsEmpty)
        {
            Span<byte> rest = stackalloc byte[8];
            rest.Clear();
            key.CopyTo(rest);
            hash = Mix(hash, BinaryPrimitives.ReadUInt64LittleEndian(rest));
        }

        return Finish(hash);
    }

    /// <summary>The hash of two hashes in this order, e.g. of a table and of a key in it.</summary>
    public static ulong Combine(ulong first, ulong second) => Finish(Mix(Mix(Golden, first), second));

    private static ulong Mix(ulong hash, ulong word) => BitOperations.RotateLeft((hash ^ word) * Golden, 29);

    private static ulong Finish(ulong hash)
    {
        hash = (hash ^ (hash >> 33)) * FinishA;
        hash = (hash ^ (hash >> 33)) * FinishB;
        return hash ^ (hash >> 33);
    }
}
