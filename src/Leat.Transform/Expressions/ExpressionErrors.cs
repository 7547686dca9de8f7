using System.Collections.Immutable;
using Leat.Changes;
using Leat.Changes.Configuration;

namespace Leat.Transform.Expressions;

/// <summary>Everything that can be wrong with a condition. Codes 1200 to 1219.</summary>
internal static class ExpressionErrors
{
    public static ExpressionException UnexpectedCharacter(Place at, char found) => Make(
        1200, at, $"the character '{found}' means nothing here.", "Put text between single quotes and odd column names between backticks.");

    public static ExpressionException Unexpected(Place at, string found, string expected) => Make(
        1201, at, $"expected {expected}, found {found}.", "Correct the condition.");

    public static ExpressionException Unterminated(Place at, char quote) => Make(
        1202, at, $"the quote {quote} opened here is never closed.", $"Close it; inside, write the quote twice ({quote}{quote}).");

    public static ExpressionException TooDeep(Place at, int limit) => Make(
        1203, at, $"more than {limit} operators or parentheses stand inside each other.", "Use IN (…) for long lists, or split the condition.");

    public static ExpressionException NumberTooLong(Place at) => Make(
        1204, at, "a number of more than 65 digits.", "No column holds such a number; shorten it.");

    public static ExpressionException UnknownColumn(Place at, string name, TableSchema schema) => Make(
        1205, at, $"table {schema.Table} has no column '{name}'.", Suggest(name, schema.Columns.Select(column => column.Name)));

    public static ExpressionException Mismatch(Place at, string left, string right) => Make(
        1206, at, $"{left} cannot be compared with {right}.", "Write numbers without quotes, and texts and dates between single quotes.");

    public static ExpressionException BadTemporal(Place at, string text, string expected) => Make(
        1207, at, $"'{text}' is not {expected}.", "Write dates as '2024-01-31', times as '12:34:56' and both with a space between.");

    public static ExpressionException UnknownFunction(Place at, string name, ImmutableArray<string> known) => Make(
        1208, at, $"there is no function '{name}'.", Suggest(name, known));

    public static ExpressionException WrongArguments(Place at, string function, string expected) => Make(
        1209, at, $"{function} takes {expected}.", "Correct its arguments.");

    public static ExpressionException NotACondition(Place at, string found) => Make(
        1210, at, $"{found} is neither true nor false.", "Compare it with something, for example `… = 'x'` or `… IS NOT NULL`.");

    public static ExpressionException NotANumber(Place at, string found, string @operator) => Make(
        1211, at, $"{@operator} calculates with numbers, not with {found}.", "Use number columns and numbers without quotes.");

    public static ExpressionException BadPattern(Place at) => Make(
        1212, at, "LIKE takes a text on its left and a text in single quotes on its right.", "Write it as `column LIKE 'abc%'`.");

    private static string Suggest(string written, IEnumerable<string> known)
    {
        var names = known.ToList();
        return Nearest.Of(written, names) is { } nearest ? $"Did you mean '{nearest}'?" : $"Known: {string.Join(", ", names)}.";
    }

    private static ExpressionException Make(int code, Place at, string problem, string remedy) =>
        new(new(code), at.Line, at.Column, problem, remedy);
}
