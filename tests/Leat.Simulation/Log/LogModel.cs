using Leat.Log;

namespace Leat.Simulation.Log;

/// <summary>One batch as the simulation appended it.</summary>
internal sealed record ModelBatch(long BaseOffset, BatchKind Kind, IReadOnlyList<ulong> Values)
{
    public long NextOffset => BaseOffset + Math.Max(1, Values.Count);
}

/// <summary>What a stream must hold: every batch in order, how much of it was acknowledged, and what readers have seen.</summary>
internal sealed class LogModel
{
    private readonly List<ModelBatch> _batches = [];

    /// <summary>Offset after the last batch.</summary>
    public long EndOffset => _batches.Count == 0 ? 0 : _batches[^1].NextOffset;

    /// <summary>Every offset below was once reported durable.</summary>
    public long Acknowledged { get; set; }

    public Dictionary<long, ulong> Seen { get; } = [];

    public void Append(long baseOffset, BatchKind kind, IReadOnlyList<ulong> values)
    {
        Expect(baseOffset == EndOffset, $"append gave offset {baseOffset}, expected {EndOffset}");
        _batches.Add(new(baseOffset, kind, values));
    }

    /// <summary>First offset of a transaction without a marker, or -1.</summary>
    public long OpenTransaction()
    {
        var first = -1L;
        foreach (var batch in _batches)
            first = batch.Kind == BatchKind.Transactional ? (first < 0 ? batch.BaseOffset : first) : -1;
        return first;
    }

    /// <summary>All records that a reader must see, with everything durable.</summary>
    public List<(long Offset, ulong Value)> Readable(out ModelBatch? lastCommitted)
    {
        lastCommitted = null;
        var all = new List<(long, ulong)>();
        var open = new List<ModelBatch>();
        foreach (var batch in _batches)
        {
            if (batch.Kind == BatchKind.Transactional)
            {
                open.Add(batch);
                continue;
            }

            if (batch.Kind == BatchKind.Plain || (batch.Kind == BatchKind.CommitMarker && open.Count > 0))
            {
                foreach (var committed in batch.Kind == BatchKind.Plain ? [batch] : open)
                {
                    all.AddRange(committed.Values.Select((value, i) => (committed.BaseOffset + i, value)));
                    lastCommitted = committed;
                }
            }

            open.Clear();
        }

        return all;
    }

    /// <summary>After a start: finds the prefix that survived, and forgets the rest. An open transaction must have been aborted by one marker.</summary>
    /// <param name="endOffset">Offset after the last record that was found.</param>
    /// <param name="lastReadable">The last record that can be read, or -1: tells a commit marker from the abort marker that took its place.</param>
    public void Recovered(long endOffset, long lastReadable)
    {
        Expect(endOffset >= Acknowledged, $"acknowledged up to {Acknowledged}, recovered only up to {endOffset}");
        var kept = _batches.Where(batch => batch.NextOffset <= endOffset).ToList();
        var all = _batches.ToList();
        _batches.Clear();
        _batches.AddRange(kept);
        var commitLost = kept.Count > 0 && kept[^1] is { Kind: BatchKind.CommitMarker } marker
            && marker.NextOffset > Acknowledged && lastReadable < marker.BaseOffset - 1;
        if (EndOffset == endOffset && (OpenTransaction() >= 0 || commitLost))
            _batches.RemoveAt(_batches.Count - 1); // the marker took the place of a lost batch of one record

        if (EndOffset == endOffset)
            return;
        Expect(OpenTransaction() >= 0 && EndOffset == endOffset - 1, $"recovered up to {endOffset}, which is no end of {all.Count} batches appended");
        _batches.Add(new(EndOffset, BatchKind.AbortMarker, []));
    }

    public static void Expect(bool holds, string violation)
    {
        if (!holds)
            throw new ViolationException(violation);
    }
}

/// <summary>A promise of the log that did not hold.</summary>
internal sealed class ViolationException(string violation) : Exception(violation);
