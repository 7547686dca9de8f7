using System.Runtime.InteropServices;

namespace Leat.Connectors.MySql.Compression;

/// <summary>The calls of libzstd that reading takes (zstd.h, stable since 1.4). Sizes that are errors are told by <see cref="IsError"/>.</summary>
internal static unsafe partial class ZstdNative
{
    public const string Library = "libzstd.so.1";

    /// <summary>ZSTD_d_windowLogMax of zstd.h.</summary>
    public const int MaxWindowLog = 100;

    /// <summary>ZSTD_reset_session_only of zstd.h.</summary>
    public const int ResetSession = 1;

    [LibraryImport(Library, EntryPoint = "ZSTD_isError")]
    public static partial uint IsError(nuint code);

    [LibraryImport(Library, EntryPoint = "ZSTD_createDCtx")]
    public static partial nint Create();

    [LibraryImport(Library, EntryPoint = "ZSTD_freeDCtx")]
    public static partial nuint Free(nint context);

    [LibraryImport(Library, EntryPoint = "ZSTD_DCtx_setParameter")]
    public static partial nuint SetParameter(ZstdContext context, int parameter, int value);

    [LibraryImport(Library, EntryPoint = "ZSTD_DCtx_reset")]
    public static partial nuint Reset(ZstdContext context, int what);

    [LibraryImport(Library, EntryPoint = "ZSTD_decompressStream")]
    public static partial nuint Decompress(ZstdContext context, ref Buffer target, ref Buffer source);

    /// <summary>ZSTD_inBuffer and ZSTD_outBuffer.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Buffer
    {
        public byte* Start;
        public nuint Bytes;
        public nuint Used;
    }
}

/// <summary>A ZSTD_DCtx.</summary>
internal sealed class ZstdContext() : SafeHandle(0, ownsHandle: true)
{
    // 128 MiB: what the highest level that MySQL offers uses. Its usual level takes 2 MiB.
    private const int MostWindowLog = 27;

    public override bool IsInvalid => handle == 0;

    public static ZstdContext Create()
    {
        var made = new ZstdContext();
        made.SetHandle(ZstdNative.Create());
        return !made.IsInvalid && ZstdNative.IsError(ZstdNative.SetParameter(made, ZstdNative.MaxWindowLog, MostWindowLog)) == 0
            ? made
            : throw new InsufficientMemoryException("libzstd could not make a context.");
    }

    protected override bool ReleaseHandle() => ZstdNative.Free(handle) == 0;
}
