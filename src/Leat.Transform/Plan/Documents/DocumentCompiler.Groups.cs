using System.Collections.Immutable;
using Leat.Changes;
using Leat.Transform.Expressions;
using Leat.Transform.State;

namespace Leat.Transform.Plan.Documents;

// Documents of groups: their key, their aggregates, what is computed of those.
internal sealed partial class DocumentCompiler
{
    private static readonly Column AllColumn = new() { Name = "", Kind = ColumnKind.String, Nullable = false, Length = 3 };

    private GroupPlan GroupsOf(DocumentDraft draft, ImmutableArray<(string Name, ExpressionDraft Expression)> group, Scope root)
    {
        var table = root.Schema.Table;
        var keys = group.Select(key => Compiled(key.Expression, expression => root.Compile(expression, draft.Root.OwnNames))).ToImmutableArray();
        var ownKey = group.IsEmpty ? draft.GroupSet.FirstOrDefault(set => set.Name == "id" && set.Expression.Expression is { Aggregates.IsEmpty: true, References.IsEmpty: true }).Name : null;
        Column[] keyColumns = group.IsEmpty
            ? ownKey is null ? [AllColumn with { Name = "id" }] : []
            : [.. group.Zip(keys, (key, compiled) => compiled.Result with { Name = key.Name })];

        var columns = new ScopeColumns(table, keyColumns.Length + draft.GroupAggregates.Length + draft.GroupSet.Length);
        var shown = ImmutableArray.CreateBuilder<ShapeColumn>();
        foreach (var column in keyColumns)
            shown.Add(new(column.Name, columns.Add(column.Name, column)));
        var parts = draft.GroupAggregates.Select(aggregate => PartOf(aggregate, draft.Root, root)).ToImmutableArray();
        for (var i = 0; i < parts.Length; i++)
            columns.Add(AggregateName(i), parts[i].Spec.Result);
        var key0 = Enumerable.Range(0, keyColumns.Length).ToImmutableArray();
        var set = ImmutableArray.CreateBuilder<RowExpression>();
        foreach (var (name, expression) in draft.GroupSet)
        {
            var computed = Compiled(expression, parsed => parsed.Compile(columns.Schema(key0)));
            set.Add(computed);
            if (keyColumns.Any(column => column.Name == name))
                throw DocumentErrors.TwoFields(expression.Written.Location, name, "the key of the only document", "a computed one");
            shown.Add(new(name, columns.Add(name, computed.Result)));
        }

        ImmutableArray<int> key = ownKey is null ? key0 : [shown.First(column => column.Name == ownKey).Ordinal];
        var shape = new Shape { Alias = draft.Root.Input.Selection.Alias, Schema = columns.Schema(key), Columns = shown.ToImmutable(), Key = key };
        return new(
            root, keys, new(table, [.. keyColumns], key0), [.. parts.Select(part => part.Collector)], () => [.. parts.Select(part => Aggregator.Create(part.Spec, takesBack: true, _memory))], set.ToImmutable(), shape, _memory);
    }

    private (GroupPlan.Collector Collector, AggregateSpec Spec) PartOf(AggregateDraft draft, ScopeDraft rootDraft, Scope root)
    {
        var at = draft.Nest is null ? -1 : rootDraft.Nests.IndexOf(draft.Nest);
        var (scope, ownNames) = at < 0 ? (root, rootDraft.OwnNames) : (root.Nests[at].Scope, draft.Nest!.Scope.OwnNames); // not null: it has a place
        var (argument, spec) = AggregatorOf(draft, scope, ownNames);
        var collector = new GroupPlan.Collector(argument, isOfRow: at < 0);
        if (at >= 0)
            root.Nests[at].Visitors.Add(collector);
        return (collector, spec);
    }
}
