using Leat.Log;
using Xunit;

namespace Leat.Tests.Log;

public sealed class ThreadSchedulerTests
{
    private readonly ThreadScheduler _scheduler = new();

    [Fact]
    public void A_worker_that_nobody_woke_never_runs()
    {
        var ran = false;
        using (_scheduler.Start("idle", () =>
        {
            ran = true;
            return null;
        }))
        {
        }

        Assert.False(ran);
    }

    [Fact]
    public async Task Work_that_nobody_waits_for_gives_way_to_all_other()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "priorities of threads are Linux's");
        var (ordinary, behind) = (NewNice(out var onOrdinary), NewNice(out var onBehind));
        using var first = _scheduler.Start("ordinary", onOrdinary);
        using var second = _scheduler.StartBehind("behind", onBehind);
        first.Wake();
        second.Wake();

        Assert.Equal(await ordinary + 10, await behind);
    }

    // The nice value of the thread that runs the step.
    private static Task<int> NewNice(out Func<TimeSpan?> step)
    {
        const int NiceField = 16; // proc(5), counted behind the name in parentheses
        var told = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        step = () =>
        {
            var status = File.ReadAllText("/proc/thread-self/stat");
            told.TrySetResult(int.Parse(status[(status.LastIndexOf(')') + 2)..].Split(' ')[NiceField], System.Globalization.CultureInfo.InvariantCulture));
            return null;
        };
        return told.Task;
    }

    [Fact]
    public async Task Every_wake_is_followed_by_a_step_that_began_after_it()
    {
        var (asked, seen) = (0, 0);
        var steps = new SemaphoreSlim(0);
        using var worker = _scheduler.Start("busy", () =>
        {
            Volatile.Write(ref seen, Volatile.Read(ref asked));
            steps.Release();
            return null;
        });
        for (var i = 1; i <= 2_000; i++)
        {
            Volatile.Write(ref asked, i);
            worker.Wake();
            while (Volatile.Read(ref seen) < i)
                await steps.WaitAsync(LogFixture.Token);
        }
    }

    [Fact]
    public async Task Many_workers_that_block_all_have_their_turn_and_never_two_at_once_in_one()
    {
        var done = new CountdownEvent(200);
        var running = new int[200];
        var most = 0;
        var workers = Enumerable.Range(0, 200).Select(i => _scheduler.Start($"w{i}", () =>
        {
            var now = Interlocked.Increment(ref running[i]);
            most = Math.Max(most, now);
            Thread.Yield();
            Interlocked.Decrement(ref running[i]);
            done.Signal();
            return null;
        })).ToList();
        foreach (var worker in workers)
            worker.Wake();

        await Task.Run(() => done.Wait(LogFixture.Token), LogFixture.Token);

        Assert.Equal(1, most);
        workers.ForEach(worker => worker.Dispose());
    }

    [Fact]
    public async Task A_step_that_asks_for_another_gets_it_unwoken()
    {
        var steps = 0;
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var worker = _scheduler.Start("timed", () =>
        {
            if (++steps == 3)
                done.SetResult();
            return steps switch { 1 => TimeSpan.Zero, 2 => TimeSpan.FromMilliseconds(5), _ => null };
        });
        worker.Wake();

        await done.Task.WaitAsync(LogFixture.Token);

        Assert.Equal(3, steps);
    }

    [Fact]
    public async Task After_the_end_no_step_runs_and_the_one_that_runs_is_waited_for()
    {
        var (begun, goOn) = (new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), new ManualResetEventSlim());
        var ended = false;
        var worker = _scheduler.Start("ending", () =>
        {
            begun.TrySetResult();
            goOn.Wait();
            ended = true;
            return TimeSpan.Zero;
        });
        worker.Wake();
        await begun.Task.WaitAsync(LogFixture.Token);
        var disposing = Task.Run(worker.Dispose, LogFixture.Token);
        Assert.False(disposing.IsCompleted);

        goOn.Set();

        await disposing;
        Assert.True(ended);
        worker.Wake();
    }
}
