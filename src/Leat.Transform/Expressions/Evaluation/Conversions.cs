namespace Leat.Transform.Expressions.Evaluation;

/// <summary>A truth value as a number: 1, 0 or NULL.</summary>
internal sealed class IntegerOfTruth(Node inner) : Node(StaticType.Integer with { Precision = 1 }, inner.IsNullable)
{
    public override bool TryInteger(scoped in EvaluatedRow row, out long value)
    {
        var truth = inner.Test(row);
        value = truth == Truth.True ? 1 : 0;
        return truth != Truth.Unknown;
    }
}

/// <summary>A whole number, with a sign or without, as an exact one.</summary>
internal sealed class ExactOfInteger(Node inner) : Node(StaticType.Exact(inner.Type.WholeDigits, 0), inner.IsNullable)
{
    private readonly bool _unsigned = inner.Type.Family == Family.Unsigned;

    public override bool TryExact(scoped in EvaluatedRow row, out ExactNumber value)
    {
        var there = inner.TryInteger(row, out var integer);
        value = ExactNumber.Of(_unsigned ? (Int128)(ulong)integer : integer);
        return there;
    }
}

/// <summary>An exact number under another precision and scale; what has more digits is NULL.</summary>
internal sealed class ExactOfExact(StaticType type, Node inner) : Node(type)
{
    public override bool TryExact(scoped in EvaluatedRow row, out ExactNumber value)
    {
        if (!inner.TryExact(row, out value))
            return false;
        value = value.WithScale(Type.Scale);
        return value.HasDigits(Type.Precision);
    }
}

/// <summary>A double as an exact number, by its shortest decimal.</summary>
internal sealed class ExactOfReal(StaticType type, Node inner) : Node(type)
{
    public override bool TryExact(scoped in EvaluatedRow row, out ExactNumber value)
    {
        value = default;
        if (!inner.TryReal(row, out var real))
            return false;
        value = ExactNumber.OfDouble(real).WithScale(Type.Scale);
        return value.HasDigits(Type.Precision);
    }
}

/// <summary>An exact number as a double.</summary>
internal sealed class RealOfExact(Node inner) : Node(StaticType.Real, inner.IsNullable)
{
    public override bool TryReal(scoped in EvaluatedRow row, out double value)
    {
        var there = inner.TryExact(row, out var exact);
        value = there ? exact.ToDouble() : 0;
        return there;
    }
}

/// <summary>A whole number, with a sign or without, as a double.</summary>
internal sealed class RealOfInteger(Node inner) : Node(StaticType.Real, inner.IsNullable)
{
    private readonly bool _unsigned = inner.Type.Family == Family.Unsigned;

    public override bool TryReal(scoped in EvaluatedRow row, out double value)
    {
        var there = inner.TryInteger(row, out var integer);
        value = _unsigned ? (ulong)integer : integer;
        return there;
    }
}

/// <summary>A number rounded to a whole one of 64 bits, with a sign or without; NULL when it does not fit.</summary>
internal sealed class IntegerOfNumber(StaticType type, Node inner) : Node(type)
{
    private readonly bool _unsigned = type.Family == Family.Unsigned;

    public override bool TryInteger(scoped in EvaluatedRow row, out long value)
    {
        value = 0;
        switch (inner.Type.Family)
        {
            case Family.Exact:
                return inner.TryExact(row, out var exact) && Fit(exact, out value);
            case Family.Real:
                return inner.TryReal(row, out var real) && Math.Abs(real) < 1e20 && Fit(ExactNumber.OfDouble(real), out value);
            default:
                // From one sign to the other: what has the highest bit set fits neither way.
                return inner.TryInteger(row, out value) && value >= 0;
        }
    }

    private bool Fit(in ExactNumber exact, out long value)
    {
        if (!_unsigned)
            return exact.TryInt64(out value);
        var fits = exact.TryUInt64(out var bits);
        value = (long)bits;
        return fits;
    }
}

/// <summary>An instant as UTC date and time, so that it goes with a column that has no zone.</summary>
internal sealed class CalendarOfInstant(Node inner) : Node(StaticType.DateTime(inner.Type.Scale))
{
    public override bool TryInteger(scoped in EvaluatedRow row, out long value)
    {
        value = 0;
        return inner.TryInteger(row, out var micros) && Moments.TryCalendarOf(micros, out value);
    }
}

/// <summary>A calendar date and time as an instant in UTC; NULL for what is no day of the calendar.</summary>
internal sealed class InstantOfCalendar(Node inner) : Node(StaticType.Timestamp(inner.Type.Scale))
{
    public override bool TryInteger(scoped in EvaluatedRow row, out long value)
    {
        value = 0;
        return inner.TryInteger(row, out var packed) && Moments.TryInstant(packed, out value);
    }
}

/// <summary>The same value under another type of its family: a date as date and time, another number of fractional digits (cut, not rounded).</summary>
internal sealed class Retyped(StaticType type, Node inner) : Node(type, inner.IsNullable)
{
    private readonly long _unit = UnitOf(type.Scale);

    public override Truth Test(scoped in EvaluatedRow row) => inner.Test(row);

    public override bool TryInteger(scoped in EvaluatedRow row, out long value)
    {
        if (!inner.TryInteger(row, out value))
            return false;
        if (Type == StaticType.Date)
            value = Moments.Pack(Moments.DateOf(value), 0);
        else if (Type.IsTemporal && Type.Scale < inner.Type.Scale)
            value = Type.Family == Family.Calendar ? Moments.Pack(Moments.DateOf(value), Moments.ClockOf(value) / _unit * _unit) : value == Changes.Temporal.ZeroTimestamp ? value : Cut(value);
        return true;
    }

    public override bool TryExact(scoped in EvaluatedRow row, out ExactNumber value) => inner.TryExact(row, out value);

    public override bool TryReal(scoped in EvaluatedRow row, out double value) => inner.TryReal(row, out value);

    public override bool TryText(scoped in EvaluatedRow row, out ReadOnlySpan<byte> value) => inner.TryText(row, out value);

    // An instant before 1970 is cut to the earlier one, as its clock would be; a time towards zero.
    private long Cut(long value) => Type.Family == Family.Time ? value / _unit * _unit : value - ((value % _unit + _unit) % _unit);

    private static long UnitOf(int scale)
    {
        long unit = 1;
        for (var i = scale; i < 6; i++)
            unit *= 10;
        return unit;
    }
}

/// <summary>The time of day of a calendar date and time.</summary>
internal sealed class TimeOfCalendar(StaticType type, Node inner) : Node(type, inner.IsNullable)
{
    public override bool TryInteger(scoped in EvaluatedRow row, out long value)
    {
        var there = inner.TryInteger(row, out var packed);
        value = there ? Moments.ClockOf(packed) : 0;
        return there;
    }
}
