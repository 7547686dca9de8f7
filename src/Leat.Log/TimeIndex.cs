using System.Buffers.Binary;

namespace Leat.Log;

/// <summary>Sparse map from times to offsets of one closed segment: <c>.timeindex</c>, twelve bytes an entry, as in Kafka.</summary>
/// <remarks>
/// An entry: the latest time so far (i64, ms since 1970 UTC), and the last offset of the batch that has it relative to the segment's base
/// (i32); both big-endian. Times and offsets only grow from entry to entry, however the times in the segment go. An entry follows whenever
/// an entry of the offset index does and the latest time has grown, and one closes the file.
/// </remarks>
internal sealed class TimeIndex(long baseOffset)
{
    public const int EntryBytes = 12;
    private const int IntervalBytes = 4096;

    private byte[] _entries = new byte[16 * EntryBytes];
    private int _used;
    private long _sinceEntry;
    private long _latestTime = long.MinValue;
    private long _latestOffset;
    private long _entryTime = long.MinValue;

    /// <summary>Takes note of a batch, in order.</summary>
    public void Add(in BatchView batch)
    {
        if (batch.LatestTime > _latestTime)
            (_latestTime, _latestOffset) = (batch.LatestTime, batch.NextOffset - 1);
        if (_sinceEntry > IntervalBytes)
        {
            AddEntry();
            _sinceEntry = 0;
        }

        _sinceEntry += batch.SizeBytes;
    }

    /// <summary>Ends with the segment; returns the file's bytes.</summary>
    public ReadOnlySpan<byte> Close()
    {
        AddEntry();
        return _entries.AsSpan(0, _used);
    }

    /// <summary>Whether the entries could be those of the segment; each is still to be checked against its batch when it is used.</summary>
    public static bool IsPlausible(ReadOnlySpan<byte> entries, SegmentWindow window)
    {
        if (entries.Length == 0 || entries.Length % EntryBytes != 0)
            return false;
        var before = (Time: long.MinValue, Offset: window.BaseOffset - 1);
        for (var at = 0; at < entries.Length; at += EntryBytes)
        {
            var entry = Entry(entries[at..], window.BaseOffset);
            if (entry.Time <= before.Time || entry.Offset <= before.Offset)
                return false;
            before = entry;
        }

        return before.Offset < window.EndOffset && (window.LatestTimeMs == Manifest.UnknownTime || window.LatestTimeMs == before.Time);
    }

    /// <summary>The last entry before a time: everything up to its offset is earlier. Null: there is none.</summary>
    public static (long Time, long Offset)? Before(ReadOnlySpan<byte> entries, long baseOffset, long timeMs)
    {
        var (low, high) = (0, entries.Length / EntryBytes);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (Entry(entries[(middle * EntryBytes)..], baseOffset).Time < timeMs)
                low = middle + 1;
            else
                high = middle;
        }

        return low == 0 ? null : Entry(entries[((low - 1) * EntryBytes)..], baseOffset);
    }

    private static (long Time, long Offset) Entry(ReadOnlySpan<byte> at, long baseOffset) =>
        (BinaryPrimitives.ReadInt64BigEndian(at), baseOffset + BinaryPrimitives.ReadInt32BigEndian(at[8..]));

    private void AddEntry()
    {
        if (_latestTime <= _entryTime)
            return;
        if (_used == _entries.Length)
            Array.Resize(ref _entries, _entries.Length * 2);
        BinaryPrimitives.WriteInt64BigEndian(_entries.AsSpan(_used), _latestTime);
        BinaryPrimitives.WriteInt32BigEndian(_entries.AsSpan(_used + 8), (int)(_latestOffset - baseOffset));
        _used += EntryBytes;
        _entryTime = _latestTime;
    }
}
