using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text;
using static Leat.Changes.Formats.TemporalText;

namespace Leat.Changes.Formats;

/// <summary>The canonical text of a value: what a person would read in the source's own client, the same for the same value everywhere.</summary>
/// <remarks>
/// <code>
/// integers, Bit     decimal digits                    Date        2024-01-31, zero and partial dates as they are: 0000-00-00
/// Decimal           its digits as the source has them Time        -12:34:56.000001, fraction of Scale digits
/// Float32, Float64  shortest text that reads back     DateTime    2024-01-31 12:00:00.123456, fraction of Scale digits
/// String, Json      as it is                          Timestamp   the same, in UTC
/// Enum              its label; '' for index 0         Year        four digits
/// Set               labels joined by ','              Binary      its raw bytes; in the string form base64
/// </code>
/// Written as UTF-8 without allocating; a NULL has no text, the caller asks for it first.
/// </remarks>
public static class ValueText
{
    /// <summary>Most bytes of the text of a value of a fixed width that is neither an Enum nor a Set.</summary>
    public const int MostScalarBytes = 40;

    /// <summary>Writes the current value of <paramref name="reader"/>, which is not NULL.</summary>
    public static void Write(ref RowReader reader, IBufferWriter<byte> target)
    {
        var column = reader.Column;
        switch (column.Kind)
        {
            case ColumnKind.String or ColumnKind.Json or ColumnKind.Decimal or ColumnKind.Binary:
                target.Write(reader.Bytes);
                break;
            case ColumnKind.Enum:
                WriteLabel(column, (int)reader.UInt64, target);
                break;
            case ColumnKind.Set:
                WriteLabels(column, reader.UInt64, target);
                break;
            default:
                target.Advance(WriteScalar(ref reader, column, target.GetSpan(MostScalarBytes)));
                break;
        }
    }

    /// <summary>Writes a value of a fixed width that is neither an Enum nor a Set, and returns how many bytes it takes.</summary>
    /// <param name="reader">Its current value, which is not NULL.</param>
    /// <param name="target">At least <see cref="MostScalarBytes"/>.</param>
    public static int WriteScalar(ref RowReader reader, Span<byte> target) => WriteScalar(ref reader, reader.Column, target);

    /// <summary>The same as a string, Binary as base64; <see langword="null"/> for NULL. For comparison and for people, not for the hot path.</summary>
    public static string? Of(ref RowReader reader)
    {
        if (reader.IsNull)
            return null;
        if (reader.Column.Kind == ColumnKind.Binary)
            return Convert.ToBase64String(reader.Bytes);

        var text = new ArrayBufferWriter<byte>();
        Write(ref reader, text);
        return Encoding.UTF8.GetString(text.WrittenSpan);
    }

    /// <summary>The label of an enum's index; empty for index 0 and for one that the shape does not know.</summary>
    internal static string LabelOf(Column column, int index) => index > 0 && index <= column.Labels.Length ? column.Labels[index - 1] : "";

    // Everything that fits into forty bytes of ASCII.
    private static int WriteScalar(ref RowReader reader, Column column, Span<byte> target)
    {
        switch (column.Kind)
        {
            case ColumnKind.Int8 or ColumnKind.Int16 or ColumnKind.Int32 or ColumnKind.Int64:
                reader.Int64.TryFormat(target, out var written, default, CultureInfo.InvariantCulture);
                return written;
            case ColumnKind.Float32:
                reader.Single.TryFormat(target, out written, default, CultureInfo.InvariantCulture);
                return written;
            case ColumnKind.Float64:
                reader.Double.TryFormat(target, out written, default, CultureInfo.InvariantCulture);
                return written;
            case ColumnKind.Date:
                return WriteDate((uint)reader.UInt64, target);
            case ColumnKind.Time:
                return WriteTime(reader.Int64, column.Scale, target);
            case ColumnKind.DateTime:
                return WriteDateTime(reader.UInt64, column.Scale, (byte)' ', target);
            case ColumnKind.Timestamp:
                return WriteTimestamp(reader.Int64, column.Scale, (byte)' ', target);
            case ColumnKind.Year:
                Utf8Formatter.TryFormat(reader.UInt64, target, out written, new('D', 4));
                return written;
            default:
                Utf8Formatter.TryFormat(reader.UInt64, target, out written);
                return written;
        }
    }

    private static void WriteLabel(Column column, int index, IBufferWriter<byte> target) =>
        Encoding.UTF8.GetBytes(LabelOf(column, index), target);

    private static void WriteLabels(Column column, ulong members, IBufferWriter<byte> target)
    {
        var first = true;
        for (var i = 0; i < column.Labels.Length; i++)
        {
            if ((members >> i & 1) == 0)
                continue;
            if (!first)
                target.Write(","u8);
            first = false;
            Encoding.UTF8.GetBytes(column.Labels[i], target);
        }
    }
}
