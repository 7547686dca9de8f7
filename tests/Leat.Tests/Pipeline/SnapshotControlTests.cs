using Leat.Changes;
using Leat.Pipeline.Status;
using Xunit;
using static Leat.Tests.Pipeline.TestChange;

namespace Leat.Tests.Pipeline;

/// <summary>Requests to read tables again, of sources that stand still.</summary>
public sealed class SnapshotControlTests
{
    [Fact]
    public async Task A_blocked_source_that_looks_at_a_request_first_is_woken_until_it_takes_it()
    {
        // Real time: the next try by itself would come after half a minute.
        await using var engine = new TestEngine(timeFactor: 1);
        var (isThere, failures) = (false, 0);
        var taken = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        engine.Source.Fault = _ =>
        {
            if (!Volatile.Read(ref isThere) && Interlocked.Increment(ref failures) > 0)
                throw new PauseException(new(4024), "A statement.", "Have the table read again.");
            taken.TrySetResult();
        };
        engine.Source.Add(Insert(1, 10));
        engine.Start();
        await engine.UntilAsync(() => engine.Status().Sources[0].State == RunState.Blocked);

        // What the request woke it for is over before the request is there.
        engine.Source.BeforeRequest = async () =>
        {
            await engine.UntilAsync(() => Volatile.Read(ref failures) >= 2);
            Volatile.Write(ref isThere, true);
            await taken.Task;
        };
        await engine.Snapshots.RequestSnapshotAsync("shop", new([TestTable.Schema.Table], Where: null), TestContext.Current.CancellationToken);

        await engine.SettledAsync();
        Assert.Equal(["items:1"], engine.Sink.Target.Keys);
    }
}
