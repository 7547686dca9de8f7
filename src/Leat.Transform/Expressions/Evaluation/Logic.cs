using System.Collections.Immutable;

namespace Leat.Transform.Expressions.Evaluation;

internal sealed class AllOf(ImmutableArray<Node> terms) : Node(StaticType.Boolean, terms.Any(term => term.IsNullable))
{
    public override Truth Test(scoped in EvaluatedRow row)
    {
        var all = Truth.True;
        foreach (var term in terms)
        {
            var truth = term.Test(row);
            if (truth == Truth.False)
                return Truth.False;
            all = truth < all ? truth : all;
        }

        return all;
    }
}

internal sealed class AnyOf(ImmutableArray<Node> terms) : Node(StaticType.Boolean, terms.Any(term => term.IsNullable))
{
    public override Truth Test(scoped in EvaluatedRow row)
    {
        var any = Truth.False;
        foreach (var term in terms)
        {
            var truth = term.Test(row);
            if (truth == Truth.True)
                return Truth.True;
            any = truth > any ? truth : any;
        }

        return any;
    }
}

internal sealed class Negation(Node inner) : Node(StaticType.Boolean, inner.IsNullable)
{
    public override Truth Test(scoped in EvaluatedRow row) => Truth.True - (int)inner.Test(row);
}

/// <summary>A number as a condition: true unless it is 0.</summary>
internal sealed class NotZero(Node inner) : Node(StaticType.Boolean, inner.IsNullable)
{
    public override Truth Test(scoped in EvaluatedRow row)
    {
        bool there, zero;
        if (inner.Type.Family == Family.Real)
        {
            there = inner.TryReal(row, out var real);
            zero = real == 0;
        }
        else if (inner.Type.Family == Family.Exact)
        {
            there = inner.TryExact(row, out var exact);
            zero = exact.IsZero;
        }
        else
        {
            there = inner.TryInteger(row, out var integer);
            zero = integer == 0;
        }

        return !there ? Truth.Unknown : zero ? Truth.False : Truth.True;
    }
}

/// <summary><c>IS NULL</c> of any value.</summary>
internal sealed class IsNull(Node inner) : Node(StaticType.Boolean, isNullable: false)
{
    public override Truth Test(scoped in EvaluatedRow row) => Held.TryLoad(inner, row, out _) ? Truth.False : Truth.True;
}

/// <summary><c>IS TRUE</c>, <c>IS FALSE</c>, <c>IS UNKNOWN</c>.</summary>
internal sealed class IsTruth(Node inner, Truth wanted) : Node(StaticType.Boolean, isNullable: false)
{
    public override Truth Test(scoped in EvaluatedRow row) => inner.Test(row) == wanted ? Truth.True : Truth.False;
}
