using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Collections.Immutable;
using System.Globalization;
using System.Numerics;
using System.Text;
using Leat.Changes;

namespace Leat.Transform.State;

/// <summary>Bytes that are equal when the values of some columns are, whatever columns they come from: an INT joins a BIGINT UNSIGNED and a DECIMAL by value.</summary>
/// <remarks>
/// <code>
/// each value   tag u8, then
///   0 NULL     nothing
///   1 Whole    whole number that fits 64 bits signed, 8 bytes          5 Text      String, Binary, Enum by label, Set by labels: varint length, bytes
///   2 Large    one that fits 64 bits unsigned only, 8 bytes            6 Calendar  Date, DateTime as Temporal.DateTime, 8 bytes
///   3 Decimal  any other exact number: varint length, shortest digits  7 Instant   Timestamp, 8 bytes
///   4 Real     double, 8 bytes; one zero, one NaN                      8 Time      8 bytes
///                                                                      9 Json      varint length, text
/// </code>
/// As the equality of expressions: text is compared byte by byte, without a collation.
/// </remarks>
internal static class JoinKey
{
    private enum Tag : byte
    {
        Null,
        Whole,
        Large,
        Decimal,
        Real,
        Text,
        Calendar,
        Instant,
        Time,
        Json,
    }

    /// <summary>Whether values of the two columns can be equal: they are of one family.</summary>
    public static bool CanJoin(Column left, Column right) => Family(left.Kind) == Family(right.Kind) && left.Kind != ColumnKind.Json;

    /// <summary>Writes the values of some columns of an encoded row, in place of what <paramref name="target"/> holds.</summary>
    /// <returns>False when one of them is NULL or absent: nothing equals it. The bytes still tell such rows apart.</returns>
    public static bool Write(TableSchema schema, ImmutableArray<int> ordinals, ReadOnlySpan<byte> row, ArrayBufferWriter<byte> target)
    {
        target.ResetWrittenCount();
        var reader = new RowReader(schema, row);
        var isWhole = true;
        foreach (var ordinal in ordinals)
        {
            if (reader.Seek(ordinal))
            {
                WriteValue(ref reader, target);
            }
            else
            {
                isWhole = false;
                Put(target, Tag.Null, []);
            }
        }

        return isWhole;
    }

    /// <summary>A hash of a key's bytes, good in every bit.</summary>
    public static uint Hash(ReadOnlySpan<byte> key)
    {
        var hash = (ulong)key.Length * 0x9E3779B97F4A7C15;
        for (; key.Length >= sizeof(ulong); key = key[sizeof(ulong)..])
            hash = Mix(hash ^ BinaryPrimitives.ReadUInt64LittleEndian(key));
        ulong tail = 0;
        for (var i = 0; i < key.Length; i++)
            tail |= (ulong)key[i] << (i * 8);
        hash = Mix(hash ^ tail);
        return (uint)(hash ^ hash >> 32);
    }

    private static ulong Mix(ulong value)
    {
        value *= 0xD6E8FEB86659FD93;
        return BitOperations.RotateLeft(value ^ value >> 32, 29) * 0x9E3779B97F4A7C15;
    }

    private static Tag Family(ColumnKind kind) => kind switch
    {
        ColumnKind.Float32 or ColumnKind.Float64 => Tag.Real,
        ColumnKind.String or ColumnKind.Binary or ColumnKind.Enum or ColumnKind.Set => Tag.Text,
        ColumnKind.Date or ColumnKind.DateTime => Tag.Calendar,
        ColumnKind.Timestamp => Tag.Instant,
        ColumnKind.Time => Tag.Time,
        ColumnKind.Json => Tag.Json,
        _ => Tag.Whole,
    };

    private static void WriteValue(ref RowReader row, ArrayBufferWriter<byte> target)
    {
        switch (row.Column.Kind)
        {
            case ColumnKind.Int8 or ColumnKind.Int16 or ColumnKind.Int32 or ColumnKind.Int64:
                Put(target, Tag.Whole, (ulong)row.Int64);
                break;
            case ColumnKind.UInt8 or ColumnKind.UInt16 or ColumnKind.UInt32 or ColumnKind.UInt64 or ColumnKind.Bit or ColumnKind.Year:
                PutUnsigned(target, row.UInt64);
                break;
            case ColumnKind.Decimal:
                PutDecimal(target, row.Bytes);
                break;
            case ColumnKind.Float32:
                PutReal(target, Widen(row.Single));
                break;
            case ColumnKind.Float64:
                PutReal(target, row.Double);
                break;
            case ColumnKind.Date:
                Put(target, Tag.Calendar, row.UInt64 << 37);
                break;
            case ColumnKind.DateTime:
                Put(target, Tag.Calendar, row.UInt64);
                break;
            case ColumnKind.Timestamp:
                Put(target, Tag.Instant, (ulong)row.Int64);
                break;
            case ColumnKind.Time:
                Put(target, Tag.Time, (ulong)row.Int64);
                break;
            case ColumnKind.Json:
                Put(target, Tag.Json, row.Bytes);
                break;
            case ColumnKind.Enum or ColumnKind.Set:
                PutText(target, SortKey.LabelsOf(row.Column, row.UInt64));
                break;
            default:
                Put(target, Tag.Text, row.Bytes);
                break;
        }
    }

    private static void PutUnsigned(ArrayBufferWriter<byte> target, ulong value) =>
        Put(target, value <= long.MaxValue ? Tag.Whole : Tag.Large, value);

    // Without leading zeros, and without zeros at the end of the fraction.
    private static void PutDecimal(ArrayBufferWriter<byte> target, ReadOnlySpan<byte> digits)
    {
        var isNegative = digits[0] == (byte)'-';
        var magnitude = (isNegative ? digits[1..] : digits).TrimStart((byte)'0');
        if (magnitude.Contains((byte)'.'))
            magnitude = magnitude.TrimEnd((byte)'0').TrimEnd((byte)'.');
        if (magnitude.IsEmpty)
        {
            Put(target, Tag.Whole, 0);
            return;
        }

        // A number of 20 digits fits or not; that is the parser's to say.
        if (Utf8Parser.TryParse(magnitude, out ulong whole, out var used) && used == magnitude.Length && (!isNegative || whole <= 1UL << 63))
        {
            if (isNegative)
                Put(target, Tag.Whole, 0 - whole);
            else
                PutUnsigned(target, whole);
            return;
        }

        var length = magnitude.Length + (isNegative ? 1 : 0);
        Begin(target, Tag.Decimal, length);
        var bytes = target.GetSpan(length);
        bytes[0] = (byte)'-';
        magnitude.CopyTo(bytes[(isNegative ? 1 : 0)..]);
        target.Advance(length);
    }

    private static void PutReal(ArrayBufferWriter<byte> target, double value)
    {
        if (value == 0)
            value = 0;
        Put(target, Tag.Real, BitConverter.DoubleToUInt64Bits(double.IsNaN(value) ? double.NaN : value));
    }

    // By its shortest text, as expressions read it: 0.1 as a single is 0.1.
    internal static double Widen(float value)
    {
        Span<byte> text = stackalloc byte[32];
        value.TryFormat(text, out var written, default, CultureInfo.InvariantCulture);
        return double.Parse(text[..written], NumberStyles.Float, CultureInfo.InvariantCulture);
    }

    private static void PutText(ArrayBufferWriter<byte> target, string text)
    {
        var length = Encoding.UTF8.GetByteCount(text);
        Begin(target, Tag.Text, length);
        Encoding.UTF8.GetBytes(text, target);
    }

    private static void Put(ArrayBufferWriter<byte> target, Tag tag, ulong value)
    {
        var bytes = target.GetSpan(1 + sizeof(ulong));
        bytes[0] = (byte)tag;
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[1..], value);
        target.Advance(1 + sizeof(ulong));
    }

    private static void Put(ArrayBufferWriter<byte> target, Tag tag, ReadOnlySpan<byte> value)
    {
        if (tag == Tag.Null)
        {
            target.GetSpan(1)[0] = (byte)tag;
            target.Advance(1);
            return;
        }

        Begin(target, tag, value.Length);
        target.Write(value);
    }

    private static void Begin(ArrayBufferWriter<byte> target, Tag tag, int length)
    {
        var bytes = target.GetSpan(6);
        bytes[0] = (byte)tag;
        var at = 1;
        for (var rest = (uint)length; ; rest >>= 7)
        {
            bytes[at++] = (byte)(rest < 0x80 ? rest : rest | 0x80);
            if (rest < 0x80)
                break;
        }

        target.Advance(at);
    }
}
