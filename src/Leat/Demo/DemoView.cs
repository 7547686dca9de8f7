using System.Text.Json;
using Leat.Pipeline.Status;
using Leat.Server;
using Spectre.Console;

namespace Leat.Demo;

/// <summary>Shows the engine's state until told to stop: a live table on a terminal, lines every few seconds elsewhere, JSON on request.</summary>
internal sealed class DemoView(Terminal terminal, bool json, Func<EngineStatus> status)
{
    // A person sees four changes a second as movement; a log file does not want them.
    private static readonly TimeSpan TerminalPeriod = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LinesPeriod = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan JsonPeriod = TimeSpan.FromSeconds(1);

    /// <summary>Whether a live table is drawn, which nothing else may write into.</summary>
    public static bool IsLive(Terminal terminal, bool json) => terminal.IsOutTerminal && !json && terminal.Variable("TERM") is not (null or "" or "dumb");

    /// <summary>Shows until <paramref name="stopping"/>, and then the last state once more.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        if (json)
            await EachAsync(JsonPeriod, () => terminal.Out.WriteLine(JsonSerializer.Serialize(status(), StatusJson.Api.EngineStatus)), stopping);
        else if (IsLive(terminal, json))
            await LiveAsync(stopping);
        else
            await EachAsync(LinesPeriod, WriteLines, stopping);
    }

    private async Task LiveAsync(CancellationToken stopping)
    {
        var console = terminal.OutConsole();
        await console.Live(StatusTable.Render(status(), console.Profile.Width))
            .AutoClear(enabled: false)
            .StartAsync(live => EachAsync(TerminalPeriod, () => live.UpdateTarget(StatusTable.Render(status(), console.Profile.Width)), stopping));
    }

    private void WriteLines()
    {
        var state = status();
        if (state.Sources.All(source => source.State == RunState.Starting))
            return; // nothing to see yet
        terminal.Out.WriteLine(FormattableString.Invariant($"{state.Now:HH:mm:ss} UTC"));
        foreach (var line in StatusTable.Lines(state))
            terminal.Out.WriteLine($"  {line}");
        terminal.Out.Flush();
    }

    private async Task EachAsync(TimeSpan period, Action show, CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(period, terminal.Time);
        try
        {
            do
            {
                show();
            }
            while (await timer.WaitForNextTickAsync(stopping));
        }
        catch (OperationCanceledException)
        {
            show(); // as it ended
        }
    }
}
