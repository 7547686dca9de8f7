using System.Buffers;

namespace Leat.Transform.Plan;

/// <summary>Memory for rows of a plan's own making: computed columns, joined rows, documents. They live until the arena is disposed, all at once.</summary>
/// <remarks>Chunks come out of the shared pool, so nothing is allocated once it is warm. Filled by one thread; what it handed out may be read by any.</remarks>
public sealed class RowArena : IDisposable
{
    // A few rows of most tables; what is larger gets a chunk of its own.
    private const int ChunkBytes = 32 * 1024;

    private readonly List<byte[]> _chunks = [];
    private byte[] _chunk = [];
    private int _used;

    /// <summary>Bytes of all its chunks.</summary>
    public long Bytes { get; private set; }

    /// <summary>Keeps a copy of a row.</summary>
    public ReadOnlyMemory<byte> Keep(ReadOnlySpan<byte> row)
    {
        var kept = Take(row.Length);
        row.CopyTo(kept.Span);
        return kept;
    }

    /// <summary>Hands out so many bytes, with whatever is in them.</summary>
    public Memory<byte> Take(int bytes)
    {
        if (bytes > _chunk.Length - _used)
        {
            var chunk = ArrayPool<byte>.Shared.Rent(Math.Max(ChunkBytes, bytes));
            _chunks.Add(chunk);
            Bytes += chunk.Length;
            if (chunk.Length - bytes <= _chunk.Length - _used)
                return chunk.AsMemory(0, bytes); // there is more room in the one before
            (_chunk, _used) = (chunk, 0);
        }

        _used += bytes;
        return _chunk.AsMemory(_used - bytes, bytes);
    }

    /// <summary>Takes back all that was handed out: nobody may look at it any more.</summary>
    public void Dispose()
    {
        foreach (var chunk in _chunks)
            ArrayPool<byte>.Shared.Return(chunk);
        _chunks.Clear();
        _chunk = [];
        _used = 0;
        Bytes = 0;
    }
}
