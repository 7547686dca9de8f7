using System.Buffers.Binary;
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
    public void Delete(string path) => disk.Delete(path);
    public void DeleteDirectory(string path) => disk.DeleteDirectory(path);
    public DiskEntry? Find(string path) => disk.Find(path);
    public IDisposable? TryLockShared(string path) => disk.TryLockShared(path);
    public virtual void SyncDirectory(string path) => disk.SyncDirectory(path);
    public long FreeBytes(string directory) => disk.FreeBytes(directory);
    public IDisposable? TryLock(string path) => disk.TryLock(path);
    public void ProveSyncErrorsAreReported() => disk.ProveSyncErrorsAreReported();
    public void ReadRandom(Span<byte> bytes) => disk.ReadRandom(bytes);

    protected virtual IDiskFile Wrap(string path, IDiskFile file) => file;
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

/// <summary>Known ways to get a log wrong, each of which the simulation must notice.</summary>
internal static class PlantedBugs
{
    public static BugList All { get; } = new()
    {
        { "acknowledges before the sync", disk => new Planted(disk, IsSegment, inner => new SyncDoesNothing(inner)) },
        { "does not sync folders", disk => new NoFolderSync(disk) },
        { "ignores a failed sync", disk => new Planted(disk, _ => true, inner => new SyncErrorsSwallowed(inner)) },
        { "repeats a failed sync", disk => new Planted(disk, _ => true, inner => new SyncRepeated(inner)) },
        { "does not check the CRC", disk => new Planted(disk, IsSegment, inner => new ChecksumsAlwaysAgree(inner)) },
        { "does not sync the manifest before its rename", disk => new Planted(disk, IsReplacement, inner => new SyncDoesNothing(inner)) },
        { "does not write again what a failed sync left behind", disk => new Planted(disk, IsSegment, inner => new SameContentNotWritten(inner)) },
        { "loses the marker that aborts an open transaction", disk => new Planted(disk, IsSegment, inner => new FirstMarkerLost(inner)) },
        { "takes a full disk for a finished write", disk => new Planted(disk, IsSegment, inner => new FullDiskIgnored(inner)) },
    };

    private static bool IsSegment(string path) => path.EndsWith(".log", StringComparison.Ordinal);

    private static bool IsReplacement(string path) => path.EndsWith(".new", StringComparison.Ordinal);

    internal sealed class BugList : Dictionary<string, Func<FakeDisk, IDisk>>;

    private sealed class Planted(FakeDisk disk, Func<string, bool> applies, Func<IDiskFile, IDiskFile> wrap) : LyingDisk(disk)
    {
        protected override IDiskFile Wrap(string path, IDiskFile file) => applies(path) ? wrap(file) : file;
    }

    private sealed class NoFolderSync(FakeDisk disk) : LyingDisk(disk)
    {
        public override void SyncDirectory(string path)
        {
        }
    }

    private sealed class SyncDoesNothing(IDiskFile file) : LyingFile(file)
    {
        public override void SyncData()
        {
        }
    }

    private sealed class SyncErrorsSwallowed(IDiskFile file) : LyingFile(file)
    {
        public override void SyncData()
        {
            try
            {
                base.SyncData();
            }
            catch (DiskException)
            {
                // the planted bug
            }
        }
    }

    private sealed class SyncRepeated(IDiskFile file) : LyingFile(file)
    {
        public override void SyncData()
        {
            try
            {
                base.SyncData();
            }
            catch (DiskException)
            {
                base.SyncData(); // the planted bug: the second one succeeds and means nothing
            }
        }
    }

    private sealed class FullDiskIgnored(IDiskFile file) : LyingFile(file)
    {
        public override void Write(long position, ReadOnlySpan<byte> bytes)
        {
            try
            {
                base.Write(position, bytes);
            }
            catch (DiskException)
            {
                // the planted bug
            }
        }
    }

    private sealed class SameContentNotWritten(IDiskFile file) : LyingFile(file)
    {
        public override void Write(long position, ReadOnlySpan<byte> bytes)
        {
            var there = new byte[bytes.Length];
            if (Read(position, there) != there.Length || !bytes.SequenceEqual(there))
                base.Write(position, bytes);
        }
    }

    private sealed class FirstMarkerLost(IDiskFile file) : LyingFile(file)
    {
        public override void Write(long position, ReadOnlySpan<byte> bytes)
        {
            if (position > 0 || !new BatchView(bytes).IsControl)
                base.Write(position, bytes);
        }
    }

    // Recovery reads a small segment in one piece from its start: every checksum in it is made to agree.
    private sealed class ChecksumsAlwaysAgree(IDiskFile file) : LyingFile(file)
    {
        public override int Read(long position, Span<byte> buffer)
        {
            var got = base.Read(position, buffer);
            var rest = buffer[..got];
            while (rest.Length > BatchFormat.HeaderBytes && new BatchView(rest) is { Magic: BatchFormat.Magic } view
                && view.SizeBytes > BatchFormat.HeaderBytes && view.SizeBytes <= rest.Length)
            {
                var batch = rest[..(int)view.SizeBytes];
                BinaryPrimitives.WriteUInt32BigEndian(batch[BatchFormat.CrcAt..], BatchFormat.Crc(batch[BatchFormat.AttributesAt..]));
                rest = rest[batch.Length..];
            }

            return got;
        }
    }
}
