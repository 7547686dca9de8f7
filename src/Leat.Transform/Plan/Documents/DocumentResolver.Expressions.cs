using System.Collections.Immutable;
using Leat.Changes;
using Leat.Transform.Expressions;
using Leat.Transform.Plan.Rules;

namespace Leat.Transform.Plan.Documents;

// What expressions name, and what their aggregates look at.
internal sealed partial class DocumentResolver
{
    private const string InExpression = "which an expression looks at";

    private static void AddSet(ScopeDraft scope, ImmutableArray<SetRule> rules)
    {
        foreach (var rule in rules)
            scope.Set.Add((rule.Name, Understand(scope, rule.Expression, [.. scope.Set.Select(set => set.Name)])));
    }

    private static Expression Parse(WrittenExpression written)
    {
        try
        {
            return Expression.Parse(written.Text);
        }
        catch (ExpressionException error)
        {
            throw DocumentErrors.InFile(written, error);
        }
    }

    // Computed: the names of computed fields that it sees; null for a condition, which sees neither those nor collections.
    private static ExpressionDraft Understand(ScopeDraft scope, WrittenExpression written, IReadOnlyCollection<string>? computed)
    {
        var expression = Parse(written);
        Resolve(scope, written, expression, computed);
        var draft = new ExpressionDraft(written, expression, scope.Aggregates.Count);
        foreach (var call in expression.Aggregates)
            scope.Aggregates.Add(OverCollection(scope, written, call) ?? throw Unresolved(scope, written, call));
        return draft;
    }

    private static void Resolve(ScopeDraft scope, WrittenExpression written, Expression expression, IReadOnlyCollection<string>? computed)
    {
        foreach (var reference in expression.References)
        {
            var at = written.At(reference.Line, reference.Column);
            if (reference.Qualifier is null || scope.OwnNames.Contains(reference.Qualifier, StringComparer.OrdinalIgnoreCase))
                ResolveOwn(scope, reference, at, computed);
            else if (scope.Merges.Find(merge => merge.Is(reference.Qualifier)) is { } merge)
                merge.Join.From.Need(reference.Name, at, InExpression);
            else
                throw DocumentErrors.UnknownAlias(at, reference.Qualifier, [scope.OwnNames[^1], .. scope.Merges.Select(known => known.Name)]);
        }
    }

    private static void ResolveOwn(ScopeDraft scope, ColumnReference reference, FileLocation at, IReadOnlyCollection<string>? computed)
    {
        if (computed is not null && (computed.Any(name => Same(name, reference.Name)) || scope.Nests.Exists(nest => Same(nest.Rule.As, reference.Name))
            || scope.Merges.Exists(merge => merge.Rule.As is { } name && Same(name, reference.Name))))
            return;
        if (scope.Input.Find(reference.Name) is var own and >= 0)
        {
            scope.Input.Need(own, at, InExpression);
            return;
        }

        var merged = scope.Merges.Where(merge => merge.Join.From.Find(reference.Name) >= 0).Select(merge => $"{merge.Name}.{reference.Name}").ToList();
        throw merged.Count > 1
            ? DocumentErrors.Ambiguous(at, reference.Name, merged)
            : DocumentErrors.UnknownColumn(at, scope.Input.Selection.Alias, reference.Name, merged.Count == 1 ? merged : scope.Input.Names);
    }

    private static AggregateDraft? OverCollection(ScopeDraft scope, WrittenExpression written, AggregateCall call)
    {
        if (call.Over is not { } name || scope.Nests.Find(nest => nest.Is(name)) is not { } nest)
            return null;
        return new(written, call, ResolveArgument(nest.Scope, written, call.IsBareName ? call with { Argument = null } : call), nest);
    }

    private static Expression? ResolveArgument(ScopeDraft scope, WrittenExpression written, AggregateCall call)
    {
        string[] computed = [.. scope.Set.Select(set => set.Name)];
        if (call.Argument is { } argument)
            Resolve(scope, written, argument, computed);
        if (call.Order is { } order)
            Resolve(scope, written, order, computed);
        return call.Argument;
    }

    private static PauseException Unresolved(ScopeDraft scope, WrittenExpression written, AggregateCall call)
    {
        var at = written.At(call.Line, call.Column);
        return call.Over is { } name && (call.IsBareName || !scope.OwnNames.Contains(name, StringComparer.OrdinalIgnoreCase))
            ? DocumentErrors.UnknownCollection(at, name, [.. scope.Nests.Select(nest => nest.Rule.As)])
            : DocumentErrors.AggregateOverRow(at);
    }

    private static bool Same(string left, string right) => left.Equals(right, StringComparison.OrdinalIgnoreCase);

    // One document for each value of the group's expressions: those see rows, its fields see the group and its aggregates.
    private DocumentDraft Grouped(ScopeDraft root, ImmutableArray<SetRule> group)
    {
        if (_rule.Set.IsEmpty)
            throw DocumentErrors.NoFields(_rule.Location);
        var keys = group.Select(rule => (rule.Name, Expression: Understand(root, rule.Expression, []))).ToImmutableArray();
        var aggregates = ImmutableArray.CreateBuilder<AggregateDraft>();
        var fields = ImmutableArray.CreateBuilder<(string, ExpressionDraft)>();
        var known = group.Select(rule => rule.Name).ToList();
        foreach (var rule in _rule.Set)
        {
            if (known.Exists(name => Same(name, rule.Name)))
                throw DocumentErrors.TwoFields(rule.Expression.Location, rule.Name, "one of the group", "a computed one");
            var expression = Parse(rule.Expression);
            foreach (var reference in expression.References.Where(reference => reference.Qualifier is not null || !known.Exists(name => Same(name, reference.Name))))
            {
                var name = reference.Qualifier is { } qualifier ? $"{qualifier}.{reference.Name}" : reference.Name;
                throw DocumentErrors.NotGrouped(rule.Expression.At(reference.Line, reference.Column), name, known);
            }

            fields.Add((rule.Name, new(rule.Expression, expression, aggregates.Count)));
            foreach (var call in expression.Aggregates)
                aggregates.Add(OverCollection(root, rule.Expression, call) ?? OverRows(root, rule.Expression, call));
            known.Add(rule.Name);
        }

        return new(root, keys, fields.ToImmutable(), aggregates.ToImmutable(), [.. _inputs]);
    }

    private static AggregateDraft OverRows(ScopeDraft root, WrittenExpression written, AggregateCall call) =>
        new(written, call, ResolveArgument(root, written, call), null);
}
