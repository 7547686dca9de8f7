using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text.Encodings.Web;
using System.Text.Json;
using Leat.Changes;
using Leat.Changes.Formats;

namespace Leat.Connectors.Redis.Write;

/// <summary>Rows as JSON objects of the delivered columns. Has a buffer of its own: one user at a time.</summary>
[SuppressMessage("Design", "CA1001", Justification = "The writer holds nothing but a buffer of ours.")]
internal sealed class RowJson
{
    private readonly Shape _shape;
    private readonly JsonEncodedText[] _names;
    private readonly ArrayBufferWriter<byte> _buffer = new(512);
    private readonly Utf8JsonWriter _json;

    public RowJson(Shape shape)
    {
        _shape = shape;
        _names = [.. shape.Columns.Select(column => JsonEncodedText.Encode(column.Name, JavaScriptEncoder.UnsafeRelaxedJsonEscaping))];
        _json = new(_buffer, new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true });
    }

    /// <summary>All columns that the row tells, NULL as <c>null</c>. Valid until the next row.</summary>
    public ReadOnlySpan<byte> Of(ref RowReader row) => Of(ref row, skipDocuments: false, change: "");

    /// <summary>The same without columns that are JSON documents themselves and not NULL.</summary>
    public ReadOnlySpan<byte> WithoutDocuments(ref RowReader row) => Of(ref row, skipDocuments: true, change: "");

    /// <summary>The row inside an object that says what happened: <c>{"op":"u","row":{…}}</c>.</summary>
    public ReadOnlySpan<byte> Event(ref RowReader row, string change) => Of(ref row, skipDocuments: false, change);

    /// <summary>The reader's current value alone.</summary>
    public ReadOnlySpan<byte> Value(ref RowReader row)
    {
        Begin();
        ValueJson.Write(ref row, _json);
        _json.Flush();
        return _buffer.WrittenSpan;
    }

    private ReadOnlySpan<byte> Of(ref RowReader row, bool skipDocuments, string change)
    {
        Begin();
        _json.WriteStartObject();
        if (change.Length > 0)
        {
            _json.WriteString("op"u8, change);
            _json.WriteStartObject("row"u8);
        }

        for (var i = 0; i < _names.Length; i++)
        {
            var hasValue = row.Seek(_shape.Columns[i].Ordinal);
            if (row.IsAbsent || (skipDocuments && hasValue && row.Column.Kind == ColumnKind.Json))
                continue;
            _json.WritePropertyName(_names[i]);
            ValueJson.Write(ref row, _json);
        }

        if (change.Length > 0)
            _json.WriteEndObject();
        _json.WriteEndObject();
        _json.Flush();
        return _buffer.WrittenSpan;
    }

    private void Begin()
    {
        _buffer.ResetWrittenCount();
        _json.Reset(_buffer);
    }
}
