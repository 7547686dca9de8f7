namespace Leat.Log.Compaction;

/// <summary>Does with segment files what the manifest says is to be done with them. May be cut off anywhere and done again.</summary>
internal static class FileIntents
{
    /// <summary>Puts the complete files <c>.cleaned</c> in their segments' places.</summary>
    /// <param name="folder">The partition.</param>
    /// <param name="manifest">It is on the disk.</param>
    /// <param name="names">The folder's files.</param>
    public static void Swap(PartitionFolder folder, Manifest manifest, IReadOnlyList<string> names)
    {
        foreach (var swap in manifest.Swaps)
        {
            folder.DeleteSideFiles(names, swap);
            var cleaned = folder.CleanedPath(swap);
            if (names.Contains(Path.GetFileName(cleaned)))
                folder.Disk.Rename(cleaned, folder.SegmentPath(swap)); // else it is in its place already
        }
    }

    /// <summary>Removes the files of segments that are gone, and makes this and the swaps durable.</summary>
    public static void Drop(PartitionFolder folder, Manifest manifest, IReadOnlyList<string> names)
    {
        foreach (var drop in manifest.Drops)
        {
            folder.DeleteSideFiles(names, drop);
            var path = folder.SegmentPath(drop);
            if (names.Contains(Path.GetFileName(path)))
                folder.Disk.Delete(path);
        }

        folder.Disk.SyncDirectory(folder.Path);
    }

    /// <summary>At a start: finishes what was begun, and removes what was never named. Returns the manifest in which nothing is left to do.</summary>
    public static Manifest Finish(PartitionFolder folder, Manifest manifest)
    {
        var names = folder.Disk.List(folder.Path);
        var hasIntents = manifest.Swaps.Count + manifest.Drops.Count > 0;
        if (hasIntents)
        {
            Swap(folder, manifest, names);
            Drop(folder, manifest, names);
            manifest = manifest with { Swaps = [], Drops = [] };
            folder.WriteManifest(manifest);
            names = folder.Disk.List(folder.Path);
        }

        foreach (var name in names)
        {
            if (name.EndsWith(PartitionFolder.CleanedSuffix, StringComparison.Ordinal))
                folder.Disk.Delete(Path.Combine(folder.Path, name));
        }

        return manifest;
    }
}
