using System.CommandLine;
using Leat.Changes.Configuration;
using Leat.Demo;

namespace Leat.Commands;

/// <summary><c>leat demo</c>: a small shop on private servers, delivered three times, before your eyes.</summary>
internal static class DemoCommand
{
    private static readonly TimeSpan ShortestDuration = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestDuration = TimeSpan.FromDays(1);

    public static Command Create(Terminal terminal)
    {
        var yes = new Option<bool>("--yes", "-y") { Description = "Install missing Debian packages without asking." };
        var simulator = new Option<bool>("--simulator") { Description = "Use the simulated shop and files: no server, nothing to install." };
        var duration = DurationOption();
        var port = new Option<int>("--port")
        {
            Description = "Port of the status API on 127.0.0.1; 0 takes a free one.", HelpName = "PORT", DefaultValueFactory = _ => 0,
        };
        var command = new LeatCommand("demo", "Shows Leat at work: starts private MariaDB and Redis servers, a small shop, and its pipelines.")
        {
            Examples =
            [
                new("leat demo", "until Ctrl-C, which removes every trace"),
                new("leat demo --duration 20s --yes", "ends by itself; exit code 0 only when every target equals its source"),
                new("leat demo --simulator", "without any server"),
            ],
        };
        command.Options.Add(yes);
        command.Options.Add(duration);
        command.Options.Add(port);
        command.Options.Add(simulator);
        command.SetAction(terminal, async context =>
        {
            var parse = context.Parse;
            var options = new DemoOptions(parse.GetValue(yes), parse.GetValue(duration), parse.GetValue(port), parse.GetValue(simulator));
            var code = await new DemoRun(options, context).RunAsync();
            if (!context.Json)
                terminal.Error.WriteLine("Stopped. What the demo started has ended, and what it wrote is removed.");
            return code;
        });
        return command;
    }

    private static Option<TimeSpan?> DurationOption() => new("--duration")
    {
        Description = "Ends by itself after this time, and compares every target with its source.",
        HelpName = "TIME",
        CustomParser = result =>
        {
            var written = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
            if (Units.TryDuration(written, out var time) && time >= ShortestDuration && time <= LongestDuration)
                return time;
            result.AddError($"--duration: expected a time with its unit from 1s to 1d, such as 20s, got '{written}'.");
            return null;
        },
    };
}
