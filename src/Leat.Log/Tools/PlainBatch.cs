using System.Buffers;
using Leat.Log.Codecs;

namespace Leat.Log.Tools;

/// <summary>Batches as they are before compression.</summary>
internal static class PlainBatch
{
    /// <summary>A whole batch as a block of its own; null when it cannot be decompressed.</summary>
    public static LogBlock? Of(ReadOnlySpan<byte> batch, long from, long nextOffset)
    {
        if (new BatchView(batch).Compression != Compression.None)
            return CompressedBatch.Inflate(batch, out var bytes) is { } plain ? new(plain, bytes, from, nextOffset, []) : null;
        var buffer = ArrayPool<byte>.Shared.Rent(batch.Length);
        batch.CopyTo(buffer);
        return new(buffer, batch.Length, from, nextOffset, []);
    }

    /// <summary>Why it cannot, as the end of a sentence.</summary>
    public static string Problem(ReadOnlySpan<byte> batch) => $"cannot be decompressed ({LogErrors.NameOf(new BatchView(batch).Compression)})";
}
