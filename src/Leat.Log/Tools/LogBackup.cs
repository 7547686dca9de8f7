using System.Buffers;

namespace Leat.Log.Tools;

/// <summary>What a backup or a restore came to.</summary>
/// <param name="Folder">Where it is.</param>
/// <param name="LogId">Of the log.</param>
/// <param name="MadeAt">When the backup was begun.</param>
/// <param name="Bytes">Bytes of segments.</param>
/// <param name="Streams">As they stand there.</param>
public sealed record BackupSummary(string Folder, Guid LogId, DateTimeOffset MadeAt, long Bytes, IReadOnlyList<BackupStream> Streams);

/// <summary>Copies a log, also one that a process is writing to, into a folder from which <see cref="LogRestore"/> makes a log again.</summary>
/// <remarks>
/// Only whole, checked batches are copied, each stream up to where it stands when its turn comes. The order is the caller's: what points
/// into a stream (checkpoints, state) before the stream, what a stream's records need (schemas, dead letters) after it. Derived files are left out.
/// </remarks>
public sealed class LogBackup(LogView view, IDisk disk, TimeProvider time, IProgress<LogProgress> progress)
{
    private const int MostAttempts = 10;
    private const string PartialSuffix = ".partial";

    private readonly List<BackupFile> _files = [];
    private readonly List<BackupStream> _streams = [];
    private long _done;
    private long _total;

    /// <summary>Makes the backup.</summary>
    /// <param name="target">A folder that does not exist or is empty.</param>
    /// <param name="streams">Names in the order of copying.</param>
    /// <param name="cancellationToken">Stops it; what is there by then keeps the name <c>.partial</c>.</param>
    /// <exception cref="LogException">The target holds something, a stream is damaged, or a disk failed.</exception>
    public BackupSummary Run(string target, IReadOnlyList<string> streams, CancellationToken cancellationToken)
    {
        target = Path.GetFullPath(target).TrimEnd(Path.DirectorySeparatorChar);
        var partial = target + PartialSuffix;
        var begun = time.GetUtcNow();
        try
        {
            var id = view.Id ?? throw LogErrors.IdentityMissing(Path.Combine(view.Path, LogFolder.IdentityName));
            BackupTarget.Prepare(disk, target, partial);
            _total = streams.Sum(name => view.Stream(name).SegmentBytes);
            foreach (var name in streams)
                CopyStream(partial, name, cancellationToken);
            new LogFolder(disk, partial).WriteIdentity(id);
            NoteWritten(partial, LogFolder.IdentityName);
            CheckedText.Replace(disk, partial, BackupList.FileName, new BackupList(id, begun, _streams, _files).Write());
            BackupTarget.Finish(disk, partial, target);
            return new(target, id, begun, _done, _streams);
        }
        catch (DiskException error)
        {
            throw LogErrors.CopyFailed(target, error);
        }
    }

    // Retention, compaction and rolls go on meanwhile: when a file that was listed is gone, the manifest is read again, and what was copied
    // and is still listed stays.
    private void CopyStream(string partial, string name, CancellationToken cancellationToken)
    {
        var folder = new LogFolder(disk, partial).PartitionOf(name);
        disk.CreateDirectory(folder.Path);
        var copied = new Dictionary<SealedSegment, BackupFile>();
        for (var attempt = 0; attempt < MostAttempts; attempt++)
        {
            var stream = view.Stream(name);
            if (!TryCopySealed(stream, folder, copied, cancellationToken) || TryCopyActive(stream, folder, cancellationToken) is not { } active)
                continue;
            var manifest = ManifestOf(stream, active.Piece);
            foreach (var (segment, _) in copied.Where(one => !stream.Manifest.Sealed.Contains(one.Key)))
                DropCopy(folder, segment, stream.Manifest);
            folder.WriteManifest(manifest);
            _files.AddRange(copied.Where(one => stream.Manifest.Sealed.Contains(one.Key)).Select(one => one.Value));
            if (active.File is { } file)
                _files.Add(file);
            NoteWritten(partial, Path.Combine(Path.GetFileName(folder.Path), PartitionFolder.ManifestName));
            _streams.Add(new(name, manifest.Epoch, stream.StartOffset, stream.EndOffset));
            return;
        }

        throw LogErrors.KeepsChanging(name);
    }

    private bool TryCopySealed(StreamView stream, PartitionFolder target, Dictionary<SealedSegment, BackupFile> copied, CancellationToken cancellationToken)
    {
        for (var i = 0; i < stream.Manifest.Sealed.Count; i++)
        {
            var segment = stream.Manifest.Sealed[i];
            if (copied.ContainsKey(segment))
                continue;
            var rules = new WalkRules(stream.Manifest.IncarnationOf, segment.IsCompacted, StreamView.EndOf(stream.Manifest, i));
            if (TryCopy(stream, target, segment, rules, isStillThere: now => now.Sealed.Contains(segment), cancellationToken) is not { } file)
                return false;
            copied.Add(segment, file);
        }

        return true;
    }

    // What is in the active segment up to its last whole batch becomes a closed one: nobody goes on writing in a backup.
    private (SealedSegment? Piece, BackupFile? File)? TryCopyActive(StreamView stream, PartitionFolder target, CancellationToken cancellationToken)
    {
        if (stream.ActiveBytes == 0)
            return (null, null);
        var latest = stream.Segments[^1].LatestTime?.ToUnixTimeMilliseconds() ?? Manifest.UnknownTime;
        var segment = new SealedSegment(stream.Manifest.ActiveBase, stream.ActiveBytes, latest);
        var rules = new WalkRules(stream.Manifest.IncarnationOf, IsCompacted: false, stream.EndOffset);
        return TryCopy(stream, target, segment, rules, now => now.ActiveBase == segment.BaseOffset, cancellationToken) is { } file ? (segment, file) : null;
    }

    private static Manifest ManifestOf(StreamView stream, SealedSegment? active) => stream.Manifest with
    {
        Clean = false,
        Watermark = stream.EndOffset,
        ActiveBase = stream.EndOffset,
        ScanOffset = stream.EndOffset,
        ScanPosition = 0,
        ActiveTimeMs = Manifest.UnknownTime,
        Open = stream.Transactions.Open,
        LastCommitted = stream.Transactions.LastCommitted,
        Aborted = [.. stream.Transactions.Aborted],
        Sealed = active is { } piece ? [.. stream.Manifest.Sealed, piece] : stream.Manifest.Sealed,
        Swaps = [],
        Drops = [],
    };

    // Null: the segment is not what the manifest said any more, and the manifest does not say so any more either.
    private BackupFile? TryCopy(
        StreamView stream, PartitionFolder target, SealedSegment segment, WalkRules rules, Func<Manifest, bool> isStillThere, CancellationToken cancellationToken)
    {
        LogException problem;
        var path = SegmentFiles.PathOf(stream.Folder, stream.Manifest, segment.BaseOffset);
        try
        {
            using var source = disk.Open(path, DiskOpen.Read);
            using var copy = new CheckedCopy(disk, target.SegmentPath(segment.BaseOffset));
            using var walk = new BatchWalk(source, segment.Bytes, rules, segment.BaseOffset);
            while (walk.MoveNext() && walk.IsWhole)
            {
                cancellationToken.ThrowIfCancellationRequested();
                copy.Add(walk.Batch);
                progress.Report(new(stream.Name, _done += walk.Bytes, Math.Max(_done, _total)));
            }

            if (copy.Bytes == segment.Bytes)
                return new(Path.Combine(Path.GetFileName(target.Path), Path.GetFileName(target.SegmentPath(segment.BaseOffset))), copy.Bytes, copy.Finish());
            problem = LogErrors.DamagedAtRead(path, walk.Position, walk.FirstOffset, walk.Reason);
        }
        catch (DiskException error) when (error.Kind == DiskFailure.NotFound && error.Path == path)
        {
            problem = LogErrors.SegmentMissing(path, stream.Name, segment.BaseOffset, "is missing");
        }

        if (disk.Find(target.SegmentPath(segment.BaseOffset)) is not null)
            disk.Delete(target.SegmentPath(segment.BaseOffset));
        return isStillThere(view.Stream(stream.Name).Manifest) && SegmentFiles.PathOf(stream.Folder, stream.Manifest, segment.BaseOffset) == path
            ? throw LogErrors.BackupOfDamage(stream.Name, problem)
            : null;
    }

    private void DropCopy(PartitionFolder folder, SealedSegment segment, Manifest manifest)
    {
        // Compaction may have put another segment in its place; then the copy is that one's.
        if (manifest.ActiveBase != segment.BaseOffset && manifest.Sealed.All(other => other.BaseOffset != segment.BaseOffset))
            disk.Delete(folder.SegmentPath(segment.BaseOffset));
    }

    private void NoteWritten(string partial, string name)
    {
        var bytes = CheckedText.ReadAll(disk, Path.Combine(partial, name));
        _files.Add(new(name, bytes.Length, BatchFormat.Crc(bytes)));
    }
}

/// <summary>A file that is written piece by piece, with its checksum.</summary>
internal sealed class CheckedCopy(IDisk disk, string path) : IDisposable
{
    private const int BufferBytes = 1024 * 1024;

    private readonly IDiskFile _file = disk.Open(path, DiskOpen.Replace);
    private readonly byte[] _buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
    private RunningCrc _crc = new();
    private int _used;
    private long _written;

    /// <summary>Bytes so far.</summary>
    public long Bytes => _written + _used;

    public void Add(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            if (_used == BufferBytes)
                Flush();
            var part = bytes[..Math.Min(bytes.Length, BufferBytes - _used)];
            part.CopyTo(_buffer.AsSpan(_used));
            _used += part.Length;
            bytes = bytes[part.Length..];
        }
    }

    /// <summary>Makes it durable and returns the checksum of all of it.</summary>
    public uint Finish()
    {
        Flush();
        _file.SyncData();
        return _crc.Value;
    }

    public void Dispose()
    {
        _file.Dispose();
        ArrayPool<byte>.Shared.Return(_buffer);
    }

    private void Flush()
    {
        var bytes = _buffer.AsSpan(0, _used);
        _crc.Add(bytes);
        _file.Write(_written, bytes);
        _written += _used;
        _used = 0;
    }
}

/// <summary>The folder that a backup or a restore fills, under another name until it is complete.</summary>
internal static class BackupTarget
{
    public static void Prepare(IDisk disk, string target, string partial)
    {
        if (disk.List(target).Count > 0)
            throw LogErrors.TargetNotEmpty(target, "is not empty");
        if (disk.List(partial).Count > 0)
            throw LogErrors.TargetNotEmpty(partial, "is left from an earlier try that did not finish");
        disk.CreateDirectory(partial);
    }

    public static void Finish(IDisk disk, string partial, string target)
    {
        foreach (var name in disk.List(partial))
        {
            if (name.EndsWith(LogFolder.PartitionSuffix, StringComparison.Ordinal))
                disk.SyncDirectory(Path.Combine(partial, name));
        }

        disk.SyncDirectory(partial);
        disk.Rename(partial, target);
        disk.SyncDirectory(Path.GetDirectoryName(target) ?? target);
    }
}
