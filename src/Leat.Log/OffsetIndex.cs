using System.Buffers.Binary;

namespace Leat.Log;

/// <summary>Sparse map from offsets to positions of one segment: an entry about every 4 KiB of log, eight bytes each, as in Kafka.</summary>
/// <remarks>An entry: last offset of a batch relative to the segment's base, and position where that batch starts; both big-endian i32.</remarks>
internal sealed class OffsetIndex(long baseOffset)
{
    public const int EntryBytes = 8;
    private const int IntervalBytes = 4096;

    private byte[] _entries = new byte[64 * EntryBytes];
    private int _used;
    private long _sinceEntry;

    /// <summary>Goes on with the entries of a file, as far as they can be true: each beyond the one before, and before the end.</summary>
    public static OffsetIndex From(long baseOffset, ReadOnlySpan<byte> entries, long endPosition)
    {
        var index = new OffsetIndex(baseOffset) { _sinceEntry = IntervalBytes + 1 };
        var before = (LastOffset: baseOffset - 1, Position: -1L);
        var used = 0;
        for (; used + EntryBytes <= entries.Length; used += EntryBytes)
        {
            var entry = index.Entry(entries[used..]);
            if (entry.LastOffset <= before.LastOffset || entry.Position <= before.Position || entry.Position >= endPosition)
                break;
            before = entry;
        }

        index._entries = new byte[Math.Max(used, 64) * 2];
        entries[..used].CopyTo(index._entries);
        index._used = used;
        return index;
    }

    /// <summary>The entries as they stand in the file.</summary>
    public ReadOnlySpan<byte> Bytes => _entries.AsSpan(0, _used);

    /// <summary>Takes note of a batch, in order.</summary>
    public void Add(long lastOffset, long position, int bytes)
    {
        if (_sinceEntry > IntervalBytes)
        {
            if (_used == _entries.Length)
                Array.Resize(ref _entries, _entries.Length * 2);
            BinaryPrimitives.WriteInt32BigEndian(_entries.AsSpan(_used), (int)(lastOffset - baseOffset));
            BinaryPrimitives.WriteInt32BigEndian(_entries.AsSpan(_used + 4), (int)position);
            _used += EntryBytes;
            _sinceEntry = 0;
        }

        _sinceEntry += bytes;
    }

    /// <summary>A position at or before the batch that holds the offset.</summary>
    public long PositionBefore(long offset)
    {
        var (low, high) = (0, _used / EntryBytes);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (Entry(_entries.AsSpan(middle * EntryBytes)).LastOffset < offset)
                low = middle + 1;
            else
                high = middle;
        }

        return low == 0 ? 0 : Entry(_entries.AsSpan((low - 1) * EntryBytes)).Position;
    }

    /// <summary>The same from a closed segment's file, without reading all of it: the entry before the offset, or null when there is none.</summary>
    public static (long LastOffset, long Position)? Find(IDiskFile file, long baseOffset, long offset)
    {
        Span<byte> entry = stackalloc byte[EntryBytes];
        (long LastOffset, long Position)? found = null;
        var (low, high) = (0L, file.Length / EntryBytes);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (file.Read(middle * EntryBytes, entry) < EntryBytes)
                return null;
            var last = baseOffset + BinaryPrimitives.ReadInt32BigEndian(entry);
            if (last < offset)
            {
                found = (last, BinaryPrimitives.ReadInt32BigEndian(entry[4..]));
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return found;
    }

    private (long LastOffset, long Position) Entry(ReadOnlySpan<byte> at) =>
        (baseOffset + BinaryPrimitives.ReadInt32BigEndian(at), BinaryPrimitives.ReadInt32BigEndian(at[4..]));
}
