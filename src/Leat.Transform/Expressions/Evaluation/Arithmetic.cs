namespace Leat.Transform.Expressions.Evaluation;

/// <summary><c>+ - * % DIV</c> on whole numbers of 64 bits. Overflow and division by zero are NULL.</summary>
internal sealed class IntegerCalculation(char sign, Node left, Node right) : Node(StaticType.Integer)
{
    public override bool TryInteger(scoped in EvaluatedRow row, out long value)
    {
        value = 0;
        if (!left.TryInteger(row, out var a) || !right.TryInteger(row, out var b))
            return false;
        switch (sign)
        {
            case '+':
                value = unchecked(a + b);
                return ((a ^ value) & (b ^ value)) >= 0;
            case '-':
                value = unchecked(a - b);
                return ((a ^ b) & (a ^ value)) >= 0;
            case '*':
                var high = Math.BigMul(a, b, out value);
                return high == value >> 63;
            case '%':
                // The smallest number divided by -1 does not fit, though its rest, 0, does.
                value = b is 0 or -1 ? 0 : a % b;
                return b != 0;
            default:
                if (b == 0 || (b == -1 && a == long.MinValue))
                    return false;
                value = a / b;
                return true;
        }
    }
}

/// <summary><c>+ - * / % DIV</c> on exact numbers. Division by zero and what has more digits than its type are NULL.</summary>
internal sealed class ExactCalculation(StaticType type, char sign, Node left, Node right) : Node(type)
{
    public override bool TryExact(scoped in EvaluatedRow row, out ExactNumber value)
    {
        value = default;
        if (!left.TryExact(row, out var a) || !right.TryExact(row, out var b) || (sign is '/' or '%' or 'D' && b.IsZero))
            return false;
        value = sign switch
        {
            '+' => ExactNumber.Add(a, b),
            '-' => ExactNumber.Add(a, b.Negate()),
            '*' => ExactNumber.Multiply(a, b),
            '/' => ExactNumber.Divide(a, b, Type.Scale),
            '%' => ExactNumber.Remainder(a, b),
            _ => ExactNumber.DivideWhole(a, b),
        };
        if (value.Scale > Type.Scale)
            value = value.WithScale(Type.Scale);
        return Type.Precision < StaticType.MaxPrecision || value.HasDigits(StaticType.MaxPrecision);
    }
}

/// <summary><c>+ - * / %</c> when a side is a single or double. Division by zero and what is too large are NULL.</summary>
internal sealed class RealCalculation(char sign, Node left, Node right) : Node(StaticType.Real)
{
    public override bool TryReal(scoped in EvaluatedRow row, out double value)
    {
        value = 0;
        if (!left.TryReal(row, out var a) || !right.TryReal(row, out var b))
            return false;
        value = sign switch
        {
            '+' => a + b,
            '-' => a - b,
            '*' => a * b,
            '/' => a / b,
            '%' => a % b,
            _ => Math.Truncate(a / b),
        };
        return double.IsFinite(value);
    }
}
