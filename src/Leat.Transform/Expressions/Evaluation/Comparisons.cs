using System.Collections.Immutable;

namespace Leat.Transform.Expressions.Evaluation;

/// <summary>Which outcomes of an ordering make a comparison true.</summary>
[Flags]
internal enum Orders
{
    Less = 1,
    Equal = 2,
    Greater = 4,
}

/// <summary>Compares two values of one family.</summary>
internal sealed class Comparison(Orders wanted, Node left, Node right) : Node(StaticType.Boolean, left.IsNullable || right.IsNullable)
{
    private readonly Family _family = left.Type.Family;

    public override Truth Test(scoped in EvaluatedRow row)
    {
        int order;
        switch (_family)
        {
            case Family.Boolean or Family.Exact or Family.Null:
                if (!Held.TryLoad(left, row, out var a) || !Held.TryLoad(right, row, out var b))
                    return Truth.Unknown;
                order = Held.Compare(_family, a, b);
                break;
            case Family.Real:
                if (!left.TryReal(row, out var x) || !right.TryReal(row, out var y))
                    return Truth.Unknown;
                order = x.CompareTo(y);
                break;
            case Family.Text:
                if (!left.TryText(row, out var first) || !right.TryText(row, out var second))
                    return Truth.Unknown;
                if (wanted == Orders.Equal)
                    return first.SequenceEqual(second) ? Truth.True : Truth.False;
                order = first.SequenceCompareTo(second);
                break;
            default:
                if (!left.TryInteger(row, out var m) || !right.TryInteger(row, out var n))
                    return Truth.Unknown;
                order = _family == Family.Unsigned ? ((ulong)m).CompareTo((ulong)n) : m.CompareTo(n);
                break;
        }

        return Matches(wanted, order);
    }

    public static Truth Matches(Orders wanted, int order) =>
        (wanted & (order < 0 ? Orders.Less : order > 0 ? Orders.Greater : Orders.Equal)) != 0 ? Truth.True : Truth.False;
}

/// <summary><c>&lt;=&gt;</c>, and turned round <c>IS DISTINCT FROM</c>: equal, or both NULL; never unknown.</summary>
internal sealed class SameValue(Node left, Node right) : Node(StaticType.Boolean, isNullable: false)
{
    public override Truth Test(scoped in EvaluatedRow row)
    {
        var hasLeft = Held.TryLoad(left, row, out var a);
        var hasRight = Held.TryLoad(right, row, out var b);
        return hasLeft == hasRight && (!hasLeft || Held.Compare(left.Type.Family, a, b) == 0) ? Truth.True : Truth.False;
    }
}

/// <summary><c>BETWEEN</c>: its value is computed once.</summary>
internal sealed class Between(Node value, Node low, Node high) : Node(StaticType.Boolean, value.IsNullable || low.IsNullable || high.IsNullable)
{
    public override Truth Test(scoped in EvaluatedRow row)
    {
        if (!Held.TryLoad(value, row, out var held))
            return Truth.Unknown;
        var above = Side(held, low, Orders.Equal | Orders.Greater, row);
        return above == Truth.False ? above : (Truth)Math.Min((int)above, (int)Side(held, high, Orders.Equal | Orders.Less, row));
    }

    private Truth Side(in Held held, Node other, Orders wanted, scoped in EvaluatedRow row) =>
        Held.TryLoad(other, row, out var bound) ? Comparison.Matches(wanted, Held.Compare(value.Type.Family, held, bound)) : Truth.Unknown;
}

/// <summary><c>IN</c> of any values of one family.</summary>
internal sealed class IsAmong(Node value, ImmutableArray<Node> choices) : Node(StaticType.Boolean, value.IsNullable || choices.Any(choice => choice.IsNullable))
{
    public override Truth Test(scoped in EvaluatedRow row)
    {
        if (!Held.TryLoad(value, row, out var held))
            return Truth.Unknown;
        var found = Truth.False;
        foreach (var choice in choices)
        {
            if (!Held.TryLoad(choice, row, out var other))
                found = Truth.Unknown;
            else if (Held.Compare(value.Type.Family, held, other) == 0)
                return Truth.True;
        }

        return found;
    }
}

/// <summary><c>IN</c> of whole numbers, dates or times that are written out: sorted once, searched by halves.</summary>
internal sealed class IsAmongIntegers(Node value, IEnumerable<long> choices, bool hasNull) : Node(StaticType.Boolean, value.IsNullable || hasNull)
{
    private readonly long[] _sorted = [.. choices.Distinct().Order()];

    public override Truth Test(scoped in EvaluatedRow row)
    {
        if (!value.TryInteger(row, out var held))
            return Truth.Unknown;
        return Array.BinarySearch(_sorted, held) >= 0 ? Truth.True : hasNull ? Truth.Unknown : Truth.False;
    }
}

/// <summary><c>IN</c> of texts that are written out: sorted once, searched by halves.</summary>
internal sealed class IsAmongTexts(Node value, IEnumerable<byte[]> choices, bool hasNull) : Node(StaticType.Boolean, value.IsNullable || hasNull)
{
    private readonly byte[][] _sorted = [.. choices.Order(Comparer<byte[]>.Create((a, b) => a.AsSpan().SequenceCompareTo(b)))];

    public override Truth Test(scoped in EvaluatedRow row)
    {
        if (!value.TryText(row, out var held))
            return Truth.Unknown;
        int low = 0, high = _sorted.Length - 1;
        while (low <= high)
        {
            var middle = (low + high) / 2;
            var order = held.SequenceCompareTo(_sorted[middle]);
            if (order == 0)
                return Truth.True;
            if (order < 0)
                high = middle - 1;
            else
                low = middle + 1;
        }

        return hasNull ? Truth.Unknown : Truth.False;
    }
}
