using System.Collections.Immutable;
using Leat.Changes;

namespace Leat.Transform.Expressions;

/// <summary>A condition as written in a configuration file (see docs/expressions.md), understood but not yet tied to a table.</summary>
public sealed class Filter
{
    private readonly Syntax _syntax;

    private Filter(string text, Syntax syntax)
    {
        Text = text;
        _syntax = syntax;
    }

    /// <summary>The condition as written.</summary>
    public string Text { get; }

    /// <summary>Reads a condition.</summary>
    /// <exception cref="ExpressionException">It is not one; names line and column inside the text.</exception>
    public static Filter Parse(string text) => new(text, Parser.Parse(text));

    /// <summary>Ties the condition to a table's columns.</summary>
    /// <exception cref="ExpressionException">A column is missing, or types do not fit; names line and column inside the text.</exception>
    public RowFilter Compile(TableSchema schema)
    {
        var compiler = new ConditionCompiler(schema);
        var condition = compiler.Condition(_syntax);
        return new(schema, condition, compiler.Columns);
    }
}

/// <summary>A condition that rows of one shape are tested against. Immutable; safe from many threads.</summary>
public sealed class RowFilter
{
    private readonly Condition _condition;

    internal RowFilter(TableSchema schema, Condition condition, ImmutableArray<int> columns)
    {
        Schema = schema;
        Columns = columns;
        _condition = condition;
    }

    /// <summary>The shape of the rows.</summary>
    public TableSchema Schema { get; }

    /// <summary>Ordinals of the columns that the condition looks at, rising. A row that lacks one of them cannot be tested.</summary>
    public ImmutableArray<int> Columns { get; }

    /// <summary>Whether the condition is true for an encoded row; unknown counts as not true, as in SQL's WHERE.</summary>
    public bool Matches(ReadOnlySpan<byte> row)
    {
        var reader = new RowReader(Schema, row);
        return _condition.Test(ref reader) == Truth.True;
    }
}
