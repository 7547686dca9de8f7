using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Leat.Log;

/// <summary>Names and small files of one partition's folder.</summary>
internal sealed class PartitionFolder(IDisk disk, string path, SpaceWatch space, ILogger log)
{
    public const string ManifestName = "manifest";
    public const string SegmentSuffix = ".log";

    /// <summary>A segment in the making that is to replace one of the same name.</summary>
    public const string CleanedSuffix = SegmentSuffix + ".cleaned";

    /// <summary>The file of a deleted segment, to be written over by a new one.</summary>
    public const string SpareSuffix = SegmentSuffix + ".spare";

    /// <summary>What <see cref="CheckedText.Replace"/> was writing when the program ended.</summary>
    public const string UnfinishedSuffix = ".new";

    /// <summary>Files of derived data beside a closed segment.</summary>
    public static IReadOnlyList<string> SideSuffixes { get; } = [".index", ".timeindex", ".txnindex", ".keys"];

    // Two: one for the next segment, one for when the next comes before the next deletion.
    private const int MostSpares = 2;

    public IDisk Disk => disk;
    public string Path => path;
    public SpaceWatch Space => space;
    public string ManifestPath => Join(ManifestName);

    public string SegmentPath(long baseOffset) => Join(NumberOf(baseOffset) + SegmentSuffix);

    public string CleanedPath(long baseOffset) => Join(NumberOf(baseOffset) + CleanedSuffix);

    public string IndexPath(long baseOffset) => Join(NumberOf(baseOffset) + ".index");

    public Manifest? ReadManifest() =>
        disk.Find(ManifestPath) is null ? null : Manifest.Read(ManifestPath, CheckedText.ReadAll(disk, ManifestPath));

    /// <summary>Puts the manifest in place, durably. May release the disk's reserve.</summary>
    public void WriteManifest(Manifest manifest)
    {
        var content = manifest.Write();
        try
        {
            CheckedText.Replace(disk, path, ManifestName, content);
        }
        catch (DiskException error) when (SpaceWatch.MayBeRepeated(error))
        {
            if (!space.Release())
                throw;
            CheckedText.Replace(disk, path, ManifestName, content);
        }
    }

    /// <summary>Not synced, and no trouble when it fails: an index is derived data, checked when used and rebuilt when wrong.</summary>
    public void WriteIndex(long baseOffset, ReadOnlySpan<byte> entries)
    {
        try
        {
            WriteDerived(IndexPath(baseOffset), entries);
        }
        catch (DiskException error)
        {
            log.IndexNotWritten(error, IndexPath(baseOffset));
        }
    }

    /// <summary>Puts a file of derived data in place whole, so that nobody who reads meanwhile sees a part of it; not synced.</summary>
    public void WriteDerived(string file, ReadOnlySpan<byte> bytes)
    {
        var fresh = file + UnfinishedSuffix;
        using (var written = disk.Open(fresh, DiskOpen.Replace))
            written.Write(0, bytes);
        disk.Rename(fresh, file);
    }

    /// <summary>The entries of a segment's index file that may be true; what they say is checked when used. Null when there should be some and are none.</summary>
    /// <param name="baseOffset">The segment's first offset.</param>
    /// <param name="endPosition">Where the segment ends, or where what follows is added by the caller.</param>
    public OffsetIndex? ReadIndex(long baseOffset, long endPosition)
    {
        var file = IndexPath(baseOffset);
        var isNeeded = endPosition > SegmentSearch.SmallBytes;
        if (endPosition == 0 || disk.Find(file) is null)
            return isNeeded ? null : new(baseOffset);
        var index = OffsetIndex.From(baseOffset, CheckedText.ReadAll(disk, file), endPosition);
        return isNeeded && index.Bytes.IsEmpty ? null : index;
    }

    /// <summary>Opens a segment to be written, in the file of a deleted one when there is one; its name is durable then.</summary>
    public IDiskFile OpenForWriting(long baseOffset)
    {
        var file = SegmentPath(baseOffset);
        if (disk.Find(file) is not null)
            return disk.Open(file, DiskOpen.ReadWrite);
        var spare = disk.List(path).FirstOrDefault(name => name.EndsWith(SpareSuffix, StringComparison.Ordinal));
        IDiskFile opened;
        if (spare is null)
        {
            opened = Create(file);
        }
        else
        {
            disk.Rename(Join(spare), file);
            opened = disk.Open(file, DiskOpen.ReadWrite);
        }

        disk.SyncDirectory(path);
        return opened;
    }

    /// <summary>Removes the files of deleted segments, or keeps them to be written over when nobody can still be reading them.</summary>
    /// <param name="segments">Their first offsets. The manifest does not list them any more.</param>
    /// <param name="isHeld">Whether a reader of this process has the segment's file open.</param>
    public void Remove(IReadOnlyList<long> segments, Func<long, bool> isHeld)
    {
        var names = disk.List(path).ToHashSet(StringComparer.Ordinal);
        var spares = names.Count(name => name.EndsWith(SpareSuffix, StringComparison.Ordinal));
        foreach (var segment in segments)
        {
            RemoveSideFiles(segment, names);
            if (!names.Contains(NumberOf(segment) + SegmentSuffix))
                continue;
            if (spares < MostSpares && !isHeld(segment) && TryMakeSpare(segment))
                spares++;
            else
                disk.Delete(SegmentPath(segment));
        }

        disk.SyncDirectory(path);
    }

    /// <summary>Puts a complete replacement in its segment's place; false when it is there already. Durable after <see cref="Remove"/>.</summary>
    public bool TryReplace(long segment, ICollection<string> names)
    {
        RemoveSideFiles(segment, names);
        if (!names.Contains(NumberOf(segment) + CleanedSuffix))
            return false;
        disk.Rename(CleanedPath(segment), SegmentPath(segment));
        return true;
    }

    /// <summary>Removes the derived data of a segment that is another now, or none.</summary>
    public void RemoveSideFiles(long segment, ICollection<string> names)
    {
        foreach (var suffix in SideSuffixes)
        {
            if (names.Contains(NumberOf(segment) + suffix))
                disk.Delete(Join(NumberOf(segment) + suffix));
        }
    }

    /// <summary>Removes what interrupted work left and nothing refers to; never a segment.</summary>
    /// <param name="names">What is in the folder.</param>
    public void Sweep(IEnumerable<string> names)
    {
        var spares = 0;
        foreach (var name in names)
        {
            var isLeftOver = name.EndsWith(UnfinishedSuffix, StringComparison.Ordinal) || name.EndsWith(CleanedSuffix, StringComparison.Ordinal)
                || (name.EndsWith(SpareSuffix, StringComparison.Ordinal) && ++spares > MostSpares);
            if (isLeftOver)
                disk.Delete(Join(name));
        }
    }

    public static string NumberOf(long baseOffset) => baseOffset.ToString("D20", CultureInfo.InvariantCulture);

    // Another process that reads the log (a tool, a backup) holds the lock as long as it may have files open.
    private bool TryMakeSpare(long segment)
    {
        using var nobodyReads = disk.TryLock(System.IO.Path.Combine(System.IO.Path.GetDirectoryName(path) ?? path, LogDirectory.ReadersName));
        if (nobodyReads is null)
            return false;
        disk.Rename(SegmentPath(segment), Join(NumberOf(segment) + SpareSuffix));
        return true;
    }

    private IDiskFile Create(string file)
    {
        try
        {
            return disk.Open(file, DiskOpen.CreateNew);
        }
        catch (DiskException error) when (SpaceWatch.MayBeRepeated(error))
        {
            if (!space.Release())
                throw;
            return disk.Open(file, DiskOpen.CreateNew);
        }
    }

    private string Join(string name) => System.IO.Path.Combine(path, name);
}
