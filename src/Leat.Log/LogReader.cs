using System.Buffers;
using Microsoft.Extensions.Logging;

namespace Leat.Log;

/// <summary>Reads one stream from an offset on, in whole batches, each checked before it is handed out. Used by one thread at a time.</summary>
public sealed class LogReader : IDisposable
{
    private readonly StreamPartition _stream;
    private IDiskFile? _file;
    private string _path = "";
    private SegmentWindow _window;
    private long _position;
    private long _batchOffset;

    internal LogReader(StreamPartition stream, long fromOffset)
    {
        _stream = stream;
        NextOffset = fromOffset;
    }

    /// <summary>The next offset that <see cref="Read"/> returns.</summary>
    public long NextOffset { get; private set; }

    /// <summary>Whole readable batches, or null when nothing is readable now.</summary>
    /// <remarks>A block may hold no record at all: markers and aborted transactions.</remarks>
    /// <param name="maxBytes">Most bytes; a single batch larger than that is read whole.</param>
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
                if (!IsOpen(window) && !TryOpen(window))
                    continue;
                _window = window;
                if (_position < window.Bytes || !window.IsCompacted)
                    return ReadBatches(window, readable, maxBytes);
                _batchOffset = NextOffset = window.NextOffset; // the last offsets of a compacted segment may be missing
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
        var buffer = ArrayPool<byte>.Shared.Rent(place.Bytes);
        try
        {
            var path = stream.Folder.SegmentPath(place.SegmentBase);
            using var file = stream.Folder.Disk.Open(path, DiskOpen.Read);
            var batch = buffer.AsSpan(0, place.Bytes);
            if (file.Read(place.Position, batch) < place.Bytes)
                throw LogErrors.DamagedAtRead(path, place.Position, place.SegmentBase, "is cut off");
            var view = new BatchView(batch);
            Check(stream, path, place.Position, view.BaseOffset, isCompacted: false, batch);
            return new(buffer, place.Bytes, view.BaseOffset, view.NextOffset, []);
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

    private LogBlock ReadBatches(SegmentWindow window, long readable, int maxBytes)
    {
        var file = _file ?? throw new ObjectDisposedException(nameof(LogReader));
        var available = window.Bytes - _position;
        if (available <= BatchFormat.HeaderBytes)
            throw LogErrors.DamagedAtRead(_path, _position, _batchOffset, "is missing");

        var wanted = (int)Math.Min(available, Math.Max(maxBytes, BatchFormat.HeaderBytes + 1));
        var buffer = ArrayPool<byte>.Shared.Rent(wanted);
        try
        {
            var got = file.Read(_position, buffer.AsSpan(0, wanted));
            var first = got > BatchFormat.HeaderBytes ? new BatchView(buffer.AsSpan(0, got)).SizeBytes : 0;
            if (first > got && first <= available && first <= BatchFormat.MaxBatchBytes)
            {
                ArrayPool<byte>.Shared.Return(buffer);
                buffer = ArrayPool<byte>.Shared.Rent((int)first);
                got = file.Read(_position, buffer.AsSpan(0, (int)first));
            }

            return TakeWhole(buffer, got, readable);
        }
        catch
        {
            ArrayPool<byte>.Shared.Return(buffer);
            throw;
        }
    }

    // Checks the batches that are there in full and readable, and moves past them.
    private LogBlock TakeWhole(byte[] buffer, int got, long readable)
    {
        var used = 0;
        var offset = _batchOffset;
        while (offset < readable && got - used > BatchFormat.HeaderBytes)
        {
            var rest = buffer.AsSpan(used, got - used);
            var size = new BatchView(rest).SizeBytes;
            if (size > rest.Length && used > 0 && size <= BatchFormat.MaxBatchBytes)
                break; // the next read begins with it
            Check(_stream, _path, _position + used, offset, _window.IsCompacted, rest);
            used += (int)size;
            offset = new BatchView(rest).NextOffset;
        }

        if (used == 0)
            throw LogErrors.DamagedAtRead(_path, _position, _batchOffset, "is cut off");
        var block = new LogBlock(buffer, used, NextOffset, offset, _stream.AbortedWithin(_batchOffset, offset));
        _position += used;
        _batchOffset = NextOffset = offset;
        return block;
    }

    private static void Check(StreamPartition stream, string path, long position, long offset, bool isCompacted, ReadOnlySpan<byte> bytes)
    {
        var view = new BatchView(bytes);
        if (!IsPlausible(stream, view, offset, isCompacted))
            throw LogErrors.DamagedAtRead(path, position, offset, "has an impossible header");
        if (view.SizeBytes > bytes.Length)
            throw LogErrors.DamagedAtRead(path, position, offset, "is cut off");
        if (!view.IsWhole())
            throw LogErrors.DamagedAtRead(path, position, offset, "fails its checksum");
    }

    /// <summary>Whether a header can be that of the batch of an offset; in a compacted segment of that or a later one.</summary>
    internal static bool IsPlausible(StreamPartition stream, in BatchView view, long offset, bool isCompacted) => isCompacted
        ? view.IsPlausibleCompacted(offset, stream.IncarnationOf(view.BaseOffset))
        : view.IsPlausible(offset, stream.IncarnationOf(offset));

    private bool IsOpen(SegmentWindow window) =>
        _file is not null && _window.BaseOffset == window.BaseOffset && _window.Generation == window.Generation;

    // False when compaction put another file in the place before it was open: then the file is not the one that the window describes.
    private bool TryOpen(SegmentWindow window)
    {
        Dispose();
        _path = _stream.Folder.SegmentPath(window.BaseOffset);
        try
        {
            _file = _stream.Folder.Disk.Open(_path, DiskOpen.Read);
        }
        catch (DiskException error) when (error.Kind == DiskFailure.NotFound && IsReplaced(window))
        {
            return false;
        }

        if (IsReplaced(window))
            return false;
        (_position, _batchOffset) = SegmentSearch.Find(_stream, _file, window, NextOffset);
        return true;
    }

    private bool IsReplaced(SegmentWindow window) => _stream.WindowOf(NextOffset).Window.Generation != window.Generation;
}
