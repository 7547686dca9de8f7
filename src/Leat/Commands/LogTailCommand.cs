using System.CommandLine;
using Leat.Log.Tools;
using Leat.Output;

namespace Leat.Commands;

/// <summary><c>leat log tail STREAM</c>: prints the newest records, and those that come.</summary>
internal static class LogTailCommand
{
    // Beside a running Leat the files are looked at; nobody tells this process that something was appended.
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(200);

    public static Command Create(Terminal terminal)
    {
        var command = new LeatCommand("tail", "Prints the newest records of a stream, and with -f those that come.")
        {
            Examples = [new("leat log tail shop", "the last ten changes"), new("leat log tail shop -n 0 -f --json", "what comes from now on, as JSON lines")],
        };
        var stream = LogPlace.StreamArgument();
        var count = new Option<int>("--lines", "-n") { Description = "How many of the newest records to print, 0 to 1000000.", HelpName = "N", DefaultValueFactory = _ => 10 };
        count.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 0 or > 1_000_000)
                result.AddError("--lines: expected 0 to 1000000.");
        });
        var follow = new Option<bool>("--follow", "-f") { Description = "Go on with records as they come, until interrupted." };
        command.Arguments.Add(stream);
        command.Options.Add(count);
        command.Options.Add(follow);
        var records = new LogRecords(command);
        var place = new LogPlace(command);
        command.SetAction(terminal, context => place.ViewAsync(context, (view, _) => TailAsync(
            context, view, view.Stream(context.Parse.GetRequiredValue(stream)), records, context.Parse.GetValue(count), context.Parse.GetValue(follow))));
        return command;
    }

    private static async Task<int> TailAsync(CommandContext context, LogView view, StreamView stream, LogRecords records, int count, bool follows)
    {
        var form = records.FormOf(context);
        using var printer = records.PrinterOf(context, view, stream);
        var (lines, isWhole, next) = Newest(context, stream, printer, form, count);
        foreach (var line in lines)
            context.Terminal.Out.WriteLine(line);

        using var reader = stream.NewReader(next, form.All);
        while (follows && !context.Stopping.IsCancellationRequested)
        {
            try
            {
                isWhole &= LogRecords.Show(context, reader, printer, (_, _, line) =>
                {
                    context.Terminal.Out.WriteLine(line);
                    return true;
                });
                await Task.Delay(LookInterval, context.Terminal.Time, context.Stopping);
            }
            catch (OperationCanceledException) when (context.Stopping.IsCancellationRequested)
            {
                break; // a signal is how following is ended
            }

            stream.Refresh();
        }

        return isWhole ? ExitCodes.Done : ExitCodes.Failed;
    }

    // Markers, positions and aborted records are offsets too, so how far back the last lines stand is found by trying.
    private static (Queue<string> Lines, bool IsWhole, long Next) Newest(
        CommandContext context, StreamView stream, RecordPrinter printer, RecordForm form, int count)
    {
        for (var back = Math.Max(16L, count * 2L); ; back *= 4)
        {
            var lines = new Queue<string>();
            var from = count == 0 ? stream.ReadableOffset : stream.OffsetBeforeEnd(back);
            using var reader = stream.NewReader(from, form.All);
            var isWhole = LogRecords.Show(context, reader, printer, (_, _, line) =>
            {
                lines.Enqueue(line);
                if (lines.Count > count)
                    lines.Dequeue();
                return true;
            });
            if (lines.Count >= count || from <= stream.StartOffset)
                return (lines, isWhole, reader.NextOffset);
        }
    }
}
