namespace Leat.Log.Tools;

/// <summary>Where a segment's bytes are, also between the two halves of a swap.</summary>
internal static class SegmentFiles
{
    /// <summary>The file that holds the segment: a complete new one that has not taken its place yet comes first.</summary>
    public static string PathOf(PartitionFolder folder, Manifest? manifest, long baseOffset)
    {
        var cleaned = folder.CleanedPath(baseOffset);
        return manifest is not null && manifest.Swaps.Contains(baseOffset) && folder.Disk.Find(cleaned) is not null ? cleaned : folder.SegmentPath(baseOffset);
    }

    /// <summary>Does what the manifest says was to be done: complete files take their places, dropped ones go.</summary>
    public static void FinishIntents(PartitionFolder folder, Manifest manifest)
    {
        foreach (var swap in manifest.Swaps)
        {
            if (folder.Disk.Find(folder.CleanedPath(swap)) is not null)
                folder.Disk.Rename(folder.CleanedPath(swap), folder.SegmentPath(swap));
        }

        foreach (var drop in manifest.Drops)
        {
            if (folder.Disk.Find(folder.SegmentPath(drop)) is not null)
                folder.Disk.Delete(folder.SegmentPath(drop));
        }

        folder.Disk.SyncDirectory(folder.Path);
    }
}
