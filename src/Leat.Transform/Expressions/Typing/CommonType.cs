using System.Text;
using Leat.Changes;
using Leat.Transform.Expressions.Evaluation;

namespace Leat.Transform.Expressions.Typing;

/// <summary>The one type that several values can have together, and how each becomes that.</summary>
internal static class CommonType
{
    /// <summary>Finds it; false when there is none, as for a number and a text.</summary>
    public static bool TryFind(ReadOnlySpan<Operand> operands, out StaticType type)
    {
        type = StaticType.Null;
        var hasLiteral = false;
        var isJson = true;
        var clock = -1;
        var unsigned = IsUnsigned(operands);
        foreach (var operand in operands)
        {
            if (operand.Node is TextConstant literal)
            {
                hasLiteral = true;
                clock = Math.Max(clock, ClockOf(literal.Value));
                isJson = isJson && Json.IsValid(literal.Value);
                continue;
            }

            if (!TryMerge(type, unsigned && operand.Node is IntegerConstant ? StaticType.Unsigned : operand.Type, out type))
                return false;
        }

        // A text that is written out is read as a date or time beside one, and as JSON beside JSON.
        if (type == StaticType.Date && clock >= 0)
            type = StaticType.DateTime(clock);
        if (!hasLiteral || type.IsTemporal || (type.Family == Family.Json && isJson))
            return true;
        return TryMerge(type, StaticType.Text, out type);
    }

    /// <summary>Makes a value one of a type that <see cref="TryFind"/> has found for it among others.</summary>
    /// <exception cref="ExpressionException">A text that is written out is no date or time.</exception>
    public static Node Convert(Operand operand, StaticType type)
    {
        var node = operand.Node;
        var from = node.Type.Family;
        if (from == Family.Null)
            return new NullNode(type);
        if (node is TextConstant literal && type.IsTemporal)
            return Literals.Moment(operand.At, literal.Value, type.Family);
        if (node is TextConstant document && type.Family == Family.Json)
            return new TextConstant(type, Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(document.Value).ReplaceLineEndings(" ").Trim()));
        return (from, type.Family) switch
        {
            (Family.Boolean, Family.Integer) => new IntegerOfTruth(node),
            (Family.Boolean, Family.Unsigned) => new Retyped(StaticType.Unsigned, new IntegerOfTruth(node)),
            (Family.Boolean, Family.Exact) => new ExactOfInteger(new IntegerOfTruth(node)),
            (Family.Boolean, Family.Real) => new RealOfInteger(new IntegerOfTruth(node)),
            (Family.Integer, Family.Unsigned) when node is IntegerConstant constant => new IntegerConstant(StaticType.Unsigned, constant.Value),
            (Family.Integer, Family.Unsigned) => new Retyped(StaticType.Unsigned, node),
            (Family.Integer, Family.Exact) when node is IntegerConstant constant => new ExactConstant(StaticType.Exact(constant.Type.WholeDigits, 0), ExactNumber.Of(constant.Value)),
            (Family.Integer or Family.Unsigned, Family.Exact) => new ExactOfInteger(node),
            (Family.Integer, Family.Real) when node is IntegerConstant constant => new RealConstant(constant.Value),
            (Family.Integer or Family.Unsigned, Family.Real) => new RealOfInteger(node),
            (Family.Exact, Family.Real) when node is ExactConstant constant => new RealConstant(constant.Value.ToDouble()),
            (Family.Exact, Family.Real) => new RealOfExact(node),
            (Family.Instant, Family.Calendar) => new CalendarOfInstant(node),
            _ => node,
        };
    }

    // Digits of the fraction of a date and time that is written out; -1 for a date alone.
    private static int ClockOf(ReadOnlySpan<byte> text)
    {
        if (!text.ContainsAny((byte)' ', (byte)'T'))
            return -1;
        var point = text.IndexOf((byte)'.');
        return point < 0 ? 0 : Math.Min(6, text.Length - point - 1);
    }

    // Whole numbers that are written out go with an unsigned column when they have no sign.
    private static bool IsUnsigned(ReadOnlySpan<Operand> operands)
    {
        var found = false;
        foreach (var operand in operands)
        {
            found |= operand.Type.Family == Family.Unsigned;
            if (operand.Type.Family == Family.Integer && operand.Node is not IntegerConstant { Value: >= 0 })
                return false;
        }

        return found;
    }

    private static bool TryMerge(StaticType left, StaticType right, out StaticType merged)
    {
        merged = left;
        if (right.Family == Family.Null || left == right)
            return true;
        merged = right;
        if (left.Family == Family.Null)
            return true;
        if (left.IsNumber && right.IsNumber)
        {
            merged = Number(left, right);
            return true;
        }

        var scale = Math.Max(left.Scale, right.Scale);
        merged = (left.Family, right.Family) switch
        {
            (Family.Text, Family.Text) => StaticType.Bytes,
            (Family.Calendar or Family.Instant, Family.Calendar) or (Family.Calendar, Family.Instant) => StaticType.DateTime(scale),
            (Family.Instant, Family.Instant) => StaticType.Timestamp(scale),
            (Family.Time, Family.Time) => StaticType.Time(scale),
            _ => StaticType.Null,
        };
        return merged != StaticType.Null;
    }

    private static StaticType Number(StaticType left, StaticType right)
    {
        if (left.Family == Family.Real || right.Family == Family.Real)
            return StaticType.Real;
        if (left.Family == Family.Unsigned && right.Family is Family.Unsigned or Family.Boolean || (left.Family == Family.Boolean && right.Family == Family.Unsigned))
            return StaticType.Unsigned;
        var digits = Math.Max(left.WholeDigits, right.WholeDigits);
        if (left.Family is Family.Integer or Family.Boolean && right.Family is Family.Integer or Family.Boolean)
            return new(Family.Integer, ColumnKind.Int64, digits);
        return StaticType.Exact(digits, Math.Max(left.Fraction, right.Fraction));
    }
}
