using Leat.Changes;
using Leat.Log;

namespace Leat.Pipeline.Capture;

// Transactions that are prepared and not yet committed: while one is open, rows go to the stream of parked ones.
internal sealed partial class StreamWriter
{
    private StreamPartition? _parkedTo;
    private BatchBuilder? _aside;
    private bool _asideHoldsCommits;
    private long _parkedAt = -1;
    private long _keepFrom = -1;
    private long _keptWhenSynced = -1;

    // Where the open transaction goes.
    private StreamPartition Target => _parkedTo ?? stream;

    private ParkedStream Parked => parked ?? throw new NotSupportedException("this writer has no stream for prepared transactions");

    /// <inheritdoc/>
    public void BeginParked(ReadOnlySpan<byte> transactionId, long preparedAtMicros)
    {
        if (_open)
            throw new InvalidOperationException("A transaction is open already.");
        _parkedTo = Parked.Open();
        _parkedAt = _parkedTo.EndOffset;
        (_aside, _asideHoldsCommits) = (_batch, _holdsCommits);
        (_batch, _holdsCommits) = (null, false);
        Begin(transactionId, preparedAtMicros);
    }

    /// <inheritdoc/>
    public async ValueTask<long> ParkAsync(ReadOnlyMemory<byte> name, CancellationToken cancellationToken)
    {
        var at = _parkedAt;
        var batch = OpenBatch();
        if (at < 0 || !_open || _rows == 0)
            throw new InvalidOperationException("No transaction with rows is open to be parked.");

        // A crash in these waits leaves rows that no position names.
        await Target.WhenRoomAsync(cancellationToken);
        await schemas.WhenDurableAsync(cancellationToken);
        batch.PatchLastValue(offset: 2, (byte)(_lastMarks | (byte)ChangeMarks.LastOfTransaction));
        WritePosition(batch, name.Span);
        var end = Target.EndOffset + batch.RecordCount;
        Target.Append(batch, _large ? BatchKind.Transactional : BatchKind.Plain);
        if (_large)
            end = Target.Append(Target.NewBatch(), BatchKind.CommitMarker) + 1;
        var stream = Target;
        (_open, _large, _batch) = (false, false, null);
        LeaveParked();
        await stream.WaitSyncedAsync(end, cancellationToken);
        return at;
    }

    /// <inheritdoc/>
    public async ValueTask UnparkAsync(ReadOnlyMemory<byte> name, CancellationToken cancellationToken)
    {
        if (_large)
        {
            var (id, committedAt) = (_transactionId[.._idBytes], _committedAtMicros);
            var at = await ParkAsync(name, cancellationToken);
            await ReleaseAsync(at, name, id, committedAt, cancellationToken);
            return;
        }

        var (from, start) = (OpenBatch(), _start);
        _batch = null;
        LeaveParked();
        _batch ??= stream.NewBatch();
        StampAndMark(_batch);
        BatchTail.Move(from, start, _batch);
        from.Dispose();
    }

    /// <inheritdoc/>
    public async ValueTask ReleaseAsync(
        long at, ReadOnlyMemory<byte> name, ReadOnlyMemory<byte> transactionId, long committedAtMicros, CancellationToken cancellationToken)
    {
        Begin(transactionId.Span, committedAtMicros);
        try
        {
            using var reader = Parked.Open().NewReader(at);
            while (true)
            {
                using (var block = Parked.Read(reader))
                {
                    if (block is null || CopyRows(block, name.Span) is not { } isWhole)
                        throw EngineErrors.ParkedRowsGone(Parked.Name, at, name.Span);
                    if (isWhole)
                        return;
                }

                await WhenRoomAsync(cancellationToken);
            }
        }
        catch
        {
            Rollback();
            throw;
        }
    }

    /// <inheritdoc/>
    public void KeepParked(long oldest)
    {
        _keepFrom = Math.Min(oldest, Parked.Open().EndOffset);
        _keptWhenSynced = -1;
    }

    // True when the transaction's own last record was met, null when it is the one of another.
    private bool? CopyRows(LogBlock block, ReadOnlySpan<byte> name)
    {
        var records = block.Records();
        while (records.MoveNext())
        {
            var change = new EncodedChange(block.Buffer.AsSpan(records.ValueStart, records.ValueLength));
            if (change.Kind == ChangeKind.Position)
                return change.Position.SequenceEqual(name) ? true : null;
            var before = change.Before;
            var after = change.After;
            var room = BeginRow(before.Length + after.Length);
            before.CopyTo(room);
            after.CopyTo(room[before.Length..]);
            EndRow(change.Kind, change.SchemaId, before.Length, after.Length);
        }

        return false;
    }

    private void LeaveParked()
    {
        if (_parkedAt < 0)
            return;
        _batch?.Dispose();
        _parkedAt = -1;
        _parkedTo = null;
        (_batch, _holdsCommits) = (_aside, _asideHoldsCommits);
        _aside = null;
    }

    // Parked rows are needed until the position that no longer names them is on disk.
    private void LetGoOfParked(long end)
    {
        if (_keepFrom < 0)
            return;
        if (_keptWhenSynced < 0)
            _keptWhenSynced = end;
        if (stream.SyncedOffset < _keptWhenSynced)
            return;
        Parked.KeepFrom(_keepFrom);
        _keepFrom = _keptWhenSynced = -1;
    }
}
