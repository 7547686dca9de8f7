using Leat.Changes;
using Leat.Pipeline.Definitions;
using Leat.Pipeline.Shaping;
using Leat.Transform.Plan;

namespace Leat.Commands;

/// <summary>Looks at the servers that a configuration names. Whatever goes wrong becomes a finding.</summary>
internal sealed class ServerChecks(CommandContext context)
{
    private readonly Dictionary<string, IReadOnlyList<TableSchema>> _tables = [];

    /// <summary>Looks at a source.</summary>
    public async Task<IReadOnlyList<Finding>> SourceAsync(SourceDefinition definition, CancellationToken stopping)
    {
        try
        {
            await using var source = definition.Open(new(definition.Name, context.Loggers, context.Terminal.Time));
            var findings = await source.CheckAsync(stopping);
            if (findings.All(finding => finding.Severity != Severity.Error))
                _tables[definition.Name] = await source.TablesAsync(stopping);
            return findings;
        }
        catch (LeatException error)
        {
            return [Finding.Error("source", error)];
        }
    }

    /// <summary>Looks at a target. Its tables are known only when the source was looked at before and was right.</summary>
    public async Task<IReadOnlyList<Finding>> SinkAsync(PipelineDefinition pipeline, CancellationToken stopping)
    {
        try
        {
            var (shapes, problems) = Shapes(pipeline);
            await using var sink = pipeline.OpenSink(new(pipeline.Name, context.Loggers, context.Terminal.Time));
            return [.. problems, .. await sink.CheckAsync(shapes, stopping)];
        }
        catch (LeatException error)
        {
            return [Finding.Error("target", error)];
        }
    }

    private (IReadOnlyList<Shape> Shapes, IReadOnlyList<Finding> Problems) Shapes(PipelineDefinition pipeline)
    {
        if (!_tables.TryGetValue(pipeline.From, out var schemas))
            return ([], []);

        var shapes = new List<Shape>();
        var problems = new List<Finding>();
        foreach (var rule in pipeline.Tables)
        {
            var match = new TableMatch(rule.ToSelection());
            var tables = schemas.Where(schema => match.Takes(schema.Table)).ToList();
            if (tables.Count == 0)
                problems.Add(ProgramErrors.TableNotCaptured(pipeline, rule, schemas));
            else if (pipeline.Document is null && rule.Group is null)
                Try(pipeline with { Tables = [rule] }, tables, rule.WhereWritten?.Location ?? rule.Location, shapes, problems);
        }

        var documents = pipeline.Document?.Location ?? pipeline.Tables.FirstOrDefault(rule => rule.Group is not null)?.Group?.Location;
        if (documents is { } at && problems.Count == 0)
            Try(pipeline, schemas, at, shapes, problems);
        return (shapes, problems);
    }

    // What does not fit says in its own words where it stands; what does not say it stands at the entry.
    private static void Try(PipelineDefinition pipeline, IReadOnlyCollection<TableSchema> tables, FileLocation at, List<Shape> shapes, List<Finding> problems)
    {
        try
        {
            using var run = ShapingRun.Open(pipeline, tables);
            shapes.AddRange(run.Shapes);
        }
        catch (LeatException error)
        {
            problems.Add(Finding.Error(pipeline.Document is null && pipeline.Tables[0].Group is null ? "tables" : "document", error) with { Location = at });
        }
    }
}
