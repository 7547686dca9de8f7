using System.Buffers.Binary;
using System.Text;
using Leat.Log;

namespace Leat.Simulation.Log;

/// <summary>A folder is not synced after certain names came into it.</summary>
internal sealed class NoFolderSyncAfter(FakeDisk disk, Func<string, bool> names) : LyingDisk(disk)
{
    private bool _renamed;

    public override void Rename(string from, string to)
    {
        base.Rename(from, to);
        _renamed |= names(from) || names(to);
    }

    public override void SyncDirectory(string path)
    {
        if (!_renamed)
            base.SyncDirectory(path);
        _renamed = false;
    }
}

/// <summary>Nobody asks who reads.</summary>
internal sealed class ReadersIgnored(FakeDisk disk) : LyingDisk(disk)
{
    public override IDisposable? TryLock(string path) =>
        base.TryLock(path) ?? (path.EndsWith(LogDirectory.ReadersName, StringComparison.Ordinal) ? new MemoryStream() : null);
}

/// <summary>Lines of small texts are lost, or become others, on their way to the disk; the checksums agree.</summary>
internal sealed class LinesLost(IDiskFile file, string start, string? instead = null) : LyingFile(file)
{
    public override void Write(long position, ReadOnlySpan<byte> bytes)
    {
        var lines = Encoding.ASCII.GetString(bytes).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var kept = lines[..^1].Select(line => line.StartsWith(start, StringComparison.Ordinal) ? instead : line).OfType<string>();
        base.Write(position, CheckedText.Close(new StringBuilder(string.Concat(kept.Select(line => line + '\n')))));
    }
}

/// <summary>A whole batch that follows another is taken for the next one, whatever it says.</summary>
internal sealed class AnyBatchIsNext(IDiskFile file) : LyingFile(file)
{
    public override int Read(long position, Span<byte> buffer)
    {
        var got = base.Read(position, buffer);
        var rest = buffer[..got];
        var (next, incarnation) = (-1L, 0L);
        while (rest.Length > BatchFormat.HeaderBytes && new BatchView(rest) is { Magic: BatchFormat.Magic } view
            && view.SizeBytes > BatchFormat.HeaderBytes && view.SizeBytes <= rest.Length && view.IsWhole())
        {
            var batch = rest[..(int)view.SizeBytes];
            if (next >= 0 && view.BaseOffset != next)
            {
                BinaryPrimitives.WriteInt64BigEndian(batch, next);
                BinaryPrimitives.WriteInt64BigEndian(batch[BatchFormat.ProducerIdAt..], incarnation);
                BinaryPrimitives.WriteInt32BigEndian(batch[BatchFormat.BaseSequenceAt..], BatchFormat.SequenceOf(next));
                BinaryPrimitives.WriteUInt32BigEndian(batch[BatchFormat.CrcAt..], BatchFormat.Crc(batch[BatchFormat.AttributesAt..]));
            }

            var taken = new BatchView(batch);
            (next, incarnation) = (taken.NextOffset, BinaryPrimitives.ReadInt64BigEndian(batch[BatchFormat.ProducerIdAt..]));
            rest = rest[batch.Length..];
        }

        return got;
    }
}

/// <summary>Folders are never synced.</summary>
internal sealed class NoFolderSync(FakeDisk disk) : LyingDisk(disk)
{
    public override void SyncDirectory(string path)
    {
    }
}

/// <summary>A folder is not synced after a segment was made in it.</summary>
internal sealed class NoFolderSyncAfterSegment(FakeDisk disk) : LyingDisk(disk)
{
    private bool _made;

    public override IDiskFile Open(string path, DiskOpen mode)
    {
        _made = mode == DiskOpen.CreateNew && PlantedBugs.IsSegment(path);
        return base.Open(path, mode);
    }

    public override void SyncDirectory(string path)
    {
        if (!_made)
            base.SyncDirectory(path);
        _made = false;
    }
}

/// <summary>A file is put in another's place by removing that first.</summary>
internal sealed class RenameInTwoSteps(FakeDisk disk) : LyingDisk(disk)
{
    public override void Rename(string from, string to)
    {
        if (Disk.List(Path.GetDirectoryName(to) ?? "/").Contains(Path.GetFileName(to)))
        {
            Delete(to);
            SyncDirectory(Path.GetDirectoryName(to) ?? "/");
        }

        base.Rename(from, to);
    }
}

/// <summary>What is replaced as a whole is written over in place.</summary>
internal sealed class WrittenInPlace(FakeDisk disk) : LyingDisk(disk)
{
    private const string Fresh = ".new";

    public override IDiskFile Open(string path, DiskOpen mode) =>
        base.Open(path.EndsWith(Fresh, StringComparison.Ordinal) ? path[..^Fresh.Length] : path, mode);

    public override void Rename(string from, string to)
    {
        if (!from.EndsWith(Fresh, StringComparison.Ordinal))
            base.Rename(from, to);
    }
}

/// <summary>What a start cuts off goes to a file that is removed at once.</summary>
internal sealed class NoCopyAside(FakeDisk disk) : LyingDisk(disk)
{
    public override IDiskFile Open(string path, DiskOpen mode)
    {
        var file = base.Open(path, mode);
        if (path.Contains(".tail-", StringComparison.Ordinal))
            Delete(path);
        return file;
    }
}

/// <summary>A lock that anybody gets.</summary>
internal sealed class LockForAll(FakeDisk disk) : LyingDisk(disk)
{
    public override IDisposable? TryLock(string path) => base.TryLock(path) ?? new MemoryStream();
}

/// <summary>Nothing is synced.</summary>
internal sealed class SyncDoesNothing(IDiskFile file) : LyingFile(file)
{
    public override void SyncData()
    {
    }
}

/// <summary>Each fifth sync is left out, as if one that still runs covered it.</summary>
internal sealed class SyncLeftOut(IDiskFile file) : LyingFile(file)
{
    private int _syncs;

    public override void SyncData()
    {
        if (++_syncs % 5 != 0)
            base.SyncData();
    }
}

/// <summary>An error of a sync is not told.</summary>
internal sealed class SyncErrorsSwallowed(IDiskFile file) : LyingFile(file)
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

/// <summary>A failed sync is tried once more.</summary>
internal sealed class SyncRepeated(IDiskFile file) : LyingFile(file)
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

/// <summary>An error of a write is not told.</summary>
internal sealed class WriteErrorsSwallowed(IDiskFile file, Func<DiskException, bool> swallows) : LyingFile(file)
{
    public override void Write(long position, ReadOnlySpan<byte> bytes)
    {
        try
        {
            base.Write(position, bytes);
        }
        catch (DiskException error) when (swallows(error))
        {
            // the planted bug
        }
    }
}

/// <summary>A write of more than four KiB is done in part, and taken for all.</summary>
internal sealed class ShortWrites(IDiskFile file) : LyingFile(file)
{
    public override void Write(long position, ReadOnlySpan<byte> bytes) => base.Write(position, bytes[..Math.Min(bytes.Length, 4096)]);
}

/// <summary>What is there already is not written again.</summary>
internal sealed class SameContentNotWritten(IDiskFile file) : LyingFile(file)
{
    public override void Write(long position, ReadOnlySpan<byte> bytes)
    {
        var there = new byte[bytes.Length];
        if (Read(position, there) != there.Length || !bytes.SequenceEqual(there))
            base.Write(position, bytes);
    }
}

/// <summary>A marker that begins a segment is lost.</summary>
internal sealed class FirstMarkerLost(IDiskFile file) : LyingFile(file)
{
    public override void Write(long position, ReadOnlySpan<byte> bytes)
    {
        if (position > 0 || !new BatchView(bytes).IsControl)
            base.Write(position, bytes);
    }
}

/// <summary>A file whose whole batches are changed on the way to the log; reads begin at a batch.</summary>
internal abstract class ChangedBatches(IDiskFile file) : LyingFile(file)
{
    public override int Read(long position, Span<byte> buffer)
    {
        var got = base.Read(position, buffer);
        var rest = buffer[..got];
        while (rest.Length > BatchFormat.HeaderBytes && new BatchView(rest) is { Magic: BatchFormat.Magic } view
            && view.SizeBytes > BatchFormat.HeaderBytes && view.SizeBytes <= rest.Length)
        {
            var batch = rest[..(int)view.SizeBytes];
            Change(batch);
            BinaryPrimitives.WriteUInt32BigEndian(batch[BatchFormat.CrcAt..], BatchFormat.Crc(batch[BatchFormat.AttributesAt..]));
            rest = rest[batch.Length..];
        }

        return got;
    }

    protected abstract void Change(Span<byte> batch);
}

/// <summary>Every checksum agrees.</summary>
internal sealed class ChecksumsAlwaysAgree(IDiskFile file) : ChangedBatches(file)
{
    protected override void Change(Span<byte> batch)
    {
    }
}
