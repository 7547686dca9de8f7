using Leat.Changes;
using Leat.Pipeline.Status;
using Xunit;
using static Leat.Tests.Pipeline.TestChange;

namespace Leat.Tests.Pipeline;

/// <summary>A target that refuses a request as a whole, and one that refuses everything.</summary>
public sealed class RefusedBatchTests
{
    [Fact]
    public async Task A_request_refused_as_a_whole_is_halved_until_the_bad_row_stands_alone()
    {
        await using var engine = OneLane(batch: 64);
        var requests = 0;
        engine.Sink.Before = (batch, _) =>
        {
            requests++;
            return Holds(batch, 41) ? throw new BatchRefusedException("Data too long for column 'note'", "1406") : Task.CompletedTask;
        };
        engine.Source.Add([.. Enumerable.Range(0, 64).Select(id => Insert(id, id))]);
        engine.Start();

        await engine.SettledAsync();

        Assert.Equal(new Accounting(64, 0, 64, 64, 63, 0, 1, 0, 0), engine.Pipeline.Account());
        Assert.Equal(Enumerable.Range(0, 64).Where(id => id != 41), engine.Sink.Writes.Select(write => write.Id));
        Assert.Equal(13, requests); // 64 and each of six halves refused, and the other six halves
        Assert.Contains("\"reason\":\"Data too long for column \\u0027note\\u0027\"", Header(Assert.Single(engine.Records("copy.deadletters")).Value), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Order_per_key_survives_halving_and_a_retry_in_the_first_half()
    {
        await using var engine = OneLane(batch: 64);
        var busy = 2;
        engine.Sink.Before = (batch, _) => Holds(batch, 20) ? throw new BatchRefusedException("bad", "x") : Task.CompletedTask;
        engine.Sink.Decide = operation => TestTable.IdOf(operation.Row.Span) == 1 && Interlocked.Decrement(ref busy) >= 0 ? Answer.Retry("busy") : null;
        engine.Source.Add(
            [Insert(1, 10), .. Enumerable.Range(2, 18).Select(id => Insert(id, id)), Insert(20, 20), Update(1, 10, 11), Delete(1, 11), Insert(1, 12)]);
        engine.Start();

        await engine.SettledAsync();

        Assert.Empty(engine.Sink.Violations);
        Assert.Equal(12, TestTable.ValueOf(engine.Sink.Target["items:1"]));
        Assert.Equal([0L, 20, 21, 22], engine.Sink.Writes.Where(write => write.Id == 1).Select(write => write.Offset));
        Assert.Equal(1, engine.Pipeline.Account().DeadLettered);
    }

    [Fact]
    public async Task A_moved_key_is_set_aside_as_a_whole_where_the_target_keeps_offsets()
    {
        await using var engine = OneLane(batch: 64);
        engine.Sink.Ledger = new();
        engine.Sink.Before = (batch, _) => Holds(batch, 7) ? throw new BatchRefusedException("bad", "x") : Task.CompletedTask;
        engine.Source.Add(Insert(1, 10), Insert(2, 20), Move(1, 7, 10), Insert(3, 30));
        engine.Start();

        await engine.SettledAsync();

        Assert.Equal(new Accounting(4, 0, 4, 5, 3, 0, 2, 0, 0), engine.Pipeline.Account());
        Assert.Equal(["items:1", "items:2", "items:3"], engine.Sink.Target.Keys.Order());
    }

    [Fact]
    public async Task A_moved_key_is_deleted_where_it_was_when_the_target_keeps_no_offsets()
    {
        await using var engine = OneLane(batch: 64);
        engine.Sink.Before = (batch, _) => Holds(batch, 7) ? throw new BatchRefusedException("bad", "x") : Task.CompletedTask;
        engine.Source.Add(Insert(1, 10), Insert(2, 20), Move(1, 7, 10), Insert(3, 30));
        engine.Start();

        await engine.SettledAsync();

        Assert.Equal(new Accounting(4, 0, 4, 5, 4, 0, 1, 0, 0), engine.Pipeline.Account());
        Assert.Equal(["items:2", "items:3"], engine.Sink.Target.Keys.Order());
    }

    [Fact]
    public async Task Requests_stay_below_a_size_that_was_too_large()
    {
        await using var engine = OneLane(batch: 1000);
        var row = TestTable.Row(1, 1).Length;
        engine.Sink.Before = (batch, _) => batch.Length > 10 ? throw new BatchRefusedException("413", "413", isTooLarge: true) : Task.CompletedTask;
        engine.Source.Add([.. Enumerable.Range(0, 1000).Select(id => Insert(id, id))]);
        engine.Start();

        await engine.SettledAsync();

        Assert.Equal(1000, engine.Pipeline.Account().Applied);
        var lane = Assert.Single(engine.Pipeline.Lanes);
        Assert.InRange(lane.Limit.Bytes, 1, 15 * row);
        var before = engine.Sink.BatchSizes.Count;
        engine.Source.Add([.. Enumerable.Range(0, 300).Select(id => Update(id, id, id + 1))]);
        await engine.SettledAsync();
        Assert.InRange(engine.Sink.BatchSizes.Count - before, 30, 60);
    }

    [Fact]
    public async Task A_target_that_refuses_everything_for_one_cause_blocks_and_nothing_is_set_aside()
    {
        await using var engine = OneLane(batch: 50);
        engine.Sink.Decide = _ => Answer.Refused("Unknown column 'v'", "1054");
        engine.Source.Add([.. Enumerable.Range(0, 1000).Select(id => Insert(id, id))]);
        engine.Start();

        await engine.UntilAsync(() => engine.Status().Pipelines[0].State == RunState.Blocked);
        Assert.Equal(
            "The target of pipeline 'copy' refused every operation of 3 requests in a row, the last one with: Unknown column 'v' "
            + "That many refusals point at the target, not at the rows: mend it there. Delivery goes on by itself; refused rows wait, they are not set aside. [LEAT-3015]",
            engine.Status().Pipelines[0].Reason);
        Assert.Equal(0, engine.Pipeline.Account().DeadLettered);
        Assert.Equal(0, engine.Pipeline.CurrentCheckpoint);
        engine.Sink.Decide = null;
        await engine.SettledAsync();

        Assert.Equal(new Accounting(1000, 0, 1000, 1000, 1000, 0, 0, 0, 0), engine.Pipeline.Account());
        Assert.Equal(Enumerable.Range(0, 1000), engine.Sink.Writes.Select(write => write.Id));
    }

    [Fact]
    public async Task Single_rows_refused_for_one_cause_block_at_the_twentieth()
    {
        await using var engine = OneLane(batch: 50);
        engine.Sink.Decide = _ => Answer.Refused("Unknown column 'v'", "1054");
        engine.Start();
        for (var id = 0; id < 20; id++)
        {
            engine.Source.Add(Insert(id, id));
            await engine.UntilAsync(() => engine.Pipeline.Account() is var account && (account.DeadLettered == id + 1 || engine.Status().Pipelines[0].State == RunState.Blocked));
        }

        await engine.UntilAsync(() => engine.Status().Pipelines[0].State == RunState.Blocked);
        Assert.Equal(19, engine.Pipeline.Account().DeadLettered);
    }

    [Fact]
    public async Task Rows_refused_for_different_causes_are_set_aside()
    {
        await using var engine = OneLane(batch: 10);
        engine.Sink.Decide = operation => Answer.Refused("bad", operation.Offset % 2 == 0 ? "1406" : "1366");
        engine.Source.Add([.. Enumerable.Range(0, 100).Select(id => Insert(id, id))]);
        engine.Start();

        await engine.SettledAsync();

        Assert.Equal(new Accounting(100, 0, 100, 100, 0, 0, 100, 0, 0), engine.Pipeline.Account());
        Assert.Equal(100, engine.Records("copy.deadletters").Length);
    }

    [Fact]
    public async Task Rows_that_waited_are_set_aside_once_a_request_succeeds()
    {
        await using var engine = OneLane(batch: 10);
        engine.Sink.Decide = operation => operation.Offset < 20 ? Answer.Refused("bad", "1406") : null;
        engine.Source.Add([.. Enumerable.Range(0, 40).Select(id => Insert(id, id))]);
        engine.Start();

        await engine.SettledAsync();

        Assert.Equal(new Accounting(40, 0, 40, 40, 20, 0, 20, 0, 0), engine.Pipeline.Account());
        Assert.Equal(20, engine.Records("copy.deadletters").Length);
    }

    private static bool Holds(ReadOnlyMemory<Operation> batch, int id)
    {
        foreach (ref readonly var operation in batch.Span)
        {
            if (TestTable.IdOf(operation.Row.Span) == id)
                return true;
        }

        return false;
    }

    private static string Header(byte[] letter) => System.Text.Encoding.UTF8.GetString(letter.AsSpan(4, BitConverter.ToInt32(letter)));

    private static TestEngine OneLane(int batch)
    {
        var engine = new TestEngine();
        engine.Definition = engine.Definition with { Lanes = 1 };
        engine.Sink.Traits = new() { MaxBatchOperations = batch };
        return engine;
    }
}
