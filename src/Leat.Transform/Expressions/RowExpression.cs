using System.Collections.Immutable;
using Leat.Changes;
using Leat.Transform.Expressions.Evaluation;

namespace Leat.Transform.Expressions;

/// <summary>A value that is computed for rows of one shape. Immutable; safe from many threads.</summary>
/// <remarks>What cannot be computed, such as a division by zero or a number that has no room, is NULL: no row makes it throw.</remarks>
public sealed class RowExpression
{
    // The longest scalar is a decimal of 65 digits with sign, point and leading zero.
    private const int MostDecimalBytes = 80;

    private readonly Node _value;
    private readonly RowLayout _layout;
    private readonly int _width;

    internal RowExpression(TableSchema schema, Node value, RowLayout layout, ImmutableArray<int> columns)
    {
        Schema = schema;
        Columns = columns;
        _value = value;
        _layout = layout;
        Result = ResultOf(value);
        _width = EncodedRow.WidthOf(Result.Kind);
    }

    /// <summary>The shape of the rows.</summary>
    public TableSchema Schema { get; }

    /// <summary>What it gives: kind, precision, scale, whether it may be NULL; for a column alone all of that column. Its name is empty.</summary>
    public Column Result { get; }

    /// <summary>Ordinals of the columns that it looks at, rising. It cannot be computed for a row that lacks one of them.</summary>
    public ImmutableArray<int> Columns { get; }

    /// <summary>Computes the value of an encoded row and writes it as the next column of <paramref name="target"/>.</summary>
    /// <returns>False when it is NULL, which is written, too.</returns>
    public bool Append(ReadOnlySpan<byte> row, RowBuilder target)
    {
        var located = _layout.Locate(row, Scratch.Begin());
        var there = _value is ColumnNode column ? Copy(located, column, target) : Write(located, target);
        if (!there)
            target.WriteNull();
        return there;
    }

    // A column alone keeps its bytes: labels, spaces, digits and all.
    private bool Copy(scoped in EvaluatedRow row, ColumnNode column, RowBuilder target)
    {
        if (!row.TryGet(column.Slot, out var bytes))
            return false;
        if (_width < 0)
            target.WriteBytes(bytes);
        else
            target.WriteFixed(bytes);
        return true;
    }

    private bool Write(scoped in EvaluatedRow row, RowBuilder target)
    {
        switch (_value.Type.Family)
        {
            case Family.Null:
                return false;
            case Family.Boolean:
                var truth = _value.Test(row);
                if (truth != Truth.Unknown)
                    target.WriteByte((byte)(truth == Truth.True ? 1 : 0));
                return truth != Truth.Unknown;
            case Family.Exact:
                return WriteExact(row, target);
            case Family.Real:
                if (!_value.TryReal(row, out var real))
                    return false;
                target.WriteUInt64(BitConverter.DoubleToUInt64Bits(real));
                return true;
            case Family.Text or Family.Json:
                if (!_value.TryText(row, out var text))
                    return false;
                target.WriteBytes(text);
                return true;
            default:
                if (!_value.TryInteger(row, out var integer))
                    return false;
                if (Result.Kind == ColumnKind.Date)
                    target.WriteUInt32(Moments.DateOf(integer));
                else
                    target.WriteUInt64((ulong)integer);
                return true;
        }
    }

    private bool WriteExact(scoped in EvaluatedRow row, RowBuilder target)
    {
        if (!_value.TryExact(row, out var exact))
            return false;
        exact = exact.WithScale(Result.Scale);
        if (!exact.HasDigits(Result.Precision))
            return false;
        var digits = target.GetSpan(MostDecimalBytes);
        target.Advance(exact.Format(digits));
        return true;
    }

    private static Column ResultOf(Node value)
    {
        if (value is ColumnNode column)
            return column.Column with { Name = "" };
        var type = value.Type;
        return new()
        {
            Name = "",
            Kind = type.Family == Family.Integer ? ColumnKind.Int64 : type.Kind,
            Nullable = value.IsNullable,
            Precision = type.Family == Family.Exact ? type.Precision : 0,
            Scale = type.Scale,
        };
    }
}
