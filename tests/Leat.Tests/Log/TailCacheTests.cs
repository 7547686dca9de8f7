using Leat.Log;
using Xunit;

namespace Leat.Tests.Log;

public sealed class TailCacheTests : IDisposable
{
    private readonly LogFixture _fixture = new();

    [Fact]
    public async Task A_reader_at_the_tail_needs_no_file()
    {
        using var log = _fixture.Open();
        var stream = log.OpenStream("shop", new());
        await LogFixture.AppendSyncedAsync(stream, "a", "b");
        await LogFixture.AppendSyncedAsync(stream, new string('c', 100_000));
        File.Delete(LogFixture.PathOf(_fixture.Folder, "shop", 0));

        Assert.Equal(["0=a", "1=b", "2=" + new string('c', 100_000)], LogFixture.ReadAll(stream));
    }

    [Fact]
    public async Task Readers_share_the_buffer_that_the_batch_was_built_in()
    {
        using var log = _fixture.Open();
        var stream = log.OpenStream("shop", new() { Compression = Compression.Lz4 });
        var batch = LogFixture.Batch(stream, new string('a', 100_000));
        var built = batch.Batch.Array;
        stream.Append(batch);
        await stream.WaitSyncedAsync(1, LogFixture.Token);
        using var one = stream.NewReader(0);
        using var other = stream.NewReader(0);

        using var first = one.Read(1000);
        using var second = other.Read(1000);

        Assert.NotNull(first);
        Assert.Same(built, first.Buffer);
        Assert.Same(built, second?.Buffer);
        Assert.Equal(["0=" + new string('a', 100_000)], LogFixture.Texts(first));
    }

    [Fact]
    public async Task Small_batches_are_read_many_at_once_and_from_any_of_their_offsets()
    {
        using var log = _fixture.Open();
        var stream = log.OpenStream("shop", new());
        for (var i = 0; i < 10; i++)
            await LogFixture.AppendSyncedAsync(stream, $"v{i}", $"w{i}");
        using var reader = stream.NewReader(5);

        using var block = reader.Read(100_000);

        Assert.NotNull(block);
        Assert.Equal(["5=w2", "6=v3", "7=w3"], LogFixture.Texts(block)[..3]);
        Assert.Equal(20, reader.NextOffset);
        Assert.Equal(20, block.NextOffset);
        using var small = stream.NewReader(5);
        using var one = small.Read(1);
        Assert.Equal(["5=w2"], LogFixture.Texts(one ?? throw new InvalidOperationException("nothing to read")));
    }

    [Fact]
    public void What_is_written_and_not_synced_is_not_served()
    {
        var scheduler = new StepScheduler();
        using var log = _fixture.Open(scheduler: scheduler);
        var stream = log.OpenStream("shop", new() { Sync = SyncMode.Interval, SyncInterval = TimeSpan.FromDays(1) });
        stream.Append(LogFixture.Batch(stream, "a"));
        scheduler.Step();
        using var reader = stream.NewReader(0);

        Assert.True(stream.Tail.TryRead(0, readable: 1, maxBytes: 1000, out var slice));
        slice.Buffer.Release();
        Assert.Null(reader.Read(1000));
        Assert.Equal(0, stream.SyncedOffset);
    }

    [Fact]
    public async Task An_open_transaction_is_not_served_and_an_aborted_one_is_passed_over()
    {
        using var log = _fixture.Open();
        var stream = log.OpenStream("shop", new());
        await LogFixture.AppendSyncedAsync(stream, "before");
        stream.Append(LogFixture.Batch(stream, "part 1"), BatchKind.Transactional);
        stream.Append(LogFixture.Batch(stream, "part 2"), BatchKind.Transactional);
        await stream.WaitSyncedAsync(3, LogFixture.Token);
        File.Delete(LogFixture.PathOf(_fixture.Folder, "shop", 0));
        Assert.Equal(["0=before"], LogFixture.ReadAll(stream));

        await LogFixture.MarkAsync(stream, BatchKind.AbortMarker);
        await LogFixture.AppendSyncedAsync(stream, "after");
        Assert.Equal(["0=before", "4=after"], LogFixture.ReadAll(stream));
        Assert.Equal(["4=after"], LogFixture.ReadAll(stream, from: 2));
    }

    [Fact]
    public async Task It_holds_no_more_than_it_may_and_who_falls_behind_reads_the_file()
    {
        using var log = _fixture.Open();
        var stream = log.OpenStream("shop", new() { SegmentBytes = 64 * 1024, TailBytes = 40_000 });
        var expected = new List<string>();
        var random = new Random(3);
        for (var i = 0; i < 400; i++)
        {
            var value = new string((char)('a' + i % 26), i % 40 == 7 ? 50_000 : random.Next(3000));
            expected.Add($"{i}={value}");
            await LogFixture.AppendSyncedAsync(stream, value);
            Assert.InRange(stream.Tail.HeldBytes, 0, 40_000);
        }

        Assert.True(stream.Tail.HeldBytes > 10_000);
        Assert.False(stream.Tail.TryRead(0, 400, 1000, out _));
        Assert.Equal(expected, LogFixture.ReadAll(stream, 0, 5000));
        Assert.Equal(expected[380..], LogFixture.ReadAll(stream, 380));
    }

    [Fact]
    public async Task A_block_stays_as_it_is_while_it_is_held_whatever_becomes_of_the_tail()
    {
        using var log = _fixture.Open();
        var stream = log.OpenStream("shop", new() { TailBytes = 100_000 });
        await LogFixture.AppendSyncedAsync(stream, "small");
        await LogFixture.AppendSyncedAsync(stream, new string('L', 50_000));
        using var reader = stream.NewReader(0);
        using var small = reader.Read(1);
        using var large = reader.Read(1);

        for (var i = 0; i < 50; i++)
            await LogFixture.AppendSyncedAsync(stream, new string('x', i % 2 == 0 ? 10 : 50_000));

        Assert.Equal(["0=small"], LogFixture.Texts(small ?? throw new InvalidOperationException("nothing to read")));
        Assert.Equal(["1=" + new string('L', 50_000)], LogFixture.Texts(large ?? throw new InvalidOperationException("nothing to read")));
    }

    [Fact]
    public async Task None_is_kept_when_none_is_wanted()
    {
        using var log = _fixture.Open();
        var stream = log.OpenStream("shop", new() { TailBytes = 0 });
        await LogFixture.AppendSyncedAsync(stream, "a");
        await LogFixture.AppendSyncedAsync(stream, new string('b', 50_000));

        Assert.Equal(0, stream.Tail.HeldBytes);
        Assert.Equal(2, LogFixture.ReadAll(stream).Count);
    }

    [Fact]
    public async Task Many_readers_follow_a_writer_and_each_gets_every_record_once()
    {
        using var log = _fixture.Open();
        var stream = log.OpenStream("shop", new() { SegmentBytes = 256 * 1024, TailBytes = 64 * 1024 });
        const int records = 3000;
        var readers = Enumerable.Range(0, 3).Select(step => FollowAsync(stream, records, step == 0 ? 700 : 100_000)).ToArray();
        for (var i = 0; i < records; i++)
        {
            stream.Append(LogFixture.Batch(stream, Value(i)));
            if (i % 50 == 0)
                await stream.WaitSyncedAsync(stream.EndOffset, LogFixture.Token);
        }

        await Task.WhenAll(readers);
    }

    public void Dispose() => _fixture.Dispose();

    private static string Value(int i) => new((char)('a' + i % 26), i % 100 == 99 ? 40_000 : i % 300);

    private static async Task FollowAsync(StreamPartition stream, int records, int maxBytes)
    {
        using var reader = stream.NewReader(0);
        var next = 0;
        while (next < records)
        {
            await stream.WaitReadableAsync(reader.NextOffset, LogFixture.Token);
            while (reader.Read(maxBytes) is { } block)
            {
                using (block)
                {
                    foreach (var text in LogFixture.Texts(block))
                    {
                        Assert.Equal($"{next}={Value(next)}", text);
                        next++;
                    }
                }
            }
        }
    }

    /// <summary>Runs workers only when told to.</summary>
    private sealed class StepScheduler : ILogScheduler
    {
        private readonly List<Func<TimeSpan?>> _steps = [];

        public ILogWorker Start(string name, Func<TimeSpan?> step)
        {
            _steps.Add(step);
            return new Worker();
        }

        public void Step() => _steps.ForEach(step => step());

        private sealed class Worker : ILogWorker
        {
            public void Wake()
            {
                // the test decides when
            }

            public void Dispose()
            {
                // nothing runs
            }
        }
    }
}
