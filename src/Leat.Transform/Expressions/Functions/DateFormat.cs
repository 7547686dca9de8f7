using System.Buffers.Text;
using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Leat.Changes;
using Leat.Transform.Expressions.Evaluation;
using Leat.Transform.Expressions.Language;

namespace Leat.Transform.Expressions.Functions;

/// <summary>A format of <c>date_format</c>: <c>%Y-%m-%d</c>. The letters are MySQL's; names are English.</summary>
internal sealed class DateFormat
{
    private const string Known = "YymcdeHkhIlisSfpTrjaWbMwDvx%";

    // The longest piece is a name, such as September, or 07:08:09 PM.
    private const int MostPieceBytes = 24;

    // A letter of the format, or 0 and a text that stands for itself.
    private readonly ImmutableArray<(byte Letter, byte[] Text)> _pieces;
    private readonly int _mostBytes;
    private readonly bool _needsCalendar;

    private DateFormat(ImmutableArray<(byte Letter, byte[] Text)> pieces)
    {
        _pieces = pieces;
        _mostBytes = pieces.Sum(piece => piece.Letter == 0 ? piece.Text.Length : MostPieceBytes);
        _needsCalendar = pieces.Any(piece => "jaWbMwDvx".Contains((char)piece.Letter, StringComparison.Ordinal) && piece.Letter != 0);
    }

    /// <summary>Reads a format.</summary>
    /// <exception cref="ExpressionException">It has a letter that there is not.</exception>
    public static DateFormat Parse(Place at, ReadOnlySpan<byte> format)
    {
        var pieces = ImmutableArray.CreateBuilder<(byte, byte[])>();
        for (var i = 0; i < format.Length;)
        {
            if (format[i] != '%')
            {
                var end = format[i..].IndexOf((byte)'%') is var length and >= 0 ? i + length : format.Length;
                pieces.Add((0, format[i..end].ToArray()));
                i = end;
                continue;
            }

            if (i + 1 == format.Length || !Known.Contains((char)format[i + 1], StringComparison.Ordinal))
                throw ExpressionErrors.BadDateFormat(at, Encoding.UTF8.GetString(format[i..Math.Min(i + 2, format.Length)]));
            pieces.Add(format[i + 1] == '%' ? ((byte)0, "%"u8.ToArray()) : (format[i + 1], []));
            i += 2;
        }

        return new(pieces.ToImmutable());
    }

    /// <summary>Writes a packed date and time; false when the format needs a calendar that a zero date is not in.</summary>
    public bool TryWrite(long packed, Scratch scratch, out ReadOnlySpan<byte> value)
    {
        value = default;
        if (_needsCalendar && !Moments.TryLine(packed, out _))
            return false;
        var target = scratch.Take(_mostBytes);
        var at = 0;
        foreach (var (letter, text) in _pieces)
        {
            if (letter == 0)
                text.CopyTo(target[at..]);
            at += letter == 0 ? text.Length : Write(letter, packed, target[at..]);
        }

        value = target[..at];
        return true;
    }

    private static int Write(byte letter, long packed, Span<byte> target)
    {
        var (year, month, day, hour, minute, second, microsecond) = Temporal.SplitDateTime((ulong)packed);
        var twelve = hour % 12 == 0 ? 12 : hour % 12;
        return (char)letter switch
        {
            'Y' => Digits(year, 4, target),
            'y' => Digits(year % 100, 2, target),
            'm' => Digits(month, 2, target),
            'c' => Digits(month, 1, target),
            'd' => Digits(day, 2, target),
            'e' => Digits(day, 1, target),
            'H' => Digits(hour, 2, target),
            'k' => Digits(hour, 1, target),
            'h' or 'I' => Digits(twelve, 2, target),
            'l' => Digits(twelve, 1, target),
            'i' => Digits(minute, 2, target),
            's' or 'S' => Digits(second, 2, target),
            'f' => Digits(microsecond, 6, target),
            'p' => Half(hour, target),
            'T' => Clock(hour, minute, second, target),
            'r' => Clock(twelve, minute, second, target) + Blank(target[8..]) + Half(hour, target[9..]),
            _ => WriteOfDay((char)letter, new DateOnly(year, month, day), target),
        };
    }

    private static int WriteOfDay(char letter, DateOnly date, Span<byte> target)
    {
        var names = CultureInfo.InvariantCulture.DateTimeFormat;
        return letter switch
        {
            'j' => Digits(date.DayOfYear, 3, target),
            'a' => Encoding.ASCII.GetBytes(names.GetAbbreviatedDayName(date.DayOfWeek), target),
            'W' => Encoding.ASCII.GetBytes(names.GetDayName(date.DayOfWeek), target),
            'b' => Encoding.ASCII.GetBytes(names.GetAbbreviatedMonthName(date.Month), target),
            'M' => Encoding.ASCII.GetBytes(names.GetMonthName(date.Month), target),
            'w' => Digits((int)date.DayOfWeek, 1, target),
            'v' => Digits(ISOWeek.GetWeekOfYear(date.ToDateTime(TimeOnly.MinValue)), 2, target),
            'x' => Digits(ISOWeek.GetYear(date.ToDateTime(TimeOnly.MinValue)), 4, target),
            _ => Ordinal(date.Day, target),
        };
    }

    // 1st, 2nd, 3rd, 4th, 11th.
    private static int Ordinal(int day, Span<byte> target)
    {
        var at = Digits(day, 1, target);
        var ending = day is >= 11 and <= 13 ? "th"u8 : (day % 10) switch { 1 => "st"u8, 2 => "nd"u8, 3 => "rd"u8, _ => "th"u8 };
        ending.CopyTo(target[at..]);
        return at + ending.Length;
    }

    private static int Clock(int hour, int minute, int second, Span<byte> target)
    {
        Digits(hour, 2, target);
        target[2] = (byte)':';
        Digits(minute, 2, target[3..]);
        target[5] = (byte)':';
        return 6 + Digits(second, 2, target[6..]);
    }

    private static int Blank(Span<byte> target)
    {
        target[0] = (byte)' ';
        return 1;
    }

    private static int Half(int hour, Span<byte> target)
    {
        (hour < 12 ? "AM"u8 : "PM"u8).CopyTo(target);
        return 2;
    }

    private static int Digits(int value, byte least, Span<byte> target)
    {
        Utf8Formatter.TryFormat(value, target, out var written, new('D', least));
        return written;
    }
}
