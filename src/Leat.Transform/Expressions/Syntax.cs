using System.Collections.Immutable;

namespace Leat.Transform.Expressions;

/// <summary>A condition as written, before it meets a table.</summary>
/// <param name="At">Where it begins.</param>
/// <param name="Depth">Operators and parentheses inside each other, this one included.</param>
internal abstract record Syntax(Place At, int Depth);

internal sealed record NullSyntax(Place At) : Syntax(At, 1);

internal sealed record BoolSyntax(Place At, bool Value) : Syntax(At, 1);

internal sealed record NumberSyntax(Place At, string Digits) : Syntax(At, 1);

/// <summary>A text; <c>DATE '…'</c> and <c>TIMESTAMP '…'</c> when <paramref name="Temporal"/>.</summary>
internal sealed record TextSyntax(Place At, string Value, bool Temporal) : Syntax(At, 1);

internal sealed record ColumnSyntax(Place At, string Name) : Syntax(At, 1);

/// <summary>All of <c>AND</c>, or of <c>OR</c>: kept as one list, so that long chains are not deep.</summary>
internal sealed record LogicalSyntax(Place At, bool IsAnd, ImmutableArray<Syntax> Terms) : Syntax(At, Terms.Max(term => term.Depth) + 1);

internal sealed record NotSyntax(Place At, Syntax Inner) : Syntax(At, Inner.Depth + 1);

/// <summary>A comparison (<c>= &lt;&gt; &lt; &lt;= &gt; &gt;=</c>) or calculation (<c>+ - * / %</c>).</summary>
internal sealed record BinarySyntax(Place At, string Operator, Syntax Left, Syntax Right) : Syntax(At, Math.Max(Left.Depth, Right.Depth) + 1);

internal sealed record NegateSyntax(Place At, Syntax Inner) : Syntax(At, Inner.Depth + 1);

internal sealed record InSyntax(Place At, Syntax Value, ImmutableArray<Syntax> Choices) : Syntax(At, Math.Max(Value.Depth, Choices.Max(choice => choice.Depth)) + 1);

internal sealed record IsNullSyntax(Place At, Syntax Value) : Syntax(At, Value.Depth + 1);

internal sealed record LikeSyntax(Place At, Syntax Value, Syntax Pattern) : Syntax(At, Math.Max(Value.Depth, Pattern.Depth) + 1);

internal sealed record CallSyntax(Place At, string Function, ImmutableArray<Syntax> Arguments)
    : Syntax(At, Arguments.Select(argument => argument.Depth).DefaultIfEmpty(0).Max() + 1);
