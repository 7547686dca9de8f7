using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Log.Posix;
using Leat.Pipeline.Definitions;
using Leat.Pipeline.Shaping;
using Leat.Transform.Plan;

namespace Leat.Commands;

/// <summary>Looks at the servers that a configuration names. Whatever goes wrong becomes a finding.</summary>
internal sealed class ServerChecks(CommandContext context)
{
    private const int NoWholeRows = 4068; // a source's warning that changes lack columns
    private const int StopReserves = 2; // capture waits below so many

    private readonly Dictionary<string, IReadOnlyList<TableSchema>> _tables = [];
    private readonly HashSet<string> _partial = [];

    /// <summary>Looks at the folder of the log; touches nothing in it.</summary>
    public static IReadOnlyList<Finding> Log(LogDefinition log)
    {
        if (WritableFolder.Problem(log.Folder) is { } problem)
            return [Finding.Error("folder", ProgramErrors.LogNotWritable(log.Folder, problem))];
        var isThere = Directory.Exists(log.Folder);
        var there = log.Folder;
        while (!Directory.Exists(there))
            there = Path.GetDirectoryName(there)!; // not null: it can be created
        var free = new PosixDisk().FreeBytes(there);
        return
        [
            Finding.Ok("folder", isThere ? $"{log.Folder} is there, and can be written to." : $"{log.Folder} will be created."),
            free < StopReserves * log.ReserveBytes
                ? ProgramErrors.LittleSpace(there, free, StopReserves * log.ReserveBytes)
                : Finding.Ok("space", $"{Units.About(free)} are free."),
        ];
    }

    /// <summary>Looks at a source.</summary>
    public async Task<IReadOnlyList<Finding>> SourceAsync(SourceDefinition definition, CancellationToken stopping)
    {
        try
        {
            await using var source = definition.Open(new(definition.Name, context.Loggers, context.Terminal.Time));
            var findings = await source.CheckAsync(stopping);
            if (findings.Any(finding => finding.Code?.Number == NoWholeRows))
                _partial.Add(definition.Name);
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
            return [.. problems, .. SoftDeletes(pipeline), .. await sink.CheckAsync(shapes, stopping)];
        }
        catch (LeatException error)
        {
            return [Finding.Error("target", error)];
        }
    }

    private IEnumerable<Finding> SoftDeletes(PipelineDefinition pipeline) => _partial.Contains(pipeline.From)
        ? pipeline.Tables.Where(rule => !rule.SoftDelete.IsEmpty).Select(ProgramErrors.SoftDeleteOfPartialRows)
        : [];

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
