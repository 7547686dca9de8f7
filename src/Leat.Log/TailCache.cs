using System.Buffers;

namespace Leat.Log;

/// <summary>Where batches of the tail lie in memory. Whoever got it is an owner of the buffer.</summary>
internal readonly record struct TailSlice(SharedBuffer Buffer, int Start, int Length, long FirstOffset, long NextOffset);

/// <summary>The newest batches of a partition in memory, for readers at the tail: no file access, no second check, one copy for all of them.</summary>
/// <remarks>
/// Filled by the writer with what it has written, synced or not: who reads says up to which offset. Large batches stay in the buffer that
/// they were built in; small ones are gathered, so that a reader gets many at once. Batches here are never compressed.
/// </remarks>
internal sealed class TailCache(long maxBytes) : IDisposable
{
    // From here on copying would cost more than a block of its own.
    private const int LargeBytes = 32 * 1024;

    // Gathering begins small: a stream that is hardly used must not hold much.
    private const int SmallestChunk = 4 * 1024, LargestChunk = 256 * 1024;

    private readonly Lock _gate = new();
    private Chunk[] _ring = new Chunk[8];
    private int _first;
    private int _count;
    private long _held;
    private long _maxBytes = maxBytes;
    private int _nextChunk = SmallestChunk;

    /// <summary>Bytes of memory that are held, at most <see cref="StreamOptions.TailBytes"/>; what readers still use of older ones is theirs.</summary>
    public long HeldBytes
    {
        get
        {
            lock (_gate)
                return _held;
        }
    }

    /// <summary>Changes how much memory may be held.</summary>
    public void Resize(long maxBytes)
    {
        lock (_gate)
        {
            _maxBytes = maxBytes;
            Evict(room: 0);
        }
    }

    /// <summary>Takes over a builder whose batch is written.</summary>
    public void Add(BatchBuilder builder, long baseOffset)
    {
        var batch = builder.Batch;
        var next = baseOffset + builder.RecordCount;
        lock (_gate)
        {
            if (batch.Count >= LargeBytes || batch.Count > _maxBytes / 4)
            {
                Evict(builder.BufferBytes);
                if (builder.BufferBytes <= _maxBytes)
                    Push(new(new(builder.TakeBuffer()), baseOffset) { Length = batch.Count, NextOffset = next, IsClosed = true });
            }
            else
            {
                var chunk = ChunkFor(batch.Count, baseOffset);
                batch.AsSpan().CopyTo(chunk.Buffer.Bytes.AsSpan(chunk.Length));
                chunk.Length += batch.Count;
                chunk.NextOffset = next;
            }
        }

        builder.Release();
    }

    /// <summary>The batches from the one that holds the offset on, up to about so many bytes; false when they are not here.</summary>
    /// <param name="offset">Below <paramref name="readable"/>.</param>
    /// <param name="readable">Batches from this offset on are not given out; a batch begins there.</param>
    /// <param name="maxBytes">Most bytes; a single batch may be larger.</param>
    /// <param name="slice">The batches. The caller is an owner of their buffer and has to release it.</param>
    public bool TryRead(long offset, long readable, int maxBytes, out TailSlice slice)
    {
        slice = default;
        Chunk chunk;
        int length;
        lock (_gate)
        {
            if (Find(offset) is not { } found)
                return false;
            chunk = found;
            length = chunk.Length;
            chunk.Buffer.AddOwner();
        }

        slice = Cut(chunk, length, offset, readable, maxBytes);
        return true;
    }

    /// <summary>Lets all of it go.</summary>
    public void Dispose() => Resize(0);

    private static TailSlice Cut(Chunk chunk, int length, long offset, long readable, int maxBytes)
    {
        ReadOnlySpan<byte> bytes = chunk.Buffer.Bytes.AsSpan(0, length);
        var start = 0;
        var view = new BatchView(bytes);
        while (view.NextOffset <= offset)
        {
            start += (int)view.SizeBytes;
            view = new(bytes[start..]);
        }

        var first = view.BaseOffset;
        var end = start + (int)view.SizeBytes;
        var next = view.NextOffset;
        while (next < readable && end < length)
        {
            view = new(bytes[end..]);
            if (end + view.SizeBytes - start > maxBytes)
                break;
            end += (int)view.SizeBytes;
            next = view.NextOffset;
        }

        return new(chunk.Buffer, start, end - start, first, next);
    }

    private Chunk? Find(long offset)
    {
        var (low, high) = (0, _count - 1);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (At(middle).FirstOffset <= offset)
                low = middle;
            else
                high = middle - 1;
        }

        return _count > 0 && At(low).FirstOffset <= offset && offset < At(low).NextOffset ? At(low) : null;
    }

    private Chunk ChunkFor(int bytes, long baseOffset)
    {
        if (_count > 0 && At(_count - 1) is { IsClosed: false } last && last.NextOffset == baseOffset && last.Buffer.Bytes.Length - last.Length >= bytes)
            return last;
        var size = Math.Max(bytes, (int)Math.Min(_nextChunk, _maxBytes / 4));
        _nextChunk = Math.Min(LargestChunk, _nextChunk * 2);
        var buffer = ArrayPool<byte>.Shared.Rent(size);
        Evict(buffer.Length);
        var chunk = new Chunk(new(buffer), baseOffset);
        Push(chunk);
        return chunk;
    }

    private void Push(Chunk chunk)
    {
        if (_count == _ring.Length)
        {
            var larger = new Chunk[_count * 2];
            for (var i = 0; i < _count; i++)
                larger[i] = At(i);
            (_ring, _first) = (larger, 0);
        }

        _ring[(_first + _count++) % _ring.Length] = chunk;
        _held += chunk.Buffer.Bytes.Length;
    }

    private void Evict(long room)
    {
        while (_count > 0 && _held + room > _maxBytes)
        {
            var oldest = _ring[_first];
            _ring[_first] = null!; // nothing reads beyond the count
            _first = (_first + 1) % _ring.Length;
            _count--;
            _held -= oldest.Buffer.Bytes.Length;
            oldest.Buffer.Release();
        }
    }

    private Chunk At(int index) => _ring[(_first + index) % _ring.Length];

    /// <summary>One large batch, or several small ones in a row.</summary>
    private sealed class Chunk(SharedBuffer buffer, long firstOffset)
    {
        public SharedBuffer Buffer => buffer;
        public long FirstOffset => firstOffset;
        public int Length { get; set; }
        public long NextOffset { get; set; }

        /// <summary>Whether no more is added.</summary>
        public bool IsClosed { get; init; }
    }
}
