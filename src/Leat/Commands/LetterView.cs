using System.Buffers;
using System.Text.Json;
using System.Text.Json.Nodes;
using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Changes.Formats;
using Leat.Log.Tools;
using Leat.Pipeline.Definitions;
using Leat.Pipeline.Letters;

namespace Leat.Commands;

/// <summary>A pipeline's dead letters as the log folder tells them, also while a Leat runs on it.</summary>
internal sealed class LetterView : IDisposable
{
    private const string Suffix = ".deadletters";

    private readonly LogView _view;
    private readonly string _pipeline;
    private readonly StreamView? _stream;
    private readonly ViewReader? _reader;
    private Dictionary<(string Table, uint Id), TableSchema>? _schemas;

    private LetterView(LogView view, string pipeline)
    {
        (_view, _pipeline) = (view, pipeline);
        var name = pipeline + Suffix;
        _stream = view.Streams.Contains(name) ? view.Stream(name) : null;
        _reader = _stream?.NewReader(0, all: false);
        Read();
    }

    /// <summary>Those of a pipeline that ran on the log, or that the configuration has.</summary>
    /// <exception cref="LeatException">There is no such pipeline: a name that nobody knows has no letters, but is no answer either.</exception>
    public static LetterView Open(LogView view, string pipeline, LeatFile? file)
    {
        var ran = view.Streams.Where(stream => stream.EndsWith(Suffix, StringComparison.Ordinal)).Select(stream => stream[..^Suffix.Length]);
        string[] known = [.. ran.Concat(file?.Pipelines.Select(one => one.Name) ?? []).Distinct().Order(StringComparer.Ordinal)];
        return known.Contains(pipeline) ? new(view, pipeline) : throw ProgramErrors.UnknownName($"The log in {view.Path}", "pipeline", pipeline, Nearest.Of(pipeline, known), known);
    }

    /// <summary>All letters so far.</summary>
    public LetterBook Book { get; } = new();

    /// <summary>Takes in what came since.</summary>
    public void Refresh()
    {
        _stream?.Refresh();
        Read();
    }

    /// <summary>The change of a letter, and the row that was sent; <see langword="null"/> for what the log does not hold.</summary>
    public (JsonNode? Change, JsonNode? Row) ContentOf(Letter letter)
    {
        using var reader = _stream?.NewReader(letter.Record, all: false);
        using var block = reader?.Read();
        if (block is null)
            return default;
        var records = block.Records();
        while (records.MoveNext())
        {
            if (records.Offset != letter.Record)
                continue;
            var value = block.Buffer.AsSpan(records.ValueStart, records.ValueLength);
            var change = new EncodedChange(LetterBook.ChangeOf(value));
            return (
                SchemaOf(letter.Table, change.SchemaId) is { } schema ? Json(letter, change, schema, LetterBook.ReplacedOf(value)) : null,
                LetterBook.RowOf(value) is { } row ? JsonNode.Parse(row) : null);
        }

        return default;
    }

    public void Dispose() => _reader?.Dispose();

    // Without what the pipeline replaces, which may be to keep it secret.
    private static JsonNode? Json(Letter letter, EncodedChange change, TableSchema schema, IReadOnlyList<string> replaced)
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(bytes, ChangeJson.Options))
            ChangeJson.Write(json, letter.Offset, change.Kind is ChangeKind.Truncate or ChangeKind.Sweep ? new(WithoutRow(change)) : change, schema);
        var node = JsonNode.Parse(bytes.WrittenSpan);
        foreach (var part in (ReadOnlySpan<string>)["key", "before", "after"])
        {
            foreach (var column in replaced)
                node?[part]?.AsObject().Remove(column);
        }

        return node;
    }

    // The row in a change of the whole table is the target's: its columns are not those of the table.
    private static byte[] WithoutRow(EncodedChange change)
    {
        var bytes = new byte[EncodedChange.HeaderBytes + change.TransactionId.Length];
        EncodedChange.WriteHeader(
            bytes, change.Kind, change.Marks & ChangeMarks.LastOfTransaction, change.SchemaId, change.CommittedAtMicros, change.IndexInTransaction, beforeBytes: 0, change.TransactionId);
        return bytes;
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

        // Tables that are one have a name in common, which none of them has.
        return _schemas.GetValueOrDefault((table, id)) ?? (_schemas.Where(known => known.Key.Id == id).Select(known => known.Value).ToList() is [var only] ? only : null);
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
