using Leat.Changes;
using Leat.Transform.Expressions.Evaluation;

namespace Leat.Transform.Expressions.Functions;

/// <summary>Parts of packed dates and times.</summary>
internal static class DateParts
{
    /// <summary>What <c>extract</c> knows, besides the units of time.</summary>
    public static readonly string[] Extracted = ["microsecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year", "dow", "doy"];

    /// <summary>A part of a date and time; false when a zero date has none. Weeks are those of ISO 8601; dow counts from 0, a Sunday.</summary>
    public static bool TryPart(string part, long packed, out long value)
    {
        var (year, month, day, hour, minute, second, microsecond) = Temporal.SplitDateTime((ulong)packed);
        value = part switch
        {
            "year" => year,
            "month" => month,
            "day" => day,
            "quarter" => (month + 2) / 3,
            "hour" => hour,
            "minute" => minute,
            "second" => second,
            "microsecond" => microsecond,
            _ => -1,
        };
        if (value >= 0)
            return true;
        if (!Moments.TryLine(packed, out _))
            return false;
        var date = new DateOnly(year, month, day);
        value = part switch
        {
            "dow" => (int)date.DayOfWeek,
            "doy" => date.DayOfYear,
            _ => System.Globalization.ISOWeek.GetWeekOfYear(date.ToDateTime(TimeOnly.MinValue)),
        };
        return true;
    }

    /// <summary>A part of a time, without its sign.</summary>
    public static bool TryPartOfTime(string part, long micros, out long value)
    {
        var all = Math.Abs(micros);
        value = part switch
        {
            "hour" => all / Moments.PerSecond / 3600,
            "minute" => all / Moments.PerSecond / 60 % 60,
            "second" => all / Moments.PerSecond % 60,
            _ => all % Moments.PerSecond,
        };
        return true;
    }

    /// <summary>The beginning of the unit that a date and time lies in; a week begins on Monday.</summary>
    public static bool TryTruncate(string unit, long packed, out long result)
    {
        var (year, month, day, hour, minute, second, _) = Temporal.SplitDateTime((ulong)packed);
        result = 0;
        if (!Moments.TryLine(packed, out var micros))
            return false;
        if (unit == "week")
        {
            var days = micros / Moments.PerDay;
            return Moments.TryCalendar((days - days % 7) * Moments.PerDay, out result); // 0001-01-01 was a Monday
        }

        result = (long)(unit switch
        {
            "year" => Temporal.DateTime(year, 1, 1, 0, 0, 0, 0),
            "quarter" => Temporal.DateTime(year, (month - 1) / 3 * 3 + 1, 1, 0, 0, 0, 0),
            "month" => Temporal.DateTime(year, month, 1, 0, 0, 0, 0),
            "day" => Temporal.DateTime(year, month, day, 0, 0, 0, 0),
            "hour" => Temporal.DateTime(year, month, day, hour, 0, 0, 0),
            "minute" => Temporal.DateTime(year, month, day, hour, minute, 0, 0),
            "second" => Temporal.DateTime(year, month, day, hour, minute, second, 0),
            _ => (ulong)packed,
        });
        return true;
    }
}
