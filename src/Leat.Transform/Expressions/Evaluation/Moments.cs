using Leat.Changes;

namespace Leat.Transform.Expressions.Evaluation;

/// <summary>Calculates with packed dates and times (<see cref="Temporal.DateTime"/>) and instants. What is no day of the calendar, zero dates for one, has no place on the line of time.</summary>
internal static class Moments
{
    public const long PerSecond = 1_000_000;
    public const long PerDay = 86_400 * PerSecond;

    // The bits of a packed date and time below its date.
    private const int DateShift = 37;

    // Days from 0001-01-01 to 1970-01-01.
    private const long EpochDay = 719_162;

    /// <summary>The date of a packed date and time.</summary>
    public static uint DateOf(long packed) => (uint)((ulong)packed >> DateShift);

    /// <summary>Microseconds since midnight of a packed date and time.</summary>
    public static long ClockOf(long packed)
    {
        var (_, _, _, hour, minute, second, microsecond) = Temporal.SplitDateTime((ulong)packed);
        return (hour * 3600L + minute * 60 + second) * PerSecond + microsecond;
    }

    /// <summary>Packs a date and microseconds since midnight.</summary>
    public static long Pack(uint date, long micros)
    {
        var seconds = (int)(micros / PerSecond);
        return (long)((ulong)date << DateShift | (ulong)(uint)(seconds / 3600) << 32 | (ulong)(uint)(seconds / 60 % 60) << 26 | (ulong)(uint)(seconds % 60) << 20 | (uint)(micros % PerSecond));
    }

    /// <summary>Microseconds since 0001-01-01; false for what is no day of the calendar.</summary>
    public static bool TryLine(long packed, out long micros)
    {
        var (year, month, day) = Temporal.SplitDate(DateOf(packed));
        micros = 0;
        if (year is < 1 or > 9999 || month is < 1 or > 12 || day < 1 || day > DateTime.DaysInMonth(year, month))
            return false;
        micros = new DateOnly(year, month, day).DayNumber * PerDay + ClockOf(packed);
        return true;
    }

    /// <summary>The packed date and time of microseconds since 0001-01-01; false outside the years 1 to 9999.</summary>
    public static bool TryCalendar(long micros, out long packed)
    {
        packed = 0;
        if (micros < 0 || micros >= (DateOnly.MaxValue.DayNumber + 1L) * PerDay)
            return false;
        var date = DateOnly.FromDayNumber((int)(micros / PerDay));
        packed = Pack(Temporal.Date(date.Year, date.Month, date.Day), micros % PerDay);
        return true;
    }

    /// <summary>A calendar date and time as an instant in UTC; the zero date is MySQL's zero timestamp.</summary>
    public static bool TryInstant(long packed, out long micros)
    {
        if (packed == 0)
        {
            micros = Temporal.ZeroTimestamp;
            return true;
        }

        var there = TryLine(packed, out micros);
        micros -= EpochDay * PerDay;
        return there;
    }

    /// <summary>An instant as calendar date and time in UTC.</summary>
    public static bool TryCalendarOf(long instant, out long packed)
    {
        packed = 0;
        return instant == Temporal.ZeroTimestamp || (instant > -PerDay * EpochDay * 2 && instant < long.MaxValue - EpochDay * PerDay && TryCalendar(instant + EpochDay * PerDay, out packed));
    }

    /// <summary>Adds months; a day that the month does not have becomes its last.</summary>
    public static bool TryAddMonths(long packed, long months, out long result)
    {
        result = 0;
        var (year, month, day) = Temporal.SplitDate(DateOf(packed));
        if (!TryLine(packed, out _) || months is > 120_000 or < -120_000)
            return false;
        var all = year * 12L + month - 1 + months;
        if (all is < 12 or >= 120_000)
            return false;
        (year, month) = ((int)(all / 12), (int)(all % 12) + 1);
        result = Pack(Temporal.Date(year, month, Math.Min(day, DateTime.DaysInMonth(year, month))), ClockOf(packed));
        return true;
    }
}
