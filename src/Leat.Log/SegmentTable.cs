using Leat.Log.Compaction;

namespace Leat.Log;

/// <summary>Where readers find an offset: the segment, and how far its file is durable and whole.</summary>
/// <param name="BaseOffset">The segment's first offset.</param>
/// <param name="Bytes">Bytes that are durable and whole.</param>
/// <param name="IsActive">Whether it is written to.</param>
/// <param name="IsCompacted">Whether offsets may be missing in it.</param>
/// <param name="EndOffset">Of a closed segment: the first offset that it cannot hold.</param>
/// <param name="Generation">Another number: files of closed segments were put in the places of others since.</param>
internal readonly record struct SegmentWindow(long BaseOffset, long Bytes, bool IsActive, bool IsCompacted, long EndOffset, int Generation);

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
    private int _generation;

    /// <summary>Every offset below is durable.</summary>
    public long SyncedOffset { get; private set; } = nextOffset;

    public long StartOffset => _sealed.Count > 0 ? _sealed[0].BaseOffset : _manifest.ActiveBase;

    /// <summary>Every offset below may be read.</summary>
    public long ReadableOffset => _transactions.Open is { } open ? Math.Min(open.First, SyncedOffset) : SyncedOffset;

    public BatchPlace? LastCommitted => _transactions.LastCommitted;

    public long? LastCommittedFirst => _transactions.LastCommittedFirst;

    /// <summary>The latest time of a record that is known, ms since 1970 UTC.</summary>
    public long LatestTimeMs => _sealed.Aggregate(_activeTime, static (latest, segment) => Math.Max(latest, segment.LatestTimeMs));

    /// <summary>Closed segments up to the one of the last committed batch, with where they end.</summary>
    public List<CompactableSegment> Closed()
    {
        var last = _transactions.LastCommitted?.SegmentBase ?? 0;
        var closed = new List<CompactableSegment>();
        for (var i = 0; i < _sealed.Count && _sealed[i].BaseOffset < last; i++)
            closed.Add(new(_sealed[i].BaseOffset, WindowOf(_sealed[i].BaseOffset).EndOffset, _sealed[i].Bytes, _sealed[i].IsCompacted));
        return closed;
    }

    public OpenTransaction? OpenTransaction => _transactions.Open;

    public AbortedRange[] AbortedWithin(long first, long next) => _transactions.AbortedWithin(first, next);

    public long IncarnationOf(long offset) => _manifest.IncarnationOf(offset);

    public long? EndOfIncarnation(long id) => _manifest.EndOfIncarnation(id);

    /// <summary>The segment that holds the offset, or will.</summary>
    public SegmentWindow WindowOf(long offset)
    {
        if (offset >= _manifest.ActiveBase)
            return new(_manifest.ActiveBase, _activeBytes, IsActive: true, IsCompacted: false, long.MaxValue, _generation);
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
        return new(_sealed[low].BaseOffset, _sealed[low].Bytes, IsActive: false, _sealed[low].IsCompacted, end, _generation);
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

    /// <summary>The manifest in which closed segments gave way to others of the same offsets, and which says what is left to do with the files.</summary>
    /// <param name="next">First offset after the segments that go; they begin where the first of <paramref name="replacements"/> does.</param>
    /// <param name="replacements">At least one; in order.</param>
    public Manifest Replacing(long next, IReadOnlyList<SealedSegment> replacements)
    {
        var first = replacements[0].BaseOffset;
        var bases = replacements.Select(segment => segment.BaseOffset).ToList();
        var gone = _sealed.Where(segment => segment.BaseOffset >= first && segment.BaseOffset < next).Select(segment => segment.BaseOffset);
        return Current(clean: false) with
        {
            Sealed =
            [
                .. _sealed.TakeWhile(segment => segment.BaseOffset < first), .. replacements,
                .. _sealed.SkipWhile(segment => segment.BaseOffset < next),
            ],
            Swaps = bases,
            Drops = [.. gone.Except(bases)],
        };
    }

    /// <summary>The replacing manifest is on the disk, and the files are in their places; returns the manifest in which nothing is left to do.</summary>
    public Manifest Replace(Manifest replacing)
    {
        _sealed.Clear();
        _sealed.AddRange(replacing.Sealed);
        _generation++;
        return _manifest = replacing with { Swaps = [], Drops = [] };
    }

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
