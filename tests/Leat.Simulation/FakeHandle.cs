using Leat.Log;

namespace Leat.Simulation;

/// <summary>An open file of a <see cref="FakeDisk"/>.</summary>
internal sealed class FakeHandle(FakeDisk disk, string path, FakeFile file) : IDiskFile
{
    public long Length => file.Length;

    public int Read(long position, Span<byte> buffer)
    {
        disk.ThrowIfDead();
        if (disk.Faults.ReadStrikes() || file.Fails)
            throw new DiskException("pread", path, "Input/output error", DiskFailure.Other);
        return file.Read(position, buffer);
    }

    public void Write(long position, ReadOnlySpan<byte> bytes)
    {
        var allowed = Allowed(position, bytes.Length, out var fate);
        disk.Resized(file, bytes[..allowed], (int)position);
        End(fate);
    }

    public void Write(long position, ReadOnlySpan<ArraySegment<byte>> parts)
    {
        var bytes = 0;
        foreach (var part in parts)
            bytes += part.Count;
        var allowed = Allowed(position, bytes, out var fate);
        foreach (var part in parts)
        {
            var taken = Math.Min(part.Count, allowed);
            disk.Resized(file, part.AsSpan(0, taken), (int)position);
            position += taken;
            allowed -= taken;
        }

        End(fate);
    }

    public void Truncate(long length)
    {
        disk.Begin("ftruncate", path, length);
        disk.Resized(file, (int)length);
    }

    public void SyncData()
    {
        disk.Begin("fdatasync", path, file.Length);
        disk.ThrowIfSyncFails("fdatasync", path, file);
        file.Sync();
    }

    public void Dispose()
    {
    }

    // How many of the bytes reach the file, and what happens then.
    private int Allowed(long position, int bytes, out WriteFate fate)
    {
        disk.ThrowIfDead();
        disk.Interleave();
        disk.Takes?.Invoke();
        disk.Count("pwrite", path, bytes);
        if (disk.Faults.CrashStrikes())
        {
            fate = WriteFate.Crash;
            return disk.Random.Below(bytes + 1);
        }

        if (disk.Faults.WriteStrikes())
        {
            fate = WriteFate.Error;
            return disk.Random.Below(bytes + 1);
        }

        var room = disk.FreeBytes(path) + Math.Max(0, file.Length - position);
        fate = bytes > room ? WriteFate.Full : WriteFate.Done;
        return (int)Math.Min(bytes, room);
    }

    private void End(WriteFate fate)
    {
        switch (fate)
        {
            case WriteFate.Crash:
                disk.Die();
                break;
            case WriteFate.Error:
                throw new DiskException("pwrite", path, "Input/output error", DiskFailure.Other);
            case WriteFate.Full:
                disk.Faults.Strike();
                throw new DiskException("pwrite", path, "No space left on device", DiskFailure.Full);
            default:
                break;
        }
    }

    private enum WriteFate
    {
        Done,
        Crash,
        Error,
        Full,
    }
}
