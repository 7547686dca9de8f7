using System.Collections.Immutable;
using System.CommandLine;
using System.Text.Json;
using Leat.Changes;
using Leat.Output;
using Leat.Pipeline.Definitions;
using Leat.Pipeline.Shaping;

namespace Leat.Commands;

/// <summary><c>leat plan FILE</c>: what pipelines do, what they keep, and what happens when the file is run.</summary>
internal static class PlanCommand
{
    public static Command Create(Terminal terminal)
    {
        var file = ConfigurationFile.Argument();
        var pipeline = TestCommand.PipelineOption();
        var offline = new Option<bool>("--offline") { Description = "Read the file only; connect to nothing." };
        var server = StatusCommand.ServerOption();
        server.Description = "Address of the Leat that runs this file, if one does; it tells how far capture is.";
        var command = new LeatCommand(
            "plan", "Shows what pipelines do with rows, what state they keep and how large, what they would change at their targets, and what is read again when the file is run.")
        {
            Examples =
            [
                new("leat plan leat.yaml", "every pipeline, against its servers and the log folder"),
                new("leat plan leat.yaml --offline", "from the file alone"),
                new("leat plan leat.yaml --pipeline orders-search --json", "for scripts"),
            ],
        };
        command.Arguments.Add(file);
        command.Options.Add(pipeline);
        command.Options.Add(offline);
        command.Options.Add(server);
        command.SetAction(terminal, context => RunAsync(
            context, context.Parse.GetRequiredValue(file), context.Parse.GetValue(pipeline), context.Parse.GetValue(offline), context.Parse.GetRequiredValue(server)));
        return command;
    }

    private static async Task<int> RunAsync(CommandContext context, string path, string? name, bool offline, Uri server)
    {
        if (ConfigurationFile.ReadAndTell(context, path) is not { } file)
            return ExitCodes.Usage;

        var looks = new List<PlanLook>();
        var positions = offline ? new Dictionary<string, SourcePosition>() : await CapturedPositions.ReadAsync(context, file, server);
        var streams = offline ? null : LogStreams.Read(file.Log.Folder);
        foreach (var pipeline in TestCommand.Choose(file, name))
        {
            var look = offline ? PlanLook.Offline(pipeline) : await LookAsync(context, file, pipeline, positions, streams);
            looks.Add(look);
            if (!context.Json)
                PlanWriter.Write(context.Terminal, look);
        }

        var problems = looks.SelectMany(look => look.Findings.Where(finding => finding.Severity == Severity.Error).Select(finding => (look.Pipeline.Name, Finding: finding))).ToList();
        if (context.Json)
        {
            FindingWriter.Write(context.Terminal, new(
                context.Command, problems.Count == 0, "Nothing was changed.", JsonSerializer.SerializeToNode(new PlansJson([.. looks.Select(PlanWriter.Json)]), CliJson.Readable.PlansJson), Error: null,
                [.. looks.SelectMany(look => look.Findings.Select(finding => FindingJson.Of(finding, look.Pipeline.Name)))]));
        }

        return ExitCodes.Worst(problems.Where(problem => problem.Finding.Code is not null).Select(problem => ExitCodes.For(problem.Finding.Code!.Value))); // not null: the filter
    }

    private static async Task<PlanLook> LookAsync(
        CommandContext context, LeatFile file, PipelineDefinition pipeline, IReadOnlyDictionary<string, SourcePosition> positions, LogStreams? streams)
    {
        var look = PlanLook.Offline(pipeline);
        try
        {
            var definition = file.Sources.First(source => source.Name == pipeline.From); // the reader has made sure
            await using var source = definition.Open(new(definition.Name, context.Loggers, context.Terminal.Time) { IsBeside = true });
            var findings = await FindingsAsync(context, definition);
            look = look with { Source = [.. findings], StateOnDisk = streams?.BytesOf($"{pipeline.Name}.state") };
            if (findings.Any(finding => finding.Severity == Severity.Error))
                return look;
            var tables = SourceTables.Of(pipeline, await source.TablesAsync(context.Stopping));
            using var run = ShapingRun.Open(pipeline, [.. tables.Select(table => table.Schema).Distinct()]);
            look = look with { Shapes = [.. run.Shapes], Description = run.Description };
            var estimates = await source.EstimateRowsAsync(context.Stopping);
            if (run.Description is { } description)
            {
                var captured = positions.Of(definition.Name) ?? await source.CurrentPositionAsync(context.Stopping);
                look = look with { Held = [.. await HeldRows.EstimateAsync(source, captured, tables, description, context.Stopping)] };
            }

            look = look with { Application = PlanApplication.Of(pipeline, streams, run.Fingerprint, run.Rule, RowsOf(tables, estimates)) };
            await using var sink = pipeline.OpenSink(new(pipeline.Name, context.Loggers, context.Terminal.Time));
            return look with { Target = [.. await sink.CheckAsync(run.Shapes, context.Stopping)] };
        }
        catch (LeatException error)
        {
            return look with { Problems = [Finding.Error("plan", error)] };
        }
    }

    // Of the source as it will run: beside a running one it takes another number among the replicas, which is nobody's business here.
    private static async Task<IReadOnlyList<Finding>> FindingsAsync(CommandContext context, SourceDefinition definition)
    {
        await using var source = definition.Open(new(definition.Name, context.Loggers, context.Terminal.Time));
        return await source.CheckAsync(context.Stopping);
    }

    private static long? RowsOf(ImmutableArray<TakenTable> tables, IReadOnlyDictionary<TableName, long> estimates)
    {
        var names = tables.Select(table => table.Schema.Table).Distinct().ToList();
        return names.TrueForAll(estimates.ContainsKey) ? names.Sum(name => estimates[name]) : null;
    }
}
