using System.CommandLine;
using System.Text.Json;
using Leat.Output;
using Leat.Pipeline.Letters;

namespace Leat.Commands;

/// <summary><c>leat dlq list|show|replay|discard PIPELINE</c>: what a target refused.</summary>
internal static class DlqCommand
{
    private const int ReasonWidth = 100;

    public static Command Create(Terminal terminal)
    {
        var command = new LeatCommand("dlq", "Shows what a target refused, has it sent again, or gives it up.")
        {
            Examples =
            [
                new("leat dlq list orders-copy", "what was refused, by cause"),
                new("leat dlq show orders-copy 17", "one letter, with its row"),
                new("leat dlq replay orders-copy --cause 1406 --yes", "those of one cause again, after it was mended"),
            ],
        };
        command.Subcommands.Add(List(terminal));
        command.Subcommands.Add(Show(terminal));
        command.Subcommands.Add(DlqActs.Replay(terminal));
        command.Subcommands.Add(DlqActs.Discard(terminal));
        return command;
    }

    private static LeatCommand List(Terminal terminal)
    {
        var command = new LeatCommand("list", "Counts a pipeline's open dead letters by table and cause.")
        {
            Examples = [new("leat dlq list orders-copy", "of the log that leat.yaml names"), new("leat dlq list orders-copy --log leat-data --json", "of a log, as JSON")],
        };
        var pipeline = RedeliverCommand.PipelineArgument();
        var failIfAny = new Option<bool>("--fail-if-any") { Description = "End with exit code 4 when there is one, for scripts." };
        command.Arguments.Add(pipeline);
        command.Options.Add(failIfAny);
        var place = new LogPlace(command);
        command.SetAction(terminal, context => place.ViewAsync(context, (view, file) =>
        {
            var name = context.Parse.GetRequiredValue(pipeline);
            using var letters = LetterView.Open(view, name, file);
            Print(context, name, letters.Book);
            return Task.FromResult(letters.Book.Open > 0 && context.Parse.GetValue(failIfAny) ? ExitCodes.Differences : ExitCodes.Done);
        }));
        return command;
    }

    private static LeatCommand Show(Terminal terminal)
    {
        var command = new LeatCommand("show", "Shows dead letters with the change as captured; those that have ended are named by number or --all.")
        {
            Examples = [new("leat dlq show orders-copy 17", "one"), new("leat dlq show orders-copy --cause 1406 --json", "all of a cause, a line of JSON each")],
        };
        var pipeline = RedeliverCommand.PipelineArgument();
        command.Arguments.Add(pipeline);
        var selection = new LetterSelection(command);
        var place = new LogPlace(command);
        command.SetAction(terminal, context => place.ViewAsync(context, (view, file) =>
        {
            var name = context.Parse.GetRequiredValue(pipeline);
            using var letters = LetterView.Open(view, name, file);
            foreach (var letter in selection.Of(context, name, letters.Book, ended: true))
            {
                context.Stopping.ThrowIfCancellationRequested();
                Print(context, letters, letter);
            }

            return Task.FromResult(ExitCodes.Done);
        }));
        return command;
    }

    private static void Print(CommandContext context, string pipeline, LetterBook book)
    {
        var ended = book.Letters.Where(letter => letter.State != LetterState.Open).GroupBy(letter => letter.State)
            .ToDictionary(group => group.Key.ToString().ToLowerInvariant(), group => group.Count());
        var groups = book.Letters.Where(letter => letter.State == LetterState.Open).GroupBy(letter => (letter.Alias, letter.Cause))
            .Select(group => GroupOf(group.Key.Alias, group.Key.Cause, [.. group])).OrderByDescending(group => group.Letters).ThenBy(group => group.Cause, StringComparer.Ordinal).ToList();
        if (context.Json)
        {
            context.Terminal.Out.WriteLine(JsonSerializer.Serialize(new LetterListJson(pipeline, book.Open, ended, groups), CliJson.Readable.LetterListJson));
            return;
        }

        var table = new PlainTable(">LETTERS", "TABLE", "CAUSE", "FIRST (UTC)", "LAST (UTC)", "NEWEST", "REASON");
        foreach (var group in groups)
        {
            var example = FormattableString.Invariant($"{group.Example} {group.Key}");
            table.Add(
                Quantities.Number(group.Letters), group.Table, Short(group.Cause), Quantities.Time(group.FirstAt), Quantities.Time(group.LastAt), example, Short(group.Reason));
        }

        table.WriteTo(context.Terminal.Out, context.Terminal.UsesColor(error: false));
        var rest = ended.Count == 0 ? "" : $"; ended: {string.Join(", ", ended.OrderBy(state => state.Key, StringComparer.Ordinal).Select(state => $"{Quantities.Number(state.Value)} {state.Key}"))}";
        context.Terminal.Error.WriteLine($"{Quantities.Count(book.Open, "open dead letter", "open dead letters")} of pipeline '{pipeline}'{rest}.");
    }

    private static LetterGroupJson GroupOf(string table, string cause, IReadOnlyList<Letter> letters)
    {
        var newest = letters.MaxBy(letter => letter.LastAt)!; // a group has one
        return new(table, cause, letters.Count, letters.Min(letter => letter.FirstAt), letters.Max(letter => letter.LastAt), newest.Id, newest.Key, newest.Reason);
    }

    private static void Print(CommandContext context, LetterView letters, Letter letter)
    {
        var writer = context.Terminal.Out;
        var (change, row) = letters.ContentOf(letter);
        if (context.Json)
        {
            writer.WriteLine(JsonSerializer.Serialize(LetterJson.Of(letter, change, row), CliJson.Lines.LetterJson));
            return;
        }

        var state = letter.State == LetterState.Open ? letter.IsRequested ? "open, replay asked for" : "open" : $"{letter.State.ToString().ToLowerInvariant()} {Quantities.Time(letter.EndedAt)}";
        writer.WriteLine(FormattableString.Invariant($"{letter.Id}  {letter.Operation} {letter.Alias} {letter.Key}  ({state}{(letter.EndedBy is null ? "" : $" by {letter.EndedBy}")})"));
        writer.WriteLine(FormattableString.Invariant($"  refused  {Quantities.Count(letter.Attempts, "time", "times")}, first {Quantities.Time(letter.FirstAt)}, last {Quantities.Time(letter.LastAt)} UTC"));
        writer.WriteLine($"  reason   {letter.Reason}");
        writer.WriteLine(FormattableString.Invariant($"  change   offset {letter.Offset} of epoch {letter.Epoch}, transaction {letter.Transaction}"));
        writer.WriteLine($"           {change?.ToJsonString(CliJson.Lines.Options) ?? "the shape of its table is not in the log"}");
        if (row is not null)
            writer.WriteLine($"  sent     {row.ToJsonString(CliJson.Lines.Options)}");
    }

    private static string Short(string text)
    {
        var line = text.ReplaceLineEndings(" ");
        return line.Length <= ReasonWidth ? line : $"{line[..(ReasonWidth - 1)]}…";
    }
}
