using System.Globalization;
using Leat.Simulation.Fuzz.Targets;
using Leat.Tests;
using Xunit;

namespace Leat.Simulation.Fuzz;

/// <summary>Every decoder of the log's own files, under a fuzzer that sees which code an input reaches.</summary>
public sealed class LogFuzzTests
{
    private static readonly InstrumentedCode Code = new();

    public static TheoryData<string> Targets => [.. AllTargets.Log.Select(make => make().Name)];

    [Theory]
    [MemberData(nameof(Targets))]
    public void Any_bytes_are_read_or_refused(string target) => FuzzRun.Run(Code, target);
}

/// <summary>The same for what servers send, and for the records of changes; beside the others on a second processor.</summary>
public sealed class ConnectorFuzzTests
{
    private static readonly InstrumentedCode Code = new();

    public static TheoryData<string> Targets => [.. AllTargets.Others.Select(make => make().Name)];

    [Theory]
    [MemberData(nameof(Targets))]
    public void Any_bytes_are_read_or_refused(string target) => FuzzRun.Run(Code, target);
}

/// <summary>How long and with which seed the fuzzer runs, by the environment.</summary>
internal static class FuzzRun
{
    private const long OrdinaryExecutions = 2_400_000;

    // Two targets at a time.
    private const double OrdinarySeconds = 340;

    private const ulong SeedOfIntegration = 1;

    private static long _executions;
    private static int _targets;

    public static string CorpusFile(string target) => Repository.Path($"tests/Leat.Simulation/Fuzz/Corpus/{target}.txt");

    public static void Run(InstrumentedCode code, string target)
    {
        var targets = AllTargets.Log.Count + AllTargets.Others.Count;
        // Integration judges a change: what an older one left to be found is searched for elsewhere, with seeds of its own.
        var seed = ulong.TryParse(Environment.GetEnvironmentVariable("LEAT_SEED"), NumberStyles.None, CultureInfo.InvariantCulture, out var wanted) ? wanted
            : Environment.GetEnvironmentVariable("CI") is not null ? SeedOfIntegration
            : (ulong)Random.Shared.NextInt64();
        var executions = Wanted("LEAT_FUZZ_EXECUTIONS", OrdinaryExecutions) / targets;
        var seconds = Wanted("LEAT_FUZZ_SECONDS", OrdinarySeconds) / targets;
        var report = code.Run(target, new((long)executions, seconds, seed, CorpusFile(target)));

        if (Environment.GetEnvironmentVariable("LEAT_FUZZ_KEEP") is not null)
            Corpus.Write(CorpusFile(target), report.Corpus);
        var all = Interlocked.Add(ref _executions, report.Executions);
        var line = string.Create(
            CultureInfo.InvariantCulture,
            $"fuzz: {target}: {report.Executions:N0} executions, {report.Features:N0} features, corpus {report.Corpus.Length}, seed {seed}");
        Console.WriteLine(line);
        if (Interlocked.Increment(ref _targets) == targets)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"fuzz: {all:N0} executions of {targets} targets"));
        Assert.True(report.Crashes.Length == 0, $"{report.Crashes.Length} findings.\n{line}\n{string.Join('\n', report.Crashes)}");
    }

    private static double Wanted(string variable, double ordinary) =>
        double.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var wanted) ? wanted : ordinary;
}
