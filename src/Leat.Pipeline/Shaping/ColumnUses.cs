using Leat.Changes;
using Leat.Transform.Expressions;
using Leat.Transform.Plan;
using Leat.Transform.Plan.Rules;

namespace Leat.Pipeline.Shaping;

/// <summary>Which columns of its tables a pipeline's rules name, so that a test does not have to name them again.</summary>
internal sealed class ColumnUses
{
    private readonly Dictionary<string, TableSelection> _selections = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<string>> _columns = new(StringComparer.Ordinal);
    private readonly List<((string Alias, string Column) One, (string Alias, string Column) Other)> _joins = [];

    private ColumnUses()
    {
    }

    /// <summary>Pairs of columns that are joined, and so hold the same values.</summary>
    public IReadOnlyList<((string Alias, string Column) One, (string Alias, string Column) Other)> Joins => _joins;

    /// <summary>Collects them.</summary>
    public static ColumnUses Of(IEnumerable<TableSelection> tables, DocumentRule? document)
    {
        var uses = new ColumnUses();
        foreach (var table in tables)
            uses.AddTable(table);
        if (document is not null)
            uses.AddDocument(document);
        return uses;
    }

    /// <summary>The columns of an alias, in the order in which they are named.</summary>
    public IReadOnlyList<string> ColumnsOf(string alias) => _columns.GetValueOrDefault(alias) ?? [];

    private void AddTable(TableSelection table)
    {
        _selections[table.Alias] = table;
        _columns[table.Alias] = [];
        foreach (var column in table.Columns)
            AddSourceColumn(table.Alias, column);

        // A mask replaces a column by a value made of it: what is computed already is told apart by the order of the rules.
        var computed = new HashSet<string>(StringComparer.Ordinal);
        var expressions = table.Set.Concat(table.SoftDelete).Select(set => (set.Expression.Text, set.Name)).Prepend((Text: table.Where ?? "TRUE", Name: ""));
        foreach (var (text, name) in expressions)
        {
            foreach (var reference in Expression.Parse(text).References.Where(reference => !computed.Contains(reference.Name)))
                AddSourceColumn(table.Alias, reference.Name);
            computed.Add(name);
        }
    }

    private void AddDocument(DocumentRule document)
    {
        var names = new Dictionary<string, string>(StringComparer.Ordinal) { [document.Root] = document.Root };
        var computed = new HashSet<string>(StringComparer.Ordinal);
        AddParts(document.Root, document.Merge, document.Nest, names, computed);
        AddSet(document.Set, document.Root, names, computed);
        AddSet(document.Group ?? [], document.Root, names, computed);
        if (document.Where is { } where)
            AddExpression(where.Text, document.Root, computed, names);
    }

    private void AddParts(string parent, IEnumerable<MergeRule> merges, IEnumerable<NestRule> nests, Dictionary<string, string> names, HashSet<string> computed)
    {
        foreach (var merge in merges)
        {
            names[merge.From] = merge.From;
            if (merge.As is { } name)
                names[name] = merge.From;
            AddJoin(merge.From, parent, merge.On);
            foreach (var field in merge.Fields)
            {
                Add(merge.From, field.Column, []);
                if (merge.As is null)
                    computed.Add(field.Name);
            }
        }

        foreach (var nest in nests)
        {
            names[nest.As] = nest.From;
            names.TryAdd(nest.From, nest.From);
            AddJoin(nest.From, parent, nest.On);
            var inner = new HashSet<string>(StringComparer.Ordinal);
            AddParts(nest.From, nest.Merge, nest.Nest, names, inner);
            foreach (var column in nest.Key.Concat(nest.Order.Select(order => order.Column)).Concat(nest.Fields.Select(field => field.Column)))
                Add(nest.From, column, inner);
            AddSet(nest.Set, nest.From, names, inner);
            if (nest.Where is { } where)
                AddExpression(where.Text, nest.From, inner, names);
        }
    }

    private void AddJoin(string joined, string to, JoinRule join)
    {
        foreach (var (column, other) in join.Pairs)
        {
            Add(joined, column, []);
            Add(to, other, []);
            _joins.Add(((joined, column), (to, other)));
        }
    }

    private void AddSet(IEnumerable<SetRule> set, string alias, Dictionary<string, string> names, HashSet<string>? computed = null)
    {
        computed ??= new(StringComparer.Ordinal);
        foreach (var rule in set)
        {
            AddExpression(rule.Expression.Text, alias, computed, names);
            computed.Add(rule.Name);
        }
    }

    private void AddExpression(string text, string alias, HashSet<string> computed, Dictionary<string, string> names)
    {
        var expression = Expression.Parse(text); // the file's reader has made sure that it can be read
        foreach (var reference in expression.References)
            AddReference(reference, alias, computed, names);
        foreach (var aggregate in expression.Aggregates)
        {
            if (aggregate.IsBareName && aggregate.Over is { } over && names.ContainsKey(over))
                continue;
            foreach (var reference in (aggregate.Argument?.References ?? []).Concat(aggregate.Order?.References ?? []))
                AddReference(reference, alias, computed, names);
        }
    }

    private void AddReference(ColumnReference reference, string alias, HashSet<string> computed, Dictionary<string, string> names)
    {
        if (reference.Qualifier is null)
            Add(alias, reference.Name, computed);
        else if (names.TryGetValue(reference.Qualifier, out var of) || _selections.ContainsKey(of = reference.Qualifier))
            Add(of, reference.Name, of == alias ? computed : []);
    }

    // What the table computes by itself, or knows by another name, is not its column.
    private void Add(string alias, string column, IReadOnlyCollection<string> computed)
    {
        if (!_selections.TryGetValue(alias, out var table) || computed.Contains(column) || table.Set.Any(set => set.Name == column) || column == table.Pattern?.ShardColumn)
            return;
        AddSourceColumn(alias, table.Rename.FirstOrDefault(name => name.Value == column).Key ?? column);
    }

    private void AddSourceColumn(string alias, string column)
    {
        if (!_columns[alias].Contains(column))
            _columns[alias].Add(column);
    }
}
