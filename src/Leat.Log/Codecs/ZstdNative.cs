using System.Runtime.InteropServices;

namespace Leat.Log.Codecs;

/// <summary>The calls of libzstd that the log uses, declared once (zstd.h, stable since 1.4). Sizes that are errors are told by <see cref="IsError"/>.</summary>
internal static unsafe partial class ZstdNative
{
    public const string Library = "libzstd.so.1";

    /// <summary>ZSTD_c_compressionLevel and ZSTD_d_windowLogMax of zstd.h.</summary>
    public const int CompressionLevel = 100, MaxWindowLog = 100;

    /// <summary>ZSTD_reset_session_only of zstd.h.</summary>
    public const int ResetSession = 1;

    [LibraryImport(Library, EntryPoint = "ZSTD_isError")]
    public static partial uint IsError(nuint code);

    [LibraryImport(Library, EntryPoint = "ZSTD_compressBound")]
    public static partial nuint CompressBound(nuint sourceBytes);

    [LibraryImport(Library, EntryPoint = "ZSTD_createCCtx")]
    public static partial nint CreateCompression();

    [LibraryImport(Library, EntryPoint = "ZSTD_freeCCtx")]
    public static partial nuint FreeCompression(nint context);

    [LibraryImport(Library, EntryPoint = "ZSTD_CCtx_setParameter")]
    public static partial nuint SetParameter(ZstdCompression context, int parameter, int value);

    [LibraryImport(Library, EntryPoint = "ZSTD_compress2")]
    public static partial nuint Compress(ZstdCompression context, byte* target, nuint targetBytes, byte* source, nuint sourceBytes);

    [LibraryImport(Library, EntryPoint = "ZSTD_getFrameContentSize")]
    public static partial ulong ContentBytes(byte* source, nuint sourceBytes);

    [LibraryImport(Library, EntryPoint = "ZSTD_createDCtx")]
    public static partial nint CreateDecompression();

    [LibraryImport(Library, EntryPoint = "ZSTD_freeDCtx")]
    public static partial nuint FreeDecompression(nint context);

    [LibraryImport(Library, EntryPoint = "ZSTD_DCtx_setParameter")]
    public static partial nuint SetParameter(ZstdDecompression context, int parameter, int value);

    [LibraryImport(Library, EntryPoint = "ZSTD_DCtx_reset")]
    public static partial nuint Reset(ZstdDecompression context, int what);

    [LibraryImport(Library, EntryPoint = "ZSTD_decompressStream")]
    public static partial nuint Decompress(ZstdDecompression context, ref Buffer target, ref Buffer source);

    /// <summary>ZSTD_inBuffer and ZSTD_outBuffer.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Buffer
    {
        public byte* Start;
        public nuint Bytes;
        public nuint Used;
    }
}

/// <summary>A ZSTD_CCtx.</summary>
internal sealed class ZstdCompression() : SafeHandle(0, ownsHandle: true)
{
    public override bool IsInvalid => handle == 0;

    public static ZstdCompression Create(int level)
    {
        var made = new ZstdCompression();
        made.SetHandle(ZstdNative.CreateCompression());
        return !made.IsInvalid && ZstdNative.IsError(ZstdNative.SetParameter(made, ZstdNative.CompressionLevel, level)) == 0
            ? made
            : throw new InsufficientMemoryException("libzstd could not make a context.");
    }

    protected override bool ReleaseHandle() => ZstdNative.FreeCompression(handle) == 0;
}

/// <summary>A ZSTD_DCtx.</summary>
internal sealed class ZstdDecompression() : SafeHandle(0, ownsHandle: true)
{
    public override bool IsInvalid => handle == 0;

    public static ZstdDecompression Create(int maxWindowLog)
    {
        var made = new ZstdDecompression();
        made.SetHandle(ZstdNative.CreateDecompression());
        return !made.IsInvalid && ZstdNative.IsError(ZstdNative.SetParameter(made, ZstdNative.MaxWindowLog, maxWindowLog)) == 0
            ? made
            : throw new InsufficientMemoryException("libzstd could not make a context.");
    }

    protected override bool ReleaseHandle() => ZstdNative.FreeDecompression(handle) == 0;
}
