using Leat.Log;
using Leat.Log.Posix;
using Leat.Pipeline.Capture;
using Leat.Pipeline.Definitions;
using Leat.Pipeline.Delivery;
using Microsoft.Extensions.Logging;

namespace Leat.Pipeline;

/// <summary>What can be asked of pipelines that do not run: it is written into the log folder, and taken at the next start.</summary>
public static class StoppedDelivery
{
    /// <summary>Has a pipeline deliver everything again when Leat starts.</summary>
    /// <param name="file">The configuration file.</param>
    /// <param name="pipeline">A pipeline of it.</param>
    /// <param name="reread">Whether the source shall read the tables again although the log holds everything.</param>
    /// <param name="rebuild">Whether documents are made anew: the rows that are held for them are given up.</param>
    /// <param name="time">The only clock.</param>
    /// <param name="loggers">Where it logs.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <exception cref="LogException">The log folder is held by another process, or damaged.</exception>
    public static async Task<Redelivery> RedeliverAsync(
        LeatFile file, PipelineDefinition pipeline, bool reread, bool rebuild, TimeProvider time, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        if (rebuild)
            RequireDocuments(pipeline);
        var log = loggers.CreateLogger("Leat.Delivery");
        await using var sink = pipeline.OpenSink(new(pipeline.Name, loggers, time));
        using var directory = LogDirectory.Open(file.Log.Folder, new PosixDisk(), time, new ThreadScheduler(), log);

        // Without retention: nobody holds back yet what the pipelines need.
        var source = file.Sources.First(one => one.Name == pipeline.From);
        var keys = new ChangeKeys(SchemaRegistry.Open(source.Name, directory).Find);
        var stream = directory.OpenStream(source.Name, source.Stream with { RetentionAge = null, RetentionBytes = null, QuotaBytes = null, KeysOf = keys });
        var checkpoints = directory.OpenStream($"{pipeline.Name}.checkpoints", CheckpointStore.StreamOptions);
        var store = new CheckpointStore(pipeline.Name, directory.Id, stream, source.Stream.Sync, checkpoints, stream.Hold($"pipeline {pipeline.Name}", offset: 0), log);
        var checkpoint = Redeliveries.Reset(store, stream, reread, sink.KeepsMarker, pipeline.Document is null ? null : rebuild);
        if (checkpoint.PipelineEpoch > PipelineRunner.LastEpoch)
            throw EngineErrors.EpochsUsedUp(pipeline.Name);
        await store.SaveSyncedAsync(checkpoint, cancellationToken);
        return new(pipeline.Name, checkpoint.Offset, checkpoint.Reread, checkpoint.PipelineEpoch);
    }

    /// <summary>Proves that a pipeline has something that can be built anew.</summary>
    /// <exception cref="Leat.Changes.LeatException">It makes no documents.</exception>
    public static void RequireDocuments(PipelineDefinition pipeline)
    {
        if (pipeline.Document is null)
            throw EngineErrors.NothingToRebuild(pipeline.Name);
    }

    /// <summary>Asks for dead letters to be replayed when Leat starts, or gives them up.</summary>
    /// <param name="folder">The log's folder.</param>
    /// <param name="pipeline">Name of the pipeline.</param>
    /// <param name="letters">Numbers of the letters; those that are not open are passed over.</param>
    /// <param name="discard">Whether they are given up.</param>
    /// <param name="by">Who asks, for people.</param>
    /// <param name="time">The only clock.</param>
    /// <param name="loggers">Where it logs.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>How many were taken.</returns>
    /// <exception cref="LogException">The log folder is held by another process, or damaged.</exception>
    public static async Task<int> RequestAsync(
        string folder, string pipeline, IReadOnlyList<long> letters, bool discard, string by, TimeProvider time, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        var log = loggers.CreateLogger("Leat.Delivery");
        using var directory = LogDirectory.Open(folder, new PosixDisk(), time, new ThreadScheduler(), log);
        var kept = new DeadLetters(pipeline, () => 0, directory.OpenStream($"{pipeline}.deadletters", new StreamOptions()), time, log).Load();
        return await kept.RequestAsync(letters, discard, by, cancellationToken);
    }
}
