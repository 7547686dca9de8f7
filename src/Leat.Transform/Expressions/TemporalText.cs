using System.Globalization;
using Leat.Changes;

namespace Leat.Transform.Expressions;

/// <summary>Reads dates and times as people write them in conditions.</summary>
internal static class TemporalText
{
    private const long MicrosPerSecond = 1_000_000;

    /// <summary>Reads <c>2024-01-31</c>, or with <c>12:34:56.789</c> after a space or T, as <see cref="Temporal.DateTime"/>. Zero dates are dates.</summary>
    public static bool TryCalendar(string text, out long packed)
    {
        packed = 0;
        var parts = text.Split([' ', 'T'], 2);
        var date = parts[0].Split('-');
        if (date.Length != 3 || date[0].Length != 4 || !TryInt(date[0], 9999, out var year) || !TryInt(date[1], 12, out var month)
            || !TryInt(date[2], 31, out var day) || (year > 0 && month > 0 && day > DateTime.DaysInMonth(year, month)))
        {
            return false;
        }

        long micros = 0;
        if (parts.Length == 2 && (!TryClock(parts[1], 23, out micros) || micros < 0))
            return false;
        var seconds = (int)(micros / MicrosPerSecond);
        packed = (long)Temporal.DateTime(
            year, month, day, seconds / 3600, seconds / 60 % 60, seconds % 60, (int)(micros % MicrosPerSecond));
        return true;
    }

    /// <summary>Reads a calendar date and time as UTC, in microseconds since 1970.</summary>
    public static bool TryInstant(string text, out long micros)
    {
        micros = 0;
        if (!TryCalendar(text.EndsWith('Z') ? text[..^1] : text, out var packed))
            return false;
        var (year, month, day, hour, minute, second, microsecond) = Temporal.SplitDateTime((ulong)packed);
        if (packed == 0)
        {
            micros = Temporal.ZeroTimestamp;
            return true;
        }

        if (year == 0 || month == 0 || day == 0)
            return false;
        var time = new DateTime(year, month, day, hour, minute, second, DateTimeKind.Utc);
        micros = (time.Ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond + microsecond;
        return true;
    }

    /// <summary>Reads <c>-838:59:59.000000</c> to <c>838:59:59.999999</c> in microseconds.</summary>
    public static bool TryTime(string text, out long micros) => TryClock(text, 838, out micros);

    /// <summary>An instant as <see cref="Temporal.DateTime"/> in UTC.</summary>
    public static long CalendarOf(long micros)
    {
        if (micros == Temporal.ZeroTimestamp)
            return 0;
        var time = DateTime.UnixEpoch.AddTicks(micros * TimeSpan.TicksPerMicrosecond);
        return (long)Temporal.DateTime(
            time.Year, time.Month, time.Day, time.Hour, time.Minute, time.Second, (int)(time.Ticks % TimeSpan.TicksPerSecond / TimeSpan.TicksPerMicrosecond));
    }

    private static bool TryClock(string text, int maxHours, out long micros)
    {
        micros = 0;
        var negative = text.StartsWith('-');
        var parts = (negative ? text[1..] : text).Split(':');
        if (parts.Length is < 2 or > 3 || !TryInt(parts[0], maxHours, out var hours) || !TryInt(parts[1], 59, out var minutes))
            return false;

        int seconds = 0, fraction = 0;
        if (parts.Length == 3)
        {
            var point = parts[2].Split('.');
            if (point.Length > 2 || !TryInt(point[0], 59, out seconds))
                return false;
            if (point.Length == 2 && (point[1].Length > 6 || !TryInt(point[1].PadRight(6, '0'), 999_999, out fraction)))
                return false;
        }

        micros = (hours * 3600L + minutes * 60 + seconds) * MicrosPerSecond + fraction;
        micros = negative ? -micros : micros;
        return true;
    }

    private static bool TryInt(string text, int max, out int value) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value <= max;
}
