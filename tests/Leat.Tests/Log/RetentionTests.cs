using Leat.Log;
using Xunit;

namespace Leat.Tests.Log;

public sealed class RetentionTests : IDisposable
{
    private const string Maintenance = "log maintenance";

    private static readonly StreamOptions Small = new() { SegmentBytes = 4096 };

    private readonly LogFixture _fixture = new();
    private readonly WatchedDisk _disk = new();
    private readonly SteppedScheduler _scheduler = new();
    private readonly SteppedTime _time = new();

    [Fact]
    public void Oldest_segments_above_the_size_are_deleted_and_counted()
    {
        var (_, stream) = Open(Small with { RetentionBytes = 8000 });
        Append(stream, 10);

        _scheduler.Run(Maintenance);

        Assert.True(stream.SizeBytes <= 8000, $"{stream.SizeBytes} bytes are left");
        Assert.Equal(6, stream.StartOffset);
        Assert.Equal((3L, 3L * 3132), (stream.DeletedSegments, stream.DeletedBytes));
        Assert.Equal(["6=6", "7=7", "8=8", "9=9"], Numbers(stream));
        var error = Assert.Throws<LogException>(() => stream.NewReader(5));
        Assert.Equal(2014, error.Code);
    }

    [Fact]
    public void A_reader_that_is_overtaken_is_told_and_one_that_is_not_goes_on()
    {
        var (_, stream) = Open(Small with { RetentionBytes = 8000 });
        Append(stream, 10);
        using var behind = stream.NewReader(0);
        using var ahead = stream.NewReader(7);
        using (behind.Read(10))
        using (ahead.Read(10))
            _scheduler.Run(Maintenance);

        var error = Assert.Throws<LogException>(() => behind.Read(10));

        Assert.Equal(
            "Offset 1 of stream shop was deleted by its retention; the first that is kept is 6. Take a new snapshot. "
            + "To keep records until they are delivered, let whoever reads hold them before they are needed. [LEAT-2022]", error.Message);
        using var block = ahead.Read(10);
        Assert.Equal(9, block?.NextOffset);
    }

    [Fact]
    public void What_somebody_holds_stays_until_he_moves_on()
    {
        var (_, stream) = Open(Small with { RetentionBytes = 0 });
        using var hold = stream.Hold("pipeline cache", 3);
        Append(stream, 10);
        _scheduler.Run(Maintenance);
        Assert.Equal(2, stream.StartOffset); // the segment of offset 3 begins there

        hold.Offset = 8;
        Later();

        Assert.Equal(8, stream.StartOffset);
        hold.Dispose();
        Append(stream, 1, from: 10);
        Later();
        Assert.Equal(10, stream.StartOffset); // the last committed batch is never deleted
        Assert.Equal(["10=10"], Numbers(stream));
    }

    [Fact]
    public void The_last_committed_batch_and_an_open_transaction_are_kept()
    {
        var (_, stream) = Open(Small with { RetentionBytes = 0 });
        Append(stream, 4);
        for (var i = 0; i < 6; i++)
            stream.Append(Batch(stream, i), BatchKind.Transactional);
        _scheduler.Run("log shop");

        Later();
        Assert.Equal(2, stream.StartOffset); // offset 3 was committed last

        stream.Append(stream.NewBatch(), BatchKind.CommitMarker);
        _scheduler.Run("log shop");
        Later();
        Assert.Equal(8, stream.StartOffset);
        using var last = stream.ReadLastCommittedBatch();
        Assert.Equal(10, last?.NextOffset);
    }

    [Fact]
    public void Age_counts_from_the_latest_record_of_a_segment()
    {
        var (_, stream) = Open(Small with { RetentionAge = TimeSpan.FromHours(1) });
        Append(stream, 4);
        _time.Pass(TimeSpan.FromMinutes(50));
        Append(stream, 4, from: 4);
        _scheduler.Run(Maintenance);
        Assert.Equal(0, stream.StartOffset);

        _time.Pass(TimeSpan.FromMinutes(11));
        Later();

        Assert.Equal(4, stream.StartOffset);
    }

    [Fact]
    public void A_wall_clock_that_jumps_ahead_deletes_nothing()
    {
        var (_, stream) = Open(Small with { RetentionAge = TimeSpan.FromHours(1) });
        Append(stream, 10);

        _time.Wall += TimeSpan.FromDays(365);
        Later();

        Assert.Equal(0, stream.StartOffset);
    }

    [Fact]
    public void Records_from_the_year_9999_are_kept_and_do_not_make_others_old()
    {
        var (_, stream) = Open(Small with { RetentionAge = TimeSpan.FromHours(1) });
        Append(stream, 4);
        var late = Batch(stream, 4);
        late.TimestampMs = DateTimeOffset.MaxValue.ToUnixTimeMilliseconds();
        LogFixture.Add(late, null, "late");
        stream.Append(late);
        _scheduler.Run("log shop");
        Append(stream, 4, from: 6);

        Later();
        Assert.Equal(0, stream.StartOffset);

        _time.Pass(TimeSpan.FromHours(2));
        Later();
        Assert.Equal(4, stream.StartOffset);
    }

    [Fact]
    public void One_pass_deletes_at_most_eight_segments_and_the_next_goes_on()
    {
        var (_, stream) = Open(Small with { RetentionBytes = 0 });
        Append(stream, 40);

        _scheduler.Run(Maintenance);
        Assert.Equal(16, stream.StartOffset);
        _scheduler.Run(Maintenance);

        Assert.Equal(32, stream.StartOffset);
    }

    [Fact]
    public async Task Over_the_quota_intake_waits_for_who_holds_and_goes_on_by_itself()
    {
        var (_, stream) = Open(Small with { RetentionAge = TimeSpan.FromDays(7), QuotaBytes = 10_000 });
        using var hold = stream.Hold("pipeline cache", 1);
        Append(stream, 10);
        _scheduler.Run(Maintenance);

        Assert.Equal(new IntakeState(Intake.OverQuota, 5 * 3132, "pipeline cache", 1), stream.Intake);
        var waiting = stream.WhenRoomAsync(LogFixture.Token).AsTask();
        Assert.False(waiting.IsCompleted);
        Assert.Equal(0, stream.StartOffset);
        Assert.Equal([hold], stream.Holds);

        hold.Offset = 10;
        Later();

        await waiting;
        Assert.Equal(IntakeState.Open, stream.Intake);
        Assert.Equal(4, stream.StartOffset); // as much as the quota asks for
    }

    [Fact]
    public void A_quota_without_any_retention_stops_intake_and_deletes_nothing()
    {
        var (_, stream) = Open(Small with { QuotaBytes = 10_000 });
        Append(stream, 10);

        _scheduler.Run(Maintenance);

        Assert.Equal(new IntakeState(Intake.OverQuota, 5 * 3132), stream.Intake);
        Assert.Equal(0, stream.StartOffset);
    }

    [Fact]
    public void Deletions_are_there_after_a_restart()
    {
        var (log, stream) = Open(Small with { RetentionBytes = 8000 });
        Append(stream, 10);
        _scheduler.Run(Maintenance);
        var killed = _fixture.CopyAsIfKilled();
        log.Dispose();

        foreach (var folder in new[] { killed, _fixture.Folder })
        {
            using var again = _fixture.Open(folder);
            var reopened = again.OpenStream("shop", Small);
            Assert.Equal(6, reopened.StartOffset);
            Assert.Equal(["6=6", "7=7", "8=8", "9=9"], Numbers(reopened));
        }
    }

    public void Dispose() => _fixture.Dispose();

    private (LogDirectory Log, StreamPartition Stream) Open(StreamOptions options)
    {
        var log = _fixture.Open(_disk, _scheduler, _time);
        return (log, log.OpenStream("shop", options));
    }

    private void Later()
    {
        _time.Pass(TimeSpan.FromSeconds(10));
        _scheduler.Run(Maintenance);
    }

    // Two batches of 1,566 bytes fill a segment.
    private void Append(StreamPartition stream, int count, int from = 0)
    {
        for (var i = from; i < from + count; i++)
            stream.Append(Batch(stream, i));
        _scheduler.Run("log shop");
    }

    private static BatchBuilder Batch(StreamPartition stream, int number)
    {
        var batch = stream.NewBatch();
        LogFixture.Add(batch, null, $"{number:D2} " + new string('x', 1477));
        return batch;
    }

    private static List<string> Numbers(StreamPartition stream) =>
        [.. LogFixture.ReadAll(stream).Select(record => record[..(record.IndexOf('=', StringComparison.Ordinal) + 1)] + int.Parse(record.Split('=')[1].Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture))];
}
