using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Transform.Expressions;
using Leat.Transform.Plan.Rules;

namespace Leat.Transform.Plan.Documents;

/// <summary>Why documents cannot be made as asked. Codes 1250 to 1269.</summary>
internal static class DocumentErrors
{
    public static PauseException UnknownAlias(FileLocation at, string alias, IReadOnlyList<string> known) => Make(
        1250, at, $"'{alias}' is not one of the pipeline's tables.", Suggest(alias, known));

    public static PauseException UnknownTable(FileLocation at, string alias, string table) => Make(
        1251, at, $"the source has told of no table {table} (as '{alias}').", "Correct its name; or have the source capture it, and take a snapshot of it.");

    public static PauseException UnknownColumn(FileLocation at, string alias, string column, IReadOnlyList<string> known) => Make(
        1252, at, $"'{alias}' has no column '{column}'.", Suggest(column, known));

    public static PauseException Ambiguous(FileLocation at, string name, IEnumerable<string> candidates) => Make(
        1253, at, $"'{name}' may mean {string.Join(" or ", candidates)}.", "Write which.");

    public static PauseException SameTableTwice(FileLocation at, string alias) => Make(
        1254, at, $"'{alias}' is joined twice here, and neither has a name of its own.", "Give each an `as`; its columns then have that name before them.");

    public static PauseException Cycle(FileLocation at, string alias) => Make(
        1255, at, $"'{alias}' is joined to itself, directly or through others.",
        "Leave the join out: a change of one row would go round in circles. What a row needs of another one of its own table has to be a column of it.");

    public static PauseException NoKey(FileLocation at, string alias, TableName table) => Make(
        1256, at, $"table {table} (as '{alias}') has no primary key, so its rows cannot be told apart.",
        $"Add one with `ALTER TABLE {table} ADD PRIMARY KEY (…)`.");

    public static PauseException NestWithoutKey(FileLocation at, string field, TableName table) => Make(
        1257, at, $"collection '{field}' has no key, and table {table} has none either.", "Name the columns that tell its objects apart: `key: id`.");

    public static PauseException CannotJoin(FileLocation at, string joined, string joinedType, string to, string toType) => Make(
        1258, at, $"{joined} ({joinedType}) can never equal {to} ({toType}).", "Join columns of the same kind: numbers with numbers, texts with texts, dates with dates.");

    public static PauseException TwoFields(FileLocation at, string name, string first, string second) => Make(
        1259, at, $"two fields are named '{name}': {first} and {second}.", "Give one another name: `fields: [{ name: column }]`, or `as` for an object of its own.");

    public static PauseException NotTold(FileLocation at, string alias, TableName table, string column, string use, ChangeKind kind, long offset) => Make(
        1260, at, $"table {table} (as '{alias}'): the {kind.ToString().ToLowerInvariant()} at offset {offset} does not tell column '{column}', {use}, and no row with its key is held.",
        "The server logs only what changed: SET GLOBAL binlog_row_image = FULL; and see that no session sets another. A row that `where` of its table left out is not held: "
        + "such a condition belongs into `where` of the document then. Afterwards `leat rebuild` reads the tables again.");

    public static PauseException TooDeep(FileLocation at, string field) => Make(
        1261, at, $"collection '{field}' is the third inside another; documents have two levels.", "Merge the table into the objects of the second level, or make documents of its own.");

    public static PauseException UnknownCollection(FileLocation at, string name, IReadOnlyList<string> known) => Make(
        1262, at, $"an aggregate looks at '{name}', which is not a collection of these objects.",
        known.Count == 0 ? $"Add it: `nest: [ {{ as: {name}, from: …, on: …, form: none }} ]`." : Suggest(name, known));

    public static PauseException AggregateOverRow(FileLocation at) => Make(
        1263, at, "an aggregate without a collection to look at.", "Name one, such as `count(items)` or `sum(items.qty)`; or make one document for each `group` of rows.");

    public static PauseException NotGrouped(FileLocation at, string name, IReadOnlyList<string> known) => Make(
        1264, at, $"'{name}' is no field of the group: its rows may differ in it.", $"Use it inside an aggregate such as `max({name})`, or group by it. Known: {string.Join(", ", known)}.");

    public static PauseException NoFields(FileLocation at) => Make(
        1265, at, "a group without `set` would have no fields.", "Add some: `set: { rows: count(*) }`.");

    public static PauseException NotKept(FileLocation at, string alias, string setting) => Make(
        1266, at, $"'{alias}' is part of a document, where `{setting}` has no meaning.", $"Take `{setting}` out.");

    public static PauseException CannotAggregate(FileLocation at, AggregateKind kind, ColumnKind? argument) => Make(
        1267, at, $"there is no {Words(kind)} of {argument?.ToString() ?? "rows"} values.", "Sums and averages take numbers; none takes JSON: CAST it to another type.");

    public static PauseException InFile(WrittenExpression written, ExpressionException error) =>
        new(error.Code, $"{written.At(error.Line, error.Column)}: {written.ProblemOf(error)}", written.RemedyOf(error));

    private static string Words(AggregateKind kind) => kind switch
    {
        AggregateKind.Average => "average",
        AggregateKind.StringAggregate => "string_agg",
        AggregateKind.CountDistinct => "count",
        _ => kind.ToString().ToLowerInvariant(),
    };

    private static string Suggest(string written, IReadOnlyList<string> known) =>
        Nearest.Of(written, known) is { } nearest ? $"Did you mean '{nearest}'?" : $"Known: {string.Join(", ", known)}.";

    private static PauseException Make(int code, FileLocation at, string problem, string remedy) => new(new(code), $"{at}: {problem}", remedy);
}
