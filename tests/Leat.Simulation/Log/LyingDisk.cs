using Leat.Log;

namespace Leat.Simulation.Log;

/// <summary>A disk that lies in one way: the same as the log having the bug that the lie stands for.</summary>
internal class LyingDisk(FakeDisk disk) : IDisk
{
    protected FakeDisk Disk => disk;

    public virtual IDiskFile Open(string path, DiskOpen mode) => Wrap(path, disk.Open(path, mode));
    public void CreateDirectory(string path) => disk.CreateDirectory(path);
    public IReadOnlyList<string> List(string directory) => disk.List(directory);
    public virtual void Rename(string from, string to) => disk.Rename(from, to);
    public virtual void Delete(string path) => disk.Delete(path);
    public void DeleteDirectory(string path) => disk.DeleteDirectory(path);
    public DiskEntry? Find(string path) => disk.Find(path);
    public virtual IDisposable? TryLockShared(string path) => disk.TryLockShared(path);
    public virtual void SyncDirectory(string path) => disk.SyncDirectory(path);
    public long FreeBytes(string directory) => disk.FreeBytes(directory);
    public virtual IDisposable? TryLock(string path) => disk.TryLock(path);
    public void ProveSyncErrorsAreReported() => disk.ProveSyncErrorsAreReported();
    public virtual void ReadRandom(Span<byte> bytes) => disk.ReadRandom(bytes);

    protected virtual IDiskFile Wrap(string path, IDiskFile file) => file;
}

/// <summary>A disk whose files of one kind lie.</summary>
internal sealed class LyingFiles(FakeDisk disk, Func<string, bool> lies, Func<IDiskFile, IDiskFile> wrap) : LyingDisk(disk)
{
    protected override IDiskFile Wrap(string path, IDiskFile file) => lies(path) ? wrap(file) : file;
}

/// <summary>A file that passes everything on.</summary>
internal class LyingFile(IDiskFile file) : IDiskFile
{
    public long Length => file.Length;
    public virtual int Read(long position, Span<byte> buffer) => file.Read(position, buffer);
    public virtual void Write(long position, ReadOnlySpan<byte> bytes) => file.Write(position, bytes);

    public void Write(long position, ReadOnlySpan<ArraySegment<byte>> parts)
    {
        var all = new byte[parts.ToArray().Sum(part => part.Count)];
        var at = 0;
        foreach (var part in parts)
        {
            part.AsSpan().CopyTo(all.AsSpan(at));
            at += part.Count;
        }

        Write(position, all);
    }

    public virtual void Truncate(long length) => file.Truncate(length);
    public virtual void SyncData() => file.SyncData();
    public void Dispose() => file.Dispose();
}
