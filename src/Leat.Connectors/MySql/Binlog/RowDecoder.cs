using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Leat.Changes;
using Leat.Connectors.MySql.Charsets;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Binlog;

/// <summary>Runs a <see cref="RowProgram"/> over one row image: the hottest code of capture.</summary>
/// <remarks>
/// Reads are checked against the image's end, column by column. Writes are not: the caller gives a target of at least
/// <see cref="RowProgram.MaxBytes(int, ReadOnlySpan{byte})"/>, which is worked out from the same steps. Both orders are little-endian, as is every machine .NET runs on here.
/// </remarks>
internal static class RowDecoder
{
    private const int MostLengthBytes = 5;

    /// <summary>Decodes the image at the front of <paramref name="source"/> into an encoded row and returns how many bytes it took there.</summary>
    /// <param name="program">How.</param>
    /// <param name="source">The image and what follows it.</param>
    /// <param name="target">At least <c>program.MaxBytes(1, source)</c> long.</param>
    /// <param name="written">Bytes of the encoded row.</param>
    /// <exception cref="MySqlFormatException">The image ends early or holds what its type cannot.</exception>
    public static int Decode(RowProgram program, ReadOnlySpan<byte> source, Span<byte> target, out int written)
    {
        var steps = program.Steps;
        var at = program.BitmapBytes;
        if (source.Length < at)
            throw MySqlFormatException.Short(at, source.Length);
        source[..at].CopyTo(target);
        if ((steps.Length & 7) != 0)
            target[at - 1] &= (byte)((1 << (steps.Length & 7)) - 1); // the server sets the bits that stand for no column

        ref var from = ref MemoryMarshal.GetReference(source);
        ref var to = ref MemoryMarshal.GetReference(target);
        var end = source.Length;
        var put = at;
        for (var i = 0; i < steps.Length; i++)
        {
            if ((Unsafe.Add(ref from, i >> 3) >> (i & 7) & 1) != 0)
                continue;
            ref readonly var step = ref steps[i];
            int width = step.Bytes;
            if (end - at < width)
                throw MySqlFormatException.Short(width, end - at);
            ref var value = ref Unsafe.Add(ref from, at);
            ref var place = ref Unsafe.Add(ref to, put);
            at += width;
            switch (step.Step)
            {
                case Step.Copy1:
                    place = value;
                    put++;
                    break;
                case Step.Copy2:
                    Unsafe.WriteUnaligned(ref place, Unsafe.ReadUnaligned<ushort>(ref value));
                    put += 2;
                    break;
                case Step.Copy4:
                    Unsafe.WriteUnaligned(ref place, Unsafe.ReadUnaligned<uint>(ref value));
                    put += 4;
                    break;
                case Step.Copy8:
                    Unsafe.WriteUnaligned(ref place, Unsafe.ReadUnaligned<ulong>(ref value));
                    put += 8;
                    break;
                case Step.Bytes1:
                    at += CopyBytes(ref place, ref put, source, at, value);
                    break;
                case Step.Bytes2:
                    at += CopyBytes(ref place, ref put, source, at, Unsafe.ReadUnaligned<ushort>(ref value));
                    break;
                case Step.Bytes3:
                    at += CopyBytes(ref place, ref put, source, at, UInt24(ref value));
                    break;
                case Step.Bytes4:
                    at += CopyBytes(ref place, ref put, source, at, Unsafe.ReadUnaligned<uint>(ref value));
                    break;
                case Step.DateTime:
                    Unsafe.WriteUnaligned(ref place, DateTime(source.Slice(at - width, width)));
                    put += 8;
                    break;
                case Step.Decimal:
                    var digits = DecimalText.Write(source.Slice(at - width, width), step.A, step.B, target.Slice(put + 1, DecimalText.MaxBytes > target.Length - put - 1 ? target.Length - put - 1 : DecimalText.MaxBytes));
                    place = (byte)digits;
                    put += 1 + digits;
                    break;
                default:
                    DecodeRare(in step, source, ref at, target, ref put);
                    break;
            }
        }

        written = put;
        return at;
    }

    private static void DecodeRare(in ColumnStep step, ReadOnlySpan<byte> source, ref int at, Span<byte> target, ref int put)
    {
        var value = source.Slice(at - step.Bytes, step.Bytes);
        var place = target[put..];
        switch (step.Step)
        {
            case Step.Int24:
                put += Put4(place, (uint)((int)(UInt24(value) << 8) >> 8));
                break;
            case Step.UInt24:
                put += Put4(place, UInt24(value));
                break;
            case Step.Year:
                put += Put2(place, (ushort)(value[0] == 0 ? 0 : 1900 + value[0]));
                break;
            case Step.Enum1:
                put += Put2(place, value[0]);
                break;
            case Step.Bits:
                put += Put8(place, BigEndian(value));
                break;
            case Step.Set:
                ulong members = 0;
                for (var i = value.Length - 1; i >= 0; i--)
                    members = members << 8 | value[i];
                put += Put8(place, members);
                break;
            case Step.Time:
                put += Put8(place, (ulong)Time(value));
                break;
            case Step.Timestamp:
                put += Put8(place, (ulong)Timestamp(BinaryPrimitives.ReadUInt32BigEndian(value), Micros(value[4..])));
                break;
            case Step.OldTime:
                put += Put8(place, (ulong)OldTime((int)(UInt24(value) << 8) >> 8));
                break;
            case Step.OldDateTime:
                put += Put8(place, OldDateTime(BinaryPrimitives.ReadUInt64LittleEndian(value)));
                break;
            case Step.OldTimestamp:
                put += Put8(place, (ulong)Timestamp(BinaryPrimitives.ReadUInt32LittleEndian(value), 0));
                break;
            case Step.HiresTime or Step.HiresDateTime or Step.HiresTimestamp:
                put += Put8(place, HiresTemporal.Read(step, value));
                break;
            case Step.Inflate:
                put += CompressedColumn.Decode(in step, Counted(value, source, ref at), place);
                break;
            default:
                DecodeCounted(in step, Counted(value, source, ref at), place, ref put);
                break;
        }
    }

    private static ReadOnlySpan<byte> Counted(ReadOnlySpan<byte> lengthBytes, ReadOnlySpan<byte> source, ref int at)
    {
        uint length = 0;
        for (var i = lengthBytes.Length - 1; i >= 0; i--)
            length = length << 8 | lengthBytes[i];
        if (length > (uint)(source.Length - at))
            throw MySqlFormatException.Short((int)Math.Min(length, int.MaxValue), source.Length - at);
        at += (int)length;
        return source.Slice(at - (int)length, (int)length);
    }

    private static void DecodeCounted(in ColumnStep step, ReadOnlySpan<byte> text, Span<byte> place, ref int put)
    {
        if (step.Step == Step.Text)
        {
            put += PutText(Charset.Of(step.A), text, place);
            return;
        }

        if (step.Step == Step.Json)
        {
            put += WriteJson(text, place);
            return;
        }

        // BINARY(n), and what is stored as such: zeros at the end were left out.
        if (text.Length > step.A)
            throw MySqlFormatException.Unexpected("length of a BINARY value", $"at most {step.A}", text.Length);
        if (step.Step == Step.Address)
        {
            Span<byte> whole = stackalloc byte[AddressText.WideBytes];
            whole.Clear();
            text.CopyTo(whole);
            place[0] = (byte)AddressText.Write((ValueForm)step.B, whole[..step.A], place[1..]);
            put += 1 + place[0];
            return;
        }

        var length = PutLength(place, step.A);
        text.CopyTo(place[length..]);
        place.Slice(length + text.Length, step.A - text.Length).Clear();
        put += length + step.A;
    }

    /// <summary>Writes text as UTF-8 behind its length and returns the bytes of both.</summary>
    internal static int PutText(Charset charset, ReadOnlySpan<byte> text, Span<byte> place)
    {
        // The length is known only afterwards: the text is written where it most likely stays, else moved.
        Span<byte> front = stackalloc byte[MostLengthBytes];
        var likely = PutLength(front, text.Length);
        var bytes = charset.ToUtf8(text, place[likely..]);
        var length = PutLength(front, bytes);
        if (length != likely)
            place.Slice(likely, bytes).CopyTo(place[length..]);
        front[..length].CopyTo(place);
        return length + bytes;
    }

    // The text's length is known once it is written: it is put behind as many bytes as a length of the largest text takes, and moved when fewer do.
    private static int WriteJson(ReadOnlySpan<byte> document, Span<byte> place)
    {
        var most = JsonText.MaxBytes(document.Length);
        var front = most < 1 << 7 ? 1 : most < 1 << 14 ? 2 : most < 1 << 21 ? 3 : 5;
        var length = JsonText.Write(document, place.Slice(front, most));
        var needed = length < 1 << 7 ? 1 : length < 1 << 14 ? 2 : length < 1 << 21 ? 3 : length < 1 << 28 ? 4 : 5;
        if (needed < front)
            place.Slice(front, length).CopyTo(place[needed..]);
        return PutLength(place, length) + length;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int CopyBytes(ref byte place, ref int put, ReadOnlySpan<byte> source, int at, uint length)
    {
        if (length > (uint)(source.Length - at))
            throw MySqlFormatException.Short((int)Math.Min(length, int.MaxValue), source.Length - at);
        var front = 1;
        if (length < 0x80)
            place = (byte)length;
        else
            front = PutLength(MemoryMarshal.CreateSpan(ref place, 5), (int)length);
        Unsafe.CopyBlockUnaligned(ref Unsafe.Add(ref place, front), ref Unsafe.Add(ref MemoryMarshal.GetReference(source), at), length);
        put += front + (int)length;
        return (int)length;
    }

    internal static int PutLength(Span<byte> place, int length)
    {
        var at = 0;
        var rest = (uint)length;
        for (; rest >= 0x80; rest >>= 7)
            place[at++] = (byte)(rest | 0x80);
        place[at++] = (byte)rest;
        return at;
    }

    private static int Put2(Span<byte> place, ushort value)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(place, value);
        return 2;
    }

    private static int Put4(Span<byte> place, uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(place, value);
        return 4;
    }

    private static int Put8(Span<byte> place, ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(place, value);
        return 8;
    }

    private static uint UInt24(ref byte value) => Unsafe.ReadUnaligned<ushort>(ref value) | (uint)Unsafe.Add(ref value, 2) << 16;

    private static uint UInt24(ReadOnlySpan<byte> value) => value[0] | (uint)value[1] << 8 | (uint)value[2] << 16;

    private static ulong BigEndian(ReadOnlySpan<byte> value)
    {
        ulong all = 0;
        foreach (var one in value)
            all = all << 8 | one;
        return all;
    }

    // Fractions stand in one byte as hundredths, in two as ten-thousandths, in three as microseconds.
    private static uint Micros(ReadOnlySpan<byte> fraction) => fraction.Length switch
    {
        0 => 0,
        1 => fraction[0] * 10_000u,
        2 => BinaryPrimitives.ReadUInt16BigEndian(fraction) * 100u,
        _ => (uint)BigEndian(fraction),
    };

    // 1 bit sign, 17 bits year * 13 + month, then day, hour, minute, second in 5, 5, 6, 6 bits: the lower 22 are as in ours.
    internal static ulong DateTime(ReadOnlySpan<byte> value)
    {
        var packed = ((ulong)value[0] << 32 | BinaryPrimitives.ReadUInt32BigEndian(value[1..])) - 0x80_0000_0000;
        var months = (uint)(packed >> 22);
        var year = months / 13;
        return (ulong)year << 46 | (ulong)(months - year * 13) << 42 | (packed & 0x3F_FFFF) << 20 | Micros(value[5..]);
    }

    // Hours, minutes, seconds in 10, 6, 6 bits, offset by half; a negative time's fraction counts downwards.
    internal static long Time(ReadOnlySpan<byte> value)
    {
        var fractionBits = (value.Length - 3) * 8;
        var packed = (long)BigEndian(value) - (0x80_0000L << fractionBits);
        var negative = packed < 0;
        var positive = (ulong)(negative ? -packed : packed);
        var whole = positive >> fractionBits;
        var fraction = positive & ((1UL << fractionBits) - 1);
        var micros = fraction * (fractionBits switch { 8 => 10_000u, 16 => 100u, _ => 1u });
        var seconds = (whole >> 12 & 0x3FF) * 3600 + (whole >> 6 & 63) * 60 + (whole & 63);
        var total = (long)(seconds * 1_000_000 + micros);
        return negative ? -total : total;
    }

    private static long Timestamp(uint seconds, uint micros) => seconds == 0 && micros == 0 ? Temporal.ZeroTimestamp : seconds * 1_000_000L + micros;

    // Before version 5.6: decimal digits hhmmss and YYYYMMDDhhmmss.
    private static long OldTime(int digits)
    {
        var positive = Math.Abs(digits);
        var seconds = positive / 10_000 * 3600 + positive / 100 % 100 * 60 + positive % 100;
        return (digits < 0 ? -seconds : seconds) * 1_000_000L;
    }

    private static ulong OldDateTime(ulong digits)
    {
        var (date, time) = ((int)(digits / 1_000_000), (int)(digits % 1_000_000));
        return Temporal.DateTime(date / 10_000, date / 100 % 100, date % 100, time / 10_000, time / 100 % 100, time % 100, 0);
    }
}
