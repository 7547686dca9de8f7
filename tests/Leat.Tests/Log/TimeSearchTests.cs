using System.Buffers.Binary;
using Leat.Log;
using Xunit;

namespace Leat.Tests.Log;

public sealed class TimeSearchTests : IDisposable
{
    private static readonly StreamOptions Options = new() { SegmentBytes = 16 * 1024, TailBytes = 0 };

    private readonly LogFixture _fixture = new();

    [Fact]
    public async Task The_first_offset_that_is_late_enough_is_found_in_closed_segments_and_the_active_one()
    {
        using var log = _fixture.Open(scheduler: new HeldMaintenance());
        var stream = log.OpenStream("shop", Options);
        var times = await FillAsync(stream, records: 600, backwards: false);

        Assert.True(stream.WindowOf(0).Window.EndOffset < 200);
        CheckAll(stream, times);
    }

    [Fact]
    public async Task Times_need_not_grow_and_side_files_may_be_missing()
    {
        using var log = _fixture.Open(scheduler: new HeldMaintenance());
        var stream = log.OpenStream("shop", Options with { Compression = Compression.Lz4 });
        var times = await FillAsync(stream, records: 600, backwards: true);
        CheckAll(stream, times);

        foreach (var file in Directory.GetFiles(Path.Combine(_fixture.Folder, "shop-0"), "*.timeindex"))
            File.Delete(file);
        CheckAll(stream, times);
        Assert.NotEmpty(Directory.GetFiles(Path.Combine(_fixture.Folder, "shop-0"), "*.timeindex"));
    }

    [Fact]
    public async Task A_time_index_that_lies_changes_no_answer()
    {
        using var log = _fixture.Open(scheduler: new HeldMaintenance());
        var stream = log.OpenStream("shop", Options with { SegmentBytes = 64 * 1024 });
        var times = await FillAsync(stream, records: 700, backwards: true);
        SideFiles.WriteMissing(stream, int.MaxValue);
        var path = LogFixture.PathOf(_fixture.Folder, "shop", 0, ".timeindex");
        var good = File.ReadAllBytes(path);
        Assert.True(good.Length > 5 * TimeIndex.EntryBytes);
        var end = stream.WindowOf(0).Window.EndOffset;

        for (var at = 0; at < good.Length; at++)
        {
            var bad = good.ToArray();
            bad[at] ^= (byte)(1 << (at % 8));
            File.WriteAllBytes(path, bad);
            for (var i = at % 7; i < end; i += 31)
                Assert.Equal(First(times, times[i]), stream.OffsetAt(At(times[i])));
        }

        File.WriteAllBytes(path, good[..^5]);
        CheckAll(stream, times);
        Assert.Equal(good, File.ReadAllBytes(path));
    }

    [Fact]
    public async Task What_was_aborted_or_cannot_be_read_yet_is_not_found()
    {
        using var log = _fixture.Open(scheduler: new HeldMaintenance());
        var stream = log.OpenStream("shop", Options);
        await AppendAsync(stream, 100, BatchKind.Plain);
        await AppendAsync(stream, 500, BatchKind.Transactional);
        await LogFixture.MarkAsync(stream, BatchKind.AbortMarker);
        await AppendAsync(stream, 300, BatchKind.Plain);
        await AppendAsync(stream, 400, BatchKind.Transactional);

        Assert.Equal(0, stream.OffsetAt(At(0)));
        Assert.Equal(3, stream.OffsetAt(At(101)));
        Assert.Equal(4, stream.OffsetAt(At(301))); // the end of what can be read: the open transaction begins there
        Assert.Equal(3, stream.OffsetAt(At(300).AddTicks(-1)));
        Assert.Equal(4, stream.OffsetAt(At(300).AddTicks(1)));
    }

    [Fact]
    public async Task The_file_is_as_Kafka_has_it()
    {
        using var log = _fixture.Open(scheduler: new HeldMaintenance());
        var stream = log.OpenStream("shop", Options);
        await FillAsync(stream, records: 200, backwards: true);
        SideFiles.WriteMissing(stream, 1);

        var entries = File.ReadAllBytes(LogFixture.PathOf(_fixture.Folder, "shop", 0, ".timeindex"));
        var segment = File.ReadAllBytes(LogFixture.PathOf(_fixture.Folder, "shop", 0));
        var latest = long.MinValue;
        var expected = new List<(long, int)>();
        var sinceEntry = 0;
        var at = -1;
        for (var rest = segment.AsSpan(); !rest.IsEmpty; rest = rest[(int)new BatchView(rest).SizeBytes..])
        {
            var view = new BatchView(rest);
            if (view.LatestTime > latest)
                (latest, at) = (view.LatestTime, (int)view.NextOffset - 1);
            if (sinceEntry > 4096)
            {
                if (expected.Count == 0 || expected[^1].Item1 < latest)
                    expected.Add((latest, at));
                sinceEntry = 0;
            }

            sinceEntry += (int)view.SizeBytes;
        }

        if (expected[^1].Item1 < latest)
            expected.Add((latest, at));
        Assert.Equal(expected, Enumerable.Range(0, entries.Length / 12).Select(
            i => (BinaryPrimitives.ReadInt64BigEndian(entries.AsSpan(12 * i)), BinaryPrimitives.ReadInt32BigEndian(entries.AsSpan(12 * i + 8)))));
    }

    [Fact]
    public async Task Aborted_transactions_are_listed_beside_the_segment_that_holds_their_marker()
    {
        using var log = _fixture.Open(scheduler: new HeldMaintenance());
        var stream = log.OpenStream("shop", Options);
        await AppendAsync(stream, 100, BatchKind.Plain);
        await AppendAsync(stream, 100, BatchKind.Transactional);
        await LogFixture.MarkAsync(stream, BatchKind.AbortMarker);
        await AppendAsync(stream, 100, BatchKind.Transactional);
        await LogFixture.MarkAsync(stream, BatchKind.CommitMarker);
        await FillAsync(stream, records: 300, backwards: false);
        SideFiles.WriteMissing(stream, int.MaxValue);

        var file = Assert.Single(Directory.GetFiles(Path.Combine(_fixture.Folder, "shop-0"), "*.txnindex"));
        Assert.Equal(LogFixture.PathOf(_fixture.Folder, "shop", 0, ".txnindex"), file);
        var incarnation = new BatchView(File.ReadAllBytes(LogFixture.PathOf(_fixture.Folder, "shop", 0))).Incarnation;
        Assert.Equal(
            "0000" + incarnation.ToString("X16") + "0000000000000001" + "0000000000000002" + "0000000000000003",
            Convert.ToHexString(File.ReadAllBytes(file)));
    }

    public void Dispose() => _fixture.Dispose();

    private static DateTimeOffset At(long ms) => DateTimeOffset.FromUnixTimeMilliseconds(ms);

    private static long First(List<long> times, long time)
    {
        var found = times.FindIndex(candidate => candidate >= time);
        return found < 0 ? times.Count : found;
    }

    private static void CheckAll(StreamPartition stream, List<long> times)
    {
        for (var i = 0; i < times.Count; i += 13)
        {
            Assert.Equal(First(times, times[i]), stream.OffsetAt(At(times[i])));
            Assert.Equal(First(times, times[i] + 1), stream.OffsetAt(At(times[i] + 1)));
        }

        Assert.Equal(0, stream.OffsetAt(At(0)));
        Assert.Equal(times.Count, stream.OffsetAt(At(times.Max() + 1)));
    }

    private static async Task<List<long>> FillAsync(StreamPartition stream, int records, bool backwards)
    {
        var random = new Random(11);
        var times = new List<long>();
        while (times.Count < records)
        {
            var batch = stream.NewBatch();
            for (var i = random.Next(1, 5); i > 0; i--)
            {
                batch.TimestampMs = 1_000_000 + times.Count * 10 + (backwards ? random.Next(-400, 400) : 0);
                times.Add(batch.TimestampMs);
                LogFixture.Add(batch, "k", new string('v', random.Next(300)));
            }

            stream.Append(batch);
        }

        await stream.WaitSyncedAsync(stream.EndOffset, LogFixture.Token);
        return times;
    }

    private static async Task AppendAsync(StreamPartition stream, long time, BatchKind kind)
    {
        var batch = stream.NewBatch();
        batch.TimestampMs = time;
        LogFixture.Add(batch, "k", "v");
        stream.Append(batch, kind);
        await stream.WaitSyncedAsync(stream.EndOffset, LogFixture.Token);
    }
}
