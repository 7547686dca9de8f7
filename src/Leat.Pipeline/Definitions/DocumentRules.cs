using System.Collections.Immutable;
using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Transform.Plan.Rules;

namespace Leat.Pipeline.Definitions;

/// <summary>Reads the <c>document:</c> of one pipeline.</summary>
internal sealed class DocumentRules(DefinitionScope scope)
{
    /// <summary>How documents can be made.</summary>
    public static readonly string[] Modes = ["materialize", FieldGroupRules.Mode];

    private const int MaxDepth = 2;
    private const int MaxLimit = 1_000_000;
    private const long DefaultState = 1L << 30;

    private const string OrderForm = "columns, each with 'desc' behind it where it falls, such as [position, \"qty desc\"]";

    private static readonly (string Word, NestForm Value)[] Forms =
        [("array", NestForm.Array), ("map", NestForm.Map), ("first", NestForm.First), ("count", NestForm.Count), ("none", NestForm.None)];

    private readonly FieldLists _fields = new(scope);
    private readonly JoinConditions _joins = new(scope);
    private readonly HashSet<string> _used = [];
    private ExpressionPlace _place = ExpressionPlace.Row;

    /// <summary>The block, or <see langword="null"/> without one.</summary>
    /// <param name="pipeline">The pipeline.</param>
    /// <param name="tables">Its entry <c>tables</c> as written, so that a table with a mistake of its own is not told as unknown, too.</param>
    public DocumentRule? Of(ConfigReader pipeline, ConfigMap? tables)
    {
        if (pipeline.Map("document") is not { } block)
            return null;
        _ = block.Choice("mode", Modes[0], Modes);
        var aliases = tables?.Entries.Select(entry => entry.Key).ToArray() ?? [];
        var root = Alias(block, "root", aliases) ?? "";
        _place = new([.. aliases.Concat(NamesIn(pipeline.Node("document"))).Distinct()], HasAggregates: true);
        var side = new JoinSide(root, null);
        var rule = new DocumentRule
        {
            Root = root,
            Where = scope.Expression(block, "where", _place),
            Merge = [.. Merges(block, side, aliases)],
            Nest = [.. Nests(block, side, aliases, depth: 1)],
            Group = Group(block),
            Set = [.. scope.Set(block, "set", _place)],
            StateBytes = block.Size("state", DefaultState, 1L << 20, 32L << 30),
            Location = block.Location,
        };
        block.Done();
        CheckNames(block, rule.Merge, rule.Nest);
        if (rule.Group is { } group)
            CheckGroup(block, rule, group);
        if (tables is not null)
            CheckUse(block.Path, tables);
        return rule;
    }

    private IEnumerable<MergeRule> Merges(ConfigReader parent, JoinSide to, string[] aliases)
    {
        foreach (var block in parent.Maps("merge"))
        {
            var from = Alias(block, "from", aliases);
            var name = Named(block);
            var on = from is null ? Ignored(block) : _joins.Of(block, new(from, name), to);
            var fields = _fields.Of(block, "fields");
            var missing = block.Choice("on_missing", "emit", "emit", "wait");
            block.Done();
            if (from is not null && on is not null)
                yield return new() { From = from, As = name, On = on, Fields = fields, IsRequired = missing == "wait", Location = block.Location };
        }
    }

    private IEnumerable<NestRule> Nests(ConfigReader parent, JoinSide to, string[] aliases, int depth)
    {
        if (depth > MaxDepth)
        {
            if (parent.Has("nest"))
                scope.Add(DefinitionErrors.NestTooDeep(parent.LocationOf("nest"), $"{parent.Path}.nest"));
            yield break;
        }

        foreach (var block in parent.Maps("nest"))
        {
            var from = Alias(block, "from", aliases);
            var name = block.Require("as", from ?? "items") ? Named(block) ?? "" : "";
            var side = new JoinSide(from ?? "", name);
            var on = from is null ? Ignored(block) : _joins.Of(block, side, to);
            var rule = new NestRule
            {
                As = name,
                From = from ?? "",
                On = on ?? new([], block.Location),
                Key = [.. block.Texts("key")],
                Order = [.. Order(block)],
                Where = scope.Expression(block, "where", _place),
                Fields = _fields.Of(block, "fields"),
                Form = Form(block),
                Limit = Limit(block),
                Merge = [.. Merges(block, side, aliases)],
                Nest = [.. Nests(block, side, aliases, depth + 1)],
                Set = [.. scope.Set(block, "set", _place)],
                Location = block.Location,
            };
            block.Done();
            CheckNames(block, rule.Merge, rule.Nest);
            if (from is not null && on is not null && name.Length > 0)
                yield return rule;
        }
    }

    // Marks the key as known where nothing can be made of it.
    private static JoinRule? Ignored(ConfigReader block)
    {
        _ = block.Has("on");
        return null;
    }

    // Names are part of what is kept and printed; what comes from a reference never is.
    private static string? Named(ConfigReader block)
    {
        var name = block.Text("as");
        if (name is not "" && block.Node("as") is not ConfigScalar { IsSecret: true })
            return name;
        block.Invalid("as", "a name that is written out");
        return null;
    }

    private string? Alias(ConfigReader block, string key, string[] aliases)
    {
        if (block.RequiredText(key, aliases.FirstOrDefault() ?? "orders") is not { Length: > 0 } alias)
            return null;
        _used.Add(alias);
        if (aliases.Contains(alias))
            return alias;
        scope.Add(DefinitionErrors.UnknownAlias(
            block.LocationOf(key), $"{block.Path}.{key}", DefinitionScope.Shown(block.Node(key), alias), Nearest.Of(alias, aliases), aliases));
        return null;
    }

    // [position, "qty desc"]
    private IEnumerable<(string Column, bool Falling)> Order(ConfigReader block)
    {
        foreach (var text in block.Texts("order"))
        {
            var words = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            var direction = words.Length > 1 ? words[^1].ToUpperInvariant() : "";
            if (words.Length is 1 || (words.Length == 2 && direction is "ASC" or "DESC"))
            {
                yield return (words[0], direction == "DESC");
            }
            else
            {
                var shown = DefinitionScope.Shown(block.Node("order"), text);
                scope.Add(ConfigErrors.Invalid(block.LocationOf("order"), $"{block.Path}.order", $"'{shown}'", OrderForm));
            }
        }
    }

    private NestForm Form(ConfigReader block, bool tells = true)
    {
        var words = Forms.Select(known => known.Word).ToArray();
        if (block.Word("form", words) is not { } word)
            return NestForm.Array;
        if (Forms.FirstOrDefault(known => known.Word == word) is { Word: not null } found)
            return found.Value;
        if (!tells)
            return NestForm.Array;
        scope.Add(DefinitionErrors.UnknownChoice(
            block.LocationOf("form"), $"{block.Path}.form", DefinitionScope.Shown(block.Node("form"), word), Nearest.Of(word, words), string.Join(", ", words)));
        return NestForm.Array;
    }

    private int? Limit(ConfigReader block)
    {
        if (!block.Has("limit"))
            return null;
        var limit = block.Int("limit", 1, 1, MaxLimit);
        if (Form(block, tells: false) is not NestForm.Array and var form)
            scope.Add(DefinitionErrors.LimitOfForm(block.LocationOf("limit"), block.Path, Forms.First(known => known.Value == form).Word));
        else if (!block.Has("order"))
            scope.Add(DefinitionErrors.LimitWithoutOrder(block.LocationOf("limit"), block.Path));
        return limit;
    }

    // { customer: customer_id }, or columns by their own names; an empty list is one document over all.
    private ImmutableArray<SetRule>? Group(ConfigReader block)
    {
        switch (block.Node("group", SettingForm.Texts))
        {
            case null:
                return null;
            case ConfigMap:
                return [.. scope.Set(block, "group", _place with { HasAggregates = false })];
            case ConfigList list:
                return [.. list.Items.Select((item, at) => Column(item, $"{block.Path}.group[{at}]")).OfType<SetRule>()];
            case var single:
                return Column(single, $"{block.Path}.group") is { } rule ? [rule] : [];
        }

        SetRule? Column(ConfigNode node, string path) =>
            scope.Expression(node, path, _place with { HasAggregates = false }) is { } expression ? new(expression.Text.Trim('`', '"'), expression) : null;
    }

    private void CheckGroup(ConfigReader block, DocumentRule rule, ImmutableArray<SetRule> group)
    {
        if (rule.Set.IsEmpty)
            scope.Add(DefinitionErrors.GroupOfNothing(block.LocationOf("group"), block.Path));
        foreach (var name in group.Select(field => field.Name).Concat(rule.Set.Select(field => field.Name)).GroupBy(name => name).Where(same => same.Count() > 1))
            scope.Add(DefinitionErrors.NameTwice(block.LocationOf("group"), block.Path, name.Key));
    }

    private void CheckNames(ConfigReader block, ImmutableArray<MergeRule> merges, ImmutableArray<NestRule> nests)
    {
        var names = merges.Where(merge => merge.As is not null).Select(merge => (Name: merge.As!, merge.Location)) // filtered on the same line
            .Concat(nests.Select(nest => (Name: nest.As, nest.Location)));
        foreach (var twice in names.GroupBy(name => name.Name).Where(same => same.Count() > 1))
            scope.Add(DefinitionErrors.NameTwice(twice.Last().Location, block.Path, twice.Key));
    }

    // The names that a document gives what it is made of, at any depth.
    private static IEnumerable<string> NamesIn(ConfigNode? node) => node switch
    {
        ConfigList list => list.Items.SelectMany(NamesIn),
        ConfigMap map => map.Entries.SelectMany(entry => entry switch
        {
            { Key: "as", Value: ConfigScalar { IsSecret: false, Text: { } name } } => [name],
            { Key: "merge" or "nest" } => NamesIn(entry.Value),
            _ => [],
        }),
        _ => [],
    };

    private void CheckUse(string path, ConfigMap tables)
    {
        // A name with a mistake in it may have meant any of them.
        if (!_used.All(alias => tables.Entries.Any(entry => entry.Key == alias)))
            return;
        foreach (var entry in tables.Entries.Where(entry => !_used.Contains(entry.Key)))
            scope.Add(DefinitionErrors.UnusedTable(entry.KeyLocation, path, entry.Key));
    }
}
