using System.Globalization;
using System.Text;

namespace Leat.Changes.Formats;

/// <summary>Reads canonical text back (see <see cref="ValueText"/>): what a target tells of a row becomes an encoded value again.</summary>
public static class ValueParser
{
    private const long MicrosPerSecond = 1_000_000;

    /// <summary>Writes the value that <paramref name="text"/> stands for; false, with nothing written, when it stands for none of the column's.</summary>
    /// <param name="column">The column.</param>
    /// <param name="text">As <see cref="ValueText.Of"/> gives it; between date and time a <c>T</c> may stand, and behind an instant a <c>Z</c>.</param>
    /// <param name="writer">Where the value goes; needs room for 16 bytes and the text's own.</param>
    public static bool TryWrite(Column column, string text, ref RowWriter writer)
    {
        switch (column.Kind)
        {
            case ColumnKind.Int8 or ColumnKind.Int16 or ColumnKind.Int32 or ColumnKind.Int64:
                return long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole)
                    && TryWriteFixed(column.Kind, (ulong)whole, IsSigned(column.Kind, whole), ref writer);
            case ColumnKind.UInt8 or ColumnKind.UInt16 or ColumnKind.UInt32 or ColumnKind.UInt64 or ColumnKind.Bit or ColumnKind.Year:
                return ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var positive)
                    && TryWriteFixed(column.Kind, positive, IsUnsigned(column.Kind, positive), ref writer);
            case ColumnKind.Float32:
                if (!float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var single))
                    return false;
                writer.WriteUInt32(BitConverter.SingleToUInt32Bits(single));
                return true;
            case ColumnKind.Float64:
                if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number))
                    return false;
                writer.WriteUInt64(BitConverter.DoubleToUInt64Bits(number));
                return true;
            case ColumnKind.Decimal:
                return IsDecimal(text, column.Scale) && Write(Encoding.ASCII.GetBytes(text), ref writer);
            case ColumnKind.String or ColumnKind.Json:
                return Write(Encoding.UTF8.GetBytes(text), ref writer);
            case ColumnKind.Binary:
                var bytes = new byte[text.Length];
                return Convert.TryFromBase64String(text, bytes, out var length) && Write(bytes.AsSpan(0, length), ref writer);
            case ColumnKind.Enum:
                var label = text.Length == 0 ? 0 : column.Labels.IndexOf(text) + 1;
                if (label == 0 && text.Length > 0)
                    return false;
                writer.WriteUInt16((ushort)label);
                return true;
            case ColumnKind.Set:
                return TryWriteSet(column, text, ref writer);
            default:
                return TryWriteTemporal(column.Kind, text, ref writer);
        }
    }

    private static bool IsSigned(ColumnKind kind, long value) => kind switch
    {
        ColumnKind.Int8 => value is >= sbyte.MinValue and <= sbyte.MaxValue,
        ColumnKind.Int16 => value is >= short.MinValue and <= short.MaxValue,
        ColumnKind.Int32 => value is >= int.MinValue and <= int.MaxValue,
        _ => true,
    };

    private static bool IsUnsigned(ColumnKind kind, ulong value) => kind switch
    {
        ColumnKind.UInt8 => value <= byte.MaxValue,
        ColumnKind.UInt16 or ColumnKind.Year => value <= ushort.MaxValue,
        ColumnKind.UInt32 => value <= uint.MaxValue,
        _ => true,
    };

    private static bool TryWriteFixed(ColumnKind kind, ulong bits, bool isInRange, ref RowWriter writer)
    {
        if (!isInRange)
            return false;
        switch (EncodedRow.WidthOf(kind))
        {
            case 1:
                writer.WriteByte((byte)bits);
                break;
            case 2:
                writer.WriteUInt16((ushort)bits);
                break;
            case 4:
                writer.WriteUInt32((uint)bits);
                break;
            default:
                writer.WriteUInt64(bits);
                break;
        }

        return true;
    }

    private static bool Write(ReadOnlySpan<byte> value, ref RowWriter writer)
    {
        writer.WriteBytes(value);
        return true;
    }

    private static bool IsDecimal(string text, int scale)
    {
        var digits = text.AsSpan(text.StartsWith('-') ? 1 : 0);
        var point = digits.IndexOf('.');
        var whole = point < 0 ? digits : digits[..point];
        var fraction = point < 0 ? default : digits[(point + 1)..];
        return !whole.IsEmpty && fraction.Length == scale && point >= 0 == scale > 0
            && !whole.ContainsAnyExceptInRange('0', '9') && !fraction.ContainsAnyExceptInRange('0', '9');
    }

    private static bool TryWriteSet(Column column, string text, ref RowWriter writer)
    {
        ulong members = 0;
        foreach (var member in text.Length == 0 ? [] : text.Split(','))
        {
            var index = column.Labels.IndexOf(member);
            if (index < 0)
                return false;
            members |= 1UL << index;
        }

        writer.WriteUInt64(members);
        return true;
    }

    private static bool TryWriteTemporal(ColumnKind kind, string text, ref RowWriter writer)
    {
        if (kind == ColumnKind.Time)
        {
            var isNegative = text.StartsWith('-');
            if (!TryClock(text.AsSpan(isNegative ? 1 : 0), out var micros))
                return false;
            writer.WriteUInt64((ulong)(isNegative ? -micros : micros));
            return true;
        }

        const int DateLength = 10;
        if (text.Length < DateLength || !TryDate(text.AsSpan(0, DateLength), out var date))
            return false;
        if (kind == ColumnKind.Date)
        {
            if (text.Length > DateLength)
                return false;
            writer.WriteUInt32(date);
            return true;
        }

        var clock = text.AsSpan(DateLength).TrimEnd('Z');
        if (clock.IsEmpty || clock[0] is not (' ' or 'T') || !TryClock(clock[1..], out var time) || time >= 86_400 * MicrosPerSecond)
            return false;
        var (seconds, fraction) = ((int)(time / MicrosPerSecond), (int)(time % MicrosPerSecond));
        var (year, month, day) = Temporal.SplitDate(date);
        if (kind == ColumnKind.DateTime)
        {
            writer.WriteUInt64(Temporal.DateTime(year, month, day, seconds / 3600, seconds / 60 % 60, seconds % 60, fraction));
            return true;
        }

        return TryWriteTimestamp(date, year, month, day, time, ref writer);
    }

    private static bool TryWriteTimestamp(uint date, int year, int month, int day, long time, ref RowWriter writer)
    {
        if (date == 0 && time == 0)
        {
            writer.WriteUInt64(unchecked((ulong)Temporal.ZeroTimestamp));
            return true;
        }

        if (year < 1 || month is < 1 or > 12 || day < 1 || day > DateTime.DaysInMonth(year, month))
            return false;
        writer.WriteUInt64((ulong)((new DateTime(year, month, day, 0, 0, 0, DateTimeKind.Utc) - DateTime.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond + time));
        return true;
    }

    // 2024-01-31, zero and partial dates too.
    private static bool TryDate(ReadOnlySpan<char> text, out uint date)
    {
        date = 0;
        if (text[4] != '-' || text[7] != '-' || !TryDigits(text[..4], out var year) || !TryDigits(text[5..7], out var month) || !TryDigits(text[8..], out var day))
            return false;
        date = Temporal.Date(year, month, day);
        return month <= 12 && day <= 31;
    }

    // 12:34:56.123456; hours may have three digits.
    private static bool TryClock(ReadOnlySpan<char> text, out long micros)
    {
        micros = 0;
        var point = text.IndexOf('.');
        var whole = point < 0 ? text : text[..point];
        Span<Range> parts = stackalloc Range[4];
        if (whole.Split(parts, ':') != 3 || !TryDigits(whole[parts[0]], out var hours) || !TryDigits(whole[parts[1]], out var minutes)
            || !TryDigits(whole[parts[2]], out var seconds) || hours > 838 || minutes > 59 || seconds > 59)
            return false;
        var fraction = point < 0 ? default : text[(point + 1)..];
        var parsed = 0;
        if (point >= 0 && (fraction.Length is 0 or > 6 || !TryDigits(fraction, out parsed)))
            return false;
        for (var digits = fraction.Length; digits < 6; digits++)
            parsed *= 10;
        micros = (hours * 3600L + minutes * 60L + seconds) * MicrosPerSecond + parsed;
        return true;
    }

    private static bool TryDigits(ReadOnlySpan<char> text, out int value) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
}
