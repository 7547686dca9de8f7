using System.Collections.Immutable;
using System.Diagnostics.Metrics;
using Leat.Changes;
using Leat.Log;
using Leat.Log.Posix;
using Leat.Log.Tools;
using Leat.Pipeline.Capture;
using Leat.Pipeline.Definitions;
using Leat.Pipeline.Delivery;
using Leat.Pipeline.Status;
using Microsoft.Extensions.Logging;

namespace Leat.Pipeline;

/// <summary>Everything that one configuration file asks for, running: the log, each source, each pipeline. One that fails never stops the others.</summary>
public sealed class Engine : IAsyncDisposable
{
    private static readonly TimeSpan ScrubPause = TimeSpan.FromHours(1);

    private readonly LogDirectory _directory;
    private readonly ImmutableArray<SourcePart> _sources;
    private readonly ImmutableArray<PipelinePart> _pipelines;
    private readonly ImmutableArray<IAsyncDisposable> _connections;
    private readonly StatusModel _status;
    private readonly EngineMetrics _metrics;
    private readonly LogScrub _scrub;
    private readonly ILogWorker _scrubbing;
    private readonly TimeProvider _time;
    private readonly ILogger _log;

    private Engine(
        LogDirectory directory, ImmutableArray<SourcePart> sources, ImmutableArray<PipelinePart> pipelines,
        ImmutableArray<IAsyncDisposable> connections, LogScrub scrub, ILogScheduler scheduler, TimeProvider time, ILogger log)
    {
        _directory = directory;
        _sources = sources;
        _pipelines = pipelines;
        _connections = connections;
        _time = time;
        _log = log;
        _status = new(sources, pipelines, time);
        _metrics = new(Status);
        Snapshots = new SnapshotControl(sources, time);
        Deliveries = new DeliveryControl(pipelines);
        _scrub = scrub;
        _scrubbing = scheduler.StartBehind("log scrub", Scrub);
    }

    /// <summary>Opens the log and every source and pipeline of the file. Nothing connects or runs yet.</summary>
    /// <remarks>What needs a damaged stream is Blocked, with the log's own words in the status; the rest is not touched by it.</remarks>
    /// <param name="file">A configuration file without problems.</param>
    /// <param name="loggers">Where everything logs.</param>
    /// <param name="time">The only clock.</param>
    /// <param name="disk">The log's storage; <see langword="null"/> for the machine's own.</param>
    /// <param name="scheduler">Runs the log's syncs; <see langword="null"/> for threads.</param>
    /// <exception cref="LogException">The log folder as a whole cannot be used: held by another process, no identity, no space.</exception>
    public static Engine Open(LeatFile file, ILoggerFactory loggers, TimeProvider time, IDisk? disk = null, ILogScheduler? scheduler = null)
    {
        disk ??= new PosixDisk();
        scheduler ??= new ThreadScheduler();
        var logOfLog = loggers.CreateLogger("Leat.Log");
        var directory = LogDirectory.Open(
            file.Log.Folder, disk, time, scheduler, logOfLog, new LogOptions { ReserveBytes = file.Log.ReserveBytes });
        try
        {
            var connections = ImmutableArray.CreateBuilder<IAsyncDisposable>();
            var sources = ImmutableArray.CreateBuilder<SourcePart>();
            foreach (var definition in file.Sources)
            {
                var source = definition.Open(new(definition.Name, loggers, time));
                connections.Add(source);
                ImmutableArray<string> readers = [.. file.Pipelines.Where(one => one.From == definition.Name).Select(one => one.Name)];
                sources.Add(new(definition.Name, source, readers, directory, definition.Stream with { IsIntake = true }, time, loggers));
                sources[^1].TryOpen();
            }

            var pipelines = ImmutableArray.CreateBuilder<PipelinePart>();
            foreach (var definition in file.Pipelines)
            {
                var source = file.Sources.First(one => one.Name == definition.From);
                var sink = definition.OpenSink(new(definition.Name, loggers, time));
                connections.Add(sink);
                pipelines.Add(new(
                    definition, sources.First(one => one.Name == definition.From), sink, () => source.Open(new(source.Name, loggers, time)), directory, time, loggers));
                pipelines[^1].TryOpen();
            }

            var scrub = new LogScrub(directory.Path, disk, time, new(), logOfLog);
            return new(
                directory, sources.ToImmutable(), pipelines.ToImmutable(), connections.ToImmutable(), scrub, scheduler, time, loggers.CreateLogger("Leat.Engine"));
        }
        catch (Exception)
        {
            directory.Dispose();
            throw;
        }
    }

    /// <summary>Runs everything until stopped, and returns after an orderly drain: what was read is delivered, checkpoints are kept.</summary>
    /// <exception cref="LogException">The log failed; nothing was acknowledged that is not durable.</exception>
    public async Task RunAsync(CancellationToken stopping)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(stopping, _directory.Failed);
        _scrubbing.Wake();

        // Each on its own: a source whose input never runs dry may not yield for long, and must not keep the others from starting.
        var running = _sources.Select(source => Start(() => source.RunAsync(stop.Token)))
            .Concat(_pipelines.Select(pipeline => Start(() => pipeline.RunAsync(stop.Token, _directory.Failed))))
            .Append(WatchAsync(stop.Token))
            .ToList();
        try
        {
            await Task.WhenAny(Task.WhenAll(running), FirstFaultAsync(running));
            stop.Cancel(); // here and now: what that ends goes on on the caller's scheduler
            await Task.WhenAll(running);
        }
        catch (Exception failure) when (_directory.Failure is { } cause && !ReferenceEquals(failure, cause))
        {
            // Whatever broke next is only the log's failure seen from elsewhere.
            _log.LogFailed(cause);
            throw cause;
        }

        if (_directory.Failure is { } failed)
        {
            _log.LogFailed(failed);
            throw failed;
        }
    }

    /// <summary>The log folder, for who looks on: tests and tools.</summary>
    internal LogDirectory Directory => _directory;

    /// <summary>The pipelines in the file's order, for who looks on.</summary>
    internal ImmutableArray<PipelinePart> Pipelines => _pipelines;

    /// <summary>Has sources read tables again while they run. From any thread.</summary>
    public ISnapshotControl Snapshots { get; }

    /// <summary>What can be asked of the pipelines while they run. From any thread.</summary>
    public IDeliveryControl Deliveries { get; }

    /// <summary>The instruments of this engine, for whoever prints or sends them. Observed from the status.</summary>
    public Meter Meter => _metrics.Meter;

    /// <summary>The state of everything at this moment. From any thread.</summary>
    public EngineStatus Status() => _status.Compute() with { Log = new(_directory.Path, _scrub.Passes, _scrub.Findings) };

    /// <summary>Closes connections and the log; after <see cref="RunAsync"/> has returned.</summary>
    public async ValueTask DisposeAsync()
    {
        _metrics.Dispose();
        _scrubbing.Dispose();
        _scrub.Dispose();
        foreach (var connection in _connections)
            await connection.DisposeAsync();
        _directory.Dispose();
    }

    // On whatever runs the caller, so that a test can run everything on one thread in an order of its choice.
    private static Task Start(Func<Task> run) =>
        Task.Factory.StartNew(run, CancellationToken.None, TaskCreationOptions.DenyChildAttach, TaskScheduler.Current).Unwrap();

    private TimeSpan? Scrub()
    {
        try
        {
            return _scrub.Step();
        }
        catch (Exception error) when (error is DiskException or LogException)
        {
            // Whoever needs the log meets the same and says so; here it is only looked at again.
            _log.ScrubFailed(error);
            return ScrubPause;
        }
    }

    // Completes when any task has failed, or all have ended.
    private static async Task FirstFaultAsync(List<Task> running)
    {
        var left = running.ToList();
        while (left.Count > 0)
        {
            var ended = await Task.WhenAny(left);
            if (ended.IsFaulted)
                return;
            left.Remove(ended);
        }
    }

    private async Task WatchAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(RateMeter.MarkInterval, _time);
        try
        {
            _status.Mark();
            while (await timer.WaitForNextTickAsync(stopping))
            {
                _status.Mark();
                foreach (var source in _sources)
                    source.WatchIntake();
            }
        }
        catch (OperationCanceledException)
        {
            // Stopped: there is nothing left to measure.
        }
    }
}
