using Leat.Changes;

namespace Leat.Transform.Plan.Documents;

/// <summary>The order of values of one column: numbers and times by value, an Enum by its index, text and bytes by their bytes. NULL comes first.</summary>
internal static class ValueOrder
{
    /// <summary>Compares the current values of two readers, which stand at the same column.</summary>
    public static int Compare(ref RowReader left, ref RowReader right)
    {
        if (left.IsNull || right.IsNull)
            return (left.IsNull ? 0 : 1) - (right.IsNull ? 0 : 1);
        switch (left.Column.Kind)
        {
            case ColumnKind.Int8 or ColumnKind.Int16 or ColumnKind.Int32 or ColumnKind.Int64 or ColumnKind.Time or ColumnKind.Timestamp:
                return left.Int64.CompareTo(right.Int64);
            case ColumnKind.Float32:
                return left.Single.CompareTo(right.Single);
            case ColumnKind.Float64:
                return left.Double.CompareTo(right.Double);
            case ColumnKind.Decimal:
                return CompareDecimals(left.Bytes, right.Bytes);
            case ColumnKind.String or ColumnKind.Binary or ColumnKind.Json:
                return left.Bytes.SequenceCompareTo(right.Bytes);
            default:
                return left.UInt64.CompareTo(right.UInt64);
        }
    }

    // Both have the digits of one column behind the point, so that the longer one is the larger once leading zeros are gone.
    private static int CompareDecimals(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        var (leftNegative, rightNegative) = (left[0] == (byte)'-', right[0] == (byte)'-');
        left = left.TrimStart("-0"u8);
        right = right.TrimStart("-0"u8);
        var magnitude = left.Length != right.Length ? left.Length.CompareTo(right.Length) : left.SequenceCompareTo(right);
        if (leftNegative == rightNegative)
            return leftNegative ? -magnitude : magnitude;
        return IsZero(left) && IsZero(right) ? 0 : leftNegative ? -1 : 1;
    }

    private static bool IsZero(ReadOnlySpan<byte> digits) => !digits.ContainsAnyInRange((byte)'1', (byte)'9');
}
