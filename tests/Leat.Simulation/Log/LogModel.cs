using Leat.Log;

namespace Leat.Simulation.Log;

/// <summary>One record as it was appended.</summary>
/// <param name="Offset">Its offset.</param>
/// <param name="TimeMs">Its time.</param>
/// <param name="Key">The number that its key is, or -1.</param>
/// <param name="Value">The number that its value is made of.</param>
/// <param name="Bytes">Length of its value; -1: it has none, so that the key is gone.</param>
internal readonly record struct ModelRecord(long Offset, long TimeMs, int Key, ulong Value, int Bytes);

/// <summary>One batch as the simulation appended it; a marker has no records and takes one offset.</summary>
/// <param name="BaseOffset">Offset of the first record.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Records">Its records.</param>
/// <param name="TimeMs">The time that it was given.</param>
/// <param name="AppendedAt">When it was appended, by the clock that does not jump.</param>
internal sealed record ModelBatch(long BaseOffset, BatchKind Kind, ModelRecord[] Records, long TimeMs, TimeSpan AppendedAt)
{
    public long NextOffset => BaseOffset + Math.Max(1, Records.Length);
}

/// <summary>What a stream must hold: every batch in order, and how much of it was acknowledged.</summary>
internal sealed class LogModel
{
    private readonly List<ModelBatch> _batches = [];
    private readonly List<ModelRecord> _readable = [];
    private readonly List<ModelBatch> _open = [];

    /// <summary>Offset after the last batch.</summary>
    public long EndOffset => _batches.Count == 0 ? 0 : _batches[^1].NextOffset;

    /// <summary>The first offset that is kept.</summary>
    public long Start { get; private set; }

    /// <summary>Every offset below was once reported durable.</summary>
    public long Acknowledged { get; set; }

    /// <summary>The highest offset that a reader was given, or -1.</summary>
    public long LastSeen { get; set; } = -1;

    /// <summary>First offset of a transaction without a marker, or -1.</summary>
    public long OpenTransaction => _open.Count > 0 ? _open[0].BaseOffset : -1;

    /// <summary>The last batch aborts a transaction.</summary>
    public bool EndsWithAbort => _batches is [.., { Kind: BatchKind.AbortMarker }];

    /// <summary>All records that a reader must see, with everything durable.</summary>
    public List<ModelRecord> Readable => _readable;

    /// <summary>The last batch with committed records, or null.</summary>
    public ModelBatch? LastCommitted { get; private set; }

    public LogModel Clone()
    {
        var clone = new LogModel { Acknowledged = Acknowledged, LastSeen = LastSeen, Start = Start };
        foreach (var batch in _batches)
            clone.Add(batch);
        return clone;
    }

    public void Append(ModelBatch batch)
    {
        Violation.Unless(batch.BaseOffset == EndOffset, $"append gave offset {batch.BaseOffset}, expected {EndOffset}");
        Add(batch);
    }

    /// <summary>Where in <see cref="Readable"/> the first record at or after the offset is.</summary>
    public int IndexOf(long offset)
    {
        var (low, high) = (0, _readable.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (_readable[middle].Offset < offset)
                low = middle + 1;
            else
                high = middle;
        }

        return low;
    }

    /// <summary>After a start: finds the prefix that survived, and forgets the rest. An open transaction must have been aborted by one marker.</summary>
    /// <param name="endOffset">Offset after the last record that was found.</param>
    /// <param name="lastReadable">The last record that can be read, or -1: tells a commit marker from the abort marker that took its place.</param>
    /// <param name="time">The clocks of the start.</param>
    public void Recovered(long endOffset, long lastReadable, SimTimeProvider time)
    {
        Violation.Unless(endOffset >= Acknowledged, $"acknowledged up to {Acknowledged}, recovered only up to {endOffset}");
        var appended = EndOffset;
        var kept = _batches.Count;
        while (kept > 0 && _batches[kept - 1].NextOffset > endOffset)
            kept--;
        Truncate(kept);
        var commitLost = kept > 0 && _batches[kept - 1] is { Kind: BatchKind.CommitMarker } marker
            && marker.NextOffset > Acknowledged && lastReadable < marker.BaseOffset - 1;
        if (EndOffset == endOffset && (OpenTransaction >= 0 || commitLost))
            Truncate(kept - 1); // the marker took the place of a lost batch of one record

        if (EndOffset != endOffset)
        {
            Violation.Unless(
                OpenTransaction >= 0 && EndOffset == endOffset - 1, $"recovered up to {endOffset}, where no batch of those up to {appended} ends");
            Add(new(EndOffset, BatchKind.AbortMarker, [], time.GetUtcNow().ToUnixTimeMilliseconds(), time.Elapsed));
        }

        if (LastSeen >= Start)
        {
            var at = IndexOf(LastSeen);
            Violation.Unless(at < _readable.Count && _readable[at].Offset == LastSeen, $"offset {LastSeen} was read before and is gone");
        }
    }

    /// <summary>The process ended, and what was not synced may be gone: no more than this is still promised.</summary>
    public void Promise(long offset)
    {
        Acknowledged = Math.Min(Acknowledged, offset);
        var before = IndexOf(offset);
        LastSeen = LastSeen < offset ? LastSeen : before == 0 ? -1 : _readable[before - 1].Offset;
    }

    /// <summary>Retention deleted what is below an offset. Nothing may go that is the last committed batch, or of an open transaction, or too young.</summary>
    /// <param name="start">The first offset that is left.</param>
    /// <param name="setup">The stream's settings.</param>
    /// <param name="now">The clock that does not jump.</param>
    /// <param name="knowsAges">False when a power cut or a compaction may have taken records whose times counted.</param>
    public void Delete(long start, StreamSetup setup, TimeSpan now, bool knowsAges)
    {
        if (start == Start)
            return;
        Violation.Unless(start > Start, $"the start went back from {Start} to {start}");
        Violation.Unless(setup.Retains, $"offsets {Start} to {start} were deleted, and nothing was to be");
        Violation.Unless(LastCommitted is not { } last || start <= last.BaseOffset, $"the start is {start}, and the last committed batch has gone");
        Violation.Unless(OpenTransaction < 0 || start <= OpenTransaction, $"the start is {start}, within the transaction from {OpenTransaction} on");
        if (knowsAges && setup.Most == 0 && setup.Quota == 0)
            CheckAge(start, setup.Age, now);
        Start = start;
    }

    private void CheckAge(long start, int age, TimeSpan now)
    {
        var possible = LatestPossible(now);
        foreach (var record in _batches.SelectMany(batch => batch.Records).Where(record => record.Offset >= Start && record.Offset < start))
            Violation.Unless(record.TimeMs + age <= possible, $"offset {record.Offset} of {record.TimeMs} ms was deleted at {possible} ms and may be kept for {age} ms");
    }

    /// <summary>The latest that it may be, in ms: a record is as old as the time that really passed since a record of the latest time was written.</summary>
    public double LatestPossible(TimeSpan now)
    {
        var (latest, at) = (long.MinValue, TimeSpan.Zero);
        foreach (var batch in _batches)
        {
            if (batch.TimeMs > latest)
                (latest, at) = (batch.TimeMs, batch.AppendedAt);
        }

        return latest + (now - at).TotalMilliseconds;
    }

    private void Add(ModelBatch batch)
    {
        _batches.Add(batch);
        switch (batch.Kind)
        {
            case BatchKind.Transactional:
                _open.Add(batch);
                return;
            case BatchKind.Plain:
                _readable.AddRange(batch.Records);
                LastCommitted = batch;
                break;
            case BatchKind.CommitMarker:
                foreach (var committed in _open)
                    _readable.AddRange(committed.Records);
                LastCommitted = _open[^1];
                break;
            default:
                break;
        }

        _open.Clear();
    }

    private void Truncate(int count)
    {
        if (count == _batches.Count)
            return;
        var kept = _batches.GetRange(0, count);
        _batches.Clear();
        _readable.Clear();
        _open.Clear();
        LastCommitted = null;
        foreach (var batch in kept)
            Add(batch);
    }
}
