using System.Buffers.Binary;

namespace Leat.Log.Codecs;

/// <summary>LZ4 frames as Kafka's clients write them: independent blocks of 64 KiB, no checksums (the batch has one); with the content's size.</summary>
internal sealed unsafe class Lz4Codec : ICodec
{
    private const int MaxHeaderBytes = 19; // LZ4F_HEADER_SIZE_MAX
    private const uint Magic = 0x184D2204;
    private const int ContentSizeFlag = 0x08, ContentSizeAt = 6;

    private static readonly ContextPool<Lz4Compression> Compressors = new(Lz4Compression.Create);
    private static readonly ContextPool<Lz4Decompression> Decompressors = new(Lz4Decompression.Create);

    public int RoomFor(int sourceBytes) => MaxHeaderBytes + (int)Lz4Native.CompressBound((nuint)sourceBytes, PreferencesFor(sourceBytes));

    public int Compress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        var context = Compressors.Take();
        fixed (byte* from = source, to = target)
        {
            var room = (nuint)target.Length;
            var used = Lz4Native.CompressBegin(context, to, room, PreferencesFor(source.Length));
            if (Lz4Native.IsError(used) == 0)
            {
                var body = Lz4Native.CompressUpdate(context, to + used, room - used, from, (nuint)source.Length, 0);
                used = Lz4Native.IsError(body) == 0 ? used + body : body;
            }

            if (Lz4Native.IsError(used) == 0)
            {
                var end = Lz4Native.CompressEnd(context, to + used, room - used, 0);
                used = Lz4Native.IsError(end) == 0 ? used + end : end;
            }

            var failed = Lz4Native.IsError(used) != 0;
            if (failed)
                context.Dispose();
            else
                Compressors.Give(context);
            return failed ? -1 : (int)used;
        }
    }

    public long ClaimedBytes(ReadOnlySpan<byte> source)
    {
        if (source.Length < ContentSizeAt + 8 || BinaryPrimitives.ReadUInt32LittleEndian(source) != Magic || (source[4] & ContentSizeFlag) == 0)
            return -1;
        var claimed = BinaryPrimitives.ReadUInt64LittleEndian(source[ContentSizeAt..]);
        return claimed > long.MaxValue ? long.MaxValue : (long)claimed;
    }

    public DecodeEnd Decompress(ReadOnlySpan<byte> source, Span<byte> target, out int written)
    {
        var context = Decompressors.Take();
        Lz4Native.ResetDecompression(context);
        fixed (byte* from = source, to = target)
        {
            var end = Run(context, from, (nuint)source.Length, to, (nuint)target.Length, out written);
            if (end == DecodeEnd.Malformed)
                context.Dispose(); // it may have grown to what the malformed frame asked for
            else
                Decompressors.Give(context);
            return end;
        }
    }

    private static DecodeEnd Run(Lz4Decompression context, byte* source, nuint sourceBytes, byte* target, nuint targetBytes, out int written)
    {
        Lz4Native.DecompressOptions options = new() { StableTarget = 1 };
        nuint taken = 0, put = 0;
        while (true)
        {
            var (takes, puts) = (sourceBytes - taken, targetBytes - put);
            var left = Lz4Native.Decompress(context, target + put, ref puts, source + taken, ref takes, options);
            taken += takes;
            put += puts;
            written = (int)put;
            if (Lz4Native.IsError(left) != 0)
                return DecodeEnd.Malformed;
            if (left == 0)
                return taken == sourceBytes ? DecodeEnd.Ended : DecodeEnd.Malformed;
            if (takes == 0 && puts == 0)
                return put == targetBytes ? DecodeEnd.TargetFull : DecodeEnd.Malformed;
        }
    }

    private static Lz4Native.Preferences PreferencesFor(int sourceBytes) =>
        new() { BlockSizeId = 4, BlockMode = 1, ContentBytes = (ulong)sourceBytes, AutoFlush = 1 };
}
