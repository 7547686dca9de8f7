using System.Collections.Immutable;

namespace Leat.Transform.Expressions.Language;

/// <summary>An expression as written, before it meets a table.</summary>
/// <param name="At">Where it begins.</param>
/// <param name="Depth">Operators and parentheses inside each other, this one included.</param>
internal abstract record Syntax(Place At, int Depth)
{
    /// <summary>What it is made of, in the order of the text.</summary>
    public virtual IEnumerable<Syntax> Parts => [];

    /// <summary>One more than the deepest of them.</summary>
    protected static int Above(params ReadOnlySpan<Syntax?> parts)
    {
        var deepest = 0;
        foreach (var part in parts)
            deepest = Math.Max(deepest, part?.Depth ?? 0);
        return deepest + 1;
    }
}

internal sealed record NullSyntax(Place At) : Syntax(At, 1);

internal sealed record BoolSyntax(Place At, bool Value) : Syntax(At, 1);

internal sealed record NumberSyntax(Place At, string Digits) : Syntax(At, 1);

/// <summary>A text between single quotes.</summary>
internal sealed record TextSyntax(Place At, string Value) : Syntax(At, 1);

/// <summary><c>DATE '…'</c>, <c>TIME '…'</c> and <c>TIMESTAMP '…'</c>; the word in upper case.</summary>
internal sealed record TemporalSyntax(Place At, string Word, string Value) : Syntax(At, 1);

/// <summary>A column; <c>items.qty</c> has the qualifier <c>items</c>.</summary>
internal sealed record ColumnSyntax(Place At, string? Qualifier, string Name) : Syntax(At, 1)
{
    /// <summary>The name with its qualifier.</summary>
    public string Whole => Qualifier is null ? Name : $"{Qualifier}.{Name}";
}

/// <summary>An aggregate, and which of the expression's it is. What it is computed of belongs to the plan: it has no parts here.</summary>
internal sealed record AggregateSyntax(Place At, int Index, AggregateKind Kind, Syntax? Argument, string Separator, Syntax? Order, bool Falling) : Syntax(At, 1);

/// <summary>All of <c>AND</c>, or of <c>OR</c>: kept as one list, so that long chains are not deep.</summary>
internal sealed record LogicalSyntax(Place At, bool IsAnd, ImmutableArray<Syntax> Terms) : Syntax(At, Above(Terms.AsSpan()))
{
    public override IEnumerable<Syntax> Parts => Terms;
}

internal sealed record NotSyntax(Place At, Syntax Inner) : Syntax(At, Above(Inner))
{
    public override IEnumerable<Syntax> Parts => [Inner];
}

/// <summary>A comparison (<c>= &lt;&gt; &lt; &lt;= &gt; &gt;= &lt;=&gt;</c>), calculation (<c>+ - * / % DIV</c>), <c>||</c>, <c>-&gt;</c> or <c>-&gt;&gt;</c>.</summary>
internal sealed record BinarySyntax(Place At, string Operator, Syntax Left, Syntax Right) : Syntax(At, Above(Left, Right))
{
    public override IEnumerable<Syntax> Parts => [Left, Right];
}

internal sealed record NegateSyntax(Place At, Syntax Inner) : Syntax(At, Above(Inner))
{
    public override IEnumerable<Syntax> Parts => [Inner];
}

internal sealed record InSyntax(Place At, Syntax Value, ImmutableArray<Syntax> Choices) : Syntax(At, Above([Value, .. Choices]))
{
    public override IEnumerable<Syntax> Parts => [Value, .. Choices];
}

internal sealed record BetweenSyntax(Place At, Syntax Value, Syntax Low, Syntax High) : Syntax(At, Above(Value, Low, High))
{
    public override IEnumerable<Syntax> Parts => [Value, Low, High];
}

/// <summary><c>IS NULL</c> with <paramref name="Word"/> NULL; <c>IS TRUE</c>, <c>IS FALSE</c>, <c>IS UNKNOWN</c> with theirs.</summary>
internal sealed record IsSyntax(Place At, Syntax Value, string Word) : Syntax(At, Above(Value))
{
    public override IEnumerable<Syntax> Parts => [Value];
}

/// <summary><c>LIKE</c>, <c>ILIKE</c> without regard to letter case, with the sign that takes the next literally; <c>\0</c>: none.</summary>
internal sealed record LikeSyntax(Place At, Syntax Value, Syntax Pattern, bool IgnoresCase, char Escape) : Syntax(At, Above(Value, Pattern))
{
    public override IEnumerable<Syntax> Parts => [Value, Pattern];
}

internal sealed record CallSyntax(Place At, string Function, ImmutableArray<Syntax> Arguments) : Syntax(At, Above(Arguments.AsSpan()))
{
    public override IEnumerable<Syntax> Parts => Arguments;
}

/// <summary><c>CASE [operand] WHEN … THEN … ELSE … END</c>.</summary>
internal sealed record CaseSyntax(Place At, Syntax? Operand, ImmutableArray<(Syntax When, Syntax Then)> Branches, Syntax? Otherwise)
    : Syntax(At, Above([Operand, Otherwise, .. Branches.Select(branch => branch.When), .. Branches.Select(branch => branch.Then)]))
{
    public override IEnumerable<Syntax> Parts
    {
        get
        {
            if (Operand is not null)
                yield return Operand;
            foreach (var (when, then) in Branches)
            {
                yield return when;
                yield return then;
            }

            if (Otherwise is not null)
                yield return Otherwise;
        }
    }
}

/// <summary><c>CAST(… AS type(first, second))</c>; numbers that are not written are -1. The type's word in upper case.</summary>
internal sealed record CastSyntax(Place At, Syntax Inner, Place TypeAt, string Type, int First, int Second) : Syntax(At, Above(Inner))
{
    public override IEnumerable<Syntax> Parts => [Inner];
}

/// <summary><c>INTERVAL 3 DAY</c>; the unit in lower case, in the singular.</summary>
internal sealed record IntervalSyntax(Place At, Syntax Amount, string Unit) : Syntax(At, Above(Amount))
{
    public override IEnumerable<Syntax> Parts => [Amount];
}
