using Leat.Transform.Expressions.Evaluation;
using Leat.Transform.Expressions.Functions;
using Leat.Transform.Expressions.Language;

namespace Leat.Transform.Expressions.Typing;

// Calculations, and the types that they give: those of MySQL.
internal sealed partial class Compiler
{
    // MySQL gives a quotient this many digits more than the dividend has (div_precision_increment).
    private const int DivisionDigits = 4;

    private Node Binary(BinarySyntax binary)
    {
        if (OrdersOf(binary.Operator) is not null || binary.Operator == "<=>")
            return Compare(binary);
        if (binary.Operator is "->" or "->>")
            return JsonFunctions.Access(this, binary);
        if (binary.Operator == "||")
            return FunctionTable.Build(this, new(binary.At, "concat", [binary.Left, binary.Right]));
        if (binary.Operator is "+" or "-" && binary.Right is IntervalSyntax interval)
            return DateFunctions.Shift(this, binary.Left, interval, binary.Operator == "-");

        var left = Number(binary.Left, binary.Operator);
        var right = Number(binary.Right, binary.Operator);
        return Calculate(binary.Operator[0], left, right);
    }

    private Node Negate(NegateSyntax negate)
    {
        var inner = Number(negate.Inner, "-");
        if (inner.Node is IntegerConstant { Type.Family: Family.Integer } constant)
            return new IntegerConstant(constant.Type, -constant.Value);
        if (inner.Node is ExactConstant exact)
            return new ExactConstant(exact.Type, exact.Value.Negate());
        // -9223372036854775808: its digits alone have no room in 64 bits with a sign.
        if (inner.Node is IntegerConstant { Type.Family: Family.Unsigned, Value: long.MinValue })
            return new IntegerConstant(StaticType.Integer, long.MinValue);
        return Calculate('-', new(negate, new IntegerConstant(StaticType.Integer with { Precision = 1 }, 0)), inner);
    }

    private Operand Number(Syntax syntax, string sign)
    {
        var operand = Operand(syntax);
        return operand.Type.IsNumber || operand.Type.Family == Family.Null ? operand : throw ExpressionErrors.NotANumber(syntax.At, operand.Described, sign);
    }

    /// <summary>Builds <c>+ - * / %</c>, or <c>DIV</c> by its first letter, of two numbers.</summary>
    internal static Node Calculate(char sign, Operand left, Operand right)
    {
        if (left.Type.Family == Family.Null || right.Type.Family == Family.Null)
            return new NullNode(sign == 'D' ? StaticType.Integer : left.Type.Family == Family.Null ? right.Type : left.Type);
        if (left.Type.Family == Family.Real || right.Type.Family == Family.Real)
        {
            var real = new RealCalculation(sign, CommonType.Convert(left, StaticType.Real), CommonType.Convert(right, StaticType.Real));
            return sign == 'D' ? new IntegerOfNumber(StaticType.Integer, real) : real;
        }

        var whole = left.Type.Family != Family.Exact && right.Type.Family != Family.Exact;
        if (whole && sign != '/' && left.Type.Family != Family.Unsigned && right.Type.Family != Family.Unsigned)
            return new IntegerCalculation(sign, CommonType.Convert(left, StaticType.Integer), CommonType.Convert(right, StaticType.Integer));

        var type = TypeOf(sign, left.Type, right.Type);
        var exact = new ExactCalculation(type, sign, CommonType.Convert(left, StaticType.Exact(1, 0)), CommonType.Convert(right, StaticType.Exact(1, 0)));
        return sign == 'D' || (whole && sign != '/') ? new IntegerOfNumber(StaticType.Integer, exact) : exact;
    }

    private static StaticType TypeOf(char sign, StaticType left, StaticType right) => sign switch
    {
        '+' or '-' => StaticType.Exact(Math.Max(left.WholeDigits, right.WholeDigits) + 1, Math.Max(left.Fraction, right.Fraction)),
        '*' => StaticType.Exact(left.WholeDigits + right.WholeDigits, left.Fraction + right.Fraction),
        '/' => StaticType.Exact(left.WholeDigits + right.Fraction, left.Fraction + DivisionDigits),
        'D' => StaticType.Exact(left.WholeDigits + right.Fraction, 0),
        _ => StaticType.Exact(Math.Max(left.WholeDigits, right.WholeDigits), Math.Max(left.Fraction, right.Fraction)),
    };
}
