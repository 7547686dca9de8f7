using System.CommandLine;
using Leat.Output;

namespace Leat;

/// <summary>The program as a function: arguments in, exit code out.</summary>
public static class LeatProgram
{
    /// <summary>The program's version, e.g. <c>0.1.0</c>.</summary>
    public static string Version { get; } = typeof(LeatProgram).Assembly.GetName().Version?.ToString(3) ?? "0.0.0";

    /// <summary>Runs one command line.</summary>
    /// <param name="args">Without the program's own name.</param>
    /// <param name="terminal">Where it reads and writes.</param>
    /// <param name="cancellationToken">Ends the command like a first signal would.</param>
    /// <returns>One of <see cref="ExitCodes"/>.</returns>
    public static async Task<int> RunAsync(string[] args, Terminal terminal, CancellationToken cancellationToken)
    {
        var parse = RootCommandBuilder.Build(terminal).Parse(args);
        if (UsageErrors.Find(parse) is { } error)
        {
            terminal.Color = Enum.GetValues<ColorMode>().FirstOrDefault(mode => args.Contains(mode.ToString().ToLowerInvariant()));
            if (args.Contains(GlobalOptions.Json))
                FindingWriter.Write(terminal, new(parse.CommandResult.Command.Name, Ok: false, error.What, Result: null, ErrorJson.Of(error), []));
            else
                WriteUsage(terminal, error.What, error.Remedy);
            return ExitCodes.Usage;
        }

        var configuration = new InvocationConfiguration
        {
            Output = terminal.Out,
            Error = terminal.Error,
            EnableDefaultExceptionHandler = false, // the commands' own tells what, which and remedy
            ProcessTerminationTimeout = null, // signals are handled by Signals alone
        };
        return await parse.InvokeAsync(configuration, cancellationToken);
    }

    private static void WriteUsage(Terminal terminal, string what, string remedy)
    {
        terminal.Error.WriteLine($"{Paint.With("error", Paint.Red, terminal.UsesColor(error: true))}: {what}");
        terminal.Error.WriteLine(remedy);
    }
}
