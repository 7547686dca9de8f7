using System.Diagnostics;
using Xunit;

namespace Leat.IntegrationTests.EndToEnd;

/// <summary>The scripts at the root: found from anywhere, honest about how it ended.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class LauncherTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_launcher_works_from_another_folder_and_through_a_link_and_builds_once()
    {
        var elsewhere = TestRunFolder.New();
        var link = Path.Combine(elsewhere, "leat");
        File.CreateSymbolicLink(link, Path.Combine(Repository.Root, "leat"));
        await RunAsync(elsewhere, link, "version");

        var (code, output, said) = await RunAsync(elsewhere, link, "version");

        Assert.Equal(0, code);
        Assert.StartsWith("leat ", output, StringComparison.Ordinal);
        Assert.Equal("", said);
    }

    [Fact]
    public async Task The_launcher_passes_on_arguments_and_exit_codes()
    {
        var (code, output, said) = await RunAsync(Repository.Root, "./leat", "explain", "no such code");

        Assert.Equal(2, code);
        Assert.Equal("", output);
        Assert.Contains("'no such code'", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_tests_are_not_run_for_a_kind_that_does_not_exist()
    {
        var (code, output, said) = await RunAsync(Repository.Root, "./test", "everything");

        Assert.Equal(2, code);
        Assert.Equal("", output);
        Assert.Equal("test: 'everything' is no kind of test; there are: unit, simulation, fuzz, integration.\n", said);
    }

    private static async Task<(int ExitCode, string Output, string Error)> RunAsync(string folder, string script, params string[] arguments)
    {
        var start = new ProcessStartInfo(Path.IsPathRooted(script) ? script : Path.Combine(Repository.Root, script), arguments)
        {
            WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false,
        };
        using var process = Process.Start(start) ?? throw new InvalidOperationException("no process was started");
        var output = process.StandardOutput.ReadToEndAsync(Cancelled);
        var error = process.StandardError.ReadToEndAsync(Cancelled);
        await process.WaitForExitAsync(Cancelled);
        return (process.ExitCode, await output, await error);
    }
}
