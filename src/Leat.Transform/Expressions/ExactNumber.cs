using System.Buffers.Text;
using System.Globalization;
using System.Numerics;
using System.Text;

namespace Leat.Transform.Expressions;

/// <summary>How digits are cut from a number.</summary>
internal enum Rounding
{
    /// <summary>To the nearest; the middle away from zero, as MySQL rounds.</summary>
    HalfAway,

    /// <summary>Towards zero.</summary>
    Down,

    /// <summary>To the smaller.</summary>
    Floor,

    /// <summary>To the larger.</summary>
    Ceiling,
}

/// <summary>A number without rounding: an integer divided by a power of ten. Up to 38 digits without allocating, more with.</summary>
internal readonly struct ExactNumber
{
    // Longest run of digits that always fits Int128 (1.7e38).
    private const int SmallDigits = 38;

    // Longest text of a number that is read.
    private const int MostDigits = 500;

    // Two such numbers still have a sum.
    private static readonly Int128 Half = Int128.MaxValue >> 1;

    private static readonly BigInteger WideHalf = (BigInteger)Half;

    private static readonly Int128[] Powers = MakePowers();

    // What may be multiplied with each power of ten.
    private static readonly Int128[] Limits = [.. Powers.Select(power => Division.DivRem(Int128.MaxValue, power, out _))];

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

    /// <summary>Digits behind the point.</summary>
    public int Scale => _scale;

    /// <summary>Less than 0, 0 or more than 0, as the number is.</summary>
    public int Sign => _isWide ? _wide.Sign : Int128.Sign(_small);

    /// <summary>Whether it is 0.</summary>
    public bool IsZero => _isWide ? _wide.IsZero : _small == 0;

    /// <summary>The nearest double.</summary>
    public double ToDouble()
    {
        if (_scale == 0 && !_isWide && _small >= long.MinValue && _small <= long.MaxValue)
            return (long)_small;
        if (_isWide)
            return double.Parse(ToString(), NumberStyles.Float, CultureInfo.InvariantCulture);
        Span<byte> digits = stackalloc byte[96];
        return _scale < 50 ? double.Parse(digits[..Format(digits)], NumberStyles.Float, CultureInfo.InvariantCulture) : double.Parse(ToString(), NumberStyles.Float, CultureInfo.InvariantCulture);
    }

    /// <summary>A whole number.</summary>
    public static ExactNumber Of(Int128 value) => new(value, 0);

    /// <summary>A number by its digits and how many of them stand behind the point.</summary>
    public static ExactNumber Scaled(Int128 digits, int scale) => new(digits, scale);

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
        return Of(left.Wide(scale) + right.Wide(scale), scale);
    }

    /// <summary>The number with its other sign.</summary>
    public ExactNumber Negate() => _isWide ? new(-_wide, _scale) : new(-_small, _scale);

    /// <summary>Product.</summary>
    public static ExactNumber Multiply(in ExactNumber left, in ExactNumber right) =>
        !left._isWide && !right._isWide && left._small == (long)left._small && right._small == (long)right._small
            ? new(left._small * right._small, left._scale + right._scale)
            : Of(left.Wide(left._scale) * right.Wide(right._scale), left._scale + right._scale);

    /// <summary>Quotient with so many digits behind the point, rounded half away from zero, as MySQL divides. The divisor is not 0.</summary>
    public static ExactNumber Divide(in ExactNumber left, in ExactNumber right, int scale)
    {
        var shift = scale + right._scale - left._scale;
        if (shift >= 0 && !left._isWide && !right._isWide && left.TryShift(shift, out var small) && Fits(small) && Fits(right._small))
        {
            var whole = Division.DivRem(small, right._small, out var over);
            if (Int128.Abs(over) * 2 >= Int128.Abs(right._small))
                whole += Int128.Sign(small) * Int128.Sign(right._small);
            return new(whole, scale);
        }

        return DivideWide(left, right, scale, shift);
    }

    /// <summary>The whole part of the quotient. The divisor is not 0.</summary>
    public static ExactNumber DivideWhole(in ExactNumber left, in ExactNumber right)
    {
        var scale = Math.Max(left._scale, right._scale);
        return Of(BigInteger.Divide(left.Wide(scale), right.Wide(scale)), 0);
    }

    /// <summary>Remainder with the dividend's sign. The divisor is not 0.</summary>
    public static ExactNumber Remainder(in ExactNumber left, in ExactNumber right)
    {
        var scale = Math.Max(left._scale, right._scale);
        if (!left.TrySmall(scale, out var a) || !right.TrySmall(scale, out var b))
            return Of(BigInteger.Remainder(left.Wide(scale), right.Wide(scale)), scale);
        Division.DivRem(a, b, out var rest);
        return new(rest, scale);
    }

    /// <summary>The number with so many digits behind the point: more are cut as <paramref name="rounding"/> says, fewer are filled with zeros.</summary>
    public ExactNumber WithScale(int scale, Rounding rounding = Rounding.HalfAway)
    {
        if (scale >= _scale)
            return TrySmall(scale, out var same) ? new(same, scale) : Of(Wide(scale), scale);
        var cut = _scale - scale;
        if (!_isWide && cut < Powers.Length)
        {
            var whole = Division.DivRem(_small, Powers[cut], out var rest);
            return new(whole + Step(Int128.Sign(rest), Int128.Abs(rest).CompareTo(Powers[cut] - Int128.Abs(rest)), rounding), scale);
        }

        var divisor = BigInteger.Pow(10, cut);
        var wide = BigInteger.DivRem(Wide(_scale), divisor, out var over);
        return Of(wide + Step(over.Sign, BigInteger.Abs(over).CompareTo(divisor - BigInteger.Abs(over)), rounding), scale);
    }

    /// <summary>Rounded at a power of ten: 2 digits behind the point, or with -2 to hundreds.</summary>
    public ExactNumber Rounded(int digits, Rounding rounding)
    {
        if (digits >= 0)
            return digits >= _scale ? this : WithScale(digits, rounding);
        var shifted = _isWide ? new ExactNumber(_wide, _scale - digits) : new(_small, _scale - digits);
        var cut = shifted.WithScale(0, rounding);
        return Of(cut.Wide(0) * BigInteger.Pow(10, -digits), 0);
    }

    /// <summary>Whether it has no more than so many digits in all.</summary>
    public bool HasDigits(int precision)
    {
        if (_isWide)
            return BigInteger.Abs(_wide) < BigInteger.Pow(10, precision);
        return precision >= Powers.Length || Int128.Abs(_small) < Powers[precision];
    }

    /// <summary>The whole number that it is, rounded half away from zero; false when that does not fit 64 bits with a sign.</summary>
    public bool TryInt64(out long value)
    {
        var whole = WithScale(0);
        value = 0;
        if (whole._isWide || whole._small < long.MinValue || whole._small > long.MaxValue)
            return false;
        value = (long)whole._small;
        return true;
    }

    /// <summary>The same without a sign.</summary>
    public bool TryUInt64(out ulong value)
    {
        var whole = WithScale(0);
        value = 0;
        if (whole._isWide || whole._small < 0 || whole._small > ulong.MaxValue)
            return false;
        value = (ulong)whole._small;
        return true;
    }

    /// <summary>Writes its digits, with a point when it has a scale, and returns how many bytes they take.</summary>
    /// <param name="target">Room for 96 bytes, or for the digits and 4 more when there are more than 65.</param>
    public int Format(Span<byte> target)
    {
        Span<byte> digits = stackalloc byte[96];
        int count;
        if (_isWide)
        {
            var text = BigInteger.Abs(_wide).ToString(CultureInfo.InvariantCulture);
            digits = text.Length <= digits.Length ? digits : new byte[text.Length];
            count = Encoding.ASCII.GetBytes(text, digits);
        }
        else if (_small >= long.MinValue + 1 && _small <= long.MaxValue)
        {
            Utf8Formatter.TryFormat((ulong)Math.Abs((long)_small), digits, out count);
        }
        else
        {
            ((UInt128)Int128.Abs(_small)).TryFormat(digits, out count, default, CultureInfo.InvariantCulture);
        }

        var at = 0;
        if (Sign < 0)
            target[at++] = (byte)'-';
        if (count <= _scale)
        {
            target[at++] = (byte)'0';
            target[at++] = (byte)'.';
            target.Slice(at, _scale - count).Fill((byte)'0');
            at += _scale - count;
            digits[..count].CopyTo(target[at..]);
            return at + count;
        }

        digits[..(count - _scale)].CopyTo(target[at..]);
        at += count - _scale;
        if (_scale == 0)
            return at;
        target[at++] = (byte)'.';
        digits[(count - _scale)..count].CopyTo(target[at..]);
        return at + _scale;
    }

    /// <summary>Reads a number as people write it: sign, digits, point, exponent. False for anything else, and for more than 500 digits.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out ExactNumber value)
    {
        value = default;
        var exponentAt = text.IndexOfAny((byte)'e', (byte)'E');
        var digits = exponentAt < 0 ? text : text[..exponentAt];
        var exponent = 0;
        if (exponentAt >= 0 && (!Utf8Parser.TryParse(text[(exponentAt + 1)..], out exponent, out var used) || used != text.Length - exponentAt - 1 || exponent is > MostDigits or < -MostDigits))
            return false;
        var unsigned = digits.Length > 0 && digits[0] is (byte)'-' or (byte)'+' ? digits[1..] : digits;
        var point = unsigned.IndexOf((byte)'.');
        var whole = point < 0 ? unsigned : unsigned[..point];
        var fraction = point < 0 ? default : unsigned[(point + 1)..];
        if (whole.Length + fraction.Length is 0 or > MostDigits || whole.ContainsAnyExceptInRange((byte)'0', (byte)'9') || fraction.ContainsAnyExceptInRange((byte)'0', (byte)'9'))
            return false;
        var written = Parse(digits);
        if (exponent == 0)
            value = written;
        else if (exponent < 0)
            value = written._isWide ? new(written._wide, written._scale - exponent) : new(written._small, written._scale - exponent);
        else if (exponent <= written._scale)
            value = written._isWide ? new(written._wide, written._scale - exponent) : new(written._small, written._scale - exponent);
        else
            value = Of(written.Wide(written._scale) * BigInteger.Pow(10, exponent - written._scale), 0);
        return true;
    }

    /// <summary>The shortest decimal that reads back as the double, which is finite.</summary>
    public static ExactNumber OfDouble(double value)
    {
        Span<byte> text = stackalloc byte[40];
        value.TryFormat(text, out var written, "R", CultureInfo.InvariantCulture);
        return TryParse(text[..written], out var number) ? number : default;
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        var value = Wide(_scale);
        var digits = BigInteger.Abs(value).ToString(CultureInfo.InvariantCulture).PadLeft(_scale + 1, '0');
        return (value.Sign < 0 ? "-" : "") + digits[..^_scale] + (_scale == 0 ? "" : "." + digits[^_scale..]);
    }

    // How a number changes when it is cut: rest of which sign, nearer to zero (less than 0), in the middle or farther.
    private static int Step(int sign, int half, Rounding rounding) => rounding switch
    {
        Rounding.Down => 0,
        Rounding.Floor => sign < 0 ? -1 : 0,
        Rounding.Ceiling => sign > 0 ? 1 : 0,
        _ => half >= 0 ? sign : 0,
    };

    // Small again when it fits, so that what follows is fast and equal numbers have one form.
    private static ExactNumber Of(in BigInteger value, int scale) =>
        BigInteger.Abs(value) <= WideHalf ? new((Int128)value, scale) : new(value, scale);

    private static Int128[] MakePowers()
    {
        var powers = new Int128[SmallDigits + 1];
        powers[0] = 1;
        for (var i = 1; i < powers.Length; i++)
            powers[i] = powers[i - 1] * 10;
        return powers;
    }

    private bool TryShift(int digits, out Int128 value)
    {
        value = _small;
        if (digits >= Powers.Length)
            return _small == 0;
        if (_small > Limits[digits] || _small < -Limits[digits])
            return false;
        value = _small * Powers[digits];
        return true;
    }

    private static ExactNumber DivideWide(in ExactNumber left, in ExactNumber right, int scale, int shift)
    {
        var dividend = left.Wide(left._scale) * BigInteger.Pow(10, Math.Max(0, shift));
        var divisor = right.Wide(right._scale) * BigInteger.Pow(10, Math.Max(0, -shift));
        var quotient = BigInteger.DivRem(dividend, divisor, out var rest);
        if (BigInteger.Abs(rest) * 2 >= BigInteger.Abs(divisor))
            quotient += dividend.Sign * divisor.Sign;
        return Of(quotient, scale);
    }

    private static bool Fits(Int128 value) => value <= Half && value >= -Half;

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
        if (_scale == scale && !_isWide)
        {
            value = _small;
            return true;
        }

        value = 0;
        return !_isWide && TryShift(scale - _scale, out value);
    }

    private BigInteger Wide(int scale) => (_isWide ? _wide : (BigInteger)_small) * BigInteger.Pow(10, scale - _scale);
}
