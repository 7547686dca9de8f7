using System.Text.Json;
using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Demo;
using Leat.Output;
using Leat.Pipeline.Status;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Leat.Commands;

/// <summary>Shows what a running Leat answers: once, or until told to stop.</summary>
/// <param name="context">Where to show it.</param>
/// <param name="name">The source or pipeline to show in detail; <see langword="null"/> for all of them as a table.</param>
/// <param name="server">Address of the running Leat.</param>
internal sealed class StatusView(CommandContext context, string? name, Uri server)
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    private readonly Terminal _terminal = context.Terminal;

    /// <summary>Asks, and shows the answer.</summary>
    public async Task ShowAsync() => Show(await StatusCommand.FetchAsync(server, context.Stopping));

    /// <summary>Asks and shows each second until the command is stopped. A Leat that does not answer any more is waited for; the first answer has to come.</summary>
    public async Task WatchAsync()
    {
        var now = await StatusCommand.FetchAsync(server, context.Stopping);
        if (!DemoView.IsLive(_terminal, context.Json))
        {
            Show(now);
            await EachAsync(answer =>
            {
                if (!context.Json)
                    _terminal.Out.WriteLine();
                Show(answer);
            }, error => FindingWriter.WriteError(context, error));
            return;
        }

        var console = _terminal.OutConsole();
        await console.Live(Picture(now.Status, console.Profile.Width)).AutoClear(enabled: false).StartAsync(live => EachAsync(
            answer => live.UpdateTarget(Picture(answer.Status, console.Profile.Width)),
            error => live.UpdateTarget(new Text($"{error.What} {error.Remedy} [{error.Code}]"))));
    }

    private async Task EachAsync(Action<(string Json, EngineStatus Status)> show, Action<LeatException> fail)
    {
        using var timer = new PeriodicTimer(Period, _terminal.Time);
        try
        {
            while (await timer.WaitForNextTickAsync(context.Stopping))
            {
                try
                {
                    show(await StatusCommand.FetchAsync(server, context.Stopping));
                }
                catch (LeatException error)
                {
                    fail(error);
                }
            }
        }
        catch (OperationCanceledException) when (context.Stopping.IsCancellationRequested)
        {
            return; // a signal is how watching is ended
        }
    }

    private void Show((string Json, EngineStatus Status) answer)
    {
        if (context.Json)
        {
            _terminal.Out.WriteLine(name is null ? answer.Json : Part(answer));
        }
        else if (name is null && _terminal.IsOutTerminal)
        {
            var console = _terminal.OutConsole();
            console.Write(StatusTable.Render(answer.Status, console.Profile.Width));
            Write(StatusTable.LogLines(answer.Status));
        }
        else
        {
            Write(name is not null ? Details(answer.Status) : [.. StatusTable.Lines(answer.Status), .. StatusTable.LogLines(answer.Status)]);
        }
    }

    private void Write(IEnumerable<string> lines)
    {
        foreach (var line in lines)
            _terminal.Out.WriteLine(line);
    }

    private IRenderable Picture(EngineStatus status, int width)
    {
        var lines = name is null ? StatusTable.LogLines(status) : Details(status);
        var text = new Text(string.Join(Environment.NewLine, lines));
        return name is null ? new Rows(StatusTable.Render(status, width), text) : text;
    }

    private IReadOnlyList<string> Details(EngineStatus status) =>
        status.Pipelines.FirstOrDefault(one => one.Name == name) is { } pipeline ? StatusDetails.Of(pipeline, status.Now)
        : status.Sources.FirstOrDefault(one => one.Name == name) is { } source ? StatusDetails.Of(source, status.Now)
        : throw Unknown(status);

    // As the server told it, so that nothing that a newer one tells is lost.
    private string Part((string Json, EngineStatus Status) answer)
    {
        using var whole = JsonDocument.Parse(answer.Json);
        foreach (var list in (string[])["pipelines", "sources"])
        {
            foreach (var one in whole.RootElement.GetProperty(list).EnumerateArray().Where(one => one.GetProperty("name").ValueEquals(name)))
                return one.GetRawText();
        }

        throw Unknown(answer.Status);
    }

    private LeatException Unknown(EngineStatus status)
    {
        string[] known = [.. status.Sources.Select(one => one.Name), .. status.Pipelines.Select(one => one.Name)];
        return ProgramErrors.UnknownName($"The Leat at {server}", "source or pipeline", name!, Nearest.Of(name!, known), known); // not null: only a name can be unknown
    }
}
