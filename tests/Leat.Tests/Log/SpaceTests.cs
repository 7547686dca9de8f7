using Leat.Log;
using Xunit;

namespace Leat.Tests.Log;

public sealed class SpaceTests : IDisposable
{
    private const long Reserve = 100_000;
    private const string Segment = "00000000000000000000.log";

    private readonly LogFixture _fixture = new();
    private readonly WatchedDisk _disk = new() { Free = 1_000_000 };
    private readonly SteppedScheduler _scheduler = new();
    private readonly SteppedTime _time = new();

    private string ReservePath => Path.Combine(_fixture.Folder, "reserve");

    [Fact]
    public void The_reserve_is_written_in_full_and_only_when_there_is_space_for_it()
    {
        _disk.Free = 4 * Reserve - 1;
        using var log = Open();
        _scheduler.Run("log maintenance");
        Assert.False(File.Exists(ReservePath));

        _disk.Free = 4 * Reserve;
        Later();

        Assert.Equal(Reserve, new FileInfo(ReservePath).Length);
        Assert.All(File.ReadAllBytes(ReservePath), value => Assert.Equal((byte)'r', value));
    }

    [Fact]
    public async Task Intake_stops_before_the_disk_is_full_and_goes_on_by_itself_with_some_distance()
    {
        using var log = Open();
        var (intake, other) = (log.OpenStream("shop", new() { IsIntake = true, MaxUnsyncedBytes = 1000 }), log.OpenStream("checkpoints", new()));
        _disk.Free = 2 * Reserve - 1;
        Later();

        Assert.Equal(new IntakeState(Intake.DiskFull, 2 * Reserve - 1), intake.Intake);
        Assert.Equal(IntakeState.Open, other.Intake);
        await other.WhenRoomAsync(LogFixture.Token);
        var waiting = intake.WhenRoomAsync(LogFixture.Token).AsTask();
        Assert.False(waiting.IsCompleted);

        _disk.Free = 3 * Reserve - 1;
        Later();
        Assert.False(waiting.IsCompleted);

        _disk.Free = 3 * Reserve;
        Later();
        await waiting;
        Assert.Equal(IntakeState.Open, intake.Intake);
    }

    [Fact]
    public void A_fast_writer_is_stopped_without_waiting_for_maintenance()
    {
        using var log = Open();
        var stream = log.OpenStream("shop", new() { IsIntake = true, MaxUnsyncedBytes = 1000 });
        _disk.Free = 2 * Reserve - 1;

        Append(stream, bytes: (int)Reserve / 4);

        Assert.Equal(Intake.DiskFull, stream.Intake.Intake);
    }

    [Fact]
    public void A_write_that_finds_the_disk_full_is_done_again_with_the_reserve_given_up()
    {
        using var log = Open();
        _scheduler.Run("log maintenance");
        var stream = log.OpenStream("shop", new() { IsIntake = true });
        _disk.Full = (Segment, 1);
        _disk.Free = 1000;

        Append(stream, 500);

        Assert.Null(log.Failure);
        Assert.Equal(1, stream.SyncedOffset);
        Assert.False(File.Exists(ReservePath));
        Assert.Equal(Intake.DiskFull, stream.Intake.Intake);
        Assert.Single(LogFixture.ReadAll(stream));

        _disk.Free = 1_000_000;
        Later();
        Assert.Equal(Reserve, new FileInfo(ReservePath).Length);
    }

    [Fact]
    public void A_manifest_that_finds_the_disk_full_is_written_again_with_the_reserve_given_up()
    {
        using var log = Open();
        _scheduler.Run("log maintenance");
        var stream = log.OpenStream("shop", new());
        _disk.Full = ("manifest.new", 1);

        Append(stream, 500);

        Assert.Null(log.Failure);
        Assert.Equal(1, stream.SyncedOffset);
    }

    [Fact]
    public void A_disk_that_is_full_without_the_reserve_too_stops_the_log()
    {
        using var log = Open();
        _scheduler.Run("log maintenance");
        var stream = log.OpenStream("shop", new());
        _disk.Full = (Segment, 2);

        Append(stream, 500);

        Assert.Equal(
            $"The log in {_fixture.Folder} stopped: the disk is full (pwrite of {LogFixture.PathOf(_fixture.Folder, "shop", 0)} failed: No space left on "
            + "device). Free space there or move the folder to a larger disk, then start again. Nothing captured is lost. [LEAT-2004]", log.Failure?.Message);
        Assert.Equal(0, stream.SyncedOffset);
    }

    [Fact]
    public void An_index_that_cannot_be_written_stops_nothing()
    {
        using var log = Open();
        var stream = log.OpenStream("shop", new() { SegmentBytes = 4096 });
        _disk.Full = (".index", 10);
        for (var i = 0; i < 4; i++)
            Append(stream, 2000);

        Assert.Null(log.Failure);
        Assert.Equal(4, LogFixture.ReadAll(stream).Count);
    }

    [Fact]
    public void A_log_that_needs_no_maintenance_has_no_worker_for_it()
    {
        using var log = _fixture.Open(_disk, _scheduler, _time);
        log.OpenStream("shop", new());

        Assert.Equal(["log shop"], _scheduler.Names);
    }

    public void Dispose() => _fixture.Dispose();

    private LogDirectory Open() => _fixture.Open(_disk, _scheduler, _time, new() { ReserveBytes = Reserve });

    private void Later()
    {
        _time.Pass(TimeSpan.FromSeconds(10));
        _scheduler.Run("log maintenance");
    }

    private void Append(StreamPartition stream, int bytes)
    {
        stream.Append(LogFixture.Batch(stream, new string('x', bytes)));
        _scheduler.Run($"log {stream.Name}");
    }
}
