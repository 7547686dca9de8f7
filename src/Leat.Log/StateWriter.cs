namespace Leat.Log;

/// <summary>A set of changes to keyed state, as <see cref="StateWriter.Close"/> wrote it.</summary>
/// <param name="SourceOffset">What the state is made of: every record of the source stream below this offset.</param>
/// <param name="NextOffset">The set is durable once the state stream's <see cref="StreamPartition.SyncedOffset"/> is here.</param>
public readonly record struct StateSet(long SourceOffset, long NextOffset);

/// <summary>Writes keyed state in sets that count as a whole or not at all. The only writer of its stream; used by one thread at a time.</summary>
/// <remarks>
/// A set is one transaction: one batch when it is small, else transactional batches and a commit marker. What is put after the last
/// <see cref="Close"/> is never seen by a reader; a start drops it.
/// </remarks>
/// <param name="stream">A stream with <see cref="StreamOptions.Compact"/>.</param>
public sealed class StateWriter(StreamPartition stream) : IDisposable
{
    private const int BatchBytes = 1024 * 1024;

    private BatchBuilder? _batch;
    private bool _hasAppended;

    /// <summary>Sets a key's value, in the set that is open; of several the last one counts.</summary>
    public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        var batch = Begin(key, hasKey: true);
        value.CopyTo(batch.GetSpan(value.Length));
        batch.Advance(value.Length);
        batch.EndRecord();
    }

    /// <summary>Removes a key, in the set that is open; nothing is wrong when it is not there.</summary>
    public void Delete(ReadOnlySpan<byte> key) => Begin(key, hasKey: true).EndRecordWithoutValue();

    /// <summary>Ends the set: from now on it counts, once it is durable.</summary>
    /// <param name="sourceOffset">The state is now made of every record of the source stream below this offset.</param>
    /// <param name="note">Kept with it, and given back by <see cref="StateReader"/>.</param>
    /// <exception cref="LogException">The log has stopped or is closed.</exception>
    public StateSet Close(long sourceOffset, ReadOnlySpan<byte> note)
    {
        var batch = Begin(default, hasKey: false);
        var size = StateMarker.SizeOf(note);
        StateMarker.Write(batch.GetSpan(size), sourceOffset, note);
        batch.Advance(size);
        batch.EndRecord();

        var records = batch.RecordCount;
        _batch = null;
        if (!_hasAppended)
            return new(sourceOffset, stream.Append(batch) + records);
        stream.Append(batch, BatchKind.Transactional);
        var marker = stream.Append(stream.NewBatch(), BatchKind.CommitMarker);
        _hasAppended = false;
        return new(sourceOffset, marker + 1);
    }

    /// <summary>Drops what was put since the last <see cref="Close"/>.</summary>
    /// <exception cref="LogException">The log has stopped or is closed; then the next start drops it.</exception>
    public void Abandon()
    {
        _batch?.Dispose();
        _batch = null;
        if (_hasAppended)
            stream.Append(stream.NewBatch(), BatchKind.AbortMarker);
        _hasAppended = false;
    }

    /// <summary>Completes while the stream takes more; see <see cref="StreamPartition.WhenRoomAsync"/>. To be awaited now and then in a large set.</summary>
    public ValueTask WhenRoomAsync(CancellationToken cancellationToken) => stream.WhenRoomAsync(cancellationToken);

    /// <summary>Completes when the set is durable; from then on the source's records below its offset are not held for this state.</summary>
    /// <param name="set">What <see cref="Close"/> returned.</param>
    /// <param name="source">The hold on the source stream; never moved back.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="LogException">The log has stopped or is closed before that; the hold stays.</exception>
    public async ValueTask MoveHoldAsync(StateSet set, RetentionHold source, CancellationToken cancellationToken)
    {
        await stream.WaitSyncedAsync(set.NextOffset, cancellationToken);
        if (source.Offset < set.SourceOffset)
            source.Offset = set.SourceOffset;
    }

    /// <summary>Lets go of what is not appended yet. A set that is not closed is dropped by the next start at the latest.</summary>
    public void Dispose() => _batch?.Dispose();

    private BatchBuilder Begin(ReadOnlySpan<byte> key, bool hasKey)
    {
        if (_batch is { SizeBytes: >= BatchBytes } full)
        {
            _batch = null;
            stream.Append(full, BatchKind.Transactional);
            _hasAppended = true;
        }

        var batch = _batch ??= stream.NewBatch();
        batch.BeginRecord(key, hasKey);
        return batch;
    }
}
