using System.Buffers;
using Leat.Changes;
using Leat.Changes.Formats;

namespace Leat.Transform.Plan;

/// <summary>Writes values of one column into another of the same meaning, whose type is wider, or was changed.</summary>
/// <remarks>
/// What has no such value there (a text that is no number, a number out of range, a label that is none) is not written. Integers go without allocating;
/// the others by their canonical text.
/// </remarks>
internal static class ValueConversion
{
    /// <summary>Whether the bytes of the one are values of the other.</summary>
    public static bool IsSame(Column from, Column to) =>
        from.Kind == to.Kind
        && (from.Kind != ColumnKind.Decimal || from.Scale == to.Scale)
        && from.Labels.Length <= to.Labels.Length && from.Labels.AsSpan().SequenceEqual(to.Labels.AsSpan(0, from.Labels.Length));

    /// <summary>Writes the reader's current value, which is not NULL.</summary>
    /// <returns>False, with nothing written, when the column has no such value.</returns>
    public static bool TryWrite(ref RowReader from, Column to, RowBuilder target)
    {
        var column = from.Column;
        if (IsSame(column, to))
        {
            target.Copy(ref from);
            return true;
        }

        if (IsInteger(column.Kind) && IsInteger(to.Kind))
            return TryInteger(IsSigned(column.Kind) ? from.Int64 : from.UInt64, to.Kind, target);
        if (to.Kind == ColumnKind.Binary && column.Kind == ColumnKind.String)
        {
            target.WriteBytes(from.Bytes);
            return true;
        }

        return ValueText.Of(ref from) is { } text && TryText(AsTextOf(text, column, to), to, target);
    }

    /// <summary>Whether some values of the one are values of the other: kinds of one family, or anything as a text.</summary>
    public static bool CanBe(Column from, Column to) => to.Kind is ColumnKind.String or ColumnKind.Json || Family(from.Kind) == Family(to.Kind);

    private static int Family(ColumnKind kind) => kind switch
    {
        >= ColumnKind.Int8 and <= ColumnKind.Decimal or ColumnKind.Year or ColumnKind.Bit => 1,
        ColumnKind.String or ColumnKind.Enum or ColumnKind.Set or ColumnKind.Binary => 2,
        ColumnKind.Date or ColumnKind.DateTime or ColumnKind.Timestamp => 3,
        _ => 100 + (int)kind,
    };

    /// <summary>Whether values are whole numbers in two's complement or unsigned.</summary>
    public static bool IsInteger(ColumnKind kind) => kind is >= ColumnKind.Int8 and <= ColumnKind.UInt64;

    /// <summary>Whether an integer has a sign.</summary>
    public static bool IsSigned(ColumnKind kind) => kind is ColumnKind.Int8 or ColumnKind.Int16 or ColumnKind.Int32 or ColumnKind.Int64;

    private static bool TryInteger(Int128 value, ColumnKind to, RowBuilder target)
    {
        var (least, most) = to switch
        {
            ColumnKind.Int8 => (sbyte.MinValue, (Int128)sbyte.MaxValue),
            ColumnKind.UInt8 => (0, byte.MaxValue),
            ColumnKind.Int16 => (short.MinValue, short.MaxValue),
            ColumnKind.UInt16 => (0, ushort.MaxValue),
            ColumnKind.Int32 => (int.MinValue, int.MaxValue),
            ColumnKind.UInt32 => (0, uint.MaxValue),
            ColumnKind.Int64 => (long.MinValue, long.MaxValue),
            _ => ((Int128)0, (Int128)ulong.MaxValue),
        };
        if (value < least || value > most)
            return false;
        var bits = unchecked((ulong)value);
        switch (EncodedRow.WidthOf(to))
        {
            case 1:
                target.WriteByte((byte)bits);
                break;
            case 2:
                target.WriteUInt16((ushort)bits);
                break;
            case 4:
                target.WriteUInt32((uint)bits);
                break;
            default:
                target.WriteUInt64(bits);
                break;
        }

        return true;
    }

    // The canonical text of the same value in the other type.
    private static string AsTextOf(string text, Column from, Column to)
    {
        if (to.Kind is ColumnKind.DateTime or ColumnKind.Timestamp && from.Kind == ColumnKind.Date)
            return text + " 00:00:00";
        if (to.Kind != ColumnKind.Decimal && !IsInteger(to.Kind))
            return text;

        // A decimal has exactly its column's digits behind the point; only zeros are left out, or added.
        var point = text.IndexOf('.', StringComparison.Ordinal);
        var (whole, fraction) = point < 0 ? (text, "") : (text[..point], text[(point + 1)..].TrimEnd('0'));
        var scale = to.Kind == ColumnKind.Decimal ? to.Scale : 0;
        return fraction.Length > scale ? text : scale == 0 ? whole : $"{whole}.{fraction.PadRight(scale, '0')}";
    }

    private static bool TryText(string text, Column to, RowBuilder target)
    {
        const int MostFixedBytes = 32;
        var bytes = ArrayPool<byte>.Shared.Rent(MostFixedBytes + System.Text.Encoding.UTF8.GetMaxByteCount(text.Length));
        try
        {
            var writer = new RowWriter(bytes, columns: 1);
            if (!ValueParser.TryWrite(to, text, ref writer))
                return false;
            var reader = new RowReader(new TableSchema(default, [to], []), bytes.AsSpan(0, writer.WrittenBytes));
            reader.Seek(0);
            target.Copy(ref reader);
            return true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }
}
