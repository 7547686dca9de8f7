using System.Collections.Immutable;
using Leat.Changes;
using Leat.Transform.Expressions;
using Leat.Transform.Plan.Rules;
using Leat.Transform.State;

namespace Leat.Transform.Plan.Documents;

// Rows of objects: which columns they have, and what is computed of them.
internal sealed partial class DocumentCompiler
{
    private static readonly Column JsonColumn = new() { Name = "", Kind = ColumnKind.Json };
    private static readonly Column CountColumn = new() { Name = "", Kind = ColumnKind.Int64, Nullable = false };

    private (Scope Scope, ImmutableArray<ObjectField> Fields) ScopeOf(ScopeDraft draft, Join? above, FileLocation at)
    {
        var input = _inputs[draft.Input];
        var merges = draft.Merges.Select(merge => (Draft: merge, Merge: MergeOf(merge, above))).ToList();
        var nests = draft.Nests.Select(nest => (Draft: nest, Nest: NestOf(nest, above))).ToList();
        var total = input.Held.Columns.Length + merges.Sum(merge => merge.Merge.Join.From.Held.Columns.Length + (merge.Merge.Object is null ? 0 : 1))
            + draft.Aggregates.Count + nests.Count(nest => nest.Nest.Form != NestForm.None) + draft.Set.Count;
        var columns = new ScopeColumns(input.Held.Table, total);
        var fields = new FieldList();
        foreach (var column in input.Held.Columns)
            columns.Add(column.Name, column);
        foreach (var field in draft.Fields)
            fields.Add(at, field.Name, draft.Input.HeldOf(field.Ordinal), $"column '{draft.Input.Names[field.Ordinal]}' of '{draft.Input.Selection.Alias}'");
        foreach (var (merge, compiled) in merges)
        {
            var first = columns.Count;
            foreach (var column in compiled.Join.From.Held.Columns)
                columns.Add($"{merge.Name}.{column.Name}", column with { Nullable = true }, merge.Rule.As is { } name ? $"{name}.{column.Name}" : null);
            foreach (var field in compiled.Object is null ? merge.Fields : [])
                fields.Add(merge.Rule.Location, field.Name, first + merge.Join.From.HeldOf(field.Ordinal), $"column '{merge.Join.From.Names[field.Ordinal]}' of '{merge.Name}'");
        }

        var beforeAggregates = columns.Count;
        var key = input.Held.Key;
        var aggregates = draft.Aggregates.Select(aggregate => AggregateOf(aggregate, nests)).ToImmutableArray();
        for (var i = 0; i < aggregates.Length; i++)
            columns.Add(AggregateName(i), aggregates[i].Result);
        var where = draft.Where is { } condition ? Compiled(condition, expression => expression.CompileFilter(columns.Schema(key, expression), draft.OwnNames)) : null;

        foreach (var (merge, _) in merges.Where(merge => merge.Merge.Object is not null))
            fields.Add(merge.Rule.Location, merge.Rule.As!, columns.Add(merge.Rule.As!, JsonColumn), $"object '{merge.Rule.As}'", isOurs: true); // not null: it has an object
        foreach (var (nest, compiled) in nests.Where(nest => nest.Nest.Form != NestForm.None))
            fields.Add(nest.Rule.Location, nest.Rule.As, columns.Add(nest.Rule.As, compiled.Form == NestForm.Count ? CountColumn : JsonColumn), $"collection '{nest.Rule.As}'", compiled.Form != NestForm.Count);
        var set = ImmutableArray.CreateBuilder<RowExpression>();
        foreach (var (name, expression) in draft.Set)
        {
            var computed = Compiled(expression, parsed => parsed.Compile(columns.Schema(key, parsed), draft.OwnNames));
            set.Add(computed);
            fields.Set(name, columns.Add(name, computed.Result));
        }

        var schema = columns.Schema(key);
        return (new()
        {
            Input = input,
            Schema = schema,
            OtherNames = columns.Others,
            Merges = [.. merges.Select(merge => merge.Merge)],
            Nests = [.. nests.Select(nest => nest.Nest)],
            Aggregates = aggregates,
            Where = where,
            IsWhereEarly = where is not null && where.Columns.All(column => column < beforeAggregates),
            Set = set.ToImmutable(),
        }, fields.All);
    }

    private Merge MergeOf(MergeDraft draft, Join? above)
    {
        var join = JoinOf(draft.Join, above);
        Describe(draft.Rule.As ?? draft.Rule.From, join, isCollection: false);
        return new(join, draft.Rule.IsRequired, draft.Rule.As is null || draft.Fields.IsEmpty
            ? null
            : [.. draft.Fields.Select(field => new ObjectField(field.Name, draft.Join.From.HeldOf(field.Ordinal), IsOurs: false))]);
    }

    // Of a collection inside a group nothing is shown.
    private Nest NestOf(NestDraft draft, Join? above)
    {
        var join = JoinOf(draft.Join, above);
        Describe(draft.Rule.As, join, isCollection: true);
        var (scope, fields) = ScopeOf(draft.Scope, join, draft.Rule.Location);
        ImmutableArray<int> key = [.. draft.Key.Select(draft.Join.From.HeldOf)];
        var order = draft.Order.Select(by => (draft.Join.From.HeldOf(by.Ordinal), by.Falling));
        var keyOrder = key.Select(ordinal => (ordinal, false));
        ImmutableArray<(int, bool)> by = draft.Rule.Form == NestForm.Map ? [.. keyOrder, .. order] : [.. order, .. keyOrder];
        return new(join, scope, fields.IsEmpty && draft.Rule.Form != NestForm.Count ? NestForm.None : draft.Rule.Form,
            [.. by, .. join.From.Held.Key.Where(ordinal => !key.Contains(ordinal)).Select(ordinal => (ordinal, false))], key, fields)
        {
            Limit = draft.Rule.Limit ?? int.MaxValue,
        };
    }

    private AggregateColumn AggregateOf(AggregateDraft draft, List<(NestDraft Draft, Nest Nest)> nests)
    {
        var nest = nests.First(nest => nest.Draft == draft.Nest);
        var (argument, spec) = AggregatorOf(draft, nest.Nest.Scope, nest.Draft.Scope.OwnNames);
        var column = new AggregateColumn(argument, Aggregator.Create(spec, takesBack: false));
        nest.Nest.Visitors.Add(column);
        return column;
    }

    private (AggregateArgument Argument, AggregateSpec Spec) AggregatorOf(AggregateDraft draft, Scope scope, IReadOnlyList<string> ownNames)
    {
        _aggregates.Add(draft.Written.Text);
        var call = draft.Call;
        var argument = draft.Argument is null ? null : InPlace(draft.Written, () => scope.Compile(draft.Argument, ownNames));
        var order = call.Order is null ? null : InPlace(draft.Written, () => scope.Compile(call.Order, ownNames));
        var spec = new AggregateSpec(call.Kind, argument?.Result, call.Separator, order?.Result, call.IsFalling);
        return spec.IsPossible ? (new(argument, order), spec) : throw DocumentErrors.CannotAggregate(draft.Written.At(call.Line, call.Column), call.Kind, argument?.Result.Kind);
    }

    private static string AggregateName(int number) => $"(aggregate {number})";

    private static T Compiled<T>(ExpressionDraft draft, Func<Expression, T> compile) =>
        InPlace(draft.Written, () => compile(draft.Expression.WithAggregates(index => AggregateName(draft.FirstAggregate + index))));

    private static T InPlace<T>(WrittenExpression written, Func<T> compile)
    {
        try
        {
            return compile();
        }
        catch (ExpressionException error)
        {
            throw DocumentErrors.InFile(written, error);
        }
    }

    // Fields of an object in order; a computed one of the same name takes the place of another.
    private sealed class FieldList
    {
        private readonly List<(ObjectField Field, string What)> _fields = [];

        public ImmutableArray<ObjectField> All => [.. _fields.Select(known => known.Field)];

        public void Add(FileLocation at, string name, int ordinal, string what, bool isOurs = false)
        {
            if (_fields.Find(known => known.Field.Name == name) is { What: { } first })
                throw DocumentErrors.TwoFields(at, name, first, what);
            _fields.Add((new(name, ordinal, isOurs), what));
        }

        public void Set(string name, int ordinal)
        {
            var place = _fields.FindIndex(known => known.Field.Name == name);
            var field = (new ObjectField(name, ordinal, IsOurs: false), "a computed one");
            if (place < 0)
                _fields.Add(field);
            else
                _fields[place] = field;
        }
    }
}
