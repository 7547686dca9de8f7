namespace Leat.Log;

/// <summary>A segment's file that is open for reading; it is not written over until it is closed.</summary>
internal sealed class HeldSegment(IDiskFile file, StreamPartition stream, long segment) : IDiskFile
{
    private int _closed;

    public long Length => file.Length;
    public int Read(long position, Span<byte> buffer) => file.Read(position, buffer);
    public void Write(long position, ReadOnlySpan<byte> bytes) => file.Write(position, bytes);
    public void Write(long position, ReadOnlySpan<ArraySegment<byte>> parts) => file.Write(position, parts);
    public void Truncate(long length) => file.Truncate(length);
    public void SyncData() => file.SyncData();

    public void Dispose()
    {
        file.Dispose();
        if (Interlocked.Exchange(ref _closed, 1) == 0)
            stream.LetGo(segment);
    }
}
