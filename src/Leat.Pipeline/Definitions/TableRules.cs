using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Transform.Plan;
using Leat.Transform.Plan.Rules;

namespace Leat.Pipeline.Definitions;

/// <summary>Reads the <c>tables:</c> of a pipeline.</summary>
internal sealed class TableRules(DefinitionScope scope)
{
    private const string DefaultShard = "shard";

    private static readonly (string Word, FollowedOperations Value)[] Operations =
        [("insert", FollowedOperations.Insert), ("update", FollowedOperations.Update), ("delete", FollowedOperations.Delete)];

    private static readonly (string Word, SchemaChange Value)[] SchemaChanges =
    [
        ("evolve", SchemaChange.Evolve), ("try_evolve", SchemaChange.TryEvolve), ("lenient", SchemaChange.Lenient),
        ("ignore", SchemaChange.Ignore), ("exception", SchemaChange.Exception),
    ];

    /// <summary>The tables of a pipeline in the file's order.</summary>
    public ImmutableArray<TableRule> Of(ConfigReader pipeline, string name)
    {
        if (!pipeline.Require("tables", "{ orders: shop.orders }") || pipeline.Map("tables") is not { } tables)
            return [];
        var entries = tables.Entries().ToArray();
        if (entries.Length == 0)
            scope.Add(DefinitionErrors.Empty(tables.Location, tables.Path, "orders: shop.orders"));

        var rules = ImmutableArray.CreateBuilder<TableRule>();
        foreach (var entry in entries)
        {
            if (!Names.IsAlias(entry.Key))
                scope.Add(DefinitionErrors.BadName(entry.KeyLocation, "table", entry.Key, Names.AliasForm));
            if (Rule(tables, entry) is not { } rule)
                continue;
            if (rules.FirstOrDefault(other => Overlap(other, rule)) is { } same)
                scope.Add(DefinitionErrors.TableTwice(entry.KeyLocation, name, rule.Pattern is null ? rule.Table.ToString() : same.Table.ToString(), same.Alias));
            rules.Add(rule);
        }

        return rules.ToImmutable();
    }

    // Two patterns cannot be compared; of two tables, or a table and a pattern, it is known.
    private static bool Overlap(TableRule one, TableRule other) => (one.Pattern, other.Pattern) switch
    {
        (null, null) => one.Table == other.Table,
        ({ } pattern, null) => Matches(pattern, other.Table),
        (null, { } pattern) => Matches(pattern, one.Table),
        _ => one.Pattern == other.Pattern,
    };

    private static bool Matches(TablePattern pattern, TableName table) => Compiled(pattern.Expression).IsMatch(table.ToString());

    private static Regex Compiled(string expression) => new($@"\A(?:{expression})\z", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);

    private TableRule? Rule(ConfigReader tables, ConfigEntry entry)
    {
        var path = $"{tables.Path}.{entry.Key}";
        if (entry.Value is ConfigScalar)
            return Table(entry.Value, path, tables.Text(entry.Key)) is { } plain ? new() { Alias = entry.Key, Table = plain, Location = entry.KeyLocation } : null;
        if (tables.Map(entry.Key) is not { } block)
            return null;

        var (table, pattern) = Tables(block, entry.Key);
        var (columns, names) = Columns(block);
        var where = scope.Expression(block, "where", ExpressionPlace.Row);
        var rule = new TableRule
        {
            Alias = entry.Key,
            Table = table ?? new("", entry.Key),
            Pattern = pattern,
            Columns = columns,
            Rename = names,
            Set = [.. scope.Set(block, "set", ExpressionPlace.Row)],
            Where = where?.Text,
            WhereWritten = where,
            When = Followed(block),
            SoftDelete = [.. scope.Set(block, "soft_delete", ExpressionPlace.Row)],
            OnSchemaChange = OnSchemaChange(block),
            Location = entry.KeyLocation,
        };
        CheckSoftDelete(block, rule);
        block.Done();
        return table is null && pattern is null ? null : rule;
    }

    private (TableName? Table, TablePattern? Pattern) Tables(ConfigReader block, string alias)
    {
        if (block.Has("table") || !block.Has("tables"))
        {
            foreach (var alone in (ReadOnlySpan<string>)["tables", "shard", "unique_ids"])
            {
                if (block.Has(alone))
                    scope.Add(DefinitionErrors.NotTogether(block.LocationOf(alone), block.Path, "table", alone, "'table' is one table; several that are one are named by 'tables' instead."));
            }

            var text = block.RequiredText("table", $"shop.{alias}");
            return (block.Node("table") is { } node ? Table(node, $"{block.Path}.table", text) : null, null);
        }

        var expression = block.Text("tables");
        var areUnique = block.Bool("unique_ids", defaultValue: false);
        var shard = block.Text("shard");
        if (areUnique && shard is not null)
        {
            scope.Add(DefinitionErrors.NotTogether(
                block.LocationOf("shard"), block.Path, "unique_ids", "shard", "Keys that are unique across the tables need no column that tells the tables apart."));
        }

        if (expression is null)
            return (null, null);
        try
        {
            _ = Compiled(expression);
        }
        catch (Exception error) when (error is ArgumentException or NotSupportedException)
        {
            var shown = DefinitionScope.Shown(block.Node("tables"), expression);
            scope.Add(DefinitionErrors.BadPattern(block.LocationOf("tables"), $"{block.Path}.tables", shown, isSupported: error is ArgumentException));
            return (null, null);
        }

        return (null, new(expression, areUnique ? null : string.IsNullOrEmpty(shard) ? DefaultShard : shard));
    }

    private TableName? Table(ConfigNode node, string path, string? text)
    {
        if (!string.IsNullOrEmpty(text) && TableName.TryParse(text, out var table) && !text.Contains('*', StringComparison.Ordinal))
            return table;
        scope.Add(DefinitionErrors.BadTable(node.Location, path, DefinitionScope.Shown(node, text ?? "")));
        return null;
    }

    private (ImmutableArray<string> Columns, ImmutableDictionary<string, string> Names) Columns(ConfigReader block)
    {
        var fields = new FieldLists(scope).Of(block, "columns");
        var names = fields.Where(field => field.Name != field.Column).DistinctBy(field => field.Column);
        return ([.. fields.Select(field => field.Column)], names.ToImmutableDictionary(field => field.Column, field => field.Name));
    }

    private FollowedOperations Followed(ConfigReader block)
    {
        var words = Operations.Select(known => known.Word).ToArray();
        var written = block.Texts("when", words);
        if (!block.Has("when"))
            return FollowedOperations.All;
        var followed = FollowedOperations.None;
        foreach (var word in written)
        {
            if (Operations.FirstOrDefault(known => known.Word == word) is { Word: not null } found)
                followed |= found.Value;
            else
                scope.Add(Unknown(block, "when", word, words));
        }

        if (block.Node("when") is ConfigList { Items.Count: 0 })
            scope.Add(DefinitionErrors.Empty(block.LocationOf("when"), $"{block.Path}.when", "when: [insert, update]"));
        return followed;
    }

    private SchemaChange OnSchemaChange(ConfigReader block)
    {
        var words = SchemaChanges.Select(known => known.Word).ToArray();
        if (block.Word("on_schema_change", words) is not { } word)
            return SchemaChange.Evolve;
        if (SchemaChanges.FirstOrDefault(known => known.Word == word) is { Word: not null } found)
            return found.Value;
        scope.Add(Unknown(block, "on_schema_change", word, words));
        return SchemaChange.Evolve;
    }

    private void CheckSoftDelete(ConfigReader block, TableRule rule)
    {
        if (!rule.SoftDelete.IsEmpty && !rule.When.HasFlag(FollowedOperations.Delete))
        {
            scope.Add(DefinitionErrors.NotTogether(
                block.LocationOf("soft_delete"), block.Path, "when", "soft_delete", "Deletes are not among the operations that are followed; add 'delete' to 'when', or remove 'soft_delete'."));
        }
    }

    private static Finding Unknown(ConfigReader block, string key, string word, string[] words)
    {
        var shown = DefinitionScope.Shown(block.Node(key), word);
        return DefinitionErrors.UnknownChoice(block.LocationOf(key), $"{block.Path}.{key}", shown, Nearest.Of(word, words), string.Join(", ", words));
    }
}
