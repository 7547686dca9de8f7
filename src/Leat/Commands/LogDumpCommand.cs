using System.CommandLine;
using Leat.Log.Tools;
using Leat.Output;

namespace Leat.Commands;

/// <summary><c>leat log dump STREAM</c>: prints records.</summary>
internal static class LogDumpCommand
{
    public static Command Create(Terminal terminal)
    {
        var command = new LeatCommand("dump", "Prints the records of a stream: changes where it is a source's, text or hexadecimal digits elsewhere.")
        {
            Examples =
            [
                new("leat log dump shop --from 4711 --limit 20", "twenty changes from an offset on"),
                new("leat log dump shop --from 2026-01-31T12:00:00Z --to 2026-01-31T13:00:00Z --json", "those of an hour, as JSON lines"),
                new("leat log dump shop --format debezium", "all changes as Debezium's events"),
            ],
        };
        var stream = LogPlace.StreamArgument();
        var from = new Option<string?>("--from") { Description = "First offset, or time of the first record. Default: the stream's start.", HelpName = "OFFSET|TIME" };
        var to = new Option<string?>("--to") { Description = "Stop before this offset, or before the first record of this time or later.", HelpName = "OFFSET|TIME" };
        var limit = new Option<long>("--limit") { Description = "Most records to print.", HelpName = "N", DefaultValueFactory = _ => long.MaxValue };
        limit.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<long>() < 1)
                result.AddError("--limit: expected 1 or more.");
        });
        command.Arguments.Add(stream);
        foreach (var option in (Option[])[from, to, limit])
            command.Options.Add(option);
        var records = new LogRecords(command);
        var place = new LogPlace(command);
        command.SetAction(terminal, context =>
        {
            var range = new Range(
                LogRecords.PlaceOf("--from", context.Parse.GetValue(from)), LogRecords.PlaceOf("--to", context.Parse.GetValue(to)), context.Parse.GetValue(limit));
            return place.ViewAsync(context, (view, _) => Task.FromResult(
                Dump(context, view, view.Stream(context.Parse.GetRequiredValue(stream)), records, range)));
        });
        return command;
    }

    private static int Dump(CommandContext context, LogView view, StreamView stream, LogRecords records, Range range)
    {
        var fromTime = range.From.Time?.ToUnixTimeMilliseconds() ?? long.MinValue;
        var toTime = range.To.Time?.ToUnixTimeMilliseconds() ?? long.MaxValue;
        var left = range.Limit;
        using var printer = records.PrinterOf(context, view, stream);
        using var reader = stream.NewReader(range.From.Offset ?? (range.From.Time is { } time ? stream.OffsetAt(time) : 0), records.FormOf(context).All);
        var isWhole = LogRecords.Show(context, reader, printer, (offset, timeMs, line) =>
        {
            if (timeMs != long.MinValue && timeMs < fromTime)
                return true; // earlier records of the first batch
            fromTime = long.MinValue; // times need not rise: what follows is shown whatever it says
            if (offset >= (range.To.Offset ?? long.MaxValue) || timeMs >= toTime)
                return false;
            context.Terminal.Out.WriteLine(line);
            return --left > 0;
        });
        return isWhole ? ExitCodes.Done : ExitCodes.Failed;
    }

    private readonly record struct Range((long? Offset, DateTimeOffset? Time) From, (long? Offset, DateTimeOffset? Time) To, long Limit);
}
