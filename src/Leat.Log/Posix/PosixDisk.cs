using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Leat.Log.Posix;

/// <summary>The real disk of a Linux system, through system calls whose results are checked.</summary>
public sealed class PosixDisk : IDisk
{
    private const uint OwnerOnlyFile = 0b110_100_000; // rw-r-----: rows of the source stand in these files
    private const uint OwnerOnlyFolder = 0b111_101_000; // rwxr-x---

    /// <inheritdoc/>
    public IDiskFile Open(string path, DiskOpen mode)
    {
        var flags = mode switch
        {
            DiskOpen.Read => LibC.ReadOnly,
            DiskOpen.ReadWrite => LibC.ReadWrite,
            DiskOpen.CreateNew => LibC.ReadWrite | LibC.Create | LibC.Exclusive,
            _ => LibC.ReadWrite | LibC.Create | LibC.TruncateExisting,
        };
        return new PosixFile(OpenDescriptor(path, flags), path);
    }

    /// <inheritdoc/>
    public void CreateDirectory(string path)
    {
        var parent = Path.GetDirectoryName(Path.GetFullPath(path));
        if (parent is not null && !Directory.Exists(parent))
        {
            CreateDirectory(parent);
            SyncDirectory(Path.GetDirectoryName(parent) ?? parent);
        }

        if (LibC.MakeDirectory(path, OwnerOnlyFolder) != 0 && Marshal.GetLastPInvokeError() != LibC.Exists)
            throw LibC.Failure("mkdir", path);
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> List(string directory)
    {
        if (!Directory.Exists(directory))
            return [];
        try
        {
            var names = Directory.EnumerateFileSystemEntries(directory).Select(entry => Path.GetFileName(entry)).ToList();
            names.Sort(StringComparer.Ordinal);
            return names;
        }
        catch (Exception error) when (error is UnauthorizedAccessException or (IOException and not DiskException))
        {
            throw new DiskException("readdir", directory, error.Message.TrimEnd('.'), DiskFailure.Other);
        }
    }

    /// <inheritdoc/>
    public void Rename(string from, string to)
    {
        if (LibC.Rename(from, to) != 0)
            throw LibC.Failure("rename", from);
    }

    /// <inheritdoc/>
    public void Delete(string path)
    {
        if (LibC.Unlink(path) != 0)
            throw LibC.Failure("unlink", path);
    }

    /// <inheritdoc/>
    public void SyncDirectory(string path)
    {
        var descriptor = OpenDescriptor(path, LibC.ReadOnly | LibC.Directory);
        try
        {
            if (LibC.Sync(descriptor) != 0)
                throw LibC.Failure("fsync", path);
        }
        finally
        {
            _ = LibC.Close(descriptor); // opened for reading: nothing to lose
        }
    }

    /// <inheritdoc/>
    public void DeleteDirectory(string path)
    {
        if (LibC.RemoveDirectory(path) != 0)
            throw LibC.Failure("rmdir", path);
    }

    /// <inheritdoc/>
    public DiskEntry? Find(string path)
    {
        if (LibC.Status(LibC.CurrentFolder, path, flags: 0, LibC.StatusMask, out var status) == 0)
            return new((long)status.Bytes, new((ulong)status.DeviceMajor << 32 | status.DeviceMinor, status.Inode));
        return Marshal.GetLastPInvokeError() is LibC.NoEntry or LibC.NotFolder ? null : throw LibC.Failure("statx", path);
    }

    /// <inheritdoc/>
    /// <remarks>A file system without an inode left has no space for new files, whatever its blocks say.</remarks>
    public long FreeBytes(string directory)
    {
        if (LibC.SpaceStatus(directory, out var status) != 0)
            throw LibC.Failure("statvfs", directory);
        var free = (UInt128)status.BlockBytes * status.AvailableBlocks;
        return status.Inodes > 0 && status.AvailableInodes == 0 ? 0 : (long)UInt128.Min(free, long.MaxValue);
    }

    /// <inheritdoc/>
    public IDisposable? TryLock(string path) => TryLock(path, LibC.LockExclusive);

    /// <inheritdoc/>
    public IDisposable? TryLockShared(string path) => TryLock(path, LibC.LockShared);

    private static Held? TryLock(string path, int kind)
    {
        var descriptor = OpenDescriptor(path, LibC.ReadWrite | LibC.Create);
        if (LibC.Lock(descriptor, kind | LibC.LockNonBlocking) == 0)
            return new Held(descriptor);

        var held = Marshal.GetLastPInvokeError() == LibC.WouldBlock;
        var failure = held ? null : LibC.Failure("flock", path);
        _ = LibC.Close(descriptor); // nothing was written through it
        return failure is null ? null : throw failure;
    }

    /// <inheritdoc/>
    public void ProveSyncErrorsAreReported()
    {
        // No descriptor -1 exists: a runtime or library in between that answers "done" would hide real failures as well.
        if (LibC.SyncData(-1) == 0 || Marshal.GetLastPInvokeError() != LibC.BadDescriptor
            || LibC.Sync(-1) == 0 || Marshal.GetLastPInvokeError() != LibC.BadDescriptor)
            throw new DiskException("fdatasync", "descriptor -1", "it reported success", DiskFailure.Other);
    }

    /// <inheritdoc/>
    public void ReadRandom(Span<byte> bytes) => RandomNumberGenerator.Fill(bytes);

    // The lock ends with the process. Given up in order it is given up explicitly: closing alone would leave it with a child process
    // that was forked just now and has not come to close its copy of the descriptor yet.
    private sealed class Held(int descriptor) : IDisposable
    {
        public void Dispose()
        {
            _ = LibC.Lock(descriptor, LibC.Unlock); // fails only for a descriptor that is not open
            _ = LibC.Close(descriptor); // nothing was written through it
        }
    }

    private static int OpenDescriptor(string path, int flags)
    {
        while (true)
        {
            var descriptor = LibC.Open(path, flags | LibC.CloseOnExec, OwnerOnlyFile);
            if (descriptor >= 0)
                return descriptor;
            if (Marshal.GetLastPInvokeError() != LibC.Interrupted)
                throw LibC.Failure("open", path);
        }
    }
}
