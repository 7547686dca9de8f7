using Microsoft.Extensions.Logging;

namespace Leat.Log;

/// <summary>Finds the batch that holds an offset within a segment: by the index, then from batch header to batch header.</summary>
internal static class SegmentSearch
{
    // A segment below this may well have no entry; walking all of it costs nothing.
    public const long SmallBytes = 64 * 1024;

    /// <summary>Where the batch starts, and its first offset.</summary>
    public static (long Position, long BaseOffset) Find(StreamPartition stream, IDiskFile file, SegmentWindow window, long offset)
    {
        if (offset == window.BaseOffset)
            return (0, offset);
        var known = window.IsActive ? stream.ActivePositionBefore(offset) : null;
        var from = known ?? PositionByFile(stream, file, window, offset);
        return Walk(stream, file, window, from, offset, index: null);
    }

    // The file's entry is believed only when the batch it points at says the same; otherwise the index is made again.
    private static long PositionByFile(StreamPartition stream, IDiskFile file, SegmentWindow window, long offset)
    {
        var folder = stream.Folder;
        var path = folder.IndexPath(window.BaseOffset);
        try
        {
            using var entries = folder.Disk.Open(path, DiskOpen.Read);
            var found = OffsetIndex.Find(entries, window.BaseOffset, offset);
            if (found is null && (entries.Length > 0 || window.Bytes <= SmallBytes))
                return 0;
            if (found is { } entry && IsTrue(file, window, entry.LastOffset, entry.Position))
                return entry.Position;
        }
        catch (DiskException error) when (error.Kind == DiskFailure.NotFound)
        {
            // derived data: made again below
        }

        var index = new OffsetIndex(window.BaseOffset);
        Walk(stream, file, window, from: 0, offset: long.MaxValue, index);
        folder.WriteIndex(window.BaseOffset, index.Bytes);
        stream.Logger.IndexRebuilt(folder.SegmentPath(window.BaseOffset));
        return index.PositionBefore(offset);
    }

    private static bool IsTrue(IDiskFile file, SegmentWindow window, long lastOffset, long position)
    {
        Span<byte> header = stackalloc byte[BatchFormat.HeaderBytes];
        if (position < 0 || position >= window.Bytes || file.Read(position, header) < header.Length)
            return false;
        var view = new BatchView(header);
        return view.Magic == BatchFormat.Magic && view.NextOffset - 1 == lastOffset && view.BaseSequence == BatchFormat.SequenceOf(view.BaseOffset);
    }

    private static (long Position, long BaseOffset) Walk(
        StreamPartition stream, IDiskFile file, SegmentWindow window, long from, long offset, OffsetIndex? index)
    {
        Span<byte> header = stackalloc byte[BatchFormat.HeaderBytes];
        var path = stream.Folder.SegmentPath(window.BaseOffset);
        var expected = from == 0 ? window.BaseOffset : (long?)null;
        var position = from;
        while (position < window.Bytes)
        {
            if (file.Read(position, header) < header.Length)
                throw LogErrors.DamagedAtRead(path, position, expected ?? offset, "is cut off");
            var view = new BatchView(header);
            var baseOffset = expected ?? view.BaseOffset;
            if (!BatchCheck.IsPlausible(stream, view, window, baseOffset))
                throw LogErrors.DamagedAtRead(path, position, baseOffset, "has an impossible header");
            if (view.NextOffset > offset)
                return (position, view.BaseOffset);
            index?.Add(view.NextOffset - 1, position, (int)view.SizeBytes);
            position += view.SizeBytes;
            expected = view.NextOffset;
        }

        return (position, expected ?? window.BaseOffset);
    }
}
