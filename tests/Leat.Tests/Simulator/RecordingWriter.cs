using System.Buffers;
using System.Text;
using Leat.Changes;
using Leat.Changes.Formats;

namespace Leat.Tests.Simulator;

/// <summary>Keeps what a source writes as text, and the tables that it leads to. Stops the source after a number of commits.</summary>
internal sealed class RecordingWriter(CancellationTokenSource stop, int commits) : IChangeWriter
{
    private readonly List<TableSchema> _schemas = [];
    private readonly List<string> _open = [];
    private readonly byte[] _row = new byte[64 * 1024];
    private int _commits;

    /// <summary>Committed changes: <c>Update shop.orders [1,2] -> [1,3]</c>.</summary>
    public List<string> Changes { get; } = [];

    public SourcePosition? Position { get; private set; }

    public List<SnapshotProgress> Snapshot { get; } = [];

    public int RolledBack { get; private set; }

    public uint Define(TableSchema schema)
    {
        if (!_schemas.Contains(schema))
            _schemas.Add(schema);
        return (uint)_schemas.IndexOf(schema);
    }

    public void Begin(ReadOnlySpan<byte> transactionId, long committedAtMicros) => _open.Clear();

    public Span<byte> BeginRow(int maxBytes) => _row.AsSpan(0, maxBytes);

    public void EndRow(ChangeKind kind, uint schemaId, int beforeBytes, int afterBytes)
    {
        var schema = _schemas[(int)schemaId];
        var before = beforeBytes > 0 ? Text(schema, _row.AsSpan(0, beforeBytes)) : "";
        var after = afterBytes > 0 ? Text(schema, _row.AsSpan(beforeBytes, afterBytes)) : "";
        _open.Add($"{kind} {schema.Table} {before} -> {after}");
    }

    public ValueTask CommitAsync(IPosition position, bool moreInput, CancellationToken cancellationToken)
    {
        Changes.AddRange(_open);
        return AdvanceAsync(position, moreInput, cancellationToken);
    }

    public void Rollback() => RolledBack++;

    public ValueTask AdvanceAsync(IPosition position, bool moreInput, CancellationToken cancellationToken)
    {
        var text = new ArrayBufferWriter<byte>();
        position.WriteTo(text);
        Position = new(Encoding.UTF8.GetString(text.WrittenSpan));
        if (++_commits == commits)
            stop.Cancel();
        return ValueTask.CompletedTask;
    }

    public void Progress(SnapshotProgress progress) => Snapshot.Add(progress);

    public static string Text(TableSchema schema, ReadOnlySpan<byte> row)
    {
        var values = new List<string>();
        var reader = new RowReader(schema, row);
        while (reader.Read())
            values.Add(ValueText.Of(ref reader) ?? "NULL");
        return $"[{string.Join(',', values)}]";
    }
}
