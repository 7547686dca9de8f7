using System.Globalization;

namespace Leat.Log.Tools;

/// <summary>Reads one stream from end to end and compares all that says something about it.</summary>
internal sealed class StreamCheck(LogView log, StreamView stream, Action<long> read) : ISurveyor
{
    private const int MostAttempts = 3;

    private readonly List<LogFinding> _findings = [];
    private readonly List<string> _notes = [];
    private readonly TransactionTracker _transactions = new();
    private readonly Manifest _manifest = stream.Manifest;
    private SealedSegment _segment;
    private SideCheck? _side;
    private bool _sawManifestState;
    private bool _isBroken;
    private long _batches;
    private long _records;
    private long _bytes;

    private PartitionFolder Folder => stream.Folder;

    /// <summary>Does it all.</summary>
    public StreamReport Run(CancellationToken cancellationToken)
    {
        if (log.Id is { } id && _manifest.LogId != id)
            Tell(LogErrors.Foreign(Folder.ManifestPath, _manifest.LogId, id));
        CheckStrays();
        for (var i = 0; i < _manifest.Sealed.Count; i++)
            CheckSealed(_manifest.Sealed[i], StreamView.EndOf(_manifest, i), cancellationToken);
        CheckActive(cancellationToken);
        foreach (var lost in _manifest.Lost)
            _notes.Add(FormattableString.Invariant($"Offsets {lost.First} to {lost.Next - 1} were given up by a repair."));
        return new(stream.Name, _batches, _records, _bytes, _findings, _notes);
    }

    /// <inheritdoc/>
    public void Batch(ReadOnlySpan<byte> batch, long position, long runPosition)
    {
        var view = new BatchView(batch);
        if (view.BaseOffset >= _manifest.ScanOffset)
            CheckManifestState();
        _batches++;
        _records += view.RecordCount;
        _side?.Next(batch, position);
        var problem = ProblemOf(batch);
        if (problem is null && !_segment.IsCompacted && view.SyncedOffset() > view.BaseOffset)
            problem = FormattableString.Invariant($"claims that offsets below {view.SyncedOffset()} were durable when it was written");
        if (problem is not null)
            Tell(LogErrors.WrittenWrong(Folder.SegmentPath(_segment.BaseOffset), position, view.BaseOffset, problem));
        _transactions.Apply(TransactionTracker.KindOf(view), view.BaseOffset, new(_segment.BaseOffset, position, batch.Length));
    }

    /// <inheritdoc/>
    public void Damage(DamagedBytes damage) => _isBroken = true;

    private string? ProblemOf(ReadOnlySpan<byte> batch)
    {
        if (new BatchView(batch).Compression == Compression.None)
            return RecordCheck.Problem(batch, _segment.IsCompacted);
        using var plain = PlainBatch.Of(batch, 0, 0);
        return plain is null ? PlainBatch.Problem(batch) : RecordCheck.Problem(plain.Buffer.AsSpan(0, plain.Length), _segment.IsCompacted);
    }

    private void Tell(LogException error) => _findings.Add(LogFinding.Of(stream.Name, error));

    private void Read(long bytes)
    {
        _bytes += bytes;
        read(bytes);
    }

    private void CheckStrays()
    {
        var known = _manifest.Sealed.Select(segment => segment.BaseOffset).Append(_manifest.ActiveBase).Concat(_manifest.Drops)
            .Select(offset => Path.GetFileName(Folder.SegmentPath(offset))).ToHashSet(StringComparer.Ordinal);
        foreach (var name in Folder.Disk.List(Folder.Path))
        {
            // A running log may have begun the next segment since its manifest was read.
            if (name.EndsWith(PartitionFolder.SegmentSuffix, StringComparison.Ordinal) && !known.Contains(name) && !IsListedNow(name))
                Tell(LogErrors.SegmentStray(stream.Name, Path.Combine(Folder.Path, name)));
        }
    }

    private bool IsListedNow(string name)
    {
        var now = Folder.ReadManifest() ?? _manifest;
        return now.Sealed.Select(segment => segment.BaseOffset).Append(now.ActiveBase).Any(offset => Path.GetFileName(Folder.SegmentPath(offset)) == name);
    }

    private void CheckSealed(SealedSegment segment, long end, CancellationToken cancellationToken)
    {
        var path = SegmentFiles.PathOf(Folder, _manifest, segment.BaseOffset);
        var found = _findings.Count;
        try
        {
            using var file = Folder.Disk.Open(path, DiskOpen.Read);
            var length = file.Length;
            _segment = segment;
            using var side = new SideCheck(Folder, new(segment.BaseOffset, segment.Bytes, IsActive: false, segment.IsCompacted, end, segment.LatestTimeMs, Generation: 0));
            _side = side;
            var survey = SegmentSurvey.Run(
                file, Math.Min(length, segment.Bytes), segment.BaseOffset, new(_manifest.IncarnationOf, segment.IsCompacted, end), this, Read, cancellationToken);
            CompareSealed(segment, survey, path, length, end);
        }
        catch (DiskException error) when (error.Kind == DiskFailure.NotFound)
        {
            _isBroken = true;
            Tell(LogErrors.SegmentLost(stream.Name, path, segment.BaseOffset, end, "is missing"));
        }

        if (_findings.Count > found && HasChanged(segment))
        {
            _findings.RemoveRange(found, _findings.Count - found);
            _notes.Add(FormattableString.Invariant($"The segment of offset {segment.BaseOffset} was deleted or compacted while it was read."));
        }
    }

    private void CompareSealed(SealedSegment segment, SegmentSurvey survey, string path, long length, long end)
    {
        foreach (var damage in survey.Damage)
            Tell(LogErrors.DamagedRange(stream.Name, path, damage.NextOffset >= 0 ? damage : damage with { NextOffset = end }));
        if (length < segment.Bytes && (survey.Damage.Count == 0 || survey.Damage[^1].NextOffset >= 0))
        {
            _isBroken = true;
            var sizes = FormattableString.Invariant($"has {length} bytes and should have {segment.Bytes}");
            Tell(LogErrors.SegmentLost(stream.Name, path, survey.NextOffset, end, sizes));
        }
        else if (survey.Damage.Count == 0 && survey.NextOffset != end && !segment.IsCompacted)
        {
            Tell(LogErrors.ManifestWrong(stream.Name, Folder.ManifestPath, FormattableString.Invariant(
                $"the segment of offset {segment.BaseOffset} ends before offset {survey.NextOffset}, and the next begins with {end}")));
        }

        if (length > segment.Bytes)
            _notes.Add(FormattableString.Invariant($"{path} has {length - segment.Bytes} bytes more than the manifest says; the next start cuts them."));
        var latest = survey.Runs.Count == 0 ? Manifest.UnknownTime : survey.Runs.Max(run => run.LatestTimeMs);
        if (survey.Damage.Count == 0 && segment.LatestTimeMs != Manifest.UnknownTime && latest != segment.LatestTimeMs)
        {
            Tell(LogErrors.ManifestWrong(stream.Name, Folder.ManifestPath, FormattableString.Invariant(
                $"the latest time in the segment of offset {segment.BaseOffset} is {latest}, not {segment.LatestTimeMs}")));
        }

        if (survey.Damage.Count > 0 || length < segment.Bytes)
            return;
        foreach (var (file, problem) in _side?.Problems(_manifest) ?? [])
            Tell(LogErrors.DerivedWrong(stream.Name, file, problem));
    }

    // A running log deletes and compacts: what was wrong with a segment that is no longer listed as it was is not wrong.
    private bool HasChanged(SealedSegment segment) =>
        Folder.ReadManifest() is { } now && (!now.Sealed.Contains(segment) || !now.Swaps.SequenceEqual(_manifest.Swaps));

    private void CheckActive(CancellationToken cancellationToken)
    {
        _segment = new(_manifest.ActiveBase, 0, Manifest.UnknownTime);
        _side = null;
        var path = Folder.SegmentPath(_manifest.ActiveBase);
        try
        {
            using var file = Folder.Disk.Open(path, DiskOpen.Read);
            CheckActive(file, path, cancellationToken);
        }
        catch (DiskException error) when (error.Kind == DiskFailure.NotFound)
        {
            var proven = Math.Max(_manifest.Watermark, _manifest.ScanOffset);
            if (proven > _manifest.ActiveBase && _manifest.ActiveBase == (Folder.ReadManifest() ?? _manifest).ActiveBase)
                Tell(LogErrors.SegmentLost(stream.Name, path, _manifest.ActiveBase, proven, "is missing"));
        }

        CheckManifestState();
    }

    // What is behind the last whole batch is a tail, unless a watermark says that it was durable. A running log writes while this reads:
    // only what is found again is believed.
    private void CheckActive(IDiskFile file, string path, CancellationToken cancellationToken)
    {
        var rules = new WalkRules(_manifest.IncarnationOf, IsCompacted: false);
        var survey = SegmentSurvey.Run(file, file.Length, _manifest.ActiveBase, rules, this, Read, cancellationToken);
        var damage = DurableDamage(survey);
        for (var attempt = 1; damage.Count > 0 && attempt < MostAttempts; attempt++)
        {
            var again = SegmentSurvey.Run(file, file.Length, _manifest.ActiveBase, rules, new Deaf(), static _ => { }, cancellationToken);
            var seenAgain = DurableDamage(again);
            damage = [.. damage.Where(one => seenAgain.Any(other => other.Position == one.Position))];
        }

        foreach (var one in damage)
            Tell(LogErrors.DamagedRange(stream.Name, path, one));
        if (damage.Count == 0 && survey.Damage.Count > 0)
        {
            _notes.Add(string.Create(CultureInfo.InvariantCulture,
                $"{path} has {file.Length - survey.Damage[0].Position} bytes after its last whole batch: being written, left from an earlier use of the file, or torn and cut by the next start."));
        }
    }

    private List<DamagedBytes> DurableDamage(SegmentSurvey survey)
    {
        var watermark = Math.Max(_manifest.Watermark, survey.Watermark);
        var damage = survey.Damage.Where(one => one.FirstOffset < watermark)
            .Select(one => one.NextOffset >= 0 ? one : one with { NextOffset = watermark }).ToList();
        if (survey.Damage.Count == 0 && survey.NextOffset < watermark)
            damage.Add(new(survey.Runs.Count == 0 ? 0 : survey.Runs[^1].Position + survey.Runs[^1].Bytes, 0, survey.NextOffset, watermark, "ends there"));
        return damage;
    }

    // The manifest says how transactions stood at one offset; this is called when the reading comes by there.
    private void CheckManifestState()
    {
        if (_sawManifestState)
            return;
        _sawManifestState = true;
        if (_isBroken || HasMovedOn())
            return; // what was read is not all there was
        if (_manifest.Open?.First is var open && open != _transactions.Open?.First && !(open < stream.StartOffset))
            TellState($"the open transaction begins at {Text(_transactions.Open?.First)}, not {Text(open)}");
        if (_manifest.LastCommitted is var last && last != _transactions.LastCommitted && !IsCompacted(last))
            TellState($"the last committed batch stands at {Text(_transactions.LastCommitted)}, not {Text(last)}");
        foreach (var range in _transactions.Aborted)
        {
            if (!_manifest.Aborted.Any(known => known.First <= range.First && known.Marker >= range.Marker))
                TellState(FormattableString.Invariant($"the transaction of offsets {range.First} to {range.Marker} was aborted, and the manifest does not say so"));
        }
    }

    private bool HasMovedOn() => (Folder.ReadManifest() ?? _manifest).Sealed.Take(1).SequenceEqual(_manifest.Sealed.Take(1)) is false;

    private bool IsCompacted(BatchPlace? place) =>
        _manifest.Sealed.Any(segment => segment.BaseOffset == place?.SegmentBase && segment.IsCompacted);

    private void TellState(string why) => Tell(LogErrors.ManifestWrong(stream.Name, Folder.ManifestPath, why));

    private static string Text(long? offset) => offset?.ToString(CultureInfo.InvariantCulture) ?? "none";

    private static string Text(BatchPlace? place) => place is { } at
        ? FormattableString.Invariant($"byte {at.Position} of the segment of offset {at.SegmentBase}")
        : "no place";

    private sealed class Deaf : ISurveyor
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
