using System.Collections.Immutable;
using Leat.Changes;
using Leat.Transform.Expressions.Language;
using Leat.Transform.Expressions.Typing;

namespace Leat.Transform.Expressions;

/// <summary>A column that an expression names.</summary>
/// <param name="Qualifier">What stands before the point: <c>items</c> in <c>items.qty</c>; <see langword="null"/> without one.</param>
/// <param name="Name">Name of the column as written.</param>
/// <param name="Line">Line in the expression's text, from 1.</param>
/// <param name="Column">Column in that line, from 1, in characters.</param>
public readonly record struct ColumnReference(string? Qualifier, string Name, int Line, int Column);

/// <summary>An SQL expression as written in a configuration file (see docs/expressions.md), understood but not yet tied to the columns of a table. Immutable.</summary>
public sealed class Expression
{
    private readonly Syntax _syntax;
    private readonly Func<int, string>? _aggregateColumns;

    private Expression(string text, Syntax syntax, ImmutableArray<AggregateCall> aggregates, Func<int, string>? aggregateColumns)
    {
        Text = text;
        _syntax = syntax;
        _aggregateColumns = aggregateColumns;
        Aggregates = aggregates;
        References = [.. Named(syntax).Select(column => new ColumnReference(column.Qualifier, column.Name, column.At.Line, column.At.Column))];
    }

    /// <summary>The expression as written.</summary>
    public string Text { get; }

    /// <summary>Columns that it names, each as often as it does, in the order of the text; those inside aggregates are the aggregates' own.</summary>
    public ImmutableArray<ColumnReference> References { get; }

    /// <summary>Its aggregates in the order of the text.</summary>
    public ImmutableArray<AggregateCall> Aggregates { get; }

    /// <summary>Reads an expression.</summary>
    /// <exception cref="ExpressionException">It is not one; names line and column inside the text.</exception>
    public static Expression Parse(string text)
    {
        var (syntax, aggregates) = Parser.Parse(text);
        return new(text, syntax, [.. aggregates.Select(aggregate => AggregateCall.Of(text, aggregate))], null);
    }

    /// <summary>The same expression with each aggregate replaced by a column of the schema that it will be tied to.</summary>
    /// <param name="columnName">Exact name of the column that holds the aggregate of that index in <see cref="Aggregates"/>.</param>
    public Expression WithAggregates(Func<int, string> columnName) => new(Text, _syntax, Aggregates, columnName);

    /// <summary>Ties the expression to columns, as a condition.</summary>
    /// <param name="schema">Shape of the rows that will be tested.</param>
    /// <param name="ownNames">Qualifiers that mean the row itself: <c>items.qty</c> is the column <c>qty</c> when <c>items</c> is among them; any other <c>a.b</c> is a column of that whole name.</param>
    /// <exception cref="ExpressionException">A column is missing, types do not fit, or an aggregate stands where none may; names line and column inside the text.</exception>
    public RowFilter CompileFilter(TableSchema schema, IReadOnlyList<string>? ownNames = null)
    {
        var compiler = new Compiler(schema, ownNames ?? [], _aggregateColumns);
        var condition = compiler.Condition(_syntax);
        return new(schema, condition, compiler.Layout, compiler.Columns);
    }

    /// <summary>Ties the expression to columns, as a value.</summary>
    /// <param name="schema">Shape of the rows that it will be computed for.</param>
    /// <param name="ownNames">As for <see cref="CompileFilter"/>.</param>
    /// <exception cref="ExpressionException">A column is missing, types do not fit, or an aggregate stands where none may; names line and column inside the text.</exception>
    public RowExpression Compile(TableSchema schema, IReadOnlyList<string>? ownNames = null)
    {
        var compiler = new Compiler(schema, ownNames ?? [], _aggregateColumns);
        var value = compiler.Value(_syntax);
        return new(schema, value, compiler.Layout, compiler.Columns);
    }

    // Makes a part of an expression one of its own: its places stay those of the whole text.
    internal static Expression Part(string text, Syntax syntax) => new(text, syntax, [], null);

    private static IEnumerable<ColumnSyntax> Named(Syntax syntax) =>
        syntax is ColumnSyntax column ? [column] : syntax.Parts.SelectMany(Named);
}
