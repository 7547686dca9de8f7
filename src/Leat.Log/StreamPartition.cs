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
    private const long MaxGroupBytes = 4L * 1024 * 1024;

    private const int ClosedCode = 2019;

    // A batch begins with a buffer of the last one's size; one huge batch does not make the next ones huge.
    private const int MostFirstBytes = 2 * 1024 * 1024;

    private readonly Lock _gate = new();
    private readonly Lock _maintaining = new();
    private readonly LogDirectory _directory;
    private readonly TimeProvider _time;
    private readonly SegmentTable _table;
    private readonly SegmentWriter _writer;
    private readonly StreamRetention _retention;
    private readonly SideFileMaker _sideFiles;
    private readonly Queue<PendingBatch> _pending = new();
    private readonly List<PendingBatch> _group = [];
    private StreamOptions _options;
    private LogException? _ended;
    private readonly Waiters _waiters = new();
    private ILogWorker? _worker;
    private long _endOffset;
    private long _waitingBytes;
    private long _queuedMemory;
    private int _firstBytes = 16 * 1024;
    private bool _inTransaction;

    internal StreamPartition(
        string name, LogDirectory directory, PartitionFolder folder, RecoveredPartition recovered, StreamOptions options,
        TimeProvider time, ILogger log)
    {
        Name = name;
        Epoch = recovered.Manifest.Epoch;
        Folder = folder;
        Logger = log;
        _directory = directory;
        _options = options;
        _time = time;
        _endOffset = recovered.NextOffset;
        Tail = new(options.TailBytes);
        _sideFiles = new(this, recovered.Manifest.ActiveBase);
        _table = new(recovered);
        Manifests = new(folder, _table, _gate);
        _writer = new(folder, _table, _gate, Manifests, time, log)
        {
            Options = options, Synced = OnSynced, CheckFolder = directory.CheckFolder, Closed = directory.LookSoon, Tail = Tail,
        };
        _retention = new(name, folder, _table, _gate, Manifests, time, log);
        Compaction = new(this, _retention, _table, _gate, log);
        _inTransaction = recovered.Transactions.Open is not null;
    }

    /// <summary>The stream's name.</summary>
    public string Name { get; }

    /// <summary>The settings in force; see <see cref="Alter"/>.</summary>
    public StreamOptions Options => Volatile.Read(ref _options);

    /// <summary>Number raised whenever offsets may repeat; from 1. Fixed while the log is open.</summary>
    public uint Epoch { get; }

    /// <summary>The first offset that is kept.</summary>
    public long StartOffset => Locked(static table => table.StartOffset);

    /// <summary>The next offset to be given.</summary>
    public long EndOffset => Interlocked.Read(ref _endOffset);

    /// <summary>Every offset below is durable; in <see cref="SyncMode.Os"/>: is written, and durable when the system likes.</summary>
    public long SyncedOffset => Locked(static table => table.SyncedOffset);

    /// <summary>Every offset below may be read: durable, and before the first record of a transaction still open.</summary>
    public long ReadableOffset => Locked(static table => table.ReadableOffset);

    /// <summary>Bytes of all segments that are kept.</summary>
    public long SizeBytes => Locked(static table => table.TotalBytes);

    /// <summary>Whether <see cref="WhenRoomAsync"/> lets writers go on, and what it waits for when it does not.</summary>
    public IntakeState Intake => _options.IsIntake && _directory.Space.IsFull
        ? new(Log.Intake.DiskFull, _directory.Space.FreeBytes)
        : _retention.Intake;

    /// <summary>Those who still need records, in the order in which they came.</summary>
    public IReadOnlyList<RetentionHold> Holds => _retention.Holds;

    /// <summary>Segments that retention has deleted since the stream was opened.</summary>
    public long DeletedSegments => _retention.DeletedSegments;

    /// <summary>Bytes that retention has deleted since the stream was opened.</summary>
    public long DeletedBytes => _retention.DeletedBytes;

    internal PartitionFolder Folder { get; }

    internal TailCache Tail { get; }

    internal ManifestKeeper Manifests { get; }

    internal ILogger Logger { get; }

    /// <summary>Rewrites closed segments so that the newest record of each key is left.</summary>
    internal StreamCompaction Compaction { get; }

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
    /// <remarks>
    /// The memory of batches not yet written counts, too: a tiny batch holds more than its bytes. Also waits while <see cref="Intake"/> is not open.
    /// </remarks>
    /// <exception cref="LogException">The log has stopped or is closed.</exception>
    public ValueTask WhenRoomAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
            ThrowIfStopped();
        return WaitAsync(
            static (partition, _) => Math.Max(partition._waitingBytes, partition._queuedMemory) < partition._options.MaxUnsyncedBytes
                && partition.Intake.Intake == Log.Intake.Open,
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

    /// <summary>The first offset whose record has this time or a later one; <see cref="ReadableOffset"/> when there is none yet.</summary>
    /// <remarks>Times need not grow with offsets: it is the lowest such offset, and records after it may be earlier.</remarks>
    /// <exception cref="LogException">The stream is damaged there, or cannot be read.</exception>
    public long OffsetAt(DateTimeOffset time) => TimeSearch.OffsetAt(this, time);

    /// <summary>Reads what may hold records of a key, passing over the closed segments that cannot.</summary>
    /// <param name="hash">As <see cref="StreamOptions.KeysOf"/> tells it; by default <see cref="KeyHash.Of"/> of the record's key.</param>
    /// <param name="fromOffset">From <see cref="StartOffset"/> to <see cref="EndOffset"/>.</param>
    /// <param name="toOffset">Where to end; records of the last block may lie beyond.</param>
    /// <exception cref="LogException">The stream does not have the first offset.</exception>
    public KeyReader FindKey(ulong hash, long fromOffset, long toOffset) => new(this, hash, fromOffset, toOffset);

    /// <summary>Keeps all records from an offset on until the hold is disposed or moved up. Holds are not kept over a restart.</summary>
    /// <param name="who">As a person should read it, e.g. <c>pipeline orders-cache</c>.</param>
    /// <param name="offset">The first record that is needed. What was deleted before does not come back.</param>
    public RetentionHold Hold(string who, long offset) => _retention.Hold(who, offset);

    /// <summary>Gives the stream other settings while it runs. They hold from the next group of batches on.</summary>
    /// <exception cref="LogException">A value is not possible; the settings stay as they are.</exception>
    public void Alter(StreamOptions options)
    {
        options.Check(Name);
        lock (_gate)
        {
            ThrowIfStopped();
            _options = options;
        }

        Tail.Resize(options.TailBytes);
        _directory.Maintain(options);
        _worker?.Wake();
        Signal();
    }

    /// <summary>The last readable batch of committed records, or null when there is none. Its last record is where capture resumes.</summary>
    public LogBlock? ReadLastCommittedBatch()
    {
        var last = Locked(static table => table.LastCommitted);
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
        var open = Locked(static table => table.OpenTransaction);
        if (open is null)
            return;
        Append(NewBatch(), BatchKind.AbortMarker);
        Drain();
        Logger.AbortedOpenTransaction(Name, open.Value.First);
    }

    internal void Start(ILogScheduler scheduler) => _worker = scheduler.Start($"log {Name}", Step);

    /// <summary>Lets everybody who waits look again.</summary>
    internal void Signal() => _waiters.Wake();

    /// <summary>Writes and syncs what was appended, then leaves the folder clean; after a failure it leaves the folder as it is.</summary>
    internal void Close()
    {
        End(LogErrors.Closed(_directory.Path));
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
            Logger.CloseFailed(error, Name);
        }
        catch (LogException error)
        {
            _directory.Fail(error);
            Logger.CloseFailed(error, Name);
        }

        _writer.CloseFile();
        Tail.Dispose();
        Signal();
    }

    /// <summary>Lets everything go at once: the folder is to be deleted.</summary>
    internal void Abandon()
    {
        End(LogErrors.StreamDeleted(Name));
        while (TakeGroup())
        {
            foreach (var pending in _group)
                pending.Builder.Release();
        }

        _writer.CloseFile();
        Tail.Dispose();
        Signal();
    }

    /// <summary>One look at retention, compaction, and what was closed since. Returns whether there is more to do at once. Runs on the log's maintenance worker.</summary>
    internal bool Maintain()
    {
        bool more;
        lock (_maintaining)
        {
            if (_ended is not null)
                return false;
            var before = _retention.Intake.Intake;
            more = _retention.Pass(Options);
            Compaction.Pass();
            if (_retention.Intake.Intake != before)
                Signal();
        }

        return _sideFiles.Step() || more;
    }

    /// <summary>Opens a segment's file for reading, and keeps it from being written over until it is closed. Null: there is no such segment any more.</summary>
    internal IDiskFile? OpenSegment(long baseOffset)
    {
        lock (_gate)
        {
            if (!_table.TryHold(baseOffset))
                return null;
        }

        try
        {
            return new HeldSegment(Folder.Disk.Open(Folder.SegmentPath(baseOffset), DiskOpen.Read), this, baseOffset);
        }
        catch (DiskException error)
        {
            LetGo(baseOffset);
            if (error.Kind != DiskFailure.NotFound || Locked(table => table.HasSegment(baseOffset)))
                throw;
            return null;
        }
    }

    /// <summary>A file that <see cref="OpenSegment"/> opened is closed.</summary>
    internal void LetGo(long segment)
    {
        lock (_gate)
            _table.LetGo(segment);
    }

    /// <summary>Where an offset stands, and how far one may read.</summary>
    /// <exception cref="LogException">The offset was deleted by retention, given up by a repair, or the whole stream was deleted.</exception>
    internal (SegmentWindow Window, long Readable) WindowOf(long offset)
    {
        lock (_gate)
        {
            if (_ended is { Code: not ClosedCode } ended)
                throw ended;
            if (offset < _table.StartOffset)
                throw LogErrors.OffsetDeleted(Name, offset, _table.StartOffset);
            if (_table.LostAt(offset) is { } lost)
                throw LogErrors.OffsetLost(Name, lost.First, lost.Next);
            return (_table.WindowOf(offset), _table.ReadableOffset);
        }
    }

    /// <summary>A position at or before the batch of an offset of the active segment; null when only the index file may know.</summary>
    internal long? ActivePositionBefore(long offset) => Locked(table => table.Index?.PositionBefore(offset));

    internal AbortedRange[] AbortedWithin(long first, long next) => Locked(table => table.AbortedWithin(first, next));

    private TimeSpan? Step()
    {
        if (_directory.Failure is not null)
            return null;
        try
        {
            _writer.Options = Options;
            _writer.ApplyOptions();
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
        catch (LogException error)
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
            TaskCompletionSource waiting;
            lock (_gate)
            {
                if (reached(this, offset))
                    return;
                ThrowIfStopped();
                waiting = _waiters.Join();
            }

            await _waiters.WaitAsync(waiting, cancellationToken);
        }
    }

    private void ThrowIfStopped()
    {
        if (_directory.Failure is { } failure)
            throw new LogException(failure.Code, failure.What, failure.Remedy, failure);
        if (_ended is { } ended)
            throw new LogException(ended.Code, ended.What, ended.Remedy, ended);
    }

    // No append, no maintenance and no step of the worker runs or begins after this.
    private void End(LogException reason)
    {
        Compaction.Stop();
        lock (_maintaining)
        {
            lock (_gate)
                _ended = reason;
        }

        _worker?.Dispose();
    }

    internal T Locked<T>(Func<SegmentTable, T> read)
    {
        lock (_gate)
            return read(_table);
    }
}
