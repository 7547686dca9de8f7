using Microsoft.Extensions.Logging;

namespace Leat.Log;

/// <summary>Decides which closed segments of a stream may go, by age and size, and deletes them. Knows who holds what.</summary>
/// <remarks>
/// Never deleted: what is held, the last committed batch (its position is where capture resumes), an open transaction, the
/// segment that is written to. Runs on the log's maintenance worker.
/// </remarks>
internal sealed class StreamRetention(
    string stream, PartitionFolder folder, SegmentTable table, Lock gate, ManifestKeeper keeper, TimeProvider time, ILogger log)
{
    /// <summary>A clock that jumps, or a setting with a digit too few, deletes no more than this before somebody can notice.</summary>
    public const int MostSegmentsAPass = 8;

    private readonly List<RetentionHold> _holds = [];
    private readonly long _startedAt = time.GetTimestamp();
    private long _latestMs = table.LatestTimeMs;
    private long _latestAt = time.GetTimestamp();
    private IntakeState _intake = IntakeState.Open;

    /// <summary>Segments deleted since the stream was opened.</summary>
    public long DeletedSegments { get; private set; }

    /// <summary>Their bytes.</summary>
    public long DeletedBytes { get; private set; }

    /// <summary>Whether the stream takes what is new, as far as its quota decides that.</summary>
    public IntakeState Intake => Volatile.Read(ref _intake);

    /// <summary>Those who hold, each once.</summary>
    public IReadOnlyList<RetentionHold> Holds
    {
        get
        {
            lock (gate)
                return [.. _holds];
        }
    }

    public RetentionHold Hold(string who, long offset)
    {
        var hold = new RetentionHold(who, offset, LetGo);
        lock (gate)
            _holds.Add(hold);
        return hold;
    }

    /// <summary>Deletes what may go, at most <see cref="MostSegmentsAPass"/> segments. Returns whether there was more.</summary>
    public bool Pass(StreamOptions options)
    {
        List<SealedSegment> gone = [];
        var more = false;
        keeper.Change(now =>
        {
            var count = CountExpired(now, options);
            more = count > MostSegmentsAPass;
            gone = [.. now.Manifest.Sealed.Take(Math.Min(count, MostSegmentsAPass))];
            return gone.Count == 0 ? null : Without(now.Manifest, gone);
        });
        if (gone.Count > 0)
            Delete(gone);
        UpdateIntake(options);
        return more;
    }

    private static Manifest Without(Manifest manifest, List<SealedSegment> gone)
    {
        SealedSegment[] kept = [.. manifest.Sealed.Skip(gone.Count)];
        var start = kept.Length > 0 ? kept[0].BaseOffset : manifest.ActiveBase;
        return manifest with
        {
            Sealed = kept,
            Drops = [.. manifest.Drops, .. gone.Select(segment => segment.BaseOffset)],
            Aborted = [.. manifest.Aborted.Where(range => range.Marker >= start)],
            Lost = [.. manifest.Lost.Where(lost => lost.Next > start)],
        };
    }

    private void Delete(List<SealedSegment> gone)
    {
        long[] segments = [.. gone.Select(segment => segment.BaseOffset)];
        folder.Remove(segments, IsHeld);
        var bytes = gone.Sum(segment => segment.Bytes);
        long start;
        lock (gate)
        {
            DeletedSegments += gone.Count;
            DeletedBytes += bytes;
            start = table.StartOffset;
        }

        keeper.Amend(manifest => manifest with { Drops = [.. manifest.Drops.Except(segments)] });

        log.SegmentsDeleted(stream, gone.Count, bytes, start);
    }

    // How many of the oldest closed segments may go.
    private int CountExpired(SegmentTable now, StreamOptions options)
    {
        var age = options.RetentionAge;
        var most = options.RetentionBytes;
        if ((age is not null || most is not null) && options.QuotaBytes is { } quota)
            most = Math.Min(most ?? long.MaxValue, quota);
        if (age is null && most is null)
            return 0;

        var segments = now.Manifest.Sealed;
        var keepFrom = KeepFrom(now);
        var oldest = age is { } limit ? NowMs(now) - limit.TotalMilliseconds : double.NegativeInfinity;
        var total = now.TotalBytes;
        var count = 0;
        for (; count < segments.Count; count++)
        {
            var next = count + 1 < segments.Count ? segments[count + 1].BaseOffset : now.Manifest.ActiveBase;
            var latest = LatestTimeOf(now, count);
            var isExpired = total > (most ?? long.MaxValue) || (latest != Manifest.UnknownTime && latest < oldest);
            if (!isExpired || next > keepFrom)
                break;
            total -= segments[count].Bytes;
        }

        return count;
    }

    // Everything from this offset on is kept, whatever its age. Of a stream that is written without syncs, what the manifest on the disk
    // says counts as well as what is newer: an unclean end may go back to it.
    internal long KeepFrom(SegmentTable now)
    {
        var keep = now.Manifest.ActiveBase;
        foreach (var hold in _holds)
            keep = Math.Min(keep, hold.Offset);
        keep = Math.Min(keep, Math.Min(now.LastCommitted?.SegmentBase ?? keep, now.OpenTransaction?.First ?? keep));
        return now.Manifest.WasUnsynced
            ? Math.Min(keep, Math.Min(now.Manifest.LastCommitted?.SegmentBase ?? keep, now.Manifest.Open?.First ?? keep))
            : keep;
    }

    // A segment closed by a version that did not note times is as old as the next one that knows.
    private static long LatestTimeOf(SegmentTable now, int segment)
    {
        for (var i = segment; i < now.Manifest.Sealed.Count; i++)
        {
            if (now.Manifest.Sealed[i].LatestTimeMs is not Manifest.UnknownTime and var latest)
                return latest;
        }

        return Manifest.UnknownTime;
    }

    // The wall clock, but never ahead of the latest record by more than has really passed since it was seen: a clock that jumps into
    // the future deletes nothing early. A stream without any time keeps everything.
    internal double NowMs(SegmentTable now)
    {
        if (now.LatestTimeMs > _latestMs)
            (_latestMs, _latestAt) = (now.LatestTimeMs, time.GetTimestamp());
        if (_latestMs == Manifest.UnknownTime)
            return double.NegativeInfinity;
        var passed = time.GetElapsedTime(Math.Max(_startedAt, _latestAt)).TotalMilliseconds;
        return Math.Min(time.GetUtcNow().ToUnixTimeMilliseconds(), _latestMs + passed);
    }

    private void UpdateIntake(StreamOptions options)
    {
        var before = Intake;
        IntakeState next;
        lock (gate)
            next = IntakeNow(options);
        Volatile.Write(ref _intake, next);
        if (next.Intake == before.Intake)
            return;
        if (next.Intake == Log.Intake.OverQuota)
            log.OverQuota(stream, next.Bytes, options.QuotaBytes ?? 0, next.Holder ?? "a retention", next.HolderOffset);
        else
            log.BelowQuota(stream);
    }

    private IntakeState IntakeNow(StreamOptions options)
    {
        if (options.QuotaBytes is not { } quota || table.TotalBytes <= quota || table.Manifest.Sealed.Count == 0)
            return IntakeState.Open;
        if (options.RetentionAge is null && options.RetentionBytes is null)
            return new(Log.Intake.OverQuota, table.TotalBytes);
        var behind = _holds.MinBy(hold => hold.Offset);

        // Nobody can deliver a transaction before its end: one that is larger than the quota is let through to there.
        if (table.OpenTransaction is { } open && behind?.Offset >= open.First)
            return IntakeState.Open;
        var oldestEnds = table.Manifest.Sealed.Count > 1 ? table.Manifest.Sealed[1].BaseOffset : table.Manifest.ActiveBase;
        return behind is not null && behind.Offset < oldestEnds
            ? new(Log.Intake.OverQuota, table.TotalBytes, behind.Who, behind.Offset)
            : IntakeState.Open;
    }

    private bool IsHeld(long segment)
    {
        lock (gate)
            return table.IsHeld(segment);
    }

    private void LetGo(RetentionHold hold)
    {
        lock (gate)
            _holds.Remove(hold);
    }
}
