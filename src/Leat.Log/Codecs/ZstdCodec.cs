namespace Leat.Log.Codecs;

/// <summary>One Zstandard frame, level 3 (the library's default and Kafka's): with its content's size, without a checksum (the batch has one).</summary>
internal sealed unsafe class ZstdCodec : ICodec
{
    private const int Level = 3;

    // 8 MiB, what RFC 8878 asks every decoder to support; level 3 uses 2 MiB at most.
    private const int MaxWindowLog = 23;

    private const ulong UnknownBytes = ulong.MaxValue, NotAFrame = ulong.MaxValue - 1;

    private static readonly ContextPool<ZstdCompression> Compressors = new(() => ZstdCompression.Create(Level));
    private static readonly ContextPool<ZstdDecompression> Decompressors = new(() => ZstdDecompression.Create(MaxWindowLog));

    public int RoomFor(int sourceBytes) => (int)ZstdNative.CompressBound((nuint)sourceBytes);

    public int Compress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        var context = Compressors.Take();
        fixed (byte* from = source, to = target)
        {
            var used = ZstdNative.Compress(context, to, (nuint)target.Length, from, (nuint)source.Length);
            var failed = ZstdNative.IsError(used) != 0;
            if (failed)
                context.Dispose();
            else
                Compressors.Give(context);
            return failed ? -1 : (int)used;
        }
    }

    public long ClaimedBytes(ReadOnlySpan<byte> source)
    {
        fixed (byte* from = source)
        {
            var claimed = ZstdNative.ContentBytes(from, (nuint)source.Length);
            return claimed is UnknownBytes or NotAFrame ? -1 : (long)Math.Min(claimed, long.MaxValue);
        }
    }

    public DecodeEnd Decompress(ReadOnlySpan<byte> source, Span<byte> target, out int written)
    {
        var context = Decompressors.Take();
        fixed (byte* from = source, to = target)
        {
            var end = Run(context, from, source.Length, to, target.Length, out written);
            if (end == DecodeEnd.Malformed || ZstdNative.IsError(ZstdNative.Reset(context, ZstdNative.ResetSession)) != 0)
                context.Dispose();
            else
                Decompressors.Give(context);
            return end;
        }
    }

    private static DecodeEnd Run(ZstdDecompression context, byte* source, int sourceBytes, byte* target, int targetBytes, out int written)
    {
        ZstdNative.Buffer from = new() { Start = source, Bytes = (nuint)sourceBytes };
        ZstdNative.Buffer to = new() { Start = target, Bytes = (nuint)targetBytes };
        while (true)
        {
            var (taken, put) = (from.Used, to.Used);
            var left = ZstdNative.Decompress(context, ref to, ref from);
            written = (int)to.Used;
            if (ZstdNative.IsError(left) != 0)
                return DecodeEnd.Malformed;
            if (left == 0)
                return from.Used == from.Bytes ? DecodeEnd.Ended : DecodeEnd.Malformed;
            if (from.Used == taken && to.Used == put)
                return to.Used == to.Bytes ? DecodeEnd.TargetFull : DecodeEnd.Malformed;
        }
    }
}
