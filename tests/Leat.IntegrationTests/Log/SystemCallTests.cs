using System.Diagnostics;
using System.Text.RegularExpressions;
using Xunit;

namespace Leat.IntegrationTests.Log;

/// <summary>A process that is killed at any system call on a file, or whose calls fail, loses nothing that it acknowledged.</summary>
public sealed partial class SystemCallTests : IAsyncLifetime
{
    // LEAT_ALL_CALLS takes every call, however long that takes.
    private static readonly TimeSpan OrdinaryTime = TimeSpan.FromSeconds(25);

    // Done however slow the machine is.
    private const int FewestCalls = 20;

    private readonly string _root = Directory.CreateTempSubdirectory("leat-calls-").FullName;
    private readonly ScenarioHistory _history = new();
    private List<(string Call, int Number)> _calls = [];
    private bool _canTrace;

    private string Base => Path.Combine(_root, "base");

    /// <summary>A folder with a life behind it: one run to its end, one killed in the middle, and bytes after the last batch.</summary>
    public async ValueTask InitializeAsync()
    {
        _canTrace = await ScenarioProcess.CanTraceAsync();
        if (!_canTrace)
            return;
        var whole = await ScenarioProcess.RunAsync(Base);
        Assert.Equal((0, "closed"), (whole.ExitCode, whole.Lines[^1]));
        _history.Add(whole);
        _history.Add(await ScenarioProcess.RunTracedAsync(Base, Path.Combine(_root, "trace"), "fdatasync:signal=KILL:when=70"));
        var active = Directory.GetFiles(Path.Combine(Base, "packed-0"), "*.log").Order(StringComparer.Ordinal).Last();
        await using (var tail = File.Open(active, FileMode.Append))
            tail.Write(new byte[100]);
        await ListCallsAsync();
    }

    [Fact]
    public async Task Killed_at_any_call_it_has_all_that_it_acknowledged()
    {
        TestServers.Require(_canTrace, "strace, or the right to trace processes,");
        var done = await EachAsync(_calls, async (call, number, folder) =>
        {
            var history = _history.Copy();
            var run = await ScenarioProcess.RunTracedAsync(folder, folder + ".trace", $"{call}:signal=KILL:when={number}");
            history.Add(run);
            history.Check(folder, $"killed at {call} {number}");
        });
        Console.WriteLine($"system calls: killed at {done} of {_calls.Count} calls, nothing acknowledged lost");
    }

    [Fact]
    public async Task A_call_that_fails_ends_the_process_with_an_error_and_no_sync_is_tried_again()
    {
        TestServers.Require(_canTrace, "strace, or the right to trace processes,");
        var calls = _calls.Where(call => call.Call is "fsync" or "fdatasync" or "pwrite64" or "pwritev" or "ftruncate" or "rename").ToList();
        var done = await EachAsync(calls, async (call, number, folder) =>
        {
            var error = number % 2 == 0 ? "EIO" : "ENOSPC";
            var what = $"{error} at {call} {number}";
            var history = _history.Copy();
            var run = await ScenarioProcess.RunTracedAsync(folder, folder + ".trace", $"{call}:error={error}:when={number}");
            history.Add(run);
            var isSync = call is "fsync" or "fdatasync";
            Assert.True(run.ExitCode is 0 or LogScenario.Failed, $"{what}: exit code {run.ExitCode}: {run.Errors}");
            Assert.True(run.ExitCode == LogScenario.Failed || !isSync, $"{what}: exit code {run.ExitCode} after {run.Lines[^1]}");
            if (isSync)
                Assert.Empty(WritesAfterFailure(folder).Select(line => $"{what}: {line}"));
            history.Check(folder, what);
        });
        Console.WriteLine($"system calls: {done} of {calls.Count} calls failed, nothing acknowledged lost, no sync tried again");
    }

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_root, recursive: true);
        return ValueTask.CompletedTask;
    }

    // Every call of the main thread on a file of the folder, by its name and its number among those of its name.
    private async Task ListCallsAsync()
    {
        var (folder, trace) = (Path.Combine(_root, "whole"), Path.Combine(_root, "whole.trace"));
        Copy(Base, folder);
        var run = await ScenarioProcess.RunTracedAsync(folder, trace, inject: "");
        Assert.Equal((0, "closed"), (run.ExitCode, run.Lines[^1]));
        var numbers = new Dictionary<string, int>(StringComparer.Ordinal);
        string? thread = null;
        foreach (var line in File.ReadLines(trace))
        {
            if (CallLine().Match(line) is not { Success: true } match)
                continue;
            thread ??= match.Groups["thread"].Value;
            if (match.Groups["thread"].Value != thread)
                continue;
            var call = match.Groups["call"].Value;
            numbers[call] = numbers.GetValueOrDefault(call) + 1;
            if (line.Contains(folder, StringComparison.Ordinal))
                _calls.Add((call, numbers[call]));
        }

        Assert.True(_calls.Count > 200, $"{_calls.Count} calls");
    }

    private static IEnumerable<string> WritesAfterFailure(string folder) =>
        File.ReadLines(folder + ".trace").SkipWhile(line => !line.Contains("(INJECTED)", StringComparison.Ordinal)).Skip(1)
            .Where(line => line.Contains(folder, StringComparison.Ordinal) && WritingCall().IsMatch(line));

    // In an order that reaches all kinds soon, two at a time, until the time is over. Returns how many.
    private async Task<int> EachAsync(List<(string Call, int Number)> calls, Func<string, int, string, Task> run)
    {
        var clock = Stopwatch.StartNew();
        var isWhole = Environment.GetEnvironmentVariable("LEAT_ALL_CALLS") is not null;
        var shuffled = calls.ToArray();
        new Random(1).Shuffle(shuffled);
        var done = 0;
        await Parallel.ForEachAsync(shuffled, new ParallelOptions { MaxDegreeOfParallelism = 2, CancellationToken = TestContext.Current.CancellationToken }, async (call, _) =>
        {
            if (!isWhole && clock.Elapsed > OrdinaryTime && Volatile.Read(ref done) >= FewestCalls)
                return;
            var folder = Path.Combine(_root, $"{call.Call}-{call.Number}");
            Copy(Base, folder);
            await run(call.Call, call.Number, folder);
            Directory.Delete(folder, recursive: true);
            Interlocked.Increment(ref done);
        });
        return done;
    }

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.GetFiles(from))
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        foreach (var folder in Directory.GetDirectories(from))
            Copy(folder, Path.Combine(to, Path.GetFileName(folder)));
    }

    [GeneratedRegex(@"^(?<thread>\d+) +(?<call>\w+)\(")]
    private static partial Regex CallLine();

    [GeneratedRegex(@"^\d+ +(pwrite64|pwritev|fsync|fdatasync|ftruncate|rename)\(")]
    private static partial Regex WritingCall();
}
