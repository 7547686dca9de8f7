using System.CommandLine;
using System.Text.Json;
using Leat.Changes.Configuration;
using Leat.Log.Posix;
using Leat.Log.Tools;
using Leat.Output;
using Leat.Pipeline;
using Leat.Pipeline.Definitions;

namespace Leat.Commands;

/// <summary><c>leat redeliver PIPELINE</c>: everything once more, over what the target holds.</summary>
internal static class RedeliverCommand
{
    private const string DefaultFile = "leat.yaml";

    public static Command Create(Terminal terminal)
    {
        var command = new LeatCommand("redeliver", "Has a pipeline deliver everything again: from the log when that holds it, else by reading the source's tables again.")
        {
            Examples =
            [
                new("leat redeliver orders-cache", "what would be done"),
                new("leat redeliver orders-cache --yes", "after a target was emptied, replaced or restored"),
                new("leat redeliver orders-cache --snapshot --yes", "with the tables as they are now, and what the source does not have removed"),
            ],
        };
        var pipeline = PipelineArgument();
        var file = new Option<string>("--file") { Description = "The configuration file.", HelpName = "FILE", DefaultValueFactory = _ => DefaultFile };
        var snapshot = new Option<bool>("--snapshot") { Description = "Have the source read the tables again, although the log holds everything." };
        var (yes, server) = (YesOption(), StatusCommand.ServerOption());
        server.Description = "Address of the Leat that runs this file; when none runs there, the log itself is told.";
        command.Arguments.Add(pipeline);
        foreach (var option in (Option[])[file, snapshot, yes, server])
            command.Options.Add(option);
        command.SetAction(terminal, async context =>
        {
            if (ConfigurationFile.ReadAndTell(context, context.Parse.GetValue(file) ?? DefaultFile) is not { } read)
                return ExitCodes.Usage;
            var definition = Choose(read, context.Parse.GetRequiredValue(pipeline));
            var reread = context.Parse.GetValue(snapshot);
            return context.Parse.GetValue(yes)
                ? await RunAsync(context, read, definition, reread, context.Parse.GetRequiredValue(server))
                : Preview(context, read, definition, reread);
        });
        return command;
    }

    /// <summary>The PIPELINE argument.</summary>
    public static Argument<string> PipelineArgument() => new("pipeline") { Description = "Name of the pipeline." };

    /// <summary>The option without which nothing is done.</summary>
    public static Option<bool> YesOption() => new("--yes") { Description = "Do it. Without it, what would be done is told." };

    private static PipelineDefinition Choose(LeatFile file, string name)
    {
        var names = file.Pipelines.Select(pipeline => pipeline.Name).ToArray();
        return file.Pipelines.FirstOrDefault(pipeline => pipeline.Name == name) ?? throw ProgramErrors.UnknownName(file.Path, "pipeline", name, Nearest.Of(name, names), names);
    }

    private static async Task<int> RunAsync(CommandContext context, LeatFile file, PipelineDefinition pipeline, bool reread, Uri server)
    {
        var running = await RunningLeat.FindAsync(server, file.Log.Folder, context.Stopping);
        var done = running is not null
            ? await running.RedeliverAsync(pipeline.Name, reread, context.Stopping)
            : await StoppedDelivery.RedeliverAsync(file, pipeline, reread, context.Terminal.Time, context.Loggers, context.Stopping);
        if (context.Json)
        {
            var json = new RedeliverJson(done.Pipeline, done.FromOffset, done.Reread, Done: true, running is not null, done.Epoch);
            context.Terminal.Out.WriteLine(JsonSerializer.Serialize(json, CliJson.Lines.RedeliverJson));
            return ExitCodes.Done;
        }

        context.Terminal.Out.WriteLine(
            $"Pipeline '{done.Pipeline}' delivers everything again{(running is null ? " when Leat is started" : "")}, {How(done.Reread, done.FromOffset, pipeline.From)}, in epoch {done.Epoch}.");
        return ExitCodes.Done;
    }

    private static int Preview(CommandContext context, LeatFile file, PipelineDefinition pipeline, bool reread)
    {
        using var view = LogView.Open(file.Log.Folder, new PosixDisk());
        var stream = view.Streams.Contains(pipeline.From) ? view.Stream(pipeline.From) : null;
        var (start, end) = (stream?.StartOffset ?? 0, stream?.EndOffset ?? 0);
        reread |= start > 0;
        var from = reread ? end : 0;
        if (context.Json)
        {
            var json = new RedeliverJson(pipeline.Name, from, reread, Done: false, Running: false, Epoch: null);
            context.Terminal.Out.WriteLine(JsonSerializer.Serialize(json, CliJson.Lines.RedeliverJson));
            return ExitCodes.Done;
        }

        context.Terminal.Out.WriteLine(
            $"Pipeline '{pipeline.Name}' would deliver everything again, {How(reread, from, pipeline.From)}"
            + $"{(reread ? start > 0 ? $", for the log begins at offset {start}" : "" : $": {Quantities.Count(end, "record", "records")}")}. Nothing is done without --yes.");
        return ExitCodes.Done;
    }

    private static string How(bool reread, long from, string source) => reread
        ? $"after source '{source}' has read its tables again, and from offset {from} of the log on"
        : $"from offset {from} of the log on";
}
