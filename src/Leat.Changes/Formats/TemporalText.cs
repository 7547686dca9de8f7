using static Leat.Changes.Temporal;

namespace Leat.Changes.Formats;

/// <summary>Prints packed dates and times as ASCII. Each method returns the number of bytes written; 32 bytes are always enough.</summary>
public static class TemporalText
{
    private const long MicrosecondsPerSecond = 1_000_000;
    private const long MicrosecondsPerDay = 86_400 * MicrosecondsPerSecond;

    /// <summary>Writes <c>2024-01-31</c>; zero and partial dates as they are.</summary>
    public static int WriteDate(uint packed, Span<byte> target)
    {
        var (year, month, day) = SplitDate(packed);
        return WriteDate(year, month, day, target);
    }

    /// <summary>Writes <c>-12:34:56.000001</c>: at least two digits of hours, and a fraction of <paramref name="scale"/> digits.</summary>
    /// <exception cref="InvalidDataException">A thousand hours or more; MySQL's own limit is 838:59:59.</exception>
    public static int WriteTime(long microseconds, int scale, Span<byte> target)
    {
        if (microseconds is <= -1000 * 3600 * MicrosecondsPerSecond or >= 1000 * 3600 * MicrosecondsPerSecond)
            throw new InvalidDataException($"A time of {microseconds} microseconds has a thousand hours or more.");
        var at = 0;
        if (microseconds < 0)
            target[at++] = (byte)'-';
        var rest = Math.Abs(microseconds);
        var seconds = rest / MicrosecondsPerSecond;
        var hours = (int)(seconds / 3600);
        at += Digits(hours, hours > 99 ? 3 : 2, target[at..]);
        return at + WriteTail((int)(seconds / 60 % 60), (int)(seconds % 60), (int)(rest % MicrosecondsPerSecond), scale, target[at..]);
    }

    /// <summary>Writes <c>2024-01-31 12:00:00.123456</c> with a fraction of <paramref name="scale"/> digits; zero and partial dates as they are.</summary>
    public static int WriteDateTime(ulong packed, int scale, byte separator, Span<byte> target)
    {
        var (year, month, day, hour, minute, second, microsecond) = SplitDateTime(packed);
        var at = WriteDate(year, month, day, target);
        target[at++] = separator;
        at += Digits(hour, 2, target[at..]);
        return at + WriteTail(minute, second, microsecond, scale, target[at..]);
    }

    /// <summary>Writes an instant in UTC like a date and time; <see cref="ZeroTimestamp"/> as all zeros.</summary>
    public static int WriteTimestamp(long microseconds, int scale, byte separator, Span<byte> target) =>
        WriteDateTime(microseconds == ZeroTimestamp ? 0 : PackUtc(microseconds), scale, separator, target);

    /// <summary>Packs an instant, microseconds since 1970 UTC, as its date and time in UTC.</summary>
    /// <exception cref="InvalidDataException">Outside the years 1 to 9999.</exception>
    public static ulong PackUtc(long microseconds)
    {
        var days = Math.DivRem(microseconds, MicrosecondsPerDay, out var rest);
        if (rest < 0)
            (days, rest) = (days - 1, rest + MicrosecondsPerDay);
        var day = days + DateOnly.FromDateTime(System.DateTime.UnixEpoch).DayNumber;
        if (day < 0 || day > DateOnly.MaxValue.DayNumber)
            throw new InvalidDataException($"A timestamp of {microseconds} microseconds since 1970 is outside the years 1 to 9999.");
        var date = DateOnly.FromDayNumber((int)day);
        var seconds = (int)(rest / MicrosecondsPerSecond);
        return Temporal.DateTime(
            date.Year, date.Month, date.Day, seconds / 3600, seconds / 60 % 60, seconds % 60, (int)(rest % MicrosecondsPerSecond));
    }

    /// <summary>Whether a packed date is a day of the calendar: neither zero nor partial.</summary>
    public static bool IsCalendarDay(uint packedDate)
    {
        var (year, month, day) = SplitDate(packedDate);
        return year is >= 1 and <= 9999 && month is >= 1 and <= 12 && day >= 1 && day <= System.DateTime.DaysInMonth(year, month);
    }

    private static int WriteDate(int year, int month, int day, Span<byte> target)
    {
        Digits(year, 4, target);
        target[4] = (byte)'-';
        Digits(month, 2, target[5..]);
        target[7] = (byte)'-';
        Digits(day, 2, target[8..]);
        return 10;
    }

    private static int WriteTail(int minute, int second, int microsecond, int scale, Span<byte> target)
    {
        target[0] = (byte)':';
        Digits(minute, 2, target[1..]);
        target[3] = (byte)':';
        Digits(second, 2, target[4..]);
        if (scale == 0)
            return 6;

        target[6] = (byte)'.';
        Span<byte> fraction = stackalloc byte[6];
        Digits(microsecond, 6, fraction);
        fraction[..scale].CopyTo(target[7..]);
        return 7 + scale;
    }

    private static int Digits(int value, int count, Span<byte> target)
    {
        for (var i = count - 1; i >= 0; i--)
        {
            target[i] = (byte)('0' + (value % 10));
            value /= 10;
        }

        return count;
    }
}
