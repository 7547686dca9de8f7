namespace Leat.Demo;

/// <summary>Decides between real servers and the simulated shop, and installs what is missing when it may.</summary>
internal static class DemoPreparation
{
    /// <summary>Whether the demo runs on real servers. What it decides, and what it is about to install, is told on standard error.</summary>
    public static async Task<bool> UseServersAsync(DemoOptions options, Terminal terminal, CancellationToken cancellationToken)
    {
        if (options.Simulator)
            return false;

        var missing = DebianPackages.Missing();
        if (missing.Count == 0)
            return true;

        var what = string.Join(", ", missing);
        if (DebianPackages.WhyNot() is { } reason)
        {
            terminal.Error.WriteLine($"The demo's servers need {what}, but {reason}. The demo runs on a simulated shop instead.");
            return false;
        }

        terminal.Error.WriteLine($"The demo's servers need {what}: programs only, no system service. {(options.Yes ? "Running" : "To install them")}:");
        foreach (var command in DebianPackages.Commands(missing))
            terminal.Error.WriteLine($"  {command}");
        if (!options.Yes && !Agreed(terminal))
        {
            terminal.Error.WriteLine("Nothing is installed; the demo runs on a simulated shop instead. --yes installs without asking.");
            return false;
        }

        if (await DebianPackages.InstallAsync(missing, cancellationToken))
            return true;
        terminal.Error.WriteLine($"{what} could not be installed: see above. The demo runs on a simulated shop instead.");
        return false;
    }

    // Where nobody can be asked the answer is no: a script has to say --yes.
    private static bool Agreed(Terminal terminal)
    {
        if (Console.IsInputRedirected || !terminal.IsErrorTerminal)
            return false;
        terminal.Error.Write("Install them? [Y/n] ");
        return Console.ReadLine()?.Trim().ToUpperInvariant() is "" or "Y" or "YES";
    }
}
