using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Offline;

/// <summary>Prints a value of a row image as <c>mariadb-binlog -v</c> does: by type number and metadata alone, text as the bytes that it is.</summary>
/// <remarks>
/// Peculiarities that are kept, because the point is to compare: negative integers of every width show their unsigned reading in brackets; a float
/// is padded to twenty characters and a double shows twenty digits; dates have colons; enums are numbers, sets and bits are digits of a bit string;
/// a year of 0000 shows as 1900; only bytes below 0x20 are escaped.
/// </remarks>
internal static class VerboseValue
{
    private const int MostBytes = 80;

    /// <summary>Prints the value at the front of <paramref name="source"/> and returns how many bytes it takes there.</summary>
    /// <exception cref="MySqlFormatException">It ends early, or is of a type that cannot be shown.</exception>
    public static int Write(byte type, ushort meta, ReadOnlySpan<byte> source, IBufferWriter<byte> output)
    {
        switch (type)
        {
            case ColumnType.Tiny:
                return Integer((sbyte)Take(source, 1)[0], 1, output);
            case ColumnType.Short:
                return Integer(BinaryPrimitives.ReadInt16LittleEndian(Take(source, 2)), 2, output);
            case ColumnType.Int24:
                var three = Take(source, 3);
                return Integer((three[0] | three[1] << 8 | three[2] << 16) << 8 >> 8, 3, output);
            case ColumnType.Long:
                return Integer(BinaryPrimitives.ReadInt32LittleEndian(Take(source, 4)), 4, output);
            case ColumnType.LongLong:
                return Integer(BinaryPrimitives.ReadInt64LittleEndian(Take(source, 8)), 8, output);
            case ColumnType.NewDecimal:
                return Decimal(meta, source, output);
            case ColumnType.Float:
                PrintfNumber.Write(BinaryPrimitives.ReadSingleLittleEndian(Take(source, 4)), digits: 6, width: 20, output);
                return 4;
            case ColumnType.Double:
                PrintfNumber.Write(BinaryPrimitives.ReadDoubleLittleEndian(Take(source, 8)), digits: 20, width: 0, output);
                return 8;
            case ColumnType.Bit:
                var bits = (meta >> 8) * 8 + (meta & 255);
                return Bits(Take(source, (bits + 7) / 8), bits, output);
            case ColumnType.Enum:
                output.Write(Text(meta == 1 ? Take(source, 1)[0] : BinaryPrimitives.ReadUInt16LittleEndian(Take(source, 2))));
                return meta;
            case ColumnType.Set:
                return Bits(Take(source, meta), meta * 8, output);
            case ColumnType.Blob or ColumnType.BlobCompressed or ColumnType.Vector:
                return Quoted(source, meta, output);
            case ColumnType.Geometry:
                return Quoted(source, meta, output);
            case ColumnType.Json:
                return Json(source, meta, output);
            case ColumnType.VarChar or ColumnType.VarCharCompressed or ColumnType.VarString or ColumnType.String:
                return Quoted(source, meta < 256 ? 1 : 2, output);
            default:
                return Temporal(type, meta, source, output);
        }
    }

    /// <summary>Prints bytes in quotes: those below 0x20 as <c>\x00</c>, all others as they are.</summary>
    public static void WriteQuoted(ReadOnlySpan<byte> bytes, IBufferWriter<byte> output)
    {
        output.Write("'"u8);
        while (!bytes.IsEmpty)
        {
            var control = bytes.IndexOfAnyInRange((byte)0, (byte)0x1F);
            output.Write(control < 0 ? bytes : bytes[..control]);
            if (control < 0)
                break;
            output.Write(Text($"\\x{bytes[control]:x2}"));
            bytes = bytes[(control + 1)..];
        }

        output.Write("'"u8);
    }

    // A program of MariaDB knows no binary JSON and stops there; mysqlbinlog shows its text, as this does.
    private static int Json(ReadOnlySpan<byte> source, int lengthBytes, IBufferWriter<byte> output)
    {
        var document = Sized(source, lengthBytes);
        var text = ArrayPool<byte>.Shared.Rent(JsonText.MaxBytes(document.Length));
        try
        {
            WriteQuoted(document.IsEmpty ? default : text.AsSpan(0, JsonText.Write(document, text)), output);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(text);
        }

        return lengthBytes + document.Length;
    }

    private static int Temporal(byte type, ushort meta, ReadOnlySpan<byte> source, IBufferWriter<byte> output)
    {
        var fraction = (meta + 1) / 2;
        Span<byte> text = stackalloc byte[MostBytes];
        switch (type)
        {
            case ColumnType.Year:
                output.Write(Text($"{Take(source, 1)[0] + 1900:D4}"));
                return 1;
            case ColumnType.Date or ColumnType.NewDate:
                var date = Take(source, 3);
                var packed = date[0] | date[1] << 8 | date[2] << 16;
                output.Write(Text($"'{packed >> 9:D4}:{packed >> 5 & 15:D2}:{packed & 31:D2}'"));
                return 3;
            case ColumnType.Timestamp:
                output.Write(Text($"{BinaryPrimitives.ReadInt32LittleEndian(Take(source, 4))}"));
                return 4;
            case ColumnType.Timestamp2:
                var stamp = Take(source, 4 + fraction);
                output.Write(Text($"{BinaryPrimitives.ReadUInt32BigEndian(stamp)}"));
                if (meta > 0)
                    output.Write(Text($".{Micros(stamp[4..]):D6}").AsSpan(0, meta + 1));
                return 4 + fraction;
            case ColumnType.DateTime:
                var digits = BinaryPrimitives.ReadUInt64LittleEndian(Take(source, 8));
                var (day, time) = ((int)(digits / 1_000_000), (int)(digits % 1_000_000));
                output.Write(Text($"'{day / 10_000:D4}-{day / 100 % 100:D2}-{day % 100:D2} {time / 10_000:D2}:{time / 100 % 100:D2}:{time % 100:D2}'"));
                return 8;
            case ColumnType.DateTime2:
                WriteQuoted(text[..TemporalText.WriteDateTime(RowDecoder.DateTime(Take(source, 5 + fraction)), meta, (byte)' ', text)], output);
                return 5 + fraction;
            case ColumnType.Time:
                var old = Take(source, 3);
                var hms = (old[0] | old[1] << 8 | old[2] << 16) << 8 >> 8;
                var positive = Math.Abs(hms);
                output.Write(Text($"'{(hms < 0 ? "-" : "")}{positive / 10_000:D2}:{positive / 100 % 100:D2}:{positive % 100:D2}'"));
                return 3;
            case ColumnType.Time2:
                WriteQuoted(text[..TemporalText.WriteTime(RowDecoder.Time(Take(source, 3 + fraction)), meta, text)], output);
                return 3 + fraction;
            default:
                throw MySqlFormatException.Unexpected("column type", "one that can be shown", type);
        }
    }

    private static int Integer(long value, int bytes, IBufferWriter<byte> output)
    {
        output.Write(Text($"{value}"));
        if (value >= 0)
            return bytes;

        var unsigned = bytes == 8 ? (ulong)value : (ulong)value & ((1UL << bytes * 8) - 1);
        output.Write(Text($" ({unsigned})"));
        return bytes;
    }

    private static int Decimal(ushort meta, ReadOnlySpan<byte> source, IBufferWriter<byte> output)
    {
        var (integers, fractions) = ((meta >> 8) - (meta & 255), meta & 255);
        var bytes = DecimalText.Bytes(integers, fractions);
        Span<byte> text = stackalloc byte[DecimalText.MaxBytes];
        output.Write(text[..DecimalText.Write(Take(source, bytes), integers, fractions, text)]);
        return bytes;
    }

    private static int Bits(ReadOnlySpan<byte> bytes, int count, IBufferWriter<byte> output)
    {
        output.Write("b'"u8);
        for (var bit = bytes.Length * 8 - count; bit < bytes.Length * 8; bit++)
            output.Write((bytes[bit / 8] >> (7 - bit % 8) & 1) != 0 ? "1"u8 : "0"u8);
        output.Write("'"u8);
        return bytes.Length;
    }

    private static int Quoted(ReadOnlySpan<byte> source, int lengthBytes, IBufferWriter<byte> output)
    {
        var value = Sized(source, lengthBytes);
        WriteQuoted(value, output);
        return lengthBytes + value.Length;
    }

    private static ReadOnlySpan<byte> Sized(ReadOnlySpan<byte> source, int lengthBytes)
    {
        uint length = 0;
        var front = Take(source, lengthBytes);
        for (var i = lengthBytes - 1; i >= 0; i--)
            length = length << 8 | front[i];
        return length <= (uint)(source.Length - lengthBytes)
            ? source.Slice(lengthBytes, (int)length)
            : throw MySqlFormatException.Short((int)Math.Min(length, int.MaxValue), source.Length - lengthBytes);
    }

    private static uint Micros(ReadOnlySpan<byte> fraction) => fraction.Length switch
    {
        1 => fraction[0] * 10_000u,
        2 => BinaryPrimitives.ReadUInt16BigEndian(fraction) * 100u,
        _ => (uint)(fraction[0] << 16 | fraction[1] << 8 | fraction[2]),
    };

    private static ReadOnlySpan<byte> Take(ReadOnlySpan<byte> source, int count) =>
        source.Length >= count ? source[..count] : throw MySqlFormatException.Short(count, source.Length);

    private static byte[] Text(FormattableString text) => System.Text.Encoding.ASCII.GetBytes(FormattableString.Invariant(text));

    private static byte[] Text(int value) => System.Text.Encoding.ASCII.GetBytes(value.ToString(CultureInfo.InvariantCulture));
}
