using System.CommandLine;
using System.Text.Json;
using Leat.Log.Posix;
using Leat.Log.Tools;
using Leat.Output;
using Leat.Pipeline;
using Leat.Pipeline.Definitions;
using Leat.Pipeline.Letters;

namespace Leat.Commands;

/// <summary><c>leat dlq replay|discard PIPELINE</c>: told first, done with <c>--yes</c>.</summary>
internal static class DlqActs
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(200);

    public static LeatCommand Replay(Terminal terminal) => Act(
        terminal, discard: false, "replay", "Has dead letters sent again through the pipeline of today; one whose key has a newer outcome is passed over.",
        [
            new("leat dlq replay orders-copy --cause 1406", "what would be sent"),
            new("leat dlq replay orders-copy --cause 1406 --yes", "sends it, and waits for the outcomes"),
            new("leat dlq replay orders-copy 17 18 --yes", "two letters"),
        ]);

    public static LeatCommand Discard(Terminal terminal) => Act(
        terminal, discard: true, "discard", "Gives dead letters up: they stay in the log, with who did it and when, and are not counted any more.",
        [new("leat dlq discard orders-copy --table orders", "what would be given up"), new("leat dlq discard orders-copy 17 --yes", "gives one up")]);

    private static LeatCommand Act(Terminal terminal, bool discard, string name, string what, IReadOnlyList<Example> examples)
    {
        var command = new LeatCommand(name, what) { Examples = examples };
        var pipeline = RedeliverCommand.PipelineArgument();
        command.Arguments.Add(pipeline);
        var selection = new LetterSelection(command);
        var (yes, server) = (RedeliverCommand.YesOption(), StatusCommand.ServerOption());
        server.Description = "Address of the Leat that runs on this log; when none runs there, the log itself is told.";
        var dryRun = new Option<bool>("--dry-run") { Description = "Tell what would be done, as without --yes." };
        foreach (var option in (Option[])[yes, dryRun, server])
            command.Options.Add(option);
        var place = new LogPlace(command);
        command.SetAction(terminal, async context =>
        {
            if (place.Find(context) is not { } found)
                return ExitCodes.Usage;
            var act = new Order(context.Parse.GetRequiredValue(pipeline), found.Folder, found.File, discard, context.Parse.GetRequiredValue(server));
            return await RunAsync(context, act, selection, isDry: !context.Parse.GetValue(yes) || context.Parse.GetValue(dryRun));
        });
        return command;
    }

    private static async Task<int> RunAsync(CommandContext context, Order order, LetterSelection selection, bool isDry)
    {
        // Let go of before the log itself is opened.
        Letter[] open;
        using (var view = LogView.Open(order.Folder, new PosixDisk()))
        using (var letters = LetterView.Open(view, order.Pipeline, order.File))
            open = [.. selection.Of(context, order.Pipeline, letters.Book, ended: false).Where(letter => letter.State == LetterState.Open)];

        var old = order.Discard ? 0 : open.Count(letter => letter.KeyHash is null);
        if (old > 0)
            context.Terminal.Error.WriteLine($"{Quantities.Count(old, "letter", "letters")} of an earlier version cannot be replayed: nobody noted what came after. 'leat redeliver {order.Pipeline}' sends everything again.");
        if (isDry || open.Length == old)
        {
            Tell(context, order, new(order.Pipeline, open.Length - old, Taken: 0, Running: false, new Dictionary<string, int>()));
            return ExitCodes.Done;
        }

        var running = await RunningLeat.FindAsync(order.Server, order.Folder, context.Stopping);
        var ids = open.Select(letter => letter.Id).ToArray();
        var taken = running is not null
            ? await running.RequestAsync(order.Pipeline, ids, order.Discard, Environment.UserName, context.Stopping)
            : await StoppedDelivery.RequestAsync(order.Folder, order.Pipeline, ids, order.Discard, Environment.UserName, context.Terminal.Time, context.Loggers, context.Stopping);
        var outcomes = running is null || order.Discard ? new() : await WaitAsync(context, order, open);
        Tell(context, order, new(order.Pipeline, open.Length - old, taken, running is not null, outcomes));
        return outcomes.ContainsKey("refused") ? ExitCodes.Differences : ExitCodes.Done;
    }

    // Until each letter has ended or was refused once more. Stopping the waiting stops nothing else: the request is in the log.
    private static async Task<Dictionary<string, int>> WaitAsync(CommandContext context, Order order, Letter[] asked)
    {
        using var view = LogView.Open(order.Folder, new PosixDisk());
        using var letters = LetterView.Open(view, order.Pipeline, order.File);
        var before = asked.Where(letter => letter.KeyHash is not null).ToDictionary(letter => letter.Id, letter => letter.Attempts);
        var told = 0;
        while (true)
        {
            var done = before.Select(one => (Now: letters.Book.Find(one.Key), one.Value)).Where(one => one.Now is { } now && (now.State != LetterState.Open || now.Attempts > one.Value)).ToList();
            if (done.Count == before.Count)
                return done.GroupBy(one => WordOf(one.Now)).ToDictionary(group => group.Key, group => group.Count());
            if (done.Count > told && context.Terminal.IsErrorTerminal)
                context.Terminal.Error.WriteLine($"{Quantities.Number(done.Count)} of {Quantities.Count(before.Count, "letter", "letters")}");
            told = done.Count;
            await Task.Delay(LookInterval, context.Terminal.Time, context.Stopping);
            letters.Refresh();
        }
    }

    private static string WordOf(Letter? letter) => letter is null or { State: LetterState.Open } ? "refused" : letter.State.ToString().ToLowerInvariant();

    private static void Tell(CommandContext context, Order order, LetterActJson act)
    {
        var writer = context.Terminal.Out;
        if (context.Json)
        {
            writer.WriteLine(JsonSerializer.Serialize(act, CliJson.Lines.LetterActJson));
            return;
        }

        var letters = Quantities.Count(act.Selected, "dead letter", "dead letters");
        var taken = Quantities.Count(act.Taken, "dead letter", "dead letters");
        if (act.Selected == 0)
            writer.WriteLine($"Pipeline '{act.Pipeline}' has no such open dead letters.");
        else if (act.Taken == 0 && act.Outcomes.Count == 0)
            writer.WriteLine($"{letters} of pipeline '{act.Pipeline}' would be {(order.Discard ? "given up" : "replayed")}. Nothing is done without --yes.");
        else if (order.Discard)
            writer.WriteLine($"{taken} of pipeline '{act.Pipeline}' given up.");
        else if (!act.Running)
            writer.WriteLine($"{taken} of pipeline '{act.Pipeline}' will be replayed when Leat is started.");
        else
            writer.WriteLine($"{taken} of pipeline '{act.Pipeline}' replayed: {string.Join(", ", act.Outcomes.OrderBy(one => one.Key, StringComparer.Ordinal).Select(one => $"{Quantities.Number(one.Value)} {(one.Key == "refused" ? "refused again" : one.Key)}"))}.");
    }

    /// <summary>What is asked.</summary>
    private sealed record Order(string Pipeline, string Folder, LeatFile? File, bool Discard, Uri Server);
}
