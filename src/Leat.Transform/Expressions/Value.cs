using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Leat.Changes;

namespace Leat.Transform.Expressions;

/// <summary>Families of values; values of one family compare with each other.</summary>
internal enum ValueType
{
    /// <summary>The word NULL.</summary>
    Null,

    /// <summary>TRUE or FALSE; compares with numbers as 1 and 0.</summary>
    Boolean,

    /// <summary>Integers and decimals.</summary>
    Exact,

    /// <summary>Singles and doubles; an exact number compared with one is made a double first.</summary>
    Real,

    /// <summary>Texts, enum labels, set members joined by commas, and bytes; compared byte by byte.</summary>
    Text,

    /// <summary>Date, or date and time, without zone; ordered by <see cref="Temporal.DateTime"/>.</summary>
    Calendar,

    /// <summary>Instant in microseconds since 1970 UTC.</summary>
    Instant,

    /// <summary>Time of day or span, in microseconds.</summary>
    Time,

    /// <summary>JSON, which has no order and no equality here.</summary>
    Json,
}

/// <summary>One value on its way; which member counts is told by the node's <see cref="Value.Type"/>.</summary>
internal ref struct Scalar
{
    public ExactNumber Exact;
    public double Real;
    public long Ticks;
    public ReadOnlySpan<byte> Text;
}

/// <summary>Something that has a value for each row.</summary>
internal abstract class Value(ValueType type)
{
    public ValueType Type { get; } = type;

    /// <summary>False when the value is NULL.</summary>
    public abstract bool TryGet(ref RowReader row, out Scalar value);
}

internal sealed class NullValue() : Value(ValueType.Null)
{
    public override bool TryGet(ref RowReader row, out Scalar value)
    {
        value = default;
        return false;
    }
}

/// <summary>A value that is the same for every row.</summary>
internal sealed class ConstantValue : Value
{
    private readonly ExactNumber _exact;
    private readonly double _real;
    private readonly long _ticks;
    private readonly byte[]? _text;

    public ConstantValue(ValueType type, ExactNumber exact)
        : base(type)
    {
        _exact = exact;
        _real = exact.ToDouble();
    }

    public ConstantValue(ValueType type, long ticks)
        : base(type) => _ticks = ticks;

    public ConstantValue(string text)
        : base(ValueType.Text) => _text = Encoding.UTF8.GetBytes(text);

    public override bool TryGet(ref RowReader row, out Scalar value)
    {
        value = new() { Exact = _exact, Real = _real, Ticks = _ticks, Text = _text };
        return true;
    }
}

/// <summary>A column of the row.</summary>
internal sealed class ColumnValue(int ordinal, Column column) : Value(TypeOf(column.Kind))
{
    private readonly ImmutableArray<byte[]> _labels = [.. column.Labels.Select(Encoding.UTF8.GetBytes)];

    public int Ordinal { get; } = ordinal;

    public ColumnKind Kind { get; } = column.Kind;

    /// <summary>Whether the column holds whole numbers that fit 64 bits signed.</summary>
    public bool IsSmallInteger =>
        Kind is ColumnKind.Int8 or ColumnKind.UInt8 or ColumnKind.Int16 or ColumnKind.UInt16 or ColumnKind.Int32 or ColumnKind.UInt32
            or ColumnKind.Int64 or ColumnKind.Year;

    public override bool TryGet(ref RowReader row, out Scalar value)
    {
        value = default;
        if (!row.Seek(Ordinal))
            return false;

        switch (Kind)
        {
            case ColumnKind.Int8 or ColumnKind.Int16 or ColumnKind.Int32 or ColumnKind.Int64:
                value.Exact = ExactNumber.Of(row.Int64);
                break;
            case ColumnKind.UInt8 or ColumnKind.UInt16 or ColumnKind.UInt32 or ColumnKind.UInt64 or ColumnKind.Bit or ColumnKind.Year:
                value.Exact = ExactNumber.Of(row.UInt64);
                break;
            case ColumnKind.Decimal:
                value.Exact = ExactNumber.Parse(row.Bytes);
                break;
            case ColumnKind.Float32:
                // The shortest text of a single is what people see and write: 0.1 as a single equals 0.1 in the condition.
                value.Real = double.Parse(row.Single.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
                break;
            case ColumnKind.Float64:
                value.Real = row.Double;
                break;
            case ColumnKind.Date:
                value.Ticks = (long)(row.UInt64 << 37);
                break;
            case ColumnKind.DateTime:
                value.Ticks = (long)row.UInt64;
                break;
            case ColumnKind.Timestamp or ColumnKind.Time:
                value.Ticks = row.Int64;
                break;
            case ColumnKind.Enum:
                value.Text = row.UInt64 is var index && index > 0 && index <= (ulong)_labels.Length ? _labels[(int)index - 1] : [];
                break;
            case ColumnKind.Set:
                value.Text = Members(row.UInt64);
                break;
            default:
                value.Text = row.Bytes;
                break;
        }

        return true;
    }

    private static ValueType TypeOf(ColumnKind kind) => kind switch
    {
        ColumnKind.Float32 or ColumnKind.Float64 => ValueType.Real,
        ColumnKind.String or ColumnKind.Binary or ColumnKind.Enum or ColumnKind.Set => ValueType.Text,
        ColumnKind.Date or ColumnKind.DateTime => ValueType.Calendar,
        ColumnKind.Timestamp => ValueType.Instant,
        ColumnKind.Time => ValueType.Time,
        ColumnKind.Json => ValueType.Json,
        _ => ValueType.Exact,
    };

    private byte[] Members(ulong bits) => Encoding.UTF8.GetBytes(
        string.Join(',', column.Labels.Where((_, member) => (bits >> member & 1) != 0)));
}

/// <summary>A truth value used as a number: 1, 0 or NULL.</summary>
internal sealed class TruthValue(Condition condition) : Value(ValueType.Boolean)
{
    public Condition Condition { get; } = condition;

    public override bool TryGet(ref RowReader row, out Scalar value)
    {
        var truth = Condition.Test(ref row);
        value = new() { Exact = ExactNumber.Of(truth == Truth.True ? 1 : 0), Real = truth == Truth.True ? 1 : 0 };
        return truth != Truth.Unknown;
    }
}

/// <summary>An exact number as a double.</summary>
internal sealed class RealOfExact(Value inner) : Value(ValueType.Real)
{
    public override bool TryGet(ref RowReader row, out Scalar value)
    {
        var there = inner.TryGet(ref row, out value);
        value.Real = there ? value.Exact.ToDouble() : 0;
        return there;
    }
}

/// <summary>An instant as UTC date and time, so that it compares with a column that has no zone.</summary>
internal sealed class CalendarOfInstant(Value inner) : Value(ValueType.Calendar)
{
    public override bool TryGet(ref RowReader row, out Scalar value)
    {
        var there = inner.TryGet(ref row, out value);
        value.Ticks = there ? TemporalText.CalendarOf(value.Ticks) : 0;
        return there;
    }
}
