using System.Globalization;

namespace Leat.Log;

/// <summary>Names and small files of one partition's folder.</summary>
internal sealed class PartitionFolder(IDisk disk, string path)
{
    public const string ManifestName = "manifest";
    public const string SegmentSuffix = ".log";
    public const string CleanedSuffix = ".log.cleaned";

    public IDisk Disk => disk;
    public string Path => path;

    /// <summary>Held by whoever takes the folder from one manifest to the next, from thinking it out until it is on the disk and in the table.</summary>
    public Lock ManifestGate { get; } = new();

    public string ManifestPath => System.IO.Path.Combine(path, ManifestName);

    public string SegmentPath(long baseOffset) => System.IO.Path.Combine(path, NumberOf(baseOffset) + SegmentSuffix);

    /// <summary>A segment that compaction has written and that is not in its place yet.</summary>
    public string CleanedPath(long baseOffset) => System.IO.Path.Combine(path, NumberOf(baseOffset) + CleanedSuffix);

    public string IndexPath(long baseOffset) => System.IO.Path.Combine(path, NumberOf(baseOffset) + ".index");

    public Manifest? ReadManifest() =>
        disk.List(path).Contains(ManifestName) ? Manifest.Read(ManifestPath, CheckedText.ReadAll(disk, ManifestPath)) : null;

    public void WriteManifest(Manifest manifest) => CheckedText.Replace(disk, path, ManifestName, manifest.Write());

    /// <summary>Not synced: an index is derived data, checked when used and rebuilt when wrong.</summary>
    public void WriteIndex(long baseOffset, ReadOnlySpan<byte> entries)
    {
        using var file = disk.Open(IndexPath(baseOffset), DiskOpen.Replace);
        file.Write(0, entries);
    }

    /// <summary>Removes what is derived from a segment: its indexes and filter.</summary>
    public void DeleteSideFiles(IEnumerable<string> names, long baseOffset)
    {
        var number = NumberOf(baseOffset) + ".";
        foreach (var name in names)
        {
            if (name.StartsWith(number, StringComparison.Ordinal) && !name.StartsWith(number + "log", StringComparison.Ordinal))
                disk.Delete(System.IO.Path.Combine(path, name));
        }
    }

    private static string NumberOf(long baseOffset) => baseOffset.ToString("D20", CultureInfo.InvariantCulture);
}
