using System.Collections.Immutable;
using Leat.Changes;
using Leat.Log;
using Microsoft.Extensions.Logging;

namespace Leat.Pipeline.Capture;

/// <summary>One source of an engine. Its streams may be damaged: then it is Blocked, opens them again from time to time, and everything else runs.</summary>
/// <param name="name">Name of the source and of its stream.</param>
/// <param name="source">Captures.</param>
/// <param name="pipelines">Names of the pipelines that deliver the stream: each holds what it has not delivered.</param>
/// <param name="directory">The log.</param>
/// <param name="options">Settings of the stream.</param>
/// <param name="time">The only clock.</param>
/// <param name="loggers">Where it logs.</param>
internal sealed class SourcePart(
    string name, ISource source, ImmutableArray<string> pipelines, LogDirectory directory, StreamOptions options, TimeProvider time, ILoggerFactory loggers)
{
    private readonly ILogger _log = loggers.CreateLogger("Leat.Capture");
    private readonly TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Dictionary<string, RetentionHold> _holds = [];
    private CaptureRunner? _runner;
    private IntakeState _intake = IntakeState.Open;
    private LeatException? _failure;
    private bool _stopped;

    /// <summary>Name of the source and of its stream.</summary>
    public string Name => name;

    /// <summary>What captures.</summary>
    public ISource Source => source;

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
            Volatile.Write(ref _runner, Open());
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

    /// <summary>What a pipeline of this source holds; only while the streams are open.</summary>
    public RetentionHold HoldOf(string pipeline) => _holds[pipeline];

    /// <summary>Why the stream takes nothing new; <see langword="null"/> while it does.</summary>
    public PauseException? IntakeFailure => Runner?.Stream is { } stream ? FailureOf(stream, stream.Intake) : null;

    /// <summary>Tells when the stream has stopped taking what is new, and when it takes it again. Called regularly.</summary>
    public void WatchIntake()
    {
        if (Runner?.Stream is not { } stream)
            return;
        var now = stream.Intake;
        var before = Interlocked.Exchange(ref _intake, now);
        if (FailureOf(stream, now) is { } failure)
        {
            if (now.Intake != before.Intake || now.Holder != before.Holder)
                _log.IntakeStopped(failure, name);
        }
        else if (before.Intake != Intake.Open)
        {
            _log.IntakeResumed(name);
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

    // Nothing is deleted before everybody holds what he needs, so the stream opens as one that is kept for ever.
    private CaptureRunner Open()
    {
        var kept = options with { RetentionAge = null, RetentionBytes = null, QuotaBytes = null };
        var runner = CaptureRunner.Open(name, source, directory, time, loggers, options: kept);
        foreach (var pipeline in pipelines)
        {
            if (!_holds.ContainsKey(pipeline))
                _holds[pipeline] = runner.Stream.Hold($"pipeline {pipeline}", offset: 0);
        }

        runner.Stream.Alter(options with { KeysOf = runner.Stream.Options.KeysOf });
        return runner;
    }

    private PauseException? FailureOf(StreamPartition stream, IntakeState now) => now.Intake switch
    {
        Intake.DiskFull => EngineErrors.DiskNearlyFull(name, directory.Path, now.Bytes),
        Intake.OverQuota => EngineErrors.OverQuota(name, now, stream.Options.QuotaBytes ?? 0, stream.EndOffset),
        _ => null,
    };
}
