using System.Globalization;
using System.Text;
using Leat.Log.Codecs;
using Microsoft.Extensions.Logging;

namespace Leat.Log;

/// <summary>A folder of streams, held by one process at a time.</summary>
/// <remarks>One failed write or sync ends the whole log: nothing is acknowledged any more; the next start recovers what the disk holds.</remarks>
public sealed class LogDirectory : IDisposable
{
    private const string LockName = "lock";
    private const string IdentityName = "log-id";
    private const string IdentityLine = "leat-log ";
    private const int IdentityVersion = 1;
    private const string PartitionSuffix = "-0";
    private const int MaxNameLength = 200;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, StreamPartition> _open = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _failed = new();
    private readonly IDisk _disk;
    private readonly TimeProvider _time;
    private readonly ILogScheduler _scheduler;
    private readonly ILogger _log;
    private readonly IDisposable _lock;
    private LogException? _failure;
    private bool _disposed;

    private LogDirectory(string path, IDisk disk, TimeProvider time, ILogScheduler scheduler, ILogger logger, IDisposable heldLock, Guid id)
    {
        Path = path;
        Id = id;
        Failed = _failed.Token;
        (_disk, _time, _scheduler, _log, _lock) = (disk, time, scheduler, logger, heldLock);
    }

    /// <summary>Random id of this log, kept in the folder.</summary>
    public Guid Id { get; }

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>Names of the streams in the folder, opened or not.</summary>
    public IReadOnlyList<string> Streams => StreamsIn(_disk, Path);

    /// <summary>The failure that ended the log, once it happened.</summary>
    public LogException? Failure => Volatile.Read(ref _failure);

    /// <summary>Cancelled when <see cref="Failure"/> is set.</summary>
    public CancellationToken Failed { get; }

    /// <summary>Opens the folder, creating it when absent.</summary>
    /// <param name="path">The folder; its parents are created too.</param>
    /// <param name="disk">The files.</param>
    /// <param name="time">The clock.</param>
    /// <param name="scheduler">Who runs the partitions' workers.</param>
    /// <param name="logger">Where starts, cuts and failures are told.</param>
    /// <exception cref="LogException">In use, damaged, of a later version, or on a disk whose syncs cannot be trusted.</exception>
    public static LogDirectory Open(string path, IDisk disk, TimeProvider time, ILogScheduler scheduler, ILogger logger)
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
            logger.Opened(id, path);
            return new(path, disk, time, scheduler, logger, held, id);
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
        CheckOptions(name, options);
        lock (_gate)
        {
            if (_disposed)
                throw LogErrors.Closed(Path);
            if (_open.TryGetValue(name, out var opened))
                return opened;
            if (Failure is { } failure)
                throw failure;
            var folder = new PartitionFolder(_disk, System.IO.Path.Combine(Path, name + PartitionSuffix));
            try
            {
                var recovered = new Recovery(folder, Id, name, _log).Run();
                var partition = new StreamPartition(name, this, folder, recovered, options, _time, _log);
                partition.AbortOpenTransaction();
                partition.Start(_scheduler);
                _open.Add(name, partition);
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

    /// <summary>Syncs and closes all streams in an orderly way, then lets the folder go.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed)
                return;
            _disposed = true;
        }

        foreach (var partition in _open.Values)
            partition.Close();
        _lock.Dispose();
        if (Failure is null)
            _failed.Dispose();
    }

    /// <summary>Ends the log for good; the first failure is the one that counts.</summary>
    internal LogException Fail(DiskException cause)
    {
        var failure = LogErrors.Stopped(Path, cause);
        if (Interlocked.CompareExchange(ref _failure, failure, null) is { } earlier)
            return earlier;

        _log.Stopped(failure, Path);
        StreamPartition[] partitions;
        lock (_gate)
            partitions = [.. _open.Values];
        foreach (var partition in partitions)
            partition.Signal();
        _ = TellAsync();
        return failure;
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
        var file = System.IO.Path.Combine(path, IdentityName);
        if (disk.List(path).Contains(IdentityName))
        {
            var (lines, _) = CheckedText.Open(file, CheckedText.ReadAll(disk, file), IdentityLine, IdentityVersion);
            return lines.Length == 2 && Guid.TryParse(lines[1].Split(' ')[^1], out var id)
                ? id
                : throw LogErrors.DamagedFile(file, "its checksum agrees but its lines do not make sense");
        }

        if (StreamsIn(disk, path).Count > 0)
            throw LogErrors.IdentityMissing(file);
        Span<byte> random = stackalloc byte[16];
        disk.ReadRandom(random);
        var fresh = new Guid(random);
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"{IdentityLine}{IdentityVersion}\nid {fresh}\n");
        disk.SyncDirectory(System.IO.Path.GetDirectoryName(path) ?? path);
        CheckedText.Replace(disk, path, IdentityName, CheckedText.Close(text));
        return fresh;
    }

    private static List<string> StreamsIn(IDisk disk, string path) =>
        [.. disk.List(path).Where(name => name.EndsWith(PartitionSuffix, StringComparison.Ordinal)).Select(name => name[..^PartitionSuffix.Length])];

    private static bool IsReading(DiskException error) =>
        error.Kind != DiskFailure.Full && error.Operation is "open" or "pread" or "lseek" or "readdir" or "flock";

    private static void CheckName(string name)
    {
        var valid = name.Length is > 0 and <= MaxNameLength && name[0] != '.'
            && name.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '.' or '-' or '_');
        if (!valid)
            throw LogErrors.InvalidName(name);
    }

    private static void CheckOptions(string name, StreamOptions options)
    {
        if (!Enum.IsDefined(options.Compression))
            throw LogErrors.InvalidOptions(name, $"compression {LogErrors.NameOf(options.Compression)}, expected none, gzip, snappy, lz4 or zstd");
        Codec.Of(options.Compression);
        if (options.SegmentBytes is < 4096 or > 1L << 30)
            throw LogErrors.InvalidOptions(name, FormattableString.Invariant($"a segment of {options.SegmentBytes} bytes, expected 4096 to {1L << 30}"));
        if (options.SyncInterval <= TimeSpan.Zero)
            throw LogErrors.InvalidOptions(name, FormattableString.Invariant($"a sync interval of {options.SyncInterval}, expected more than 0"));
        if (options.MaxUnsyncedBytes < 1)
            throw LogErrors.InvalidOptions(name, FormattableString.Invariant($"{options.MaxUnsyncedBytes} bytes before writers wait, expected at least 1"));
    }
}
