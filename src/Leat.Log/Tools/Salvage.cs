namespace Leat.Log.Tools;

/// <summary>Part of a segment file that becomes, or stays, a segment.</summary>
/// <param name="BaseOffset">Its first offset from now on.</param>
/// <param name="Source">First offset of the file that it stands in.</param>
/// <param name="Position">Where in that file.</param>
/// <param name="Bytes">How much of it.</param>
/// <param name="LatestTimeMs">Latest time of a record.</param>
/// <param name="IsCompacted">Whether offsets may be missing in it.</param>
/// <param name="IsCopied">Whether it is written anew; else the file stays as it is.</param>
internal sealed record SalvagedPiece(long BaseOffset, long Source, long Position, long Bytes, long LatestTimeMs, bool IsCompacted, bool IsCopied);

/// <summary>Bytes that are put aside.</summary>
/// <param name="Source">First offset of the file that they stand in.</param>
/// <param name="IsTail">Whether they were never durable: what a start would cut off, too.</param>
/// <param name="Range">Where they stand, and what they should hold.</param>
internal sealed record BytesAside(long Source, bool IsTail, DamagedBytes Range);

/// <summary>Reads what is left of a stream and says how it fits together. Changes nothing.</summary>
internal sealed class Salvage : ISurveyor
{
    private readonly PartitionFolder _folder;
    private readonly Manifest? _manifest;
    private readonly Action<long> _read;
    private readonly CancellationToken _cancellation;
    private readonly TransactionTracker _transactions = new();
    private readonly List<SalvagedPiece> _pieces = [];
    private readonly List<BytesAside> _aside = [];
    private readonly List<LostRange> _lost = [];
    private readonly List<AbortedRange> _torn = [];
    private readonly List<Incarnation> _incarnations = [];
    private long _source;
    private long _pieceBase;
    private long _pieceAt = -1;
    private long _tornFrom = -1;
    private bool _isAfterLoss;
    private bool _isRewritten;

    private Salvage(PartitionFolder folder, Manifest? manifest, Action<long> read, CancellationToken cancellationToken) =>
        (_folder, _manifest, _read, _cancellation) = (folder, manifest, read, cancellationToken);

    /// <summary>The segments to be, in order.</summary>
    public IReadOnlyList<SalvagedPiece> Pieces => _pieces;

    /// <summary>What is put aside.</summary>
    public IReadOnlyList<BytesAside> Aside => _aside;

    /// <summary>Offsets that are gone, besides those that earlier repairs gave up.</summary>
    public IReadOnlyList<LostRange> Lost => _lost;

    /// <summary>Records that are there and are dropped all the same: the rest of their transaction is gone.</summary>
    public IReadOnlyList<AbortedRange> Torn => _torn;

    public TransactionTracker Transactions => _transactions;

    /// <summary>Incarnations as the batches carry them.</summary>
    public IReadOnlyList<Incarnation> Incarnations => _incarnations;

    /// <summary>The next offset to be given.</summary>
    public long EndOffset { get; private set; }

    public uint HighestEpoch { get; private set; }

    /// <summary>Reads all segments of a stream.</summary>
    /// <param name="folder">The stream's folder; nothing is half done in it.</param>
    /// <param name="manifest">The manifest; null when it is lost.</param>
    /// <param name="read">Called with the bytes of each step.</param>
    /// <param name="cancellationToken">Stops it between two batches.</param>
    public static Salvage Run(PartitionFolder folder, Manifest? manifest, Action<long> read, CancellationToken cancellationToken)
    {
        var salvage = new Salvage(folder, manifest, read, cancellationToken);
        if (manifest is null)
            salvage.RunWithout([.. BasesIn(folder)]);
        else
            salvage.RunWith(manifest);
        salvage.EndTorn();
        return salvage;
    }

    /// <summary>First offsets of the segment files in a folder, in order.</summary>
    public static IEnumerable<long> BasesIn(PartitionFolder folder) =>
        from name in folder.Disk.List(folder.Path)
        where name.EndsWith(PartitionFolder.SegmentSuffix, StringComparison.Ordinal)
        let number = name[..^PartitionFolder.SegmentSuffix.Length]
        where number.Length == 20 && number.All(char.IsAsciiDigit) && long.TryParse(number, out _)
        select long.Parse(number, System.Globalization.CultureInfo.InvariantCulture);

    /// <inheritdoc/>
    public void Batch(ReadOnlySpan<byte> batch, long position, long runPosition)
    {
        var view = new BatchView(batch);
        // Compaction leaves out offsets and rewrites what was durable; nothing else does either.
        _isRewritten |= view.RecordCount != view.LastOffsetDelta + 1 || view.SyncedOffset() > view.BaseOffset;
        if (_pieceAt != runPosition)
            (_pieceAt, _pieceBase) = (runPosition, runPosition == 0 ? _source : view.BaseOffset);
        if (_incarnations.Count == 0 || _incarnations[^1].Id != view.Incarnation)
            _incarnations.Add(new(view.BaseOffset, view.Incarnation));
        Follow(TransactionTracker.KindOf(view), view.BaseOffset, new(_pieceBase, position - runPosition, batch.Length));
    }

    /// <inheritdoc/>
    public void Damage(DamagedBytes damage)
    {
        if (damage.NextOffset < 0 || damage.NextOffset > damage.FirstOffset)
            Tear(damage.FirstOffset);
    }

    private void RunWith(Manifest manifest)
    {
        EndOffset = manifest.Sealed.Count > 0 ? manifest.Sealed[0].BaseOffset : manifest.ActiveBase;
        for (var i = 0; i < manifest.Sealed.Count; i++)
        {
            var segment = manifest.Sealed[i];
            var end = StreamView.EndOf(manifest, i);
            TakeSegment(segment.BaseOffset, segment.Bytes, end, new(manifest.IncarnationOf, segment.IsCompacted, end));
            var next = i + 1 < manifest.Sealed.Count ? manifest.Sealed[i + 1].BaseOffset : manifest.ActiveBase;
            if (next > end)
                PassOldGap(end, next);
        }

        TakeLast(manifest.ActiveBase, new(manifest.IncarnationOf, IsCompacted: false), manifest.Watermark);
    }

    // Without a manifest the files alone say what there is: whatever follows without a hole belongs together.
    private void RunWithout(long[] bases)
    {
        EndOffset = bases.Length > 0 ? bases[0] : 0;
        for (var i = 0; i < bases.Length - 1; i++)
            TakeSegment(bases[i], long.MaxValue, bases[i + 1], new(IncarnationOf: null, IsCompacted: true, bases[i + 1]));
        if (bases.Length > 0)
            TakeLast(bases[^1], new(IncarnationOf: null, IsCompacted: true), watermark: 0);
    }

    private void PassOldGap(long first, long next)
    {
        Tear(first);
        EndOffset = next;
    }

    private void TakeSegment(long baseOffset, long bytes, long end, WalkRules rules)
    {
        (_source, _pieceAt, _isRewritten) = (baseOffset, -1, false);
        try
        {
            using var file = _folder.Disk.Open(SegmentFiles.PathOf(_folder, _manifest, baseOffset), DiskOpen.Read);
            var survey = SegmentSurvey.Run(file, Math.Min(file.Length, bytes), baseOffset, rules, this, _read, _cancellation);
            var isCompacted = _manifest is null ? LooksCompacted(survey) : rules.IsCompacted;
            Take(survey, isCompacted, isCopied: survey.Damage.Count > 0);
            // What a compacted segment held last may be gone in order; else every offset up to the next segment must be there.
            if (isCompacted && (survey.Damage.Count == 0 || survey.Damage[^1].NextOffset >= 0))
                EndOffset = Math.Max(EndOffset, end);
            if (isCompacted && survey.Runs.Count == 0 && survey.Damage.Count == 0)
                _pieces.Add(new(baseOffset, baseOffset, 0, 0, Manifest.UnknownTime, IsCompacted: true, IsCopied: false));
        }
        catch (DiskException error) when (error.Kind == DiskFailure.NotFound)
        {
            Tear(baseOffset); // the whole segment is lost
        }

        LoseUpTo(end);
    }

    // The segment that was written to: what is behind its last whole batch and was never durable is a tail.
    private void TakeLast(long baseOffset, WalkRules rules, long watermark)
    {
        (_source, _pieceAt, _isRewritten) = (baseOffset, -1, false);
        try
        {
            using var file = _folder.Disk.Open(_folder.SegmentPath(baseOffset), DiskOpen.Read);
            var length = file.Length;
            var first = SegmentSurvey.Run(file, length, baseOffset, rules, new NoSurveyor(), static _ => { }, _cancellation);
            watermark = Math.Max(watermark, first.Watermark);
            var tail = first.Damage.Where(damage => damage.FirstOffset >= watermark).Select(damage => (DamagedBytes?)damage).FirstOrDefault();
            var survey = SegmentSurvey.Run(file, tail?.Position ?? length, baseOffset, rules, this, _read, _cancellation);
            var isCompacted = _manifest is null && LooksCompacted(survey);
            Take(survey, isCompacted, isCopied: true); // it may stand in the cache alone
            if (tail is { } rest)
                _aside.Add(new(baseOffset, IsTail: true, rest with { Bytes = length - rest.Position, NextOffset = rest.FirstOffset }));
        }
        catch (DiskException error) when (error.Kind == DiskFailure.NotFound)
        {
            if (watermark > baseOffset)
                Tear(baseOffset); // lost; else it was not made yet
        }

        LoseUpTo(watermark);
    }

    // Offsets are left out in batches, between them, or before the first.
    private bool LooksCompacted(SegmentSurvey survey) =>
        survey.HasJumps || _isRewritten || (survey.Runs.Count > 0 && survey.Runs[0].Position == 0 && survey.Runs[0].FirstOffset > survey.BaseOffset);

    private void Take(SegmentSurvey survey, bool isCompacted, bool isCopied)
    {
        HighestEpoch = Math.Max(HighestEpoch, survey.HighestEpoch);
        var steps = survey.Runs.Select(run => (run.Position, Run: (GoodRun?)run, Damage: default(DamagedBytes)))
            .Concat(survey.Damage.Select(damage => (damage.Position, Run: (GoodRun?)null, Damage: damage))).OrderBy(step => step.Position);
        foreach (var (_, run, damage) in steps)
        {
            if (run is { } good)
            {
                if (!isCompacted || good.Position > 0)
                    LoseUpTo(good.FirstOffset);
                var first = good.Position == 0 ? survey.BaseOffset : good.FirstOffset;
                _pieces.Add(new(first, survey.BaseOffset, good.Position, good.Bytes, good.LatestTimeMs, isCompacted, isCopied));
                EndOffset = good.NextOffset;
            }
            else
            {
                _aside.Add(new(survey.BaseOffset, IsTail: false, damage));
            }
        }
    }

    private void LoseUpTo(long next)
    {
        if (next <= EndOffset)
            return;
        _lost.Add(new(EndOffset, next));
        EndOffset = next;
    }

    // A transaction of which a part is gone is not shown in part.
    private void Tear(long offset)
    {
        if (_transactions.Open is { } open)
            _torn.Add(new(open.First, offset - 1));
        _transactions.Open = null;
        _isAfterLoss = true;
    }

    private void Follow(BatchKind kind, long offset, BatchPlace place)
    {
        if (_isAfterLoss && kind is BatchKind.Transactional)
        {
            if (_tornFrom < 0)
                _tornFrom = offset;
            return;
        }

        if (_isAfterLoss && kind is BatchKind.CommitMarker or BatchKind.AbortMarker && _tornFrom >= 0)
        {
            _torn.Add(new(_tornFrom, offset));
            (_tornFrom, _isAfterLoss) = (-1, false);
            return;
        }

        var isOrphan = _isAfterLoss && kind is BatchKind.CommitMarker or BatchKind.AbortMarker && _transactions.Open is null;
        _isAfterLoss = false;
        if (!isOrphan)
            _transactions.Apply(kind, offset, place);
    }

    // A torn transaction that nobody has closed: what is there of it is dropped, and nothing stays open.
    private void EndTorn()
    {
        if (_tornFrom >= 0)
            _torn.Add(new(_tornFrom, EndOffset - 1));
    }

    private sealed class NoSurveyor : ISurveyor
    {
        public void Batch(ReadOnlySpan<byte> batch, long position, long runPosition)
        {
            // only the survey itself is wanted
        }

        public void Damage(DamagedBytes damage)
        {
            // as above
        }
    }
}
