using Leat.Changes;

namespace Leat.Connectors.MySql.Snapshots;

/// <summary>Stands before a source's writer where there is a heartbeat table: keeps its rows back, and shows <see cref="StreamWatch"/> what it wants to see.</summary>
internal sealed class WatchingWriter(IChangeWriter inner, TableName heartbeat, StreamWatch watch) : IChangeWriter
{
    private readonly Dictionary<uint, TableSchema> _schemas = [];
    private TableSchema? _heartbeatSchema;
    private byte[] _row = [];
    private bool _isBuffered;

    /// <summary>The table whose rows are kept back.</summary>
    public TableName Heartbeat => heartbeat;

    /// <summary>Whether the next rows are of the heartbeat table; they belong to no transaction of ours.</summary>
    public bool IsHeartbeatNext { get; set; }

    /// <inheritdoc/>
    public IReadOnlyList<KeyValuePair<uint, TableSchema>> Shapes => inner.Shapes;

    /// <inheritdoc/>
    public uint Define(TableSchema schema) => IsHeartbeat(schema) ? 0 : Note(inner.Define(schema), schema);

    /// <inheritdoc/>
    public uint Renew(TableSchema schema) => IsHeartbeat(schema) ? 0 : Note(inner.Renew(schema), schema);

    /// <inheritdoc/>
    public void Begin(ReadOnlySpan<byte> transactionId, long committedAtMicros) => inner.Begin(transactionId, committedAtMicros);

    /// <inheritdoc/>
    public Span<byte> BeginRow(int maxBytes)
    {
        _isBuffered = IsHeartbeatNext || watch.IsBetween;
        if (!_isBuffered)
            return inner.BeginRow(maxBytes);
        if (_row.Length < maxBytes)
            _row = new byte[Math.Max(maxBytes, 4096)];
        return _row.AsSpan(0, maxBytes);
    }

    /// <inheritdoc/>
    public void EndRow(ChangeKind kind, uint schemaId, int beforeBytes, int afterBytes)
    {
        var both = _row.AsSpan(0, _isBuffered ? beforeBytes + afterBytes : 0);
        if (IsHeartbeatNext)
        {
            if (afterBytes > 0 && _heartbeatSchema is not null)
                watch.Beat(_heartbeatSchema, both[beforeBytes..]);
            return;
        }

        if (_isBuffered)
        {
            if (_schemas.TryGetValue(schemaId, out var schema))
                Show(schema, both, beforeBytes);
            both.CopyTo(inner.BeginRow(both.Length));
        }

        inner.EndRow(kind, schemaId, beforeBytes, afterBytes);
    }

    /// <inheritdoc/>
    public ValueTask CommitAsync(IPosition position, bool moreInput, CancellationToken cancellationToken)
    {
        watch.Commit();
        return inner.CommitAsync(position, moreInput, cancellationToken);
    }

    /// <inheritdoc/>
    public void Rollback()
    {
        watch.Rollback();
        inner.Rollback();
    }

    /// <inheritdoc/>
    public ValueTask AdvanceAsync(IPosition position, bool moreInput, CancellationToken cancellationToken) => inner.AdvanceAsync(position, moreInput, cancellationToken);

    /// <inheritdoc/>
    public ValueTask WhenRoomAsync(CancellationToken cancellationToken) => inner.WhenRoomAsync(cancellationToken);

    /// <inheritdoc/>
    public void BeginParked(ReadOnlySpan<byte> transactionId, long preparedAtMicros) => inner.BeginParked(transactionId, preparedAtMicros);

    /// <inheritdoc/>
    public ValueTask<long> ParkAsync(ReadOnlyMemory<byte> name, CancellationToken cancellationToken)
    {
        watch.Rollback(); // nothing of it counts before its release
        return inner.ParkAsync(name, cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask UnparkAsync(ReadOnlyMemory<byte> name, CancellationToken cancellationToken) => inner.UnparkAsync(name, cancellationToken);

    /// <inheritdoc/>
    public ValueTask ReleaseAsync(long at, ReadOnlyMemory<byte> name, ReadOnlyMemory<byte> transactionId, long committedAtMicros, CancellationToken cancellationToken)
    {
        watch.Spoil(); // its keys were seen long ago
        return inner.ReleaseAsync(at, name, transactionId, committedAtMicros, cancellationToken);
    }

    /// <inheritdoc/>
    public void KeepParked(long oldest) => inner.KeepParked(oldest);

    /// <inheritdoc/>
    public void Progress(SnapshotProgress progress) => inner.Progress(progress);

    // The stream never has a row of it.
    private bool IsHeartbeat(TableSchema schema)
    {
        if (schema.Table != heartbeat)
            return false;
        _heartbeatSchema = schema;
        return true;
    }

    private uint Note(uint id, TableSchema schema)
    {
        _schemas[id] = schema;
        return id;
    }

    private void Show(TableSchema schema, ReadOnlySpan<byte> both, int beforeBytes)
    {
        if (beforeBytes > 0)
            watch.Changed(schema, both[..beforeBytes]);
        if (both.Length > beforeBytes)
            watch.Changed(schema, both[beforeBytes..]);
    }
}
