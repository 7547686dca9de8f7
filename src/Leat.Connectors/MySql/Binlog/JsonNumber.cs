using System.Globalization;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Binlog;

/// <summary>Doubles as MySQL writes them in JSON: the fewest digits that read back as the same number, never without a point or an exponent.</summary>
internal static class JsonNumber
{
    /// <summary>Most characters: sign, <c>0.</c>, 14 zeros and 17 digits.</summary>
    public const int MaxBytes = 40;

    private const int MostDigits = 17;

    // Numbers of more digits before the point, or zeros behind it, get an exponent. Source: MySQL server, strings/dtoa.cc, my_gcvt.
    private const int MostPlainDigits = 15;

    /// <summary>Writes the number and returns its length.</summary>
    /// <exception cref="MySqlFormatException">Infinite or no number: JSON has none of these.</exception>
    public static int Write(double value, Span<byte> target)
    {
        if (!double.IsFinite(value))
            throw MySqlFormatException.Unexpected("JSON number", "finite", BitConverter.DoubleToInt64Bits(value));
        Span<byte> digits = stackalloc byte[MostDigits];
        var count = Split(value, digits, out var point);
        var at = 0;
        if (double.IsNegative(value))
            target[at++] = (byte)'-';
        var rest = target[at..];
        at += point >= 1 - MostPlainDigits && (point <= MostPlainDigits || count > point)
            ? WritePlain(digits[..count], point, rest)
            : WriteExponent(digits[..count], point - 1, rest);
        return at;
    }

    // The value is 0.digits times ten to the power of the point.
    private static int Split(double value, Span<byte> digits, out int point)
    {
        Span<byte> text = stackalloc byte[32];
        Math.Abs(value).TryFormat(text, out var length, "R", CultureInfo.InvariantCulture);
        var count = 0;
        point = 0;
        var isBehindPoint = false;
        for (var i = 0; i < length; i++)
        {
            if (text[i] == (byte)'E')
            {
                var negative = text[i + 1] == (byte)'-';
                var exponent = 0;
                for (i += 2; i < length; i++)
                    exponent = exponent * 10 + text[i] - '0';
                point += negative ? -exponent : exponent;
            }
            else if (text[i] == (byte)'.')
            {
                isBehindPoint = true;
            }
            else
            {
                if (count > 0 || text[i] != (byte)'0')
                    digits[count++] = text[i];
                point += isBehindPoint ? (count > 0 ? 0 : -1) : (count > 0 ? 1 : 0);
            }
        }

        while (count > 0 && digits[count - 1] == (byte)'0')
            count--;
        if (count > 0)
            return count;
        (digits[0], point) = ((byte)'0', 1);
        return 1;
    }

    private static int WritePlain(ReadOnlySpan<byte> digits, int point, Span<byte> target)
    {
        var at = 0;
        if (point <= 0)
        {
            target[at++] = (byte)'0';
            target[at++] = (byte)'.';
            target.Slice(at, -point).Fill((byte)'0');
            at -= point;
            digits.CopyTo(target[at..]);
            return at + digits.Length;
        }

        for (var i = 0; i < Math.Max(point, digits.Length); i++)
        {
            if (i == point)
                target[at++] = (byte)'.';
            target[at++] = i < digits.Length ? digits[i] : (byte)'0';
        }

        if (digits.Length <= point)
        {
            target[at++] = (byte)'.';
            target[at++] = (byte)'0';
        }

        return at;
    }

    private static int WriteExponent(ReadOnlySpan<byte> digits, int exponent, Span<byte> target)
    {
        var at = 0;
        target[at++] = digits[0];
        if (digits.Length > 1)
        {
            target[at++] = (byte)'.';
            digits[1..].CopyTo(target[at..]);
            at += digits.Length - 1;
        }

        target[at++] = (byte)'e';
        exponent.TryFormat(target[at..], out var length, default, CultureInfo.InvariantCulture);
        return at + length;
    }
}
