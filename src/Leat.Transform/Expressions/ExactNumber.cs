using System.Globalization;
using System.Numerics;

namespace Leat.Transform.Expressions;

/// <summary>A number without rounding: an integer divided by a power of ten. Up to 38 digits without allocating, more with.</summary>
internal readonly struct ExactNumber
{
    // Longest run of digits that always fits Int128 (1.7e38).
    private const int SmallDigits = 38;

    // MySQL gives a quotient this many digits more than the dividend has (div_precision_increment).
    private const int DivisionDigits = 4;

    private readonly Int128 _small;
    private readonly BigInteger _wide;
    private readonly bool _isWide;
    private readonly int _scale;

    private ExactNumber(Int128 value, int scale)
    {
        _small = value;
        _scale = scale;
    }

    private ExactNumber(BigInteger value, int scale)
    {
        _wide = value;
        _isWide = true;
        _scale = scale;
    }

    /// <summary>Whether it is 0.</summary>
    public bool IsZero => _isWide ? _wide.IsZero : _small == 0;

    /// <summary>The nearest double.</summary>
    public double ToDouble() => _scale == 0 && !_isWide
        ? (double)_small
        : double.Parse(ToString(), NumberStyles.Float, CultureInfo.InvariantCulture);

    /// <summary>A whole number.</summary>
    public static ExactNumber Of(Int128 value) => new(value, 0);

    /// <summary>Reads ASCII digits with an optional sign and point, as encoded rows and literals have them.</summary>
    public static ExactNumber Parse(ReadOnlySpan<byte> digits)
    {
        if (digits.Length > SmallDigits)
            return ParseWide(digits);

        Int128 value = 0;
        var scale = 0;
        var afterPoint = false;
        ulong part = 0;
        ulong weight = 1;
        foreach (var digit in digits)
        {
            if (digit is (byte)'-' or (byte)'+')
                continue;
            if (digit == '.')
            {
                afterPoint = true;
                continue;
            }

            part = part * 10 + (uint)(digit - '0');
            weight *= 10;
            scale += afterPoint ? 1 : 0;
            if (weight == 1_000_000_000_000_000_000)
            {
                value = value * weight + part;
                (part, weight) = (0, 1);
            }
        }

        value = value * weight + part;
        return new(digits.Length > 0 && digits[0] == '-' ? -value : value, scale);
    }

    /// <summary>Less than 0, 0 or more than 0.</summary>
    public static int Compare(in ExactNumber left, in ExactNumber right)
    {
        if (left._scale == right._scale && !left._isWide && !right._isWide)
            return left._small.CompareTo(right._small);

        var scale = Math.Max(left._scale, right._scale);
        return left.TrySmall(scale, out var a) && right.TrySmall(scale, out var b)
            ? a.CompareTo(b)
            : left.Wide(scale).CompareTo(right.Wide(scale));
    }

    /// <summary>Sum.</summary>
    public static ExactNumber Add(in ExactNumber left, in ExactNumber right)
    {
        var scale = Math.Max(left._scale, right._scale);
        if (left.TrySmall(scale, out var a) && right.TrySmall(scale, out var b) && Fits(a) && Fits(b))
            return new(a + b, scale);
        return new(left.Wide(scale) + right.Wide(scale), scale);
    }

    /// <summary>The number with its other sign.</summary>
    public ExactNumber Negate() => _isWide ? new(-_wide, _scale) : new(-_small, _scale);

    /// <summary>Product.</summary>
    public static ExactNumber Multiply(in ExactNumber left, in ExactNumber right) =>
        !left._isWide && !right._isWide && left._small == (long)left._small && right._small == (long)right._small
            ? new(left._small * right._small, left._scale + right._scale)
            : new(left.Wide(left._scale) * right.Wide(right._scale), left._scale + right._scale);

    /// <summary>Quotient with four digits more than the dividend, rounded half away from zero, as MySQL divides. The divisor is not 0.</summary>
    public static ExactNumber Divide(in ExactNumber left, in ExactNumber right)
    {
        var scale = left._scale + DivisionDigits;
        var dividend = left.Wide(scale + right._scale);
        var divisor = right.Wide(right._scale);
        var quotient = BigInteger.DivRem(dividend, divisor, out var rest);
        if (BigInteger.Abs(rest) * 2 >= BigInteger.Abs(divisor))
            quotient += dividend.Sign * divisor.Sign;
        return new(quotient, scale);
    }

    /// <summary>Remainder with the dividend's sign. The divisor is not 0.</summary>
    public static ExactNumber Remainder(in ExactNumber left, in ExactNumber right)
    {
        var scale = Math.Max(left._scale, right._scale);
        return left.TrySmall(scale, out var a) && right.TrySmall(scale, out var b)
            ? new(a % b, scale)
            : new(BigInteger.Remainder(left.Wide(scale), right.Wide(scale)), scale);
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        var value = Wide(_scale);
        var digits = BigInteger.Abs(value).ToString(CultureInfo.InvariantCulture).PadLeft(_scale + 1, '0');
        return (value.Sign < 0 ? "-" : "") + digits[..^_scale] + (_scale == 0 ? "" : "." + digits[^_scale..]);
    }

    private static bool Fits(Int128 value) => value <= Int128.MaxValue / 2 && value >= Int128.MinValue / 2;

    private static ExactNumber ParseWide(ReadOnlySpan<byte> digits)
    {
        BigInteger value = 0;
        var scale = 0;
        var afterPoint = false;
        foreach (var digit in digits)
        {
            if (digit is (byte)'-' or (byte)'+')
                continue;
            if (digit == '.')
            {
                afterPoint = true;
                continue;
            }

            value = value * 10 + (digit - '0');
            scale += afterPoint ? 1 : 0;
        }

        return new(digits[0] == '-' ? -value : value, scale);
    }

    private bool TrySmall(int scale, out Int128 value)
    {
        value = _small;
        if (_isWide)
            return false;
        for (var i = _scale; i < scale; i++)
        {
            if (value > Int128.MaxValue / 10 || value < Int128.MinValue / 10)
                return false;
            value *= 10;
        }

        return true;
    }

    private BigInteger Wide(int scale) => (_isWide ? _wide : (BigInteger)_small) * BigInteger.Pow(10, scale - _scale);
}
