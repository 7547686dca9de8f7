using System.Buffers;
using Microsoft.Extensions.Logging;

namespace Leat.Log;

/// <summary>Watches the free space under a log: says when intake must stop, and keeps a file to give up when the disk is full all the same.</summary>
internal sealed class SpaceWatch(IDisk disk, string folder, long reserveBytes, ILogger log)
{
    private const string ReserveName = "reserve";
    private const int WriteBytes = 1024 * 1024;

    // Intake stops below the first and goes on above the second, in reserves: between the two nothing changes, so that it does not flutter.
    private const int StopReserves = 2, ResumeReserves = 3;

    private readonly Lock _gate = new();
    private readonly string _path = Path.Combine(folder, ReserveName);
    private long _writtenSinceCheck;
    private bool _isFull;
    private bool _hasReserve;

    /// <summary>Told after <see cref="IsFull"/> changed.</summary>
    public Action Changed { get; set; } = static () => { };

    /// <summary>Whether there is so little space that intake must wait.</summary>
    public bool IsFull => Volatile.Read(ref _isFull);

    /// <summary>Free bytes when last looked at.</summary>
    public long FreeBytes { get; private set; }

    /// <summary>Whether there is anything to watch.</summary>
    public bool IsOn => reserveBytes > 0;

    /// <summary>Whether a failure is one of a full disk, of a call that may be tried again: anything but a sync.</summary>
    public static bool MayBeRepeated(DiskException error) =>
        error.Kind == DiskFailure.Full && error.Operation is not ("fdatasync" or "fsync");

    /// <summary>So many bytes were written; looks at the space now and then.</summary>
    /// <param name="bytes">Written.</param>
    /// <param name="waiting">May be taken already and not yet written: they will need space, too.</param>
    public void Wrote(long bytes, long waiting)
    {
        // No more than one reserve of those: a stop that maintenance would undo at once is none.
        if (IsOn && Interlocked.Add(ref _writtenSinceCheck, bytes) >= reserveBytes / 4)
            Check(Math.Min(waiting, reserveBytes));
    }

    /// <summary>Looks at the space now.</summary>
    public void Check(long waiting)
    {
        if (!IsOn)
            return;
        bool isFull;
        lock (_gate)
        {
            Interlocked.Exchange(ref _writtenSinceCheck, 0);
            FreeBytes = disk.FreeBytes(folder);
            isFull = FreeBytes - waiting < reserveBytes * (_isFull ? ResumeReserves : StopReserves);
            if (isFull == _isFull)
                return;
            Volatile.Write(ref _isFull, isFull);
        }

        if (isFull)
            log.IntakeStopped(folder, FreeBytes);
        else
            log.IntakeResumed(folder, FreeBytes);
        Changed();
    }

    /// <summary>Makes the reserve when it is not there and there is space for it.</summary>
    public void MakeReserve()
    {
        if (!IsOn || _hasReserve || IsFull)
            return;
        lock (_gate)
        {
            var present = disk.Find(_path)?.Bytes ?? 0;
            if (present != reserveBytes)
            {
                if (disk.FreeBytes(folder) + present < reserveBytes * (ResumeReserves + 1))
                    return;
                if (!TryWriteReserve())
                    return;
            }

            _hasReserve = true;
        }
    }

    /// <summary>Gives the reserve up; false when there is none.</summary>
    public bool Release()
    {
        lock (_gate)
        {
            if (!IsOn || disk.Find(_path) is not { Bytes: > 0 })
                return false;
            disk.Delete(_path);
            _hasReserve = false;
        }

        log.ReserveReleased(folder, reserveBytes);
        Check(waiting: 0);
        return true;
    }

    // Really written: blocks that are only promised may turn out not to be there.
    private bool TryWriteReserve()
    {
        var buffer = ArrayPool<byte>.Shared.Rent(WriteBytes);
        try
        {
            buffer.AsSpan().Fill((byte)'r');
            using var file = disk.Open(_path, DiskOpen.Replace);
            for (var at = 0L; at < reserveBytes; at += WriteBytes)
                file.Write(at, buffer.AsSpan(0, (int)Math.Min(WriteBytes, reserveBytes - at)));
            file.SyncData();
            return true;
        }
        catch (DiskException error) when (MayBeRepeated(error))
        {
            log.ReserveNotMade(error, _path);
            return false;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
