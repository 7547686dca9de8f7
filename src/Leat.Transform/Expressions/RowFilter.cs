using System.Collections.Immutable;
using Leat.Changes;
using Leat.Transform.Expressions.Evaluation;

namespace Leat.Transform.Expressions;

/// <summary>A condition that rows of one shape are tested against. Immutable; safe from many threads.</summary>
public sealed class RowFilter
{
    private readonly Node _condition;
    private readonly RowLayout _layout;

    internal RowFilter(TableSchema schema, Node condition, RowLayout layout, ImmutableArray<int> columns)
    {
        Schema = schema;
        Columns = columns;
        _condition = condition;
        _layout = layout;
    }

    /// <summary>The shape of the rows.</summary>
    public TableSchema Schema { get; }

    /// <summary>Ordinals of the columns that the condition looks at, rising. A row that lacks one of them cannot be tested.</summary>
    public ImmutableArray<int> Columns { get; }

    /// <summary>Whether the condition is true for an encoded row; unknown counts as not true, as in SQL's WHERE.</summary>
    public bool Matches(ReadOnlySpan<byte> row)
    {
        var located = _layout.Locate(row, Scratch.Begin());
        return _condition.Test(located) == Truth.True;
    }
}
