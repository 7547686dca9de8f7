namespace Leat.Log;

/// <summary>Where readers find an offset: the segment, and how far its file is durable and whole.</summary>
/// <param name="BaseOffset">The segment's first offset.</param>
/// <param name="Bytes">Bytes that are durable and whole.</param>
/// <param name="IsActive">Whether it is written to.</param>
/// <param name="IsCompacted">Whether offsets may be missing in it.</param>
/// <param name="EndOffset">Of a closed segment: the first offset that it cannot hold.</param>
/// <param name="LatestTimeMs">The latest time of a record in it; <see cref="Manifest.UnknownTime"/>: none, or nobody knows.</param>
internal readonly record struct SegmentWindow(long BaseOffset, long Bytes, bool IsActive, bool IsCompacted, long EndOffset, long LatestTimeMs);

/// <summary>A batch that is written to the active segment and not yet synced.</summary>
internal readonly record struct WrittenBatch(BatchKind Kind, long BaseOffset, long NextOffset, BatchPlace Place, long LatestTimeMs);

/// <summary>All that readers see of a partition's segments and transactions. Changed by the writer alone, under the partition's lock.</summary>
internal sealed class SegmentTable(Manifest manifest, OffsetIndex index, TransactionTracker transactions, long activeBytes, long nextOffset)
{
    private readonly List<SealedSegment> _sealed = [.. manifest.Sealed];
    private readonly TransactionTracker _transactions = transactions;
    private OffsetIndex _index = index;
    private Manifest _manifest = manifest;
    private long _activeBytes = activeBytes;
    private long _activeTime = manifest.ActiveTimeMs;

    /// <summary>Every offset below is durable.</summary>
    public long SyncedOffset { get; private set; } = nextOffset;

    public long StartOffset => _sealed.Count > 0 ? _sealed[0].BaseOffset : _manifest.ActiveBase;

    /// <summary>Every offset below may be read.</summary>
    public long ReadableOffset => _transactions.Open is { } open ? Math.Min(open.First, SyncedOffset) : SyncedOffset;

    public BatchPlace? LastCommitted => _transactions.LastCommitted;

    public OpenTransaction? OpenTransaction => _transactions.Open;

    public AbortedRange[] AbortedWithin(long first, long next) => _transactions.AbortedWithin(first, next);

    public long IncarnationOf(long offset) => _manifest.IncarnationOf(offset);

    /// <summary>The segment that holds the offset, or will.</summary>
    public SegmentWindow WindowOf(long offset)
    {
        if (offset >= _manifest.ActiveBase)
            return new(_manifest.ActiveBase, _activeBytes, IsActive: true, IsCompacted: false, long.MaxValue, _activeTime);
        var (low, high) = (0, _sealed.Count - 1);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (_sealed[middle].BaseOffset <= offset)
                low = middle;
            else
                high = middle - 1;
        }

        var end = low + 1 < _sealed.Count ? _sealed[low + 1].BaseOffset : _manifest.ActiveBase;
        return new(_sealed[low].BaseOffset, _sealed[low].Bytes, IsActive: false, _sealed[low].IsCompacted, end, _sealed[low].LatestTimeMs);
    }

    /// <summary>A position in the active segment at or before the batch of the offset.</summary>
    public long ActivePositionBefore(long offset) => _index.PositionBefore(offset);

    /// <summary>The batches are durable now.</summary>
    public void Publish(List<WrittenBatch> batches)
    {
        foreach (var batch in batches)
        {
            _transactions.Apply(batch.Kind, batch.BaseOffset, batch.Place);
            _index.Add(batch.NextOffset - 1, batch.Place.Position, batch.Place.Bytes);
            _activeBytes = batch.Place.Position + batch.Place.Bytes;
            _activeTime = Math.Max(_activeTime, batch.LatestTimeMs);
            SyncedOffset = batch.NextOffset;
        }
    }

    /// <summary>The manifest of this moment, with everything written also synced.</summary>
    public Manifest Current(bool clean) => _manifest with
    {
        Watermark = SyncedOffset,
        ScanOffset = SyncedOffset,
        ScanPosition = _activeBytes,
        ActiveTimeMs = _activeTime,
        Clean = clean,
        Open = _transactions.Open,
        LastCommitted = _transactions.LastCommitted,
        Aborted = [.. _transactions.Aborted],
    };

    /// <summary>The manifest with the active segment closed at its present end.</summary>
    public Manifest Rolled() => Current(clean: false) with
    {
        ActiveBase = SyncedOffset,
        ScanPosition = 0,
        ActiveTimeMs = Manifest.UnknownTime,
        Sealed = [.. _sealed, new(_manifest.ActiveBase, _activeBytes, _activeTime)],
    };

    /// <summary>The active segment's index as its file has it.</summary>
    public ReadOnlySpan<byte> IndexBytes => _index.Bytes;

    /// <summary>The rolled manifest is on the disk, and the new segment is there.</summary>
    public void Roll(Manifest rolled)
    {
        _sealed.Add(rolled.Sealed[^1]);
        _manifest = rolled;
        _index = new(rolled.ActiveBase);
        _activeBytes = 0;
        _activeTime = Manifest.UnknownTime;
    }
}
