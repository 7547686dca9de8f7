using System.Buffers;

namespace Leat.Log;

/// <summary>Offsets of an aborted transaction: from its first record up to and with its abort marker.</summary>
internal readonly record struct AbortedRange(long First, long Marker);

/// <summary>Whole record batches read from the log, in a pooled buffer that is shared by counting references.</summary>
public sealed class LogBlock : IDisposable
{
    private readonly long _from;
    private readonly AbortedRange[] _aborted;
    private int _references = 1;

    internal LogBlock(byte[] buffer, int length, long from, long nextOffset, AbortedRange[] aborted)
    {
        Buffer = buffer;
        Length = length;
        NextOffset = nextOffset;
        _from = from;
        _aborted = aborted;
    }

    /// <summary>The batches, one after the other. Not to be written to.</summary>
    public byte[] Buffer { get; }

    /// <summary>Bytes of <see cref="Buffer"/> that are used.</summary>
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
        if (left == 0)
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
