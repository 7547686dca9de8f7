namespace Leat.Log;

/// <summary>Where readers find an offset: the segment, and how far its file is durable and whole.</summary>
/// <param name="BaseOffset">The segment's first offset.</param>
/// <param name="Bytes">Bytes that are durable and whole.</param>
/// <param name="IsActive">Whether it is written to.</param>
/// <param name="IsCompacted">Whether offsets may be missing in it.</param>
/// <param name="EndOffset">Of a closed segment: the first offset that it cannot hold.</param>
/// <param name="LatestTimeMs">The latest time of a record in it; <see cref="Manifest.UnknownTime"/>: none, or nobody knows.</param>
/// <param name="Generation">Another number: files of closed segments were put in the places of others since.</param>
internal readonly record struct SegmentWindow(
    long BaseOffset, long Bytes, bool IsActive, bool IsCompacted, long EndOffset, long LatestTimeMs, int Generation = 0);

/// <summary>A batch that is written to the active segment and not yet synced.</summary>
internal readonly record struct WrittenBatch(BatchKind Kind, long BaseOffset, long NextOffset, BatchPlace Place, long LatestTimeMs);

/// <summary>All that readers see of a partition's segments and transactions. Read and changed under the partition's lock.</summary>
/// <remarks>
/// The worker publishes batches; <see cref="ManifestKeeper"/> brings every other change, once the manifest that says so is durable.
/// </remarks>
internal sealed class SegmentTable(RecoveredPartition recovered)
{
    private readonly TransactionTracker _transactions = recovered.Transactions;
    private Dictionary<long, int>? _held;
    private long _activeTime = recovered.Manifest.ActiveTimeMs;

    /// <summary>Counts how often files of closed segments were put in the places of others.</summary>
    public int Generation { get; private set; }

    /// <summary>The manifest that was written last.</summary>
    public Manifest Manifest { get; private set; } = recovered.Manifest;

    /// <summary>Every offset below may be told to whoever waits for the sync: durable, or in <see cref="SyncMode.Os"/> written.</summary>
    public long SyncedOffset { get; private set; } = recovered.NextOffset;

    /// <summary>Every offset below is durable.</summary>
    public long DurableOffset { get; private set; } = recovered.NextOffset;

    /// <summary>Size of the active segment as far as readers may see it.</summary>
    public long ActiveBytes { get; private set; } = recovered.ActiveBytes;

    /// <summary>The active segment's index; null before the first append since the start: its file alone has it.</summary>
    public OffsetIndex? Index { get; set; } = recovered.Index;

    public long StartOffset => Manifest.Sealed.Count > 0 ? Manifest.Sealed[0].BaseOffset : Manifest.ActiveBase;

    /// <summary>Every offset below may be read.</summary>
    public long ReadableOffset => _transactions.Open is { } open ? Math.Min(open.First, SyncedOffset) : SyncedOffset;

    public BatchPlace? LastCommitted => _transactions.LastCommitted;

    /// <summary>First offset of the transaction that <see cref="LastCommitted"/> ends; null when it was committed before this start.</summary>
    public long? LastCommittedFirst => _transactions.LastCommittedFirst;

    public OpenTransaction? OpenTransaction => _transactions.Open;

    /// <summary>The latest time of a record, ms since 1970 UTC; <see cref="Manifest.UnknownTime"/> when there is none.</summary>
    public long LatestTimeMs { get; private set; } =
        recovered.Manifest.Sealed.Aggregate(recovered.Manifest.ActiveTimeMs, static (latest, segment) => Math.Max(latest, segment.LatestTimeMs));

    /// <summary>Bytes of all segments.</summary>
    public long TotalBytes => Manifest.Sealed.Sum(static segment => segment.Bytes) + ActiveBytes;

    public AbortedRange[] AbortedWithin(long first, long next) => _transactions.AbortedWithin(first, next);

    public long IncarnationOf(long offset) => Manifest.IncarnationOf(offset);

    public long? EndOfIncarnation(long id) => Manifest.EndOfIncarnation(id);

    /// <summary>The segment that holds the offset, or will.</summary>
    public SegmentWindow WindowOf(long offset)
    {
        if (offset >= Manifest.ActiveBase)
            return new(Manifest.ActiveBase, ActiveBytes, IsActive: true, IsCompacted: false, long.MaxValue, _activeTime, Generation);
        var at = SealedIndexOf(offset);
        var segment = Manifest.Sealed[at];
        var end = at + 1 < Manifest.Sealed.Count ? Manifest.Sealed[at + 1].BaseOffset : Manifest.ActiveBase;
        return new(segment.BaseOffset, segment.Bytes, IsActive: false, segment.IsCompacted, end, segment.LatestTimeMs, Generation);
    }

    /// <summary>The range given up by a repair that an offset is in, or null.</summary>
    public LostRange? LostAt(long offset)
    {
        foreach (var lost in Manifest.Lost)
        {
            if (offset >= lost.First && offset < lost.Next)
                return lost;
        }

        return null;
    }

    /// <summary>Somebody opens a segment's file: it is not written over until he lets go. False when there is no such segment any more.</summary>
    public bool TryHold(long segment)
    {
        if (!HasSegment(segment))
            return false;
        _held ??= [];
        _held[segment] = _held.GetValueOrDefault(segment) + 1;
        return true;
    }

    public bool HasSegment(long segment) =>
        segment == Manifest.ActiveBase || (Manifest.Sealed.Count > 0 && Manifest.Sealed[SealedIndexOf(segment)].BaseOffset == segment);

    /// <summary>The file is closed again.</summary>
    public void LetGo(long segment)
    {
        if (_held is not null && _held.TryGetValue(segment, out var holders) && holders > 1)
            _held[segment] = holders - 1;
        else
            _held?.Remove(segment);
    }

    public bool IsHeld(long segment) => _held?.ContainsKey(segment) == true;

    /// <summary>The batches are written, and may be read.</summary>
    /// <param name="batches">In order.</param>
    /// <param name="durable">Whether they are synced, too.</param>
    public void Publish(List<WrittenBatch> batches, bool durable)
    {
        foreach (var batch in batches)
        {
            _transactions.Apply(batch.Kind, batch.BaseOffset, batch.Place);
            Index?.Add(batch.NextOffset - 1, batch.Place.Position, batch.Place.Bytes);
            ActiveBytes = batch.Place.Position + batch.Place.Bytes;
            _activeTime = Math.Max(_activeTime, batch.LatestTimeMs);
            SyncedOffset = batch.NextOffset;
        }

        LatestTimeMs = Math.Max(LatestTimeMs, _activeTime);
        if (durable)
            DurableOffset = SyncedOffset;
    }

    /// <summary>All that was published is synced.</summary>
    public void BecameDurable() => DurableOffset = SyncedOffset;

    /// <summary>The manifest of this moment; everything published must be durable.</summary>
    public Manifest Current(bool clean, bool unsynced) => Manifest with
    {
        Watermark = DurableOffset,
        ScanOffset = DurableOffset,
        ScanPosition = ActiveBytes,
        ActiveTimeMs = _activeTime,
        Clean = clean,
        WasUnsynced = unsynced,
        Open = _transactions.Open,
        LastCommitted = _transactions.LastCommitted,
        Aborted = [.. _transactions.Aborted],
    };

    /// <summary>The manifest with the active segment closed at its present end.</summary>
    public Manifest Rolled(bool unsynced) => Current(clean: false, unsynced) with
    {
        ActiveBase = SyncedOffset,
        ScanPosition = 0,
        ActiveTimeMs = Manifest.UnknownTime,
        Sealed = [.. Manifest.Sealed, new(Manifest.ActiveBase, ActiveBytes, _activeTime)],
    };

    /// <summary>The manifest in which closed segments gave way to others of the same offsets, and which says what is to be done with the files.</summary>
    /// <param name="next">First offset after the segments that go; they begin where the first of <paramref name="replacements"/> does.</param>
    /// <param name="replacements">At least one; in order.</param>
    public Manifest Replacing(long next, IReadOnlyList<SealedSegment> replacements)
    {
        var first = replacements[0].BaseOffset;
        long[] bases = [.. replacements.Select(segment => segment.BaseOffset)];
        var gone = Manifest.Sealed.Where(segment => segment.BaseOffset >= first && segment.BaseOffset < next).Select(segment => segment.BaseOffset);
        return Manifest with
        {
            Sealed =
            [
                .. Manifest.Sealed.TakeWhile(segment => segment.BaseOffset < first), .. replacements,
                .. Manifest.Sealed.SkipWhile(segment => segment.BaseOffset < next),
            ],
            Swaps = bases,
            Drops = [.. Manifest.Drops, .. gone.Except(bases)],
        };
    }

    /// <summary>A manifest is durable: what it says of segments holds for readers from now on.</summary>
    public void Take(Manifest written)
    {
        if (written.ActiveBase != Manifest.ActiveBase)
        {
            Index = new(written.ActiveBase);
            ActiveBytes = 0;
            _activeTime = Manifest.UnknownTime;
        }

        if (written.Swaps.Count > 0)
            Generation++;
        Manifest = written;
        _transactions.ForgetAborted(StartOffset);
    }

    // The closed segment that begins at or before the offset; the first one, when all begin after it.
    private int SealedIndexOf(long offset)
    {
        var (low, high) = (0, Manifest.Sealed.Count - 1);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (Manifest.Sealed[middle].BaseOffset <= offset)
                low = middle;
            else
                high = middle - 1;
        }

        return low;
    }
}
