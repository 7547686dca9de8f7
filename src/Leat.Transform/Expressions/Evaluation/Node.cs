using System.Diagnostics;

namespace Leat.Transform.Expressions.Evaluation;

/// <summary>SQL's three truth values; AND is the smallest, OR the largest.</summary>
internal enum Truth
{
    False = 0,
    Unknown = 1,
    True = 2,
}

/// <summary>Something that has a value for each row. Immutable. Of the methods a node has the one of its type's family; the others are never called.</summary>
/// <remarks>Each returns false when the value is NULL. A text lives in the row, in the node or in the row's scratch memory, so until the next row.</remarks>
internal abstract class Node(StaticType type, bool isNullable = true)
{
    /// <summary>What it gives.</summary>
    public StaticType Type { get; } = type;

    /// <summary>Whether it may be NULL.</summary>
    public bool IsNullable { get; } = isNullable;

    /// <summary>Boolean.</summary>
    public virtual Truth Test(scoped in EvaluatedRow row) => throw Unfit();

    /// <summary>Integer; Unsigned by its bits; Calendar as <see cref="Changes.Temporal.DateTime"/>; Instant and Time in microseconds.</summary>
    public virtual bool TryInteger(scoped in EvaluatedRow row, out long value) => throw Unfit();

    /// <summary>Exact.</summary>
    public virtual bool TryExact(scoped in EvaluatedRow row, out ExactNumber value) => throw Unfit();

    /// <summary>Real; never infinite nor NaN.</summary>
    public virtual bool TryReal(scoped in EvaluatedRow row, out double value) => throw Unfit();

    /// <summary>Text and Json.</summary>
    public virtual bool TryText(scoped in EvaluatedRow row, out ReadOnlySpan<byte> value) => throw Unfit();

    private UnreachableException Unfit() => new($"{GetType().Name} is a {Type.Family}");
}
