using System.Collections.Immutable;
using Leat.Changes;
using Leat.Transform.Expressions;
using Leat.Transform.Plan.Rules;

namespace Leat.Transform.Plan.Documents;

/// <summary>Understands a document rule: finds its tables and columns, and which of them are needed.</summary>
internal sealed partial class DocumentResolver
{
    private const int MostLevels = 2;

    private readonly DocumentRule _rule;
    private readonly ImmutableArray<TablesOfInput> _tables;
    private readonly List<InputDraft> _inputs = [];

    private DocumentResolver(DocumentRule rule, ImmutableArray<TablesOfInput> tables) => (_rule, _tables) = (rule, tables);

    /// <summary>Understands a rule.</summary>
    /// <exception cref="PauseException">It does not fit the tables; names file, line and column.</exception>
    public static DocumentDraft Resolve(DocumentRule rule, ImmutableArray<TablesOfInput> tables) => new DocumentResolver(rule, tables).Resolve();

    private DocumentDraft Resolve()
    {
        var input = InputOf(_rule.Root, _rule.Location);
        var isGrouped = _rule.Group is not null;
        var root = new ScopeDraft(input, [_rule.Root], isGrouped ? [] : Fields(input, [], _rule.Location));
        AddMerges(root, _rule.Merge, !isGrouped);
        AddNests(root, _rule.Nest, [_rule.Root], !isGrouped);
        if (_rule.Where is { } where)
            root.Where = Understand(root, where, computed: null);
        if (_rule.Group is { } group)
            return Grouped(root, group);
        AddSet(root, _rule.Set);
        return new(root, null, [], [], [.. _inputs]);
    }

    private InputDraft InputOf(string alias, FileLocation at)
    {
        if (_inputs.Find(known => known.Selection.Alias == alias) is { } known)
            return known;
        var tables = _tables.FirstOrDefault(table => table.Selection.Alias == alias) ?? throw DocumentErrors.UnknownAlias(at, alias, [.. _tables.Select(table => table.Selection.Alias)]);
        var selection = tables.Selection;
        var schema = tables.View() ?? throw DocumentErrors.UnknownTable(selection.Location ?? at, alias, selection.Pattern?.Expression ?? selection.Table.ToString());
        if (schema.Key.IsEmpty)
            throw DocumentErrors.NoKey(selection.Location ?? at, alias, selection.Table);
        if (!selection.SoftDelete.IsEmpty)
            throw DocumentErrors.NotKept(selection.Location ?? at, alias, "soft_delete");
        var map = RowMap.Compile(selection, schema);
        var input = new InputDraft(selection, map.Output, map.Columns);
        foreach (var key in map.Key)
            input.Need(key, at, "which is part of its key");

        // What conditions and computed columns look at is held, too: an update may tell only a part of it.
        foreach (var ordinal in map.FilterColumns)
            NeedRaw(input, schema.Columns[ordinal].Name, selection.WhereWritten?.Location ?? selection.Location ?? at, "which `where` of its table looks at");
        foreach (var rule in selection.Set)
        {
            foreach (var reference in Parse(rule.Expression).References)
                NeedRaw(input, reference.Name, rule.Expression.At(reference.Line, reference.Column), "which a computed column of its table looks at");
        }

        _inputs.Add(input);
        return input;
    }

    private static void NeedRaw(InputDraft input, string column, FileLocation at, string words)
    {
        if (input.Find(column) is var ordinal and >= 0)
            input.Need(ordinal, at, words);
    }

    // By their names in the table, or by those that the table's entry gives them.
    private static ImmutableArray<FieldDraft> Fields(InputDraft input, ImmutableArray<FieldRule> rules, FileLocation at)
    {
        const string Words = "which a field shows";
        if (rules.IsEmpty)
            return [.. input.Delivered.Select(column => new FieldDraft(column.Name, input.Need(column.Ordinal, at, Words)))];
        var fields = ImmutableArray.CreateBuilder<FieldDraft>();
        foreach (var rule in rules)
        {
            var renamed = input.Find(rule.Column) >= 0 ? -1 : input.Delivered.ToList().FindIndex(column => column.Name == rule.Column);
            fields.Add(new(rule.Name, renamed >= 0 ? input.Need(input.Delivered[renamed].Ordinal, at, Words) : input.Need(rule.Column, at, Words)));
        }

        return fields.ToImmutable();
    }

    private void AddMerges(ScopeDraft scope, ImmutableArray<MergeRule> rules, bool wantsFields)
    {
        foreach (var rule in rules)
        {
            var input = InputOf(rule.From, rule.Location);
            if (scope.OwnNames.Contains(rule.From) || rule.From == _rule.Root)
                throw DocumentErrors.Cycle(rule.Location, rule.From);
            var isTwice = rules.Count(other => other.From == rule.From) > 1;
            if (isTwice && rule.As is null)
                throw DocumentErrors.SameTableTwice(rule.Location, rule.From);
            var join = Joined(rule.On, input, scope);
            scope.Merges.Add(new(rule, isTwice ? rule.As! : rule.From, join, wantsFields ? Fields(input, rule.Fields, rule.Location) : [])); // not null: thrown above
        }
    }

    private void AddNests(ScopeDraft scope, ImmutableArray<NestRule> rules, ImmutableArray<string> above, bool wantsFields)
    {
        foreach (var rule in rules)
        {
            if (above.Contains(rule.From))
                throw DocumentErrors.Cycle(rule.Location, rule.From);
            if (above.Length > MostLevels)
                throw DocumentErrors.TooDeep(rule.Location, rule.As);
            var input = InputOf(rule.From, rule.Location);
            var join = Joined(rule.On, input, scope);
            var key = rule.Key.IsEmpty ? input.Mapped.OwnKey : [.. rule.Key.Select(name => input.Need(name, rule.Location, "which tells objects apart"))];
            if (key.IsEmpty)
                throw DocumentErrors.NestWithoutKey(rule.Location, rule.As, input.Selection.Table);
            var order = rule.Order.Select(by => (input.Need(by.Column, rule.Location, "which orders a collection"), by.Falling)).ToImmutableArray();

            var wants = wantsFields && rule.Form is not NestForm.Count and not NestForm.None;
            var objects = new ScopeDraft(input, [rule.As, rule.From], wants ? Fields(input, rule.Fields, rule.Location) : []);
            AddMerges(objects, rule.Merge, wants);
            AddNests(objects, rule.Nest, above.Add(rule.From), wants);
            if (rule.Where is { } where)
                objects.Where = Understand(objects, where, computed: null);
            AddSet(objects, rule.Set);
            scope.Nests.Add(new(rule, join, objects, key, order));
        }
    }

    private static JoinDraft Joined(JoinRule rule, InputDraft from, ScopeDraft scope)
    {
        const string Words = "which a join compares";
        var pairs = ImmutableArray.CreateBuilder<(int, int)>();
        foreach (var (joined, to) in rule.Pairs)
        {
            var pair = (Joined: from.Need(joined, rule.Location, Words), To: scope.Input.Need(to, rule.Location, Words));
            var (left, right) = (from.Mapped.Columns[pair.Joined], scope.Input.Mapped.Columns[pair.To]);
            if (!State.JoinKey.CanJoin(left, right))
                throw DocumentErrors.CannotJoin(rule.Location, $"{from.Selection.Alias}.{left.Name}", TypeOf(left), $"{scope.Input.Selection.Alias}.{right.Name}", TypeOf(right));
            pairs.Add(pair);
        }

        var join = new JoinDraft(from, scope.Input, pairs.ToImmutable());
        from.Lookups.Add([.. pairs.Select(pair => pair.Item1)]);
        scope.Input.Lookups.Add([.. pairs.Select(pair => pair.Item2)]);
        return join;
    }

    private static string TypeOf(Column column) => column.SourceType.Length > 0 ? column.SourceType : column.Kind.ToString();
}
