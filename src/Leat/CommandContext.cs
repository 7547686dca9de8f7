using System.CommandLine;
using Leat.Changes;
using Leat.Log;
using Leat.Output;
using Microsoft.Extensions.Logging;

namespace Leat;

/// <summary>What every command is given: its arguments, where to write, and when to stop.</summary>
public sealed class CommandContext : IDisposable
{
    private readonly Lazy<ILoggerFactory> _loggers;

    internal CommandContext(ParseResult parse, Terminal terminal, CancellationToken stopping)
    {
        Parse = parse;
        Terminal = terminal;
        Stopping = stopping;
        Json = parse.GetValue<bool>(GlobalOptions.Json);
        LogsJson = parse.GetValue<LogFormat>(GlobalOptions.LogFormat) == LogFormat.Json;
        terminal.Color = parse.GetValue<ColorMode>(GlobalOptions.Color);
        _loggers = new(() => ErrorLog.Factory(
            terminal, parse.GetValue<LogLevel>(GlobalOptions.LogLevel), parse.GetValue<LogFormat>(GlobalOptions.LogFormat)));
    }

    /// <summary>The arguments.</summary>
    public ParseResult Parse { get; }

    /// <summary>Where to write.</summary>
    public Terminal Terminal { get; }

    /// <summary>Whether <c>--json</c> was given.</summary>
    public bool Json { get; }

    /// <summary>Whether standard error is a log of JSON objects, into which nothing else may be written.</summary>
    public bool LogsJson { get; }

    /// <summary>The command's name, for the envelope of <c>--json</c>.</summary>
    public string Command => Parse.CommandResult.Command.Name;

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Stopping { get; }

    /// <summary>Logs to standard error as the options of the command line say.</summary>
    public ILoggerFactory Loggers => _loggers.Value;

    /// <summary>Closes the log.</summary>
    public void Dispose()
    {
        if (_loggers.IsValueCreated)
            _loggers.Value.Dispose();
    }
}

/// <summary>Ties commands to what they do.</summary>
public static class CommandActions
{
    private const int BrokenPipe = 32; // EPIPE, as Linux numbers it

    /// <summary>Runs <paramref name="action"/> when the command is called; whatever it throws becomes a message and an exit code.</summary>
    public static void SetAction(this Command command, Terminal terminal, Func<CommandContext, Task<int>> action) =>
        command.SetAction((ParseResult parse, CancellationToken stopping) => RunAsync(parse, terminal, action, stopping));

    private static async Task<int> RunAsync(
        ParseResult parse, Terminal terminal, Func<CommandContext, Task<int>> action, CancellationToken outer)
    {
        using var signals = new Signals(terminal.Time);
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(outer, signals.Stopping);
        using var context = new CommandContext(parse, terminal, stopping.Token);
        try
        {
            return await action(context);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return signals.ExitCode ?? ExitCodes.Interrupted; // stopped before it was done
        }
        catch (IOException error) when (error.HResult == BrokenPipe)
        {
            return ExitCodes.Done; // whoever read our output has read enough, as `| head` does
        }
        catch (Exception error)
        {
            // The last resort of the program: every failure is told, none is swallowed.
            var told = error switch
            {
                LeatException leat => leat,
                LogException log => ProgramErrors.OfLog(log),
                _ => ProgramErrors.Defect(error),
            };
            FindingWriter.Write(context, told);
            return ExitCodes.For(told);
        }
    }
}
