using System.Diagnostics.Metrics;
using Leat.Log;
using Leat.Pipeline.Status;

namespace Leat.Pipeline;

/// <summary>What dashboards read. Names and units are a public contract. All are observed from the status, so the hot path pays nothing.</summary>
internal sealed class EngineMetrics : IDisposable
{
    private static readonly RunState[] States = Enum.GetValues<RunState>();

    private readonly Meter _meter = new("Leat.Pipeline");

    public EngineMetrics(Func<EngineStatus> status)
    {
        _meter.CreateObservableCounter(
            "leat.source.changes", () => status().Sources.Select(source => One(source.Changes, "source", source.Name)),
            unit: "{change}", description: "Row changes captured.");
        _meter.CreateObservableCounter(
            "leat.pipeline.operations", () => status().Pipelines.SelectMany(Outcomes),
            unit: "{operation}", description: "Operations with an outcome, by outcome.");
        _meter.CreateObservableGauge(
            "leat.pipeline.lag.rows", () => status().Pipelines.Select(pipeline => One(pipeline.LagRows, "pipeline", pipeline.Name)),
            unit: "{row}", description: "Readable records without an outcome.");
        _meter.CreateObservableGauge(
            "leat.pipeline.lag.time", () => status().Pipelines.Select(pipeline => One(pipeline.LagMs / 1000, "pipeline", pipeline.Name)),
            unit: "s", description: "Age of the oldest change without an outcome.");
        _meter.CreateObservableGauge(
            "leat.pipeline.latency.p99", () => status().Pipelines.Select(pipeline => One(pipeline.LatencyP99Ms / 1000, "pipeline", pipeline.Name)),
            unit: "s", description: "From commit at the source to acknowledged by the target, 99th percentile of the last operations.");
        _meter.CreateObservableCounter(
            "leat.pipeline.changes", () => status().Pipelines.SelectMany(Fates),
            unit: "{change}", description: "Changes read from the stream, by what became of them.");
        _meter.CreateObservableGauge(
            "leat.pipeline.in_flight", () => status().Pipelines.Select(pipeline => One(pipeline.Accounting.InFlight, "pipeline", pipeline.Name)),
            unit: "{operation}", description: "Operations without an outcome.");
        _meter.CreateObservableGauge(
            "leat.pipeline.unbalanced", () => status().Pipelines.Select(pipeline => One(pipeline.Accounting.Balanced ? 0 : 1, "pipeline", pipeline.Name)),
            unit: "1", description: "1 when the accounting does not balance: then delivery stops.");
        _meter.CreateObservableGauge(
            "leat.pipeline.lanes", () => status().Pipelines.Select(pipeline => One(pipeline.Lanes.Length, "pipeline", pipeline.Name)),
            unit: "{lane}", description: "Lanes of this moment.");
        _meter.CreateObservableGauge(
            "leat.pipeline.batch", () => status().Pipelines.Select(pipeline => One(pipeline.Lanes.Sum(lane => (long)lane.BatchOperations), "pipeline", pipeline.Name)),
            unit: "{operation}", description: "Most operations under way at once, all lanes together.");
        _meter.CreateObservableGauge(
            "leat.pipeline.dead_letters", () => status().Pipelines.Select(pipeline => One(pipeline.DeadLetters, "pipeline", pipeline.Name)),
            unit: "{letter}", description: "Dead letters that are open.");
        CreateStateInstruments(status);
        CreateDocumentInstruments(status);
        CreateStreamInstruments(status);
    }

    /// <summary>All of them.</summary>
    public Meter Meter => _meter;

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    private void CreateStateInstruments(Func<EngineStatus> status)
    {
        _meter.CreateObservableGauge(
            "leat.source.health", () => status().Sources.SelectMany(source => Health(source.State, "source", source.Name)), unit: "1", description: "1 for the state that a source is in, 0 for the others.");
        _meter.CreateObservableGauge(
            "leat.pipeline.health", () => status().Pipelines.SelectMany(pipeline => Health(pipeline.State, "pipeline", pipeline.Name)), unit: "1", description: "1 for the state that a pipeline is in, 0 for the others.");
        _meter.CreateObservableGauge("leat.source.silence", () => Silences(status), unit: "s", description: "Since something came from the source, be it only a sign of life.");
    }

    private void CreateDocumentInstruments(Func<EngineStatus> status)
    {
        _meter.CreateObservableGauge(
            "leat.pipeline.state.bytes", () => Documents(status, static one => one.StateBytes), unit: "By", description: "Memory that the rows of documents take.");
        _meter.CreateObservableGauge(
            "leat.pipeline.state.limit", () => Documents(status, static one => one.StateLimitBytes), unit: "By", description: "Most memory that they may take.");
        _meter.CreateObservableGauge(
            "leat.pipeline.state.rows", () => Documents(status, static one => one.StateRows), unit: "{row}", description: "Rows held for documents.");
        _meter.CreateObservableGauge(
            "leat.pipeline.backlog", () => Documents(status, static one => one.BacklogDocuments), unit: "{document}", description: "Documents that wait behind direct changes.");
        _meter.CreateObservableCounter(
            "leat.pipeline.retractions_missed", () => Documents(status, static one => one.RetractionsMissedTotal), unit: "{change}", description: "Deletes and updates of rows that were not held.");
        _meter.CreateObservableGauge(
            "leat.pipeline.suspect", () => Documents(status, static one => one.Suspect ? 1L : 0), unit: "1", description: "1 when documents may be wrong until they are rebuilt.");
        _meter.CreateObservableGauge(
            "leat.pipeline.loading", () => Documents(status, static one => one.Phase == "live" ? 0L : 1), unit: "1", description: "1 while rows are taken in and nothing is sent.");
    }

    private void CreateStreamInstruments(Func<EngineStatus> status)
    {
        _meter.CreateObservableGauge(
            "leat.log.bytes", () => Streams(status, static (stream, _) => stream.Bytes), unit: "By", description: "Size of a source's stream on the disk.");
        _meter.CreateObservableCounter(
            "leat.log.deleted", () => Streams(status, static (stream, _) => stream.DeletedBytes), unit: "By", description: "Deleted from a source's stream by retention.");
        _meter.CreateObservableGauge(
            "leat.log.oldest", () => Streams(status, static (stream, now) => stream.OldestAt is { } at ? (now - at).TotalSeconds : 0),
            unit: "s", description: "Age of the oldest record of a source's stream.");
        _meter.CreateObservableGauge(
            "leat.log.intake", () => Streams(status, static (stream, _) => stream.Intake == Intake.Open ? 1 : 0),
            unit: "1", description: "1 while a source's stream takes what is new; 0 while the disk is nearly full or the stream is over its quota.");
        _meter.CreateObservableGauge(
            "leat.log.findings", () => status().Log?.Findings.Count ?? 0, unit: "{finding}", description: "Damage found by reading all closed segments in the background.");
        _meter.CreateObservableGauge(
            "leat.log.held", () => Holds(status), unit: "{record}", description: "Records that somebody keeps from being deleted, by who that is.");
    }

    private static IEnumerable<Measurement<T>> Streams<T>(Func<EngineStatus> status, Func<StreamStatus, DateTimeOffset, T> value)
        where T : struct
    {
        var now = status();
        foreach (var source in now.Sources)
        {
            if (source.Stream is { } stream)
                yield return One(value(stream, now.Now), "source", source.Name);
        }
    }

    private static IEnumerable<Measurement<long>> Documents(Func<EngineStatus> status, Func<DocumentStatus, long> value) =>
        from pipeline in status().Pipelines
        let documents = pipeline.Documents
        where documents is not null
        select One(value(documents), "pipeline", pipeline.Name);

    private static IEnumerable<Measurement<long>> Holds(Func<EngineStatus> status) =>
        from source in status().Sources
        from hold in source.Stream?.Holds ?? []
        select new Measurement<long>(
            hold.Records, new KeyValuePair<string, object?>("source", source.Name), new KeyValuePair<string, object?>("holder", hold.Who));

    private static IEnumerable<Measurement<long>> Health(RunState present, string tag, string name) => States.Select(state => new Measurement<long>(
        state == present ? 1 : 0, new KeyValuePair<string, object?>(tag, name), new KeyValuePair<string, object?>("state", WordOf(state))));

    private static string WordOf(RunState state) => state == RunState.CatchingUp ? "catching_up" : state.ToString().ToLowerInvariant();

    private static IEnumerable<Measurement<double>> Silences(Func<EngineStatus> status)
    {
        var now = status();
        return from source in now.Sources
               where source.LastHeardAt is not null
               select One(Math.Max(0, (now.Now - source.LastHeardAt!.Value).TotalSeconds), "source", source.Name); // not null: the line above
    }

    private static Measurement<T> One<T>(T value, string tag, string name)
        where T : struct => new(value, new KeyValuePair<string, object?>(tag, name));

    private static IEnumerable<Measurement<long>> Fates(PipelineStatus pipeline)
    {
        (string Name, long Count)[] fates = [("filtered", pipeline.Accounting.Filtered), ("folded", pipeline.Accounting.Folded), ("planned", pipeline.Accounting.Planned)];
        return fates.Select(fate => new Measurement<long>(
            fate.Count,
            new KeyValuePair<string, object?>("pipeline", pipeline.Name),
            new KeyValuePair<string, object?>("fate", fate.Name)));
    }

    private static IEnumerable<Measurement<long>> Outcomes(PipelineStatus pipeline)
    {
        var account = pipeline.Accounting;
        (string Name, long Count)[] outcomes =
            [("applied", account.Applied), ("stale", account.Stale), ("dead_lettered", account.DeadLettered), ("coalesced", account.Coalesced)];
        return outcomes.Select(outcome => new Measurement<long>(
            outcome.Count,
            new KeyValuePair<string, object?>("pipeline", pipeline.Name),
            new KeyValuePair<string, object?>("outcome", outcome.Name)));
    }
}
