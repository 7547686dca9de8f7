using System.Buffers;
using Microsoft.Extensions.Logging;

namespace Leat.Log;

/// <summary>A partition as recovery leaves it: ready to be appended to, everything in it durable, no file open.</summary>
/// <param name="Manifest">What stands on the disk, or says the same.</param>
/// <param name="ActiveBytes">Where the active segment ends; its file may be longer when it was another segment's before.</param>
/// <param name="Index">The active segment's; null when its file is to be read first.</param>
/// <param name="Transactions">As of <paramref name="NextOffset"/>.</param>
/// <param name="NextOffset">The next offset to be given.</param>
internal sealed record RecoveredPartition(
    Manifest Manifest, long ActiveBytes, OffsetIndex? Index, TransactionTracker Transactions, long NextOffset);

/// <summary>Brings a partition's folder back into order at start. May be cut off anywhere and started again.</summary>
/// <remarks>
/// Only what was never durable is cut, and a copy is kept. The new manifest comes first, the cut after it: the manifest says how
/// long the closed segment is, so that a start between the two finishes the cut. Damage to what was durable changes nothing on the disk.
/// After an orderly close nothing is opened, scanned or written: the manifest says it all. Every other start leaves the state "open" and its
/// manifest durable: a program killed between a manifest's rename and the folder's sync leaves one that a power cut may take back, and an
/// orderly close is the only one that says nothing which its predecessor and the segments do not.
/// </remarks>
internal sealed class Recovery(PartitionFolder folder, Guid logId, string stream, long mostUnsyncedBytes, ILogger log)
{
    private const int CopyBytes = 1024 * 1024;

    private IDisk Disk => folder.Disk;

    public RecoveredPartition Run()
    {
        var names = Disk.List(folder.Path).ToHashSet(StringComparer.Ordinal);
        var manifest = names.Contains(PartitionFolder.ManifestName) ? folder.ReadManifest() : null;
        if (manifest is null)
            return Create(names);
        if (manifest.LogId != logId)
            throw LogErrors.Foreign(folder.ManifestPath, manifest.LogId, logId);
        if (manifest.Stream != stream)
            throw LogErrors.DamagedFile(folder.ManifestPath, $"it is the manifest of stream {manifest.Stream}");

        manifest = FinishIntents(manifest, names);
        CheckFiles(manifest, names);
        folder.Sweep(names);
        var path = folder.SegmentPath(manifest.ActiveBase);
        var bytes = Disk.Find(path)?.Bytes;
        if (manifest.Clean && manifest.ScanOffset == manifest.Watermark)
            return Resume(manifest, path, bytes);
        if (bytes is null)
            return Without(manifest, path);

        using var file = Disk.Open(path, DiskOpen.ReadWrite);
        return Recover(manifest, file, path);
    }

    private RecoveredPartition Create(HashSet<string> names)
    {
        if (names.Any(name => name.EndsWith(PartitionFolder.SegmentSuffix, StringComparison.Ordinal)))
            throw LogErrors.DamagedFile(folder.ManifestPath, "it is missing, although its folder holds segments");
        Disk.CreateDirectory(folder.Path);
        Disk.SyncDirectory(Path.GetDirectoryName(folder.Path) ?? folder.Path);
        return Finish(new()
        {
            LogId = logId, Stream = stream, Epoch = 1, Clean = false, Watermark = 0, ActiveBase = 0, ScanOffset = 0, ScanPosition = 0,
            Incarnations = [new(0, Incarnation.New(Disk))],
        }, "new");
    }

    // A replacement takes its place before anything else is looked at; then what is deleted goes. The manifest that says so is written
    // anew without them before a second replacement of the same segment can be begun: an unfinished one must never be taken for this one.
    private Manifest FinishIntents(Manifest manifest, HashSet<string> names)
    {
        if (manifest.Swaps.Count == 0 && manifest.Drops.Count == 0)
            return manifest;
        Disk.SyncDirectory(folder.Path); // what is done now must not outlive the manifest that asks for it
        foreach (var segment in manifest.Swaps)
        {
            if (!folder.TryReplace(segment, names))
                continue;
            var name = PartitionFolder.NumberOf(segment);
            names.Remove(name + PartitionFolder.CleanedSuffix);
            names.Add(name + PartitionFolder.SegmentSuffix);
            log.ReplacementFinished(folder.SegmentPath(segment));
        }

        folder.Remove(manifest.Drops, isHeld: static _ => false);
        names.ExceptWith(manifest.Drops.Select(segment => PartitionFolder.NumberOf(segment) + PartitionFolder.SegmentSuffix));
        var finished = manifest with { Swaps = [], Drops = [] };
        folder.WriteManifest(finished);
        names.Remove(PartitionFolder.ManifestName + PartitionFolder.UnfinishedSuffix);
        return finished;
    }

    // Every closed segment is there in its full length, and no other. A longer one was about to be cut when the last start ended.
    private void CheckFiles(Manifest manifest, HashSet<string> names)
    {
        var known = new HashSet<string>(StringComparer.Ordinal) { PartitionFolder.NumberOf(manifest.ActiveBase) + PartitionFolder.SegmentSuffix };
        foreach (var segment in manifest.Sealed)
        {
            var path = folder.SegmentPath(segment.BaseOffset);
            known.Add(Path.GetFileName(path));
            if (Disk.Find(path)?.Bytes is not { } bytes)
                throw LogErrors.SegmentMissing(path, stream, segment.BaseOffset, "is missing");
            if (bytes < segment.Bytes)
                throw TooShort(path, segment.BaseOffset, bytes, segment.Bytes);
            if (bytes == segment.Bytes)
                continue;
            Disk.SyncDirectory(folder.Path); // as for the other intents
            using var file = Disk.Open(path, DiskOpen.ReadWrite);
            Cut(file, segment.Bytes);
        }

        foreach (var name in names)
        {
            if (name.EndsWith(PartitionFolder.SegmentSuffix, StringComparison.Ordinal) && !known.Contains(name))
                throw LogErrors.SegmentUnknown(Path.Combine(folder.Path, name));
        }
    }

    private LogException TooShort(string path, long segment, long bytes, long expected) =>
        LogErrors.SegmentMissing(path, stream, segment, FormattableString.Invariant($"has {bytes} bytes and should have {expected}"));

    private RecoveredPartition Resume(Manifest manifest, string path, long? bytes)
    {
        if (bytes is null && manifest.ScanPosition > 0)
            throw LogErrors.SegmentMissing(path, stream, manifest.ActiveBase, "is missing");
        if (bytes < manifest.ScanPosition)
            throw TooShort(path, manifest.ActiveBase, bytes.Value, manifest.ScanPosition);
        Opened(manifest, manifest.Watermark, "closed");
        return new(manifest, manifest.ScanPosition, Index: null, TransactionsOf(manifest), manifest.Watermark);
    }

    // The end came between two segments, before the second one's file was there.
    private RecoveredPartition Without(Manifest manifest, string path)
    {
        if (manifest.Watermark > manifest.ActiveBase)
            throw LogErrors.SegmentMissing(path, stream, manifest.ActiveBase, "is missing");
        return Finish(Raised(manifest, manifest.ActiveBase, raise: manifest.WasUnsynced), "stopped between two segments");
    }

    private RecoveredPartition Recover(Manifest manifest, IDiskFile file, string path)
    {
        var transactions = TransactionsOf(manifest);
        using var scan = new SegmentScan(
            file, manifest.ActiveBase, manifest.IncarnationOf, manifest.ScanOffset, manifest.ScanPosition,
            folder.ReadIndex(manifest.ActiveBase, manifest.ScanPosition));
        scan.Run(transactions);
        var length = file.Length;
        var reach = manifest.ScanPosition + SegmentWriter.ManifestIntervalBytes + mostUnsyncedBytes + BatchFormat.MaxBatchBytes - scan.Position;
        var written = length > scan.Position ? scan.SearchBeyond(Math.Max(reach, BatchFormat.MaxBatchBytes)) : scan.Position;
        var watermark = Math.Max(manifest.Watermark, scan.Watermark);
        if (watermark > scan.NextOffset)
            throw LogErrors.DamagedAtStart(path, stream, scan.Position, written > scan.Position ? written : length, scan.NextOffset, watermark);

        if (manifest.Clean && written == scan.Position && manifest.Watermark == scan.NextOffset)
        {
            Opened(manifest, scan.NextOffset, "closed");
            return new(State(manifest, scan, transactions), scan.Position, scan.Index, transactions, scan.NextOffset);
        }

        // What was written and perhaps not synced may stand in the cache alone, marked as written by a sync that failed:
        // writing it again makes this sync a real one.
        var doubtful = Math.Max(manifest.ScanPosition, watermark == manifest.Watermark ? 0 : scan.Index?.PositionBefore(watermark) ?? 0);
        WriteAgain(file, doubtful, scan.Position);
        var cut = written - scan.Position;
        if (cut > 0)
            CopyAside(file, path, scan.Position, written, manifest.Epoch + 1);
        file.SyncData();
        return Seal(manifest, file, scan, transactions, cut > 0);
    }

    // What is left over after the last whole batch was cut from what is in the file, or is the rest of a deleted segment.
    private RecoveredPartition Seal(Manifest manifest, IDiskFile file, SegmentScan scan, TransactionTracker transactions, bool cuts)
    {
        var next = Raised(State(manifest, scan, transactions), scan.NextOffset, raise: cuts || manifest.WasUnsynced);
        if (scan.Position == 0)
        {
            folder.WriteManifest(next);
            if (cuts)
                Cut(file, 0);
            Opened(next, scan.NextOffset, "stopped uncleanly");
            return new(next, 0, scan.Index, transactions, scan.NextOffset);
        }

        next = next with
        {
            ActiveBase = scan.NextOffset,
            ScanPosition = 0,
            ActiveTimeMs = Manifest.UnknownTime,
            Sealed = [.. manifest.Sealed, new(manifest.ActiveBase, scan.Position, next.ActiveTimeMs)],
        };
        folder.WriteManifest(next);
        if (file.Length > scan.Position)
            Cut(file, scan.Position);
        if (scan.Index is { } index)
            folder.WriteIndex(manifest.ActiveBase, index.Bytes);
        Opened(next, next.ActiveBase, "stopped uncleanly");
        return new(next, 0, new(next.ActiveBase), transactions, next.ActiveBase);
    }

    // The manifest that would have been written at the last whole batch.
    private static Manifest State(Manifest manifest, SegmentScan scan, TransactionTracker transactions) => manifest with
    {
        Clean = false,
        Watermark = scan.NextOffset,
        ScanOffset = scan.NextOffset,
        ScanPosition = scan.Position,
        ActiveTimeMs = Math.Max(manifest.ActiveTimeMs, scan.LatestTimeMs),
        Open = transactions.Open,
        LastCommitted = transactions.LastCommitted,
        Aborted = [.. transactions.Aborted],
    };

    private Manifest Raised(Manifest manifest, long fromOffset, bool raise)
    {
        if (!raise)
            return manifest;
        var epoch = manifest.Epoch + 1;
        if (manifest.WasUnsynced)
            log.EndedUnsynced(stream, fromOffset, epoch);
        return manifest with
        {
            Epoch = epoch,
            WasUnsynced = false,
            Incarnations =
                [.. manifest.Incarnations.Where(incarnation => incarnation.BaseOffset != fromOffset), new(fromOffset, Incarnation.New(Disk))],
        };
    }

    private RecoveredPartition Finish(Manifest manifest, string state)
    {
        folder.WriteManifest(manifest);
        Opened(manifest, manifest.ActiveBase, state);
        return new(manifest, 0, new(manifest.ActiveBase), TransactionsOf(manifest), manifest.ActiveBase);
    }

    private static void WriteAgain(IDiskFile file, long from, long to)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(CopyBytes);
        for (var at = from; at < to;)
        {
            var got = file.Read(at, buffer.AsSpan(0, (int)Math.Min(CopyBytes, to - at)));
            if (got == 0)
                break;
            file.Write(at, buffer.AsSpan(0, got));
            at += got;
        }

        ArrayPool<byte>.Shared.Return(buffer);
    }

    private void CopyAside(IDiskFile file, string path, long from, long to, uint epoch)
    {
        var copyPath = FormattableString.Invariant($"{path}.tail-{epoch}");
        using var copy = Disk.Open(copyPath, DiskOpen.Replace);
        var buffer = ArrayPool<byte>.Shared.Rent(CopyBytes);
        for (var at = from; at < to;)
        {
            var got = file.Read(at, buffer.AsSpan(0, (int)Math.Min(CopyBytes, to - at)));
            if (got == 0)
                break;
            copy.Write(at - from, buffer.AsSpan(0, got));
            at += got;
        }

        ArrayPool<byte>.Shared.Return(buffer);
        copy.SyncData();
        Disk.SyncDirectory(folder.Path); // the new manifest may reach the disk before the copy's name does, and the cut follows it
        log.TailCut(path, from, to - from, copyPath, epoch);
    }

    private static void Cut(IDiskFile file, long length)
    {
        file.Truncate(length);
        file.SyncData();
    }

    private static TransactionTracker TransactionsOf(Manifest manifest)
    {
        var transactions = new TransactionTracker { Open = manifest.Open, LastCommitted = manifest.LastCommitted };
        foreach (var range in manifest.Aborted)
            transactions.AddAborted(range);
        return transactions;
    }

    private void Opened(Manifest manifest, long end, string state)
    {
        var start = manifest.Sealed.Count > 0 ? manifest.Sealed[0].BaseOffset : manifest.ActiveBase;
        log.StreamOpened(stream, start, end, manifest.Epoch, manifest.Sealed.Count, state);
    }
}
