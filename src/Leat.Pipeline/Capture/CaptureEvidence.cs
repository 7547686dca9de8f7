using System.Text;
using Leat.Changes;

namespace Leat.Pipeline.Capture;

/// <summary>What a capture run leaves behind for the status: counts and times. Written by capture alone, read by anyone.</summary>
internal sealed class CaptureEvidence(TimeProvider time)
{
    private readonly Lock _gate = new();
    private byte[] _sealed = [];
    private byte[] _durable = [];
    private int _sealedBytes;
    private int _durableBytes;
    private long _sealedEnd;
    private long _changes;
    private long _transactions;
    private long _heardAt;
    private long _idleAt;
    private long _lastCommit;
    private SnapshotProgress? _snapshot;
    private LeatException? _failure;
    private int _attempts;
    private bool _stopped;
    private bool _hasToldAll;

    public long Changes => Volatile.Read(ref _changes);

    public long Transactions => Volatile.Read(ref _transactions);

    /// <summary>Monotonic time of the last call of the source; 0 before the first.</summary>
    public long HeardAt => Volatile.Read(ref _heardAt);

    /// <summary>Monotonic time at which the source last had nothing more waiting; 0 when never.</summary>
    public long IdleAt => Volatile.Read(ref _idleAt);

    /// <summary>Commit time of the last captured transaction, microseconds since 1970 UTC; 0 when there is none.</summary>
    public long LastCommitMicros => Volatile.Read(ref _lastCommit);

    public SnapshotProgress? Snapshot => Volatile.Read(ref _snapshot);

    /// <summary>What keeps capture from working now.</summary>
    public LeatException? Failure => Volatile.Read(ref _failure);

    public int Attempts => Volatile.Read(ref _attempts);

    public bool Stopped => Volatile.Read(ref _stopped);

    /// <summary>Whether the source had nothing more waiting at some time, and all that it had told by then is in the log.</summary>
    public bool HasToldAll => Volatile.Read(ref _hasToldAll);

    public void ToldAll() => Volatile.Write(ref _hasToldAll, true);

    public void Heard(long timestamp, bool moreInput)
    {
        Volatile.Write(ref _heardAt, timestamp);
        if (!moreInput)
            Volatile.Write(ref _idleAt, timestamp);
        if (_failure is not null)
            Volatile.Write(ref _failure, null);
    }

    public void Committed(long changes, long committedAtMicros)
    {
        Volatile.Write(ref _changes, _changes + changes);
        Volatile.Write(ref _transactions, _transactions + 1);
        Volatile.Write(ref _lastCommit, committedAtMicros);
    }

    public void Progress(SnapshotProgress progress)
    {
        Volatile.Write(ref _heardAt, time.GetTimestamp());
        Volatile.Write(ref _snapshot, progress.Table is null ? null : progress);
    }

    public void Failed(LeatException failure, int attempts)
    {
        Volatile.Write(ref _attempts, attempts);
        Volatile.Write(ref _failure, failure);
    }

    public void Stop() => Volatile.Write(ref _stopped, true);

    /// <summary>Notes the position of a batch that was appended, and where it ends.</summary>
    public void Sealed(ReadOnlySpan<byte> position, long endOffset, long syncedOffset)
    {
        lock (_gate)
        {
            Promote(syncedOffset);
            Copy(position, ref _sealed, ref _sealedBytes);
            _sealedEnd = endOffset;
        }
    }

    /// <summary>The newest position known to be durable, or <see langword="null"/>.</summary>
    public string? DurablePosition(long syncedOffset)
    {
        lock (_gate)
        {
            Promote(syncedOffset);
            return _durableBytes == 0 ? null : Encoding.UTF8.GetString(_durable, 0, _durableBytes);
        }
    }

    private void Promote(long syncedOffset)
    {
        if (syncedOffset >= _sealedEnd && _sealedBytes > 0)
            Copy(_sealed.AsSpan(0, _sealedBytes), ref _durable, ref _durableBytes);
    }

    private static void Copy(ReadOnlySpan<byte> from, ref byte[] to, ref int bytes)
    {
        if (to.Length < from.Length)
            to = new byte[from.Length * 2];
        from.CopyTo(to);
        bytes = from.Length;
    }
}
