using System.Text;
using Leat.Changes;
using Leat.Log;

namespace Leat.Pipeline.Capture;

/// <summary>Writes a source's changes straight into the open batch of its stream, and decides when a batch goes out.</summary>
/// <remarks>
/// A batch is sealed at a commit when no more input waits, at <see cref="SealBytes"/>, or <see cref="SealDelay"/> after its first
/// commit; its last record is the source's position. A transaction of more than <see cref="LargeTransactionBytes"/> goes out as
/// transactional batches: the last one ends with the position, and a commit marker follows it. Nothing here allocates per row.
/// </remarks>
internal sealed partial class StreamWriter(
    StreamPartition stream, SchemaRegistry schemas, CaptureEvidence evidence, TimeProvider time, ParkedStream? parked = null) : IChangeWriter
{
    /// <summary>Size at which a batch is sealed: large enough that its header and sync are lost in it, small enough to stay in the processor's cache.</summary>
    public const int SealBytes = 960 * 1024;

    /// <summary>Size from which a transaction gets batches of its own.</summary>
    public const int LargeTransactionBytes = 4 * 1024 * 1024;

    /// <summary>Largest record.</summary>
    public const int MaxRecordBytes = 64 * 1024 * 1024;

    /// <summary>Longest time between a commit and its batch being sealed while more input waits.</summary>
    public static readonly TimeSpan SealDelay = TimeSpan.FromMilliseconds(5);

    /// <summary>Time between position records while the source has nothing to tell.</summary>
    public static readonly TimeSpan QuietInterval = TimeSpan.FromSeconds(1);

    /// <summary>Bytes of the source's own log between position records while it has nothing to tell: what a restart may have to read again.</summary>
    public const long QuietBytes = 64 * 1024 * 1024;

    private readonly byte[] _transactionId = new byte[byte.MaxValue];
    private readonly PositionBuffer _position = new();
    private readonly PositionBuffer _sealed = new();
    private BatchBuilder? _batch;
    private BatchMark _start;
    private int _startBytes;
    private int _idBytes;
    private long _committedAtMicros;
    private uint _rows;
    private byte _lastMarks;
    private bool _open;
    private bool _large;
    private bool _holdsCommits;
    private long _firstCommitAt;
    private bool _positionMoved;
    private long _positionWrittenAt;
    private long _passedBytes;
    private long _passedBytesWritten;

    /// <summary>The newest position that the source committed or advanced to; <see langword="null"/> before the first.</summary>
    public SourcePosition? Position => _position.Written.IsEmpty ? null : new(Encoding.UTF8.GetString(_position.Written));

    /// <summary>Takes the position found in the log's tail.</summary>
    public void ResumeAt(ReadOnlySpan<byte> position)
    {
        _position.Set(position);
        _sealed.Set(position);
    }

    /// <inheritdoc/>
    public uint Define(TableSchema schema) => schemas.Define(schema);

    /// <inheritdoc/>
    public uint Renew(TableSchema schema) => schemas.Renew(schema);

    /// <inheritdoc/>
    public IReadOnlyList<KeyValuePair<uint, TableSchema>> Shapes => schemas.All();

    /// <inheritdoc/>
    public void Begin(ReadOnlySpan<byte> transactionId, long committedAtMicros)
    {
        if (_open)
            throw new InvalidOperationException("A transaction is open already.");
        transactionId.CopyTo(_transactionId);
        _idBytes = transactionId.Length;
        _committedAtMicros = committedAtMicros;
        _rows = 0;
        _open = true;
        _batch ??= stream.NewBatch();
        StampAndMark(_batch);
    }

    /// <inheritdoc/>
    public Span<byte> BeginRow(int maxBytes)
    {
        var batch = OpenBatch();
        var limit = _large ? SealBytes : LargeTransactionBytes;
        if (batch.SizeBytes - _startBytes > limit && schemas.IsDurable)
            batch = SendPart(batch);

        var headerBytes = EncodedChange.HeaderBytes + _idBytes;
        batch.BeginRecord(default, hasKey: false);
        return batch.GetSpan(headerBytes + maxBytes)[headerBytes..];
    }

    /// <inheritdoc/>
    public void EndRow(ChangeKind kind, uint schemaId, int beforeBytes, int afterBytes)
    {
        var batch = OpenBatch();
        var bytes = EncodedChange.HeaderBytes + _idBytes + (long)beforeBytes + afterBytes;
        if (bytes > MaxRecordBytes)
        {
            batch.CancelRecord();
            throw EngineErrors.RowTooLarge(
                schemas.Find(schemaId)?.Table ?? new("?", "?"), Encoding.ASCII.GetString(_transactionId, 0, _idBytes), bytes, MaxRecordBytes);
        }

        var marks = (beforeBytes > 0 ? ChangeMarks.HasBefore : 0) | (afterBytes > 0 ? ChangeMarks.HasAfter : 0);
        EncodedChange.WriteHeader(
            batch.GetSpan((int)bytes), kind, marks, schemaId, _committedAtMicros, _rows, beforeBytes, _transactionId.AsSpan(0, _idBytes));
        batch.Advance((int)bytes);
        batch.EndRecord();
        _lastMarks = (byte)marks;
        _rows++;
    }

    /// <inheritdoc/>
    public ValueTask CommitAsync(IPosition position, bool moreInput, CancellationToken cancellationToken)
    {
        var batch = OpenBatch();
        _open = false;
        if (_rows == 0)
            return AdvanceAsync(position, moreInput, cancellationToken);

        batch.PatchLastValue(offset: 2, (byte)(_lastMarks | (byte)ChangeMarks.LastOfTransaction));
        var now = Take(position, moreInput);
        evidence.Committed(_rows, _committedAtMicros);
        if (!_holdsCommits)
            _firstCommitAt = now;
        _holdsCommits = true;
        return ShouldSeal(batch, now, moreInput) ? SealAsync(moreInput, cancellationToken) : default;
    }

    /// <inheritdoc/>
    public void Rollback()
    {
        if (!_open)
            return;
        _open = false;
        OpenBatch().RollbackTo(_start);
        if (_large)
            Target.Append(Target.NewBatch(), BatchKind.AbortMarker);
        _large = false;
        LeaveParked();
    }

    /// <inheritdoc/>
    public ValueTask AdvanceAsync(IPosition position, bool moreInput, CancellationToken cancellationToken)
    {
        if (_open)
            throw new InvalidOperationException("A transaction is open.");
        var now = Take(position, moreInput);
        var seal = _holdsCommits
            ? ShouldSeal(OpenBatch(), now, moreInput)
            : _positionMoved && (_positionWrittenAt == 0 || time.GetElapsedTime(_positionWrittenAt, now) >= QuietInterval
                || _passedBytes - _passedBytesWritten >= QuietBytes);
        if (seal)
            return SealAsync(moreInput, cancellationToken);
        if (!moreInput)
            evidence.ToldAll();
        return default;
    }

    /// <inheritdoc/>
    public ValueTask WhenRoomAsync(CancellationToken cancellationToken) => Target.WhenRoomAsync(cancellationToken);

    /// <inheritdoc/>
    public void Progress(SnapshotProgress progress) => evidence.Progress(progress);

    /// <summary>Drops an open transaction and sends out all that was committed.</summary>
    public ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        Rollback();
        return _holdsCommits || _positionMoved ? SealAsync(cancellationToken) : default;
    }

    /// <summary>The same without waiting. What cannot go out yet is dropped: the position in the log does not cover it.</summary>
    public void Close()
    {
        Rollback();
        if ((_holdsCommits || _positionMoved) && schemas.IsDurable)
            Seal();
        _batch?.Dispose();
        _batch = null;
        _holdsCommits = false;
    }

    private BatchBuilder OpenBatch() => _batch ?? throw new InvalidOperationException("No transaction is open.");

    // Before a transaction like the last one would take it over the limit: buffers come in powers of two, and one byte over it costs another MiB.
    private bool ShouldSeal(BatchBuilder batch, long now, bool moreInput) =>
        _large || !moreInput || batch.SizeBytes + (batch.SizeBytes - _startBytes) > SealBytes || time.GetElapsedTime(_firstCommitAt, now) >= SealDelay;

    private ValueTask SealAsync(bool moreInput, CancellationToken cancellationToken)
    {
        var sealing = SealAsync(cancellationToken);
        if (moreInput)
            return sealing;
        if (!sealing.IsCompletedSuccessfully)
            return WaitAsync(sealing);
        evidence.ToldAll();
        return default;

        async ValueTask WaitAsync(ValueTask waiting)
        {
            await waiting;
            evidence.ToldAll();
        }
    }

    private long Take(IPosition position, bool moreInput)
    {
        _position.Clear();
        position.WriteTo(_position);
        _passedBytes = position.PassedBytes;
        if (_passedBytes < _passedBytesWritten)
            _passedBytesWritten = 0; // another run of the source, which counts anew
        _positionMoved = !_position.Written.SequenceEqual(_sealed.Written);
        var now = time.GetTimestamp();
        evidence.Heard(now, moreInput);
        return now;
    }

    private void StampAndMark(BatchBuilder batch)
    {
        batch.TimestampMs = time.GetUtcNow().ToUnixTimeMilliseconds();
        _start = batch.Mark();
        _startBytes = batch.SizeBytes;
    }

    // The open transaction has outgrown one batch. What was committed before it goes out alone first, so that its fate is its own.
    private BatchBuilder SendPart(BatchBuilder batch)
    {
        if (_holdsCommits)
        {
            var own = stream.NewBatch();
            BatchTail.Move(batch, _start, own);
            Seal();
            batch = own;
        }

        Target.Append(batch, BatchKind.Transactional);
        _large = true;
        _batch = Target.NewBatch();
        StampAndMark(_batch);
        return _batch;
    }

    private ValueTask SealAsync(CancellationToken cancellationToken)
    {
        var room = stream.WhenRoomAsync(cancellationToken);
        if (!schemas.IsDurable || !room.IsCompletedSuccessfully)
            return SealLaterAsync(room, cancellationToken);
        Seal();
        return default;
    }

    private async ValueTask SealLaterAsync(ValueTask room, CancellationToken cancellationToken)
    {
        await room;
        await schemas.WhenDurableAsync(cancellationToken);
        Seal();
    }

    private void Seal()
    {
        var batch = _batch ?? stream.NewBatch();
        batch.TimestampMs = time.GetUtcNow().ToUnixTimeMilliseconds();
        var position = _position.Written;
        WritePosition(batch, position);
        var records = batch.RecordCount;
        var end = stream.Append(batch, _large ? BatchKind.Transactional : BatchKind.Plain) + records;
        if (_large)
            end = stream.Append(stream.NewBatch(), BatchKind.CommitMarker) + 1;
        evidence.Sealed(position, end, stream.SyncedOffset);
        LetGoOfParked(end);
        _sealed.Set(position);
        _batch = null;
        _large = false;
        _holdsCommits = false;
        _positionMoved = false;
        _positionWrittenAt = time.GetTimestamp();
        _passedBytesWritten = _passedBytes;
    }

    private static void WritePosition(BatchBuilder batch, ReadOnlySpan<byte> position)
    {
        batch.BeginRecord(default, hasKey: false);
        var value = batch.GetSpan(2 + position.Length);
        value[0] = EncodedChange.Version;
        value[1] = (byte)ChangeKind.Position;
        position.CopyTo(value[2..]);
        batch.Advance(2 + position.Length);
        batch.EndRecord();
    }
}
