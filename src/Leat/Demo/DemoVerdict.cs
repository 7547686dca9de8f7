using System.Text.Json;
using System.Text.Json.Nodes;
using Leat.Changes;
using Leat.Commands;
using Leat.Pipeline.Compare;
using Leat.Pipeline.Definitions;
using Leat.Pipeline.Status;
using Microsoft.Extensions.Logging;

namespace Leat.Demo;

/// <summary>The check at the end of a timed demo: every target against its source, row by row.</summary>
internal sealed class DemoVerdict(LeatFile file, ILoggerFactory loggers, Terminal terminal, bool json)
{
    /// <summary>Compares and tells.</summary>
    /// <param name="status">The last state: where capture stopped.</param>
    /// <param name="delivered">Whether everything had been delivered in time.</param>
    /// <param name="cancellationToken">Ends the comparing.</param>
    /// <returns><see cref="ExitCodes.Done"/> when every target equals its source, else <see cref="ExitCodes.Differences"/>.</returns>
    public async Task<int> TellAsync(EngineStatus status, bool delivered, CancellationToken cancellationToken)
    {
        var results = new JsonArray();
        var equal = true;
        foreach (var pipeline in file.Pipelines)
        {
            var source = status.Sources.First(source => source.Name == pipeline.From);
            var result = await CompareAsync(pipeline, source.Position is { } text ? new SourcePosition(text) : null, cancellationToken);
            equal &= result.Equal;
            results.Add(Node(pipeline.Name, result));
            if (!json)
                CompareCommand.Write(terminal.Out, pipeline, result);
        }

        var summary = Summary(equal, delivered);
        if (json)
            terminal.Out.WriteLine(new JsonObject { ["command"] = "demo", ["ok"] = equal && delivered, ["summary"] = summary, ["result"] = results }.ToJsonString(Line));
        else
            terminal.Out.WriteLine(summary);
        return equal && delivered ? ExitCodes.Done : ExitCodes.Differences;
    }

    private static JsonSerializerOptions Line { get; } = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static string Summary(bool equal, bool delivered) => (equal, delivered) switch
    {
        (true, true) => "Every target equals its source.",
        (true, false) => "Every target equals its source, but not everything was acknowledged in time.",
        (false, true) => "A target differs from its source.",
        (false, false) => "A target differs from its source: not everything was delivered in time.",
    };

    private async Task<CompareResult> CompareAsync(PipelineDefinition pipeline, SourcePosition? captured, CancellationToken cancellationToken)
    {
        var definition = file.Sources.First(source => source.Name == pipeline.From);
        await using var source = definition.Open(new(definition.Name, loggers, terminal.Time));
        await using var sink = pipeline.OpenSink(new(pipeline.Name, loggers, terminal.Time));
        return await Comparer.CompareAsync(pipeline, source, sink, captured, terminal.Time, progress: null, cancellationToken);
    }

    private static JsonObject Node(string pipeline, CompareResult result) => new()
    {
        ["pipeline"] = pipeline, ["equal"] = result.Equal, ["rows_compared"] = result.RowsCompared, ["different"] = result.Different,
        ["missing"] = result.Missing, ["extra"] = result.Extra,
    };
}
