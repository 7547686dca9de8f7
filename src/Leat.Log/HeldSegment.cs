namespace Leat.Log;

/// <summary>A segment's file, open for reading. As long as it is, nothing else is written into the file.</summary>
internal sealed class HeldSegment(IDiskFile file, StreamPartition stream, long segment) : IDiskFile
{
    private int _closed;

    /// <summary>Opens the file that a window describes; null when the segment is gone, or another file has taken its place since.</summary>
    public static IDiskFile? Open(StreamPartition stream, SegmentWindow window)
    {
        var file = stream.OpenSegment(window.BaseOffset);
        if (file is null || stream.Locked(static table => table.Generation) == window.Generation)
            return file;
        file.Dispose();
        return null;
    }

    public long Length => file.Length;
    public int Read(long position, Span<byte> buffer) => file.Read(position, buffer);
    public void Write(long position, ReadOnlySpan<byte> bytes) => throw Refused();
    public void Write(long position, ReadOnlySpan<ArraySegment<byte>> parts) => throw Refused();
    public void Truncate(long length) => throw Refused();
    public void SyncData() => throw Refused();

    public void Dispose()
    {
        file.Dispose();
        if (Interlocked.Exchange(ref _closed, 1) == 0)
            stream.LetGo(segment);
    }

    private static InvalidOperationException Refused() => new("The segment is open for reading.");
}
