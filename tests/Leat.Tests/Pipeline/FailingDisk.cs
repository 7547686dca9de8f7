using Leat.Log;
using Leat.Log.Posix;

namespace Leat.Tests.Pipeline;

/// <summary>The machine's disk, until it is told to report failed syncs.</summary>
internal sealed class FailingDisk : IDisk
{
    private readonly PosixDisk _disk = new();
    private bool _fails;

    public bool Fails
    {
        get => Volatile.Read(ref _fails);
        set => Volatile.Write(ref _fails, value);
    }

    public IDiskFile Open(string path, DiskOpen mode) => new FileOf(_disk.Open(path, mode), path, this);

    public void CreateDirectory(string path) => _disk.CreateDirectory(path);

    public IReadOnlyList<string> List(string directory) => _disk.List(directory);

    public void Rename(string from, string to) => _disk.Rename(from, to);

    public void Delete(string path) => _disk.Delete(path);
    public void DeleteDirectory(string path) => _disk.DeleteDirectory(path);
    public DiskEntry? Find(string path) => _disk.Find(path);
    public IDisposable? TryLockShared(string path) => _disk.TryLockShared(path);

    public void SyncDirectory(string path) => _disk.SyncDirectory(path);

    public long FreeBytes(string directory) => _disk.FreeBytes(directory);

    public IDisposable? TryLock(string path) => _disk.TryLock(path);

    public void ProveSyncErrorsAreReported() => _disk.ProveSyncErrorsAreReported();

    public void ReadRandom(Span<byte> bytes) => _disk.ReadRandom(bytes);

    private sealed class FileOf(IDiskFile file, string path, FailingDisk disk) : IDiskFile
    {
        public long Length => file.Length;

        public int Read(long position, Span<byte> buffer) => file.Read(position, buffer);

        public void Write(long position, ReadOnlySpan<byte> bytes) => file.Write(position, bytes);

        public void Write(long position, ReadOnlySpan<ArraySegment<byte>> parts) => file.Write(position, parts);

        public void Truncate(long length) => file.Truncate(length);

        public void SyncData()
        {
            if (disk.Fails)
                throw new DiskException("fdatasync", path, "Input/output error", DiskFailure.Other);
            file.SyncData();
        }

        public void Dispose() => file.Dispose();
    }
}
