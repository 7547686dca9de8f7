using System.Buffers;

namespace Leat.Log.Codecs;

/// <summary>Turns compressed batches into plain ones and back. The header stays as it is, but for length, compression and CRC.</summary>
internal static class CompressedBatch
{
    // Enough for the first record of most batches; a larger one is looked at a second time.
    private const int FirstLookBytes = 1024;

    /// <summary>The compressed form of a plain batch in a pooled buffer, its CRC included; empty when it would not be smaller.</summary>
    public static ArraySegment<byte> Deflate(ReadOnlySpan<byte> batch, Compression compression)
    {
        if (Codec.Of(compression) is not { } codec)
            return default;
        var body = batch[BatchFormat.HeaderBytes..];
        var buffer = ArrayPool<byte>.Shared.Rent(BatchFormat.HeaderBytes + codec.RoomFor(body.Length));
        var bytes = codec.Compress(body, buffer.AsSpan(BatchFormat.HeaderBytes));
        if (bytes < 0 || bytes >= body.Length)
        {
            ArrayPool<byte>.Shared.Return(buffer);
            return default;
        }

        var deflated = new ArraySegment<byte>(buffer, 0, BatchFormat.HeaderBytes + bytes);
        batch[..BatchFormat.HeaderBytes].CopyTo(deflated);
        BatchFormat.WriteBody(deflated, compression);
        BatchFormat.WriteCrc(deflated);
        return deflated;
    }

    /// <summary>A plain batch in a pooled buffer; null when the compressed part is malformed or too large. Its CRC is that of the compressed one.</summary>
    public static byte[]? Inflate(ReadOnlySpan<byte> batch, out int bytes)
    {
        bytes = 0;
        if (Codec.Of(new BatchView(batch).Compression) is not { } codec)
            return null;
        var inflated = Codec.Decompress(
            codec, batch[BatchFormat.HeaderBytes..], BatchFormat.HeaderBytes, BatchFormat.MaxBatchBytes - BatchFormat.HeaderBytes, out var body);
        if (inflated is null)
            return null;
        bytes = Finish(batch, inflated, body);
        return inflated;
    }

    /// <summary>Bytes of the plain batch when that is known before and likely; -1 otherwise: <see cref="Inflate(ReadOnlySpan{byte}, out int)"/> finds out.</summary>
    public static int LikelyBytes(ReadOnlySpan<byte> batch)
    {
        if (Codec.Of(new BatchView(batch).Compression) is not { } codec)
            return batch.Length;
        var body = batch[BatchFormat.HeaderBytes..];
        var claimed = codec.ClaimedBytes(body);
        return claimed >= 0 && claimed <= Codec.TrustedFor(body.Length) ? BatchFormat.HeaderBytes + (int)claimed : -1;
    }

    /// <summary>Writes the plain batch, of a size that is known; false when it comes out otherwise.</summary>
    public static bool TryInflate(ReadOnlySpan<byte> batch, Span<byte> target)
    {
        if (Codec.Of(new BatchView(batch).Compression) is not { } codec)
        {
            batch.CopyTo(target);
            return true;
        }

        var end = codec.Decompress(batch[BatchFormat.HeaderBytes..], target[BatchFormat.HeaderBytes..], out var body);
        return end == DecodeEnd.Ended && Finish(batch, target, body) == target.Length;
    }

    /// <summary>The synced offset that the first record carries, or -1. Decompresses no more than that record.</summary>
    public static long SyncedOffset(Compression compression, ReadOnlySpan<byte> body)
    {
        if (Codec.Of(compression) is not { } codec)
            return -1;
        var wanted = FirstLookBytes;
        while (true)
        {
            var buffer = ArrayPool<byte>.Shared.Rent(wanted);
            try
            {
                if (codec.Decompress(body, buffer, out var written) == DecodeEnd.Malformed)
                    return -1;
                var at = 0;
                if (!Varint.TryRead(buffer.AsSpan(0, written), ref at, out var length) || length < 0)
                    return -1;
                if (at + length <= written)
                    return BatchView.SyncedOffsetOf(buffer.AsSpan(0, written));
                if (at + length <= buffer.Length || at + length > Codec.TrustedFor(body.Length))
                    return LargeSyncedOffset(codec, body);
                wanted = (int)(at + length);
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }
    }

    private static long LargeSyncedOffset(ICodec codec, ReadOnlySpan<byte> body)
    {
        var plain = Codec.Decompress(codec, body, reserved: 0, BatchFormat.MaxBatchBytes, out var bytes);
        if (plain is null)
            return -1;
        var synced = BatchView.SyncedOffsetOf(plain.AsSpan(0, bytes));
        ArrayPool<byte>.Shared.Return(plain);
        return synced;
    }

    private static int Finish(ReadOnlySpan<byte> batch, Span<byte> target, int body)
    {
        batch[..BatchFormat.HeaderBytes].CopyTo(target);
        BatchFormat.WriteBody(target[..(BatchFormat.HeaderBytes + body)], Compression.None);
        return BatchFormat.HeaderBytes + body;
    }
}
