using Leat.Log;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.Simulation.Log;

/// <summary>Single faults and the whole message that a person gets for each.</summary>
public sealed class FaultTests
{
    private readonly SimRandom _random = new(1);
    private readonly SimScheduler _scheduler = new();
    private readonly FakeDisk _disk = new(new(2));

    [Fact]
    public async Task A_full_disk_stops_the_log_for_good()
    {
        var (log, stream) = Open();
        _disk.Capacity = _disk.Used + 50;

        var offset = Append(stream);
        var waiting = stream.WaitSyncedAsync(stream.EndOffset, TestContext.Current.CancellationToken).AsTask();
        _scheduler.Step(_random);

        var error = await Assert.ThrowsAsync<LogException>(() => waiting);
        Assert.Equal(
            "The log in /log stopped: the disk is full (pwrite of /log/s-0/00000000000000000000.log failed: No space left on device). "
            + "Free space there or move the folder to a larger disk, then start again. Nothing captured is lost. [LEAT-2004]", error.Message);
        Assert.Equal((1L, 1L, 1L), (offset, stream.SyncedOffset, stream.ReadableOffset));
        Assert.Equal(2004, log.Failure?.Code);
        Assert.Equal(2004, Assert.Throws<LogException>(() => Append(stream)).Code);
    }

    [Fact]
    public async Task A_failed_sync_stops_the_log_and_is_not_tried_again()
    {
        var (log, stream) = Open();
        Append(stream);
        _disk.Faults.FailSyncAfter = 0;
        _scheduler.Step(_random);
        var operations = _disk.Operations;
        _scheduler.Step(_random);
        log.Dispose();

        var error = await Assert.ThrowsAsync<LogException>(() => stream.WaitReadableAsync(1, TestContext.Current.CancellationToken).AsTask());
        Assert.Equal(
            "The log in /log stopped: fdatasync of /log/s-0/00000000000000000000.log failed: Input/output error. Nothing that was not durable has "
            + "been passed on. Check the disk, then start again: the log recovers from what is on the disk. [LEAT-2003]", error.Message);
        Assert.Equal(operations, _disk.Operations);
        Assert.Throws<LogException>(() => log.OpenStream("other", new()));
    }

    [Fact]
    public void One_sync_covers_all_that_was_appended_meanwhile()
    {
        var (_, stream) = Open();
        for (var i = 0; i < 50; i++)
            Append(stream);
        var before = _disk.Operations;
        _scheduler.Step(_random);

        Assert.Equal(51, stream.SyncedOffset);
        Assert.Equal(2, _disk.Operations - before); // one write, one sync
    }

    [Fact]
    public void A_stream_on_an_interval_is_written_at_once_and_read_when_it_is_synced()
    {
        var time = new SimTimeProvider();
        using var log = LogDirectory.Open("/log", _disk, time, _scheduler, NullLogger.Instance);
        var stream = log.OpenStream("s", new() { Sync = SyncMode.Interval, SyncInterval = TimeSpan.FromSeconds(1) });
        Append(stream);
        _scheduler.Step(_random);
        time.Advance(TimeSpan.FromMilliseconds(999));
        _scheduler.Step(_random);
        Assert.Equal(0, stream.ReadableOffset);

        time.Advance(TimeSpan.FromMilliseconds(1));
        _scheduler.Step(_random);

        Assert.Equal(1, stream.ReadableOffset);
    }

    [Fact]
    public async Task A_writer_is_held_back_until_there_is_room()
    {
        using var log = LogDirectory.Open("/log", _disk, new SimTimeProvider(), _scheduler, NullLogger.Instance);
        var stream = log.OpenStream("s", new() { MaxUnsyncedBytes = 100 });
        await stream.WhenRoomAsync(TestContext.Current.CancellationToken);
        Append(stream);
        var waiting = stream.WhenRoomAsync(TestContext.Current.CancellationToken).AsTask();
        Assert.False(waiting.IsCompleted);

        _scheduler.Step(_random);

        await waiting;
    }

    private (LogDirectory Log, StreamPartition Stream) Open()
    {
        var log = LogDirectory.Open("/log", _disk, new SimTimeProvider(), _scheduler, NullLogger.Instance);
        var stream = log.OpenStream("s", new());
        Append(stream); // the first append opens the segment and says so in the manifest
        _scheduler.Step(_random);
        return (log, stream);
    }

    private static long Append(StreamPartition stream)
    {
        var batch = stream.NewBatch();
        batch.BeginRecord(default, hasKey: false);
        batch.Advance(Math.Min(20, batch.GetSpan(20).Length));
        batch.EndRecord();
        return stream.Append(batch);
    }
}
