using System.Buffers;
using System.Text.Json;
using System.Text.Json.Nodes;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Log.Tools;
using Leat.Pipeline.Letters;

namespace Leat.Commands;

/// <summary>A pipeline's dead letters as the log folder tells them, also while a Leat runs on it.</summary>
internal sealed class LetterView : IDisposable
{
    private readonly LogView _view;
    private readonly string _pipeline;
    private readonly StreamView? _stream;
    private readonly ViewReader? _reader;
    private Dictionary<(string Table, uint Id), TableSchema>? _schemas;

    public LetterView(LogView view, string pipeline)
    {
        (_view, _pipeline) = (view, pipeline);
        var name = $"{pipeline}.deadletters";
        _stream = view.Streams.Contains(name) ? view.Stream(name) : null;
        _reader = _stream?.NewReader(0, all: false);
        Read();
    }

    /// <summary>All letters so far.</summary>
    public LetterBook Book { get; } = new();

    /// <summary>Takes in what came since.</summary>
    public void Refresh()
    {
        _stream?.Refresh();
        Read();
    }

    /// <summary>The change of a letter; <see langword="null"/> when the log does not hold its table's shape.</summary>
    public JsonNode? ChangeOf(Letter letter)
    {
        if (_stream is null)
            return null;
        using var reader = _stream.NewReader(letter.Record, all: false);
        using var block = reader.Read();
        if (block is null)
            return null;
        var records = block.Records();
        while (records.MoveNext())
        {
            if (records.Offset != letter.Record)
                continue;
            var change = new EncodedChange(LetterBook.ChangeOf(block.Buffer.AsSpan(records.ValueStart, records.ValueLength)));
            return SchemaOf(letter.Table, change.SchemaId) is { } schema ? Json(letter, change, schema) : null;
        }

        return null;
    }

    public void Dispose() => _reader?.Dispose();

    private static JsonNode? Json(Letter letter, EncodedChange change, TableSchema schema)
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(bytes, ChangeJson.Options))
            ChangeJson.Write(json, letter.Offset, change, schema);
        return JsonNode.Parse(bytes.WrittenSpan);
    }

    private void Read()
    {
        while (_reader?.Read() is { } block)
        {
            using (block)
            {
                var records = block.Records();
                while (records.MoveNext())
                    Apply(records.Offset, block.Buffer.AsSpan(records.ValueStart, Math.Max(0, records.ValueLength)));
            }
        }
    }

    private void Apply(long offset, ReadOnlySpan<byte> value)
    {
        try
        {
            Book.Apply(offset, value);
        }
        catch (InvalidDataException error)
        {
            throw ProgramErrors.LetterUnreadable(_pipeline, offset, error.Message);
        }
    }

    // The log does not say whose pipeline it is; a shape's number and its table name it well enough.
    private TableSchema? SchemaOf(string table, uint id)
    {
        if (_schemas is null)
        {
            _schemas = [];
            foreach (var name in _view.Streams.Where(stream => stream.EndsWith(".schemas", StringComparison.Ordinal)))
                ReadSchemas(_view.Stream(name), _schemas);
        }

        return _schemas.GetValueOrDefault((table, id));
    }

    private static void ReadSchemas(StreamView stream, Dictionary<(string, uint), TableSchema> schemas)
    {
        using var reader = stream.NewReader(0, all: false);
        while (reader.Read() is { } block)
        {
            using (block)
            {
                var records = block.Records();
                while (records.MoveNext())
                {
                    var (id, _, schema) = SchemaJson.Read(block.Buffer.AsSpan(records.ValueStart, Math.Max(0, records.ValueLength)));
                    schemas[(schema.Table.ToString(), id)] = schema;
                }
            }
        }
    }
}
