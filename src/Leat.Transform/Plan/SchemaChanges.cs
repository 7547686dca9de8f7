using Leat.Changes;

namespace Leat.Transform.Plan;

/// <summary>Which shape of a table a pipeline goes by after the table has changed: what <see cref="SchemaChange"/> says.</summary>
internal static class SchemaChanges
{
    private const string Follow = "To follow, prepare the target, set `on_schema_change: evolve` and start Leat again; it may be set back afterwards.";

    /// <summary>The shape that rows of the table are brought into.</summary>
    /// <param name="selection">The entry.</param>
    /// <param name="held">The shape that the target was prepared for.</param>
    /// <param name="schema">The table's shape; a whole one.</param>
    /// <param name="isNewest">Whether it is the newest: rows of older ones are still to come after a restart, and stop nothing.</param>
    /// <exception cref="PauseException">A person has to decide.</exception>
    public static TableSchema Follows(TableSelection selection, TableSchema held, TableSchema schema, bool isNewest)
    {
        if (selection.OnSchemaChange is SchemaChange.Evolve or SchemaChange.TryEvolve)
            return schema;
        if (!isNewest)
            return held;
        if (!KeyOf(held).SequenceEqual(KeyOf(schema)))
        {
            throw PlanErrors.ShapeChanged(
                selection, schema.Table, $"its key is ({string.Join(", ", KeyOf(schema))}), and was ({string.Join(", ", KeyOf(held))})", Follow);
        }

        if (selection.OnSchemaChange is SchemaChange.Ignore or SchemaChange.Exception && Difference(selection, held, schema) is { } what)
            throw PlanErrors.ShapeChanged(selection, schema.Table, what, Follow);
        return held;
    }

    /// <summary>Whether a column's values are of another type than before.</summary>
    public static bool IsChanged(Column held, Column now) =>
        held.Kind != now.Kind || held.Length != now.Length || held.Precision != now.Precision || held.Scale != now.Scale || !held.Labels.SequenceEqual(now.Labels);

    // The first thing that a person has to know of, in words; null when there is none.
    private static string? Difference(TableSelection selection, TableSchema held, TableSchema schema)
    {
        foreach (var column in held.Columns.Where(column => IsTaken(selection, held, column.Name)))
        {
            var ordinal = schema.Find(column.Name);
            if (ordinal < 0)
                return $"column '{column.Name}' is gone";
            if (IsChanged(column, schema.Columns[ordinal]))
                return $"column '{column.Name}' is {TypeOf(schema.Columns[ordinal])}, and was {TypeOf(column)}";
        }

        var added = selection.OnSchemaChange == SchemaChange.Exception && selection.Columns.IsEmpty
            ? schema.Columns.FirstOrDefault(column => held.Find(column.Name) < 0)
            : null;
        return added is null ? null : $"column '{added.Name}' is new";
    }

    // A name inside an expression counts, wherever it stands: better to ask once too often.
    private static bool IsTaken(TableSelection selection, TableSchema held, string column) =>
        selection.Columns.IsEmpty || selection.Columns.Contains(column) || KeyOf(held).Contains(column)
        || Expressions(selection).Any(text => text.Contains(column, StringComparison.OrdinalIgnoreCase));

    private static IEnumerable<string> Expressions(TableSelection selection) =>
        selection.Set.Concat(selection.SoftDelete).Select(rule => rule.Expression.Text).Append(selection.Where ?? "");

    private static IEnumerable<string> KeyOf(TableSchema schema) => schema.Key.Select(ordinal => schema.Columns[ordinal].Name);

    private static string TypeOf(Column column) => column.SourceType.Length > 0 ? column.SourceType : column.Kind.ToString().ToLowerInvariant();
}
