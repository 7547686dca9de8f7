using System.Buffers;
using System.Collections.Immutable;
using System.Text.Json;
using Leat.Changes;
using Leat.Changes.Formats;

namespace Leat.Transform.Plan.Parts;

/// <summary>Makes the row of a part whose fields stand in one object: the document's key, then the object as JSON. For one thread at a time.</summary>
internal sealed class GroupRow
{
    private readonly TableSchema _input;
    private readonly ImmutableArray<int> _key;
    private readonly (JsonEncodedText Name, int Ordinal)[] _fields;
    private readonly ArrayBufferWriter<byte> _text = new(256);
    private readonly Utf8JsonWriter _json;

    /// <summary>For rows of a map.</summary>
    /// <param name="input">What the map makes.</param>
    /// <param name="key">Its columns that hold the document's key, in the key's order.</param>
    /// <param name="fields">The object's members, in order.</param>
    /// <param name="name">The object's name.</param>
    public GroupRow(TableSchema input, ImmutableArray<int> key, ImmutableArray<ShapeColumn> fields, string name)
    {
        (_input, _key) = (input, key);
        _fields = [.. fields.Select(field => (JsonEncodedText.Encode(field.Name, ValueJsonEncoder), field.Ordinal))];
        _json = WriterInto(_text);
        Output = new(input.Table, [.. key.Select(ordinal => input.Columns[ordinal]), new Column { Name = name, Kind = ColumnKind.Json, Nullable = true }], [.. Enumerable.Range(0, key.Length)])
        {
            IsPartial = input.IsPartial, Origin = input.Origin,
        };
    }

    /// <summary>Shape of the rows that are made.</summary>
    public TableSchema Output { get; }

    // It holds nothing but the buffer: there is nothing to give back.
    private static Utf8JsonWriter WriterInto(ArrayBufferWriter<byte> text) => new(text, new JsonWriterOptions { Encoder = ValueJsonEncoder, SkipValidation = true });

    private static System.Text.Encodings.Web.JavaScriptEncoder ValueJsonEncoder => System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping;

    /// <summary>A row as the map makes it, of which only the key is there.</summary>
    /// <param name="made">As <see cref="Map"/> makes it.</param>
    public byte[] Back(ReadOnlySpan<byte> made)
    {
        var target = new RowBuilder();
        var reader = new RowReader(Output, made);
        target.Begin(_input.Columns.Length, _input.IsPartial);
        for (var ordinal = 0; ordinal < _input.Columns.Length; ordinal++)
        {
            var at = _key.IndexOf(ordinal);
            if (at < 0)
            {
                target.WriteNull();
                continue;
            }

            reader.Seek(at);
            target.Copy(ref reader);
        }

        return target.Row.ToArray();
    }

    /// <summary>Makes a row; the object is absent when the row lacks all of its members.</summary>
    /// <param name="row">As the map makes it.</param>
    /// <param name="target">Where it is made.</param>
    /// <returns>False when the row lacks some of the members and tells others: the object cannot be made of it, and is absent.</returns>
    public bool Map(ReadOnlySpan<byte> row, RowBuilder target)
    {
        target.Begin(_key.Length + 1, _input.IsPartial);
        var reader = new RowReader(_input, row);
        foreach (var ordinal in _key)
        {
            reader.Seek(ordinal);
            target.Copy(ref reader);
        }

        var absent = 0;
        foreach (var (_, ordinal) in _fields)
        {
            reader.Seek(ordinal);
            absent += reader.IsAbsent ? 1 : 0;
        }

        if (absent > 0)
        {
            target.WriteAbsent();
            return absent == _fields.Length;
        }

        _text.ResetWrittenCount();
        _json.Reset();
        _json.WriteStartObject();
        foreach (var (name, ordinal) in _fields)
        {
            reader.Seek(ordinal);
            _json.WritePropertyName(name);
            ValueJson.Write(ref reader, _json);
        }

        _json.WriteEndObject();
        _json.Flush();
        target.WriteBytes(_text.WrittenSpan);
        return true;
    }
}
