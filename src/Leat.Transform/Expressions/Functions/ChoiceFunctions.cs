using System.Collections.Immutable;
using Leat.Transform.Expressions.Evaluation;
using Leat.Transform.Expressions.Language;
using Leat.Transform.Expressions.Typing;

namespace Leat.Transform.Expressions.Functions;

/// <summary>Functions that choose one of their arguments.</summary>
internal static class ChoiceFunctions
{
    private static readonly Function CoalesceFunction = new("one value or more", [Takes.Any], 1, MakeCoalesce) { Repeats = true, TakesNull = true };

    public static KeyValuePair<string, Function>[] All { get; } =
    [
        new("coalesce", CoalesceFunction),
        new("ifnull", CoalesceFunction with { Usage = "two values", Parameters = [Takes.Any, Takes.Any], Required = 2, Repeats = false }),
        new("nvl", CoalesceFunction with { Usage = "two values", Parameters = [Takes.Any, Takes.Any], Required = 2, Repeats = false }),
        new("nullif", new("two values", [Takes.Any, Takes.Any], 2, MakeNullIf) { TakesNull = true }),
        new("if", new("a condition and two values", [Takes.Condition, Takes.Any, Takes.Any], 3, MakeIf) { TakesNull = true }),
        new("greatest", new("one value or more", [Takes.Any], 1, (_, call, arguments) => MakeExtreme(call, arguments, 1)) { Repeats = true, TakesNull = true }),
        new("least", new("one value or more", [Takes.Any], 1, (_, call, arguments) => MakeExtreme(call, arguments, -1)) { Repeats = true, TakesNull = true }),
    ];

    private static Coalesce MakeCoalesce(Compiler compiler, CallSyntax call, Node[] arguments)
    {
        var (type, values) = Together(call, arguments, 0);
        return new(type, values);
    }

    private static NullIf MakeNullIf(Compiler compiler, CallSyntax call, Node[] arguments)
    {
        var (type, values) = Together(call, arguments, 0);
        return type.Family == Family.Json ? throw FunctionTable.Wrong(call) : new(values[0], values[1]);
    }

    private static Conditional MakeIf(Compiler compiler, CallSyntax call, Node[] arguments)
    {
        var (type, values) = Together(call, arguments, 1);
        return new(type, [arguments[0]], values);
    }

    private static Extreme MakeExtreme(CallSyntax call, Node[] arguments, int sign)
    {
        var (type, values) = Together(call, arguments, 0);
        return type.Family == Family.Json ? throw FunctionTable.Wrong(call) : new(type, values, sign);
    }

    private static (StaticType Type, ImmutableArray<Node> Values) Together(CallSyntax call, Node[] arguments, int from)
    {
        var operands = new Operand[arguments.Length - from];
        for (var i = 0; i < operands.Length; i++)
            operands[i] = new(call.Arguments[i + from], arguments[i + from]);
        return Compiler.Together(call.At, call.Function.ToLowerInvariant(), operands);
    }
}
