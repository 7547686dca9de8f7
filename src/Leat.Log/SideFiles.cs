using Microsoft.Extensions.Logging;

namespace Leat.Log;

/// <summary>The files of derived data beside a closed segment: <c>.timeindex</c>, <c>.txnindex</c>, <c>.keys</c>. Each can be deleted at any time.</summary>
/// <remarks>Made from the segment itself, after it was closed; written without a sync, believed only when they agree with the segment, and made again otherwise.</remarks>
internal static class SideFiles
{
    public const string TimeSuffix = ".timeindex", TransactionSuffix = ".txnindex", KeysSuffix = ".keys";

    /// <summary>Makes what is missing of all closed segments, at most so many; true when there may be more. For a maintenance worker: reads whole segments.</summary>
    public static bool WriteMissing(StreamPartition stream, int maxSegments)
    {
        var names = stream.Folder.Disk.List(stream.Folder.Path).ToHashSet(StringComparer.Ordinal);
        var at = stream.StartOffset;
        for (var made = 0; ;)
        {
            var (window, _) = stream.WindowOf(at);
            if (window.IsActive)
                return false;
            var isMissing = !names.Contains(NameOf(stream, window, TimeSuffix)) || !names.Contains(NameOf(stream, window, KeysSuffix));
            if (isMissing && made++ == maxSegments)
                return true;
            if (isMissing)
                Write(stream, window);
            at = window.EndOffset;
        }
    }

    /// <summary>Makes all files of a closed segment in one pass over it.</summary>
    /// <exception cref="LogException">LEAT-2006: the segment is damaged.</exception>
    public static void Write(StreamPartition stream, SegmentWindow window)
    {
        using var file = HeldSegment.Open(stream, window);
        if (file is null)
            return; // deleted meanwhile
        using var batches = new SegmentBatches(stream, file, window, 0, window.BaseOffset);
        using var keys = new KeyCollector(stream.Options.KeysOf, window.Bytes);
        var times = new TimeIndex(window.BaseOffset);
        while (batches.MoveNext())
        {
            times.Add(new(batches.Batch));
            keys.Add(batches.Batch, batches.Position);
        }

        Put(stream, window, TimeSuffix, times.Close());
        Put(stream, window, KeysSuffix, keys.Close(window));
        var aborted = TransactionIndex.Build(stream.AbortedWithin(window.BaseOffset, window.EndOffset), window, stream.IncarnationOf);
        if (aborted.Length > 0 && !window.IsCompacted)
            Put(stream, window, TransactionSuffix, aborted);
    }

    /// <summary>The time index alone, made again.</summary>
    public static byte[] RebuildTimeIndex(StreamPartition stream, IDiskFile file, SegmentWindow window)
    {
        using var batches = new SegmentBatches(stream, file, window, 0, window.BaseOffset);
        var times = new TimeIndex(window.BaseOffset);
        while (batches.MoveNext())
            times.Add(new(batches.Batch));
        var entries = times.Close().ToArray();
        Put(stream, window, TimeSuffix, entries);
        stream.Logger.SideFileRebuilt(PathOf(stream, window, TimeSuffix));
        return entries;
    }

    /// <summary>The key filter alone, made again; null when the segment is there no more.</summary>
    public static byte[]? RebuildKeys(StreamPartition stream, SegmentWindow window)
    {
        using var file = HeldSegment.Open(stream, window);
        if (file is null)
            return null;
        using var batches = new SegmentBatches(stream, file, window, 0, window.BaseOffset);
        using var keys = new KeyCollector(stream.Options.KeysOf, window.Bytes);
        while (batches.MoveNext())
            keys.Add(batches.Batch, batches.Position);
        var filter = keys.Close(window);
        Put(stream, window, KeysSuffix, filter);
        stream.Logger.SideFileRebuilt(PathOf(stream, window, KeysSuffix));
        return filter;
    }

    /// <summary>A file's bytes; null when it is not there or cannot be read.</summary>
    public static byte[]? Read(StreamPartition stream, SegmentWindow window, string suffix)
    {
        var path = PathOf(stream, window, suffix);
        try
        {
            return CheckedText.ReadAll(stream.Folder.Disk, path);
        }
        catch (DiskException error)
        {
            if (error.Kind != DiskFailure.NotFound)
                stream.Logger.SideFileUnusable(error, path);
            return null;
        }
    }

    public static string PathOf(StreamPartition stream, SegmentWindow window, string suffix) =>
        Path.ChangeExtension(stream.Folder.SegmentPath(window.BaseOffset), suffix);

    private static string NameOf(StreamPartition stream, SegmentWindow window, string suffix) => Path.GetFileName(PathOf(stream, window, suffix));

    // A full or failing disk is no reason to stop here: nothing depends on these files.
    private static void Put(StreamPartition stream, SegmentWindow window, string suffix, ReadOnlySpan<byte> bytes)
    {
        var path = PathOf(stream, window, suffix);
        try
        {
            using var file = stream.Folder.Disk.Open(path, DiskOpen.Replace);
            file.Write(0, bytes);
        }
        catch (DiskException error)
        {
            stream.Logger.SideFileUnusable(error, path);
        }
    }
}

/// <summary>Makes the side files of the segments that are closed while the log is open, one a step, on the log's maintenance worker.</summary>
/// <remarks>Older ones are made when somebody needs them. What cannot be made is told once; whoever needs it tries again.</remarks>
internal sealed class SideFileMaker(StreamPartition stream, long fromOffset)
{
    private long _next = fromOffset;

    /// <summary>Makes those of the next closed segment; true when one more waits.</summary>
    public bool Step()
    {
        try
        {
            var (window, _) = stream.WindowOf(Math.Max(_next, stream.StartOffset));
            if (window.IsActive)
                return false;
            _next = window.EndOffset;
            SideFiles.Write(stream, window);
            return true;
        }
        catch (Exception error) when (error is DiskException or LogException)
        {
            // Derived data: a reader that meets the same damage tells it to whoever can do something about it.
            stream.Logger.SideFilesNotMade(error, stream.Name);
            return false;
        }
    }
}
