using System.Globalization;
using System.Text;
using Leat.Log.Tools;
using Microsoft.Extensions.Logging;

namespace Leat.Log;

/// <summary>A folder of streams, held by one process at a time.</summary>
/// <remarks>One failed write or sync ends the whole log: nothing is acknowledged any more; the next start recovers what the disk holds.</remarks>
public sealed class LogDirectory : IDisposable
{
    /// <summary>Whoever reads the log from another process shares the lock of this file: meanwhile no segment's file is written over.</summary>
    internal const string ReadersName = "readers";

    private const string LockName = LogFolder.LockName;
    private const string IdentityName = LogFolder.IdentityName;
    private const string PartitionSuffix = LogFolder.PartitionSuffix;
    private const string DeletedSuffix = PartitionSuffix + ".deleted-";
    private const int MaxNameLength = 200;

    // The folder of the log is looked at this often while it is written to.
    private static readonly TimeSpan FolderCheckInterval = TimeSpan.FromSeconds(5);

    private readonly Lock _opening = new(); // a stream is opened or deleted, one at a time; taken before the other
    private readonly Lock _gate = new();
    private readonly Dictionary<string, StreamPartition> _open = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _failed = new();
    private readonly IDisk _disk;
    private readonly TimeProvider _time;
    private readonly ILogScheduler _scheduler;
    private readonly ILogger _log;
    private readonly IDisposable _lock;
    private readonly LogMaintenance _maintenance;
    private readonly DiskEntry? _identity;
    private LogException? _failure;
    private long _folderCheckedAt;
    private bool _disposed;

    private LogDirectory(
        string path, IDisk disk, TimeProvider time, ILogScheduler scheduler, ILogger logger, LogOptions options, IDisposable heldLock, Guid id)
    {
        Path = path;
        Id = id;
        Failed = _failed.Token;
        (_disk, _time, _scheduler, _log, _lock) = (disk, time, scheduler, logger, heldLock);
        _identity = disk.Find(System.IO.Path.Combine(path, IdentityName));
        _folderCheckedAt = time.GetTimestamp();
        Space = new(disk, path, options.ReserveBytes, logger) { Changed = SignalAll };
        _maintenance = new(this, scheduler, time, options.MaintenanceInterval);
        Space.Check(waiting: 0);
        if (Space.IsOn)
            _maintenance.Start();
    }

    /// <summary>Random id of this log, kept in the folder.</summary>
    public Guid Id { get; }

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>Names of the streams in the folder, opened or not.</summary>
    public IReadOnlyList<string> Streams => new LogFolder(_disk, Path).Streams;

    /// <summary>The failure that ended the log, once it happened.</summary>
    public LogException? Failure => Volatile.Read(ref _failure);

    /// <summary>Cancelled when <see cref="Failure"/> is set.</summary>
    public CancellationToken Failed { get; }

    /// <summary>The free space under the log.</summary>
    internal SpaceWatch Space { get; }

    /// <summary>Opens the folder, creating it when absent, without a reserve for a full disk: for programs that only look in.</summary>
    /// <inheritdoc cref="Open(string, IDisk, TimeProvider, ILogScheduler, ILogger, LogOptions)"/>
    public static LogDirectory Open(string path, IDisk disk, TimeProvider time, ILogScheduler scheduler, ILogger logger) =>
        Open(path, disk, time, scheduler, logger, new() { ReserveBytes = 0 });

    /// <summary>Opens the folder, creating it when absent.</summary>
    /// <param name="path">The folder; its parents are created too.</param>
    /// <param name="disk">The files.</param>
    /// <param name="time">The clock.</param>
    /// <param name="scheduler">Who runs the partitions' workers.</param>
    /// <param name="logger">Where starts, cuts and failures are told.</param>
    /// <param name="options">Settings of the whole log.</param>
    /// <exception cref="LogException">In use, damaged, of a later version, or on a disk whose syncs cannot be trusted.</exception>
    public static LogDirectory Open(string path, IDisk disk, TimeProvider time, ILogScheduler scheduler, ILogger logger, LogOptions options)
    {
        path = System.IO.Path.GetFullPath(path);
        try
        {
            disk.ProveSyncErrorsAreReported();
        }
        catch (DiskException error)
        {
            throw LogErrors.SyncIsNotReported(path, error);
        }

        IDisposable? held = null;
        try
        {
            disk.CreateDirectory(path);
            held = disk.TryLock(System.IO.Path.Combine(path, LockName)) ?? throw LogErrors.InUse(path);
            var id = ReadOrMakeIdentity(path, disk);
            SweepDeleted(path, disk);
            logger.Opened(id, path);
            return new(path, disk, time, scheduler, logger, options, held, id);
        }
        catch (DiskException error)
        {
            held?.Dispose();
            throw IsReading(error) ? LogErrors.Unreadable(error) : LogErrors.Stopped(path, error);
        }
        catch
        {
            held?.Dispose();
            throw;
        }
    }

    /// <summary>Creates or recovers a stream; the same instance when it is open already.</summary>
    /// <param name="name">1 to 200 letters, digits, dots, hyphens and underscores; not starting with a dot.</param>
    /// <param name="options">Settings; those of the first call hold while it is open.</param>
    /// <exception cref="LogException">The stream is damaged (others can still be opened), or the log has stopped.</exception>
    public StreamPartition OpenStream(string name, StreamOptions options)
    {
        CheckName(name);
        options.Check(name);
        lock (_opening)
        {
            lock (_gate)
            {
                if (_disposed)
                    throw LogErrors.Closed(Path);
                if (_open.TryGetValue(name, out var opened))
                    return opened;
            }

            if (Failure is { } failure)
                throw failure;
            var folder = new PartitionFolder(_disk, PathOf(name), Space, _log);
            try
            {
                var recovered = new Recovery(folder, Id, name, options.MaxUnsyncedBytes, _log).Run();
                var partition = new StreamPartition(name, this, folder, recovered, options, _time, _log);
                partition.AbortOpenTransaction();
                partition.Start(_scheduler);
                lock (_gate)
                    _open.Add(name, partition);
                Maintain(options);
                return partition;
            }
            catch (DiskException error) when (IsReading(error))
            {
                throw LogErrors.Unreadable(error);
            }
            catch (DiskException error)
            {
                throw Fail(error);
            }
        }
    }

    /// <summary>Deletes a stream with all its records, open or not. Whoever still uses it is told so; a stream that does not exist is no trouble.</summary>
    /// <remarks>Its folder gets another name first: a crash leaves all of it or nothing, and the next start removes the rest.</remarks>
    /// <exception cref="LogException">The name is not possible, or the log has stopped.</exception>
    public void DeleteStream(string name)
    {
        CheckName(name);
        lock (_opening)
        {
            if (Failure is { } failure)
                throw failure;
            StreamPartition? opened;
            lock (_gate)
            {
                if (_disposed)
                    throw LogErrors.Closed(Path);
                _open.Remove(name, out opened);
            }

            try
            {
                opened?.Abandon();
                if (_disk.Find(PathOf(name)) is null)
                    return;
                Span<byte> random = stackalloc byte[8];
                _disk.ReadRandom(random);
                var deleted = System.IO.Path.Combine(Path, name + DeletedSuffix + Convert.ToHexStringLower(random));
                _disk.Rename(PathOf(name), deleted);
                _disk.SyncDirectory(Path);
                _log.StreamDeleted(name);
                RemoveFolder(_disk, deleted);
            }
            catch (DiskException error)
            {
                throw Fail(error);
            }
        }
    }

    /// <summary>Syncs and closes all streams in an orderly way, then lets the folder go.</summary>
    public void Dispose()
    {
        lock (_opening)
        {
            lock (_gate)
            {
                if (_disposed)
                    return;
                _disposed = true;
            }
        }

        foreach (var partition in _open.Values)
            partition.Compaction.Stop(); // maintenance may be in the middle of much work
        _maintenance.Dispose();
        foreach (var partition in _open.Values)
            partition.Close();
        _lock.Dispose();
        if (Failure is null)
            _failed.Dispose();
    }

    /// <summary>Streams that are open now.</summary>
    internal StreamPartition[] OpenStreams
    {
        get
        {
            lock (_gate)
                return [.. _open.Values];
        }
    }

    /// <summary>A segment was closed: there are files to be made beside it, and retention has something to look at.</summary>
    internal void LookSoon() => _maintenance.Start();

    /// <summary>Settings came into force that maintenance has to bring about.</summary>
    internal void Maintain(StreamOptions options)
    {
        if (options.RetentionAge is not null || options.RetentionBytes is not null || options.QuotaBytes is not null || options.Compact)
            _maintenance.Start();
    }

    /// <summary>Makes sure that the folder is still the one that was opened: whoever writes to a folder that was moved or deleted writes to nothing.</summary>
    /// <param name="now">Look in any case; otherwise only when the last look was a while ago.</param>
    /// <exception cref="LogException">It is not.</exception>
    internal void CheckFolder(bool now)
    {
        if (!now && _time.GetElapsedTime(Interlocked.Read(ref _folderCheckedAt)) < FolderCheckInterval)
            return;
        Interlocked.Exchange(ref _folderCheckedAt, _time.GetTimestamp());
        if (_disk.Find(System.IO.Path.Combine(Path, IdentityName))?.Identity != _identity?.Identity)
            throw LogErrors.FolderGone(Path);
    }

    /// <summary>Ends the log for good; the first failure is the one that counts.</summary>
    internal LogException Fail(DiskException cause) => Fail(LogErrors.Stopped(Path, cause));

    /// <summary>Ends the log for good; the first failure is the one that counts.</summary>
    internal LogException Fail(LogException failure)
    {
        if (Interlocked.CompareExchange(ref _failure, failure, null) is { } earlier)
            return earlier;

        _log.Stopped(failure, Path);
        SignalAll();
        _ = TellAsync();
        return failure;
    }

    private string PathOf(string stream) => System.IO.Path.Combine(Path, stream + PartitionSuffix);

    private void SignalAll()
    {
        foreach (var partition in OpenStreams)
            partition.Signal();
    }

    private static void SweepDeleted(string path, IDisk disk)
    {
        foreach (var name in disk.List(path))
        {
            if (name.Contains(DeletedSuffix, StringComparison.Ordinal))
                RemoveFolder(disk, System.IO.Path.Combine(path, name));
        }
    }

    private static void RemoveFolder(IDisk disk, string folder)
    {
        foreach (var name in disk.List(folder))
            disk.Delete(System.IO.Path.Combine(folder, name));
        disk.DeleteDirectory(folder);
    }

    // On the thread pool: a listener that closes the log must not wait for the very thread that tells it.
    private async Task TellAsync()
    {
        try
        {
            await _failed.CancelAsync();
        }
        catch (AggregateException error)
        {
            _log.ListenerFailed(error); // a listener's trouble changes nothing about the failure
        }
    }

    private static Guid ReadOrMakeIdentity(string path, IDisk disk)
    {
        var folder = new LogFolder(disk, path);
        if (folder.ReadIdentity() is { } id)
            return id;
        if (folder.Streams.Count > 0)
            throw LogErrors.IdentityMissing(System.IO.Path.Combine(path, IdentityName));
        Span<byte> random = stackalloc byte[16];
        disk.ReadRandom(random);
        var fresh = new Guid(random);
        disk.SyncDirectory(System.IO.Path.GetDirectoryName(path) ?? path);
        folder.WriteIdentity(fresh);
        return fresh;
    }

    private static bool IsReading(DiskException error) =>
        error.Kind != DiskFailure.Full && error.Operation is "open" or "pread" or "lseek" or "readdir" or "flock" or "statx" or "statvfs";

    private static void CheckName(string name)
    {
        var valid = name.Length is > 0 and <= MaxNameLength && name[0] != '.'
            && name.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '.' or '-' or '_');
        if (!valid)
            throw LogErrors.InvalidName(name);
    }
}
