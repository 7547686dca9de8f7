using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;

namespace Leat.Log;

/// <summary>Writes one partition's batches and syncs them in groups. Runs on the partition's worker alone.</summary>
/// <remarks>
/// The group is what was appended while the last sync ran: one write of all its batches, straight from their builders, and one
/// sync. A failed sync is never tried again: afterwards nobody knows what the disk holds, and recovery finds out. Nothing is opened or
/// written before the first append.
/// </remarks>
internal sealed class SegmentWriter(PartitionFolder folder, SegmentTable table, Lock gate, ManifestKeeper keeper, TimeProvider time, ILogger log)
{
    /// <summary>The manifest's watermark is renewed this often: an unclean start reads no more than this and what was not synced.</summary>
    public const long ManifestIntervalBytes = 64L * 1024 * 1024;

    private readonly List<ArraySegment<byte>> _run = [];
    private readonly List<WrittenBatch> _unsynced = [];
    private IDiskFile? _file;
    private long _fileBytes;
    private long _base = table.Manifest.ActiveBase;
    private long _bytes = table.ActiveBytes;
    private long _runAt;
    private long _unsyncedMemory;
    private long _sinceManifest;
    private long _oldestUnsyncedAt;
    private bool _writesUnsynced;

    /// <summary>The settings in force; may change between two calls.</summary>
    public required StreamOptions Options { get; set; }

    /// <summary>Raised when batches may be read, with their bytes as they were appended: not compressed.</summary>
    public required Action<long> Synced { get; init; }

    /// <summary>Gets every batch that is written.</summary>
    public required TailCache Tail { get; init; }

    /// <summary>Asked before anything is acknowledged, and before each manifest: throws when the log's folder is not what it was.</summary>
    public required Action<bool> CheckFolder { get; init; }

    /// <summary>Raised when a segment was closed.</summary>
    public required Action Closed { get; init; }

    private bool IsUnsynced => Options.Sync == SyncMode.Os;

    /// <summary>Writes the batches, and syncs them when it is time.</summary>
    public void Write(List<PendingBatch> group)
    {
        try
        {
            Activate();
            _runAt = _bytes;
            foreach (var pending in group)
            {
                if (_bytes > 0 && _bytes + pending.Builder.Batch.Count > Options.SegmentBytes)
                    Roll();
                Add(pending);
            }

            WriteRun();
            foreach (var pending in group)
                Tail.Add(pending.Builder, pending.BaseOffset);
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
        if (Options.Sync != SyncMode.Interval || _unsyncedMemory > Options.MaxUnsyncedBytes / 2)
            return TimeSpan.Zero;
        var left = Options.SyncInterval - time.GetElapsedTime(_oldestUnsyncedAt);
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    /// <summary>Lets readers see all that is written: once it is durable, or at once in <see cref="SyncMode.Os"/>.</summary>
    public void Sync()
    {
        if (_unsynced.Count == 0)
            return;
        if (!_writesUnsynced)
            File.SyncData();
        CheckFolder(false);
        var bytes = _bytes - _unsynced[0].Place.Position;
        lock (gate)
            table.Publish(_unsynced, durable: !_writesUnsynced);
        _unsynced.Clear();
        Synced(_unsyncedMemory);
        _unsyncedMemory = 0;

        _sinceManifest += bytes;
        if (_sinceManifest >= ManifestIntervalBytes)
            RenewManifest(clean: false);
    }

    /// <summary>Brings a change of <see cref="Options"/> into force that the manifest must know of.</summary>
    public void ApplyOptions()
    {
        if (_file is null || _writesUnsynced == IsUnsynced)
            return;
        Sync();
        MakeDurable();
        _writesUnsynced = IsUnsynced;
        RenewManifest(clean: false);
    }

    /// <summary>After the last batch: leaves the folder so that the next start has nothing to recover. Writes nothing when it is so already.</summary>
    public void Close()
    {
        if (_file is null && table.Manifest.Clean)
            return;
        Sync();
        RenewManifest(clean: true);
    }

    /// <summary>Lets the file go, in whatever state.</summary>
    public void CloseFile() => _file?.Dispose();

    private IDiskFile File => _file ?? throw new InvalidOperationException("The active segment is not open.");

    // The manifest says "open" before the first byte reaches a segment, and "unsynced" before the first that nobody synced is read.
    private void Activate()
    {
        if (_file is not null)
            return;
        var index = folder.ReadIndex(_base, _bytes);
        lock (gate)
            table.Index ??= index;
        _writesUnsynced = IsUnsynced;
        CheckFolder(true);
        keeper.Change(now => now.Current(clean: false, _writesUnsynced));
        OpenFile();
    }

    private void OpenFile()
    {
        _file = folder.OpenForWriting(_base);
        _fileBytes = _file.Length;
    }

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
            pending.BaseOffset, table.Manifest.Epoch, attributes, builder.RecordCount,
            table.IncarnationOf(pending.BaseOffset), table.DurableOffset), Options.Compression);
        _run.Add(builder.Stored);
        var size = builder.Stored.Count;
        if (_unsynced.Count == 0)
            _oldestUnsyncedAt = time.GetTimestamp();
        _unsynced.Add(new(pending.Kind, pending.BaseOffset, pending.BaseOffset + builder.RecordCount, new(_base, _bytes, size),
            new BatchView(builder.Batch).LatestTime));
        _bytes += size;
        _unsyncedMemory += builder.Batch.Count;
    }

    private void WriteRun()
    {
        if (_run.Count == 0)
            return;
        var run = CollectionsMarshal.AsSpan(_run);
        try
        {
            File.Write(_runAt, run);
        }
        catch (DiskException error) when (SpaceWatch.MayBeRepeated(error))
        {
            // A write, unlike a sync, may be done again at the same place: only its bytes count.
            if (!folder.Space.Release())
                throw;
            File.Write(_runAt, run);
        }

        folder.Space.Wrote(_bytes - _runAt, Options.MaxUnsyncedBytes);
        _run.Clear();
        _runAt = _bytes;
    }

    // The manifest closes the old segment and names the new one before there is a new one: recovery makes what is missing. A file
    // longer than its segment (it was another's before) is cut only then: until the manifest says where it ends, recovery looks for that.
    private void Roll()
    {
        WriteRun();
        Sync();
        MakeDurable();
        CheckFolder(true);
        WriteIndex();
        keeper.Change(now => now.Rolled(_writesUnsynced));
        if (_fileBytes > _bytes)
            File.Truncate(_bytes);
        File.Dispose();
        _base = table.Manifest.ActiveBase;
        _bytes = _runAt = _sinceManifest = 0;
        OpenFile();
        log.Rolled(table.Manifest.Stream, _base);
        Closed();
    }

    private void MakeDurable()
    {
        if (!_writesUnsynced)
            return;
        File.SyncData();
        lock (gate)
            table.BecameDurable();
    }

    private void RenewManifest(bool clean)
    {
        MakeDurable();
        CheckFolder(true);
        WriteIndex();
        keeper.Change(now => now.Current(clean, _writesUnsynced));
        _sinceManifest = 0;
    }

    private void WriteIndex()
    {
        if (_file is not null && table.Index is { } index)
            folder.WriteIndex(_base, index.Bytes);
    }
}

/// <summary>A batch that was appended and not yet written.</summary>
internal readonly record struct PendingBatch(BatchBuilder Builder, BatchKind Kind, long BaseOffset);
