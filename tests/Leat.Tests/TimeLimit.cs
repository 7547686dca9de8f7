using System.Collections.Concurrent;
using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using Xunit;
using Xunit.v3;

namespace Leat.Tests;

/// <summary>
/// Ends each test that takes longer, so that one which hangs fails by its name, with the place where it waited, instead of taking the run with it.
/// A test that does not listen to its cancellation token is at least named: when its time is up, and when the program is told to end.
/// </summary>
/// <param name="seconds">The time a test may take, its set-up not counted.</param>
[AttributeUsage(AttributeTargets.Assembly)]
public sealed class TimeLimitAttribute(int seconds) : BeforeAfterTestAttribute
{
    private static readonly ConcurrentDictionary<string, (string Name, long Since, Timer Limit)> Running = new();

    private static readonly PosixSignalRegistration Told = PosixSignalRegistration.Create(PosixSignal.SIGTERM, _ =>
    {
        foreach (var (name, since, _) in Running.Values)
            Console.Error.WriteLine($"time limit: the program ends while {name} runs, since {Stopwatch.GetElapsedTime(since).TotalSeconds:0} s");
    });

    public override void Before(MethodInfo methodUnderTest, IXunitTest test)
    {
        var context = TestContext.Current;
        Running[test.UniqueID] = (test.TestDisplayName, Stopwatch.GetTimestamp(), new Timer(_ =>
        {
            Console.Error.WriteLine($"time limit: {test.TestDisplayName} has taken {seconds} s, and is cancelled");
            context.CancelCurrentTest();
        }, null, TimeSpan.FromSeconds(seconds), Timeout.InfiniteTimeSpan));
    }

    public override void After(MethodInfo methodUnderTest, IXunitTest test)
    {
        if (Running.TryRemove(test.UniqueID, out var running))
            running.Limit.Dispose();
    }
}
