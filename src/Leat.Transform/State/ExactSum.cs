using System.Globalization;
using System.Numerics;
using Leat.Changes;
using Leat.Transform.Expressions;

namespace Leat.Transform.State;

/// <summary>A sum of exact numbers of any size, without rounding; up to 38 digits without allocating.</summary>
/// <param name="scale">Digits after the point that its values usually have.</param>
internal struct ExactSum(int scale)
{
    // Longest run of digits that always fits Int128 (1.7e38).
    private const int NearDigits = 38;

    // What can be multiplied by 10^8, and a remainder of it by 2.
    private static readonly Int128 MostScaled = Int128.MaxValue / 200_000_000;

    private Int128 _near;
    private BigInteger _wide;
    private int _scale = scale;

    /// <summary>Adds a value, or takes it away.</summary>
    public void Add(Column column, ReadOnlySpan<byte> value, bool isAway)
    {
        if (column.Kind != ColumnKind.Decimal)
            Add(SortKey.IsSigned(column.Kind) ? SortKey.Signed(value) : SortKey.Unsigned(value), 0, isAway);
        else if (value.Length <= NearDigits)
            Add(Parse(value, out var digits), digits, isAway);
        else
            AddWide(ParseWide(value, out var digits), digits, isAway);
    }

    /// <summary>Forgets everything.</summary>
    public void Clear() => (_near, _wide) = (0, 0);

    /// <summary>Writes the sum as a 64-bit number, or as a decimal with that many digits after the point, more when it needs them.</summary>
    public readonly void Append(Column result, RowBuilder target)
    {
        if (result.Kind == ColumnKind.Int64)
            target.WriteUInt64((ulong)(long)_near);
        else if (_wide.IsZero)
            AppendNear(_near, _scale, result.Scale, target);
        else
            AppendDigits(Total.ToString(CultureInfo.InvariantCulture), _scale, result.Scale, target);
    }

    /// <summary>Writes the sum divided by a number, with that many digits after the point, rounded half away from zero.</summary>
    public readonly void AppendQuotient(long divisor, Column result, RowBuilder target)
    {
        var more = result.Scale - _scale;
        if (_wide.IsZero && more is >= 0 and <= 8 && _near < MostScaled && _near > -MostScaled)
        {
            var scaled = _near * (Int128)PowerOfTen(more);
            var quotient = Division.DivRem(scaled, divisor, out var rest);
            if (Int128.Abs(rest) * 2 >= divisor)
                quotient += scaled < 0 ? -1 : 1;
            AppendNear(quotient, result.Scale, result.Scale, target);
            return;
        }

        var wide = Total * BigInteger.Pow(10, Math.Max(more, 0));
        var by = divisor * BigInteger.Pow(10, Math.Max(-more, 0));
        var wideQuotient = BigInteger.DivRem(wide, by, out var left);
        if (BigInteger.Abs(left) * 2 >= by)
            wideQuotient += wide.Sign;
        AppendDigits(wideQuotient.ToString(CultureInfo.InvariantCulture), result.Scale, result.Scale, target);
    }

    private readonly BigInteger Total => _wide + _near;

    private void Add(Int128 value, int scale, bool isAway)
    {
        if (scale != _scale && !TryAlign(ref value, scale))
        {
            AddWide(value, scale, isAway);
            return;
        }

        var sum = isAway ? _near - value : _near + value;
        if ((sum > _near) == ((value > 0) != isAway) || value == 0)
        {
            _near = sum;
            return;
        }

        _wide += (BigInteger)_near + (isAway ? -(BigInteger)value : value);
        _near = 0;
    }

    private void AddWide(BigInteger value, int scale, bool isAway)
    {
        if (scale > _scale)
        {
            _wide = Total * BigInteger.Pow(10, scale - _scale);
            _near = 0;
            _scale = scale;
        }

        value *= BigInteger.Pow(10, _scale - scale);
        _wide += isAway ? -value : value;
        Narrow();
    }

    // What fits again is kept without allocating.
    private void Narrow()
    {
        var total = Total;
        if (BigInteger.Abs(total) > (BigInteger)(Int128.MaxValue / 2))
            return;
        _near = (Int128)total;
        _wide = 0;
    }

    private bool TryAlign(ref Int128 value, int scale)
    {
        if (scale > _scale)
        {
            if (!_wide.IsZero || !TryRaise(ref _near, scale - _scale))
                return false;
            _scale = scale;
            return true;
        }

        return TryRaise(ref value, _scale - scale);
    }

    private static bool TryRaise(ref Int128 value, int digits)
    {
        var most = digits > 18 ? 0 : Int128.MaxValue / 2 / (Int128)PowerOfTen(digits);
        if (value > most || value < -most)
            return false;
        value *= (Int128)PowerOfTen(digits);
        return true;
    }

    private static ulong PowerOfTen(int digits)
    {
        var power = 1UL;
        for (; digits > 0; digits--)
            power *= 10;
        return power;
    }

    private static Int128 Parse(ReadOnlySpan<byte> text, out int scale)
    {
        Int128 value = 0;
        scale = 0;
        var (part, weight, afterPoint) = (0UL, 1UL, 0);
        foreach (var character in text)
        {
            if (character == '.')
                afterPoint = 1;
            if ((uint)(character - '0') > 9)
                continue;
            part = part * 10 + (uint)(character - '0');
            weight *= 10;
            scale += afterPoint;
            if (weight == 1_000_000_000_000_000_000)
            {
                value = value * weight + part;
                (part, weight) = (0, 1);
            }
        }

        value = value * weight + part;
        return text[0] == (byte)'-' ? -value : value;
    }

    private static BigInteger ParseWide(ReadOnlySpan<byte> text, out int scale)
    {
        BigInteger value = 0;
        scale = 0;
        var point = text.IndexOf((byte)'.');
        if (point >= 0)
            scale = text.Length - point - 1;
        for (var at = text[0] == (byte)'-' ? 1 : 0; at < text.Length;)
        {
            var end = Math.Min(at + 18, text.Length);
            if (point >= at && point < end)
                end = point;
            var part = end == at ? 0 : Parse(text[at..end], out _);
            value = value * PowerOfTen(end - at) + part;
            at = end == point ? end + 1 : end;
        }

        return text[0] == (byte)'-' ? -value : value;
    }

    private static void AppendNear(Int128 value, int scale, int shown, RowBuilder target)
    {
        Span<char> digits = stackalloc char[48];
        value.TryFormat(digits, out var written, default, CultureInfo.InvariantCulture);
        AppendDigits(digits[..written], scale, shown, target);
    }

    // Digits of a whole number with a point put in; zeros behind the digits that are always shown are left away.
    private static void AppendDigits(ReadOnlySpan<char> digits, int scale, int shown, RowBuilder target)
    {
        var isNegative = digits[0] == '-';
        var magnitude = isNegative ? digits[1..] : digits;
        var text = target.GetSpan(Math.Max(magnitude.Length, scale + 1) + shown + 2);
        var at = 0;
        if (isNegative)
            text[at++] = (byte)'-';
        var wholeDigits = Math.Max(magnitude.Length - scale, 1);
        for (var i = 0; i < wholeDigits + Math.Max(scale, shown); i++)
        {
            if (i == wholeDigits)
                text[at++] = (byte)'.';
            var from = i + magnitude.Length - scale - wholeDigits;
            text[at++] = from >= 0 && from < magnitude.Length ? (byte)magnitude[from] : (byte)'0';
        }

        for (var extra = scale - shown; extra > 0 && text[at - 1] == (byte)'0'; extra--)
            at--;
        if (text[at - 1] == (byte)'.')
            at--;
        target.Advance(at);
    }
}
