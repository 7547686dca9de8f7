namespace Leat.Log;

/// <summary>Finds the first record from a time on. Times need not grow with offsets: the answer is the lowest offset that is late enough.</summary>
internal static class TimeSearch
{
    /// <summary>The first offset whose record has that time or a later one; the end of what is readable when there is none.</summary>
    public static long OffsetAt(StreamPartition stream, DateTimeOffset time)
    {
        var wholeMs = time.ToUnixTimeMilliseconds();
        try
        {
            return Find(stream, DateTimeOffset.FromUnixTimeMilliseconds(wholeMs) < time ? wholeMs + 1 : wholeMs);
        }
        catch (DiskException error)
        {
            throw LogErrors.Unreadable(error);
        }
    }

    private static long Find(StreamPartition stream, long timeMs)
    {
        var at = stream.StartOffset;
        while (true)
        {
            at = Math.Max(at, stream.StartOffset); // retention may go on meanwhile
            var (window, readable) = stream.WindowOf(at);
            if (at >= readable)
                return readable;
            if (window.LatestTimeMs == Manifest.UnknownTime || window.LatestTimeMs >= timeMs)
            {
                using var file = HeldSegment.Open(stream, window);
                if (file is null)
                    continue; // deleted or replaced between the two looks
                if (FindIn(stream, file, window, timeMs) is { } found)
                    return Math.Min(found, stream.ReadableOffset);
            }

            if (window.IsActive)
                return readable;
            at = window.EndOffset;
        }
    }

    private static long? FindIn(StreamPartition stream, IDiskFile file, SegmentWindow window, long timeMs)
    {
        var (position, offset) = window.IsActive ? (0, window.BaseOffset) : After(stream, file, window, timeMs);
        using var batches = new SegmentBatches(stream, file, window, position, offset);
        while (batches.MoveNext())
        {
            var view = new BatchView(batches.Batch);
            if (view.LatestTime >= timeMs && !view.IsControl && FirstOf(stream, view.BaseOffset, view.NextOffset, timeMs) is { } found)
                return found;
        }

        return null;
    }

    // The records of one batch as a reader gets them: decompressed, and without what was aborted.
    private static long? FirstOf(StreamPartition stream, long batchOffset, long nextOffset, long timeMs)
    {
        using var reader = new LogReader(stream, batchOffset);
        using var block = reader.Read(maxBytes: 1);
        if (block is null)
            return batchOffset; // not readable yet: nothing beyond it is
        var records = block.Records();
        while (records.MoveNext() && records.Offset < nextOffset)
        {
            if (records.TimestampMs >= timeMs)
                return records.Offset;
        }

        return null;
    }

    // Where to go on after the last entry of the time index that is too early; the index is made again when it is gone or lies.
    private static (long Position, long Offset) After(StreamPartition stream, IDiskFile file, SegmentWindow window, long timeMs)
    {
        var entries = SideFiles.Read(stream, window, SideFiles.TimeSuffix);
        if (entries is null || !TimeIndex.IsPlausible(entries, window) || AfterEntry(stream, file, window, entries, timeMs) is not { } place)
        {
            entries = SideFiles.RebuildTimeIndex(stream, file, window);
            place = AfterEntry(stream, file, window, entries, timeMs) ?? (0, window.BaseOffset);
        }

        return place;
    }

    private static (long Position, long Offset)? AfterEntry(
        StreamPartition stream, IDiskFile file, SegmentWindow window, ReadOnlySpan<byte> entries, long timeMs)
    {
        if (TimeIndex.Before(entries, window.BaseOffset, timeMs) is not { } entry)
            return (0, window.BaseOffset);
        Span<byte> header = stackalloc byte[BatchFormat.HeaderBytes];
        var (position, _) = SegmentSearch.Find(stream, file, window, entry.Offset);
        if (position >= window.Bytes || file.Read(position, header) < header.Length)
            return null;
        var view = new BatchView(header);
        return view.NextOffset - 1 == entry.Offset && view.LatestTime == entry.Time ? (position + view.SizeBytes, view.NextOffset) : null;
    }
}
