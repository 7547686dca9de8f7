using System.Buffers;
using System.Text;
using System.Text.Json;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Changes.Formats.Envelopes;
using Leat.Log;
using Leat.Log.Tools;

namespace Leat.Output;

/// <summary>How records of the log are shown.</summary>
/// <param name="Json">One JSON object a record.</param>
/// <param name="KeysOnly">The key alone, not the row or value.</param>
/// <param name="Raw">Bytes as they are, also of changes.</param>
/// <param name="All">Also positions, markers, and records of aborted and open transactions.</param>
internal readonly record struct RecordForm(bool Json, bool KeysOnly, bool Raw, bool All);

/// <summary>Makes a line of each record: a change where the stream is a source's, text or hexadecimal digits elsewhere.</summary>
internal sealed class RecordPrinter : IDisposable
{
    private readonly LogView _view;
    private readonly StreamView _stream;
    private readonly RecordForm _form;
    private readonly IChangeEnvelope? _envelope;
    private readonly bool _hasChanges;
    private readonly Dictionary<uint, TableSchema> _schemas = [];
    private readonly ArrayBufferWriter<byte> _bytes = new();
    private readonly Utf8JsonWriter _json;

    /// <summary>A printer of a stream's records.</summary>
    /// <param name="view">The log.</param>
    /// <param name="stream">The stream.</param>
    /// <param name="form">What is shown of a record.</param>
    /// <param name="envelope">Committed changes alone, as these documents; <see langword="null"/>: all as <paramref name="form"/> says. The printer's own from now on.</param>
    public RecordPrinter(LogView view, StreamView stream, RecordForm form, IChangeEnvelope? envelope = null)
    {
        (_view, _stream, _form, _envelope) = (view, stream, form, envelope);
        _json = new(_bytes, ChangeJson.Options);
        _hasChanges = !form.Raw && view.Streams.Contains(SchemaStream);
        if (_hasChanges)
            ReadSchemas();
    }

    // Rows of prepared transactions have the shapes of their source.
    private string SchemaStream => $"{(_stream.Name.EndsWith(".parked", StringComparison.Ordinal) ? _stream.Name[..^".parked".Length] : _stream.Name)}.schemas";

    /// <summary>The line of a record, or with an envelope perhaps several; null when this form does not show it.</summary>
    /// <exception cref="LeatException">It is no change although it must be one.</exception>
    public string? LineOf(LogBlock block, in RecordEnumerator record, BatchState state)
    {
        _bytes.ResetWrittenCount();
        _json.Reset();
        var value = block.Buffer.AsSpan(record.ValueStart, Math.Max(0, record.ValueLength));
        try
        {
            if (_envelope is not null)
                return state == BatchState.Committed ? Documents(_envelope, value) : null;
            var line = _hasChanges ? ChangeLine(record, value) : PlainLine(block, record, value);
            return line is null || state == BatchState.Committed ? line : Marked(line, state);
        }
        catch (InvalidDataException error)
        {
            throw ProgramErrors.NotAChange(_stream.Name, record.Offset, error.Message);
        }
    }

    /// <summary>The line of a marker.</summary>
    public string? MarkerLine(long offset, BatchState state)
    {
        if (_envelope is not null)
            return null;
        var word = state == BatchState.CommitMarker ? "commit" : "abort";
        return _form.Json ? FormattableString.Invariant($$"""{"offset":{{offset}},"marker":"{{word}}"}""") : FormattableString.Invariant($"{offset}  marker: {word}");
    }

    public void Dispose()
    {
        _json.Dispose();
        _envelope?.Dispose();
    }

    private string? Documents(IChangeEnvelope envelope, ReadOnlySpan<byte> value)
    {
        if (!_hasChanges)
            throw ProgramErrors.NoChanges(_stream.Name);
        var change = new EncodedChange(value);
        if (change.Kind == ChangeKind.Position || envelope.Write(change, SchemaOf(change.SchemaId), default, _bytes) == 0)
            return null;
        return Encoding.UTF8.GetString(_bytes.WrittenSpan[..^1]); // without the last line break, which comes with every line
    }

    private string? ChangeLine(in RecordEnumerator record, ReadOnlySpan<byte> value)
    {
        var change = new EncodedChange(value);
        if (change.Kind == ChangeKind.Position)
            return _form.All ? PositionLine(record, change) : null;
        var schema = SchemaOf(change.SchemaId);
        if (_form is { Json: true, KeysOnly: false })
        {
            ChangeJson.Write(_json, record.Offset, change, schema);
            return Written();
        }

        var shown = RowOf(change, schema);
        return _form.Json
            ? FormattableString.Invariant($$"""{"offset":{{record.Offset}},"table":{{Quoted(schema.Table.ToString())}},"key":{{shown}}}""")
            : FormattableString.Invariant($"{record.Offset}  {TimeOf(record)}  {change.Kind.ToString().ToLowerInvariant(),-6}  {schema.Table}  {shown}");
    }

    // What concerns a whole table has no row.
    private string RowOf(EncodedChange change, TableSchema schema)
    {
        if ((change.Marks & (ChangeMarks.HasBefore | ChangeMarks.HasAfter)) == 0)
            return "{}";
        var row = new RowReader(schema, change.Marks.HasFlag(ChangeMarks.HasAfter) ? change.After : change.Before);
        if (_form.KeysOnly)
            WriteKey(ref row, schema);
        else
            ValueJson.WriteRow(ref row, _json);
        return Written();
    }

    private void WriteKey(ref RowReader row, TableSchema schema)
    {
        _json.WriteStartObject();
        foreach (var ordinal in schema.Key)
        {
            row.Seek(ordinal);
            _json.WritePropertyName(row.Column.Name);
            ValueJson.Write(ref row, _json);
        }

        _json.WriteEndObject();
    }

    private string PositionLine(in RecordEnumerator record, EncodedChange change)
    {
        var position = Encoding.UTF8.GetString(change.Position);
        return _form.Json
            ? FormattableString.Invariant($$"""{"offset":{{record.Offset}},"position":{{Quoted(position)}}}""")
            : FormattableString.Invariant($"{record.Offset}  {TimeOf(record)}  position {position}");
    }

    private string PlainLine(LogBlock block, in RecordEnumerator record, ReadOnlySpan<byte> value)
    {
        var key = block.Buffer.AsSpan(record.KeyStart, Math.Max(0, record.KeyLength));
        if (!_form.Json)
        {
            var shownKey = record.KeyLength < 0 ? "-" : Text(key) ?? Hex(key);
            var shownValue = record.ValueLength < 0 ? "(no value)" : Text(value) ?? Hex(value);
            return FormattableString.Invariant($"{record.Offset}  {TimeOf(record)}  {shownKey}{(_form.KeysOnly ? "" : $"  {shownValue}")}");
        }

        _json.WriteStartObject();
        _json.WriteNumber("offset", record.Offset);
        _json.WriteString("time", TimeOf(record));
        WriteBytes("key", key, record.KeyLength >= 0);
        if (!_form.KeysOnly)
            WriteBytes("value", value, record.ValueLength >= 0);
        _json.WriteEndObject();
        return Written();
    }

    private void WriteBytes(string name, ReadOnlySpan<byte> bytes, bool isThere)
    {
        if (!isThere)
            _json.WriteNull(name);
        else if (Text(bytes) is { } text)
            _json.WriteString(name, text);
        else
            _json.WriteBase64String($"{name}_base64", bytes);
    }

    private string Marked(string line, BatchState state)
    {
        var word = state.ToString().ToLowerInvariant();
        return _form.Json ? $$"""{"state":"{{word}}","record":{{line}}}""" : $"{line}  ({word})";
    }

    private string Written()
    {
        _json.Flush();
        return Encoding.UTF8.GetString(_bytes.WrittenSpan);
    }

    private TableSchema SchemaOf(uint id)
    {
        if (!_schemas.TryGetValue(id, out var schema))
        {
            ReadSchemas(); // a running Leat has met a table that it did not know when this began
            if (!_schemas.TryGetValue(id, out schema))
                throw new InvalidDataException(FormattableString.Invariant($"stream {SchemaStream} has no schema {id}."));
        }

        return schema;
    }

    private void ReadSchemas()
    {
        using var reader = _view.Stream(SchemaStream).NewReader(0, all: false);
        while (reader.Read() is { } block)
        {
            using (block)
            {
                var records = block.Records();
                while (records.MoveNext())
                {
                    if (records.ValueLength < 0)
                        continue;
                    var (id, _, schema) = SchemaJson.Read(block.Buffer.AsSpan(records.ValueStart, records.ValueLength));
                    _schemas[id] = schema;
                }
            }
        }
    }

    private static string TimeOf(in RecordEnumerator record) => Quantities.Iso(DateTimeOffset.FromUnixTimeMilliseconds(record.TimestampMs));

    private static string Quoted(string text) => JsonSerializer.Serialize(text, CliJson.Lines.String);

    private static string Hex(ReadOnlySpan<byte> bytes) => $"0x{Convert.ToHexStringLower(bytes)}";

    // The bytes as text when they are UTF-8 without anything that a terminal would obey.
    private static string? Text(ReadOnlySpan<byte> bytes)
    {
        if (!System.Text.Unicode.Utf8.IsValid(bytes))
            return null;
        var text = Encoding.UTF8.GetString(bytes);
        return text.Any(char.IsControl) ? null : text;
    }
}
