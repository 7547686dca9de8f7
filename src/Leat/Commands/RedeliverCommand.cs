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
        AddTo(command, terminal, rebuild: false);
        return command;
    }

    /// <summary>Gives a command the argument and options, and what it does.</summary>
    /// <param name="command">This one, or <see cref="RebuildCommand"/>.</param>
    /// <param name="terminal">Where it reads and writes.</param>
    /// <param name="rebuild">Whether the rows that documents are made of are given up.</param>
    public static void AddTo(LeatCommand command, Terminal terminal, bool rebuild)
    {
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
            if (rebuild)
                StoppedDelivery.RequireDocuments(definition);
            var order = new Order(definition, context.Parse.GetValue(snapshot), rebuild);
            return context.Parse.GetValue(yes)
                ? await RunAsync(context, read, order, context.Parse.GetRequiredValue(server))
                : Preview(context, read, order);
        });
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

    private static async Task<int> RunAsync(CommandContext context, LeatFile file, Order order, Uri server)
    {
        var pipeline = order.Pipeline;
        var running = await RunningLeat.FindAsync(server, file.Log.Folder, context.Stopping);
        var done = running is not null
            ? await running.RedeliverAsync(pipeline.Name, order.Reread, order.Rebuild, context.Stopping)
            : await StoppedDelivery.RedeliverAsync(file, pipeline, order.Reread, order.Rebuild, context.Terminal.Time, context.Loggers, context.Stopping);
        if (context.Json)
        {
            var json = new RedeliverJson(done.Pipeline, done.FromOffset, done.Reread, Done: true, running is not null, done.Epoch);
            context.Terminal.Out.WriteLine(JsonSerializer.Serialize(json, CliJson.Lines.RedeliverJson));
            return ExitCodes.Done;
        }

        context.Terminal.Out.WriteLine(
            $"Pipeline '{done.Pipeline}' {(order.Rebuild ? "makes its documents anew" : "delivers everything again")}{(running is null ? " when Leat is started" : "")}, {How(order, done.Reread, done.FromOffset)}, in epoch {done.Epoch}.");
        return ExitCodes.Done;
    }

    private static int Preview(CommandContext context, LeatFile file, Order order)
    {
        var (pipeline, reread) = (order.Pipeline, order.Reread);
        using var view = LogView.Open(file.Log.Folder, new PosixDisk());
        var stream = view.Streams.Contains(pipeline.From) ? view.Stream(pipeline.From) : null;
        var (start, end) = (stream?.StartOffset ?? 0, stream?.EndOffset ?? 0);
        var keepsRows = pipeline.Document is not null && !order.Rebuild;
        reread |= start > 0 && !keepsRows;
        var from = reread || keepsRows ? end : 0;
        if (context.Json)
        {
            var json = new RedeliverJson(pipeline.Name, from, reread, Done: false, Running: false, Epoch: null);
            context.Terminal.Out.WriteLine(JsonSerializer.Serialize(json, CliJson.Lines.RedeliverJson));
            return ExitCodes.Done;
        }

        context.Terminal.Out.WriteLine(
            $"Pipeline '{pipeline.Name}' would {(order.Rebuild ? "make its documents anew" : "deliver everything again")}, {How(order, reread, from)}"
            + $"{(keepsRows ? "" : reread ? start > 0 ? $", for the log begins at offset {start}" : "" : $": {Quantities.Count(end, "record", "records")}")}. Nothing is done without --yes.");
        return ExitCodes.Done;
    }

    private static string How(Order order, bool reread, long from)
    {
        var tables = reread ? $"after source '{order.Pipeline.From}' has read its tables again, and " : "";
        return tables + (order.Pipeline.Document is null || order.Rebuild ? $"from offset {from} of the log on" : "each document made of the rows that it holds");
    }

    private sealed record Order(PipelineDefinition Pipeline, bool Reread, bool Rebuild);
}
