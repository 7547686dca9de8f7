using System.Collections.Immutable;
using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Transform.Expressions.Language;

namespace Leat.Transform.Expressions;

/// <summary>Everything that can be wrong with an expression. Codes 1200 to 1219 and 1230 to 1249.</summary>
internal static class ExpressionErrors
{
    public static ExpressionException UnexpectedCharacter(Place at, char found) => Make(
        1200, at, $"the character '{found}' means nothing here.", "Put text between single quotes and odd column names between backticks.");

    public static ExpressionException Unexpected(Place at, string found, string expected) => Make(
        1201, at, $"expected {expected}, found {found}.", "Correct the expression.");

    public static ExpressionException Unterminated(Place at, char quote) => Make(
        1202, at, $"the quote {quote} opened here is never closed.", $"Close it; inside, write the quote twice ({quote}{quote}).");

    public static ExpressionException TooDeep(Place at, int limit) => Make(
        1203, at, $"more than {limit} operators or parentheses stand inside each other.", "Use IN (…) for long lists, or split the expression.");

    public static ExpressionException NumberTooLong(Place at) => Make(
        1204, at, "a number of more than 65 digits.", "No column holds such a number; shorten it.");

    public static ExpressionException UnknownColumn(Place at, string name, TableSchema schema) => Make(
        1205, at, $"table {schema.Table} has no column '{name}'.", SuggestColumn(name, schema));

    public static ExpressionException Mismatch(Place at, string left, string right) => Make(
        1206, at, $"{left} cannot be compared with {right}.", "Write numbers without quotes, and texts and dates between single quotes.");

    public static ExpressionException BadTemporal(Place at, string text, string expected) => Make(
        1207, at, $"'{text}' is not {expected}.", "Write dates as '2024-01-31', times as '12:34:56' and both with a space between.");

    public static ExpressionException UnknownFunction(Place at, string name, IEnumerable<string> known) => Make(
        1208, at, $"there is no function '{name}'.", Suggest(name, known));

    public static ExpressionException WrongArguments(Place at, string function, string expected) => Make(
        1209, at, $"{function} takes {expected}.", "Correct its arguments.");

    public static ExpressionException NotACondition(Place at, string found) => Make(
        1210, at, $"{found} is neither true nor false.", "Compare it with something, for example `… = 'x'` or `… IS NOT NULL`.");

    public static ExpressionException NotANumber(Place at, string found, string @operator) => Make(
        1211, at, $"{@operator} calculates with numbers, not with {found}.", "Use number columns and numbers without quotes.");

    public static ExpressionException BadPattern(Place at) => Make(
        1212, at, "LIKE takes a text on its left and a text on its right.", "Write it as `column LIKE 'abc%'`.");

    public static ExpressionException NotDeterministic(Place at, string name) => Make(
        1213, at, $"{name} gives another value each time it is computed, so that a change that is read again would become another document.", "Use a column that the source fills, such as a TIMESTAMP with DEFAULT CURRENT_TIMESTAMP.");

    public static ExpressionException AggregateNotAllowed(Place at) => Make(
        1214, at, "an aggregate has no rows to look at here.", "Use it in `set` or `where` of a document, over a collection or a group.");

    public static ExpressionException AggregateInAggregate(Place at) => Make(
        1230, at, "an aggregate stands inside another.", "Compute the inner one in a nested collection.");

    public static ExpressionException SeveralInAggregate(Place at, IEnumerable<string?> qualifiers) => Make(
        1231, at, $"an aggregate looks at several tables: {string.Join(", ", qualifiers.Select(qualifier => qualifier ?? "the document's own"))}.", "Let it look at one collection, and give each of its columns that name: `sum(items.qty * items.price)`.");

    public static ExpressionException BadCast(Place at, string from, string type) => Make(
        1215, at, $"{from} cannot become {type}.", "Cast it to char first if its digits are meant, or take another function, such as unix_timestamp.");

    public static ExpressionException UnknownType(Place at, string name, IReadOnlyList<string> known) => Make(
        1232, at, $"there is no type '{name}' to cast to.", Suggest(name, known));

    public static ExpressionException BadSize(Place at, string expected) => Make(
        1233, at, $"expected {expected}.", "Correct the numbers behind the type.");

    public static ExpressionException NoCommonType(Place at, string what, string first, string second) => Make(
        1216, at, $"{what} may give {first} or {second}, which have no type in common.", "Cast them to one type: `CAST(x AS char)`.");

    public static ExpressionException TooLong(Place at, int length, int limit) => Make(
        1217, at, $"the expression has {length} characters, more than {limit}.", "Split it into several columns.");

    public static ExpressionException BadJsonPath(Place at, string path) => Make(
        1218, at, $"'{path}' is not a path into JSON.", "Write it as '$.member', '$.list[0]' or '$.list[last]', odd names between double quotes; wildcards are not known.");

    public static ExpressionException NotJson(Place at, string found, string @operator) => Make(
        1219, at, $"{@operator} looks into JSON, not into {found}.", "Use it on a JSON column, or on a text that holds JSON.");

    public static ExpressionException BadRegex(Place at, string problem) => Make(
        1234, at, $"the regular expression cannot be used: {problem}.", "Write it without look-around and back-references, which Leat does not have: its time would not be bounded.");

    public static ExpressionException UnknownUnit(Place at, string name, IEnumerable<string> known) => Make(
        1235, at, name.Length == 0 ? "expected a unit, such as DAY." : $"there is no unit '{name}'.", Suggest(name, known));

    public static ExpressionException BadDateFormat(Place at, string letter) => Make(
        1236, at, $"the format has '{letter}', which means nothing.", "Use the letters of MySQL's DATE_FORMAT that docs/expressions.md lists, and %% for a percent sign.");

    public static ExpressionException NotWrittenOut(Place at, string function, string what) => Make(
        1237, at, $"{function} needs {what} written out, not computed.", "Write it there as a value: a text between single quotes, or a number.");

    public static ExpressionException IntervalAlone(Place at) => Make(
        1238, at, "an interval is no value of its own.", "Add it to a date: `x + INTERVAL 3 DAY` or `date_add(x, INTERVAL 3 DAY)`.");

    public static ExpressionException NotADate(Place at, string found, string unit) => Make(
        1239, at, $"an interval of {unit}s cannot be added to {found}.", "Add it to a date or a date and time; cast a text to datetime first.");

    public static ExpressionException AmbiguousColumn(Place at, string name, IEnumerable<string> found) => Make(
        1240, at, $"'{name}' may be any of {string.Join(", ", found)}.", "Write the column in the letter case that it has.");

    // A name may be right but for its qualifier: one too many, or one that is missing.
    private static string SuggestColumn(string name, TableSchema schema)
    {
        var point = name.LastIndexOf('.');
        var alike = schema.Columns.FirstOrDefault(column => column.Name.Equals(name[(point + 1)..], StringComparison.OrdinalIgnoreCase) || (point < 0 && column.Name.EndsWith($".{name}", StringComparison.OrdinalIgnoreCase)));
        return alike is null ? Suggest(name, schema.Columns.Select(column => column.Name)) : $"Did you mean '{alike.Name}'?";
    }

    private static string Suggest(string written, IEnumerable<string> known)
    {
        var names = known.ToList();
        return (Nearest.Of(written, names) ?? Nearest.Of(written.ToLowerInvariant(), names)) is { } nearest ? $"Did you mean '{nearest}'?" : $"Known: {string.Join(", ", names)}.";
    }

    private static ExpressionException Make(int code, Place at, string problem, string remedy) =>
        new(new(code), at.Line, at.Column, problem, remedy);
}
