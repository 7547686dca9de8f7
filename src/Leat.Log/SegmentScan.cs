using System.Buffers;
using System.Buffers.Binary;

namespace Leat.Log;

/// <summary>Reads a segment from a known place, batch by batch, checking each, until the first that is not whole.</summary>
internal sealed class SegmentScan : IDisposable
{
    private const int ChunkBytes = 1024 * 1024;

    private readonly IDiskFile _file;
    private readonly long _segmentBase;
    private readonly Func<long, long> _incarnationOf;
    private readonly long _end;
    private byte[] _chunk = ArrayPool<byte>.Shared.Rent(ChunkBytes);
    private long _chunkAt;
    private long _written;
    private long _lastBeyond = -1;
    private int _chunkBytes;

    /// <param name="file">The segment.</param>
    /// <param name="segmentBase">Its first offset.</param>
    /// <param name="incarnationOf">What a batch of an offset must carry.</param>
    /// <param name="fromOffset">The batch of this offset is the first to be read.</param>
    /// <param name="fromPosition">Where that batch stands.</param>
    /// <param name="index">Is gone on with; null: none is made.</param>
    public SegmentScan(
        IDiskFile file, long segmentBase, Func<long, long> incarnationOf, long fromOffset, long fromPosition, OffsetIndex? index)
    {
        (_file, _segmentBase, _incarnationOf) = (file, segmentBase, incarnationOf);
        (NextOffset, Position) = (fromOffset, fromPosition);
        (Index, _end) = (index, file.Length);
    }

    /// <summary>Where the first batch that is not whole would start.</summary>
    public long Position { get; private set; }

    /// <summary>The next offset after the whole batches.</summary>
    public long NextOffset { get; private set; }

    /// <summary>The highest synced offset that any batch carries, or -1.</summary>
    public long Watermark { get; private set; } = -1;

    /// <summary>The latest time of a record read, ms since 1970 UTC; <see cref="Manifest.UnknownTime"/> when none was.</summary>
    public long LatestTimeMs { get; private set; } = Manifest.UnknownTime;

    public OffsetIndex? Index { get; }

    /// <summary>Walks all whole batches.</summary>
    public void Run(TransactionTracker tracker)
    {
        var end = _end;
        while (end - Position > BatchFormat.HeaderBytes && ReadBatch(Position, NextOffset, end) is { Length: > 0 } batch)
        {
            var view = new BatchView(batch);
            tracker.Apply(TransactionTracker.KindOf(view), NextOffset, new(_segmentBase, Position, batch.Length));
            Index?.Add(view.NextOffset - 1, Position, batch.Length);
            Watermark = Math.Max(Watermark, view.SyncedOffset());
            LatestTimeMs = Math.Max(LatestTimeMs, view.LatestTime);
            NextOffset = view.NextOffset;
            Position += batch.Length;
        }
    }

    /// <summary>Looks through the bytes after <see cref="Position"/> for what was written after the whole batches, and takes in its synced offsets.</summary>
    /// <remarks>
    /// A whole batch there may be the rest of a group that a power cut tore, or proof that something durable is damaged. All other
    /// bytes may be those of a deleted segment whose file this was: they have lower offsets.
    /// </remarks>
    /// <param name="mostBytes">How far from <see cref="Position"/> anything may have been written.</param>
    /// <returns>Where the last of what was written ends; <see cref="Position"/> when nothing was.</returns>
    public long SearchBeyond(long mostBytes)
    {
        _written = Position + TornBytes(Position, NextOffset);
        SearchFrom(Position, Math.Min(_end, Position + mostBytes));
        if (_lastBeyond >= 0)
            _written += TornBytes(_written, _lastBeyond);
        return _written;
    }

    public void Dispose() => ArrayPool<byte>.Shared.Return(_chunk);

    // Bytes at a position that can be the begin of a batch of the offset, as far as they reach: a header, or what there is of one.
    private long TornBytes(long position, long offset)
    {
        var left = _end - position;
        if (left <= 0 || !TryChunk(position, (int)Math.Min(left, BatchFormat.HeaderBytes + 1), _end, out var bytes))
            return 0;
        if (left > BatchFormat.HeaderBytes)
        {
            var view = new BatchView(bytes);
            return view.IsPlausible(offset, _incarnationOf(offset)) ? Math.Min(view.SizeBytes, left) : 0;
        }

        Span<byte> expected = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(expected, offset);
        var compared = (int)Math.Min(left, expected.Length);
        return bytes[..compared].SequenceEqual(expected[..compared]) ? left : 0;
    }

    private void SearchFrom(long from, long end)
    {
        Span<byte> wanted = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(wanted, _incarnationOf(NextOffset));
        var window = ArrayPool<byte>.Shared.Rent(ChunkBytes);
        try
        {
            while (end - from > BatchFormat.HeaderBytes)
            {
                var got = _file.Read(from, window.AsSpan(0, (int)Math.Min(ChunkBytes, end - from)));
                from = SearchWindow(window.AsSpan(0, got), from, wanted);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(window);
        }
    }

    // Every batch has the incarnation at the same place: look for that, then check. Returns where to look on.
    private long SearchWindow(ReadOnlySpan<byte> window, long windowAt, ReadOnlySpan<byte> wanted)
    {
        var at = 0;
        while (at + BatchFormat.ProducerIdAt + wanted.Length <= window.Length)
        {
            var hit = window[(at + BatchFormat.ProducerIdAt)..].IndexOf(wanted);
            if (hit < 0)
                break;
            var position = windowAt + at + hit;
            if (ReadBatch(position, offset: null, _end) is { Length: > 0 } batch)
            {
                var view = new BatchView(batch);
                Watermark = Math.Max(Watermark, view.SyncedOffset());
                (_written, _lastBeyond) = (position + batch.Length, view.NextOffset);
                if (position + batch.Length >= windowAt + window.Length)
                    return position + batch.Length;
                at = (int)(position + batch.Length - windowAt);
            }
            else
            {
                at += hit + 1;
            }
        }

        return windowAt + Math.Max(1, window.Length - BatchFormat.HeaderBytes + 1);
    }

    // The batch at a position when it is whole and has the offset (any, when null); empty otherwise. Valid until the next call.
    private ReadOnlySpan<byte> ReadBatch(long position, long? offset, long end)
    {
        var available = (int)Math.Min(end - position, int.MaxValue);
        if (available <= BatchFormat.HeaderBytes || position < 0)
            return default;
        if (!TryChunk(position, BatchFormat.HeaderBytes, end, out var bytes))
            return default;
        var view = new BatchView(bytes);
        var wanted = offset ?? view.BaseOffset;
        if (wanted < (offset is null ? NextOffset : _segmentBase) || !view.IsPlausible(wanted, _incarnationOf(wanted)) || view.SizeBytes > available)
            return default;
        var size = (int)view.SizeBytes;
        if (!TryChunk(position, size, end, out bytes))
            return default;
        return new BatchView(bytes).IsWhole() ? bytes[..size] : default;
    }

    // The bytes from a position on, at least so many; read ahead in chunks.
    private bool TryChunk(long position, int needed, long end, out ReadOnlySpan<byte> bytes)
    {
        if (position < _chunkAt || position + needed > _chunkAt + _chunkBytes)
        {
            if (needed > _chunk.Length)
            {
                ArrayPool<byte>.Shared.Return(_chunk);
                _chunk = ArrayPool<byte>.Shared.Rent(needed);
            }

            _chunkAt = position;
            _chunkBytes = _file.Read(position, _chunk.AsSpan(0, (int)Math.Min(Math.Max(needed, ChunkBytes), end - position)));
        }

        bytes = _chunk.AsSpan((int)(position - _chunkAt), (int)(_chunkAt + _chunkBytes - position));
        return bytes.Length >= needed;
    }
}
