using System.Diagnostics;

namespace Leat.Demo;

/// <summary>Installs the programs that the demo needs, and no service: Debian keeps the two apart.</summary>
internal static class DebianPackages
{
    private static readonly (string[] Programs, string Package)[] Needed =
    [
        (["mariadbd", "mariadb-install-db"], "mariadb-server-core"),
        (["mariadb"], "mariadb-client-core"),
        (["redis-cli"], "redis-tools"), // and with it the server: see PrivateRedis
    ];

    /// <summary>The packages that are not there yet; empty when all is installed.</summary>
    public static IReadOnlyList<string> Missing() =>
        [.. Needed.Where(need => need.Programs.Any(program => ProgramRun.Find(program) is null)).Select(need => need.Package)];

    /// <summary>Why nothing can be installed here, as the rest of a sentence; <see langword="null"/> when it can.</summary>
    public static string? WhyNot()
    {
        if (!OperatingSystem.IsLinux() || ProgramRun.Find("apt-get") is null)
            return "this system has no apt-get";
        if (!Environment.IsPrivilegedProcess && ProgramRun.Find("sudo") is null)
            return "installing needs root, and there is no sudo";
        return null;
    }

    /// <summary>The commands that <see cref="InstallAsync"/> runs, as a person would type them.</summary>
    public static IReadOnlyList<string> Commands(IReadOnlyList<string> packages)
    {
        var sudo = Environment.IsPrivilegedProcess ? "" : "sudo ";
        return [$"{sudo}apt-get update", $"{sudo}apt-get install -y --no-install-recommends {string.Join(' ', packages)}"];
    }

    /// <summary>Runs the commands. What they print goes to stderr; sudo may ask for a password at the terminal.</summary>
    /// <returns>Whether every program is there now.</returns>
    public static async Task<bool> InstallAsync(IReadOnlyList<string> packages, CancellationToken cancellationToken)
    {
        foreach (var command in Commands(packages))
        {
            var start = new ProcessStartInfo("sh") { UseShellExecute = false, ArgumentList = { "-c", $"{command} >&2" } };
            start.Environment["DEBIAN_FRONTEND"] = "noninteractive";
            using var process = Process.Start(start);
            if (process is null)
                return false;
            await process.WaitForExitAsync(cancellationToken);
            if (process.ExitCode != 0)
                return false;
        }

        return Missing().Count == 0;
    }
}
