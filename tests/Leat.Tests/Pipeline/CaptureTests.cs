using System.Text;
using Leat.Changes;
using Leat.Log;
using Leat.Pipeline.Status;
using Xunit;
using static Leat.Tests.Pipeline.TestChange;

namespace Leat.Tests.Pipeline;

public sealed class CaptureTests
{
    [Fact]
    public async Task A_transaction_is_written_as_a_whole_and_ends_with_the_position()
    {
        await using var engine = new TestEngine().Start();
        engine.Source.Add(Insert(1, 10), Update(1, 10, 11));
        await engine.SettledAsync();

        var records = engine.Records("shop");

        Assert.Equal(3, records.Length);
        var (first, last) = (Read(records[0].Value), Read(records[1].Value));
        Assert.Equal((ChangeKind.Insert, "tx-0", 0u, ChangeMarks.HasAfter), first);
        Assert.Equal((ChangeKind.Update, "tx-0", 1u, ChangeMarks.HasBefore | ChangeMarks.HasAfter | ChangeMarks.LastOfTransaction), last);
        Assert.Equal([1, (byte)ChangeKind.Position, (byte)'1'], records[2].Value);
    }

    [Fact]
    public async Task A_rolled_back_transaction_leaves_nothing()
    {
        await using var engine = new TestEngine().Start();
        engine.Source.AddRolledBack(Insert(1, 10));
        engine.Source.Add(Insert(2, 20));
        engine.Source.AddRolledBack(Insert(3, 30), Insert(4, 40));
        engine.Source.Add(Insert(5, 50));

        await engine.UntilAsync(() => engine.Sink.Target.Count == 2);

        Assert.Equal([2, 5], Changes(engine));
    }

    [Fact]
    public async Task A_transaction_larger_than_a_batch_appears_as_a_whole_or_not_at_all()
    {
        await using var engine = new TestEngine();
        var note = new string('x', 8000);
        TestChange[] large = [.. Enumerable.Range(1000, 2000).Select(id => new TestChange(ChangeKind.Insert, null, TestTable.Row(id, id, note)))];
        engine.Source.Add(Insert(1, 10));
        engine.Source.Add(large);
        engine.Source.AddRolledBack(large);
        engine.Source.Add(Insert(2, 20));
        engine.Start();

        await engine.SettledAsync();

        Assert.Equal([1, .. Enumerable.Range(1000, 2000), 2], Changes(engine));
        Assert.Equal(2002, engine.Sink.Target.Count);
        Assert.Equal(2002, engine.Pipeline.Account().Changes);
    }

    [Fact]
    public async Task A_source_that_breaks_inside_a_transaction_resumes_before_it()
    {
        await using var engine = new TestEngine();
        var broken = false;
        engine.Source.FaultInside = number =>
        {
            if (number != 1 || broken)
                return;
            broken = true;
            throw new RetriableException(new(9001), "The connection broke.", "It is opened again.");
        };
        engine.Start();
        engine.Source.Add(Insert(1, 10));
        engine.Source.Add(Insert(2, 20), Insert(3, 30));

        await engine.SettledAsync();

        Assert.Equal([1, 2, 3], Changes(engine));
        Assert.Equal([0, 1], engine.Source.StartedFrom);
    }

    [Fact]
    public async Task A_restart_goes_on_at_the_position_in_the_tail()
    {
        await using var engine = new TestEngine().Start();
        engine.Source.Add(Insert(1, 10));
        engine.Source.Add(Insert(2, 20));
        await engine.SettledAsync();
        await engine.KillAsync();

        engine.Start();
        engine.Source.Add(Insert(3, 30));
        await engine.SettledAsync();

        Assert.Equal([0, 2], engine.Source.StartedFrom);
        Assert.Equal([1, 2, 3], Changes(engine));
        Assert.Single(engine.Records("shop.schemas"));
    }

    [Fact]
    public async Task A_condition_for_a_person_blocks_the_source_alone_and_resumes_by_itself()
    {
        await using var engine = new TestEngine();
        var wrong = true;
        engine.Source.Fault = number =>
        {
            if (number == 1 && Volatile.Read(ref wrong))
                throw new PauseException(new(9004), "The account may not read the binlog.", "GRANT BINLOG MONITOR ON *.* TO leat.");
        };
        engine.Start();
        engine.Source.Add(Insert(1, 10));
        engine.Source.Add(Insert(2, 20));

        await engine.UntilAsync(() => engine.Status().Sources[0].State == RunState.Blocked && engine.Sink.Target.Count == 1);
        Assert.Equal("The account may not read the binlog. GRANT BINLOG MONITOR ON *.* TO leat. [LEAT-9004]", engine.Status().Sources[0].Reason);
        Volatile.Write(ref wrong, false);
        await engine.SettledAsync();

        Assert.Equal(RunState.Live, engine.Status().Sources[0].State);
        Assert.Equal("2", engine.Status().Sources[0].Position);
    }

    [Fact]
    public async Task A_run_to_a_position_returns_when_all_before_it_is_durable()
    {
        await using var engine = new TestEngine().Open();
        engine.Source.Add(Insert(1, 10));
        engine.Source.Add(Insert(2, 20));
        engine.Source.Add(Insert(3, 30));

        await engine.Capture.RunAsync(new SourcePosition("2"), CancellationToken.None);

        Assert.Equal(engine.Capture.Stream.EndOffset, engine.Capture.Stream.SyncedOffset);
        Assert.Equal([1, 2], Changes(engine));
    }

    [Fact]
    public async Task A_quiet_source_writes_its_position_only_when_it_moves()
    {
        await using var engine = new TestEngine(timeFactor: 1_000_000).Open();
        var writer = new Leat.Pipeline.Capture.StreamWriter(engine.Capture.Stream, engine.Capture.Schemas, engine.Capture.Evidence, engine.Time);

        for (var heartbeat = 0; heartbeat < 5; heartbeat++)
        {
            await writer.AdvanceAsync(new At("7"), moreInput: false, CancellationToken.None);
            await engine.UntilAsync(TimeHasPassed(engine));
        }

        Assert.Equal(1, engine.Capture.Stream.EndOffset);
        await writer.AdvanceAsync(new At("8"), moreInput: false, CancellationToken.None);
        Assert.Equal(2, engine.Capture.Stream.EndOffset);
    }

    [Fact]
    public async Task A_source_whose_tables_are_quiet_writes_its_position_every_64_MiB_that_it_passes()
    {
        const long MiB = 1024 * 1024;
        await using var engine = new TestEngine(timeFactor: 1).Open();
        var writer = new Leat.Pipeline.Capture.StreamWriter(engine.Capture.Stream, engine.Capture.Schemas, engine.Capture.Evidence, engine.Time);

        await writer.AdvanceAsync(new Passed("1", 0), moreInput: true, CancellationToken.None);
        await writer.AdvanceAsync(new Passed("2", 63 * MiB), moreInput: true, CancellationToken.None);
        var before = engine.Capture.Stream.EndOffset;
        await writer.AdvanceAsync(new Passed("3", 64 * MiB), moreInput: true, CancellationToken.None);
        var after = engine.Capture.Stream.EndOffset;
        await writer.AdvanceAsync(new Passed("4", 65 * MiB), moreInput: true, CancellationToken.None);
        await writer.AdvanceAsync(new Passed("5", 1 * MiB), moreInput: true, CancellationToken.None); // another run counts anew
        await writer.AdvanceAsync(new Passed("6", 65 * MiB), moreInput: true, CancellationToken.None);

        Assert.Equal((1, 2, 3), (before, after, engine.Capture.Stream.EndOffset));
    }

    [Fact]
    public async Task All_changes_of_one_row_are_found_without_reading_every_segment()
    {
        await using var engine = new TestEngine().Open();
        var stream = engine.Capture.Stream;
        stream.Alter(stream.Options with { SegmentBytes = 4096, TailBytes = 0 });
        for (var run = 1; run <= 10; run++)
        {
            for (var row = 1; row <= 50; row++)
                engine.Source.Add(Insert((run * 100) + row, 1));
            await engine.Capture.RunAsync(new SourcePosition($"{run * 50}"), CancellationToken.None);
        }

        engine.Source.Add(Update(107, 1, 2));
        engine.Source.Add(Move(107, 5000, 2));
        await engine.Capture.RunAsync(new SourcePosition("502"), CancellationToken.None);

        var (found, skipped) = FindRow(stream, 107);
        Assert.Equal(["Insert 107", "Update 107", "Update 5000"], found);
        Assert.True(skipped >= 6, $"only {skipped} segments were passed over");
        Assert.Equal(["Update 5000"], FindRow(stream, 5000).Found);
        Assert.Empty(FindRow(stream, 9999).Found);
    }

    [Fact]
    public async Task A_tail_without_a_position_is_refused()
    {
        await using var engine = new TestEngine().Open();
        var batch = engine.Capture.Stream.NewBatch();
        batch.BeginRecord(default, hasKey: false);
        Encoding.ASCII.GetBytes("stray").CopyTo(batch.GetSpan(5));
        batch.Advance(5);
        batch.EndRecord();
        engine.Capture.Stream.Append(batch);
        await engine.Capture.Stream.WaitSyncedAsync(1, CancellationToken.None);

        var error = Assert.Throws<LeatException>(() => Leat.Pipeline.Capture.CaptureRunner.Open(
            "shop", engine.Source, engine.Log, engine.Time, Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance));

        Assert.Equal(
            "Stream 'shop' ends at offset 1 without the source's position, so capture does not know where to go on. The log folder was changed by something "
            + "else than Leat, or by an incompatible version. Restore the folder from a copy, or start with an empty one. [LEAT-3001]",
            error.Message);
    }

    [Fact]
    public async Task A_row_larger_than_the_largest_record_blocks_the_source_and_names_the_table()
    {
        await using var engine = new TestEngine().Start();
        engine.Source.Add(new TestChange(ChangeKind.Update, new byte[34 * 1024 * 1024], new byte[34 * 1024 * 1024]));

        await engine.UntilAsync(() => engine.Status().Sources[0].State == RunState.Blocked);

        Assert.Equal(
            "A change of table shop.items in transaction tx-0 takes 71303196 bytes; the largest that Leat records is 67108864 bytes. Add shop.items to the source's 'exclude' "
            + "and start again: nothing of the transaction was recorded, and capture goes on with its other tables at the same place. [LEAT-3002]",
            engine.Status().Sources[0].Reason);
        Assert.Empty(Changes(engine));
    }

    private static Func<bool> TimeHasPassed(TestEngine engine)
    {
        var from = engine.Time.GetTimestamp();
        return () => engine.Time.GetElapsedTime(from) > TimeSpan.FromSeconds(2);
    }

    private sealed class Passed(string text, long bytes) : IPosition
    {
        public long PassedBytes => bytes;

        public void WriteTo(System.Buffers.IBufferWriter<byte> target) => System.Buffers.BuffersExtensions.Write(target, Encoding.ASCII.GetBytes(text));
    }

    private sealed class At(string text) : IPosition
    {
        public void WriteTo(System.Buffers.IBufferWriter<byte> target) => System.Buffers.BuffersExtensions.Write(target, Encoding.ASCII.GetBytes(text));
    }

    private static List<int> Changes(TestEngine engine) =>
        [.. engine.Records("shop").Where(record => record.Value[1] != (byte)ChangeKind.Position).Select(record => IdOf(record.Value))];

    private static int IdOf(byte[] value)
    {
        var change = new EncodedChange(value);
        return TestTable.IdOf(change.After.IsEmpty ? change.Before : change.After);
    }

    private static (ChangeKind Kind, string Transaction, uint Index, ChangeMarks Marks) Read(byte[] value)
    {
        var change = new EncodedChange(value);
        return (change.Kind, Encoding.ASCII.GetString(change.TransactionId), change.IndexInTransaction, change.Marks);
    }

    // The kind and new key of every change that has the key in one of its images.
    private static (List<string> Found, int Skipped) FindRow(StreamPartition stream, int id)
    {
        var found = new List<string>();
        var hash = Leat.Pipeline.Capture.ChangeKeys.HashOf(TestTable.Schema, TestTable.Row(id, 0));
        using var reader = stream.FindKey(hash, 0, stream.EndOffset);
        while (reader.Read(1024 * 1024) is { } block)
        {
            using (block)
            {
                var records = block.Records();
                while (records.MoveNext())
                {
                    var change = new EncodedChange(block.Buffer.AsSpan(records.ValueStart, records.ValueLength));
                    if (change.Kind == ChangeKind.Position)
                        continue;
                    var isOfRow = TestTable.IdOf(change.After) == id || (!change.Before.IsEmpty && TestTable.IdOf(change.Before) == id);
                    if (isOfRow)
                        found.Add($"{change.Kind} {TestTable.IdOf(change.After)}");
                }
            }
        }

        return (found, reader.SkippedSegments);
    }
}
