using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Transform.Expressions;
using Leat.Transform.Plan.Rules;

namespace Leat.Transform.Plan;

/// <summary>Why a table cannot be delivered as asked. Codes 1220 to 1229.</summary>
internal static class PlanErrors
{
    public static PauseException NoKey(TableSelection table) => new(
        new(1220), $"Table {table.Table} (as '{table.Alias}') has no primary key, so its rows cannot be told apart at a target.",
        $"Add one with `ALTER TABLE {table.Table} ADD PRIMARY KEY (…)`, or take the table out of the pipeline.");

    public static PauseException UnknownColumn(TableSelection table, string column, TableSchema schema)
    {
        var names = schema.Columns.Select(known => known.Name).ToList();
        var nearest = Nearest.Of(column, names);
        return new(
            new(1221), $"Table {table.Table} (as '{table.Alias}') has no column '{column}'.",
            nearest is null ? $"Its columns: {string.Join(", ", names)}." : $"Did you mean '{nearest}'?");
    }

    public static PauseException ColumnNotTold(TableSelection table, Column column, ChangeKind kind, bool inCondition, long offset) => new(
        new(1222), $"Table {table.Table} (as '{table.Alias}'): the {kind.ToString().ToLowerInvariant()} at offset {offset} does not tell column '{column.Name}', "
        + $"which {(inCondition ? "the pipeline's condition looks at" : "the pipeline delivers")}.",
        $"The server logs only what changed: SET GLOBAL binlog_row_image = FULL; and see that no session sets another. To pass this change, take '{column.Name}' out of "
        + $"the pipeline's {(inCondition ? "condition" : "columns")}, or begin anew with an empty log folder, which takes a new snapshot.");

    /// <summary>The expression's own error, with its place in the file.</summary>
    public static PauseException BadExpression(TableSelection table, WrittenExpression written, string what, ExpressionException error) => new(
        error.Code, $"{written.At(error.Line, error.Column)}: table '{table.Alias}', {what}: {written.ProblemOf(error)}", written.RemedyOf(error),
        written.IsSecret ? null : error);

    public static PauseException SetTwice(TableSelection table, SetRule rule) => new(
        new(1223), $"{rule.Expression.Location}: table '{table.Alias}' sets column '{rule.Name}' twice.", "Make one expression of the two, or name one of them otherwise.");

    public static PauseException SetRenamed(TableSelection table, SetRule rule, string renamed) => CannotSet(
        table, rule, $"sets column '{rule.Name}', whose value is delivered as '{renamed}'.",
        $"To replace it, set '{renamed}'; for both, give the computed column a name that no column has.");

    public static PauseException SoftDeleteOfKey(TableSelection table, SetRule rule) => CannotSet(
        table, rule, $"sets the key column '{rule.Name}' when a row is deleted, so that the row would be another one.", "Set a column that is not part of the key.");

    public static PauseException SoftDeleteOfOtherKind(TableSelection table, SetRule rule, Column column, Column value) => CannotSet(
        table, rule, $"sets column '{rule.Name}' ({Words(column)}) to {Words(value)} when a row is deleted.", $"Write an expression that gives {Words(column)}, or use a column of its own.");

    public static PauseException DeliveredTwice(TableSelection table, string name) => new(
        new(1225), $"{Place(table)}Table {table.Table} (as '{table.Alias}') delivers two columns as '{name}'.", "Rename one of them in 'columns', or take one out.");

    public static PauseException ShardColumnExists(TableSelection table, TableName found, string column) => new(
        new(1226), $"{Place(table)}The tables of '{table.Alias}' are told apart by a column '{column}', and table {found} has one of that name.",
        "Name another with `shard: NAME`; or, when no two of the tables ever have a row with the same key, write `unique_ids: true`.");

    public static PauseException NotOneTable(TableSelection table, string what, string remedy) => new(
        new(1227), $"{Place(table)}The tables of '{table.Alias}' cannot be one: {what}", remedy);

    public static PauseException ShapeChanged(TableSelection table, TableName name, string what, string remedy) => new(
        new(1228), $"{Place(table)}Table {name} (as '{table.Alias}') has changed: {what}, and `on_schema_change: {NameOf(table.OnSchemaChange)}` does not follow that.", remedy);

    public static PauseException KeyIsNull(TableSelection table, string column, long offset) => new(
        new(1229), $"{Place(table)}Table {table.Table} (as '{table.Alias}'): the key column '{column}' is NULL for the change at offset {offset}, so the row has no place at the target.",
        $"Give '{column}' an expression that always has a value, for example with coalesce.");

    private static PauseException CannotSet(TableSelection table, SetRule rule, string what, string remedy) => new(
        new(1224), $"{rule.Expression.Location}: table '{table.Alias}' {what}", remedy);

    internal static string Words(Column column) => column.Kind switch
    {
        >= ColumnKind.Int8 and <= ColumnKind.Decimal => "a number",
        ColumnKind.String or ColumnKind.Enum or ColumnKind.Set => "a text",
        ColumnKind.Json => "JSON",
        ColumnKind.Date or ColumnKind.DateTime or ColumnKind.Timestamp => "a date",
        _ => $"a {column.Kind.ToString().ToLowerInvariant()}",
    };

    private static string NameOf(SchemaChange change) => change == SchemaChange.TryEvolve ? "try_evolve" : change.ToString().ToLowerInvariant();

    private static string Place(TableSelection table) => table.Location is { } place ? $"{place}: " : "";
}
