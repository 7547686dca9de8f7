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
}
