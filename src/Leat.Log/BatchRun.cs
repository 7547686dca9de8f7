using System.Buffers;
using Leat.Log.Codecs;

namespace Leat.Log;

/// <summary>Batches that stand one after the other in a buffer read from a file, to be handed out as one block.</summary>
/// <remarks>Plain ones are handed out as they lie. A run that begins with a compressed one is written anew, all of it plain.</remarks>
internal struct BatchRun
{
    private long _plainBytes;

    /// <summary>Bytes of the batches as the file has them.</summary>
    public int FileBytes { get; private set; }

    /// <summary>How the first batch is compressed.</summary>
    public Compression Compression { get; private set; }

    /// <summary>Takes one more checked batch in; false when it has to begin a run of its own.</summary>
    public bool TryAdd(ReadOnlySpan<byte> batch, int maxBytes)
    {
        var compression = new BatchView(batch).Compression;
        var likely = compression == Compression.None ? batch.Length : CompressedBatch.LikelyBytes(batch);
        if (FileBytes == 0)
            Compression = compression;
        else if (_plainBytes < 0 || likely < 0 || (Compression == Compression.None ? compression != Compression.None : _plainBytes + likely > maxBytes))
            return false;

        _plainBytes = likely < 0 ? -1 : _plainBytes + likely;
        FileBytes += batch.Length;
        return true;
    }

    /// <summary>The block, which takes the buffer over or returns it to the pool; null when a batch cannot be decompressed: the buffer stays the caller's.</summary>
    public readonly LogBlock? ToBlock(byte[] buffer, long from, long next, AbortedRange[] aborted)
    {
        if (Compression == Compression.None)
            return new(buffer, FileBytes, from, next, aborted);

        int bytes;
        byte[]? plain;
        if (_plainBytes < 0)
            plain = CompressedBatch.Inflate(buffer.AsSpan(0, FileBytes), out bytes);
        else
            (plain, bytes) = (InflateAll(buffer.AsSpan(0, FileBytes), (int)_plainBytes), (int)_plainBytes);
        if (plain is null)
            return null;
        ArrayPool<byte>.Shared.Return(buffer);
        return new(plain, bytes, from, next, aborted);
    }

    private static byte[]? InflateAll(ReadOnlySpan<byte> rest, int bytes)
    {
        var plain = ArrayPool<byte>.Shared.Rent(bytes);
        var at = 0;
        while (!rest.IsEmpty)
        {
            var batch = rest[..(int)new BatchView(rest).SizeBytes];
            var size = CompressedBatch.LikelyBytes(batch);
            if (!CompressedBatch.TryInflate(batch, plain.AsSpan(at, size)))
            {
                ArrayPool<byte>.Shared.Return(plain);
                return null;
            }

            at += size;
            rest = rest[batch.Length..];
        }

        return plain;
    }
}

/// <summary>What a batch must be before it is handed out.</summary>
internal static class BatchCheck
{
    /// <summary>Fails unless a whole batch begins here, at least at the offset (compacted) or exactly (otherwise).</summary>
    /// <exception cref="LogException">LEAT-2006.</exception>
    public static void Check(StreamPartition stream, string path, in SegmentWindow window, long position, long offset, ReadOnlySpan<byte> bytes)
    {
        var view = new BatchView(bytes);
        if (!IsPlausible(stream, view, window, offset))
            throw LogErrors.DamagedAtRead(path, position, offset, "has an impossible header");
        if (view.SizeBytes > bytes.Length)
            throw LogErrors.DamagedAtRead(path, position, offset, "is cut off");
        if (!view.IsWhole())
            throw LogErrors.DamagedAtRead(path, position, offset, "fails its checksum");
    }

    /// <summary>Whether the header can stand here. The upper half of an offset is under no checksum: in a compacted segment it is held against the segment's end.</summary>
    public static bool IsPlausible(StreamPartition stream, in BatchView view, in SegmentWindow window, long offset) => window.IsCompacted
        ? view.NextOffset <= window.EndOffset && view.IsPlausibleCompacted(offset, stream.IncarnationOf(view.BaseOffset))
        : view.IsPlausible(offset, stream.IncarnationOf(offset));
}
