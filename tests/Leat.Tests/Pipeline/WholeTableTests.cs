using Leat.Changes;
using Leat.Pipeline.Status;
using Leat.Transform.Plan;
using Xunit;
using static Leat.Tests.Pipeline.TestChange;

namespace Leat.Tests.Pipeline;

/// <summary>What a target loses without a change of each row: a truncated table, and one that was read again.</summary>
public sealed class WholeTableTests
{
    private static readonly TestChange Truncate = new(ChangeKind.Truncate, null, null);
    private static readonly TestChange Sweep = new(ChangeKind.Sweep, null, null);

    [Fact]
    public async Task Where_deletes_are_not_followed_a_truncate_takes_nothing()
    {
        await using var engine = new TestEngine();
        engine.Definition = TestEngine.CopyItems with { Tables = [TestEngine.CopyItems.Tables[0] with { When = FollowedOperations.Insert | FollowedOperations.Update }] };
        engine.Start();
        engine.Source.Add(Insert(1, 10), Insert(2, 20));
        engine.Source.Add(Delete(1, 10));
        engine.Source.Add(Truncate);
        await engine.SettledAsync();

        Assert.Equal(["items:1", "items:2"], engine.Sink.Target.Keys.Order());
        Assert.Equal((2, 2, 2), (engine.Pipeline.Account().Planned, engine.Pipeline.Account().Filtered, engine.Pipeline.Account().Applied));
    }

    [Fact]
    public async Task A_truncated_table_is_emptied_between_what_was_before_and_what_comes_after()
    {
        await using var engine = new TestEngine().Start();
        engine.Source.Add([.. Enumerable.Range(0, 1500).Select(id => Insert(id, id))]);
        engine.Source.Add(Truncate);
        engine.Source.Add(Insert(1, 10), Insert(2000, 20));
        await engine.SettledAsync();

        Assert.Equal(["items:1=10", "items:2000=20"], Shown(engine));
        Assert.Equal(new Accounting(1503, 0, 1503, 3002, 3002, 0, 0, 0, 0), engine.Pipeline.Account());
        Assert.Empty(engine.Sink.Violations);
    }

    [Fact]
    public async Task A_table_that_was_read_again_loses_what_the_source_does_not_have()
    {
        await using var engine = new TestEngine().Start();
        for (var id = 100; id < 1300; id++)
            engine.Sink.Target[$"items:{id}"] = TestTable.Row(id, 0);
        engine.Source.Add(Insert(1, 10), Insert(700, 70));
        engine.Source.Add(ReadAgain(1, 10), ReadAgain(700, 70), Sweep);
        await engine.SettledAsync();

        Assert.Equal(["items:1=10", "items:700=70"], Shown(engine));
        Assert.Equal(1199, engine.Sink.Writes.Count(write => write.Kind == OperationKind.Delete));
    }

    [Fact]
    public async Task A_row_read_again_that_the_filter_refuses_leaves_the_target()
    {
        await using var engine = new TestEngine().Where("v < 100").Start();
        engine.Sink.Target["items:1"] = TestTable.Row(1, 10);
        engine.Source.Add(ReadAgain(1, 200), ReadAgain(2, 20), new(ChangeKind.Read, null, TestTable.Row(3, 300)));
        await engine.SettledAsync();

        Assert.Equal(["items:2=20"], Shown(engine));
        Assert.Equal(new Accounting(3, 1, 2, 2, 2, 0, 0, 0, 0), engine.Pipeline.Account());
    }

    [Fact]
    public async Task A_source_that_cannot_be_asked_is_asked_again_and_nothing_after_it_is_delivered_meanwhile()
    {
        await using var engine = new TestEngine().Start();
        var down = true;
        engine.Source.OnExisting = () =>
        {
            if (Volatile.Read(ref down))
                throw new RetriableException(new(9001), "The source is away.", "It is asked again.");
        };
        engine.Sink.Target["items:9"] = TestTable.Row(9, 9);
        engine.Source.Add(Insert(1, 10));
        engine.Source.Add(Sweep);
        engine.Source.Add(Insert(2, 20));
        await engine.UntilAsync(() => engine.Pipeline.Failure?.Message.StartsWith("The source is away", StringComparison.Ordinal) == true);
        Assert.Equal(["items:1=10", "items:9=9"], Shown(engine));

        Volatile.Write(ref down, false);
        await engine.SettledAsync();
        Assert.Equal(["items:1=10", "items:2=20"], Shown(engine));
        Assert.True(engine.Pipeline.Account().Balanced);
    }

    [Fact]
    public async Task A_removal_that_was_killed_half_way_is_finished_by_the_next_start()
    {
        await using var engine = new TestEngine();
        engine.Sink.Ledger = new();
        engine.Sink.Traits = new() { MaxBatchOperations = 100 };
        var seen = 0;
        var half = new TaskCompletionSource();
        engine.Sink.Before = async (batch, cancellationToken) =>
        {
            if (batch.Span[0].Cause == ChangeKind.Truncate && Interlocked.Add(ref seen, batch.Length) > 800)
            {
                half.TrySetResult();
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
            }
        };
        engine.Start();
        engine.Source.Add([.. Enumerable.Range(0, 2000).Select(id => Insert(id, id))]);
        engine.Source.Add(Truncate);
        engine.Source.Add(Insert(3, 30));
        await half.Task;
        await engine.KillAsync();
        Assert.InRange(engine.Sink.Target.Count, 1, 1999);

        engine.Sink.Before = null;
        engine.Sink.Restart();
        engine.Start();
        await engine.SettledAsync();
        Assert.Equal(["items:3=30"], Shown(engine));
    }

    private static TestChange ReadAgain(int id, long v) => new(ChangeKind.ReadAgain, null, TestTable.Row(id, v));

    private static IEnumerable<string> Shown(TestEngine engine) =>
        engine.Sink.Target.OrderBy(pair => TestTable.IdOf(pair.Value)).Select(pair => $"{pair.Key}={TestTable.ValueOf(pair.Value)}");
}
