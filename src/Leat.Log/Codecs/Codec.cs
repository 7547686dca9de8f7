using System.Buffers;
using System.Runtime.InteropServices;

namespace Leat.Log.Codecs;

/// <summary>Finds the codec of a compression, and decompresses with limits.</summary>
internal static class Codec
{
    // A batch that claims more than this is believed step by step only: the buffer grows with what really comes out.
    private const int TrustedBytes = 64 * 1024, TrustedRatio = 32;

    // By number. A codec that needs a library is made when it is first asked for, and the library with it.
    private static readonly ICodec?[] Known = [null, new GzipCodec(), new SnappyCodec(), null, null];

    /// <summary>The codec; null for none.</summary>
    /// <exception cref="LogException">LEAT-2040: this system lacks the library that the compression needs.</exception>
    public static ICodec? Of(Compression compression) =>
        compression == Compression.None ? null : Volatile.Read(ref Known[(int)compression]) ?? Load(compression);

    /// <summary>Makes sure that a library of the system is there, before its first call is made.</summary>
    internal static void RequireLibrary(Compression compression, string library, string package)
    {
        if (!NativeLibrary.TryLoad(library, typeof(Codec).Assembly, null, out _))
            throw LogErrors.LibraryMissing(compression, library, package);
    }

    private static ICodec Load(Compression compression)
    {
        ICodec codec;
        if (compression == Compression.Lz4)
        {
            RequireLibrary(compression, Lz4Native.Library, "liblz4-1");
            codec = new Lz4Codec();
        }
        else
        {
            RequireLibrary(compression, ZstdNative.Library, "libzstd1");
            codec = new ZstdCodec();
        }

        Volatile.Write(ref Known[(int)compression], codec);
        return codec;
    }

    /// <summary>Most bytes that a buffer is made for on the word of so many compressed ones.</summary>
    public static long TrustedFor(int sourceBytes) => Math.Min(BatchFormat.MaxBatchBytes, TrustedBytes + (long)sourceBytes * TrustedRatio);

    /// <summary>Decompresses into a pooled buffer, after so many bytes left free in it; null when malformed or larger than the limit.</summary>
    /// <remarks>The buffer grows with what really comes out: a claim alone never makes it large.</remarks>
    /// <param name="codec">The batch's codec.</param>
    /// <param name="source">The compressed bytes.</param>
    /// <param name="reserved">Bytes to leave free at the buffer's start.</param>
    /// <param name="limit">Most bytes to come out.</param>
    /// <param name="written">Bytes that came out.</param>
    public static byte[]? Decompress(ICodec codec, ReadOnlySpan<byte> source, int reserved, int limit, out int written)
    {
        written = 0;
        var claimed = codec.ClaimedBytes(source);
        if (claimed > limit)
            return null;
        var trusted = Math.Min(limit, TrustedFor(source.Length));
        var room = (int)(claimed >= 0 ? Math.Min(claimed, trusted) : Math.Min(trusted, Math.Max(TrustedBytes, source.Length * 4L)));
        while (true)
        {
            var buffer = ArrayPool<byte>.Shared.Rent(reserved + room);
            var end = DecodeEnd.Malformed;
            try
            {
                end = codec.Decompress(source, buffer.AsSpan(reserved, Math.Min(limit, buffer.Length - reserved)), out written);
            }
            finally
            {
                if (end != DecodeEnd.Ended)
                    ArrayPool<byte>.Shared.Return(buffer);
            }

            if (end == DecodeEnd.Ended)
                return buffer;
            if (end == DecodeEnd.Malformed || room >= limit)
                return null;
            room = (int)Math.Min(limit, Math.Max(buffer.Length - reserved, room) * 4L);
        }
    }
}
