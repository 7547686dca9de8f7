using System.Text;
using Microsoft.Win32.SafeHandles;
using Spectre.Console;

namespace Leat;

/// <summary>When to write colours.</summary>
public enum ColorMode
{
    /// <summary>On a terminal that is not <c>TERM=dumb</c>, unless NO_COLOR is set.</summary>
    Auto = 0,

    /// <summary>Also into files and pipes.</summary>
    Always = 1,

    /// <summary>Never.</summary>
    Never = 2,
}

/// <summary>Where the program reads and writes: data to <see cref="Out"/>, everything else to <see cref="Error"/>. A seam, so that tests see every byte.</summary>
public sealed class Terminal
{
    private const nint StandardOutput = 1;

    /// <summary>Takes data only: what a script may read.</summary>
    public required TextWriter Out { get; init; }

    /// <summary>Takes messages, logs, progress and banners.</summary>
    public required TextWriter Error { get; init; }

    /// <summary>Opens standard input, for commands that read a file from a pipe.</summary>
    public Func<Stream> OpenInput { get; init; } = () => Stream.Null;

    /// <summary>Whether <see cref="Out"/> is a terminal.</summary>
    public required bool IsOutTerminal { get; init; }

    /// <summary>Whether <see cref="Error"/> is a terminal.</summary>
    public required bool IsErrorTerminal { get; init; }

    /// <summary>Value of an environment variable.</summary>
    public required Func<string, string?> Variable { get; init; }

    /// <summary>The only clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>As given by <c>--color</c>.</summary>
    public ColorMode Color { get; set; }

    /// <summary>The terminal of this process.</summary>
    public static Terminal OfProcess() => new()
    {
        Out = Console.IsOutputRedirected ? Redirected() : Console.Out,
        Error = Console.Error,
        OpenInput = Console.OpenStandardInput,
        IsOutTerminal = !Console.IsOutputRedirected,
        IsErrorTerminal = !Console.IsErrorRedirected,
        Variable = Environment.GetEnvironmentVariable,
    };

    // The console's stream hides that the reader of a pipe has gone; a file stream tells, and the program can end. Into a file, though, a
    // file stream writes at offsets of its own and would overwrite what others append.
    private static StreamWriter Redirected()
    {
        Stream stream = new FileStream(new SafeFileHandle(StandardOutput, ownsHandle: false), FileAccess.Write, bufferSize: 0);
        if (stream.CanSeek)
            stream = Console.OpenStandardOutput();
        return new(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)) { AutoFlush = true };
    }

    /// <summary>Whether colours may go to <see cref="Out"/> (or, when <paramref name="error"/>, to <see cref="Error"/>).</summary>
    public bool UsesColor(bool error = false) => Color switch
    {
        ColorMode.Always => true,
        ColorMode.Never => false,
        _ => (error ? IsErrorTerminal : IsOutTerminal) && string.IsNullOrEmpty(Variable("NO_COLOR")) && Variable("TERM") != "dumb",
    };

    /// <summary>A console for tables and live views on <see cref="Out"/>.</summary>
    public IAnsiConsole OutConsole() => Create(Out, IsOutTerminal, UsesColor());

    /// <summary>A console for progress on <see cref="Error"/>.</summary>
    public IAnsiConsole ErrorConsole() => Create(Error, IsErrorTerminal, UsesColor(error: true));

    // Spectre.Console 0.49.1 writes colour codes into a pipe when TERM is set; said explicitly, it does not.
    private static IAnsiConsole Create(TextWriter writer, bool isTerminal, bool color)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = color || isTerminal ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = color ? ColorSystemSupport.Standard : ColorSystemSupport.NoColors,
            Interactive = isTerminal ? InteractionSupport.Detect : InteractionSupport.No,
            Out = new AnsiConsoleOutput(writer),
        });
        if (!isTerminal)
        {
            console.Profile.Capabilities.Ansi = color;
            console.Profile.Width = 200; // a file has no width; nothing shall be wrapped in it
        }

        return console;
    }
}
