using System.Runtime.InteropServices;

namespace Leat.Log.Posix;

/// <summary>The system calls of the log, declared once. All return -1 on failure and leave errno.</summary>
/// <remarks>
/// Our own, because .NET 10's managed flush calls report success when fsync fails on Linux, and have no call for a folder.
/// Constants are Linux's (<c>asm-generic/fcntl.h</c>, <c>errno-base.h</c>).
/// </remarks>
internal static unsafe partial class LibC
{
    public const int ReadOnly = 0, ReadWrite = 2, Create = 0x40, Exclusive = 0x80, TruncateExisting = 0x200, CloseOnExec = 0x80000;
    public const int LockShared = 1, LockExclusive = 2, LockNonBlocking = 4, Unlock = 8;
    public const int SeekEnd = 2;
    public const int OfThread = 0;
    public const int NoEntry = 2, Interrupted = 4, BadDescriptor = 9, WouldBlock = 11, Exists = 17, NotFolder = 20, NoSpace = 28, NoQuota = 122;

    /// <summary>0x10000 on x86 and most others; 0x4000 on ARM.</summary>
    public static int Directory { get; } = RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm ? 0x4000 : 0x10000;

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Open(string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    public static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "pread", SetLastError = true)]
    public static partial nint Read(int descriptor, byte* buffer, nuint count, long position);

    [LibraryImport("libc", EntryPoint = "pwrite", SetLastError = true)]
    public static partial nint Write(int descriptor, byte* buffer, nuint count, long position);

    [LibraryImport("libc", EntryPoint = "pwritev", SetLastError = true)]
    public static partial nint WriteParts(int descriptor, Part* parts, int count, long position);

    [LibraryImport("libc", EntryPoint = "ftruncate", SetLastError = true)]
    public static partial int Truncate(int descriptor, long length);

    [LibraryImport("libc", EntryPoint = "lseek", SetLastError = true)]
    public static partial long Seek(int descriptor, long offset, int origin);

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    public static partial int SyncData(int descriptor);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    public static partial int Sync(int descriptor);

    [LibraryImport("libc", EntryPoint = "rename", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Rename(string from, string to);

    [LibraryImport("libc", EntryPoint = "unlink", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Unlink(string path);

    [LibraryImport("libc", EntryPoint = "rmdir", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int RemoveDirectory(string path);

    [LibraryImport("libc", EntryPoint = "setpriority", SetLastError = true)]
    public static partial int SetPriority(int which, uint who, int nice);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Status(int folder, string path, int flags, uint mask, out FileStatus status);

    [LibraryImport("libc", EntryPoint = "statvfs", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int SpaceStatus(string path, out FileSystemStatus status);

    [LibraryImport("libc", EntryPoint = "mkdir", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int MakeDirectory(string path, uint mode);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    public static partial int Lock(int descriptor, int operation);

    /// <summary>The failure that errno names now.</summary>
    public static DiskException Failure(string operation, string path)
    {
        var error = Marshal.GetLastPInvokeError();
        var kind = error switch
        {
            NoSpace or NoQuota => DiskFailure.Full,
            NoEntry => DiskFailure.NotFound,
            Exists => DiskFailure.Exists,
            _ => DiskFailure.Other,
        };
        return new(operation, path, Marshal.GetPInvokeErrorMessage(error), kind);
    }

    /// <summary>What <see cref="Status"/> takes for "as seen from the current folder".</summary>
    public const int CurrentFolder = -100;

    /// <summary><c>STATX_TYPE | STATX_INO | STATX_SIZE</c>.</summary>
    public const uint StatusMask = 0x1 | 0x100 | 0x200;

    /// <summary>The fields of <c>struct statx</c> (linux/stat.h, the same on every architecture) that are used here.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    public struct FileStatus
    {
        [FieldOffset(32)]
        public ulong Inode;

        [FieldOffset(40)]
        public ulong Bytes;

        [FieldOffset(136)]
        public uint DeviceMajor;

        [FieldOffset(140)]
        public uint DeviceMinor;
    }

    /// <summary>The fields of <c>struct statvfs</c> on 64-bit Linux (bits/statvfs.h) that are used here.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    public struct FileSystemStatus
    {
        [FieldOffset(8)]
        public ulong BlockBytes;

        [FieldOffset(32)]
        public ulong AvailableBlocks;

        [FieldOffset(40)]
        public ulong Inodes;

        [FieldOffset(56)]
        public ulong AvailableInodes;
    }

    /// <summary>An <c>iovec</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Part
    {
        public byte* Start;
        public nuint Bytes;
    }
}
