using Leat.Transform.Expressions.Evaluation;
using Leat.Transform.Expressions.Language;
using Leat.Transform.Expressions.Typing;
using static Leat.Transform.Expressions.Functions.Takes;

namespace Leat.Transform.Expressions.Functions;

/// <summary>Functions on numbers. What cannot be computed, such as the root of a negative number, is NULL.</summary>
internal static class NumberFunctions
{
    // Digits of a whole number that always fits 64 bits with a sign.
    private const int IntegerDigits = 18;

    // A round() to more digits than this on either side of the point changes nothing, or leaves 0.
    private const long MostRoundedDigits = 400;

    public static KeyValuePair<string, Function>[] All { get; } =
    [
        new("abs", new("one number", [Number], 1, (_, call, arguments) => Abs(call, arguments[0]))),
        new("ceil", new("one number", [Number], 1, (_, _, arguments) => Whole(arguments[0], Rounding.Ceiling))), new("ceiling", new("one number", [Number], 1, (_, _, arguments) => Whole(arguments[0], Rounding.Ceiling))),
        new("floor", new("one number", [Number], 1, (_, _, arguments) => Whole(arguments[0], Rounding.Floor))),
        new("round", new("a number, and perhaps how many digits", [Number, Integer], 1, (_, _, arguments) => Round(arguments, Rounding.HalfAway))),
        new("truncate", new("a number and how many digits", [Number, Integer], 2, (_, _, arguments) => Round(arguments, Rounding.Down))),
        new("mod", new("two numbers", [Number, Number], 2, (_, call, arguments) => Compiler.Calculate('%', new(call.Arguments[0], arguments[0]), new(call.Arguments[1], arguments[1])))),
        new("sign", new("one number", [Number], 1, (_, _, arguments) => new IntegerCall(StaticType.Integer, arguments, Sign))),
        new("power", new("two numbers", [Real, Real], 2, (_, _, arguments) => new RealCall(arguments, Power))), new("pow", new("two numbers", [Real, Real], 2, (_, _, arguments) => new RealCall(arguments, Power))),
        new("sqrt", new("one number", [Real], 1, (_, _, arguments) => new RealCall(arguments, Root))),
    ];

    private static Node Abs(CallSyntax call, Node number)
    {
        Node[] arguments = [number];
        return number.Type.Family switch
        {
            Family.Unsigned => number,
            Family.Real => new RealCall(arguments, static (Node[] values, scoped in EvaluatedRow row, out double value) =>
            {
                var there = values[0].TryReal(row, out value);
                value = Math.Abs(value);
                return there;
            }),
            Family.Exact => new ExactCall(number.Type, arguments, static (Node[] values, scoped in EvaluatedRow row, out ExactNumber value) =>
            {
                var there = values[0].TryExact(row, out value);
                value = value.Sign < 0 ? value.Negate() : value;
                return there;
            }),
            _ => new IntegerCall(StaticType.Integer, arguments, static (Node[] values, scoped in EvaluatedRow row, out long value) =>
            {
                if (!values[0].TryInteger(row, out value) || value == long.MinValue)
                    return false;
                value = Math.Abs(value);
                return true;
            }),
        };
    }

    // ceil and floor: a whole number of 64 bits when every value of the type fits one.
    private static Node Whole(Node number, Rounding rounding)
    {
        if (number.Type.Family == Family.Real)
        {
            return new RealCall([number], (Node[] values, scoped in EvaluatedRow row, out double value) =>
            {
                var there = values[0].TryReal(row, out value);
                value = rounding == Rounding.Floor ? Math.Floor(value) : Math.Ceiling(value);
                return there;
            });
        }

        if (number.Type.Family != Family.Exact)
            return number;
        var type = StaticType.Exact(number.Type.WholeDigits + 1, 0);
        var whole = new ExactCall(type, [number], (Node[] values, scoped in EvaluatedRow row, out ExactNumber value) =>
        {
            var there = values[0].TryExact(row, out value);
            value = there ? value.WithScale(0, rounding) : default;
            return there;
        });
        return number.Type.WholeDigits <= IntegerDigits ? new IntegerOfNumber(StaticType.Integer, whole) : whole;
    }

    private static Node Round(Node[] arguments, Rounding rounding)
    {
        var number = arguments[0];
        var digits = arguments.Length > 1 ? arguments[1] : new IntegerConstant(StaticType.Integer, 0);
        if (number.Type.Family == Family.Real)
            return new RealCall([number, digits], (Node[] values, scoped in EvaluatedRow row, out double value) => RoundReal(values, row, rounding, out value));
        var scale = digits is IntegerConstant constant ? (int)Math.Clamp(constant.Value, 0, number.Type.Fraction) : number.Type.Fraction;
        var isExact = number.Type.Family == Family.Exact;
        var exact = isExact ? number : new ExactOfInteger(number);
        var rounded = new ExactCall(StaticType.Exact(exact.Type.WholeDigits + 1, scale), [exact, digits], (Node[] values, scoped in EvaluatedRow row, out ExactNumber value) =>
        {
            if (!values[0].TryExact(row, out value) || !values[1].TryInteger(row, out var to))
                return false;
            value = value.Rounded((int)Math.Clamp(to, -MostRoundedDigits, MostRoundedDigits), rounding);
            return true;
        });
        return isExact ? rounded : new IntegerOfNumber(number.Type.Family == Family.Unsigned ? StaticType.Unsigned : StaticType.Integer, rounded);
    }

    // By its shortest decimal, so that round(2.675e0, 2) is 2.68, as it is written.
    private static bool RoundReal(Node[] values, scoped in EvaluatedRow row, Rounding rounding, out double value)
    {
        if (!values[0].TryReal(row, out value) || !values[1].TryInteger(row, out var to))
            return false;
        value = ExactNumber.OfDouble(value).Rounded((int)Math.Clamp(to, -MostRoundedDigits, MostRoundedDigits), rounding).ToDouble();
        return true;
    }

    private static bool Sign(Node[] values, scoped in EvaluatedRow row, out long value)
    {
        var there = Held.TryLoad(values[0], row, out var held);
        value = values[0].Type.Family switch
        {
            Family.Exact => held.Exact.Sign,
            Family.Real => Math.Sign(held.Real),
            Family.Unsigned => held.Integer == 0 ? 0 : 1,
            _ => Math.Sign(held.Integer),
        };
        return there;
    }

    private static bool Power(Node[] values, scoped in EvaluatedRow row, out double value)
    {
        value = 0;
        if (!values[0].TryReal(row, out var number) || !values[1].TryReal(row, out var exponent))
            return false;
        value = Math.Pow(number, exponent);
        return true;
    }

    private static bool Root(Node[] values, scoped in EvaluatedRow row, out double value)
    {
        var there = values[0].TryReal(row, out value);
        value = Math.Sqrt(value);
        return there;
    }
}
