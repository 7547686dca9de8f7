using System.Collections.Immutable;
using System.CommandLine;
using System.Text.Json;
using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Output;
using Leat.Pipeline.Definitions;
using Leat.Pipeline.Shaping;

namespace Leat.Commands;

/// <summary><c>leat preview FILE</c>: some real rows as they would be delivered.</summary>
internal static class PreviewCommand
{
    private const int MostRows = 1_000;

    public static Command Create(Terminal terminal)
    {
        var file = ConfigurationFile.Argument();
        var pipeline = TestCommand.PipelineOption();
        var table = new Option<string?>("--table") { Description = "Only this table of the pipeline, by its name there. Documents are shown as a whole.", HelpName = "NAME" };
        var rows = new Option<int>("--rows")
        {
            Description = $"How many rows or documents of each, 1 to {MostRows}.", HelpName = "NUMBER", DefaultValueFactory = _ => 5,
        };
        rows.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > MostRows)
                result.AddError($"--rows: expected 1 to {MostRows}.");
        });
        var server = StatusCommand.ServerOption();
        server.Description = "Address of the Leat that runs this file, if one does; it tells how far capture is.";
        var command = new LeatCommand("preview", "Reads some rows of the source and shows them before and after shaping. Writes nothing, neither to a target nor to the log.")
        {
            Examples =
            [
                new("leat preview leat.yaml", "five rows of every table, or five documents with the rows they are made of"),
                new("leat preview leat.yaml --pipeline orders-search --rows 1", "one document"),
                new("leat preview leat.yaml --json", "for scripts"),
            ],
        };
        command.Arguments.Add(file);
        command.Options.Add(pipeline);
        command.Options.Add(table);
        command.Options.Add(rows);
        command.Options.Add(server);
        command.SetAction(terminal, context => RunAsync(
            context, context.Parse.GetRequiredValue(file), context.Parse.GetValue(pipeline), context.Parse.GetValue(table), context.Parse.GetRequiredValue(rows),
            context.Parse.GetRequiredValue(server)));
        return command;
    }

    private static async Task<int> RunAsync(CommandContext context, string path, string? name, string? table, int rows, Uri server)
    {
        if (ConfigurationFile.ReadAndTell(context, path) is not { } file)
            return ExitCodes.Usage;

        var pipelines = TestCommand.Choose(file, name);
        RequireTable(pipelines, path, table);
        var positions = await CapturedPositions.ReadAsync(context, file, server);
        var previews = new List<PipelinePreviewJson>();
        foreach (var pipeline in pipelines.Where(pipeline => table is null || pipeline.Tables.Any(rule => rule.Alias == table)))
        {
            var definition = file.Sources.First(source => source.Name == pipeline.From); // the reader has made sure
            await using var source = definition.Open(new(definition.Name, context.Loggers, context.Terminal.Time) { IsBeside = true });
            ImmutableArray<PreviewPart> parts;
            using (var progress = new ProgressLine<PreviewProgress>(context, told => FormattableString.Invariant($"{pipeline.Name}: {told.Alias}, {told.Rows:N0} rows read")))
            {
                var captured = positions.Of(definition.Name) ?? await source.CurrentPositionAsync(context.Stopping);
                var reader = new PreviewReader(source, captured, progress);
                parts = await reader.ReadAsync(pipeline, rows, table, context.Stopping);
            }

            if (context.Json)
                previews.Add(PreviewWriter.Json(pipeline.Name, parts));
            else
                PreviewWriter.Write(context.Terminal, pipeline, parts);
        }

        if (context.Json)
        {
            FindingWriter.Write(context.Terminal, new(
                context.Command, Ok: true, "Nothing was written.", JsonSerializer.SerializeToNode(new PreviewJson(previews), CliJson.Readable.PreviewJson), Error: null, []));
        }

        return ExitCodes.Done;
    }

    private static void RequireTable(ImmutableArray<PipelineDefinition> pipelines, string path, string? table)
    {
        var names = pipelines.SelectMany(pipeline => pipeline.Tables).Select(rule => rule.Alias).Distinct().ToArray();
        if (table is not null && !names.Contains(table))
            throw ProgramErrors.UnknownName(path, "table", table, Nearest.Of(table, names), names);
    }
}
