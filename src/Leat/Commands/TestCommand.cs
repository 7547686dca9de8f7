using System.Collections.Immutable;
using System.CommandLine;
using System.Text.Json;
using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Output;
using Leat.Pipeline.Definitions;
using Leat.Pipeline.Shaping;

namespace Leat.Commands;

/// <summary><c>leat test FILE</c>: runs the tests of a file's pipelines, without any server.</summary>
internal static class TestCommand
{
    public static Command Create(Terminal terminal)
    {
        var file = ConfigurationFile.Argument();
        var pipeline = PipelineOption();
        var filter = new Option<string?>("--filter") { Description = "Only tests whose name has this text in it, in any letter case.", HelpName = "TEXT" };
        var command = new LeatCommand("test", "Runs the tests of a configuration file: rows in, operations out. Needs no server and no log, and writes nothing.")
        {
            Examples =
            [
                new("leat test leat.yaml", "every test; exit code 4 when one fails"),
                new("leat test leat.yaml --filter deleted", "only tests with that word in their name"),
                new("leat test leat.yaml --json", "for scripts"),
            ],
        };
        command.Arguments.Add(file);
        command.Options.Add(pipeline);
        command.Options.Add(filter);
        command.SetAction(terminal, context => Task.FromResult(Run(
            context, context.Parse.GetRequiredValue(file), context.Parse.GetValue(pipeline), context.Parse.GetValue(filter))));
        return command;
    }

    /// <summary>The option <c>--pipeline</c> of commands about what pipelines do.</summary>
    public static Option<string?> PipelineOption() => new("--pipeline") { Description = "The pipeline; all when left out.", HelpName = "NAME" };

    /// <summary>The pipelines that are meant.</summary>
    public static ImmutableArray<PipelineDefinition> Choose(LeatFile file, string? name)
    {
        if (name is null)
            return file.Pipelines;
        var names = file.Pipelines.Select(pipeline => pipeline.Name).ToArray();
        return [file.Pipelines.FirstOrDefault(pipeline => pipeline.Name == name) ?? throw ProgramErrors.UnknownName(file.Path, "pipeline", name, Nearest.Of(name, names), names)];
    }

    private static int Run(CommandContext context, string path, string? name, string? filter)
    {
        if (ConfigurationFile.ReadAndTell(context, path) is not { } file)
            return ExitCodes.Usage;

        var started = context.Terminal.Time.GetTimestamp();
        var pipelines = Choose(file, name);
        var results = new List<TestResult>();
        foreach (var pipeline in pipelines)
        {
            var runner = new PipelineTest(pipeline);
            foreach (var test in pipeline.Tests.Where(test => filter is null || test.Name.Contains(filter, StringComparison.OrdinalIgnoreCase)))
            {
                context.Stopping.ThrowIfCancellationRequested();
                results.Add(runner.Run(test));
            }
        }

        if (results.Count == 0)
            throw filter is null ? ShapingCommandErrors.NoTests(path, name) : ShapingCommandErrors.NoSuchTest(path, filter, [.. pipelines.SelectMany(pipeline => pipeline.Tests).Select(test => test.Name)]);
        if (context.Json)
            WriteJson(context, results);
        else
            TestWriter.Write(context.Terminal, results, context.Terminal.Time.GetElapsedTime(started));
        return ExitCodes.Worst(results.Select(result => result switch
        {
            { Mistake.Code: { } code } => ExitCodes.For(code),
            { IsPassed: true } => ExitCodes.Done,
            _ => ExitCodes.Differences,
        }));
    }

    private static void WriteJson(CommandContext context, List<TestResult> results)
    {
        var json = new TestsJson(
        [
            .. results.Select(result => new TestJson(result.Pipeline, result.Test.Name, result.IsPassed, result.Test.Location.Line,
            [
                .. result.Differences.Select(one => new TestDifferenceJson(
                    one.Kind.ToString().ToLowerInvariant(), one.IsDelete ? "delete" : "index", one.Alias, one.Key, one.Transaction == 0 ? null : one.Transaction,
                    [.. one.Fields.Select(field => new TestFieldJson(field.Path, TestWriter.Node(field.Expected), TestWriter.Node(field.Got)))],
                    TestWriter.Node(one.Document), one.Location.Line)),
            ])),
        ]);
        var findings = results.Where(result => result.Mistake is not null).Select(result => FindingJson.Of(result.Mistake!, result.Pipeline)).ToArray(); // not null: the filter
        FindingWriter.Write(context.Terminal, new(
            context.Command, results.All(result => result.IsPassed), $"{TestWriter.Count(results)}.", JsonSerializer.SerializeToNode(json, CliJson.Readable.TestsJson), Error: null, findings));
    }
}
