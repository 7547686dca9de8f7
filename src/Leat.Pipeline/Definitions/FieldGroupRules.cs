using System.Collections.Immutable;
using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Transform.Plan.Rules;

namespace Leat.Pipeline.Definitions;

/// <summary>Reads the <c>document:</c> of a pipeline whose tables each own fields of it: <c>mode: field_groups</c>.</summary>
internal sealed class FieldGroupRules(DefinitionScope scope)
{
    /// <summary>The word for it.</summary>
    public const string Mode = "field_groups";

    // What needs rows of several tables at once, and why there is none of it without them.
    private static readonly (string Key, string Why)[] Refused =
    [
        ("nest", "a collection is made of many rows, and no row could write its part of it without the others"),
        ("group", "totals are made of many rows, and none of them are kept"),
        ("where", "whether there is a document would hang on fields of several tables; a condition of one table stands under 'tables'"),
        ("set", "a computed field of the document would see fields of several tables; one of a single table is computed by 'set' under 'tables'"),
        ("state", "no rows are kept"),
    ];

    private readonly FieldLists _fields = new(scope);
    private readonly JoinConditions _joins = new(scope);

    /// <summary>Whether a pipeline asks for it.</summary>
    public static bool Asks(ConfigReader pipeline) =>
        pipeline.Node("document") is ConfigMap map && map.Entries.Any(entry => entry is { Key: "mode", Value: ConfigScalar { Text: Mode } });

    /// <summary>The tables of the document, each with what becomes of its rows.</summary>
    /// <param name="pipeline">The pipeline, which asks for it.</param>
    /// <param name="tables">Its tables.</param>
    public ImmutableArray<TableRule> Of(ConfigReader pipeline, ImmutableArray<TableRule> tables)
    {
        if (pipeline.Map("document") is not { } block)
            return tables;
        _ = block.Choice("mode", Mode, DocumentRules.Modes);
        foreach (var (word, why) in Refused.Where(refused => block.Has(refused.Key)))
        {
            _ = block.Node(word);
            scope.Add(DefinitionErrors.NotInFieldGroups(block.LocationOf(word), $"{block.Path}.{word}", why));
        }

        string[] written = pipeline.Node("tables") is ConfigMap map ? [.. map.Entries.Select(entry => entry.Key)] : [];
        var root = Table(block, "root", tables, written);
        var merges = new List<(TableRule Table, FieldGroup Group)>();
        foreach (var entry in block.Maps("merge"))
            Merge(entry, root, tables, written, merges);
        block.Done();
        if (root is null)
            return tables;

        CheckTables(block, pipeline, [root, .. merges.Select(merge => merge.Table)]);
        scope.Add(DefinitionErrors.FieldGroupsAreWeak(block.LocationOf("mode"), block.Path, root.Alias));
        ImmutableArray<string> key = merges.Count == 0 ? [] : merges[0].Group.Key;
        var joins = merges.Select(merge => new FieldGroupJoin(merge.Table.Alias, merge.Group.Key, merge.Group.Location)).ToImmutableArray();
        return
        [
            root with { Group = new() { Document = root.Alias, Key = key, Joins = joins, Location = block.LocationOf("root") } },
            .. merges.Select(merge => merge.Table with { Group = InOrder(merge.Group, key) }),
        ];
    }

    private void Merge(ConfigReader entry, TableRule? root, ImmutableArray<TableRule> tables, string[] written, List<(TableRule Table, FieldGroup Group)> merges)
    {
        var table = Table(entry, "from", tables, written);
        var name = entry.Text("as");
        var on = table is null || root is null ? Ignored(entry) : _joins.Of(entry, new(table.Alias, name), new(root.Alias, null));
        var fields = _fields.Of(entry, "fields");
        if (entry.Has("on_missing"))
        {
            _ = entry.Text("on_missing");
            scope.Add(DefinitionErrors.NotInFieldGroups(entry.LocationOf("on_missing"), $"{entry.Path}.on_missing", "no table waits for another"));
        }

        entry.Done();
        if (table is null || on is null || root is null)
            return;
        if (table.Alias == root.Alias || merges.Exists(other => other.Table.Alias == table.Alias))
        {
            scope.Add(DefinitionErrors.MergedTwice(entry.LocationOf("from"), $"{entry.Path}.from", table.Alias, isRoot: table.Alias == root.Alias));
            return;
        }

        merges.Add((table, new()
        {
            Document = root.Alias,
            Key = [.. on.Pairs.Select(pair => root.Rename.GetValueOrDefault(pair.To, pair.To))],
            Joined = [.. on.Pairs.Select(pair => pair.Joined)],
            Fields = fields,
            As = name,
            Location = on.Location,
        }));
    }

    // All parts hold the key in the order of the first; one that names other columns is told when the root's key is known.
    private static FieldGroup InOrder(FieldGroup group, ImmutableArray<string> key)
    {
        if (!group.Key.Order(StringComparer.Ordinal).SequenceEqual(key.Order(StringComparer.Ordinal)))
            return group;
        return group with { Key = key, Joined = [.. key.Select(name => group.Joined[group.Key.IndexOf(name)])] };
    }

    private void CheckTables(ConfigReader block, ConfigReader pipeline, TableRule[] used)
    {
        foreach (var table in used.Where(table => table.Pattern is not null))
            scope.Add(DefinitionErrors.NotOfFieldGroups(table.Location, table.Alias, "several tables that are one cannot own fields of it: their keys are told apart by a column that other tables do not have"));
        foreach (var table in used.Skip(1).Where(table => !table.SoftDelete.IsEmpty))
            scope.Add(DefinitionErrors.NotOfFieldGroups(table.Location, table.Alias, "a deleted row of a merged table sets its fields to NULL, so 'soft_delete' would have nothing to mark"));
        if (pipeline.Node("tables") is not ConfigMap map)
            return;
        foreach (var entry in map.Entries.Where(entry => !Array.Exists(used, table => table.Alias == entry.Key)))
            scope.Add(DefinitionErrors.UnusedTable(entry.KeyLocation, block.Path, entry.Key));
    }

    private TableRule? Table(ConfigReader block, string key, ImmutableArray<TableRule> tables, string[] written)
    {
        if (block.RequiredText(key, written.FirstOrDefault() ?? "orders") is not { Length: > 0 } alias)
            return null;
        if (!written.Contains(alias))
        {
            scope.Add(DefinitionErrors.UnknownAlias(
                block.LocationOf(key), $"{block.Path}.{key}", DefinitionScope.Shown(block.Node(key), alias), Nearest.Of(alias, written), written));
        }

        return tables.FirstOrDefault(table => table.Alias == alias); // null also when the table has a mistake of its own
    }

    // Marks the key as known where nothing can be made of it.
    private static JoinRule? Ignored(ConfigReader block)
    {
        _ = block.Node("on");
        return null;
    }
}
