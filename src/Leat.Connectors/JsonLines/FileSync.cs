using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Leat.Connectors.JsonLines;

/// <summary>Brings files and new names in folders to the disk, and tells when that failed: the managed calls hide it on Linux.</summary>
internal static partial class FileSync
{
    private const int Interrupted = 4; // EINTR has this number on Linux and macOS
    private const int OpenReadOnlyDirectory = 0x10000 | 0x80000; // O_DIRECTORY | O_CLOEXEC of Linux

    /// <summary>Returns when the file's bytes and length are on the disk.</summary>
    /// <exception cref="IOException">They may not be; what was written since the last success counts as lost.</exception>
    public static void File(SafeFileHandle file)
    {
        if (OperatingSystem.IsWindows())
        {
            if (!FlushFileBuffers(file))
                throw Failed("FlushFileBuffers");
            return;
        }

        while ((OperatingSystem.IsLinux() ? FileDataSync(file) : FullSync(file)) != 0)
        {
            if (Marshal.GetLastPInvokeError() != Interrupted)
                throw Failed("fdatasync");
        }
    }

    /// <summary>Returns when the names in the folder are on the disk. Only Linux needs and has it.</summary>
    /// <exception cref="IOException">They may not be.</exception>
    public static void Folder(string path)
    {
        if (!OperatingSystem.IsLinux())
            return;

        var descriptor = Open(path, OpenReadOnlyDirectory);
        if (descriptor < 0)
            throw Failed("open");
        using var folder = new SafeFileHandle(descriptor, ownsHandle: true);
        while (FullSync(folder) != 0)
        {
            if (Marshal.GetLastPInvokeError() != Interrupted)
                throw Failed("fsync");
        }
    }

    private static IOException Failed(string call)
    {
        var error = new Win32Exception(Marshal.GetLastPInvokeError());
        return new($"{call}: {error.Message}", error);
    }

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int FileDataSync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int FullSync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool FlushFileBuffers(SafeFileHandle file);
}
