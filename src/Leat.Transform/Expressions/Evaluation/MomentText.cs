using System.Buffers.Text;
using Leat.Changes;

namespace Leat.Transform.Expressions.Evaluation;

/// <summary>Reads dates and times as people write them, in ASCII.</summary>
internal static class MomentText
{
    private const int MostFraction = 6;

    /// <summary>Reads <c>2024-01-31</c>, or with <c>12:34:56.789</c> after a space or T, as <see cref="Temporal.DateTime"/>. Zero dates are dates.</summary>
    public static bool TryCalendar(ReadOnlySpan<byte> text, out long packed)
    {
        packed = 0;
        var cut = text.IndexOfAny((byte)' ', (byte)'T');
        var date = cut < 0 ? text : text[..cut];
        if (!TryPart(ref date, '-', 9999, exactly: 4, out var year) || !TryPart(ref date, '-', 12, 0, out var month) || !TryPart(ref date, '\0', 31, 0, out var day)
            || (year > 0 && month > 0 && day > DateTime.DaysInMonth(year, month)))
        {
            return false;
        }

        long micros = 0;
        if (cut >= 0 && (!TryClock(text[(cut + 1)..], 23, out micros) || micros < 0))
            return false;
        packed = Moments.Pack(Temporal.Date(year, month, day), micros);
        return true;
    }

    /// <summary>Reads a calendar date and time as UTC, in microseconds since 1970.</summary>
    public static bool TryInstant(ReadOnlySpan<byte> text, out long micros)
    {
        micros = 0;
        return TryCalendar(text.EndsWith("Z"u8) ? text[..^1] : text, out var packed) && Moments.TryInstant(packed, out micros);
    }

    /// <summary>Reads <c>-838:59:59.000000</c> to <c>838:59:59.999999</c> in microseconds.</summary>
    public static bool TryTime(ReadOnlySpan<byte> text, out long micros) => TryClock(text, 838, out micros);

    private static bool TryClock(ReadOnlySpan<byte> text, int maxHours, out long micros)
    {
        micros = 0;
        var negative = text.StartsWith("-"u8);
        var rest = negative ? text[1..] : text;
        if (!TryPart(ref rest, ':', maxHours, 0, out var hours))
            return false;
        var hasSeconds = rest.Contains((byte)':');
        int seconds = 0, fraction = 0;
        if (!TryPart(ref rest, hasSeconds ? ':' : '\0', 59, 0, out var minutes))
            return false;
        if (hasSeconds)
        {
            var point = rest.IndexOf((byte)'.');
            var behind = point < 0 ? default : rest[(point + 1)..];
            var before = point < 0 ? rest : rest[..point];
            if (!TryPart(ref before, '\0', 59, 0, out seconds) || (point >= 0 && !TryFraction(behind, out fraction)))
                return false;
        }

        micros = (hours * 3600L + minutes * 60 + seconds) * Moments.PerSecond + fraction;
        micros = negative ? -micros : micros;
        return true;
    }

    private static bool TryFraction(ReadOnlySpan<byte> digits, out int micros)
    {
        micros = 0;
        var missing = MostFraction - digits.Length;
        if (missing is < 0 or >= MostFraction || !TryPart(ref digits, '\0', 999_999, 0, out micros))
            return false;
        for (var i = 0; i < missing; i++)
            micros *= 10;
        return true;
    }

    // The digits up to the sign that ends them, which is passed over; '\0': up to the end.
    private static bool TryPart(ref ReadOnlySpan<byte> text, char end, int max, int exactly, out int value)
    {
        value = 0;
        var length = end == '\0' ? text.Length : text.IndexOf((byte)end);
        if (length is < 1 or > 9 || (exactly > 0 && length != exactly))
            return false;
        var digits = text[..length];
        text = text[Math.Min(text.Length, length + 1)..];
        return !digits.ContainsAnyExceptInRange((byte)'0', (byte)'9') && Utf8Parser.TryParse(digits, out value, out _) && value <= max;
    }
}
