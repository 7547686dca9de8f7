using System.Buffers;
using System.Buffers.Binary;
using Leat.Log.Compaction;
using Microsoft.Extensions.Logging;

namespace Leat.Log;

/// <summary>A partition as recovery leaves it: ready to be appended to, everything in it durable.</summary>
internal sealed record RecoveredPartition(
    Manifest Manifest, IDiskFile Active, long ActiveBytes, OffsetIndex Index, TransactionTracker Transactions, long NextOffset);

/// <summary>Brings a partition's folder back into order at start. May be cut off anywhere and started again.</summary>
/// <remarks>
/// Only what was never durable is cut, and a copy is kept. The new manifest comes first, the cut after it: the manifest says how
/// long the closed segment is, so that a start between the two finishes the cut. Damage to what was durable changes nothing on the disk.
/// </remarks>
internal sealed class Recovery(PartitionFolder folder, Guid logId, string stream, ILogger log)
{
    private const int CopyBytes = 1024 * 1024;

    private IDisk Disk => folder.Disk;

    public RecoveredPartition Run()
    {
        var manifest = folder.ReadManifest();
        if (manifest is null)
            return Create();
        if (manifest.LogId != logId)
            throw LogErrors.Foreign(folder.ManifestPath, manifest.LogId, logId);

        manifest = FileIntents.Finish(folder, manifest);
        CheckFiles(manifest);
        var path = folder.SegmentPath(manifest.ActiveBase);
        if (!Exists(path))
            return CreateActive(manifest with { Clean = false }, "stopped between two segments");

        var file = Disk.Open(path, DiskOpen.ReadWrite);
        try
        {
            return Recover(manifest, file, path);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private RecoveredPartition Create()
    {
        if (Disk.List(folder.Path).Any(name => name.EndsWith(PartitionFolder.SegmentSuffix, StringComparison.Ordinal)))
            throw LogErrors.DamagedFile(folder.ManifestPath, "it is missing, although its folder holds segments");
        Disk.CreateDirectory(folder.Path);
        Disk.SyncDirectory(Path.GetDirectoryName(folder.Path) ?? folder.Path);
        return CreateActive(new()
        {
            LogId = logId, Stream = stream, Epoch = 1, Clean = false, Watermark = 0, ActiveBase = 0, ScanOffset = 0, ScanPosition = 0,
            Incarnations = [new(0, NewIncarnation())],
        }, "new");
    }

    // Every closed segment is there in its full length, and no other. A longer one was about to be cut when the last start ended.
    private void CheckFiles(Manifest manifest)
    {
        var names = Disk.List(folder.Path).ToHashSet(StringComparer.Ordinal);
        var known = new HashSet<string>(StringComparer.Ordinal) { Path.GetFileName(folder.SegmentPath(manifest.ActiveBase)) };
        foreach (var segment in manifest.Sealed)
        {
            var path = folder.SegmentPath(segment.BaseOffset);
            known.Add(Path.GetFileName(path));
            if (!names.Contains(Path.GetFileName(path)))
                throw LogErrors.SegmentMissing(path, segment.BaseOffset, "is missing");
            using var file = Disk.Open(path, DiskOpen.ReadWrite);
            var length = file.Length;
            if (length < segment.Bytes)
            {
                var sizes = FormattableString.Invariant($"has {length} bytes and should have {segment.Bytes}");
                throw LogErrors.SegmentMissing(path, segment.BaseOffset, sizes);
            }

            if (length > segment.Bytes)
                Cut(file, segment.Bytes);
        }

        foreach (var name in names)
        {
            if (name.EndsWith(PartitionFolder.SegmentSuffix, StringComparison.Ordinal) && !known.Contains(name))
                throw LogErrors.SegmentUnknown(Path.Combine(folder.Path, name));
        }

        if (manifest.Watermark > manifest.ActiveBase && !names.Contains(Path.GetFileName(folder.SegmentPath(manifest.ActiveBase))))
            throw LogErrors.SegmentMissing(folder.SegmentPath(manifest.ActiveBase), manifest.ActiveBase, "is missing");
    }

    private RecoveredPartition Recover(Manifest manifest, IDiskFile file, string path)
    {
        var transactions = TransactionsOf(manifest);
        using var scan = new SegmentScan(file, manifest.ActiveBase, manifest.IncarnationOf, manifest.ScanOffset, manifest.ScanPosition);
        scan.Run(transactions);
        var length = file.Length;
        if (length > scan.Position)
            scan.SearchBeyond();
        var watermark = Math.Max(manifest.Watermark, scan.Watermark);
        if (watermark > scan.NextOffset)
            throw LogErrors.DamagedAtStart(path, scan.Position, length, scan.NextOffset, watermark);

        var cut = length - scan.Position;
        if (manifest.Clean && cut == 0 && manifest.Watermark == scan.NextOffset)
            return Resume(manifest, file, scan, transactions);

        // What was written and perhaps not synced may stand in the cache alone, marked as written by a sync that failed:
        // writing it again makes this sync a real one.
        WriteAgain(file, scan.Index.PositionBefore(watermark), scan.Position);
        if (cut > 0)
            CopyAside(file, path, scan.Position, length, manifest.Epoch + 1);
        file.SyncData();
        var next = Next(manifest, scan, transactions, raise: cut > 0);
        if (scan.Position == 0)
        {
            folder.WriteManifest(next);
            if (cut > 0)
                Cut(file, 0);
            Opened(next, scan.NextOffset, "stopped uncleanly");
            return new(next, file, 0, scan.Index, transactions, scan.NextOffset);
        }

        folder.WriteManifest(next);
        if (cut > 0)
            Cut(file, scan.Position);
        folder.WriteIndex(manifest.ActiveBase, scan.Index.Bytes);
        file.Dispose();
        return CreateActive(next, "stopped uncleanly");
    }

    private RecoveredPartition Resume(Manifest manifest, IDiskFile file, SegmentScan scan, TransactionTracker transactions)
    {
        var open = manifest with { Clean = false };
        folder.WriteManifest(open);
        Opened(open, scan.NextOffset, "closed");
        return new(open with { ActiveTimeMs = Math.Max(manifest.ActiveTimeMs, scan.LatestTimeMs) }, file, scan.Position, scan.Index, transactions, scan.NextOffset);
    }

    private RecoveredPartition CreateActive(Manifest manifest, string state)
    {
        folder.WriteManifest(manifest);
        var file = Disk.Open(folder.SegmentPath(manifest.ActiveBase), DiskOpen.CreateNew);
        Disk.SyncDirectory(folder.Path);
        Opened(manifest, manifest.ActiveBase, state);
        return new(manifest, file, 0, new(manifest.ActiveBase), TransactionsOf(manifest), manifest.ActiveBase);
    }

    // The state that the next manifest names: the old segment closed at its last whole batch, a new one after it.
    private Manifest Next(Manifest manifest, SegmentScan scan, TransactionTracker transactions, bool raise)
    {
        var incarnations = manifest.Incarnations.ToList();
        if (raise)
        {
            incarnations.RemoveAll(incarnation => incarnation.BaseOffset == scan.NextOffset);
            incarnations.Add(new(scan.NextOffset, NewIncarnation()));
        }

        var latest = Math.Max(manifest.ActiveTimeMs, scan.LatestTimeMs);
        return manifest with
        {
            Epoch = manifest.Epoch + (raise ? 1u : 0u),
            Clean = false,
            Watermark = scan.NextOffset,
            ActiveBase = scan.NextOffset,
            ScanOffset = scan.NextOffset,
            ScanPosition = 0,
            ActiveTimeMs = Manifest.UnknownTime,
            Open = transactions.Open,
            LastCommitted = transactions.LastCommitted,
            Incarnations = incarnations,
            Sealed = scan.Position == 0 ? manifest.Sealed : [.. manifest.Sealed, new(manifest.ActiveBase, scan.Position, latest)],
            Aborted = [.. transactions.Aborted],
        };
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

    private bool Exists(string path) => Disk.List(folder.Path).Contains(Path.GetFileName(path));

    // Not negative: Kafka's tools take a negative producer id for "none".
    private long NewIncarnation()
    {
        Span<byte> random = stackalloc byte[8];
        Disk.ReadRandom(random);
        return BinaryPrimitives.ReadInt64BigEndian(random) & long.MaxValue;
    }
}
