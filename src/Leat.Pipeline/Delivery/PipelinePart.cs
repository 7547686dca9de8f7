using Leat.Changes;
using Leat.Log;
using Leat.Pipeline.Capture;
using Leat.Pipeline.Definitions;
using Microsoft.Extensions.Logging;

namespace Leat.Pipeline.Delivery;

/// <summary>One pipeline of an engine. It is Blocked while its source's stream or one of its own is damaged; everything else runs.</summary>
/// <param name="definition">The pipeline as configured.</param>
/// <param name="source">Its source.</param>
/// <param name="sink">Where it delivers.</param>
/// <param name="ask">Opens the source beside the one that captures, to ask it for its tables and rows.</param>
/// <param name="directory">The log.</param>
/// <param name="time">The only clock.</param>
/// <param name="loggers">Where it logs.</param>
internal sealed class PipelinePart(
    PipelineDefinition definition, SourcePart source, ISink sink, Func<ISource> ask,
    LogDirectory directory, TimeProvider time, ILoggerFactory loggers)
{
    private readonly ILogger _log = loggers.CreateLogger("Leat.Delivery");
    private PipelineRunner? _runner;
    private LeatException? _failure;
    private bool _stopped;

    /// <summary>The pipeline as configured.</summary>
    public PipelineDefinition Definition => definition;

    /// <summary>What its sink's settings allow and nobody should forget.</summary>
    public IReadOnlyList<Finding> Warnings => sink.Warnings;

    /// <summary>Delivers; <see langword="null"/> while a stream that it needs cannot be opened.</summary>
    public PipelineRunner? Runner => Volatile.Read(ref _runner);

    /// <summary>Why there is no runner: what is wrong with the source's streams, or with the pipeline's own.</summary>
    public LeatException? Failure => source.Failure ?? Volatile.Read(ref _failure);

    /// <summary>Whether it ended without ever having opened its streams.</summary>
    public bool Stopped => Volatile.Read(ref _stopped);

    /// <summary>Opens the pipeline's streams, if they are not open. When it cannot, <see cref="Failure"/> says why.</summary>
    /// <exception cref="LogException">The whole log failed.</exception>
    public bool TryOpen()
    {
        if (Runner is not null)
            return true;
        if (source.Runner is not { } capture)
        {
            if (source.Failure is { } reason)
                _log.DeliveryBlocked(reason, definition.Name, (long)Backoff.Probe.TotalSeconds);
            return false;
        }

        try
        {
            var input = new PipelineInput(directory, capture.Stream, capture.Schemas, source.Sync, source.HoldOf(definition.Name), ask, () => capture.Position)
            {
                ReadAgain = async (request, stopping) => await new SnapshotControl([source], time).RequestSnapshotAsync(source.Name, request, stopping),
                IsWhole = () => capture.Position is not null && capture.Evidence is { HasToldAll: true, Snapshot: null } && source.Source.SnapshotsNow.Count == 0,
            };
            Volatile.Write(ref _runner, new(definition, input, sink, time, loggers));
            Volatile.Write(ref _failure, null);
            return true;
        }
        catch (Exception cause) when (StreamTrouble.Of(directory, cause) is { } failure)
        {
            Volatile.Write(ref _failure, failure);
            _log.DeliveryBlocked(failure, definition.Name, (long)Backoff.Probe.TotalSeconds);
            return false;
        }
    }

    /// <summary>Delivers until stopped.</summary>
    /// <param name="stopping">Asks to finish.</param>
    /// <param name="killed">Ends at once, as a crash would.</param>
    /// <exception cref="LogException">The whole log failed.</exception>
    public async Task RunAsync(CancellationToken stopping, CancellationToken killed)
    {
        try
        {
            await source.WhenOpenAsync(stopping);
            while (!TryOpen())
                await Task.Delay(Backoff.Probe, time, stopping);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            Volatile.Write(ref _stopped, true);
            return;
        }

        if (Runner is { } runner)
            await runner.RunAsync(stopping, killed);
    }
}
