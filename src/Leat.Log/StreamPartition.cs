using Leat.Log.Compaction;
using Microsoft.Extensions.Logging;

namespace Leat.Log;

/// <summary>One stream: an ordered, durable sequence of records, in one folder.</summary>
/// <remarks>
/// Append only queues; the partition's worker writes and syncs whole groups. What a power cut could undo is never readable, and a
/// transaction is not before its commit marker is durable. Any number of readers; appends may come from several threads.
/// </remarks>
public sealed class StreamPartition
{
    // A group holds no more memory than this, so that readers move on while a long queue is written.
    private const long MaxGroupBytes = 8L * 1024 * 1024;

    // A batch begins with a buffer of the last one's size; one huge batch does not make the next ones huge.
    private const int MostFirstBytes = 2 * 1024 * 1024;

    private readonly Lock _gate = new();
    private readonly LogDirectory _directory;
    private readonly StreamOptions _options;
    private readonly TimeProvider _time;
    private readonly SegmentTable _table;
    private readonly SegmentWriter _writer;
    private readonly Queue<PendingBatch> _pending = new();
    private readonly List<PendingBatch> _group = [];
    private TaskCompletionSource? _changed;
    private ILogWorker? _worker;
    private long _endOffset;
    private long _waitingBytes;
    private long _queuedMemory;
    private int _firstBytes = 16 * 1024;
    private bool _inTransaction;
    private bool _closed;
    private bool _cannotCompact;

    internal StreamPartition(
        string name, LogDirectory directory, PartitionFolder folder, RecoveredPartition recovered, StreamOptions options,
        TimeProvider time, ILogger log)
    {
        Name = name;
        Epoch = recovered.Manifest.Epoch;
        Folder = folder;
        Log = log;
        _directory = directory;
        _options = options;
        _time = time;
        _endOffset = recovered.NextOffset;
        _table = new(recovered.Manifest, recovered.Index, recovered.Transactions, recovered.ActiveBytes, recovered.NextOffset);
        _writer = new(folder, _table, _gate, options, time, log, recovered) { Synced = OnSynced };
        _inTransaction = recovered.Transactions.Open is not null;
    }

    /// <summary>The stream's name.</summary>
    public string Name { get; }

    /// <summary>Number raised whenever offsets may repeat; from 1. Fixed while the log is open.</summary>
    public uint Epoch { get; }

    /// <summary>The first offset that is kept.</summary>
    public long StartOffset => Locked(static table => table.StartOffset);

    /// <summary>The next offset to be given.</summary>
    public long EndOffset => Interlocked.Read(ref _endOffset);

    /// <summary>Every offset below is durable.</summary>
    public long SyncedOffset => Locked(static table => table.SyncedOffset);

    /// <summary>Every offset below may be read: durable, and before the first record of a transaction still open.</summary>
    public long ReadableOffset => Locked(static table => table.ReadableOffset);

    internal PartitionFolder Folder { get; }

    internal ILogger Log { get; }

    internal StreamOptions Options => _options;

    /// <summary>An empty batch, its buffer from the pool. Hand it to <see cref="Append"/>, or dispose it.</summary>
    public BatchBuilder NewBatch() => new(Volatile.Read(ref _firstBytes), _time.GetUtcNow().ToUnixTimeMilliseconds());

    /// <summary>Takes the batch over and returns the offset of its first record. No input or output on the caller's thread.</summary>
    /// <param name="batch">At least one record; empty for a marker. Not to be used afterwards.</param>
    /// <param name="kind">Markers close the open transaction; while one is open nothing plain may be appended.</param>
    /// <exception cref="LogException">The log has stopped or is closed.</exception>
    public long Append(BatchBuilder batch, BatchKind kind = BatchKind.Plain)
    {
        if (batch.IsTaken)
            throw new InvalidOperationException("The batch was appended or disposed before.");
        var isMarker = kind is BatchKind.CommitMarker or BatchKind.AbortMarker;
        if (isMarker != (batch.RecordCount == 0))
            throw new InvalidOperationException(isMarker ? "A marker carries no records of the caller's." : "The batch has no record.");
        batch.CancelRecord();
        if (isMarker)
            batch.BecomeMarker(kind == BatchKind.CommitMarker, Epoch);

        long offset;
        lock (_gate)
        {
            ThrowIfStopped();
            if (_inTransaction ? kind == BatchKind.Plain : isMarker)
                throw new InvalidOperationException(isMarker ? "There is no open transaction to close." : "A transaction is open.");
            _inTransaction = kind == BatchKind.Transactional;
            offset = _endOffset;
            Interlocked.Exchange(ref _endOffset, offset + batch.RecordCount);
            _waitingBytes += batch.SizeBytes;
            batch.IsTaken = true;
            _firstBytes = Math.Clamp(batch.SizeBytes, 512, MostFirstBytes);
            _queuedMemory += batch.BufferBytes;
            _pending.Enqueue(new(batch, kind, offset));
        }

        _worker?.Wake();
        return offset;
    }

    /// <summary>Completes while fewer than <see cref="StreamOptions.MaxUnsyncedBytes"/> wait to be synced; normally at once.</summary>
    /// <remarks>The memory of batches not yet written counts, too: a tiny batch holds more than its bytes.</remarks>
    /// <exception cref="LogException">The log has stopped or is closed.</exception>
    public ValueTask WhenRoomAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
            ThrowIfStopped();
        return WaitAsync(
            static (partition, _) => Math.Max(partition._waitingBytes, partition._queuedMemory) < partition._options.MaxUnsyncedBytes,
            0, cancellationToken);
    }

    /// <summary>Completes when <see cref="SyncedOffset"/> has reached the offset: every record before it is durable.</summary>
    /// <exception cref="LogException">The log has stopped or is closed before that.</exception>
    public ValueTask WaitSyncedAsync(long offset, CancellationToken cancellationToken) =>
        WaitAsync(static (partition, wanted) => partition._table.SyncedOffset >= wanted, offset, cancellationToken);

    /// <summary>Completes when <see cref="ReadableOffset"/> is beyond the offset: the record there can be read. Woken, never polled.</summary>
    /// <exception cref="LogException">The log has stopped or is closed before that.</exception>
    public ValueTask WaitReadableAsync(long offset, CancellationToken cancellationToken) =>
        WaitAsync(static (partition, wanted) => partition._table.ReadableOffset > wanted, offset, cancellationToken);

    /// <summary>A reader from an offset on.</summary>
    /// <param name="fromOffset">From <see cref="StartOffset"/> to <see cref="EndOffset"/>.</param>
    /// <exception cref="LogException">The stream does not have that offset.</exception>
    public LogReader NewReader(long fromOffset)
    {
        var (start, end) = (StartOffset, EndOffset);
        return fromOffset >= start && fromOffset <= end
            ? new(this, fromOffset)
            : throw LogErrors.OffsetUnknown(Name, fromOffset, start, end);
    }

    /// <summary>The last readable batch of committed records, or null when there is none. Its last record is where capture resumes.</summary>
    public LogBlock? ReadLastCommittedBatch()
    {
        BatchPlace? last;
        lock (_gate)
            last = _table.LastCommitted;
        return last is { } place ? LogReader.ReadBatchAt(this, place) : null;
    }

    /// <summary>The random number under which the record of an offset is, or will be, written. With the offset it names one record for all time.</summary>
    /// <remarks>A stream that was removed and begun anew, or whose tail was cut, gives offsets again, but never under the same number.</remarks>
    public long IncarnationOf(long offset)
    {
        lock (_gate)
            return _table.IncarnationOf(offset);
    }

    /// <summary>Where the offsets of an incarnation end; <see cref="long.MaxValue"/> for the latest, <see langword="null"/> for one that this stream does not have.</summary>
    public long? EndOfIncarnation(long incarnation)
    {
        lock (_gate)
            return _table.EndOfIncarnation(incarnation);
    }

    /// <summary>Aborts what recovery found open, so that readers are held up by nothing that nobody will finish.</summary>
    internal void AbortOpenTransaction()
    {
        OpenTransaction? open;
        lock (_gate)
            open = _table.OpenTransaction;
        if (open is null)
            return;
        Append(NewBatch(), BatchKind.AbortMarker);
        Drain();
        Log.AbortedOpenTransaction(Name, open.Value.First);
    }

    internal void Start(ILogScheduler scheduler) => _worker = scheduler.Start($"log {Name}", Step);

    /// <summary>Lets everybody who waits look again.</summary>
    internal void Signal()
    {
        TaskCompletionSource? changed;
        lock (_gate)
            (changed, _changed) = (_changed, null);
        changed?.TrySetResult();
    }

    /// <summary>Writes and syncs what was appended, then leaves the folder clean; after a failure it leaves the folder as it is.</summary>
    internal void Close()
    {
        lock (_gate)
            _closed = true;
        _worker?.Dispose();
        try
        {
            if (_directory.Failure is null)
            {
                Drain();
                _writer.Close();
            }
        }
        catch (DiskException error)
        {
            _directory.Fail(error);
            Log.CloseFailed(error, Name);
        }

        _writer.CloseFile();
        Signal();
    }

    internal (SegmentWindow Window, long Readable) WindowOf(long offset)
    {
        lock (_gate)
            return (_table.WindowOf(offset), _table.ReadableOffset);
    }

    internal long ActivePositionBefore(long offset)
    {
        lock (_gate)
            return _table.ActivePositionBefore(offset);
    }


    internal AbortedRange[] AbortedWithin(long first, long next)
    {
        lock (_gate)
            return _table.AbortedWithin(first, next);
    }

    /// <summary>What readers see of segments and transactions, at one moment.</summary>
    internal T Locked<T>(Func<SegmentTable, T> read)
    {
        lock (_gate)
            return read(_table);
    }

    /// <summary>Compacts the closed segments when it is worth it. Called by one thread at a time.</summary>
    /// <param name="stopping">Asks to stop soon.</param>
    /// <param name="maxKeyBytes">Most memory for keys.</param>
    /// <returns>Whether segments were compacted.</returns>
    internal bool CompactIfDue(CancellationToken stopping, long maxKeyBytes = Compactor.DefaultKeyBytes)
    {
        if (!_options.Compact || _cannotCompact || _directory.Failure is not null)
            return false;
        var compactor = new Compactor(this, _time.GetUtcNow().ToUnixTimeMilliseconds(), maxKeyBytes, stopping);
        try
        {
            if (!compactor.RunIfDue())
                return false;
            Log.Compacted(Name, compactor.Removed);
            return true;
        }
        catch (DiskException error) when (error.Kind == DiskFailure.Full)
        {
            Log.NoRoomToCompact(Name, error.Path); // the file is written anew by the next run
        }
        catch (DiskException error)
        {
            _directory.Fail(error);
        }
        catch (LogException error) when (_directory.Failure is null)
        {
            _cannotCompact = true;
            Log.CannotCompact(error, Name);
        }

        return false;
    }

    /// <summary>Puts complete, durable files <c>.cleaned</c> in the places of closed segments.</summary>
    /// <param name="next">First offset after the segments that go; they begin where the first of <paramref name="replacements"/> does.</param>
    /// <param name="replacements">At least one; in order.</param>
    internal void ReplaceClosed(long next, IReadOnlyList<SealedSegment> replacements)
    {
        try
        {
            lock (Folder.ManifestGate)
            {
                var replacing = Locked(table => table.Replacing(next, replacements));
                Folder.WriteManifest(replacing);
                var names = Folder.Disk.List(Folder.Path);
                Manifest replaced;
                lock (_gate)
                {
                    // In one step for readers: whoever opens a file knows afterwards whether it is the one it was told of.
                    FileIntents.Swap(Folder, replacing, names);
                    replaced = _table.Replace(replacing);
                }

                FileIntents.Drop(Folder, replacing, names);
                Folder.WriteManifest(replaced);
            }
        }
        catch (DiskException error)
        {
            throw _directory.Fail(error);
        }
    }

    private TimeSpan? Step()
    {
        if (_directory.Failure is not null)
            return null;
        try
        {
            if (TakeGroup())
                _writer.Write(_group);
            else if (_writer.UntilSync() == TimeSpan.Zero)
                _writer.Sync();
        }
        catch (DiskException error)
        {
            _directory.Fail(error);
            return null;
        }

        lock (_gate)
            return _pending.Count > 0 ? TimeSpan.Zero : _writer.UntilSync();
    }

    private bool TakeGroup()
    {
        _group.Clear();
        var bytes = 0L;
        bool hasRoomAgain;
        lock (_gate)
        {
            var wasFull = _queuedMemory >= _options.MaxUnsyncedBytes;
            while (bytes < MaxGroupBytes && _pending.TryDequeue(out var next))
            {
                _group.Add(next);
                bytes += next.Builder.BufferBytes;
            }

            _queuedMemory -= bytes;
            hasRoomAgain = wasFull && _queuedMemory < _options.MaxUnsyncedBytes;
        }

        if (hasRoomAgain)
            Signal();
        return _group.Count > 0;
    }

    private void Drain()
    {
        while (TakeGroup())
            _writer.Write(_group);
        _writer.Sync();
    }

    private void OnSynced(long bytes)
    {
        lock (_gate)
            _waitingBytes -= bytes;
        Signal();
    }

    private ValueTask WaitAsync(Func<StreamPartition, long, bool> reached, long offset, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (reached(this, offset))
                return ValueTask.CompletedTask;
        }

        return WaitSlowlyAsync(reached, offset, cancellationToken);
    }

    private async ValueTask WaitSlowlyAsync(Func<StreamPartition, long, bool> reached, long offset, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                if (reached(this, offset))
                    return;
                ThrowIfStopped();
                changed = (_changed ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
            }

            await changed.WaitAsync(cancellationToken);
        }
    }

    private void ThrowIfStopped()
    {
        if (_directory.Failure is { } failure)
            throw new LogException(failure.Code, failure.What, failure.Remedy, failure);
        if (_closed)
            throw LogErrors.Closed(_directory.Path);
    }

}
