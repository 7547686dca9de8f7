using Leat.Changes;
using Leat.Pipeline.Definitions;
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
            if (schemas.FirstOrDefault(known => known.Table == rule.Table) is not { } schema)
            {
                problems.Add(ProgramErrors.TableNotCaptured(pipeline, rule, schemas));
                continue;
            }

            try
            {
                shapes.Add(TablePlan.Compile(new(rule.Alias, rule.Table, rule.Columns, rule.Where), schema).Shape);
            }
            catch (LeatException error)
            {
                problems.Add(Finding.Error("tables", error) with { Location = rule.Location });
            }
        }

        return (shapes, problems);
    }
}
