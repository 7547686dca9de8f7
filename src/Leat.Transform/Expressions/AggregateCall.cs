using System.Collections.Immutable;
using Leat.Transform.Expressions.Language;

namespace Leat.Transform.Expressions;

/// <summary>What an aggregate computes of its rows.</summary>
public enum AggregateKind
{
    /// <summary><c>count(*)</c>: rows; <c>count(x)</c>: rows whose value is not NULL.</summary>
    Count,

    /// <summary><c>count(DISTINCT x)</c>: different values that are not NULL.</summary>
    CountDistinct,

    /// <summary><c>sum(x)</c>; NULL when there is no value.</summary>
    Sum,

    /// <summary><c>avg(x)</c>; NULL when there is no value.</summary>
    Average,

    /// <summary><c>min(x)</c>; NULL when there is no value.</summary>
    Min,

    /// <summary><c>max(x)</c>; NULL when there is no value.</summary>
    Max,

    /// <summary><c>string_agg(x, separator ORDER BY y)</c>: the texts one after another; NULL when there is none.</summary>
    StringAggregate,
}

/// <summary>One aggregate of an expression, for the plan that computes it.</summary>
public sealed record AggregateCall
{
    /// <summary>What it computes.</summary>
    public required AggregateKind Kind { get; init; }

    /// <summary>What it computes it of, for each row; <see langword="null"/> for <c>count(*)</c>. See <see cref="IsBareName"/>.</summary>
    public Expression? Argument { get; init; }

    /// <summary>
    /// Whether it is <c>count(name)</c> with a lone name, which is then <see cref="Over"/> as well: a collection of that name (<c>count(items)</c> counts its rows), and when there is none,
    /// the column of <see cref="Argument"/>.
    /// </summary>
    public bool IsBareName { get; init; }

    /// <summary><c>string_agg</c>: what stands between two texts; empty otherwise.</summary>
    public string Separator { get; init; } = "";

    /// <summary><c>string_agg … ORDER BY</c>; <see langword="null"/>: by the texts themselves.</summary>
    public Expression? Order { get; init; }

    /// <summary>Whether <see cref="Order"/> falls.</summary>
    public bool IsFalling { get; init; }

    /// <summary>Qualifier of all columns in it: <c>items</c> in <c>sum(items.qty)</c>; the lone name when <see cref="IsBareName"/>; otherwise <see langword="null"/>.</summary>
    public string? Over { get; init; }

    /// <summary>Line in the expression's text, from 1.</summary>
    public required int Line { get; init; }

    /// <summary>Column in that line, from 1, in characters.</summary>
    public required int Column { get; init; }

    internal static AggregateCall Of(string text, AggregateSyntax syntax)
    {
        var argument = syntax.Argument is null ? null : Expression.Part(text, syntax.Argument);
        var order = syntax.Order is null ? null : Expression.Part(text, syntax.Order);
        var bare = syntax is { Kind: AggregateKind.Count, Argument: ColumnSyntax { Qualifier: null } lone } ? lone.Name : null;
        var qualifiers = References(argument).Concat(References(order)).Select(column => column.Qualifier).Distinct(StringComparer.OrdinalIgnoreCase).ToList();
        if (qualifiers.Count > 1)
            throw ExpressionErrors.SeveralInAggregate(syntax.At, qualifiers);
        return new()
        {
            Kind = syntax.Kind, Argument = argument, IsBareName = bare is not null, Separator = syntax.Separator, Order = order, IsFalling = syntax.Falling,
            Over = bare ?? qualifiers.FirstOrDefault(), Line = syntax.At.Line, Column = syntax.At.Column,
        };
    }

    private static ImmutableArray<ColumnReference> References(Expression? expression) => expression?.References ?? [];
}
