namespace Leat.Log.Tools;

/// <summary>What became of a batch.</summary>
public enum BatchState
{
    /// <summary>Readers are given its records.</summary>
    Committed = 0,

    /// <summary>Part of a transaction that was aborted.</summary>
    Aborted = 1,

    /// <summary>Part of a transaction that is still open.</summary>
    Open = 2,

    /// <summary>The marker that committed a transaction; it carries no records.</summary>
    CommitMarker = 3,

    /// <summary>The marker that aborted a transaction; it carries no records.</summary>
    AbortMarker = 4,
}

/// <summary>Reads a <see cref="StreamView"/> batch by batch, each checked before it is handed out.</summary>
public sealed class ViewReader : IDisposable
{
    /// <summary>The number of the error that <see cref="Read"/> throws for damage.</summary>
    public const int DamageCode = 2006;

    // Retention may delete a segment between the manifest and its opening; it does not do so again and again.
    private const int MostAttempts = 10;

    private readonly StreamView _view;
    private readonly bool _all;
    private IDiskFile? _file;
    private BatchWalk? _walk;
    private long _segmentBase = -1;
    private long _segmentBytes;
    private long _position;

    internal ViewReader(StreamView view, long from, bool all) => (_view, NextOffset, _all) = (view, from, all);

    /// <summary>The next offset to be read.</summary>
    public long NextOffset { get; private set; }

    /// <summary>What became of the batch read last.</summary>
    public BatchState State { get; private set; }

    /// <summary>Offsets that the last call passed over because a repair had given them up, or retention deleted them meanwhile; null when none.</summary>
    public OffsetRange? Passed { get; private set; }

    /// <summary>The next batch; null at the end of what the view knows: <see cref="StreamView.Refresh"/> may tell of more.</summary>
    /// <exception cref="LogException">The batch is damaged, or the file cannot be read. The next call goes on behind the damage.</exception>
    public LogBlock? Read()
    {
        Passed = null;
        return LogView.Guarded(() =>
        {
            while (NextOffset < (_all ? _view.EndOffset : _view.ReadableOffset))
            {
                if (PassGap() || !OpenSegment())
                    continue;
                if (Step() is { } block)
                    return block;
            }

            return null;
        });
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _walk?.Dispose();
        _file?.Dispose();
        (_walk, _file, _segmentBase) = (null, null, -1);
    }

    private bool PassGap()
    {
        var gap = _view.Gaps.FirstOrDefault(lost => NextOffset >= lost.First && NextOffset < lost.Next);
        if (gap.Next == 0)
            return false;
        (Passed, NextOffset) = (new(NextOffset, gap.Next), gap.Next);
        return true;
    }

    // Null: the segment has no more, or what came is not for this reader.
    private LogBlock? Step()
    {
        var walk = _walk!; // OpenSegment has just seen to it
        if (!walk.MoveNext())
        {
            if (SegmentOf(NextOffset) is { IsActive: false } segment)
                NextOffset = Math.Max(NextOffset, segment.NextOffset); // the last records of a compacted one are gone
            Dispose();
            return null;
        }

        _position = walk.Position + walk.Bytes;
        if (!walk.IsWhole)
            throw Damaged(walk);
        if (walk.NextOffset <= NextOffset)
            return null;
        State = StateOf(new(walk.Batch), walk.FirstOffset);
        var from = NextOffset;
        NextOffset = walk.NextOffset;
        if (!_all && State != BatchState.Committed)
            return null;
        return PlainBatch.Of(walk.Batch, from, NextOffset)
            ?? throw LogErrors.DamagedAtRead(_view.Folder.SegmentPath(_segmentBase), walk.Position, walk.FirstOffset, PlainBatch.Problem(walk.Batch));
    }

    private LogException Damaged(BatchWalk walk)
    {
        var first = Math.Max(walk.FirstOffset, NextOffset);
        var path = _view.Folder.SegmentPath(_segmentBase);
        NextOffset = walk.NextOffset >= 0 ? walk.NextOffset : SegmentOf(NextOffset).NextOffset;
        return LogErrors.DamagedAtRead(path, walk.Position, first, walk.Reason);
    }

    private BatchState StateOf(in BatchView view, long offset)
    {
        if (view.IsControl)
            return view.Commits() == true ? BatchState.CommitMarker : BatchState.AbortMarker;
        if (_view.OpenTransaction <= offset)
            return BatchState.Open;
        return view.IsTransactional && _view.Transactions.AbortedWithin(offset, offset + 1).Length > 0 ? BatchState.Aborted : BatchState.Committed;
    }

    private SegmentFacts SegmentOf(long offset) =>
        _view.Segments.LastOrDefault(segment => segment.BaseOffset <= offset) ?? _view.Segments[0];

    // False when the segment is gone: retention was faster.
    private bool OpenSegment()
    {
        for (var attempt = 1; ; attempt++)
        {
            var segment = SegmentOf(NextOffset);
            if (_walk is not null && _segmentBase == segment.BaseOffset && _segmentBytes == segment.Bytes)
                return true;
            try
            {
                Open(segment);
                return true;
            }
            catch (DiskException error) when (error.Kind == DiskFailure.NotFound && attempt < MostAttempts)
            {
                _view.Refresh();
                if (_view.StartOffset <= NextOffset)
                    continue;
                (Passed, NextOffset) = (new(NextOffset, _view.StartOffset), _view.StartOffset);
                return false;
            }
        }
    }

    private void Open(SegmentFacts segment)
    {
        var goesOn = _segmentBase == segment.BaseOffset; // the same segment, which has grown
        var position = goesOn ? _position : 0;
        Dispose();
        _file = _view.Folder.Disk.Open(SegmentFiles.PathOf(_view.Folder, _view.Manifest, segment.BaseOffset), DiskOpen.Read);
        if (!goesOn && !segment.IsActive && NextOffset > segment.BaseOffset)
            position = PositionBefore(segment, _file);
        long? expected = position == 0 ? segment.BaseOffset : goesOn && !segment.IsCompacted ? NextOffset : null;
        _walk = new(_file, segment.Bytes, new(_view.Manifest.IncarnationOf, segment.IsCompacted), expected, position);
        (_segmentBase, _segmentBytes, _position) = (segment.BaseOffset, segment.Bytes, position);
    }

    // The entry of the index is believed only when the batch that it points at says the same.
    private long PositionBefore(SegmentFacts segment, IDiskFile file)
    {
        try
        {
            using var entries = _view.Folder.Disk.Open(_view.Folder.IndexPath(segment.BaseOffset), DiskOpen.Read);
            if (OffsetIndex.Find(entries, segment.BaseOffset, NextOffset) is not { } entry)
                return 0;
            Span<byte> header = stackalloc byte[BatchFormat.HeaderBytes];
            if (entry.Position < 0 || entry.Position >= segment.Bytes || file.Read(entry.Position, header) < header.Length)
                return 0;
            var view = new BatchView(header);
            var isTrue = view.Magic == BatchFormat.Magic && view.NextOffset - 1 == entry.LastOffset
                && view.BaseSequence == BatchFormat.SequenceOf(view.BaseOffset);
            return isTrue ? entry.Position : 0;
        }
        catch (DiskException error) when (error.Kind == DiskFailure.NotFound)
        {
            return 0; // derived data: reading from the start gives the same
        }
    }
}
