using Microsoft.Extensions.Logging;

namespace Leat.Log;

/// <summary>Writes one partition's batches and syncs them in groups. Runs on the partition's worker alone.</summary>
/// <remarks>
/// The group is what was appended while the last sync ran: one write of all its batches, straight from their builders, and one
/// sync. Nothing here is ever tried again: after a failure nobody knows what the disk holds, and recovery finds out.
/// </remarks>
internal sealed class SegmentWriter(
    PartitionFolder folder, SegmentTable table, Lock gate, StreamOptions options, TimeProvider time, ILogger log,
    RecoveredPartition recovered)
{
    // The manifest's watermark is renewed this often, so that recovery never hunts for it far back. Batches carry a fresher one.
    private const long ManifestIntervalBytes = 64L * 1024 * 1024;

    private readonly List<ArraySegment<byte>> _run = [];
    private readonly List<WrittenBatch> _unsynced = [];
    private IDiskFile _file = recovered.Active;
    private long _base = recovered.Manifest.ActiveBase;
    private long _bytes = recovered.ActiveBytes;
    private long _runAt;
    private long _sinceManifest;
    private long _oldestUnsyncedAt;

    /// <summary>Raised after each sync, with the bytes that became durable.</summary>
    public required Action<long> Synced { get; init; }

    public bool HasUnsynced => _unsynced.Count > 0;

    /// <summary>Writes the batches, and syncs them when it is time.</summary>
    public void Write(List<PendingBatch> group)
    {
        _runAt = _bytes;
        try
        {
            foreach (var pending in group)
            {
                if (_bytes > 0 && _bytes + pending.Builder.Batch.Count > options.SegmentBytes)
                    Roll();
                Add(pending);
            }

            WriteRun();
        }
        finally
        {
            foreach (var pending in group)
                pending.Builder.Release();
        }

        if (UntilSync() == TimeSpan.Zero)
            Sync();
    }

    /// <summary>Time until what is written must be synced; zero: now; null: nothing waits.</summary>
    public TimeSpan? UntilSync()
    {
        if (_unsynced.Count == 0)
            return null;
        if (options.Sync == SyncMode.Commit || _bytes - _unsynced[0].Place.Position > options.MaxUnsyncedBytes / 2)
            return TimeSpan.Zero;
        var left = options.SyncInterval - time.GetElapsedTime(_oldestUnsyncedAt);
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    /// <summary>Makes all that is written durable, and only then known to readers.</summary>
    public void Sync()
    {
        if (_unsynced.Count == 0)
            return;
        _file.SyncData();
        var bytes = _bytes - _unsynced[0].Place.Position;
        lock (gate)
            table.Publish(_unsynced);
        _unsynced.Clear();
        Synced(bytes);

        _sinceManifest += bytes;
        if (_sinceManifest >= ManifestIntervalBytes)
            WriteManifest(clean: false);
    }

    /// <summary>After the last sync: leaves the folder so that the next start has nothing to recover.</summary>
    public void Close()
    {
        folder.WriteIndex(_base, table.IndexBytes);
        WriteManifest(clean: true);
    }

    /// <summary>Lets the file go, in whatever state.</summary>
    public void CloseFile() => _file.Dispose();

    private void Add(PendingBatch pending)
    {
        var builder = pending.Builder;
        var attributes = pending.Kind switch
        {
            BatchKind.Plain => (short)0,
            BatchKind.Transactional => BatchFormat.Transactional,
            _ => (short)(BatchFormat.Transactional | BatchFormat.Control),
        };
        builder.Seal(new(
            pending.BaseOffset, recovered.Manifest.Epoch, attributes, builder.RecordCount,
            table.IncarnationOf(pending.BaseOffset), table.SyncedOffset), options.Compression);
        _run.Add(builder.Stored);
        var size = builder.Stored.Count;
        if (_unsynced.Count == 0)
            _oldestUnsyncedAt = time.GetTimestamp();
        _unsynced.Add(new(pending.Kind, pending.BaseOffset, pending.BaseOffset + builder.RecordCount, new(_base, _bytes, size),
            new BatchView(builder.Batch).LatestTime));
        _bytes += size;
    }

    private void WriteRun()
    {
        if (_run.Count == 0)
            return;
        _file.Write(_runAt, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_run));
        _run.Clear();
        _runAt = _bytes;
    }

    // The manifest closes the old segment and names the new one before there is a new one: recovery makes what is missing.
    private void Roll()
    {
        WriteRun();
        Sync();
        lock (folder.ManifestGate)
            RollManifest();
    }

    private void RollManifest()
    {
        var rolled = table.Rolled();
        folder.WriteIndex(_base, table.IndexBytes);
        folder.WriteManifest(rolled);
        var file = folder.Disk.Open(folder.SegmentPath(rolled.ActiveBase), DiskOpen.CreateNew);
        _file.Dispose();
        _file = file;
        folder.Disk.SyncDirectory(folder.Path);
        lock (gate)
            table.Roll(rolled);
        _base = rolled.ActiveBase;
        _bytes = _runAt = _sinceManifest = 0;
        log.Rolled(rolled.Stream, rolled.ActiveBase);
    }

    private void WriteManifest(bool clean)
    {
        lock (folder.ManifestGate)
            folder.WriteManifest(table.Current(clean));
        _sinceManifest = 0;
    }
}

/// <summary>A batch that was appended and not yet written.</summary>
internal readonly record struct PendingBatch(BatchBuilder Builder, BatchKind Kind, long BaseOffset);
