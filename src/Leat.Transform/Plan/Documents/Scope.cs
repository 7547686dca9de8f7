using System.Collections.Immutable;
using Leat.Changes;
using Leat.Transform.Expressions;

namespace Leat.Transform.Plan.Documents;

/// <summary>Builds one row of all that expressions and fields of an object can see: a document, or an object of a collection. For one thread.</summary>
/// <remarks>
/// <code>
/// columns   held row | each merged row | aggregates | merged objects, JSON | collections | computed fields
/// </code>
/// All conditions and computed fields are evaluated on this one row, each as soon as the columns that it may see are written.
/// </remarks>
internal sealed class Scope
{
    private readonly RowBuilder _row = new();

    /// <summary>The table whose rows become the objects.</summary>
    public required Input Input { get; init; }

    /// <summary>Shape of the whole row.</summary>
    public required TableSchema Schema { get; init; }

    /// <summary>Other names that expressions may call its columns by, by their ordinals.</summary>
    public required ImmutableArray<string?> OtherNames { get; init; }

    /// <summary>Rows of other tables that are part of the object.</summary>
    public required ImmutableArray<Merge> Merges { get; init; }

    /// <summary>Collections inside the object.</summary>
    public required ImmutableArray<Nest> Nests { get; init; }

    /// <summary>Aggregates over the collections.</summary>
    public required ImmutableArray<AggregateColumn> Aggregates { get; init; }

    /// <summary>Which objects there are.</summary>
    public required RowFilter? Where { get; init; }

    /// <summary>Whether <see cref="Where"/> looks at nothing but held and merged columns.</summary>
    public required bool IsWhereEarly { get; init; }

    /// <summary>Computed fields, in order.</summary>
    public required ImmutableArray<RowExpression> Set { get; init; }

    /// <summary>Whether the object is the held row alone.</summary>
    public bool IsPlain => Where is null && Merges.IsEmpty && Nests.IsEmpty && Set.IsEmpty;

    /// <summary>The row that was built last; valid until the next is.</summary>
    public ReadOnlySpan<byte> Row => _row.Row;

    /// <summary>Ties an expression to the whole row.</summary>
    /// <exception cref="ExpressionException">It does not fit.</exception>
    public RowExpression Compile(Expression expression, IReadOnlyList<string> ownNames) => expression.Compile(ScopeColumns.Named(Schema, OtherNames, expression), ownNames);

    /// <summary>Builds the row of an object.</summary>
    /// <param name="held">The held row; not changed meanwhile.</param>
    /// <returns>False when there is no such object: a merged row is missing, or the condition is not met.</returns>
    public bool TryBuild(ReadOnlySpan<byte> held)
    {
        _row.Begin(Schema.Columns.Length);
        _row.CopyAll(held, Input.Held);
        foreach (var merge in Merges)
        {
            if (!merge.TryAppend(held, _row))
                return false;
        }

        if (IsWhereEarly && !Where!.Matches(_row.Written)) // not null: it says when it can be tested
            return false;
        foreach (var aggregate in Aggregates)
            aggregate.Clear();
        foreach (var nest in Nests)
            nest.Read(held);
        foreach (var aggregate in Aggregates)
            aggregate.Append(_row);
        if (!IsWhereEarly && Where is not null && !Where.Matches(_row.Written))
            return false;

        foreach (var merge in Merges)
        {
            if (merge.Object is { } writer)
                merge.AppendObject(writer, _row);
        }

        foreach (var nest in Nests)
            nest.Append(_row);
        foreach (var expression in Set)
            expression.Append(_row.Written, _row);
        return true;
    }

    /// <summary>Writes a row of which only the held columns are known, for a deleted document.</summary>
    public void BuildKey(ReadOnlySpan<byte> held)
    {
        _row.Begin(Schema.Columns.Length);
        _row.CopyAll(held, Input.Held);
        _row.WriteNulls(Schema.Columns.Length - Input.Held.Columns.Length);
    }
}
