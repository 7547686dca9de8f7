using System.Diagnostics.Metrics;
using Leat.Pipeline.Status;

namespace Leat.Pipeline;

/// <summary>What dashboards read. Names and units are a public contract. All are observed from the status, so the hot path pays nothing.</summary>
internal sealed class EngineMetrics : IDisposable
{
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
    }

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    private static Measurement<T> One<T>(T value, string tag, string name)
        where T : struct => new(value, new KeyValuePair<string, object?>(tag, name));

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
