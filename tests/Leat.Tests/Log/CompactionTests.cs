using System.Text;
using Leat.Log;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.Tests.Log;

/// <summary>What compaction leaves of a stream, and that nobody who reads it is misled.</summary>
public sealed class CompactionTests : IDisposable
{
    private static readonly StreamOptions Small = new() { SegmentBytes = 4096, Compact = true, TailBytes = 0 };

    private readonly LogFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public async Task Keeps_the_newest_record_of_each_key_with_its_offset()
    {
        var stream = _fixture.Open(scheduler: new NoMaintenance()).OpenStream("state", Small);
        await FillAsync(stream, rounds: 40, keys: 10);
        var before = ReadKeyed(stream);

        Assert.True(stream.Compaction.Pass());

        var limit = stream.Compaction.Candidates()[^1].NextOffset;
        var newest = before.Where(record => record.Offset < limit).GroupBy(record => record.Key).ToDictionary(group => group.Key, group => group.Last().Offset);
        var expected = before.Where(record => record.Offset >= limit || newest[record.Key] == record.Offset).ToList();
        Assert.Equal(expected, ReadKeyed(stream));
        Assert.True(before.Count > expected.Count * 3);
    }

    [Fact]
    public async Task Says_the_same_after_a_restart()
    {
        var log = _fixture.Open(scheduler: new NoMaintenance());
        var stream = log.OpenStream("state", Small);
        await FillAsync(stream, rounds: 40, keys: 10);
        stream.Compaction.Pass();
        var compacted = ReadKeyed(stream);
        var killed = _fixture.CopyAsIfKilled();
        log.Dispose();

        Assert.Equal(compacted, ReadKeyed(_fixture.Open(scheduler: new NoMaintenance()).OpenStream("state", Small)));
        Assert.Equal(compacted, ReadKeyed(_fixture.Open(killed, new NoMaintenance()).OpenStream("state", Small)));
    }

    [Fact]
    public async Task Can_be_read_from_every_offset()
    {
        var stream = _fixture.Open(scheduler: new NoMaintenance()).OpenStream("state", Small);
        await FillAsync(stream, rounds: 40, keys: 10);
        stream.Compaction.Pass();
        var all = ReadKeyed(stream);

        for (var from = stream.StartOffset; from <= stream.EndOffset; from++)
            Assert.Equal(all.Where(record => record.Offset >= from), ReadKeyed(stream, from));
    }

    [Fact]
    public async Task Makes_one_segment_of_several_small_ones()
    {
        var stream = _fixture.Open(scheduler: new NoMaintenance()).OpenStream("state", Small);
        await FillAsync(stream, rounds: 100, keys: 3);
        var many = stream.Compaction.Candidates().Count;

        stream.Compaction.Pass();
        await FillAsync(stream, rounds: 100, keys: 3);
        stream.Compaction.Pass();

        var closed = stream.Compaction.Candidates();
        Assert.True(many > 5);
        Assert.Equal(0, closed[0].BaseOffset);
        Assert.True(closed[0].IsCompacted);
        Assert.True(closed.Count(segment => segment.IsCompacted) < many);
        Assert.All(closed, segment => Assert.Equal(segment.Bytes, new FileInfo(LogFixture.PathOf(_fixture.Folder, "state", segment.BaseOffset)).Length));
    }

    [Fact]
    public async Task A_reader_on_its_way_goes_on_to_the_right_record()
    {
        var stream = _fixture.Open(scheduler: new NoMaintenance()).OpenStream("state", Small);
        await FillAsync(stream, rounds: 40, keys: 10);
        using var reader = stream.NewReader(0);
        long next;
        using (var block = reader.Read(1))
            next = block!.NextOffset;

        stream.Compaction.Pass();

        var read = ReadKeyed(reader);
        Assert.Equal(read.OrderBy(record => record.Offset), read);
        Assert.Empty(ReadKeyed(stream, next).Except(read));
        Assert.Equal(next, read[0].Offset);
    }

    [Fact]
    public async Task A_tombstone_goes_when_it_is_old_and_the_key_with_it()
    {
        var stream = _fixture.Open(scheduler: new NoMaintenance()).OpenStream("state", Small with { TombstoneAge = TimeSpan.FromMinutes(1) });
        var day = DateTimeOffset.Parse("2020-01-01T00:00:00Z", System.Globalization.CultureInfo.InvariantCulture).ToUnixTimeMilliseconds();
        await AppendAsync(stream, day, ("old", "value"), ("young", "value"));
        await AppendAsync(stream, day, ("old", null));
        await FillAsync(stream, rounds: 20, keys: 2, timeMs: day + 100_000);
        await AppendAsync(stream, day + 100_000, ("young", null));
        await FillAsync(stream, rounds: 80, keys: 2, timeMs: day + 100_000);

        stream.Compaction.Pass();

        var rest = ReadKeyed(stream);
        Assert.DoesNotContain(rest, record => record.Key == "old");
        Assert.Equal([null], rest.Where(record => record.Key == "young").Select(record => record.Value));
    }

    [Fact]
    public async Task A_tombstone_stays_while_the_clock_alone_says_that_it_is_old()
    {
        var stream = _fixture.Open(scheduler: new NoMaintenance(), time: new JumpedTime()).OpenStream("state", Small with { TombstoneAge = TimeSpan.FromMinutes(1) });
        var day = DateTimeOffset.Parse("2020-01-01T00:00:00Z", System.Globalization.CultureInfo.InvariantCulture).ToUnixTimeMilliseconds();
        await AppendAsync(stream, day, ("gone", "value"));
        await AppendAsync(stream, day, ("gone", null));
        await FillAsync(stream, rounds: 40, keys: 2, timeMs: day);

        Assert.True(stream.Compaction.Pass());

        Assert.Equal([null], ReadKeyed(stream).Where(record => record.Key == "gone").Select(record => record.Value));
    }

    [Fact]
    public async Task Records_of_aborted_transactions_go_and_committed_ones_become_plain()
    {
        var stream = _fixture.Open(scheduler: new NoMaintenance()).OpenStream("state", Small);
        for (var i = 0; i < 6; i++)
        {
            stream.Append(Keyed(stream, 0, ($"aborted{i}", new string('a', 700))), BatchKind.Transactional);
            await LogFixture.MarkAsync(stream, BatchKind.AbortMarker);
            stream.Append(Keyed(stream, 0, ($"committed{i}", new string('c', 700))), BatchKind.Transactional);
            await LogFixture.MarkAsync(stream, BatchKind.CommitMarker);
        }

        await FillAsync(stream, rounds: 1, keys: 1);
        var before = ReadKeyed(stream);

        Assert.True(stream.Compaction.Pass());

        Assert.Equal(before, ReadKeyed(stream));
        var file = await File.ReadAllBytesAsync(LogFixture.PathOf(_fixture.Folder, "state", 0), LogFixture.Token);
        Assert.DoesNotContain("aborted", Encoding.Latin1.GetString(file), StringComparison.Ordinal);
        for (var at = 0; at < file.Length; at += (int)new BatchView(file.AsSpan(at)).SizeBytes)
            Assert.Equal(0, new BatchView(file.AsSpan(at)).Attributes);
    }

    [Fact]
    public async Task Records_without_a_key_stay()
    {
        var stream = _fixture.Open(scheduler: new NoMaintenance()).OpenStream("state", Small);
        for (var i = 0; i < 40; i++)
            await AppendAsync(stream, 0, (null, $"{i}" + new string('n', 200)), ("k", new string('v', 200)));

        Assert.True(stream.Compaction.Pass());

        Assert.Equal(40, ReadKeyed(stream).Count(record => record.Key == "-"));
    }

    [Fact]
    public async Task More_keys_than_memory_takes_are_gone_through_in_rounds()
    {
        var (one, many) = (_fixture.Open(scheduler: new NoMaintenance()).OpenStream("one", Small), _fixture.Open(Path.Combine(_fixture.Folder, "other"), new NoMaintenance()).OpenStream("many", Small));
        foreach (var stream in new[] { one, many })
        {
            await FillAsync(stream, rounds: 20, keys: 50, timeMs: 1_600_000_000_000);
            await FillAsync(stream, rounds: 3, keys: 7, timeMs: 1_600_000_000_000);
        }

        one.Compaction.Pass();
        many.Compaction.Pass(maxKeyBytes: 400);

        Assert.Equal(ReadKeyed(one), ReadKeyed(many));
        Assert.True(ReadKeyed(one).Count < 200);
    }

    [Fact]
    public async Task What_somebody_holds_stays()
    {
        var stream = _fixture.Open(scheduler: new NoMaintenance()).OpenStream("state", Small);
        await FillAsync(stream, rounds: 40, keys: 10);
        var before = ReadKeyed(stream);
        using (stream.Hold("a reader", 1))
            Assert.False(stream.Compaction.Pass());
        using (stream.Hold("a reader", 200))
            Assert.True(stream.Compaction.Pass());

        Assert.Equal(before.Where(record => record.Offset >= 200), ReadKeyed(stream, 200));
        Assert.InRange(ReadKeyed(stream).Count(record => record.Offset < 200), 1, 100);
    }

    [Fact]
    public async Task Maintenance_compacts_by_itself()
    {
        var stream = _fixture.Open(scheduler: new NoMaintenance()).OpenStream("state", Small);
        await FillAsync(stream, rounds: 40, keys: 10);
        var before = ReadKeyed(stream).Count;

        stream.Maintain();

        Assert.True(ReadKeyed(stream).Count < before / 3);
    }

    [Fact]
    public async Task Compressed_batches_stay_compressed()
    {
        var options = Small with { Compression = Compression.Zstd };
        var log = _fixture.Open(scheduler: new NoMaintenance());
        var stream = log.OpenStream("state", options);
        await FillAsync(stream, rounds: 400, keys: 10);
        var before = ReadKeyed(stream);
        Assert.True(stream.Compaction.Pass());

        var limit = stream.Compaction.Candidates()[^1].NextOffset;
        var newest = before.Where(record => record.Offset < limit).GroupBy(record => record.Key).Select(group => group.Last());
        Assert.Equal(newest, ReadKeyed(stream).Where(record => record.Offset < limit));
        var file = await File.ReadAllBytesAsync(LogFixture.PathOf(_fixture.Folder, "state", 0), LogFixture.Token);
        Assert.Equal(Compression.Zstd, new BatchView(file).Compression);
    }

    [Fact]
    public async Task The_last_committed_batch_can_be_read_as_before()
    {
        var stream = _fixture.Open(scheduler: new NoMaintenance()).OpenStream("state", Small);
        await FillAsync(stream, rounds: 40, keys: 3);
        using var before = stream.ReadLastCommittedBatch();

        stream.Compaction.Pass();

        using var after = stream.ReadLastCommittedBatch();
        Assert.Equal(LogFixture.Texts(before!), LogFixture.Texts(after!));
    }

    [Fact]
    public async Task Does_not_begin_when_the_stream_is_about_to_end()
    {
        var stream = _fixture.Open(scheduler: new NoMaintenance()).OpenStream("state", Small);
        await FillAsync(stream, rounds: 40, keys: 3);
        var before = ReadKeyed(stream);

        stream.Compaction.Stop();
        Assert.False(stream.Compaction.Pass());

        Assert.Equal(before, ReadKeyed(stream));
    }

    [Fact]
    public async Task A_stream_without_the_option_is_left_alone()
    {
        var stream = _fixture.Open(scheduler: new NoMaintenance()).OpenStream("plain", Small with { Compact = false });
        await FillAsync(stream, rounds: 40, keys: 3);

        Assert.False(stream.Compaction.Pass());
    }

    [Fact]
    public async Task A_damaged_segment_is_not_compacted_away()
    {
        var stream = _fixture.Open(scheduler: new NoMaintenance()).OpenStream("state", Small);
        await FillAsync(stream, rounds: 40, keys: 3);
        var path = LogFixture.PathOf(_fixture.Folder, "state", 0);
        var bytes = await File.ReadAllBytesAsync(path, LogFixture.Token);
        bytes[1000] ^= 1;
        await File.WriteAllBytesAsync(path, bytes, LogFixture.Token);

        Assert.False(stream.Compaction.Pass());

        Assert.Equal(bytes, await File.ReadAllBytesAsync(path, LogFixture.Token));
        await LogFixture.AppendSyncedAsync(stream, "the stream goes on");
    }

    [Fact]
    public async Task Cut_off_at_any_step_it_loses_nothing_and_a_start_finishes_or_forgets_it()
    {
        var (expected, steps) = (new List<string>(), 0);
        for (; ; steps++)
        {
            var folder = Path.Combine(_fixture.Folder, $"{steps}");
            var disk = new StoppingDisk();
            bool isDone;
            using (var log = LogDirectory.Open(folder, disk, TimeProvider.System, new NoMaintenance(), NullLogger.Instance))
            {
                var stream = log.OpenStream("state", Small);
                await FillAsync(stream, rounds: 60, keys: 10);
                expected = Newest(stream);
                disk.StepsLeft = steps;
                isDone = !Stops(() => stream.Compaction.Pass());
                disk.StepsLeft = 0; // nothing else reaches the disk, as after a kill
            }

            using (var log = _fixture.Open(folder, new NoMaintenance()))
            {
                var stream = log.OpenStream("state", Small);
                Assert.Equal(expected, Newest(stream));
                stream.Compaction.Pass();
                Assert.Equal(expected, Newest(stream));
            }

            Assert.DoesNotContain(Directory.GetFiles(Path.Combine(folder, "state-0")), file => file.EndsWith(".cleaned", StringComparison.Ordinal));
            if (isDone)
                break;
        }

        Assert.InRange(steps, 15, 200);
    }

    private static bool Stops(Action action)
    {
        try
        {
            action();
            return false;
        }
        catch (DiskException)
        {
            return true;
        }
    }

    // The newest record of each key, with its offset and time.
    private static List<string> Newest(StreamPartition stream) =>
        [.. ReadKeyed(stream).GroupBy(record => record.Key).Select(group => $"{group.Last()}").Order(StringComparer.Ordinal)];

    private static Task FillAsync(StreamPartition stream, int rounds, int keys, long timeMs = 1_600_000_000_000) =>
        AppendManyAsync(stream, rounds, round => [.. Enumerable.Range(0, keys).Select(key => ($"key{key}", (string?)$"{round}:" + new string('v', 80)))], timeMs);

    private static async Task AppendManyAsync(StreamPartition stream, int rounds, Func<int, (string?, string?)[]> recordsOf, long timeMs)
    {
        for (var round = 0; round < rounds; round++)
            stream.Append(Keyed(stream, timeMs, recordsOf(round)));
        await stream.WaitSyncedAsync(stream.EndOffset, LogFixture.Token);
    }

    private static async Task AppendAsync(StreamPartition stream, long timeMs, params (string? Key, string? Value)[] records)
    {
        stream.Append(Keyed(stream, timeMs, records));
        await stream.WaitSyncedAsync(stream.EndOffset, LogFixture.Token);
    }

    private static BatchBuilder Keyed(StreamPartition stream, long timeMs, params (string? Key, string? Value)[] records)
    {
        var batch = stream.NewBatch();
        batch.TimestampMs = timeMs;
        foreach (var (key, value) in records)
        {
            if (value is not null)
            {
                LogFixture.Add(batch, key, value);
                continue;
            }

            batch.BeginRecord(Encoding.UTF8.GetBytes(key!), hasKey: true);
            batch.EndRecordWithoutValue();
        }

        return batch;
    }

    private static List<(long Offset, long TimeMs, string Key, string? Value)> ReadKeyed(StreamPartition stream, long from = 0)
    {
        using var reader = stream.NewReader(Math.Max(from, stream.StartOffset));
        return ReadKeyed(reader);
    }

    private static List<(long Offset, long TimeMs, string Key, string? Value)> ReadKeyed(LogReader reader)
    {
        var all = new List<(long, long, string, string?)>();
        while (reader.Read(1024 * 1024) is { } block)
        {
            using (block)
            {
                var records = block.Records();
                while (records.MoveNext())
                {
                    var key = records.KeyLength < 0 ? "-" : Encoding.UTF8.GetString(block.Buffer, records.KeyStart, records.KeyLength);
                    var value = records.ValueLength < 0 ? null : Encoding.UTF8.GetString(block.Buffer, records.ValueStart, records.ValueLength);
                    all.Add((records.Offset, records.TimestampMs, key, value));
                }
            }
        }

        return all;
    }

    // Today for whoever asks: the clock of a machine that was set wrong, while the records are of another year.
    private sealed class JumpedTime : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => System.GetUtcNow().AddYears(20);
    }
}
