using System.Collections.Immutable;

namespace Leat.Transform.Expressions.Evaluation;

/// <summary>Says which of several values of one type counts; NULL when it says -1.</summary>
internal abstract class Choice(StaticType type, ImmutableArray<Node> values, bool isNullable) : Node(type, isNullable)
{
    protected abstract int Choose(scoped in EvaluatedRow row);

    public override Truth Test(scoped in EvaluatedRow row) => Choose(row) is var chosen and >= 0 ? values[chosen].Test(row) : Truth.Unknown;

    public override bool TryInteger(scoped in EvaluatedRow row, out long value)
    {
        value = 0;
        return Choose(row) is var chosen and >= 0 && values[chosen].TryInteger(row, out value);
    }

    public override bool TryExact(scoped in EvaluatedRow row, out ExactNumber value)
    {
        value = default;
        return Choose(row) is var chosen and >= 0 && values[chosen].TryExact(row, out value);
    }

    public override bool TryReal(scoped in EvaluatedRow row, out double value)
    {
        value = 0;
        return Choose(row) is var chosen and >= 0 && values[chosen].TryReal(row, out value);
    }

    public override bool TryText(scoped in EvaluatedRow row, out ReadOnlySpan<byte> value)
    {
        value = default;
        return Choose(row) is var chosen and >= 0 && values[chosen].TryText(row, out value);
    }
}

/// <summary><c>CASE WHEN … THEN …</c> and <c>if()</c>: the value behind the first condition that is true; the last value is ELSE's.</summary>
internal sealed class Conditional(StaticType type, ImmutableArray<Node> conditions, ImmutableArray<Node> values)
    : Choice(type, values, values.Any(value => value.IsNullable))
{
    protected override int Choose(scoped in EvaluatedRow row)
    {
        var i = 0;
        while (i < conditions.Length && conditions[i].Test(row) != Truth.True)
            i++;
        return i;
    }
}

/// <summary><c>CASE operand WHEN … THEN …</c>: the operand is computed once; the last value is ELSE's.</summary>
internal sealed class Switch(StaticType type, Node operand, ImmutableArray<Node> labels, ImmutableArray<Node> values)
    : Choice(type, values, values.Any(value => value.IsNullable))
{
    protected override int Choose(scoped in EvaluatedRow row)
    {
        if (!Held.TryLoad(operand, row, out var held))
            return labels.Length;
        var i = 0;
        while (i < labels.Length && !(Held.TryLoad(labels[i], row, out var label) && Held.Compare(operand.Type.Family, held, label) == 0))
            i++;
        return i;
    }
}

/// <summary>A value that is held while others are looked at: computed once, however deep such stand inside each other.</summary>
internal abstract class HeldNode(StaticType type, bool isNullable) : Node(type, isNullable)
{
    protected abstract bool TryHold(scoped in EvaluatedRow row, out Held held);

    public override Truth Test(scoped in EvaluatedRow row) => !TryHold(row, out var held) ? Truth.Unknown : held.Integer != 0 ? Truth.True : Truth.False;

    public override bool TryInteger(scoped in EvaluatedRow row, out long value)
    {
        var there = TryHold(row, out var held);
        value = held.Integer;
        return there;
    }

    public override bool TryExact(scoped in EvaluatedRow row, out ExactNumber value)
    {
        var there = TryHold(row, out var held);
        value = held.Exact;
        return there;
    }

    public override bool TryReal(scoped in EvaluatedRow row, out double value)
    {
        var there = TryHold(row, out var held);
        value = held.Real;
        return there;
    }

    public override bool TryText(scoped in EvaluatedRow row, out ReadOnlySpan<byte> value)
    {
        var there = TryHold(row, out var held);
        value = held.Text;
        return there;
    }
}

/// <summary><c>greatest()</c> and <c>least()</c>: NULL when one of the values is.</summary>
internal sealed class Extreme(StaticType type, ImmutableArray<Node> values, int sign) : HeldNode(type, values.Any(value => value.IsNullable))
{
    protected override bool TryHold(scoped in EvaluatedRow row, out Held held)
    {
        if (!Held.TryLoad(values[0], row, out held))
            return false;
        for (var i = 1; i < values.Length; i++)
        {
            if (!Held.TryLoad(values[i], row, out var value))
                return false;
            if (Held.Compare(Type.Family, value, held) * sign > 0)
                held = value;
        }

        return true;
    }
}

/// <summary><c>nullif(a, b)</c>: a, but NULL when both are equal.</summary>
internal sealed class NullIf(Node value, Node other) : HeldNode(value.Type, isNullable: true)
{
    protected override bool TryHold(scoped in EvaluatedRow row, out Held held) =>
        Held.TryLoad(value, row, out held) && !(Held.TryLoad(other, row, out var same) && Held.Compare(Type.Family, held, same) == 0);
}

/// <summary>The first of its values that is not NULL.</summary>
internal sealed class Coalesce(StaticType type, ImmutableArray<Node> values) : Node(type, values.All(value => value.IsNullable))
{
    public override Truth Test(scoped in EvaluatedRow row)
    {
        foreach (var choice in values)
        {
            if (choice.Test(row) is var truth and not Truth.Unknown)
                return truth;
        }

        return Truth.Unknown;
    }

    public override bool TryInteger(scoped in EvaluatedRow row, out long value)
    {
        value = 0;
        foreach (var choice in values)
        {
            if (choice.TryInteger(row, out value))
                return true;
        }

        return false;
    }

    public override bool TryExact(scoped in EvaluatedRow row, out ExactNumber value)
    {
        value = default;
        foreach (var choice in values)
        {
            if (choice.TryExact(row, out value))
                return true;
        }

        return false;
    }

    public override bool TryReal(scoped in EvaluatedRow row, out double value)
    {
        value = 0;
        foreach (var choice in values)
        {
            if (choice.TryReal(row, out value))
                return true;
        }

        return false;
    }

    public override bool TryText(scoped in EvaluatedRow row, out ReadOnlySpan<byte> value)
    {
        value = default;
        foreach (var choice in values)
        {
            if (choice.TryText(row, out value))
                return true;
        }

        return false;
    }
}
