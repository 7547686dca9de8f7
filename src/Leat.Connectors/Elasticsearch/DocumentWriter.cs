using System.Buffers.Text;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Connectors.Elasticsearch.Wire;

namespace Leat.Connectors.Elasticsearch;

/// <summary>Writes the rows of one shape as JSON documents, straight from their bytes. The forms: TYPES.md.</summary>
internal sealed class DocumentWriter
{
    private const int MostScalarBytes = 48;
    private const int MostDepth = 1000; // MySQL takes 100 levels, the servers 1000

    private readonly Shape _shape;
    private readonly bool _decimalsAsNumbers;
    private readonly bool _zeroDatesAsText;
    private readonly byte[][] _names;
    private readonly byte[][][] _labels;
    private readonly byte[]? _joinName;
    private readonly bool _isChild;
    private readonly byte[]? _softDelete;

    public DocumentWriter(Shape shape, ElasticsearchSinkOptions options)
    {
        _shape = shape;
        _decimalsAsNumbers = options.DecimalsAsNumbers;
        _zeroDatesAsText = options.ZeroDatesAsText;
        _names = [.. shape.Columns.Select(column => Member(column.Name))];
        _labels = [.. shape.Columns.Select(column => shape.Schema.Columns[column.Ordinal].Labels.Select(Quoted).ToArray())];
        if (options.Join is { } join && join.Tables.TryGetValue(shape.Alias, out var table))
        {
            _isChild = table.Parent is not null;
            byte[] name = [.. Member(join.Field), .. _isChild ? "{\"name\":"u8 : default, .. Quoted(table.Name)];
            _joinName = name;
        }

        if (options.SoftDelete is { } mark)
            _softDelete = [.. Member(mark.Field), .. Encoding.UTF8.GetBytes(mark.Json)];
    }

    /// <summary>Writes a row as an object; columns that are absent from it are left out.</summary>
    /// <param name="row">The encoded row.</param>
    /// <param name="parent">The parent's id, for a child of a join.</param>
    /// <param name="deleted">Whether the document gets the mark of a row that is gone.</param>
    /// <param name="target">Where to.</param>
    public void Write(ReadOnlySpan<byte> row, ReadOnlySpan<byte> parent, bool deleted, JsonBuffer target)
    {
        var reader = new RowReader(_shape.Schema, row);
        var start = target.Length;
        for (var i = 0; i < _names.Length; i++)
        {
            reader.Seek(_shape.Columns[i].Ordinal);
            if (reader.IsAbsent)
                continue;
            target.Raw(_names[i]);
            if (reader.IsNull)
                target.Raw("null"u8);
            else
                WriteValue(ref reader, i, target);
        }

        if (_joinName is not null)
            WriteJoin(parent, target);
        if (deleted && _softDelete is not null)
            target.Raw(_softDelete);
        Close(start, target);
    }

    /// <summary>Writes an object that has the mark of a row that is gone and nothing else.</summary>
    public void WriteMark(JsonBuffer target)
    {
        var start = target.Length;
        target.Raw(_softDelete);
        Close(start, target);
    }

    /// <summary>Writes an object that sets every column beside the key to null.</summary>
    public void WriteCleared(JsonBuffer target)
    {
        var start = target.Length;
        for (var i = 0; i < _names.Length; i++)
        {
            if (_shape.Key.Contains(_shape.Columns[i].Ordinal))
                continue;
            target.Raw(_names[i]);
            target.Raw("null"u8);
        }

        Close(start, target);
    }

    // Every member begins with a comma; the first one's place is the brace's.
    private static void Close(int start, JsonBuffer target)
    {
        if (target.Length == start)
            target.Raw((byte)'{');
        else
            target.Replace(start, (byte)'{');
        target.Raw((byte)'}');
    }

    private void WriteJoin(ReadOnlySpan<byte> parent, JsonBuffer target)
    {
        target.Raw(_joinName);
        if (!_isChild)
            return;
        target.Raw(",\"parent\":"u8);
        target.Text(parent);
        target.Raw((byte)'}');
    }

    private void WriteValue(ref RowReader row, int column, JsonBuffer target)
    {
        switch (row.Column.Kind)
        {
            case ColumnKind.Int8 or ColumnKind.Int16 or ColumnKind.Int32 or ColumnKind.Int64:
                target.Number(row.Int64);
                break;
            case ColumnKind.UInt8 or ColumnKind.UInt16 or ColumnKind.UInt32 or ColumnKind.UInt64 or ColumnKind.Bit or ColumnKind.Year:
                target.Number(row.UInt64);
                break;
            case ColumnKind.String:
                target.Text(row.Bytes);
                break;
            case ColumnKind.Decimal:
                WriteDecimal(row.Bytes, target);
                break;
            case ColumnKind.Float32 or ColumnKind.Float64:
                WriteFloat(ref row, target);
                break;
            case ColumnKind.Binary:
                WriteBase64(row.Bytes, target);
                break;
            case ColumnKind.Json:
                WriteDocument(row.Bytes, target);
                break;
            case ColumnKind.Enum:
                var index = (int)row.UInt64;
                target.Raw(index > 0 && index <= _labels[column].Length ? _labels[column][index - 1] : "\"\""u8);
                break;
            case ColumnKind.Set:
                WriteMembers(row.UInt64, _labels[column], target);
                break;
            default:
                WriteTemporal(ref row, target);
                break;
        }
    }

    private void WriteDecimal(ReadOnlySpan<byte> digits, JsonBuffer target)
    {
        if (_decimalsAsNumbers)
            target.Raw(digits);
        else
            target.Text(digits);
    }

    // JSON has no number that is not finite; the text lets the server say what it thinks of it.
    private static void WriteFloat(ref RowReader row, JsonBuffer target)
    {
        var isSingle = row.Column.Kind == ColumnKind.Float32;
        var isFinite = isSingle ? float.IsFinite(row.Single) : double.IsFinite(row.Double);
        var room = target.Room(MostScalarBytes);
        int written;
        var at = isFinite ? 0 : 1;
        room[0] = (byte)'"';
        if (isSingle)
            row.Single.TryFormat(room[at..], out written, default, CultureInfo.InvariantCulture);
        else
            row.Double.TryFormat(room[at..], out written, default, CultureInfo.InvariantCulture);
        target.Advance(at + written);
        if (!isFinite)
            target.Raw((byte)'"');
    }

    private static void WriteBase64(ReadOnlySpan<byte> bytes, JsonBuffer target)
    {
        target.Raw((byte)'"');
        Base64.EncodeToUtf8(bytes, target.Room(Base64.GetMaxEncodedToUtf8Length(bytes.Length)), out _, out var written);
        target.Advance(written);
        target.Raw((byte)'"');
    }

    private static void WriteMembers(ulong members, byte[][] labels, JsonBuffer target)
    {
        target.Raw((byte)'[');
        var first = true;
        for (var i = 0; i < labels.Length; i++)
        {
            if ((members >> i & 1) == 0)
                continue;
            if (!first)
                target.Raw((byte)',');
            first = false;
            target.Raw(labels[i]);
        }

        target.Raw((byte)']');
    }

    private void WriteTemporal(ref RowReader row, JsonBuffer target)
    {
        var kind = row.Column.Kind;
        var isDay = kind switch
        {
            ColumnKind.Date => TemporalText.IsCalendarDay((uint)row.UInt64),
            ColumnKind.DateTime => TemporalText.IsCalendarDay((uint)(row.UInt64 >> 37)),
            ColumnKind.Timestamp => row.Int64 != Temporal.ZeroTimestamp,
            _ => true,
        };
        if (!isDay && !_zeroDatesAsText)
        {
            target.Raw("null"u8);
            return;
        }

        var room = target.Room(MostScalarBytes);
        room[0] = (byte)'"';
        var text = room[1..];
        var scale = row.Column.Scale;
        var separator = isDay ? (byte)'T' : (byte)' ';
        var length = kind switch
        {
            ColumnKind.Date => TemporalText.WriteDate((uint)row.UInt64, text),
            ColumnKind.Time => TemporalText.WriteTime(row.Int64, scale, text),
            ColumnKind.DateTime => TemporalText.WriteDateTime(row.UInt64, scale, separator, text),
            _ => TemporalText.WriteTimestamp(row.Int64, scale, separator, text),
        };
        if (kind == ColumnKind.Timestamp && isDay)
            text[length++] = (byte)'Z';
        text[length] = (byte)'"';
        target.Advance(length + 2);
    }

    // A MariaDB JSON column may hold text that only MariaDB takes for JSON: it becomes a string. A line break can only stand between the parts
    // of a document, where a space says the same; in a _bulk body it would end the line.
    private static void WriteDocument(ReadOnlySpan<byte> text, JsonBuffer target)
    {
        if (!IsDocument(text))
        {
            target.Text(text);
            return;
        }

        var start = target.Length;
        target.Raw(text);
        if (text.ContainsAny((byte)'\n', (byte)'\r'))
            target.ReplaceBreaks(start);
    }

    private static bool IsDocument(ReadOnlySpan<byte> text)
    {
        try
        {
            var reader = new Utf8JsonReader(text, new JsonReaderOptions { MaxDepth = MostDepth });
            while (reader.Read())
            {
                // Reading to the end is the test.
            }

            return reader.BytesConsumed > 0;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static byte[] Quoted(string text)
    {
        var buffer = new JsonBuffer(64);
        buffer.Text(Encoding.UTF8.GetBytes(text));
        return buffer.Written.ToArray();
    }

    private static byte[] Member(string name) => [(byte)',', .. Quoted(name), (byte)':'];
}
