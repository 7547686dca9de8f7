using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Numerics;
using System.Text;
using Leat.Changes;

namespace Leat.Transform.Plan;

/// <summary>Stable 64-bit hash of a target key: the same on every machine and in every run, for positions in targets depend on it.</summary>
/// <remarks>
/// Text keys that a case-insensitive, space-padding collation holds equal hash alike as far as ASCII goes: letters are folded and
/// trailing spaces dropped. So <c>'a'</c> deleted and <c>'A'</c> inserted take the same lane and reach such a target in order.
/// </remarks>
public static class KeyHash
{
    private const ulong Prime = 0x9E3779B97F4A7C15;
    private const ulong LetterCase = 0x2020202020202020;

    /// <summary>The hash before any key column.</summary>
    public static ulong Of(string alias) => Mix(Prime, Encoding.UTF8.GetBytes(alias), foldCase: false);

    /// <summary>Hash of alias and key columns of an encoded row.</summary>
    /// <param name="alias">Hash of the alias.</param>
    /// <param name="schema">The row's shape.</param>
    /// <param name="key">Ordinals of the key.</param>
    /// <param name="row">The encoded row.</param>
    /// <param name="byValue">Whether whole numbers of different width hash alike: for a key that columns of several tables hold.</param>
    public static ulong Of(ulong alias, TableSchema schema, ImmutableArray<int> key, ReadOnlySpan<byte> row, bool byValue = false)
    {
        var hash = alias;
        var reader = new RowReader(schema, row);
        Span<byte> number = stackalloc byte[sizeof(long)];
        foreach (var ordinal in key)
        {
            var hasValue = reader.Seek(ordinal);
            if (byValue && hasValue && IsWhole(schema.Columns[ordinal].Kind))
            {
                BinaryPrimitives.WriteInt64LittleEndian(number, IsSigned(schema.Columns[ordinal].Kind) ? reader.Int64 : (long)reader.UInt64);
                hash = Mix(hash, number, foldCase: false);
                continue;
            }

            var text = schema.Columns[ordinal].Kind == ColumnKind.String;
            hash = Mix(hash, text ? reader.Bytes.TrimEnd((byte)' ') : reader.Bytes, text);
        }

        return Finish(hash);
    }

    /// <summary>Hash of some columns of an encoded row by their bytes, for values that must be unique at a target.</summary>
    /// <param name="seed">Tells alias and index apart from others.</param>
    /// <param name="schema">The row's shape.</param>
    /// <param name="columns">Ordinals; those that are NULL are left out.</param>
    /// <param name="row">The encoded row.</param>
    /// <param name="told">False when the row lacks one of them, so that nobody can tell.</param>
    /// <returns>The hash, never 0; or 0 when all are NULL, which no index holds against another, or when one is not told.</returns>
    public static ulong OfValues(ulong seed, TableSchema schema, ImmutableArray<int> columns, ReadOnlySpan<byte> row, out bool told)
    {
        var hash = seed;
        var any = false;
        var reader = new RowReader(schema, row);
        foreach (var ordinal in columns)
        {
            reader.Seek(ordinal);
            if (reader.IsAbsent)
            {
                told = false;
                return 0;
            }

            if (reader.IsNull)
                continue;
            any = true;
            hash = Mix(hash ^ (uint)ordinal, reader.Bytes, foldCase: false);
        }

        told = true;
        return any ? Finish(hash) | 1 : 0;
    }

    /// <summary>Whether two columns can hold one key, so that equal values hash alike.</summary>
    internal static bool AreAlike(Column one, Column other) =>
        (IsWhole(one.Kind) && IsWhole(other.Kind)) || (one.Kind == other.Kind && one.Scale == other.Scale && one.Labels.SequenceEqual(other.Labels));

    private static bool IsSigned(ColumnKind kind) => kind is ColumnKind.Int8 or ColumnKind.Int16 or ColumnKind.Int32 or ColumnKind.Int64;

    private static bool IsWhole(ColumnKind kind) => IsSigned(kind) || kind is ColumnKind.UInt8 or ColumnKind.UInt16 or ColumnKind.UInt32 or ColumnKind.UInt64;

    // Every bit of the key reaches the low bits, which choose the lane.
    private static ulong Finish(ulong hash)
    {
        hash ^= hash >> 32;
        hash *= 0xD6E8FEB86659FD93;
        hash ^= hash >> 32;
        hash *= 0xD6E8FEB86659FD93;
        return hash ^ (hash >> 32);
    }

    private static ulong Mix(ulong hash, ReadOnlySpan<byte> bytes, bool foldCase)
    {
        hash = (hash ^ (uint)bytes.Length) * Prime;
        var fold = foldCase ? LetterCase : 0;
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
            hash = BitOperations.RotateLeft((hash ^ (BinaryPrimitives.ReadUInt64LittleEndian(bytes) | fold)) * Prime, 29);
        ulong tail = 0;
        for (var i = 0; i < bytes.Length; i++)
            tail |= (ulong)bytes[i] << (i * 8);
        return BitOperations.RotateLeft((hash ^ (bytes.IsEmpty ? 0 : tail | fold)) * Prime, 29);
    }
}
