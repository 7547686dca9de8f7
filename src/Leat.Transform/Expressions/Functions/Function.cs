using System.Collections.Immutable;
using Leat.Transform.Expressions.Evaluation;
using Leat.Transform.Expressions.Language;
using Leat.Transform.Expressions.Typing;

namespace Leat.Transform.Expressions.Functions;

/// <summary>What an argument may be, and what it is made before the function sees it.</summary>
internal enum Takes
{
    /// <summary>Anything, as it is.</summary>
    Any,

    /// <summary>Text or bytes.</summary>
    Text,

    /// <summary>Anything, as its text.</summary>
    AnyText,

    /// <summary>A whole number, made one of 64 bits with a sign.</summary>
    Integer,

    /// <summary>A number, as it is, but not a truth value.</summary>
    Number,

    /// <summary>A number, made a double.</summary>
    Real,

    /// <summary>A date, or date and time; an instant in UTC; a text that is written out is read as one.</summary>
    Calendar,

    /// <summary>The same, or a time.</summary>
    Clock,

    /// <summary>JSON, or a text that holds it.</summary>
    Json,

    /// <summary>A condition.</summary>
    Condition,
}

/// <summary>How a function is made for the arguments of one call, which are of the kinds that it takes and not the word NULL.</summary>
internal delegate Node Make(Compiler compiler, CallSyntax call, Node[] arguments);

/// <summary>A function by its name.</summary>
/// <param name="Usage">What it takes, as a message says it: <c>one text</c>.</param>
/// <param name="Parameters">What its arguments may be, in order.</param>
/// <param name="Required">How many of them have to be there.</param>
/// <param name="Make">Makes it.</param>
internal sealed record Function(string Usage, ImmutableArray<Takes> Parameters, int Required, Make Make)
{
    /// <summary>Whether the last parameter may be given any number of times.</summary>
    public bool Repeats { get; init; }

    /// <summary>Whether the word NULL as an argument does not make the whole NULL.</summary>
    public bool TakesNull { get; init; }
}

/// <summary>Computes a text of arguments; false for NULL.</summary>
internal delegate bool TextBody(Node[] arguments, scoped in EvaluatedRow row, out ReadOnlySpan<byte> value);

/// <summary>Computes a whole number, or by its bits a date or time.</summary>
internal delegate bool IntegerBody(Node[] arguments, scoped in EvaluatedRow row, out long value);

/// <summary>Computes a double.</summary>
internal delegate bool RealBody(Node[] arguments, scoped in EvaluatedRow row, out double value);

/// <summary>Computes an exact number.</summary>
internal delegate bool ExactBody(Node[] arguments, scoped in EvaluatedRow row, out ExactNumber value);

/// <summary>Computes a truth value.</summary>
internal delegate Truth TruthBody(Node[] arguments, scoped in EvaluatedRow row);

internal sealed class TextCall(StaticType type, Node[] arguments, TextBody body) : Node(type)
{
    public override bool TryText(scoped in EvaluatedRow row, out ReadOnlySpan<byte> value) => body(arguments, row, out value);
}

internal sealed class IntegerCall(StaticType type, Node[] arguments, IntegerBody body) : Node(type)
{
    public override bool TryInteger(scoped in EvaluatedRow row, out long value) => body(arguments, row, out value);
}

internal sealed class RealCall(Node[] arguments, RealBody body) : Node(StaticType.Real)
{
    public override bool TryReal(scoped in EvaluatedRow row, out double value) => body(arguments, row, out value) && double.IsFinite(value);
}

internal sealed class ExactCall(StaticType type, Node[] arguments, ExactBody body) : Node(type)
{
    public override bool TryExact(scoped in EvaluatedRow row, out ExactNumber value) => body(arguments, row, out value) && value.HasDigits(StaticType.MaxPrecision);
}

internal sealed class TruthCall(Node[] arguments, TruthBody body) : Node(StaticType.Boolean)
{
    public override Truth Test(scoped in EvaluatedRow row) => body(arguments, row);
}
