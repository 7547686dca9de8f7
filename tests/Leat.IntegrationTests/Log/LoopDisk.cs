using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Leat.IntegrationTests.Log;

/// <summary>An ext4 file system in a file, mounted; its power can be cut. Takes root and loop devices.</summary>
internal sealed partial class LoopDisk : IAsyncDisposable
{
    // Linux, fs/ext4/ext4.h: EXT4_IOC_SHUTDOWN = _IOR('X', 125, __u32), EXT4_GOING_FLAGS_NOLOGFLUSH = 2.
    private const uint Shutdown = 0x8004587D;
    private const uint WithoutFlushingTheJournal = 2;

    private const int CloseOnExec = 0x80000;

    private readonly string _root = Directory.CreateTempSubdirectory("leat-loop-").FullName;

    private LoopDisk() => Directory.CreateDirectory(Folder);

    /// <summary>Where it is mounted.</summary>
    public string Folder => Path.Combine(_root, "mnt");

    private string Image => Path.Combine(_root, "image");

    /// <summary>A fresh file system; null where none can be had.</summary>
    public static async Task<LoopDisk?> TryCreateAsync(int mebibytes)
    {
        var disk = new LoopDisk();
        await using (var image = File.Create(disk.Image))
            image.SetLength(mebibytes * 1024L * 1024);
        if (await RunAsync("mkfs.ext4", "-q", "-F", disk.Image) == 0 && await disk.MountAsync())
            return disk;
        Directory.Delete(disk._root, recursive: true);
        return null;
    }

    /// <summary>Whether it could be mounted.</summary>
    public async Task<bool> MountAsync(string options = "loop") => await RunAsync("mount", "-o", options, Image, Folder) == 0;

    /// <summary>Takes the file system away.</summary>
    public async Task UnmountAsync()
    {
        // A process that another test starts at this moment has copies of our descriptors until its own program begins.
        for (var tries = 0; tries < 100; tries++)
        {
            if (await RunAsync("umount", Folder) == 0)
                return;
        }

        throw new IOException($"{Folder} cannot be unmounted");
    }

    /// <summary>From now on nothing reaches the disk, and what only the cache or the journal in memory has is lost at the next mount.</summary>
    public void CutPower()
    {
        using var folder = new SafeFileHandle(Open(Folder, CloseOnExec), ownsHandle: true);
        var how = WithoutFlushingTheJournal;
        if (folder.IsInvalid || Control(folder, Shutdown, ref how) != 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError());
    }

    public async ValueTask DisposeAsync()
    {
        await RunAsync("umount", "-l", Folder);
        Directory.Delete(_root, recursive: true);
    }

    /// <summary>Runs a program of the system; -1 when it is not there.</summary>
    public static async Task<int> RunAsync(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true };
        start.Environment["PATH"] += ":/usr/sbin:/sbin";
        try
        {
            using var process = Process.Start(start);
            if (process is null)
                return -1;
            await process.WaitForExitAsync();
            return process.ExitCode;
        }
        catch (Win32Exception)
        {
            return -1; // no such program
        }
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Control(SafeFileHandle file, nuint request, ref uint argument);
}
