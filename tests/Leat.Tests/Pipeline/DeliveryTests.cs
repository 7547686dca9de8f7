using Leat.Changes;
using Leat.Pipeline.Status;
using Xunit;
using static Leat.Tests.Pipeline.TestChange;

namespace Leat.Tests.Pipeline;

public sealed class DeliveryTests
{
    [Fact]
    public async Task Inserts_updates_and_deletes_reach_the_target()
    {
        await using var engine = new TestEngine().Start();
        engine.Source.Add(Insert(1, 10), Insert(2, 20), Insert(3, 30));
        engine.Source.Add(Update(2, 20, 21), Delete(3, 30));

        await engine.SettledAsync();

        Assert.Equal(["items:1=10", "items:2=21"], Shown(engine));
        Assert.Equal(new Accounting(5, 0, 5, 5, 5, 0, 0, 0, 0), engine.Pipeline.Account());
    }

    [Fact]
    public async Task A_row_that_leaves_the_filter_is_deleted_and_one_that_enters_is_written()
    {
        await using var engine = new TestEngine().Where("v < 100").Start();
        engine.Source.Add(Insert(1, 10), Insert(2, 200), Insert(3, 300));
        engine.Source.Add(Update(1, 10, 100), Update(2, 200, 20), Update(3, 300, 301), Delete(3, 301));

        await engine.SettledAsync();

        Assert.Equal(["items:2=20"], Shown(engine));
        Assert.Equal(new Accounting(7, 4, 3, 3, 3, 0, 0, 0, 0), engine.Pipeline.Account());
    }

    [Fact]
    public async Task A_moved_key_is_deleted_before_it_is_written_anew()
    {
        await using var engine = new TestEngine().Start();
        for (var id = 0; id < 20; id++)
            engine.Source.Add(Insert(id, id), Move(id, id + 1000, id), Move(id + 1000, id + 2000, id));

        await engine.SettledAsync();

        Assert.Equal(Enumerable.Range(2000, 20).Select(id => $"items:{id}={id - 2000}"), Shown(engine));
        foreach (var pair in engine.Sink.Writes.GroupBy(write => write.Offset).Where(pair => pair.Count() == 2))
            Assert.Equal([OperationKind.Delete, OperationKind.Index], pair.Select(write => write.Kind));
        Assert.Equal(100, engine.Pipeline.Account().Applied);
    }

    [Fact]
    public async Task A_retry_holds_back_its_own_key_only()
    {
        await using var engine = new TestEngine();
        var busy = true;
        engine.Sink.Decide = operation => TestTable.IdOf(operation.Row.Span) == 1 && Volatile.Read(ref busy) ? Answer.Retry("busy") : null;
        engine.Start();
        engine.Source.Add(Insert(1, 10), Insert(2, 20));
        engine.Source.Add(Update(1, 10, 11), Update(2, 20, 21));
        for (var id = 3; id < 50; id++)
            engine.Source.Add(Insert(id, id));

        await engine.UntilAsync(() => engine.Sink.Target.Count == 48);
        Assert.Equal(0, engine.Pipeline.CurrentCheckpoint);
        Volatile.Write(ref busy, false);
        await engine.SettledAsync();

        Assert.Equal("items:1=11", Shown(engine)[0]);
        Assert.Empty(engine.Sink.Violations);
        Assert.Equal(2, engine.Sink.Writes.Count(write => write.Id == 1));
    }

    [Fact]
    public async Task A_block_is_held_until_all_of_it_is_sent_also_when_its_last_operation_waits_behind_a_retry()
    {
        await using var engine = new TestEngine { Definition = TestEngine.CopyItems with { Lanes = 1 } };
        var (busy, held, retried) = (true, -1L, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        engine.Sink.Decide = operation =>
        {
            if (TestTable.IdOf(operation.Row.Span) != 1 || !Volatile.Read(ref busy))
                return null;
            retried.TrySetResult();
            return Answer.Retry("busy");
        };
        engine.Sink.Before = async (batch, _) =>
        {
            if (TestTable.IdOf(batch.Span[^1].Row.Span) != 2)
                return;
            await engine.UntilAsync(() => engine.Pipeline.Dispatched == engine.Pipeline.Readable);
            held = engine.Pipeline.HeldBytes;
        };
        engine.Start();
        engine.Source.Add(Insert(1, 10));
        await retried.Task;
        engine.Source.Add(Insert(2, 20), Update(1, 10, 11));

        await engine.UntilAsync(() => engine.Sink.Target.Count == 1);
        Volatile.Write(ref busy, false);
        await engine.SettledAsync();

        Assert.True(held > 0, $"{held} bytes were held while a row of the block was under way");
        Assert.Equal(["items:1=11", "items:2=20"], Shown(engine));
    }

    [Fact]
    public async Task A_refused_operation_is_durable_in_the_dead_letters_and_nothing_waits_for_it()
    {
        await using var engine = new TestEngine();
        engine.Sink.Decide = operation => TestTable.IdOf(operation.Row.Span) == 2 ? Answer.Refused("Data too long for column 'note'") : null;
        engine.Start();
        engine.Source.Add(Insert(1, 10), Insert(2, 20), Insert(3, 30));

        await engine.SettledAsync();

        var (_, value) = Assert.Single(engine.Records("copy.deadletters"));
        var headerBytes = BitConverter.ToInt32(value);
        using var header = System.Text.Json.JsonDocument.Parse(value.AsMemory(4, headerBytes));
        Assert.Equal("copy", header.RootElement.GetProperty("pipeline").GetString());
        Assert.Equal(1, header.RootElement.GetProperty("offset").GetInt64());
        Assert.Equal("id=2", header.RootElement.GetProperty("key").GetString());
        Assert.Equal("tx-0", header.RootElement.GetProperty("transaction").GetString());
        Assert.Equal("Data too long for column 'note'", header.RootElement.GetProperty("reason").GetString());
        Assert.Equal(engine.Records("shop")[1].Value, value[(4 + headerBytes)..]);
        Assert.Equal(new Accounting(3, 0, 3, 3, 2, 0, 1, 0, 0), engine.Pipeline.Account());
    }

    [Fact]
    public async Task A_lost_connection_is_opened_again_and_the_batch_sent_again()
    {
        await using var engine = new TestEngine();
        var failures = 3;
        engine.Sink.After = _ =>
        {
            if (Interlocked.Decrement(ref failures) >= 0)
                throw new RetriableException(new(9001), "The connection broke.", "It is opened again.");
        };
        engine.Start();
        engine.Source.Add(Insert(1, 10));

        await engine.SettledAsync();

        Assert.Equal(["items:1=10"], Shown(engine));
        Assert.Equal(4, engine.Sink.Writes.Count);
        Assert.Equal(new Accounting(1, 0, 1, 1, 1, 0, 0, 0, 0), engine.Pipeline.Account());
    }

    [Fact]
    public async Task What_a_sinks_settings_allow_is_told_in_every_status()
    {
        await using var engine = new TestEngine();
        engine.Sink.Warnings = [Finding.Warning(new(9003), "insecure", "Certificates are not checked.", "Name the authority.")];
        engine.Source.Add(Insert(1, 10));
        engine.Start();
        await engine.SettledAsync();

        Assert.Equal(["Certificates are not checked. Name the authority. [LEAT-9003]"], engine.Status().Pipelines[0].Warnings);
    }

    [Fact]
    public async Task A_condition_for_a_person_blocks_and_resumes_by_itself()
    {
        await using var engine = new TestEngine();
        var wrong = true;
        engine.Sink.Before = (_, _) => Volatile.Read(ref wrong)
            ? throw new PauseException(new(9002), "The password is wrong.", "Correct it.")
            : Task.CompletedTask;
        engine.Start();
        engine.Source.Add(Insert(1, 10));

        await engine.UntilAsync(() => engine.Status().Pipelines[0].State == RunState.Blocked);
        Assert.Equal("The password is wrong. Correct it. [LEAT-9002]", engine.Status().Pipelines[0].Reason);
        Volatile.Write(ref wrong, false);
        await engine.SettledAsync();

        Assert.Equal(["items:1=10"], Shown(engine));
        Assert.Equal(RunState.Live, engine.Status().Pipelines[0].State);
    }

    [Fact]
    public async Task A_target_that_is_down_at_start_is_asked_again()
    {
        await using var engine = new TestEngine();
        var failures = 2;
        engine.Sink.OnPrepare = () =>
        {
            if (failures-- > 0)
                throw new RetriableException(new(9003), "Nobody listens.", "Start the server.");
        };
        engine.Start();
        engine.Source.Add(Insert(1, 10));

        await engine.SettledAsync();

        Assert.Equal(["items:1=10"], Shown(engine));
    }

    [Fact]
    public async Task A_sink_that_leaves_an_answer_out_blocks_the_pipeline()
    {
        await using var engine = new TestEngine();
        engine.Sink.Decide = _ => default(Answer);
        engine.Start();
        engine.Source.Add(Insert(1, 10));

        await engine.UntilAsync(() => engine.Status().Pipelines[0].State == RunState.Blocked);

        Assert.Matches(
            "^The sink of pipeline 'copy' left 1 of 1 operations of lane [0-3] without an answer. "
            + "This is a fault in the sink: report it with the log. The batch is sent again. \\[LEAT-3013\\]$",
            engine.Status().Pipelines[0].Reason);
        Assert.Equal(1, engine.Pipeline.Account().InFlight);
    }

    [Fact]
    public async Task Operations_that_the_target_already_holds_are_not_sent()
    {
        await using var engine = new TestEngine();
        engine.Definition = engine.Definition with { Lanes = 1 };
        engine.Start();
        engine.Source.Add(Insert(1, 10), Insert(2, 20));
        await engine.SettledAsync();
        engine.Sink.Before = async (_, token) => await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
        engine.Source.Add(Insert(3, 30), Insert(4, 40));
        await engine.UntilAsync(() => engine.Pipeline.Account().InFlight == 2);
        await engine.KillAsync();

        // Offsets 0, 1 and the position at 2; then 3 and 4. The target says that 3 came through after all.
        engine.Sink.Before = null;
        engine.Sink.Committed = _ => 3;
        engine.Start();
        await engine.SettledAsync();

        Assert.Equal([0L, 1L, 4L], engine.Sink.Writes.Select(write => write.Offset));
        var account = engine.Pipeline.Account();
        Assert.True(account.Balanced && account.Applied == account.Changes, account.ToString());
    }

    [Fact]
    public async Task A_request_whose_answer_was_lost_is_not_made_again_where_the_target_kept_its_offset()
    {
        await using var engine = new TestEngine();
        engine.Definition = engine.Definition with { Lanes = 1 };
        engine.Sink.Ledger = new();
        var failures = 1;
        engine.Sink.After = _ =>
        {
            if (Interlocked.Decrement(ref failures) >= 0)
                throw new RetriableException(new(9001), "The connection broke.", "It is opened again.");
        };
        engine.Source.Add(Insert(1, 10), Update(1, 10, 11), Insert(2, 10));
        engine.Start();

        await engine.SettledAsync();

        Assert.Equal([0L, 1L, 2L], engine.Sink.Writes.Select(write => write.Offset));
        Assert.Equal(new Accounting(3, 0, 3, 3, 3, 0, 0, 0, 0), engine.Pipeline.Account());
    }

    [Fact]
    public async Task Offsets_of_another_number_of_lanes_are_not_trusted()
    {
        await using var engine = new TestEngine().Start();
        engine.Source.Add(Insert(1, 10));
        await engine.SettledAsync();
        engine.Sink.Before = async (_, token) => await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
        engine.Source.Add(Insert(2, 20), Insert(3, 30));
        await engine.UntilAsync(() => engine.Pipeline.Account().InFlight == 2);
        await engine.KillAsync();

        engine.Sink.Before = null;
        engine.Sink.Committed = _ => 1_000;
        engine.Definition = engine.Definition with { Lanes = 2 };
        engine.Start();
        await engine.SettledAsync();

        Assert.Equal(["items:1=10", "items:2=20", "items:3=30"], Shown(engine));
    }

    [Fact]
    public async Task An_orderly_stop_delivers_what_was_read_and_the_next_start_sends_nothing_again()
    {
        await using var engine = new TestEngine().Start();
        engine.Source.Add([.. Enumerable.Range(0, 500).Select(id => Insert(id, id))]);
        await engine.SettledAsync();
        await engine.StopAsync();

        engine.Start();
        engine.Source.Add(Insert(1000, 1));
        await engine.SettledAsync();

        Assert.Equal(501, engine.Sink.Writes.Count);
        Assert.Equal(501, engine.Sink.Target.Count);
    }

    [Fact]
    public async Task A_target_that_is_not_what_it_was_is_prepared_again_and_what_was_under_way_is_sent_then()
    {
        await using var engine = new TestEngine();
        engine.Definition = engine.Definition with { Lanes = 4 };
        engine.Sink.Traits = new() { MaxBatchOperations = 3 };
        engine.Sink.OnPrepare = engine.Sink.Restart;
        engine.Sink.Before = async (batch, cancellationToken) =>
        {
            if (engine.Sink.Prepared.Count > 1)
                return;
            if (batch.ToArray().Any(operation => TestTable.IdOf(operation.Row.Span) == 7))
                throw new RetriableException(new(9001), "The table has another index.", "It is looked at again.") { TargetChanged = true };

            // Of the other lanes some wait for an answer that does not come.
            if (TestTable.IdOf(batch.Span[0].Row.Span) > 60)
                await Task.Delay(Timeout.Infinite, cancellationToken);
        };
        engine.Start();
        for (var round = 0; round < 5; round++)
            engine.Source.Add([.. Enumerable.Range(round * 20, 20).Select(id => Insert(id, id)), .. Enumerable.Range(round * 20, 20).Select(id => Update(id, id, id + 1))]);
        await engine.SettledAsync();

        Assert.Equal(2, engine.Sink.Prepared.Count);
        Assert.Equal(100, engine.Sink.Target.Count);
        Assert.All(engine.Sink.Target.Values, row => Assert.Equal(TestTable.IdOf(row) + 1, TestTable.ValueOf(row)));
        Assert.Empty(engine.Sink.Violations);
        Assert.True(engine.Pipeline.Account().Balanced);
    }

    [Fact]
    public async Task A_new_shape_of_a_table_prepares_the_target_again()
    {
        await using var engine = new TestEngine().Start();
        engine.Source.Add(Insert(1, 10));
        await engine.SettledAsync();
        var wider = new TableSchema(
            TestTable.Schema.Table, TestTable.Schema.Columns.SetItem(2, TestTable.Schema.Columns[2] with { Length = 200 }), [0]);
        engine.Source.Schema = wider;
        engine.Source.Add(Insert(2, 20));

        await engine.SettledAsync();

        Assert.Equal(["items:1=10", "items:2=20"], Shown(engine));
        Assert.Equal([TestTable.Schema, wider], engine.Sink.Prepared.Select(shapes => Assert.Single(shapes).Schema));
        Assert.Equal(2, engine.Pipeline.Account().Applied);
    }

    [Fact]
    public async Task A_checkpoint_beyond_the_stream_blocks_with_the_remedy()
    {
        await using var engine = new TestEngine().Open();
        var checkpoints = engine.Log.OpenStream("copy.checkpoints", new());
        var value = new Leat.Pipeline.Delivery.Checkpoint(engine.Log.Id, engine.Capture.Stream.Epoch, 0, 77, "", []).ToJson();
        var batch = checkpoints.NewBatch();
        batch.BeginRecord(default, hasKey: false);
        value.Span.CopyTo(batch.GetSpan(value.Length));
        batch.Advance(value.Length);
        batch.EndRecord();
        checkpoints.Append(batch);
        await checkpoints.WaitSyncedAsync(1, CancellationToken.None);

        engine.Start();
        await engine.UntilAsync(() => engine.Status().Pipelines[0].State == RunState.Blocked);

        Assert.Equal(
            "Pipeline 'copy' has delivered up to offset 77, but its stream holds what was delivered only up to offset 0. The log folder holds streams of different age. "
            + "Restore the whole folder from one copy, or have everything delivered again: 'leat redeliver copy'. [LEAT-3010]",
            engine.Status().Pipelines[0].Reason);
    }

    [Fact]
    public async Task A_target_that_holds_more_than_the_log_is_written_in_a_higher_epoch_instead_of_being_believed()
    {
        await using var engine = new TestEngine().Start();
        engine.Sink.Committed = _ => -1;
        engine.Source.Add(Insert(1, 10));
        await engine.SettledAsync();
        await engine.StopAsync();

        engine.Sink.Committed = lane => lane == 0 ? 500 : -1;
        engine.Start();
        engine.Source.Add(Insert(2, 20));
        await engine.SettledAsync();

        Assert.Equal(["items:1=10", "items:2=20"], Shown(engine));
        Assert.Equal(2U, engine.Sink.Opened.Last().Epoch);
        Assert.Equal(0, engine.Pipeline.Account().InFlight);
    }

    [Fact]
    public async Task An_account_that_does_not_balance_blocks_even_while_nothing_comes()
    {
        await using var engine = new TestEngine().Start();
        engine.Source.Add(Insert(1, 10));
        await engine.SettledAsync();

        engine.Pipeline.Lanes[0].Queue.Settle(new() { Applied = 1 }, held: 0, long.MaxValue, long.MaxValue, lastOffset: -1);
        await engine.UntilAsync(() => engine.Status().Pipelines[0].State == RunState.Blocked);

        Assert.Equal(
            "The accounting of pipeline 'copy' does not balance: Accounting { Changes = 1, Filtered = 0, Planned = 1, Emitted = 1, Applied = 2, Stale = 0, DeadLettered = 0, "
            + "Coalesced = 0, InFlight = 0, Folded = 0, Balanced = False } This is a fault in Leat: report it with the log. Delivery stopped so that no change is counted as "
            + "delivered that is not; restart to deliver again from the checkpoint. [LEAT-3012]",
            engine.Status().Pipelines[0].Reason);
        engine.Source.Add(Insert(2, 20));
        await engine.UntilAsync(() => engine.Capture.Position?.Text == "2");
        Assert.Single(engine.Sink.Target);
    }

    [Fact]
    public async Task A_serial_table_takes_one_lane()
    {
        await using var engine = new TestEngine();
        engine.Sink.Traits = new() { SerialAliases = ["items"] };
        engine.Start();
        engine.Source.Add([.. Enumerable.Range(0, 300).Select(id => Insert(id, id))]);

        await engine.SettledAsync();

        Assert.Equal(Enumerable.Range(0, 300).Select(offset => (long)offset), engine.Sink.Writes.Select(write => write.Offset));
        Assert.Single(engine.Pipeline.Lanes, lane => lane.Queue.Snapshot().Emitted > 0);
    }

    private static List<string> Shown(TestEngine engine) =>
        [.. engine.Sink.Target.OrderBy(pair => TestTable.IdOf(pair.Value)).Select(pair => $"{pair.Key}={TestTable.ValueOf(pair.Value)}")];
}
