using System.Text.Json;
using Leat.Changes;
using Leat.Changes.Formats;

namespace Leat.Connectors.JsonLines;

/// <summary>All files of a pipeline, and what was last written to them: a batch that comes again is not written twice.</summary>
internal sealed class JsonLinesFiles(Dictionary<string, JsonLinesFile> files) : IDisposable
{
    private readonly Utf8JsonWriter _json = new(Stream.Null, ChangeJson.Options);
    private readonly Dictionary<Shape, JsonLineWriter> _writers = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<(string Alias, ulong KeyHash, OperationKind Kind)> _atLastOffset = [];
    private long _lastOffset = -1;

    /// <summary>Whether a table's file is open.</summary>
    public bool Has(string alias) => files.ContainsKey(alias);

    /// <summary>Adds the files of tables that became known later.</summary>
    public void Add(Dictionary<string, JsonLinesFile> more)
    {
        foreach (var (alias, file) in more)
            files.Add(alias, file);
    }

    /// <summary>Drops what a failed batch may have left.</summary>
    public void DropBatch()
    {
        foreach (var file in files.Values)
            file.DropBatch();
    }

    /// <summary>Writes a batch's lines to their files and the disk.</summary>
    public void Write(ReadOnlySpan<Operation> batch)
    {
        if (files.Values.Any(file => file.Lines.WrittenCount > 0))
            DropBatch(); // the batch before failed

        foreach (ref readonly var operation in batch)
        {
            if (IsWritten(operation))
                continue;
            if (!_writers.TryGetValue(operation.Shape, out var writer))
                _writers[operation.Shape] = writer = new(operation.Shape);
            writer.Write(operation, _json, files[operation.Shape.Alias].Lines);
        }

        foreach (var file in files.Values.Where(file => file.Lines.WrittenCount > 0))
            file.Append();
        foreach (var file in files.Values.Where(file => file.Lines.WrittenCount > 0))
            file.Sync();
        foreach (var file in files.Values)
            file.Keep();
        Remember(batch);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _json.Dispose();
        foreach (var file in files.Values)
            file.Dispose();
    }

    // Batches arrive in stream order, so all below the last offset is written; of that offset itself only what was noted is.
    private bool IsWritten(in Operation operation) =>
        operation.Offset < _lastOffset
        || (operation.Offset == _lastOffset && _atLastOffset.Contains((operation.Shape.Alias, operation.KeyHash, operation.Kind)));

    private void Remember(ReadOnlySpan<Operation> batch)
    {
        foreach (ref readonly var operation in batch)
        {
            if (operation.Offset < _lastOffset)
                continue;
            if (operation.Offset > _lastOffset)
                _atLastOffset.Clear();
            _lastOffset = operation.Offset;
            _atLastOffset.Add((operation.Shape.Alias, operation.KeyHash, operation.Kind));
        }
    }
}
