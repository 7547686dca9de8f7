using System.Buffers;

namespace Leat.Log;

/// <summary>Offsets of an aborted transaction: from its first record up to and with its abort marker.</summary>
internal readonly record struct AbortedRange(long First, long Marker);

/// <summary>Whole record batches read from the log, in a pooled buffer that is shared by counting references.</summary>
public sealed class LogBlock : IDisposable
{
    private readonly long _from;
    private readonly AbortedRange[] _aborted;
    private readonly SharedBuffer? _shared;
    private int _references = 1;

    /// <summary>Batches in a buffer of their own.</summary>
    internal LogBlock(byte[] buffer, int length, long from, long nextOffset, AbortedRange[] aborted)
        : this(buffer, 0, length, from, nextOffset, aborted)
    {
    }

    /// <summary>Batches of the tail, whose buffer others share; takes the slice's ownership over.</summary>
    internal LogBlock(in TailSlice slice, long from, AbortedRange[] aborted)
        : this(slice.Buffer.Bytes, slice.Start, slice.Length, from, slice.NextOffset, aborted)
    {
        _shared = slice.Buffer;
    }

    private LogBlock(byte[] buffer, int start, int length, long from, long nextOffset, AbortedRange[] aborted)
    {
        Buffer = buffer;
        Start = start;
        Length = length;
        NextOffset = nextOffset;
        _from = from;
        _aborted = aborted;
    }

    /// <summary>The batches stand in here, one after the other, never compressed. Not to be written to.</summary>
    /// <remarks>The CRC of a batch that was decompressed is that of its compressed form.</remarks>
    public byte[] Buffer { get; }

    /// <summary>Where in <see cref="Buffer"/> the first batch starts.</summary>
    public int Start { get; }

    /// <summary>Bytes of <see cref="Buffer"/> that the batches take.</summary>
    public int Length { get; }

    /// <summary>Offset after the last batch: where reading goes on.</summary>
    public long NextOffset { get; }

    /// <summary>Keeps the buffer for one more owner, who disposes too.</summary>
    public void AddReference()
    {
        ObjectDisposedException.ThrowIf(Interlocked.Increment(ref _references) <= 1, this);
    }

    /// <summary>Lets go of one reference; at the last the buffer returns to the pool.</summary>
    public void Dispose()
    {
        var left = Interlocked.Decrement(ref _references);
        ObjectDisposedException.ThrowIf(left < 0, this);
        if (left > 0)
            return;
        if (_shared is not null)
            _shared.Release();
        else
            ArrayPool<byte>.Shared.Return(Buffer);
    }

    /// <summary>Walks the records of committed transactions, from the offset that was asked for.</summary>
    public RecordEnumerator Records() => new(this);

    /// <summary>The offset that was asked for; a batch's earlier records are passed over.</summary>
    internal long From => _from;

    internal bool IsAborted(long offset)
    {
        foreach (var range in _aborted)
        {
            if (offset >= range.First && offset <= range.Marker)
                return true;
        }

        return false;
    }
}
