using System.Collections.Immutable;
using System.CommandLine;
using System.Text.Json;
using Leat.Changes.Configuration;
using Leat.Output;
using Leat.Pipeline.Compare;
using Leat.Pipeline.Definitions;

namespace Leat.Commands;

/// <summary><c>leat compare FILE [PIPELINE]</c>: every row of the source against every row of the target.</summary>
internal static class CompareCommand
{
    public static Command Create(Terminal terminal)
    {
        var file = ConfigurationFile.Argument();
        var pipeline = new Argument<string?>("pipeline") { Description = "The pipeline to compare; all when left out.", Arity = ArgumentArity.ZeroOrOne };
        var server = StatusCommand.ServerOption();
        server.Description = "Address of the Leat that runs this file, if one does; it tells how far capture is.";
        var command = new LeatCommand(
            "compare", "Compares every row of the source, shaped by the pipeline, with every row of the target, by key. Rows whose changes are on their way are looked at again.")
        {
            Examples =
            [
                new("leat compare leat.yaml", "every pipeline; exit code 4 when one differs"),
                new("leat compare leat.yaml orders-cache", "one pipeline"),
                new("leat compare leat.yaml --json", "with the first 100 differing rows, for scripts"),
            ],
        };
        command.Arguments.Add(file);
        command.Arguments.Add(pipeline);
        command.Options.Add(server);
        command.SetAction(terminal, context => RunAsync(
            context, context.Parse.GetRequiredValue(file), context.Parse.GetValue(pipeline), context.Parse.GetRequiredValue(server)));
        return command;
    }

    private static async Task<int> RunAsync(CommandContext context, string path, string? name, Uri server)
    {
        if (ConfigurationFile.ReadAndTell(context, path) is not { } file)
            return ExitCodes.Usage;

        var pipelines = Choose(file, name);
        var positions = await CapturedPositions.ReadAsync(context, file, server);
        var results = new List<(PipelineDefinition Pipeline, CompareResult Result)>();
        foreach (var pipeline in pipelines)
        {
            var definition = file.Sources.First(source => source.Name == pipeline.From); // the reader has made sure
            await using var source = definition.Open(new(definition.Name, context.Loggers, context.Terminal.Time));
            await using var sink = pipeline.OpenSink(new(pipeline.Name, context.Loggers, context.Terminal.Time));
            using var progress = new ProgressLine<CompareProgress>(context, told => FormattableString.Invariant(
                $"{pipeline.Name}: {told.Alias}, {told.SourceRows:N0} source rows, {told.TargetRows:N0} target rows"));
            var result = await Comparer.CompareAsync(
                pipeline, source, sink, positions.Of(definition.Name), HeldShapes.Of(file, pipeline), context.Terminal.Time, progress, context.Stopping);
            results.Add((pipeline, result));
            if (!context.Json)
                Write(context.Terminal.Out, pipeline, result);
        }

        var equal = results.All(item => item.Result.Equal);
        if (context.Json)
            WriteJson(context, results, equal);
        return equal ? ExitCodes.Done : ExitCodes.Differences;
    }

    private static ImmutableArray<PipelineDefinition> Choose(LeatFile file, string? name)
    {
        if (name is null)
            return file.Pipelines;
        var names = file.Pipelines.Select(pipeline => pipeline.Name).ToArray();
        return [file.Pipelines.FirstOrDefault(pipeline => pipeline.Name == name)
            ?? throw ProgramErrors.UnknownName(file.Path, "pipeline", name, Nearest.Of(name, names), names)];
    }

    /// <summary>Tells a result to a person: one line, and the rows that differ.</summary>
    public static void Write(TextWriter writer, PipelineDefinition pipeline, CompareResult result)
    {
        writer.WriteLine(result.Equal
            ? FormattableString.Invariant($"{pipeline.Name}: equal, {result.RowsCompared:N0} rows{Motion(result)}.")
            : FormattableString.Invariant(
                $"{pipeline.Name}: differs: {result.Missing:N0} missing, {result.Extra:N0} extra, {result.Different:N0} different of {result.RowsCompared:N0} rows{Motion(result)}."));
        foreach (var row in result.Examples)
        {
            writer.WriteLine($"  {Word(row.Kind),-9}  {row.Alias}  {row.Key}");
            foreach (var field in row.Fields)
                writer.WriteLine($"             {field.Name}: source {Quoted(field.Source)}, target {Quoted(field.Target)}");
        }

        var more = result.Missing + result.Extra + result.Different - result.Examples.Length;
        if (more > 0)
            writer.WriteLine(FormattableString.Invariant($"  and {more:N0} more"));
    }

    private static void WriteJson(CommandContext context, List<(PipelineDefinition Pipeline, CompareResult Result)> results, bool equal)
    {
        var json = new CompareJson(
        [
            .. results.Select(item => new PipelineCompareJson(
                item.Pipeline.Name, item.Result.Equal, item.Result.RowsCompared, item.Result.Different, item.Result.Missing, item.Result.Extra, item.Result.InMotion,
                [
                    .. item.Result.Examples.Select(row => new DifferenceJson(
                        row.Alias, row.Key, Word(row.Kind), [.. row.Fields.Select(field => new FieldJson(field.Name, field.Source, field.Target))])),
                ])),
        ]);
        var differing = results.Count(item => !item.Result.Equal);
        var summary = equal ? $"{results.Count} of {results.Count} pipelines are equal." : $"{differing} of {results.Count} pipelines differ.";
        FindingWriter.Write(
            context.Terminal, new(context.Command, equal, summary, JsonSerializer.SerializeToNode(json, CliJson.Readable.CompareJson), Error: null, []));
    }

    private static string Motion(CompareResult result) => result.InMotion == 0 ? "" : FormattableString.Invariant($", {result.InMotion:N0} on their way at first");

    private static string Word(DifferenceKind kind) => kind.ToString().ToLowerInvariant();

    private static string Quoted(string? value) => value is null ? "NULL" : $"'{value}'";
}
