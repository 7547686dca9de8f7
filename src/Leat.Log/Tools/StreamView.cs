namespace Leat.Log.Tools;

/// <summary>A segment of a stream.</summary>
/// <param name="BaseOffset">Its first offset.</param>
/// <param name="NextOffset">The first offset after it.</param>
/// <param name="Bytes">Its size, of the active one the part that holds whole batches.</param>
/// <param name="LatestTime">The latest time of a record in it; null when nobody noted it or there is none.</param>
/// <param name="IsCompacted">Whether only the newest record of each key is left.</param>
/// <param name="IsActive">Whether it is the one that is written to.</param>
public sealed record SegmentFacts(long BaseOffset, long NextOffset, long Bytes, DateTimeOffset? LatestTime, bool IsCompacted, bool IsActive);

/// <summary>Offsets from <paramref name="First"/> to before <paramref name="Next"/>.</summary>
public readonly record struct OffsetRange(long First, long Next);

/// <summary>One stream of a <see cref="LogView"/>, as its files were when it was read last.</summary>
public sealed class StreamView
{
    private readonly LogFolder _log;
    private readonly PartitionFolder _folder;
    private TransactionTracker _transactions = new();
    private long _activeTime;

    private StreamView(LogFolder log, string name, Manifest manifest)
    {
        (_log, Name, Manifest) = (log, name, manifest);
        _folder = log.PartitionOf(name);
        Take(manifest);
    }

    /// <summary>The stream's name.</summary>
    public string Name { get; }

    /// <summary>Number raised whenever offsets may repeat; from 1.</summary>
    public uint Epoch => Manifest.Epoch;

    /// <summary>Nothing was appended since it was opened or closed in order. Else a process appends to it, or ended without closing it.</summary>
    public bool IsClean => Manifest.Clean;

    /// <summary>The first offset that is kept.</summary>
    public long StartOffset => Manifest.Sealed.Count > 0 ? Manifest.Sealed[0].BaseOffset : Manifest.ActiveBase;

    /// <summary>The offset after the last whole batch.</summary>
    public long EndOffset { get; private set; }

    /// <summary>Every offset below may be read: before the first record of a transaction still open.</summary>
    public long ReadableOffset => _transactions.Open is { } open ? Math.Min(open.First, EndOffset) : EndOffset;

    /// <summary>Every offset below is known to be durable; there may be more.</summary>
    public long DurableOffset { get; private set; }

    /// <summary>First offset of the transaction that is open; null when none is.</summary>
    public long? OpenTransaction => _transactions.Open?.First;

    /// <summary>How many aborted transactions there are in what is kept.</summary>
    public int AbortedTransactions => _transactions.Aborted.Count(range => range.Marker >= StartOffset);

    /// <summary>Offsets that a repair gave up.</summary>
    public IReadOnlyList<OffsetRange> Gaps => [.. Manifest.Lost.Select(lost => new OffsetRange(lost.First, lost.Next))];

    /// <summary>Where batches of another incarnation begin: one for each start that cut a tail, and the first.</summary>
    public IReadOnlyList<long> Incarnations => [.. Manifest.Incarnations.Select(incarnation => incarnation.BaseOffset)];

    /// <summary>The segments in order, the active one last.</summary>
    public IReadOnlyList<SegmentFacts> Segments { get; private set; } = [];

    /// <summary>How the newest batch is compressed.</summary>
    public Compression Compression { get; private set; }

    /// <summary>Time of the first record that is kept; null when there is none.</summary>
    public DateTimeOffset? OldestTime { get; private set; }

    /// <summary>Latest time of a record; null when there is none.</summary>
    public DateTimeOffset? NewestTime { get; private set; }

    /// <summary>Bytes of all segments.</summary>
    public long SegmentBytes => Segments.Sum(segment => segment.Bytes);

    /// <summary>Names and sizes of all files in the stream's folder, sorted by name.</summary>
    public IReadOnlyList<(string Name, long Bytes)> Files => LogView.Guarded(() => _log.Disk.List(_folder.Path).Select(name => (name, SizeOf(name))).ToArray());

    internal Manifest Manifest { get; private set; }

    internal PartitionFolder Folder => _folder;

    internal TransactionTracker Transactions => _transactions;

    /// <summary>Bytes of the active segment that hold whole batches.</summary>
    internal long ActiveBytes { get; private set; }

    /// <summary>Looks again: at the manifest, and at what was appended.</summary>
    /// <exception cref="LogException">The manifest is damaged or gone, or the files cannot be read.</exception>
    public void Refresh() => LogView.Guarded(() =>
    {
        var manifest = ManifestOf(_folder);
        var isSame = manifest.ActiveBase == Manifest.ActiveBase && manifest.Epoch == Manifest.Epoch;
        Manifest = manifest;
        if (!isSame)
            Take(manifest);
        ScanActive();
        return true;
    });

    /// <summary>Reads from an offset on.</summary>
    /// <param name="from">Below <see cref="StartOffset"/>: from there on.</param>
    /// <param name="all">Also what is aborted or belongs to an open transaction.</param>
    public ViewReader NewReader(long from, bool all) => new(this, Math.Max(from, StartOffset), all);

    /// <summary>The first offset of a batch with a record of that time or a later one; <see cref="EndOffset"/> when there is none.</summary>
    /// <exception cref="LogException">Damaged, or it cannot be read.</exception>
    public long OffsetAt(DateTimeOffset time)
    {
        var wanted = time.ToUnixTimeMilliseconds();
        var from = Segments.FirstOrDefault(segment => segment.LatestTime is null || segment.LatestTime >= time);
        if (from is null)
            return EndOffset;
        using var reader = NewReader(from.BaseOffset, all: true);
        while (reader.Read() is { } block)
        {
            using (block)
            {
                if (new BatchView(block.Buffer).LatestTime >= wanted)
                    return new BatchView(block.Buffer).BaseOffset;
            }
        }

        return EndOffset;
    }

    /// <summary>The last committed batch; null when there is none, or when it is not there as it should be.</summary>
    public LogBlock? ReadLastCommitted()
    {
        if (_transactions.LastCommitted is not { } place)
            return null;
        return LogView.Guarded(() =>
        {
            using var file = _log.Disk.Open(SegmentFiles.PathOf(_folder, Manifest, place.SegmentBase), DiskOpen.Read);
            using var walk = new BatchWalk(file, file.Length, new(Manifest.IncarnationOf, IsCompacted: true), offset: null, place.Position) { StopsAtDamage = true };
            return walk.MoveNext() && walk.IsWhole ? PlainBatch.Of(walk.Batch, walk.FirstOffset, walk.NextOffset) : null;
        });
    }

    /// <summary>An offset from which on there are at least so many offsets up to the end.</summary>
    public long OffsetBeforeEnd(long offsets) => Math.Max(StartOffset, ReadableOffset - offsets);

    internal static StreamView Read(LogFolder log, string name)
    {
        var folder = log.PartitionOf(name);
        var view = new StreamView(log, name, ManifestOf(folder));
        view.ScanActive();
        return view;
    }

    private static Manifest ManifestOf(PartitionFolder folder) =>
        folder.ReadManifest() ?? throw LogErrors.DamagedFile(folder.ManifestPath, "it is missing");

    // The manifest's state is that of its scan offset; what is in the active segment from there on is read.
    private void Take(Manifest manifest)
    {
        _transactions = new() { Open = manifest.Open, LastCommitted = manifest.LastCommitted };
        foreach (var range in manifest.Aborted)
            _transactions.AddAborted(range);
        (EndOffset, ActiveBytes, _activeTime) = (manifest.ScanOffset, manifest.ScanPosition, manifest.ActiveTimeMs);
        DurableOffset = manifest.Watermark;
    }

    private void ScanActive()
    {
        try
        {
            using var file = _log.Disk.Open(_folder.SegmentPath(Manifest.ActiveBase), DiskOpen.Read);
            using var walk = new BatchWalk(file, file.Length, new(Manifest.IncarnationOf, IsCompacted: false), EndOffset, ActiveBytes) { StopsAtDamage = true };
            while (walk.MoveNext() && walk.IsWhole)
            {
                var view = new BatchView(walk.Batch);
                _transactions.Apply(TransactionTracker.KindOf(view), walk.FirstOffset, new(Manifest.ActiveBase, walk.Position, (int)walk.Bytes));
                DurableOffset = Math.Max(DurableOffset, view.SyncedOffset());
                _activeTime = Math.Max(_activeTime, view.LatestTime);
                (EndOffset, ActiveBytes) = (walk.NextOffset, walk.Position + walk.Bytes);
            }
        }
        catch (DiskException error) when (error.Kind == DiskFailure.NotFound)
        {
            // not made yet: a start and a roll name the segment before there is one
            (EndOffset, ActiveBytes) = (Manifest.ScanOffset, Manifest.ScanPosition);
        }

        Segments = [.. SegmentsOf(Manifest)];
        NewestTime = Segments.Max(segment => segment.LatestTime);
        ReadEnds();
    }

    private IEnumerable<SegmentFacts> SegmentsOf(Manifest manifest)
    {
        for (var i = 0; i < manifest.Sealed.Count; i++)
        {
            var segment = manifest.Sealed[i];
            yield return new(segment.BaseOffset, EndOf(manifest, i), segment.Bytes, TimeOf(segment.LatestTimeMs), segment.IsCompacted, IsActive: false);
        }

        yield return new(manifest.ActiveBase, EndOffset, ActiveBytes, TimeOf(_activeTime), IsCompacted: false, IsActive: true);
    }

    // The first offset after a closed segment: where the next begins, or the gap between them.
    internal static long EndOf(Manifest manifest, int index)
    {
        var next = index + 1 < manifest.Sealed.Count ? manifest.Sealed[index + 1].BaseOffset : manifest.ActiveBase;
        var first = manifest.Sealed[index].BaseOffset;
        foreach (var lost in manifest.Lost)
        {
            if (lost.Next == next && lost.First >= first)
                return lost.First;
        }

        return next;
    }

    private void ReadEnds()
    {
        OldestTime = HeaderAt(StartOffset, 0) is { } first ? TimeOf(first.BaseTime) : null;
        Compression = _transactions.LastCommitted is { } last && HeaderAt(last.SegmentBase, last.Position) is { } newest ? newest.Compression : Compression.None;
    }

    private (long BaseTime, Compression Compression)? HeaderAt(long segment, long position)
    {
        Span<byte> header = stackalloc byte[BatchFormat.HeaderBytes];
        try
        {
            using var file = _log.Disk.Open(SegmentFiles.PathOf(_folder, Manifest, segment), DiskOpen.Read);
            var view = new BatchView(header);
            return file.Read(position, header) == header.Length && view.Magic == BatchFormat.Magic && (segment < Manifest.ActiveBase || position < ActiveBytes)
                ? (view.BaseTime, view.Compression)
                : null;
        }
        catch (DiskException error) when (error.Kind == DiskFailure.NotFound)
        {
            return null; // deleted meanwhile, or not made yet
        }
    }

    private long SizeOf(string name)
    {
        try
        {
            using var file = _log.Disk.Open(Path.Combine(_folder.Path, name), DiskOpen.Read);
            return file.Length;
        }
        catch (DiskException error) when (error.Kind == DiskFailure.NotFound)
        {
            return 0; // gone between the listing and now
        }
    }

    private static DateTimeOffset? TimeOf(long milliseconds) =>
        milliseconds == Manifest.UnknownTime || milliseconds < DateTimeOffset.MinValue.ToUnixTimeMilliseconds()
            || milliseconds > DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()
            ? null
            : DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);
}
