using System.CommandLine;
using System.Text.Json;
using Leat.Log.Posix;
using Leat.Log.Tools;
using Leat.Output;

namespace Leat.Commands;

/// <summary><c>leat log backup DIR</c>: a consistent copy of a log, also of a running one.</summary>
internal static class LogBackupCommand
{
    // What points into a stream comes before it, so that it points at something; what its records need comes after it, so that it is there.
    private static readonly (string Suffix, int Turn)[] Turns =
        [(".checkpoints", 0), (".state", 0), (".schemas", 2), (".parked", 3), (".deadletters", 3)];

    private const int SourceTurn = 1;

    public static Command Create(Terminal terminal)
    {
        var command = new LeatCommand("backup", "Copies the log into a folder from which 'leat log restore' makes it again. Leat may run meanwhile.")
        {
            Examples =
            [
                new("leat log backup /backups/monday", "of the log that leat.yaml names"),
                new("leat log backup /backups/monday --log leat-data --json", "for scripts"),
            ],
        };
        var target = new Argument<string>("dir") { Description = "Folder for the backup: absent or empty." };
        command.Arguments.Add(target);
        var place = new LogPlace(command);
        command.SetAction(terminal, context => place.ViewAsync(context, (view, _) =>
        {
            BackupSummary summary;
            using (var progress = new LogProgressLine(context))
            {
                summary = new LogBackup(view, new PosixDisk(), context.Terminal.Time, progress)
                    .Run(context.Parse.GetRequiredValue(target), InOrder(view.Streams), context.Stopping);
            }

            Tell(context, summary, "Backup of log");
            return Task.FromResult(ExitCodes.Done);
        }));
        return command;
    }

    /// <summary>Names of streams in the order in which they are copied.</summary>
    public static IReadOnlyList<string> InOrder(IEnumerable<string> streams) => [.. streams.OrderBy(TurnOf).ThenBy(name => name, StringComparer.Ordinal)];

    /// <summary>Tells what a backup or restore came to.</summary>
    public static void Tell(CommandContext context, BackupSummary summary, string what)
    {
        var terminal = context.Terminal;
        if (context.Json)
        {
            var json = new LogBackupJson(
                summary.Folder, summary.LogId, summary.MadeAt, summary.Bytes,
                [.. summary.Streams.Select(stream => new LogBackupStreamJson(stream.Name, stream.Epoch, stream.StartOffset, stream.EndOffset))]);
            terminal.Out.WriteLine(JsonSerializer.Serialize(json, CliJson.Readable.LogBackupJson));
            return;
        }

        var table = new PlainTable("STREAM", ">FIRST", ">NEXT", ">EPOCH");
        foreach (var stream in summary.Streams)
            table.Add(stream.Name, Quantities.Number(stream.StartOffset), Quantities.Number(stream.EndOffset), Quantities.Number(stream.Epoch));
        table.WriteTo(terminal.Out, terminal.UsesColor());
        terminal.Error.WriteLine($"{what} {summary.LogId} in {summary.Folder}: {Quantities.Count(summary.Streams.Count, "stream", "streams")}, {Quantities.Size(summary.Bytes)}.");
    }

    private static int TurnOf(string stream)
    {
        foreach (var (suffix, turn) in Turns)
        {
            if (stream.EndsWith(suffix, StringComparison.Ordinal))
                return turn;
        }

        return SourceTurn;
    }
}
