using System.Collections.Immutable;
using Leat.Transform.Expressions.Evaluation;
using Leat.Transform.Expressions.Language;
using Leat.Transform.Expressions.Typing;

namespace Leat.Transform.Expressions.Functions;

/// <summary>All functions by name, and how a call of one is built.</summary>
internal static class FunctionTable
{
    // What gives another answer each time it is asked: the same change, read again after a restart, has to give the same document.
    private static readonly ImmutableHashSet<string> Fickle = ImmutableHashSet.Create(
        StringComparer.OrdinalIgnoreCase,
        "now", "current_timestamp", "localtime", "localtimestamp", "sysdate", "curdate", "current_date", "curtime", "current_time", "utc_date", "utc_time", "utc_timestamp", "statement_timestamp",
        "clock_timestamp", "rand", "random", "random_bytes", "uuid", "uuid_short", "gen_random_uuid", "newid", "connection_id", "last_insert_id", "user", "current_user", "session_user", "database",
        "version", "sleep");

    private static readonly ImmutableSortedDictionary<string, Function> Functions = ImmutableSortedDictionary.CreateRange(
        StringComparer.OrdinalIgnoreCase,
        [.. ChoiceFunctions.All, .. TextFunctions.All, .. PatternFunctions.All, .. NumberFunctions.All, .. DateFunctions.All, .. JsonFunctions.All, .. HashFunctions.All]);

    /// <summary>Names of all functions, aggregates aside.</summary>
    public static IEnumerable<string> Names => Functions.Keys;

    /// <summary>Gives a call back whose function there is: known before any table is.</summary>
    /// <exception cref="ExpressionException">There is no such function, or none that could be used.</exception>
    public static CallSyntax Known(CallSyntax call)
    {
        if (Fickle.Contains(call.Function) || (call.Arguments.IsEmpty && call.Function.Equals("unix_timestamp", StringComparison.OrdinalIgnoreCase)))
            throw ExpressionErrors.NotDeterministic(call.At, call.Function.ToLowerInvariant());
        return Functions.ContainsKey(call.Function) ? call : throw ExpressionErrors.UnknownFunction(call.At, call.Function, Names.Concat(["avg", "count", "max", "min", "string_agg", "sum"]));
    }

    /// <summary>Builds a call.</summary>
    /// <exception cref="ExpressionException">Its arguments do not fit.</exception>
    public static Node Build(Compiler compiler, CallSyntax call)
    {
        var function = Functions[call.Function];
        if (DateFunctions.TryShift(compiler, call) is { } shifted)
            return shifted;
        if (call.Arguments.Length < function.Required || (call.Arguments.Length > function.Parameters.Length && !function.Repeats))
            throw Wrong(call, function);

        var arguments = new Node[call.Arguments.Length];
        var isNull = false;
        for (var i = 0; i < arguments.Length; i++)
        {
            var takes = function.Parameters[Math.Min(i, function.Parameters.Length - 1)];
            var argument = Argument(compiler, call.Arguments[i], takes) ?? throw Wrong(call, function);
            arguments[i] = argument;
            isNull |= argument is NullNode;
        }

        var made = function.Make(compiler, call, isNull && !function.TakesNull ? [.. arguments.Select((argument, i) => Placeholder(argument, function.Parameters[Math.Min(i, function.Parameters.Length - 1)]))] : arguments);
        return isNull && !function.TakesNull ? new NullNode(made.Type) : made;
    }

    /// <summary>The error of a call with arguments that the function does not take.</summary>
    public static ExpressionException Wrong(CallSyntax call, Function function) =>
        ExpressionErrors.WrongArguments(call.At, call.Function.ToLowerInvariant(), function.Usage);

    /// <summary>The error of a call by what it takes.</summary>
    public static ExpressionException Wrong(CallSyntax call) => Wrong(call, Functions[call.Function]);

    private static Node? Argument(Compiler compiler, Syntax syntax, Takes takes)
    {
        if (takes == Takes.Condition)
            return compiler.Condition(syntax);
        if (syntax is IntervalSyntax)
            throw ExpressionErrors.IntervalAlone(syntax.At);
        var operand = compiler.Operand(syntax);
        var node = operand.Node;
        if (node.Type.Family == Family.Null || takes == Takes.Any)
            return node;
        var family = node.Type.Family;
        return takes switch
        {
            Takes.Text => family == Family.Text ? node : null,
            Takes.AnyText => family is Family.Text ? node : Compiler.As(node, StaticType.Text),
            Takes.Integer when family is Family.Integer or Family.Boolean => CommonType.Convert(operand, StaticType.Integer),
            Takes.Integer => family == Family.Unsigned ? new IntegerOfNumber(StaticType.Integer, node) : null,
            Takes.Number => node.Type.IsNumber && family != Family.Boolean ? node : null,
            Takes.Real => node.Type.IsNumber ? CommonType.Convert(operand, StaticType.Real) : null,
            Takes.Json => family is Family.Json or Family.Text ? node : null,
            Takes.Clock when family == Family.Time => node,
            _ when node is TextConstant literal => Literals.Moment(operand.At, literal.Value, Family.Calendar),
            _ => family == Family.Calendar ? node : family == Family.Instant ? new CalendarOfInstant(node) : null,
        };
    }

    // Stands for NULL while the call is built for the sake of its type alone.
    private static Node Placeholder(Node argument, Takes takes) => argument is not NullNode ? argument : takes switch
    {
        Takes.Integer or Takes.Number => new NullNode(StaticType.Integer),
        Takes.Real => new NullNode(StaticType.Real),
        Takes.Calendar or Takes.Clock => new NullNode(StaticType.DateTime(0)),
        Takes.Condition => new NullNode(StaticType.Boolean),
        Takes.Json => new NullNode(StaticType.Json),
        _ => new NullNode(StaticType.Text),
    };
}
