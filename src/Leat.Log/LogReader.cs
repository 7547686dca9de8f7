using System.Buffers;
using Leat.Log.Codecs;

namespace Leat.Log;

/// <summary>Reads one stream from an offset on, in whole batches, each checked before it is handed out. Used by one thread at a time.</summary>
public sealed class LogReader : IDisposable
{
    // Compressed batches are read in pieces no smaller than this, however well they compress.
    private const int SmallestRead = 64 * 1024;

    private readonly StreamPartition _stream;
    private IDiskFile? _file;
    private SegmentWindow _window;
    private string _path = "";
    private long _position;
    private long _batchOffset;
    private double _growth = 1;

    internal LogReader(StreamPartition stream, long fromOffset)
    {
        _stream = stream;
        NextOffset = fromOffset;
    }

    /// <summary>The next offset that <see cref="Read"/> returns.</summary>
    public long NextOffset { get; private set; }

    /// <summary>Whole readable batches, or null when nothing is readable now. Never compressed, whatever the file holds.</summary>
    /// <remarks>A block may hold no record at all: markers and aborted transactions.</remarks>
    /// <param name="maxBytes">About the most bytes, as they are in memory; a single batch larger than that is read whole.</param>
    /// <exception cref="LogException">The file is damaged, or cannot be read. Nothing damaged is handed out.</exception>
    public LogBlock? Read(int maxBytes)
    {
        try
        {
            while (true)
            {
                var (window, readable) = _stream.WindowOf(NextOffset);
                if (NextOffset >= readable)
                    return null;
                if (_stream.Tail.TryRead(NextOffset, readable, maxBytes, out var tail))
                    return TakeTail(tail);
                if (!TryMoveTo(window))
                    continue; // the segment was deleted or replaced between the two looks
                if (_position < _window.Bytes || !_window.IsCompacted)
                    return ReadBatches(readable, maxBytes);
                NextOffset = _window.EndOffset; // what a compacted segment held last is gone
            }
        }
        catch (DiskException error)
        {
            throw LogErrors.Unreadable(error);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _file?.Dispose();
        _file = null;
    }

    /// <summary>One batch whose place is known.</summary>
    internal static LogBlock ReadBatchAt(StreamPartition stream, BatchPlace place)
    {
        byte[] buffer = [];
        try
        {
            var path = stream.Folder.SegmentPath(place.SegmentBase);
            using var file = stream.OpenSegment(place.SegmentBase)
                ?? throw LogErrors.OffsetDeleted(stream.Name, place.SegmentBase, stream.StartOffset);
            if (place.Bytes > file.Length - place.Position)
                throw LogErrors.DamagedAtRead(path, place.Position, place.SegmentBase, "is cut off");
            buffer = ArrayPool<byte>.Shared.Rent(place.Bytes);
            var batch = buffer.AsSpan(0, place.Bytes);
            if (place.Bytes <= BatchFormat.HeaderBytes || file.Read(place.Position, batch) < place.Bytes)
                throw LogErrors.DamagedAtRead(path, place.Position, place.SegmentBase, "is cut off");
            var view = new BatchView(batch);
            BatchCheck.Check(stream, path, window: default, place.Position, view.BaseOffset, batch);
            var run = new BatchRun();
            run.TryAdd(batch, int.MaxValue);
            var (from, next) = (view.BaseOffset, view.NextOffset);
            return run.ToBlock(buffer, from, next, [])
                ?? throw LogErrors.NotDecompressed(path, place.Position, from, LogErrors.NameOf(view.Compression));
        }
        catch (DiskException error)
        {
            ArrayPool<byte>.Shared.Return(buffer);
            throw LogErrors.Unreadable(error);
        }
        catch
        {
            ArrayPool<byte>.Shared.Return(buffer);
            throw;
        }
    }

    private LogBlock TakeTail(in TailSlice tail)
    {
        Dispose(); // a reader at the tail needs no file
        var block = new LogBlock(tail, NextOffset, _stream.AbortedWithin(tail.FirstOffset, tail.NextOffset));
        NextOffset = tail.NextOffset;
        return block;
    }

    private LogBlock ReadBatches(long readable, int maxBytes)
    {
        var file = _file ?? throw new ObjectDisposedException(nameof(LogReader));
        var available = _window.Bytes - _position;
        if (available <= BatchFormat.HeaderBytes)
            throw LogErrors.DamagedAtRead(_path, _position, _batchOffset, "is missing");

        var wanted = (int)Math.Min(available, Math.Max(FileBytesFor(maxBytes), BatchFormat.HeaderBytes + 1));
        var buffer = ArrayPool<byte>.Shared.Rent(wanted);
        try
        {
            var got = file.Read(_position, buffer.AsSpan(0, wanted));
            var first = got > BatchFormat.HeaderBytes ? new BatchView(buffer.AsSpan(0, got)).SizeBytes : 0;
            if (first > got && first <= available && first <= BatchFormat.MaxBatchBytes)
            {
                var larger = ArrayPool<byte>.Shared.Rent((int)first);
                ArrayPool<byte>.Shared.Return(buffer);
                buffer = larger;
                got = file.Read(_position, buffer.AsSpan(0, (int)first));
            }

            return TakeWhole(buffer, got, readable, maxBytes);
        }
        catch
        {
            ArrayPool<byte>.Shared.Return(buffer);
            throw;
        }
    }

    // Compressed batches grow: as much of the file is read as gave about so many bytes the last time.
    private int FileBytesFor(int maxBytes) => _growth <= 1 ? maxBytes : Math.Max(Math.Min(maxBytes, SmallestRead), (int)(maxBytes / _growth));

    // Checks the batches that are there in full and readable, and moves past them.
    private LogBlock TakeWhole(byte[] buffer, int got, long readable, int maxBytes)
    {
        var run = new BatchRun();
        var offset = _batchOffset;
        while (offset < readable && got - run.FileBytes > BatchFormat.HeaderBytes)
        {
            var rest = buffer.AsSpan(run.FileBytes, got - run.FileBytes);
            var size = new BatchView(rest).SizeBytes;
            if (size > rest.Length && run.FileBytes > 0 && size <= BatchFormat.MaxBatchBytes)
                break; // the next read begins with it
            BatchCheck.Check(_stream, _path, _window, _position + run.FileBytes, offset, rest);
            if (!run.TryAdd(rest[..(int)size], maxBytes))
                break;
            offset = new BatchView(rest).NextOffset;
        }

        if (run.FileBytes == 0)
            throw LogErrors.DamagedAtRead(_path, _position, _batchOffset, "is cut off");
        var block = run.ToBlock(buffer, NextOffset, offset, _stream.AbortedWithin(_batchOffset, offset))
            ?? throw LogErrors.NotDecompressed(_path, _position, _batchOffset, LogErrors.NameOf(run.Compression));
        _growth = (double)block.Length / run.FileBytes;
        _position += run.FileBytes;
        _batchOffset = NextOffset = offset;
        return block;
    }

    // A closed segment that is open stays as it was found: when another file took its place since, this one still holds all up to its end.
    // False when the segment is gone, or when another file took its place before this one was open and known.
    private bool TryMoveTo(SegmentWindow window)
    {
        var isOpen = _file is not null && _window.BaseOffset == window.BaseOffset && NextOffset < _window.EndOffset;
        if (isOpen && !_window.IsActive)
            return true;
        if (isOpen && _window.Generation == window.Generation)
        {
            _window = window;
            return true;
        }

        Dispose();
        _path = _stream.Folder.SegmentPath(window.BaseOffset);
        _file = HeldSegment.Open(_stream, window);
        if (_file is null)
            return false;
        _window = window;
        (_position, _batchOffset) = SegmentSearch.Find(_stream, _file, window, NextOffset);
        return true;
    }
}
