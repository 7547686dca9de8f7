using Leat.Changes;
using Leat.Pipeline.Status;
using Xunit;
using static Leat.Tests.Pipeline.TestChange;

namespace Leat.Tests.Pipeline;

/// <summary>Sinks whose batches hold whole transactions of the source.</summary>
public sealed class WholeTransactionTests
{
    [Fact]
    public async Task No_batch_begins_or_ends_inside_a_transaction()
    {
        await using var engine = Make(operations: 10);
        engine.Source.Add(Insert(0, 0));
        var next = 1;
        foreach (var size in (int[])[3, 4, 25, 1, 9, 2, 10, 11])
            engine.Source.Add([.. Enumerable.Range(0, size).Select(_ => Insert(next++, 1))]);
        var batches = Batches(engine);
        engine.Start();

        await engine.SettledAsync();

        AssertWhole(engine, batches);
        Assert.Equal(66, engine.Pipeline.Account().Applied);
        Assert.All(batches, batch => Assert.True(batch.Count <= 10 || batch.Count is 25 or 11, $"{batch.Count}"));
        Assert.Single(engine.Pipeline.Lanes);
    }

    [Fact]
    public async Task A_transaction_of_many_blocks_is_sent_as_one_and_filtered_rows_do_not_count()
    {
        await using var engine = Make(operations: 10);
        engine.Definition = TestEngine.CopyItemsWhere("v % 3 <> 0") with { Lanes = 4 };
        var text = new string('x', 500);
        for (var transaction = 0; transaction < 4; transaction++)
            engine.Source.Add([.. Enumerable.Range(transaction * 3000, 3000).Select(id => new TestChange(ChangeKind.Insert, null, TestTable.Row(id, id, text)))]);
        var batches = Batches(engine);
        engine.Start();

        await engine.SettledAsync();

        AssertWhole(engine, batches);
        Assert.Equal([2000, 2000, 2000, 2000], batches.Select(batch => batch.Count));
        Assert.Equal(new Accounting(12000, 4000, 8000, 8000, 8000, 0, 0, 0, 0), engine.Pipeline.Account());
    }

    [Fact]
    public async Task Transactions_stay_whole_over_kills_and_new_shapes()
    {
        await using var engine = Make(operations: 20);
        var random = new Random(5);
        var batches = Batches(engine);
        var id = 0;
        for (var round = 0; round < 6; round++)
        {
            engine.Start();
            for (var i = 0; i < 40; i++)
            {
                if (random.Next(10) == 0)
                    engine.Source.Schema = TestTable.Make(new("shop", "items")).As(partial: false) is var schema && random.Next(2) == 0 ? schema : Wider();
                engine.Source.Add([.. Enumerable.Range(0, 1 + random.Next(40)).Select(_ => Insert(id++, 1))]);
            }

            var enough = engine.Sink.Writes.Count + random.Next(400);
            await engine.UntilAsync(() => engine.Sink.Writes.Count >= enough || engine.Pipeline.Account() is { Changes: > 0, InFlight: 0 });
            await engine.KillAsync();
        }

        engine.Start();
        await engine.SettledAsync();

        AssertWhole(engine, batches);
        Assert.Equal(id, engine.Sink.Target.Count);
    }

    [Fact]
    public async Task A_transaction_that_is_too_large_blocks_by_name()
    {
        await using var engine = Make(operations: 10);
        var text = new string('x', 1024 * 1024);
        engine.Source.Add(Insert(1, 1));
        engine.Source.Add([.. Enumerable.Range(2, 70).Select(id => new TestChange(ChangeKind.Insert, null, TestTable.Row(id, id, text)))]);
        engine.Start();

        await engine.UntilAsync(() => engine.Status().Pipelines[0].State == RunState.Blocked);

        Assert.Matches(
            @"^Transaction tx-1 of the source \(at offset \d+\) has more than 64MiB of changes for pipeline 'copy', which delivers whole transactions\. "
            + @"Let the pipeline deliver by lanes \(`apply: lanes` of its sink\) until it is past this transaction: a target then sees it in parts for a while\. \[LEAT-3016\]$",
            engine.Status().Pipelines[0].Reason);
        await engine.UntilAsync(() => engine.Sink.Target.Count == 1);
        Assert.True(engine.Pipeline.Account() is { Balanced: true, Applied: 1, InFlight: 0 }, engine.Pipeline.Account().ToString());
        Assert.InRange(engine.Pipeline.CurrentCheckpoint, 1, 2);
    }

    [Fact]
    public async Task Of_refused_transactions_the_bad_one_alone_is_parted()
    {
        await using var engine = Make(operations: 100);
        engine.Sink.Before = (batch, _) => batch.ToArray().Any(operation => TestTable.IdOf(operation.Row.Span) == 13)
            ? throw new BatchRefusedException("bad", "x")
            : Task.CompletedTask;
        for (var transaction = 0; transaction < 10; transaction++)
            engine.Source.Add([.. Enumerable.Range(transaction * 5, 5).Select(id => Insert(id, id))]);
        engine.Start();

        await engine.SettledAsync();

        Assert.Equal(new Accounting(50, 0, 50, 50, 49, 0, 1, 0, 0), engine.Pipeline.Account());
    }

    private static TableSchema Wider() => new(
        TestTable.Schema.Table, TestTable.Schema.Columns.SetItem(2, TestTable.Schema.Columns[2] with { Length = 200 }), [0]);

    private static TestEngine Make(int operations)
    {
        var engine = new TestEngine(timeFactor: 1000);
        engine.Sink.Traits = new() { MaxBatchOperations = operations, WholeTransactions = true };
        return engine;
    }

    private static List<List<long>> Batches(TestEngine engine)
    {
        var batches = new List<List<long>>();
        engine.Sink.Before = (batch, _) =>
        {
            batches.Add([.. batch.ToArray().Select(operation => operation.Offset)]);
            return Task.CompletedTask;
        };
        return batches;
    }

    // By the stream itself: every transaction's records that were sent at all stand in the same batch, each time.
    private static void AssertWhole(TestEngine engine, List<List<long>> batches)
    {
        var transactions = new Dictionary<long, string>();
        foreach (var (offset, value) in engine.Records("shop"))
        {
            if (value[1] != (byte)ChangeKind.Position)
                transactions[offset] = System.Text.Encoding.ASCII.GetString(new EncodedChange(value).TransactionId);
        }

        var sizes = batches.SelectMany(batch => batch).Distinct().GroupBy(offset => transactions[offset]).ToDictionary(group => group.Key, group => group.Count());
        foreach (var batch in batches)
        {
            foreach (var transaction in batch.GroupBy(offset => transactions[offset]))
                Assert.Equal((transaction.Key, sizes[transaction.Key]), (transaction.Key, transaction.Count()));
        }
    }
}
