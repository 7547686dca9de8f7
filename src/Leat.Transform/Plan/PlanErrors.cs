using Leat.Changes;
using Leat.Changes.Configuration;

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
}
