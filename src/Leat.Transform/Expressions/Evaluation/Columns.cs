using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Leat.Changes;

namespace Leat.Transform.Expressions.Evaluation;

/// <summary>The value of one column.</summary>
internal sealed class ColumnNode(int ordinal, int slot, Column column) : Node(StaticType.Of(column), column.Nullable)
{
    private readonly ColumnKind _kind = column.Kind;
    private readonly ImmutableArray<byte[]> _labels = [.. column.Labels.Select(Encoding.UTF8.GetBytes)];

    /// <summary>Where the row tells it.</summary>
    public int Slot { get; } = slot;

    /// <summary>Which column of the row.</summary>
    public int Ordinal { get; } = ordinal;

    /// <summary>The column itself.</summary>
    public Column Column { get; } = column;

    public override bool TryInteger(scoped in EvaluatedRow row, out long value)
    {
        if (!row.TryGet(Slot, out var bytes))
        {
            value = 0;
            return false;
        }

        value = _kind switch
        {
            ColumnKind.Int32 => BinaryPrimitives.ReadInt32LittleEndian(bytes),
            ColumnKind.Int64 or ColumnKind.UInt64 or ColumnKind.DateTime or ColumnKind.Timestamp or ColumnKind.Time or ColumnKind.Bit => BinaryPrimitives.ReadInt64LittleEndian(bytes),
            ColumnKind.UInt32 => BinaryPrimitives.ReadUInt32LittleEndian(bytes),
            ColumnKind.Int8 => (sbyte)bytes[0],
            ColumnKind.UInt8 => bytes[0],
            ColumnKind.Int16 => BinaryPrimitives.ReadInt16LittleEndian(bytes),
            ColumnKind.Date => Moments.Pack(BinaryPrimitives.ReadUInt32LittleEndian(bytes), 0),
            _ => BinaryPrimitives.ReadUInt16LittleEndian(bytes),
        };
        return true;
    }

    public override bool TryExact(scoped in EvaluatedRow row, out ExactNumber value)
    {
        var there = row.TryGet(Slot, out var bytes);
        value = there ? ExactNumber.Parse(bytes) : default;
        return there;
    }

    public override bool TryReal(scoped in EvaluatedRow row, out double value)
    {
        value = 0;
        if (!row.TryGet(Slot, out var bytes))
            return false;
        if (_kind == ColumnKind.Float64)
        {
            value = BinaryPrimitives.ReadDoubleLittleEndian(bytes);
            return double.IsFinite(value);
        }

        // The shortest text of a single is what people see and write: 0.1 as a single equals 0.1 in an expression.
        Span<byte> text = stackalloc byte[32];
        var single = BinaryPrimitives.ReadSingleLittleEndian(bytes);
        single.TryFormat(text, out var written, default, CultureInfo.InvariantCulture);
        value = float.IsFinite(single) ? double.Parse(text[..written], NumberStyles.Float, CultureInfo.InvariantCulture) : 0;
        return float.IsFinite(single);
    }

    public override bool TryText(scoped in EvaluatedRow row, out ReadOnlySpan<byte> value)
    {
        if (!row.TryGet(Slot, out value))
            return false;
        if (_kind == ColumnKind.Enum)
            value = BinaryPrimitives.ReadUInt16LittleEndian(value) is var index and > 0 && index <= _labels.Length ? _labels[index - 1] : [];
        else if (_kind == ColumnKind.Set)
            value = Members(BinaryPrimitives.ReadUInt64LittleEndian(value), row.Scratch);
        return true;
    }

    private ReadOnlySpan<byte> Members(ulong bits, Scratch scratch)
    {
        var length = 0;
        for (var i = 0; i < _labels.Length; i++)
            length += (bits >> i & 1) != 0 ? _labels[i].Length + 1 : 0;
        if (length == 0)
            return [];
        var text = scratch.Take(length);
        var at = 0;
        for (var i = 0; i < _labels.Length; i++)
        {
            if ((bits >> i & 1) == 0)
                continue;
            _labels[i].CopyTo(text[at..]);
            at += _labels[i].Length;
            text[at++] = (byte)',';
        }

        return text[..(length - 1)];
    }
}
