using Leat.Log;
using Leat.Log.Posix;

namespace Leat.Tests.Log;

/// <summary>The machine's disk, on which nothing changes any more after a number of changes: what a kill leaves.</summary>
internal sealed class StoppingDisk : IDisk
{
    private readonly PosixDisk _disk = new();

    /// <summary>Changes that are still made.</summary>
    public int StepsLeft { get; set; } = int.MaxValue;

    public IDiskFile Open(string path, DiskOpen mode)
    {
        if (mode is DiskOpen.CreateNew or DiskOpen.Replace)
            Step("open", path);
        return new FileOf(_disk.Open(path, mode), path, this);
    }

    public void CreateDirectory(string path)
    {
        Step("mkdir", path);
        _disk.CreateDirectory(path);
    }

    public IReadOnlyList<string> List(string directory) => _disk.List(directory);

    public void Rename(string from, string to)
    {
        Step("rename", from);
        _disk.Rename(from, to);
    }

    public void Delete(string path)
    {
        Step("unlink", path);
        _disk.Delete(path);
    }

    public void DeleteDirectory(string path)
    {
        Step("rmdir", path);
        _disk.DeleteDirectory(path);
    }

    public DiskEntry? Find(string path) => _disk.Find(path);

    public void SyncDirectory(string path)
    {
        Step("fsync", path);
        _disk.SyncDirectory(path);
    }

    public long FreeBytes(string directory) => _disk.FreeBytes(directory);

    public IDisposable? TryLock(string path) => _disk.TryLock(path);

    public IDisposable? TryLockShared(string path) => _disk.TryLockShared(path);

    public void ProveSyncErrorsAreReported() => _disk.ProveSyncErrorsAreReported();

    public void ReadRandom(Span<byte> bytes) => _disk.ReadRandom(bytes);

    private void Step(string operation, string path)
    {
        if (StepsLeft == 0)
            throw new DiskException(operation, path, "the test stops here", DiskFailure.Other);
        StepsLeft--;
    }

    private sealed class FileOf(IDiskFile file, string path, StoppingDisk disk) : IDiskFile
    {
        public long Length => file.Length;

        public int Read(long position, Span<byte> buffer) => file.Read(position, buffer);

        public void Write(long position, ReadOnlySpan<byte> bytes)
        {
            disk.Step("pwrite", path);
            file.Write(position, bytes);
        }

        public void Write(long position, ReadOnlySpan<ArraySegment<byte>> parts)
        {
            disk.Step("pwritev", path);
            file.Write(position, parts);
        }

        public void Truncate(long length)
        {
            disk.Step("ftruncate", path);
            file.Truncate(length);
        }

        public void SyncData()
        {
            disk.Step("fdatasync", path);
            file.SyncData();
        }

        public void Dispose() => file.Dispose();
    }
}
