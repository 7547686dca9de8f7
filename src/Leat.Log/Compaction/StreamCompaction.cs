using Microsoft.Extensions.Logging;

namespace Leat.Log.Compaction;

/// <summary>Decides what of a stream is compacted and when, and puts the outcome in place. Runs on the log's maintenance worker.</summary>
/// <remarks>
/// Left alone: what retention would keep (what is held, the last committed batch, an open transaction), and the whole set of changes
/// that the last committed batch ends. So a state stream's last marker always speaks of records that stand as they were written.
/// </remarks>
internal sealed class StreamCompaction(StreamPartition stream, StreamRetention retention, SegmentTable table, Lock gate, ILogger log)
{
    private bool _isUnreadable;
    private volatile bool _isStopping;

    /// <summary>Whether a run is to end soon.</summary>
    public bool IsStopping => _isStopping;

    /// <summary>Asks a run to end soon, and lets no other begin.</summary>
    public void Stop() => _isStopping = true;

    /// <summary>Compacts the closed segments when it is worth it; returns whether it did.</summary>
    /// <param name="maxKeyBytes">Most memory for keys.</param>
    /// <exception cref="DiskException">A file operation failed; the next start puts things right.</exception>
    public bool Pass(long maxKeyBytes = Compactor.DefaultKeyBytes)
    {
        if (!stream.Options.Compact || _isUnreadable || _isStopping)
            return false;
        var compactor = new Compactor(stream, this, maxKeyBytes);
        try
        {
            if (!compactor.RunIfDue())
                return false;
            log.Compacted(stream.Name, compactor.Removed);
            return true;
        }
        catch (LogException) when (_isStopping)
        {
            return false; // the stream is being deleted
        }
        catch (LogException error)
        {
            _isUnreadable = true;
            log.CannotCompact(error, stream.Name);
            return false;
        }
    }

    /// <summary>Closed segments that may be compacted, if <see cref="LimitOffset"/> agrees.</summary>
    public List<CompactableSegment> Candidates()
    {
        lock (gate)
        {
            var keepFrom = retention.KeepFrom(table);
            var closed = table.Manifest.Sealed;
            var candidates = new List<CompactableSegment>();
            for (var i = 0; i < closed.Count; i++)
            {
                var next = i + 1 < closed.Count ? closed[i + 1].BaseOffset : table.Manifest.ActiveBase;
                if (next > keepFrom)
                    break;
                candidates.Add(new(closed[i].BaseOffset, next, closed[i].Bytes, closed[i].IsCompacted));
            }

            return candidates;
        }
    }

    /// <summary>First offset of the last committed set of changes: nothing from there on is compacted.</summary>
    public long LimitOffset()
    {
        lock (gate)
        {
            if (table.LastCommittedFirst is { } known)
                return known;
        }

        using var last = stream.ReadLastCommittedBatch();
        if (last is null)
            return 0;
        var view = new BatchView(last.Buffer.AsSpan(0, last.Length));
        return view.IsTransactional ? 0 : view.BaseOffset; // 0: it is known once the next set is closed
    }

    /// <summary>Tombstones before this time are old: ms since 1970 UTC.</summary>
    public double TombstonesBefore()
    {
        lock (gate)
            return retention.NowMs(table) - stream.Options.TombstoneAge.TotalMilliseconds;
    }

    /// <summary>Puts complete, durable files <c>.cleaned</c> in the places of closed segments.</summary>
    /// <param name="next">First offset after the segments that go; they begin where the first of <paramref name="replacements"/> does.</param>
    /// <param name="replacements">At least one; in order.</param>
    public void Replace(long next, IReadOnlyList<SealedSegment> replacements)
    {
        var folder = stream.Folder;
        var names = folder.Disk.List(folder.Path).ToHashSet(StringComparer.Ordinal);
        IReadOnlyList<long> gone = [];
        stream.Manifests.Change(now => now.Replacing(next, replacements), replacing =>
        {
            gone = replacing.Drops;
            foreach (var segment in replacing.Swaps)
                folder.TryReplace(segment, names);
        });
        folder.Remove(gone, IsHeld);

        // Nothing is left to do, and that is durable before another replacement of these segments is begun: a start would take it for this one.
        stream.Manifests.Change(now => now.Manifest with { Swaps = [], Drops = [.. now.Manifest.Drops.Except(gone)] });
    }

    private bool IsHeld(long segment)
    {
        lock (gate)
            return table.IsHeld(segment);
    }
}
