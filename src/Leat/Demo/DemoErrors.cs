using Leat.Changes;

namespace Leat.Demo;

/// <summary>Everything that can go wrong around private servers and the demo. Codes 5050 to 5079.</summary>
internal static class DemoErrors
{
    /// <summary>A server's program is not installed.</summary>
    public static LeatException ProgramMissing(string program, string package) => new(
        new(5050), $"The program '{program}' is not installed.",
        $"Install Debian's package '{package}', for example with `sudo apt-get install {package}`.");

    /// <summary>A private server ended before it was ready, or took too long.</summary>
    public static LeatException ServerDidNotStart(string server, string why, string logTail) => new(
        new(5051), $"The private {server} did not start: {why}. The end of its log:\n{logTail}\n",
        "Mend what the log names (often: no space or no memory left), then start again.");

    /// <summary>A helper program of a server failed.</summary>
    public static LeatException ProgramFailed(string program, int exitCode, string output) => new(
        new(5052), $"'{program}' ended with exit code {exitCode}: {output}.",
        "The program's own words above say what is wrong.");

    /// <summary>The demo's own configuration is not right: its environment is not as it says.</summary>
    public static LeatException SampleWrong(Finding finding) => new(
        new(5053), $"The demo's configuration cannot be used: {finding.Message.TrimEnd('.')} ({finding.Location}).",
        "This is a defect. Please report it with this message.");
}
