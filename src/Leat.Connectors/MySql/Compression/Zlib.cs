using System.IO.Compression;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Compression;

/// <summary>Inflates what servers compress with zlib: events of <c>log_bin_compress</c> and values of COMPRESSED columns.</summary>
internal static unsafe class Zlib
{
    /// <summary>Deflate makes of one byte at most 1032 (its longest match by its shortest code); what claims more is not genuine.</summary>
    private const long MostExpansion = 1032;

    /// <summary>Whether that many compressed bytes can become that many.</summary>
    public static bool CanBecome(int compressedBytes, long inflatedBytes) => inflatedBytes >= 0 && inflatedBytes <= compressedBytes * MostExpansion;

    /// <summary>Inflates a zlib stream (RFC 1950, its Adler-32 verified) that must fill <paramref name="target"/> exactly.</summary>
    /// <exception cref="MySqlFormatException">Damaged, or of another length.</exception>
    public static void Inflate(ReadOnlySpan<byte> compressed, Span<byte> target) => Inflate(compressed, target, isRaw: false);

    /// <summary>The same for deflated data without zlib's header and checksum (RFC 1951).</summary>
    /// <exception cref="MySqlFormatException">Damaged, or of another length.</exception>
    public static void InflateRaw(ReadOnlySpan<byte> compressed, Span<byte> target) => Inflate(compressed, target, isRaw: true);

    private static void Inflate(ReadOnlySpan<byte> compressed, Span<byte> target, bool isRaw)
    {
        if (compressed.IsEmpty)
            throw MySqlFormatException.Short(1, 0);
        fixed (byte* start = compressed)
        {
            using var source = new UnmanagedMemoryStream(start, compressed.Length);
            using Stream inflating = isRaw ? new DeflateStream(source, CompressionMode.Decompress) : new ZLibStream(source, CompressionMode.Decompress);
            try
            {
                var got = inflating.ReadAtLeast(target, target.Length, throwOnEndOfStream: false);
                if (got < target.Length)
                    throw MySqlFormatException.Short(target.Length - got, 0);
                Span<byte> more = stackalloc byte[1];
                if (inflating.Read(more) != 0)
                    throw MySqlFormatException.Unexpected("compressed data", $"{target.Length} bytes once inflated, got at least", target.Length + 1L);
            }
            catch (Exception damaged) when (damaged is InvalidDataException or IOException) // the latter when a dictionary is asked for
            {
                throw new MySqlFormatException($"The server's compressed data of {compressed.Length} bytes is damaged: zlib cannot inflate it.");
            }
        }
    }
}
