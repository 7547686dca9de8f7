using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Transform.Plan.Rules;

namespace Leat.Transform.Plan.Parts;

/// <summary>Why tables cannot each own fields of one document. Codes 1280 to 1289.</summary>
internal static class PartErrors
{
    public static PauseException NotByTheKey(TableSelection root, FieldGroupJoin join, IReadOnlyList<string> key) => new(
        new(1280), $"{join.Location}: '{join.From}' is joined by {Names(join.To)} of '{root.Alias}', whose primary key is {Names(key)}: a row of it would belong to many documents, and field groups write one.",
        "Join it by the whole primary key; for rows that many documents share use `mode: materialize`, which knows them.");

    public static PauseException NotOneRow(TableSelection table, FieldGroup group, IReadOnlyList<string> key) => new(
        new(1281), $"{group.Location}: '{table.Alias}' is joined by {Names(group.Joined)}, and its primary key is {Names(key)}: several of its rows could write the same fields of one document.",
        "Join it by its whole primary key; for several rows of one document use `mode: materialize` with `nest`.");

    public static PauseException UnknownField(TableSelection table, FieldGroup group, string name, IEnumerable<ShapeColumn> columns)
    {
        var names = columns.Select(column => column.Name).ToList();
        var nearest = Nearest.Of(name, names);
        return new(
            new(1282), $"{group.Location}: '{table.Alias}' (table {table.Table}) has no column '{name}'.",
            nearest is null ? $"Its columns: {string.Join(", ", names)}." : $"Did you mean '{nearest}'?");
    }

    public static PauseException NoFieldOfItsOwn(TableSelection table, FieldGroup group, string? keyField) => new(
        new(1283), $"{group.Location}: {(keyField is null ? $"'{table.Alias}' has no fields beside those that it is joined by" : $"the field '{keyField}' of '{table.Alias}' is what it is joined by, and stands in the document's key")}.",
        keyField is null ? "Name its fields under `fields`, or take the table out." : $"Take '{keyField}' out of `fields`.");

    public static PauseException FieldOfTwo(TableSelection table, string other, string field) => new(
        new(1284), $"{table.Group?.Location}: '{table.Alias}' and '{other}' both write the field '{field}': in a document of field groups each field belongs to one table.",
        "Give it another name under `fields`, or put the fields of one table into an object with `as`.");

    public static PauseException KeysNotAlike(TableSelection table, Column own, TableSelection root, Column key) => new(
        new(1285), $"{table.Group?.Location}: '{table.Alias}.{own.Name}' is {PlanErrors.Words(own)} and '{root.Alias}.{key.Name}' is {PlanErrors.Words(key)} of another type: equal values would not be seen to be one document's.",
        "Give the two columns the same type.");

    private static string Names(IEnumerable<string> names) => string.Join(", ", names.Select(name => $"'{name}'"));
}
