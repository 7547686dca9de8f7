using System.Buffers.Binary;
using System.IO.Compression;

namespace Leat.Log.Codecs;

/// <summary>One gzip member, by the framework.</summary>
internal sealed unsafe class GzipCodec : ICodec
{
    private const int SmallestBytes = 18; // header and trailer

    public int RoomFor(int sourceBytes) => SmallestBytes + sourceBytes + sourceBytes / 1000 + 64;

    public int Compress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        fixed (byte* to = target)
        {
            using var output = new UnmanagedMemoryStream(to, 0, target.Length, FileAccess.Write);
            try
            {
                using (var gzip = new GZipStream(output, CompressionLevel.Optimal, leaveOpen: true))
                    gzip.Write(source);
            }
            catch (NotSupportedException)
            {
                return -1; // no room left in the target
            }

            return (int)output.Position;
        }
    }

    public long ClaimedBytes(ReadOnlySpan<byte> source) =>
        source.Length < SmallestBytes ? -1 : BinaryPrimitives.ReadUInt32LittleEndian(source[^4..]);

    public DecodeEnd Decompress(ReadOnlySpan<byte> source, Span<byte> target, out int written)
    {
        written = 0;
        if (source.Length < SmallestBytes)
            return DecodeEnd.Malformed;
        fixed (byte* from = source)
        {
            using var input = new UnmanagedMemoryStream(from, source.Length);
            using var gzip = new GZipStream(input, CompressionMode.Decompress);
            try
            {
                written = gzip.ReadAtLeast(target, target.Length, throwOnEndOfStream: false);
                if (written == target.Length && gzip.ReadByte() >= 0)
                    return DecodeEnd.TargetFull;
            }
            catch (InvalidDataException)
            {
                return DecodeEnd.Malformed;
            }
        }

        // The framework takes a member that is cut off for a short one: its own count of bytes decides.
        return ClaimedBytes(source) == written ? DecodeEnd.Ended : DecodeEnd.Malformed;
    }
}
