using System.CommandLine;
using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Output;
using Leat.Pipeline.Definitions;

namespace Leat.Commands;

/// <summary><c>leat capture FILE</c>: prints the changes of a source as JSON lines, without a log and without delivering anything.</summary>
internal static class CaptureCommand
{
    private const string Beginning = "beginning";
    private const string Now = "now";

    public static Command Create(Terminal terminal)
    {
        var file = ConfigurationFile.Argument();
        var source = new Option<string?>("--source") { Description = "Name of the source; needed when the file has several.", HelpName = "NAME" };
        var from = new Option<string>("--from")
        {
            Description = "Where to begin: 'beginning' (a first snapshot, then the stream), 'now', a time (2026-01-05T08:00:00Z), or a position of the source.",
            HelpName = "POSITION",
            DefaultValueFactory = _ => Beginning,
        };
        var to = new Option<string?>("--to") { Description = "Where to stop: 'now' (all that is committed when the command starts), or a position.", HelpName = "POSITION" };
        var snapshot = new Option<string?>("--snapshot") { Description = "'only': stop once every row there is has been read, beside whatever changes meanwhile.", HelpName = "only" };
        snapshot.AcceptOnlyFromAmong("only");
        var command = new LeatCommand("capture", "Prints the changes of a source to standard output, one JSON object a line. Keeps no log and delivers nothing.")
        {
            Examples =
            [
                new("leat capture leat.yaml --snapshot only", "every row there is, then stop"),
                new("leat capture leat.yaml --from now", "what happens from now on"),
                new("leat capture leat.yaml --from 0-1-42 --format debezium | jq .after", "after a position of the source, as Debezium's events"),
            ],
        };
        command.Arguments.Add(file);
        foreach (var option in (Option[])[source, from, to, snapshot])
            command.Options.Add(option);
        var envelopes = new EnvelopeOptions(command, withKeys: true);
        command.SetAction(terminal, context => RunAsync(
            context, envelopes, context.Parse.GetRequiredValue(file), context.Parse.GetValue(source), context.Parse.GetRequiredValue(from), context.Parse.GetValue(to),
            context.Parse.GetValue(snapshot) is not null));
        return command;
    }

    private static async Task<int> RunAsync(CommandContext context, EnvelopeOptions envelopes, string path, string? name, string from, string? to, bool snapshotOnly)
    {
        if (ConfigurationFile.ReadAndTell(context, path) is not { } file)
            return ExitCodes.Usage;

        var definition = Choose(file, name);
        using var writer = new PrintingWriter(context.Terminal.Out, envelopes.Create(context, definition.Name));
        await using var source = definition.Open(new(definition.Name, context.Loggers, context.Terminal.Time) { IsBeside = true });
        var run = new SourceRun
        {
            SnapshotOnly = snapshotOnly,
            From = from == Beginning ? null : await source.ParsePositionAsync(from, context.Stopping),
            Until = to switch
            {
                null => null,
                Now => await source.CurrentPositionAsync(context.Stopping),
                _ => await source.ParsePositionAsync(to, context.Stopping),
            },
        };

        if (run.From is { } start)
            writer.StartAfter(start);
        try
        {
            await source.RunAsync(run, writer, context.Stopping);
        }
        catch (OperationCanceledException) when (context.Stopping.IsCancellationRequested)
        {
            // A signal is how a capture without an end is ended: what was committed so far is printed, and that is all right.
        }
        finally
        {
            writer.Flush();
        }

        context.Terminal.Error.WriteLine($"{writer.Changes} changes in {writer.Transactions} transactions.");
        if (writer.LeftOut > 0)
            context.Terminal.Error.WriteLine($"{writer.LeftOut} more have no document in this format.");
        if (writer.Position is { } position)
            context.Terminal.Error.WriteLine($"To go on from here: --from '{position}'");
        return ExitCodes.Done;
    }

    private static SourceDefinition Choose(LeatFile file, string? name)
    {
        var names = file.Sources.Select(source => source.Name).ToArray();
        if (name is null)
            return file.Sources.Length == 1 ? file.Sources[0] : throw ProgramErrors.Choose(file.Path, "source", "--source NAME", names);
        return file.Sources.FirstOrDefault(source => source.Name == name)
            ?? throw ProgramErrors.UnknownName(file.Path, "source", name, Nearest.Of(name, names), names);
    }
}
