using System.Runtime.InteropServices;

namespace Leat.Log.Codecs;

/// <summary>The frame calls of liblz4, declared once (lz4frame.h, stable since 1.8). Sizes that are errors are told by <see cref="IsError"/>.</summary>
internal static unsafe partial class Lz4Native
{
    public const string Library = "liblz4.so.1";

    /// <summary>LZ4F_VERSION of lz4frame.h.</summary>
    public const uint Version = 100;

    [LibraryImport(Library, EntryPoint = "LZ4F_isError")]
    public static partial uint IsError(nuint code);

    [LibraryImport(Library, EntryPoint = "LZ4F_createCompressionContext")]
    public static partial nuint CreateCompression(out nint context, uint version);

    [LibraryImport(Library, EntryPoint = "LZ4F_freeCompressionContext")]
    public static partial nuint FreeCompression(nint context);

    [LibraryImport(Library, EntryPoint = "LZ4F_compressBegin")]
    public static partial nuint CompressBegin(Lz4Compression context, byte* target, nuint targetBytes, in Preferences preferences);

    [LibraryImport(Library, EntryPoint = "LZ4F_compressBound")]
    public static partial nuint CompressBound(nuint sourceBytes, in Preferences preferences);

    [LibraryImport(Library, EntryPoint = "LZ4F_compressUpdate")]
    public static partial nuint CompressUpdate(
        Lz4Compression context, byte* target, nuint targetBytes, byte* source, nuint sourceBytes, nint options);

    [LibraryImport(Library, EntryPoint = "LZ4F_compressEnd")]
    public static partial nuint CompressEnd(Lz4Compression context, byte* target, nuint targetBytes, nint options);

    [LibraryImport(Library, EntryPoint = "LZ4F_createDecompressionContext")]
    public static partial nuint CreateDecompression(out nint context, uint version);

    [LibraryImport(Library, EntryPoint = "LZ4F_freeDecompressionContext")]
    public static partial nuint FreeDecompression(nint context);

    [LibraryImport(Library, EntryPoint = "LZ4F_resetDecompressionContext")]
    public static partial void ResetDecompression(Lz4Decompression context);

    [LibraryImport(Library, EntryPoint = "LZ4F_decompress")]
    public static partial nuint Decompress(
        Lz4Decompression context, byte* target, ref nuint targetBytes, byte* source, ref nuint sourceBytes, in DecompressOptions options);

    /// <summary>LZ4F_preferences_t.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Preferences
    {
        /// <summary>4: 64 KiB.</summary>
        public int BlockSizeId;

        /// <summary>1: blocks do not refer to each other, the only kind that Kafka's clients read.</summary>
        public int BlockMode;

        public int ContentChecksum;
        public int FrameType;
        public ulong ContentBytes;
        public uint DictionaryId;
        public int BlockChecksum;
        public int Level;
        public uint AutoFlush;
        public uint FavorDecompression;
        public uint Reserved0;
        public uint Reserved1;
        public uint Reserved2;
    }

    /// <summary>LZ4F_decompressOptions_t.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct DecompressOptions
    {
        /// <summary>1: what was written stays where it is until the frame ends, so that nothing is copied aside.</summary>
        public uint StableTarget;

        public uint SkipChecksums;
        public uint Reserved1;
        public uint Reserved0;
    }
}

/// <summary>An LZ4F_cctx.</summary>
internal sealed class Lz4Compression() : SafeHandle(0, ownsHandle: true)
{
    public override bool IsInvalid => handle == 0;

    public static Lz4Compression Create()
    {
        var made = new Lz4Compression();
        if (Lz4Native.IsError(Lz4Native.CreateCompression(out var context, Lz4Native.Version)) != 0)
            throw new InsufficientMemoryException("liblz4 could not make a context.");
        made.SetHandle(context);
        return made;
    }

    protected override bool ReleaseHandle() => Lz4Native.FreeCompression(handle) == 0;
}

/// <summary>An LZ4F_dctx.</summary>
internal sealed class Lz4Decompression() : SafeHandle(0, ownsHandle: true)
{
    public override bool IsInvalid => handle == 0;

    public static Lz4Decompression Create()
    {
        var made = new Lz4Decompression();
        if (Lz4Native.IsError(Lz4Native.CreateDecompression(out var context, Lz4Native.Version)) != 0)
            throw new InsufficientMemoryException("liblz4 could not make a context.");
        made.SetHandle(context);
        return made;
    }

    protected override bool ReleaseHandle()
    {
        _ = Lz4Native.FreeDecompression(handle); // the state it returns is the frame's, not a failure
        return true;
    }
}
