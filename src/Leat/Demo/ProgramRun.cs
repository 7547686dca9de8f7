using System.ComponentModel;
using System.Diagnostics;

namespace Leat.Demo;

/// <summary>Runs a short program to its end and gives what it printed.</summary>
internal static class ProgramRun
{
    /// <summary>The program's whole path, searched in PATH and where Debian keeps servers; <see langword="null"/> when it is not installed.</summary>
    public static string? Find(string program)
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Concat(["/usr/local/sbin", "/usr/sbin", "/sbin"]);
        return folders.Where(folder => folder.Length > 0).Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);
    }

    /// <summary>The same, or the error that names the Debian package.</summary>
    public static string Require(string program, string package) => Find(program) ?? throw DemoErrors.ProgramMissing(program, package);

    /// <summary>Runs and waits; cancelled, it kills the program.</summary>
    /// <returns>What it printed on stdout.</returns>
    /// <exception cref="Changes.LeatException">It ended with another exit code than 0; the message has its stderr.</exception>
    public static async Task<string> RunAsync(string program, IEnumerable<string> arguments, string input, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo(program)
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false,
        };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);

        using var process = Start(start);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
            var error = process.StandardError.ReadToEndAsync(cancellationToken);
            await WriteAsync(process, input, cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            var said = await error;
            var printed = await output;
            if (process.ExitCode != 0)
                throw DemoErrors.ProgramFailed(Path.GetFileName(program), process.ExitCode, LastPart(said.Length > 0 ? said : printed));
            return printed;
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    // A database client repeats the statement before its error, with an empty line between.
    private static string LastPart(string text) => text.Trim().Split("\n\n")[^1];

    private static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start) ?? throw DemoErrors.ProgramFailed(start.FileName, -1, "no process was started");
        }
        catch (Win32Exception error)
        {
            throw DemoErrors.ProgramFailed(start.FileName, -1, error.Message);
        }
    }

    private static async Task WriteAsync(Process process, string input, CancellationToken cancellationToken)
    {
        try
        {
            await process.StandardInput.WriteAsync(input.AsMemory(), cancellationToken);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // The program ended before it read everything: its exit code and stderr tell why, and are looked at next.
            return;
        }
    }
}
