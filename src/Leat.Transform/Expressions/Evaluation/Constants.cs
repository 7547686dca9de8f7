namespace Leat.Transform.Expressions.Evaluation;

/// <summary>The word NULL, in whatever family is asked for.</summary>
internal sealed class NullNode(StaticType type) : Node(type)
{
    public override Truth Test(scoped in EvaluatedRow row) => Truth.Unknown;

    public override bool TryInteger(scoped in EvaluatedRow row, out long value)
    {
        value = 0;
        return false;
    }

    public override bool TryExact(scoped in EvaluatedRow row, out ExactNumber value)
    {
        value = default;
        return false;
    }

    public override bool TryReal(scoped in EvaluatedRow row, out double value)
    {
        value = 0;
        return false;
    }

    public override bool TryText(scoped in EvaluatedRow row, out ReadOnlySpan<byte> value)
    {
        value = default;
        return false;
    }
}

internal sealed class BooleanConstant(bool value) : Node(StaticType.Boolean, isNullable: false)
{
    public override Truth Test(scoped in EvaluatedRow row) => value ? Truth.True : Truth.False;
}

/// <summary>A whole number, a date, an instant or a time, by its bits.</summary>
internal sealed class IntegerConstant(StaticType type, long value) : Node(type, isNullable: false)
{
    public long Value { get; } = value;

    public override bool TryInteger(scoped in EvaluatedRow row, out long result)
    {
        result = Value;
        return true;
    }
}

internal sealed class ExactConstant(StaticType type, ExactNumber value) : Node(type, isNullable: false)
{
    public ExactNumber Value { get; } = value;

    public override bool TryExact(scoped in EvaluatedRow row, out ExactNumber result)
    {
        result = Value;
        return true;
    }
}

internal sealed class RealConstant(double value) : Node(StaticType.Real, isNullable: false)
{
    public override bool TryReal(scoped in EvaluatedRow row, out double result)
    {
        result = value;
        return true;
    }
}

/// <summary>A text, JSON text, or bytes.</summary>
internal sealed class TextConstant(StaticType type, byte[] value) : Node(type, isNullable: false)
{
    public byte[] Value { get; } = value;

    public override bool TryText(scoped in EvaluatedRow row, out ReadOnlySpan<byte> result)
    {
        result = Value;
        return true;
    }
}
