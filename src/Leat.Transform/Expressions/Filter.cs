using Leat.Changes;

namespace Leat.Transform.Expressions;

/// <summary>A condition of its own, as <c>where:</c> of a table holds it: an expression without aggregates.</summary>
public sealed class Filter
{
    private readonly Expression _expression;

    private Filter(Expression expression) => _expression = expression;

    /// <summary>The condition as written.</summary>
    public string Text => _expression.Text;

    /// <summary>Reads a condition.</summary>
    /// <exception cref="ExpressionException">It is not one; names line and column inside the text.</exception>
    public static Filter Parse(string text)
    {
        var expression = Expression.Parse(text);
        return expression.Aggregates is [var aggregate, ..] ? throw ExpressionErrors.AggregateNotAllowed(new(aggregate.Line, aggregate.Column)) : new(expression);
    }

    /// <summary>Ties the condition to a table's columns.</summary>
    /// <exception cref="ExpressionException">A column is missing, or types do not fit; names line and column inside the text.</exception>
    public RowFilter Compile(TableSchema schema) => _expression.CompileFilter(schema);
}
