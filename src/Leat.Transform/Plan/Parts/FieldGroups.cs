using System.Collections.Immutable;
using Leat.Changes;
using Leat.Transform.Plan.Rules;

namespace Leat.Transform.Plan.Parts;

/// <summary>Makes the shapes of tables that each own some fields of documents: the document's key under its names, and the table's fields.</summary>
internal static class FieldGroups
{
    /// <summary>The shape of a table's part, and what puts its rows together when they are not delivered as they are mapped.</summary>
    /// <param name="map">The table's map.</param>
    /// <param name="group">What becomes of its rows.</param>
    /// <exception cref="PauseException">The rules do not fit the table.</exception>
    public static (Shape Shape, GroupRow? Row) Compile(RowMap map, FieldGroup group) => group.IsRoot ? (Root(map, group), null) : Member(map, group);

    /// <summary>Whether parts of the same documents go together.</summary>
    /// <exception cref="PauseException">Two tables write one field, or hold the key in columns whose values cannot be compared.</exception>
    public static void Check(IEnumerable<TablePlan> plans)
    {
        foreach (var parts in plans.Where(plan => plan.Shape.IsPart).GroupBy(plan => plan.Shape.Alias))
        {
            var fields = new Dictionary<string, TablePlan>(StringComparer.OrdinalIgnoreCase);
            foreach (var plan in parts.OrderByDescending(plan => plan.Shape.Part is { IsRoot: true }))
            {
                foreach (var column in plan.Shape.Columns.Where(column => !plan.Shape.Key.Contains(column.Ordinal)))
                {
                    if (!fields.TryAdd(column.Name, plan))
                        throw PartErrors.FieldOfTwo(plan.Selection, fields[column.Name].Selection.Alias, column.Name);
                }
            }

            if (parts.FirstOrDefault(plan => plan.Shape.Part is { IsRoot: true }) is { } root)
                CheckKeys(root, parts);
        }
    }

    private static void CheckKeys(TablePlan root, IEnumerable<TablePlan> parts)
    {
        foreach (var plan in parts.Where(plan => plan != root))
        {
            for (var at = 0; at < root.Shape.Key.Length; at++)
            {
                var (own, key) = (plan.Shape.Schema.Columns[plan.Shape.Key[at]], root.Shape.Schema.Columns[root.Shape.Key[at]]);
                if (!KeyHash.AreAlike(own, key))
                    throw PartErrors.KeysNotAlike(plan.Selection, own, root.Selection, key);
            }
        }
    }

    private static Shape Root(RowMap map, FieldGroup group)
    {
        var names = map.Key.Select(ordinal => map.Columns.First(column => column.Ordinal == ordinal).Name).ToList();
        foreach (var join in group.Joins)
        {
            if (!join.To.Order(StringComparer.Ordinal).SequenceEqual(names.Order(StringComparer.Ordinal)))
                throw PartErrors.NotByTheKey(map.Selection, join, names);
        }

        ImmutableArray<int> key = group.Key.IsEmpty ? map.Key : [.. group.Key.Select(name => map.Key[names.IndexOf(name)])];
        return new() { Alias = group.Document, Schema = map.Output, Columns = map.Columns, Key = key, Replaced = map.Replaced, Part = new(map.Selection.Alias, IsRoot: true) };
    }

    private static (Shape Shape, GroupRow? Row) Member(RowMap map, FieldGroup group)
    {
        var key = group.Joined.Select(name => Ordinal(map, group, name)).ToImmutableArray();
        if (!key.Order().SequenceEqual(map.Key.Order()))
            throw PartErrors.NotOneRow(map.Selection, group, [.. map.Key.Select(ordinal => map.Output.Columns[ordinal].Name)]);
        var fields = (group.Fields.IsEmpty
            ? map.Columns.Where(column => !key.Contains(column.Ordinal))
            : group.Fields.Select(field => new ShapeColumn(field.Name, Ordinal(map, group, field.Column)))).ToImmutableArray();
        if (fields.IsEmpty || fields.Any(field => key.Contains(field.Ordinal)))
            throw PartErrors.NoFieldOfItsOwn(map.Selection, group, fields.Where(field => key.Contains(field.Ordinal)).Select(field => field.Name).FirstOrDefault());
        var part = new DocumentPart(map.Selection.Alias, IsRoot: false);
        if (group.As is null)
        {
            ImmutableArray<ShapeColumn> columns = [.. key.Select((ordinal, at) => new ShapeColumn(group.Key[at], ordinal)), .. fields];
            return (new() { Alias = group.Document, Schema = map.Output, Columns = columns, Key = key, Replaced = map.Replaced, Part = part }, null);
        }

        var row = new GroupRow(map.Output, key, fields, group.As);
        return (
            new()
            {
                Alias = group.Document,
                Schema = row.Output,
                Columns = [.. key.Select((_, at) => new ShapeColumn(group.Key[at], at)), new(group.As, key.Length)],
                Key = row.Output.Key,
                Replaced = map.Replaced,
                Part = part,
            },
            row);
    }

    // By the name under which the table delivers it, or by its own.
    private static int Ordinal(RowMap map, FieldGroup group, string name)
    {
        foreach (var column in map.Columns)
        {
            if (column.Name == name)
                return column.Ordinal;
        }

        return map.Output.Find(name) is var ordinal and >= 0 ? ordinal : throw PartErrors.UnknownField(map.Selection, group, name, map.Columns);
    }
}
