namespace Leat.Log.Compaction;

/// <summary>A closed segment that compaction may rewrite.</summary>
internal readonly record struct CompactableSegment(long BaseOffset, long NextOffset, long Bytes, bool IsCompacted);

/// <summary>Rewrites the closed segments of a stream so that only the newest record of each key is left. One object a run.</summary>
/// <remarks>
/// First the newest offset of each key in the segments not compacted yet is found; then all closed segments are written anew without what
/// is superseded, oldest first, a group of segments at a time. Offsets and times stay. What was compacted before has each key once, so that
/// keys that are not among the newest offsets are kept. More keys than memory takes are gone through in rounds, before anything is written.
/// </remarks>
internal sealed class Compactor(StreamPartition stream, StreamCompaction owner, long maxKeyBytes)
{
    /// <summary>Most memory for keys: enough for half a million of 20 bytes, a third of what a process with one pipeline may use.</summary>
    public const long DefaultKeyBytes = 48L * 1024 * 1024;

    // A compacted stream is rewritten when half of it is new, or when so many segments are.
    private const int MostDirtySegments = 8;
    private const int ReadBytes = 1024 * 1024;

    // Left to others on the disk, beside the group of segments that is written.
    private const long SpareBytes = 64L * 1024 * 1024;

    private readonly NewestOffsets _newest = new(maxKeyBytes);
    private ulong[] _superseded = [];
    private long _newestMarker = -1;
    private bool _isReplacing;

    private delegate bool Visit(in RecordEnumerator record, byte[] buffer, long ordinal);

    /// <summary>Records that were read and not kept, so far.</summary>
    public long Removed { get; private set; }

    /// <summary>Compacts when it is worth it. False: there was nothing to do or no room, or it was asked to stop.</summary>
    /// <exception cref="LogException">What is to be compacted is damaged, and is left as it is.</exception>
    /// <exception cref="DiskException">A file operation failed; what was put in place stays.</exception>
    public bool RunIfDue()
    {
        var candidates = owner.Candidates();
        if (!IsDue(candidates))
            return false;
        var limit = owner.LimitOffset();
        var segments = candidates.TakeWhile(segment => segment.NextOffset <= limit).ToList();
        if (!IsDue(segments))
            return false;

        var (start, end) = (segments[0].BaseOffset, segments[^1].NextOffset);
        var from = segments.First(segment => !segment.IsCompacted).BaseOffset;
        while (!TakeNewest(ref from, end))
        {
            MarkSuperseded(start, from);
            _newest.Clear();
        }

        return !owner.IsStopping && Rewrite(segments);
    }

    private static bool IsDue(IReadOnlyList<CompactableSegment> segments)
    {
        var dirty = segments.Where(segment => !segment.IsCompacted).ToList();
        return dirty.Count >= MostDirtySegments
            || (dirty.Count > 0 && dirty.Sum(segment => segment.Bytes) * 2 >= segments.Sum(segment => segment.Bytes));
    }

    // False: memory is full, and all before from is in it.
    private bool TakeNewest(ref long from, long end)
    {
        var next = end;
        Walk(from, end, (in record, buffer, _) =>
        {
            if (StateMarker.Is(record, buffer))
                _newestMarker = record.Offset;
            if (record.KeyLength < 0 || _newest.TryPut(buffer.AsSpan(record.KeyStart, record.KeyLength), record.Offset))
                return true;
            next = record.Offset;
            return false;
        });
        from = next;
        return next == end;
    }

    private void MarkSuperseded(long start, long end) => Walk(start, end, (in record, buffer, ordinal) =>
    {
        if (!IsSuperseded(record, buffer))
            return true;
        var word = (int)(ordinal / 64);
        if (word >= _superseded.Length)
            Array.Resize(ref _superseded, Math.Max(word + 1, _superseded.Length * 2));
        _superseded[word] |= 1UL << (int)(ordinal % 64);
        return true;
    });

    private bool Rewrite(List<CompactableSegment> segments)
    {
        var tombstonesBefore = owner.TombstonesBefore();
        var at = 0;
        var group = BeginGroup(segments, at);
        try
        {
            var hasAll = Walk(segments[0].BaseOffset, segments[^1].NextOffset, (in record, buffer, ordinal) =>
            {
                while (group is not null && record.Offset >= segments[at].NextOffset)
                    group = EndSegment(group, segments, ref at);
                if (group is null)
                    return false;
                var word = ordinal / 64;
                var isMarked = word < _superseded.Length && (_superseded[word] >> (int)(ordinal % 64) & 1) != 0;
                var isOldTombstone = record.ValueLength < 0 && record.KeyLength >= 0 && record.TimestampMs < tombstonesBefore;
                if (isMarked || isOldTombstone || IsSuperseded(record, buffer))
                    Removed++;
                else
                    group.Add(record, buffer);
                return true;
            });
            while (hasAll && group is not null)
                group = EndSegment(group, segments, ref at);
            return at == segments.Count;
        }
        catch (DiskException error) when (error.Kind == DiskFailure.Full && !_isReplacing)
        {
            group?.Discard();
            stream.Logger.NoRoomToCompact(stream.Name, error.Path);
            return false;
        }
        finally
        {
            group?.Dispose();
        }
    }

    // A group ends where the next segment might make its file too large: small ones become one.
    private CompactedFiles? EndSegment(CompactedFiles group, List<CompactableSegment> segments, ref int at)
    {
        var ended = segments[at++];
        if (at < segments.Count && group.Bytes + segments[at].Bytes <= stream.Options.SegmentBytes)
            return group;
        var files = group.Finish();
        _isReplacing = true;
        owner.Replace(ended.NextOffset, files);
        _isReplacing = false;
        group.WriteIndexes();
        group.Dispose();
        return BeginGroup(segments, at);
    }

    private CompactedFiles? BeginGroup(List<CompactableSegment> segments, int at)
    {
        if (at == segments.Count)
            return null;
        var most = segments.Skip(at).Sum(segment => segment.Bytes);
        var needed = Math.Min(most, Math.Max(segments[at].Bytes, stream.Options.SegmentBytes)) + SpareBytes;
        if (stream.Folder.Disk.FreeBytes(stream.Folder.Path) >= needed)
            return new(stream, segments[at].BaseOffset);
        stream.Logger.NoRoomToCompact(stream.Name, needed);
        return null;
    }

    private bool IsSuperseded(in RecordEnumerator record, byte[] buffer) => record.KeyLength >= 0
        ? _newest.Of(buffer.AsSpan(record.KeyStart, record.KeyLength)) > record.Offset
        : record.Offset < _newestMarker && StateMarker.Is(record, buffer);

    // All committed records of a range, in order, numbered from 0. False when it ends before that: the visitor has enough, or it is to stop.
    private bool Walk(long from, long end, Visit visit)
    {
        using var reader = stream.NewReader(from);
        var ordinal = 0L;
        while (reader.NextOffset < end && !owner.IsStopping && reader.Read(ReadBytes) is { } block)
        {
            using (block)
            {
                var records = block.Records();
                while (records.MoveNext() && records.Offset < end)
                {
                    if (!visit(records, block.Buffer, ordinal++))
                        return false;
                }
            }
        }

        return reader.NextOffset >= end;
    }
}
