using System.Numerics;

namespace Leat.Transform.State;

/// <summary>
/// The exact sum of doubles, rounded once when it is read: the same whatever the order of the values, and what was added and taken away again leaves no trace.
/// A whole number times a power of two; it seldom needs more than 127 bits, and does not allocate until it does.
/// </summary>
internal struct RealSum
{
    // The least exponent of a double: 2^-1074.
    private const int LeastExponent = -1074;

    // Bits kept free below the first value, for smaller ones to come.
    private const int RoomBelow = 32;

    private Int128 _near;
    private BigInteger _wide;
    private int _exponent;
    private bool _isBegun;
    private long _notNumbers;
    private long _infinities;
    private long _negativeInfinities;

    /// <summary>Adds a value, or takes it away.</summary>
    public void Add(double value, bool isAway)
    {
        var one = isAway ? -1 : 1;
        if (double.IsNaN(value))
            _notNumbers += one;
        else if (double.IsPositiveInfinity(value))
            _infinities += one;
        else if (double.IsNegativeInfinity(value))
            _negativeInfinities += one;
        else if (value != 0)
            AddNumber(isAway ? -value : value);
    }

    /// <summary>Forgets everything.</summary>
    public void Clear() => this = default;

    /// <summary>The nearest double, half to even; infinite when it is larger than any, and no number when infinities of both signs meet.</summary>
    public readonly double Value
    {
        get
        {
            if (_notNumbers > 0 || (_infinities > 0 && _negativeInfinities > 0))
                return double.NaN;
            if (_infinities > 0)
                return double.PositiveInfinity;
            return _negativeInfinities > 0 ? double.NegativeInfinity : Round(_wide + _near, _exponent);
        }
    }

    private void AddNumber(double value)
    {
        var bits = BitConverter.DoubleToUInt64Bits(value);
        var exponent = (int)(bits >> 52 & 0x7FF);
        var fraction = (long)(bits & 0xF_FFFF_FFFF_FFFF) | (exponent == 0 ? 0 : 1L << 52);
        exponent = Math.Max(exponent, 1) - 1075;
        fraction = (long)bits < 0 ? -fraction : fraction;
        if (!_isBegun)
        {
            _isBegun = true;
            _exponent = Math.Max(exponent - RoomBelow, LeastExponent);
        }

        if (exponent < _exponent)
            Lower(exponent);
        var shift = exponent - _exponent;
        if (shift <= 70)
        {
            var sum = _near + ((Int128)fraction << shift);
            if ((sum > _near) == (fraction > 0))
            {
                _near = sum;
                return;
            }
        }

        _wide += _near + ((BigInteger)fraction << shift);
        _near = 0;
    }

    private void Lower(int exponent)
    {
        var shift = _exponent - exponent;
        _exponent = exponent;
        var room = (int)Int128.LeadingZeroCount(_near < 0 ? ~_near : _near) - 2;
        if (shift <= room)
        {
            _near <<= shift;
            _wide <<= shift;
            return;
        }

        _wide = (_wide + _near) << shift;
        _near = 0;
    }

    private static double Round(BigInteger sum, int exponent)
    {
        var magnitude = BigInteger.Abs(sum);
        var drop = Math.Max((int)magnitude.GetBitLength() - 53, LeastExponent - exponent);
        if (drop > 0)
        {
            var kept = magnitude >> drop;
            var twiceRest = (magnitude - (kept << drop)) << 1;
            var half = BigInteger.One << drop;
            if (twiceRest > half || (twiceRest == half && !kept.IsEven))
                kept += 1;
            (magnitude, exponent) = (kept, exponent + drop);
        }

        // At most 53 bits and no exponent below the least: the product is exact, or infinite.
        var value = Math.ScaleB((double)(ulong)magnitude, exponent);
        return sum.Sign < 0 ? -value : value;
    }
}
