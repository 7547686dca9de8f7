using System.Collections.Immutable;
using Leat.Changes;
using Leat.Transform.Expressions;
using Leat.Transform.Plan.Rules;
using Leat.Transform.State;

namespace Leat.Transform.Plan.Documents;

/// <summary>Builds what a document rule says, once it is understood.</summary>
internal sealed partial class DocumentCompiler
{
    private readonly Dictionary<InputDraft, Input> _inputs = [];
    private readonly List<PlanJoin> _joins = [];
    private readonly List<string> _aggregates = [];

    private readonly StateMemory _memory;

    private DocumentCompiler(DocumentDraft draft, StateMemory memory, ImmutableArray<Input>? reuse)
    {
        _memory = memory;
        for (var i = 0; i < draft.Inputs.Length; i++)
            _inputs[draft.Inputs[i]] = InputOf(draft.Inputs[i], i, reuse?.FirstOrDefault(input => input.Selection.Alias == draft.Inputs[i].Selection.Alias));
    }

    /// <summary>Builds a plan.</summary>
    /// <param name="rule">The rule.</param>
    /// <param name="tables">The pipeline's tables, with their shapes.</param>
    /// <param name="memory">Where rows are held.</param>
    /// <param name="reuse">Inputs of the plan before, whose rows stay where their form stays; <see langword="null"/>: none.</param>
    /// <exception cref="PauseException">The rule does not fit the tables; names file, line and column.</exception>
    public static CompiledDocument Compile(DocumentRule rule, ImmutableArray<TablesOfInput> tables, StateMemory memory, ImmutableArray<Input>? reuse)
    {
        var draft = DocumentResolver.Resolve(rule, tables);
        return new DocumentCompiler(draft, memory, reuse).Build(rule, draft);
    }

    private CompiledDocument Build(DocumentRule rule, DocumentDraft draft)
    {
        var (root, fields) = ScopeOf(draft.Root, null, rule.Location);
        var inputs = draft.Inputs.Select(input => _inputs[input]).ToImmutableArray();
        var groups = draft.Group is { } group ? GroupsOf(draft, group, root) : null;
        return new()
        {
            Inputs = inputs,
            Root = root,
            Groups = groups,
            Shape = groups?.Shape ?? new()
            {
                Alias = rule.Root,
                Schema = root.Schema,
                Columns = [.. fields.Select(field => new ShapeColumn(field.Name, field.Ordinal))],
                Key = root.Schema.Key,
            },
            Fingerprint = Fingerprints.Of(inputs),
            Joins = [.. _joins],
            Aggregates = [.. _aggregates],
        };
    }

    // Rows that are held in the same form already stay where they are.
    private Input InputOf(InputDraft draft, int ordinal, Input? known)
    {
        var mapped = draft.Mapped;
        var held = new TableSchema(mapped.Table, [.. draft.Needed.Select(column => mapped.Columns[column])], [.. mapped.Key.Select(draft.HeldOf)]) { IsKeyless = mapped.IsKeyless };
        var indexes = new List<ImmutableArray<int>>();
        foreach (var lookup in draft.Lookups)
        {
            var columns = lookup.Select(draft.HeldOf).ToImmutableArray();
            if (!IsKey(columns, held) && !indexes.Exists(known => known.SequenceEqual(columns)))
                indexes.Add(columns);
        }

        return new()
        {
            Ordinal = ordinal, Selection = draft.Selection, Held = held, Indexes = [.. indexes], Uses = draft.Uses, 
            Rows = known is not null && IsSame(known, held, indexes) ? known.Rows : new(held, held.Key, [.. indexes], _memory),
        };
    }

    private static bool IsSame(Input known, TableSchema held, List<ImmutableArray<int>> indexes) =>
        known.Held.Columns.Length == held.Columns.Length && known.Held.Columns.Zip(held.Columns, IsSame).All(same => same) && known.Held.Key.SequenceEqual(held.Key)
        && known.Indexes.Length == indexes.Count && known.Indexes.Zip(indexes, (one, other) => one.SequenceEqual(other)).All(same => same);

    private static bool IsSame(Column known, Column now) => known.Name == now.Name && ValueConversion.IsSame(known, now) && known.Labels.Length == now.Labels.Length;

    private static bool IsKey(ImmutableArray<int> columns, TableSchema held) => columns.Length == held.Key.Length && held.Key.All(columns.Contains);

    private Join JoinOf(JoinDraft draft, Join? above)
    {
        var (from, to) = (_inputs[draft.From], _inputs[draft.To]);
        var pairs = draft.Pairs.Select(pair => (Joined: draft.From.HeldOf(pair.Joined), To: draft.To.HeldOf(pair.To))).ToImmutableArray();
        var join = new Join
        {
            From = from,
            To = to,
            Above = above,
            Down = LookupOf(from, pairs),
            Up = LookupOf(to, [.. pairs.Select(pair => (pair.To, pair.Joined))]),
        };
        from.Joins.Add(join);
        return join;
    }

    // Pairs: the columns that are looked up, and those that are looked up by; for a key in the key's order.
    private static (Lookup Lookup, ImmutableArray<int> By) LookupOf(Input input, ImmutableArray<(int Column, int By)> pairs)
    {
        ImmutableArray<int> columns = [.. pairs.Select(pair => pair.Column)];
        if (IsKey(columns, input.Held))
            return (new(input.Rows, -1), [.. input.Held.Key.Select(column => pairs.First(pair => pair.Column == column).By)]);
        var index = input.Indexes.ToList().FindIndex(known => known.SequenceEqual(columns));
        return (new(input.Rows, index), [.. pairs.Select(pair => pair.By)]);
    }

    private static bool FansOut(Join join) => join.Up.Lookup.Index >= 0 || (join.Above is { } above && FansOut(above));

    private void Describe(string name, Join join, bool isCollection) => _joins.Add(new(
        name, join.From.Selection.Alias, join.To.Selection.Alias,
        [.. join.Down.By.Zip(join.Down.Lookup.Index < 0 ? join.From.Held.Key : join.From.Indexes[join.Down.Lookup.Index],
            (to, joined) => (join.From.Held.Columns[joined].Name, join.To.Held.Columns[to].Name))],
        isCollection, join.Down.Lookup.Index < 0, FansOut(join)));
}
