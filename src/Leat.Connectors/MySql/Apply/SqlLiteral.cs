using System.Buffers;
using System.Globalization;
using System.Text;
using Leat.Changes;
using Leat.Changes.Formats;

namespace Leat.Connectors.MySql.Apply;

/// <summary>Writes values as literals of a statement, straight as UTF-8 bytes. For a session with utf8mb4, UTC and backslash escapes.</summary>
internal sealed class SqlLiteral
{
    private static readonly SearchValues<byte> Special = SearchValues.Create("'\\\0"u8);

    private readonly ArrayBufferWriter<byte> _labels = new(64);

    /// <summary>Bytes that are enough for the literals of one row beside twice its encoded length: scalars and quotes, labels with each byte escaped.</summary>
    public static int RoomFor(TableSchema schema) => schema.Columns.Sum(RoomOf);

    /// <summary>Adds the current value of <paramref name="reader"/>, NULL included, to a statement.</summary>
    public void Write(ref RowReader reader, ArrayBufferWriter<byte> target) =>
        target.Advance(Write(ref reader, target.GetSpan(RoomOf(reader.Column) + (2 * reader.Bytes.Length))));

    /// <summary>Writes the current value of <paramref name="reader"/>, NULL included, and returns how many bytes it takes.</summary>
    /// <param name="reader">The value.</param>
    /// <param name="target">Room as <see cref="RoomFor"/> says.</param>
    public int Write(ref RowReader reader, Span<byte> target)
    {
        if (reader.IsNull)
        {
            "NULL"u8.CopyTo(target);
            return 4;
        }

        switch (reader.Column.Kind)
        {
            case ColumnKind.Binary:
                return WriteHex(reader.Bytes, target);
            case ColumnKind.String or ColumnKind.Json:
                return WriteText(reader.Bytes, target);
            case ColumnKind.Enum or ColumnKind.Set:
                return WriteLabels(ref reader, target);
            case ColumnKind.Decimal:
                reader.Bytes.CopyTo(target);
                return reader.Bytes.Length;
            case ColumnKind.Date or ColumnKind.Time or ColumnKind.DateTime or ColumnKind.Timestamp:
                var end = ValueText.WriteScalar(ref reader, target[1..]) + 1;
                (target[0], target[end]) = ((byte)'\'', (byte)'\'');
                return end + 1;
            case ColumnKind.Float32 or ColumnKind.Float64:
                return WriteFloat(ref reader, target);
            default:
                return ValueText.WriteScalar(ref reader, target);
        }
    }

    /// <summary>
    /// Writes the current value as one that a row is found by. A FLOAT is compared as the double that it is, which its own shortest digits are not.
    /// </summary>
    public int WriteKey(ref RowReader reader, Span<byte> target)
    {
        if (reader.IsNull || reader.Column.Kind != ColumnKind.Float32)
            return Write(ref reader, target);
        ((double)reader.Single).TryFormat(target, out var written, "E16", CultureInfo.InvariantCulture);
        return written;
    }

    private static int RoomOf(Column column)
    {
        const int QuotesAndComma = 4;
        return ValueText.MostScalarBytes + QuotesAndComma + column.Labels.Sum(label => (2 * Encoding.UTF8.GetByteCount(label)) + 1);
    }

    private static int WriteText(ReadOnlySpan<byte> text, Span<byte> target)
    {
        target[0] = (byte)'\'';
        var at = 1;
        while (true)
        {
            var special = text.IndexOfAny(Special);
            if (special < 0)
                break;
            text[..special].CopyTo(target[at..]);
            at += special;
            target[at++] = (byte)'\\';
            target[at++] = text[special] == 0 ? (byte)'0' : text[special];
            text = text[(special + 1)..];
        }

        text.CopyTo(target[at..]);
        at += text.Length;
        target[at] = (byte)'\'';
        return at + 1;
    }

    // A minus before a number is an operation, after which nothing is left of a zero's sign; as text it is read with it.
    private static int WriteFloat(ref RowReader reader, Span<byte> target)
    {
        var written = ValueText.WriteScalar(ref reader, target);
        if (!target[..written].SequenceEqual("-0"u8))
            return written;
        "'-0'"u8.CopyTo(target);
        return 4;
    }

    private static int WriteHex(ReadOnlySpan<byte> bytes, Span<byte> target)
    {
        "x'"u8.CopyTo(target);
        Convert.TryToHexString(bytes, target[2..], out var written);
        target[written + 2] = (byte)'\'';
        return written + 3;
    }

    // Labels may hold a quote or a backslash; they are short, and escaped like text.
    private int WriteLabels(ref RowReader reader, Span<byte> target)
    {
        _labels.ResetWrittenCount();
        ValueText.Write(ref reader, _labels);
        return WriteText(_labels.WrittenSpan, target);
    }
}
