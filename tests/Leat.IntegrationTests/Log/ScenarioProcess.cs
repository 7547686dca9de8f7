using System.Diagnostics;
using Xunit;

namespace Leat.IntegrationTests.Log;

/// <summary>One run of <see cref="LogScenario"/> in a process of its own, under strace or not.</summary>
internal sealed record ScenarioProcess(int ExitCode, IReadOnlyList<string> Lines, string Errors)
{
    // Names differ between processors: a leading question mark passes over those that this one lacks.
    private const string FileCalls = "?open,openat,pwrite64,pwritev,?rename,?renameat,?renameat2,?unlink,?unlinkat,?rmdir,?mkdir,?mkdirat,ftruncate,fdatasync,fsync,flock";

    /// <summary>Whether processes can be traced here.</summary>
    public static async Task<bool> CanTraceAsync()
    {
        if (!File.Exists("/usr/bin/strace"))
            return false;
        return (await RunAsync("/usr/bin/strace", ["-qq", "-e", "inject=fsync:error=EIO", "-o", "/dev/null", "true"])).ExitCode == 0;
    }

    /// <summary>Runs it to its end.</summary>
    public static Task<ScenarioProcess> RunAsync(string folder) => RunAsync("dotnet", [typeof(ScenarioProcess).Assembly.Location, LogScenario.Argument, folder]);

    /// <summary>Runs it under strace, which does something to one system call; all calls go to a file.</summary>
    /// <param name="folder">The log's folder.</param>
    /// <param name="trace">Gets a line for each call.</param>
    /// <param name="inject">strace's words, e.g. <c>fsync:error=EIO:when=3</c>; empty: nothing.</param>
    public static Task<ScenarioProcess> RunTracedAsync(string folder, string trace, string inject)
    {
        string[] tampering = inject.Length == 0 ? [] : ["-e", $"inject={inject}"];
        return RunAsync(
            "/usr/bin/strace",
            ["-f", "-y", "-qq", "--seccomp-bpf", "-e", $"trace={FileCalls}", .. tampering, "-o", trace, "dotnet", typeof(ScenarioProcess).Assembly.Location, LogScenario.Argument, folder]);
    }

    private static async Task<ScenarioProcess> RunAsync(string program, string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["DOTNET_EnableWriteXorExecute"] = "0"; // starts faster, and with fewer calls of ftruncate
        start.Environment["DOTNET_TieredPGO"] = "0";
        using var process = Process.Start(start);
        Assert.NotNull(process);
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var errors = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var lines = (await output).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return new(process.ExitCode, lines, errors);
    }
}
