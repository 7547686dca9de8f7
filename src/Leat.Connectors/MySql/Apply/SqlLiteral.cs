using System.Buffers;
using System.Globalization;
using Leat.Changes;
using Leat.Changes.Formats;

namespace Leat.Connectors.MySql.Apply;

/// <summary>Writes values as literals of a statement, straight as UTF-8 bytes. For a session with utf8mb4, UTC and backslash escapes.</summary>
internal sealed class SqlLiteral
{
    private static readonly SearchValues<byte> Special = SearchValues.Create("'\\\0"u8);

    private readonly ArrayBufferWriter<byte> _labels = new(64);

    /// <summary>Writes the current value of <paramref name="reader"/>, NULL included.</summary>
    public void Write(ref RowReader reader, ArrayBufferWriter<byte> target)
    {
        if (reader.IsNull)
        {
            target.Write("NULL"u8);
            return;
        }

        switch (reader.Column.Kind)
        {
            case ColumnKind.Binary:
                WriteHex(reader.Bytes, target);
                break;
            case ColumnKind.String or ColumnKind.Json:
                WriteText(reader.Bytes, target);
                break;
            case ColumnKind.Enum or ColumnKind.Set:
                WriteLabels(ref reader, target);
                break;
            case ColumnKind.Date or ColumnKind.Time or ColumnKind.DateTime or ColumnKind.Timestamp:
                target.Write("'"u8);
                ValueText.Write(ref reader, target);
                target.Write("'"u8);
                break;
            default:
                ValueText.Write(ref reader, target);
                break;
        }
    }

    /// <summary>
    /// Writes the current value as one that a row is found by. A FLOAT is compared as the double that it is, which its own shortest digits are not.
    /// </summary>
    public void WriteKey(ref RowReader reader, ArrayBufferWriter<byte> target)
    {
        if (reader.IsNull || reader.Column.Kind != ColumnKind.Float32)
        {
            Write(ref reader, target);
            return;
        }

        const int MostBytes = 32;
        ((double)reader.Single).TryFormat(target.GetSpan(MostBytes), out var written, "E16", CultureInfo.InvariantCulture);
        target.Advance(written);
    }

    private static void WriteText(ReadOnlySpan<byte> text, ArrayBufferWriter<byte> target)
    {
        target.Write("'"u8);
        while (true)
        {
            var special = text.IndexOfAny(Special);
            if (special < 0)
                break;
            target.Write(text[..special]);
            target.Write(text[special] switch
            {
                (byte)'\'' => "\\'"u8,
                (byte)'\\' => @"\\"u8,
                _ => @"\0"u8,
            });
            text = text[(special + 1)..];
        }

        target.Write(text);
        target.Write("'"u8);
    }

    private static void WriteHex(ReadOnlySpan<byte> bytes, ArrayBufferWriter<byte> target)
    {
        target.Write("x'"u8);
        var room = target.GetSpan((bytes.Length * 2) + 1);
        Convert.TryToHexString(bytes, room, out var written);
        room[written] = (byte)'\'';
        target.Advance(written + 1);
    }

    // Labels may hold a quote or a backslash; they are short, and escaped like text.
    private void WriteLabels(ref RowReader reader, ArrayBufferWriter<byte> target)
    {
        _labels.ResetWrittenCount();
        ValueText.Write(ref reader, _labels);
        WriteText(_labels.WrittenSpan, target);
    }
}
