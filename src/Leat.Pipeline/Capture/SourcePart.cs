using Leat.Changes;
using Leat.Log;
using Microsoft.Extensions.Logging;

namespace Leat.Pipeline.Capture;

/// <summary>One source of an engine. Its streams may be damaged: then it is Blocked, opens them again from time to time, and everything else runs.</summary>
internal sealed class SourcePart(string name, ISource source, LogDirectory directory, StreamOptions options, TimeProvider time, ILoggerFactory loggers)
{
    private readonly ILogger _log = loggers.CreateLogger("Leat.Capture");
    private readonly TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private CaptureRunner? _runner;
    private LeatException? _failure;
    private bool _stopped;

    /// <summary>Name of the source and of its stream.</summary>
    public string Name => name;

    /// <summary>How its stream is synced.</summary>
    public SyncMode Sync => options.Sync;

    /// <summary>Captures into the source's stream; <see langword="null"/> while that cannot be opened.</summary>
    public CaptureRunner? Runner => Volatile.Read(ref _runner);

    /// <summary>Why the streams cannot be opened.</summary>
    public LeatException? Failure => Volatile.Read(ref _failure);

    /// <summary>Whether it ended without ever having opened its streams.</summary>
    public bool Stopped => Volatile.Read(ref _stopped);

    /// <summary>Completes when the streams are open.</summary>
    public Task WhenOpenAsync(CancellationToken cancellationToken) => _opened.Task.WaitAsync(cancellationToken);

    /// <summary>Opens the streams, if they are not open. When they cannot be used, <see cref="Failure"/> says why.</summary>
    /// <exception cref="LogException">The whole log failed.</exception>
    public bool TryOpen()
    {
        if (Runner is not null)
            return true;
        try
        {
            Volatile.Write(ref _runner, CaptureRunner.Open(name, source, directory, time, loggers, options: options));
            Volatile.Write(ref _failure, null);
            _opened.TrySetResult();
            return true;
        }
        catch (Exception cause) when (StreamTrouble.Of(directory, cause) is { } failure)
        {
            Volatile.Write(ref _failure, failure);
            _log.CaptureBlocked(failure, name, (long)Backoff.Probe.TotalSeconds);
            return false;
        }
    }

    /// <summary>Captures until stopped.</summary>
    /// <exception cref="LogException">The whole log failed.</exception>
    public async Task RunAsync(CancellationToken stopping)
    {
        try
        {
            while (Runner is null)
            {
                await Task.Delay(Backoff.Probe, time, stopping);
                TryOpen();
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            Volatile.Write(ref _stopped, true);
            _log.CaptureStopped(name);
        }

        if (Runner is { } runner)
            await runner.RunAsync(until: null, stopping);
    }
}
