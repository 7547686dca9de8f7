namespace Leat.Log;

/// <summary>What a log does beside taking and giving records: looks after free space, retention and the like. One worker for all streams.</summary>
internal sealed class LogMaintenance(LogDirectory log, ILogScheduler scheduler, TimeProvider time, TimeSpan interval) : IDisposable
{
    // While intake waits, the reason is looked at more often.
    private static readonly TimeSpan WaitingInterval = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private ILogWorker? _worker;
    private long _lookedAt = time.GetTimestamp();
    private TimeSpan _next;
    private bool _isDue = true;
    private bool _disposed;

    /// <summary>Begins to run; nothing happens when it does already. A log that needs none of it has no worker for it.</summary>
    public void Start()
    {
        lock (_gate)
        {
            if (!_disposed)
                _worker ??= scheduler.StartBehind("log maintenance", Step);
        }

        LookSoon();
    }

    /// <summary>There may be something to do.</summary>
    public void LookSoon()
    {
        Volatile.Write(ref _isDue, true);
        Volatile.Read(ref _worker)?.Wake();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
            _disposed = true;
        _worker?.Dispose();
    }

    private TimeSpan? Step()
    {
        if (log.Failure is not null)
            return null;
        var left = _next - time.GetElapsedTime(_lookedAt);
        if (!Volatile.Read(ref _isDue) && left > TimeSpan.Zero)
            return left;
        Volatile.Write(ref _isDue, false);
        _lookedAt = time.GetTimestamp();
        try
        {
            _next = Look();
        }
        catch (DiskException error)
        {
            log.Fail(error);
            return null;
        }

        return _next;
    }

    // Returns when to look again.
    private TimeSpan Look()
    {
        log.Space.Check(waiting: 0);
        log.Space.MakeReserve();
        var (more, waits) = (false, log.Space.IsFull);
        foreach (var stream in log.OpenStreams)
        {
            more |= stream.Maintain();
            waits |= stream.Intake.Intake != Intake.Open;
        }

        return more ? TimeSpan.Zero : waits && WaitingInterval < interval ? WaitingInterval : interval;
    }
}
