using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Leat.Changes;

namespace Leat.Transform.State;

/// <summary>Bytes whose order is the order of the values, equal when these are, and from which the value is had again.</summary>
/// <remarks>
/// <code>
/// integers, dates, times   8 bytes, big-endian, signed ones with the sign bit turned
/// Float32, Float64         8 bytes of the double (a single as it is), ordered bits; -0 is 0
/// Decimal                  0 negative, 1 zero, 2 positive; then but for zero: digits before the point u16, all digits without zeros at the end, 0; turned when negative
/// String, Binary           the bytes; as a part that others follow each 0 as 0 255, and 0 0 behind them
/// Enum, Set                their labels, as String
/// part                     0 NULL, 1 not; then the value
/// </code>
/// </remarks>
internal static class SortKey
{
    private const ulong SignBit = 1UL << 63;

    /// <summary>Appends a value that ends the key.</summary>
    public static void Write(Column column, ReadOnlySpan<byte> value, ArrayBufferWriter<byte> target)
    {
        switch (column.Kind)
        {
            case ColumnKind.Decimal:
                WriteDecimal(value, target);
                break;
            case ColumnKind.Enum or ColumnKind.Set:
                Encoding.UTF8.GetBytes(LabelsOf(column, Unsigned(value)), target);
                break;
            case ColumnKind.String or ColumnKind.Binary or ColumnKind.Json:
                target.Write(value);
                break;
            default:
                BinaryPrimitives.WriteUInt64BigEndian(target.GetSpan(sizeof(ulong)), Ordered(column.Kind, value));
                target.Advance(sizeof(ulong));
                break;
        }
    }

    /// <summary>Appends a value that others follow, or NULL, which is less than all.</summary>
    /// <param name="column">What the value is.</param>
    /// <param name="value">The value.</param>
    /// <param name="isNull">Whether there is none.</param>
    /// <param name="isFalling">Whether the order is the reverse one.</param>
    /// <param name="target">What it is appended to.</param>
    /// <param name="scratch">A writer of the caller's, for the time of the call.</param>
    public static void WritePart(
        Column column, ReadOnlySpan<byte> value, bool isNull, bool isFalling, ArrayBufferWriter<byte> target, ArrayBufferWriter<byte> scratch)
    {
        scratch.ResetWrittenCount();
        if (!isNull)
            Write(column, value, scratch);
        var written = scratch.WrittenSpan;
        var room = target.GetSpan(3 + 2 * written.Length);
        room[0] = isNull ? (byte)0 : (byte)1;
        var length = 1;
        foreach (var part in written)
        {
            room[length++] = part;
            if (part == 0 && IsText(column.Kind))
                room[length++] = 0xFF;
        }

        if (!isNull && IsText(column.Kind))
        {
            room.Slice(length, 2).Clear();
            length += 2;
        }

        for (var i = 0; isFalling && i < length; i++)
            room[i] = (byte)~room[i];
        target.Advance(length);
    }

    /// <summary>Bytes of the part that a key begins with.</summary>
    public static int PartLength(Column column, ReadOnlySpan<byte> key, bool isFalling)
    {
        var turned = isFalling ? (byte)0xFF : (byte)0;
        if ((byte)(key[0] ^ turned) == 0)
            return 1;
        if (column.Kind == ColumnKind.Decimal)
        {
            var sign = key[1] ^ turned;
            var end = (byte)((sign == 0 ? 0xFF : 0) ^ turned);
            return sign == 1 ? 2 : 4 + key[4..].IndexOf(end) + 1;
        }

        if (!IsText(column.Kind))
            return 1 + sizeof(ulong);
        var at = 1;
        while (key[at] != turned || key[at + 1] != turned)
            at += key[at] == turned ? 2 : 1;
        return at + 2;
    }

    /// <summary>Writes the value of a whole key as the next column of a row; labels as text.</summary>
    public static void Append(Column column, ReadOnlySpan<byte> key, RowBuilder target)
    {
        switch (column.Kind)
        {
            case ColumnKind.Decimal:
                AppendDecimal(column.Scale, key, target);
                break;
            case ColumnKind.Enum or ColumnKind.Set or ColumnKind.String or ColumnKind.Binary or ColumnKind.Json:
                target.WriteBytes(key);
                break;
            case ColumnKind.Float32:
                target.WriteUInt32(BitConverter.SingleToUInt32Bits((float)BitConverter.UInt64BitsToDouble(UnorderedReal(key))));
                break;
            case ColumnKind.Float64:
                target.WriteUInt64(UnorderedReal(key));
                break;
            default:
                Span<byte> bytes = stackalloc byte[sizeof(ulong)];
                var ordered = BinaryPrimitives.ReadUInt64BigEndian(key);
                BinaryPrimitives.WriteUInt64LittleEndian(bytes, IsSigned(column.Kind) ? ordered ^ SignBit : ordered);
                target.WriteFixed(bytes[..EncodedRow.WidthOf(column.Kind)]);
                break;
        }
    }

    /// <summary>The label of an enum's index, or the labels of a set's members.</summary>
    internal static string LabelsOf(Column column, ulong bits)
    {
        if (column.Kind == ColumnKind.Enum)
            return bits > 0 && bits <= (ulong)column.Labels.Length ? column.Labels[(int)bits - 1] : "";
        return string.Join(',', column.Labels.Where((_, member) => (bits >> member & 1) != 0));
    }

    /// <summary>A fixed value's bits without its sign.</summary>
    internal static ulong Unsigned(ReadOnlySpan<byte> value) => value.Length switch
    {
        1 => value[0],
        2 => BinaryPrimitives.ReadUInt16LittleEndian(value),
        4 => BinaryPrimitives.ReadUInt32LittleEndian(value),
        _ => BinaryPrimitives.ReadUInt64LittleEndian(value),
    };

    /// <summary>A fixed value's bits with its sign.</summary>
    internal static long Signed(ReadOnlySpan<byte> value) => value.Length switch
    {
        1 => (sbyte)value[0],
        2 => BinaryPrimitives.ReadInt16LittleEndian(value),
        4 => BinaryPrimitives.ReadInt32LittleEndian(value),
        _ => BinaryPrimitives.ReadInt64LittleEndian(value),
    };

    /// <summary>Whether a kind's bits have a sign.</summary>
    internal static bool IsSigned(ColumnKind kind) =>
        kind is ColumnKind.Int8 or ColumnKind.Int16 or ColumnKind.Int32 or ColumnKind.Int64 or ColumnKind.Time or ColumnKind.Timestamp;

    private static bool IsText(ColumnKind kind) => kind is ColumnKind.String or ColumnKind.Binary or ColumnKind.Enum or ColumnKind.Set or ColumnKind.Json;

    private static ulong Ordered(ColumnKind kind, ReadOnlySpan<byte> value)
    {
        if (kind is ColumnKind.Float32 or ColumnKind.Float64)
        {
            var real = kind == ColumnKind.Float32 ? BinaryPrimitives.ReadSingleLittleEndian(value) : BinaryPrimitives.ReadDoubleLittleEndian(value);
            var bits = BitConverter.DoubleToUInt64Bits(real == 0 ? 0 : real);
            return (bits & SignBit) != 0 ? ~bits : bits | SignBit;
        }

        return IsSigned(kind) ? (ulong)Signed(value) ^ SignBit : Unsigned(value);
    }

    private static ulong UnorderedReal(ReadOnlySpan<byte> key)
    {
        var ordered = BinaryPrimitives.ReadUInt64BigEndian(key);
        return (ordered & SignBit) != 0 ? ordered ^ SignBit : ~ordered;
    }

    private static void WriteDecimal(ReadOnlySpan<byte> digits, ArrayBufferWriter<byte> target)
    {
        var isNegative = digits[0] == (byte)'-';
        var magnitude = isNegative ? digits[1..] : digits;
        var point = magnitude.IndexOf((byte)'.');
        var whole = (point < 0 ? magnitude : magnitude[..point]).TrimStart((byte)'0');
        var fraction = point < 0 ? default : magnitude[(point + 1)..].TrimEnd((byte)'0');
        var wholeDigits = whole.Length;
        if (fraction.IsEmpty)
            whole = whole.TrimEnd((byte)'0');

        var bytes = target.GetSpan(4 + whole.Length + fraction.Length);
        if (whole.IsEmpty && fraction.IsEmpty)
        {
            bytes[0] = 1;
            target.Advance(1);
            return;
        }

        bytes[0] = 2;
        BinaryPrimitives.WriteUInt16BigEndian(bytes[1..], (ushort)wholeDigits);
        whole.CopyTo(bytes[3..]);
        fraction.CopyTo(bytes[(3 + whole.Length)..]);
        var length = 3 + whole.Length + fraction.Length;
        bytes[length++] = 0;
        if (isNegative)
        {
            bytes[0] = 0;
            for (var i = 1; i < length; i++)
                bytes[i] = (byte)~bytes[i];
        }

        target.Advance(length);
    }

    private static void AppendDecimal(int scale, ReadOnlySpan<byte> key, RowBuilder target)
    {
        var turned = key[0] == 0 ? (byte)0xFF : (byte)0;
        var wholeDigits = key[0] == 1 ? 0 : (key[1] ^ turned) << 8 | (key[2] ^ turned);
        var digits = key[0] == 1 ? default : key[3..^1];
        var fractionDigits = Math.Max(scale, digits.Length - wholeDigits);
        var text = target.GetSpan(wholeDigits + fractionDigits + 3);
        var at = 0;
        if (key[0] == 0)
            text[at++] = (byte)'-';
        if (wholeDigits == 0)
            text[at++] = (byte)'0';
        for (var i = 0; i < wholeDigits + fractionDigits; i++)
        {
            if (i == wholeDigits)
                text[at++] = (byte)'.';
            text[at++] = i < digits.Length ? (byte)(digits[i] ^ turned) : (byte)'0';
        }

        target.Advance(at);
    }
}
