using System.Buffers;

namespace Leat.Log;

/// <summary>A pooled buffer with several owners; the last one to let go returns it to the pool.</summary>
internal sealed class SharedBuffer(byte[] bytes)
{
    private int _owners = 1;

    public byte[] Bytes => bytes;

    /// <summary>One more owner; only who is one already may call it.</summary>
    public void AddOwner() => ObjectDisposedException.ThrowIf(Interlocked.Increment(ref _owners) <= 1, this);

    public void Release()
    {
        var left = Interlocked.Decrement(ref _owners);
        ObjectDisposedException.ThrowIf(left < 0, this);
        if (left == 0)
            ArrayPool<byte>.Shared.Return(bytes);
    }
}
