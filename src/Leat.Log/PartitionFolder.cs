using System.Globalization;

namespace Leat.Log;

/// <summary>Names and small files of one partition's folder.</summary>
internal sealed class PartitionFolder(IDisk disk, string path)
{
    public const string ManifestName = "manifest";
    public const string SegmentSuffix = ".log";

    public IDisk Disk => disk;
    public string Path => path;
    public string ManifestPath => System.IO.Path.Combine(path, ManifestName);

    public string SegmentPath(long baseOffset) => System.IO.Path.Combine(path, NumberOf(baseOffset) + SegmentSuffix);

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

    private static string NumberOf(long baseOffset) => baseOffset.ToString("D20", CultureInfo.InvariantCulture);
}
