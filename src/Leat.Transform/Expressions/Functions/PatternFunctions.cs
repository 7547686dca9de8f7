using System.Text;
using System.Text.RegularExpressions;
using Leat.Transform.Expressions.Evaluation;
using Leat.Transform.Expressions.Language;
using Leat.Transform.Expressions.Typing;

namespace Leat.Transform.Expressions.Functions;

/// <summary>Regular expressions. Without backtracking, so that the time is proportional to the text's length whatever the pattern.</summary>
internal static class PatternFunctions
{
    private const int MostPatternCharacters = 1000;

    private static readonly Function Matches = new("a text, a pattern in single quotes, and perhaps 'c' or 'i'", [Takes.Text, Takes.Text, Takes.Text], 2, MakeMatches);

    public static KeyValuePair<string, Function>[] All { get; } = [new("regexp_like", Matches)];

    private static TruthCall MakeMatches(Compiler compiler, CallSyntax call, Node[] arguments)
    {
        if (arguments[1] is not TextConstant pattern || (arguments.Length > 2 && arguments[2] is not TextConstant))
            throw ExpressionErrors.NotWrittenOut(call.At, call.Function, "its pattern");
        var ignoresCase = arguments.Length > 2 && ((TextConstant)arguments[2]).Value.AsSpan().Contains((byte)'i');
        var regex = Compile(call.Arguments[1].At, Encoding.UTF8.GetString(pattern.Value), ignoresCase);
        return new([arguments[0]], (Node[] values, scoped in EvaluatedRow row) =>
        {
            if (!values[0].TryText(row, out var text))
                return Truth.Unknown;
            var characters = row.Scratch.Chars(text.Length);
            return regex.IsMatch(characters[..Encoding.UTF8.GetChars(text, characters)]) ? Truth.True : Truth.False;
        });
    }

    private static Regex Compile(Place at, string pattern, bool ignoresCase)
    {
        if (pattern.Length > MostPatternCharacters)
            throw ExpressionErrors.BadRegex(at, FormattableString.Invariant($"it has {pattern.Length} characters, more than {MostPatternCharacters}"));
        try
        {
            return new(pattern, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant | (ignoresCase ? RegexOptions.IgnoreCase : RegexOptions.None));
        }
        catch (Exception error) when (error is ArgumentException or NotSupportedException)
        {
            throw ExpressionErrors.BadRegex(at, error.Message.TrimEnd('.'));
        }
    }
}
