using System.Collections.Immutable;
using System.Text;
using Leat.Changes;

namespace Leat.Transform.Expressions;

/// <summary><c>+ - * / %</c> on exact numbers. Division by zero is NULL.</summary>
internal sealed class ExactCalculation(char sign, Value left, Value right) : Value(ValueType.Exact)
{
    public override bool TryGet(ref RowReader row, out Scalar value)
    {
        value = default;
        if (!left.TryGet(ref row, out var a) || !right.TryGet(ref row, out var b) || (sign is '/' or '%' && b.Exact.IsZero))
            return false;
        value.Exact = sign switch
        {
            '+' => ExactNumber.Add(a.Exact, b.Exact),
            '-' => ExactNumber.Add(a.Exact, b.Exact.Negate()),
            '*' => ExactNumber.Multiply(a.Exact, b.Exact),
            '/' => ExactNumber.Divide(a.Exact, b.Exact),
            _ => ExactNumber.Remainder(a.Exact, b.Exact),
        };
        return true;
    }
}

/// <summary><c>+ - * / %</c> when a side is a single or double. Division by zero is NULL.</summary>
internal sealed class RealCalculation(char sign, Value left, Value right) : Value(ValueType.Real)
{
    public override bool TryGet(ref RowReader row, out Scalar value)
    {
        value = default;
        if (!left.TryGet(ref row, out var a) || !right.TryGet(ref row, out var b) || (sign is '/' or '%' && b.Real == 0))
            return false;
        value.Real = sign switch
        {
            '+' => a.Real + b.Real,
            '-' => a.Real - b.Real,
            '*' => a.Real * b.Real,
            '/' => a.Real / b.Real,
            _ => a.Real % b.Real,
        };
        return true;
    }
}

/// <summary>The first of its values that is not NULL.</summary>
internal sealed class CoalesceValue(ValueType type, ImmutableArray<Value> choices) : Value(type)
{
    public override bool TryGet(ref RowReader row, out Scalar value)
    {
        foreach (var choice in choices)
        {
            if (choice.TryGet(ref row, out value))
                return true;
        }

        value = default;
        return false;
    }
}

/// <summary>A text in lower or upper case; allocates, unlike comparisons.</summary>
internal sealed class CasedText(Value inner, bool upper) : Value(ValueType.Text)
{
    public override bool TryGet(ref RowReader row, out Scalar value)
    {
        if (!inner.TryGet(ref row, out value))
            return false;
        var text = Encoding.UTF8.GetString(value.Text);
        value.Text = Encoding.UTF8.GetBytes(upper ? text.ToUpperInvariant() : text.ToLowerInvariant());
        return true;
    }
}

/// <summary>Length of a text in bytes, or in characters.</summary>
internal sealed class TextLength(Value inner, bool characters) : Value(ValueType.Exact)
{
    public override bool TryGet(ref RowReader row, out Scalar value)
    {
        if (!inner.TryGet(ref row, out value))
            return false;
        var length = 0;
        foreach (var unit in value.Text)
            length += !characters || (unit & 0xC0) != 0x80 ? 1 : 0;
        value.Exact = ExactNumber.Of(length);
        return true;
    }
}
