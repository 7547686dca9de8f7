using Xunit;

namespace Leat.Tests.Commands;

/// <summary>Runs the program in this process and keeps what it wrote.</summary>
internal sealed record Cli(int ExitCode, string Out, string Error)
{
    /// <summary>Runs one command line, as if both outputs were pipes.</summary>
    public static Task<Cli> RunAsync(params string[] args) => RunAsync(new Dictionary<string, string>(), args);

    /// <summary>Runs one command line with these environment variables only.</summary>
    public static async Task<Cli> RunAsync(Dictionary<string, string> environment, params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var terminal = Terminal(output, error, isTerminal: false, environment);
        var exitCode = await LeatProgram.RunAsync(args, terminal, TestContext.Current.CancellationToken);
        return new(exitCode, output.ToString(), error.ToString());
    }

    /// <summary>A terminal, or a pair of pipes, that writes to memory.</summary>
    public static Terminal Terminal(TextWriter output, TextWriter error, bool isTerminal, Dictionary<string, string>? environment = null) => new()
    {
        Out = output,
        Error = error,
        IsOutTerminal = isTerminal,
        IsErrorTerminal = isTerminal,
        Variable = name => environment?.GetValueOrDefault(name),
    };
}

/// <summary>A folder that is gone after the test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    /// <summary>Its path.</summary>
    public string Path { get; } = Directory.CreateTempSubdirectory("leat-").FullName;

    /// <summary>Writes a file into it and returns the path.</summary>
    public string Write(string name, string text)
    {
        var path = System.IO.Path.Combine(Path, name);
        File.WriteAllText(path, text);
        return path;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
