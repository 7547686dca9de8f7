using System.Buffers;

namespace Leat.Log;

/// <summary>Walks a segment's batches as the file has them, each checked, for whoever makes something of the whole segment.</summary>
internal sealed class SegmentBatches : IDisposable
{
    private const int ChunkBytes = 1024 * 1024;

    private readonly StreamPartition _stream;
    private readonly IDiskFile _file;
    private readonly SegmentWindow _window;
    private readonly string _path;
    private byte[] _chunk = ArrayPool<byte>.Shared.Rent(ChunkBytes);
    private int _at;
    private int _chunkBytes;
    private int _size;
    private long _offset;

    /// <summary>From a batch on whose place is known.</summary>
    public SegmentBatches(StreamPartition stream, IDiskFile file, SegmentWindow window, long position, long offset)
    {
        (_stream, _file, _window, Position, _offset) = (stream, file, window, position, offset);
        _path = stream.Folder.SegmentPath(window.BaseOffset);
    }

    /// <summary>Where the current batch starts in the file; before the first, where that will be.</summary>
    public long Position { get; private set; }

    /// <summary>The current batch; valid until the next is moved to.</summary>
    public ReadOnlySpan<byte> Batch => _chunk.AsSpan(_at, _size);

    /// <summary>Moves to the next batch; false at the segment's end.</summary>
    /// <exception cref="LogException">LEAT-2006: the segment is damaged there.</exception>
    public bool MoveNext()
    {
        Position += _size;
        _at += _size;
        _size = 0;
        var left = _window.Bytes - Position;
        if (left <= 0)
            return false;
        if (_chunkBytes - _at <= BatchFormat.HeaderBytes)
            Fill(ChunkBytes, left);
        if (_chunkBytes - _at <= BatchFormat.HeaderBytes)
            throw LogErrors.DamagedAtRead(_path, Position, _offset, "is cut off");
        var size = new BatchView(_chunk.AsSpan(_at, _chunkBytes - _at)).SizeBytes;
        if (size > _chunkBytes - _at && size <= Math.Min(left, BatchFormat.MaxBatchBytes))
            Fill(Math.Max(ChunkBytes, (int)size), left);

        var batch = _chunk.AsSpan(_at, _chunkBytes - _at);
        BatchCheck.Check(_stream, _path, _window, Position, _offset, batch);
        _size = (int)size;
        _offset = new BatchView(batch).NextOffset;
        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_chunk);
        _chunk = [];
    }

    private void Fill(int bytes, long left)
    {
        if (bytes > _chunk.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(bytes);
            ArrayPool<byte>.Shared.Return(_chunk);
            _chunk = larger;
        }

        _at = 0;
        _chunkBytes = _file.Read(Position, _chunk.AsSpan(0, (int)Math.Min(_chunk.Length, left)));
    }
}
