namespace Leat.Log.Tools;

/// <summary>Where a segment's bytes are, also between the two halves of a swap.</summary>
internal static class SegmentFiles
{
    public const string CleanedSuffix = ".cleaned";

    /// <summary>The file that holds the segment: a complete new one that has not taken its place yet comes first.</summary>
    public static string PathOf(PartitionFolder folder, Manifest? manifest, long baseOffset)
    {
        var path = folder.SegmentPath(baseOffset);
        return manifest is not null && manifest.Swaps.Contains(baseOffset) && Exists(folder, path + CleanedSuffix) ? path + CleanedSuffix : path;
    }

    public static bool Exists(PartitionFolder folder, string path) => folder.Disk.List(folder.Path).Contains(Path.GetFileName(path));

    /// <summary>Does what the manifest says was to be done: complete files take their places, dropped ones go.</summary>
    public static void FinishIntents(PartitionFolder folder, Manifest manifest)
    {
        foreach (var swap in manifest.Swaps)
        {
            var path = folder.SegmentPath(swap);
            if (Exists(folder, path + CleanedSuffix))
                folder.Disk.Rename(path + CleanedSuffix, path);
        }

        foreach (var drop in manifest.Drops)
        {
            if (Exists(folder, folder.SegmentPath(drop)))
                folder.Disk.Delete(folder.SegmentPath(drop));
        }

        folder.Disk.SyncDirectory(folder.Path);
    }
}
