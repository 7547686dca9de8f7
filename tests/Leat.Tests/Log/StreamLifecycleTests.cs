using Leat.Log;
using Xunit;

namespace Leat.Tests.Log;

public sealed class StreamLifecycleTests : IDisposable
{
    private static readonly StreamOptions Unsynced = new() { Sync = SyncMode.Os };

    private readonly LogFixture _fixture = new();
    private readonly WatchedDisk _disk = new();
    private readonly SteppedScheduler _scheduler = new();

    [Fact]
    public async Task A_deleted_stream_is_gone_and_its_name_can_be_given_again()
    {
        using var log = _fixture.Open();
        var stream = log.OpenStream("shop", new());
        await LogFixture.AppendSyncedAsync(stream, "a");
        var incarnation = stream.IncarnationOf(0);
        using var reader = stream.NewReader(0);
        var waiting = stream.WaitReadableAsync(5, LogFixture.Token).AsTask();

        log.DeleteStream("shop");

        const string deleted = "Stream shop was deleted. Stop whoever uses it, or create it again: it then starts from offset 0. [LEAT-2021]";
        Assert.Equal(deleted, (await Assert.ThrowsAsync<LogException>(() => waiting)).Message);
        Assert.Equal(deleted, Assert.Throws<LogException>(() => stream.Append(LogFixture.Batch(stream, "b"))).Message);
        Assert.Equal(deleted, Assert.Throws<LogException>(() => reader.Read(100)).Message);
        Assert.Empty(log.Streams);
        Assert.Empty(Directory.GetDirectories(_fixture.Folder));

        var again = log.OpenStream("shop", new());
        await LogFixture.AppendSyncedAsync(again, "new");
        Assert.Equal(["0=new"], LogFixture.ReadAll(again));
        Assert.NotEqual(incarnation, again.IncarnationOf(0));
    }

    [Fact]
    public void A_stream_that_is_not_open_or_not_there_is_deleted_too()
    {
        using (var log = _fixture.Open())
            log.OpenStream("shop", new());
        using var again = _fixture.Open();

        again.DeleteStream("shop");
        again.DeleteStream("shop");

        Assert.Empty(again.Streams);
    }

    [Fact]
    public async Task A_deletion_that_was_cut_short_is_finished_by_the_next_start()
    {
        using (var log = _fixture.Open())
            await LogFixture.AppendSyncedAsync(log.OpenStream("shop", new()), "a");
        Directory.Move(Path.Combine(_fixture.Folder, "shop-0"), Path.Combine(_fixture.Folder, "shop-0.deleted-0123456789abcdef"));

        using var again = _fixture.Open();

        Assert.Empty(Directory.GetDirectories(_fixture.Folder));
        Assert.Equal(0, again.OpenStream("shop", new()).EndOffset);
    }

    [Fact]
    public void Settings_change_while_the_stream_runs()
    {
        using var log = _fixture.Open(_disk, _scheduler);
        var stream = log.OpenStream("shop", new());
        Append(stream, 6);
        Assert.Single(Directory.GetFiles(Path.Combine(_fixture.Folder, "shop-0"), "*.log"));

        stream.Alter(new() { SegmentBytes = 4096, RetentionBytes = 0 });
        Append(stream, 6);
        _scheduler.Run("log maintenance");

        Assert.Equal(11, stream.StartOffset); // one batch a segment since then
        Assert.Equal(4096, stream.Options.SegmentBytes);
        var error = Assert.Throws<LogException>(() => stream.Alter(new() { QuotaBytes = 1 }));
        Assert.Equal(
            "The settings of stream shop are not possible: a quota of 1 bytes, expected at least two segments of 268435456. Correct the value. [LEAT-2018]",
            error.Message);
        Assert.Equal(4096, stream.Options.SegmentBytes);
    }

    [Fact]
    public void Without_syncs_readers_see_what_is_written_at_once()
    {
        using var log = _fixture.Open(_disk, _scheduler);
        var stream = log.OpenStream("shop", Unsynced);

        Append(stream, 2);

        Assert.Equal((2L, 2L), (stream.SyncedOffset, stream.ReadableOffset));
        Assert.Equal(2, LogFixture.ReadAll(stream).Count);
        Assert.Contains("watermark 0\n", Manifest, StringComparison.Ordinal);
        Assert.Contains("sync os\n", Manifest, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_syncs_every_unclean_end_raises_the_epoch_and_an_orderly_close_does_not()
    {
        using (var log = _fixture.Open(_disk, _scheduler))
        {
            Append(log.OpenStream("shop", Unsynced), 2);
            var killed = _fixture.CopyAsIfKilled();
            using var other = _fixture.Open(killed);
            var recovered = other.OpenStream("shop", Unsynced);
            Assert.Equal((2u, 2L), (recovered.Epoch, recovered.EndOffset));
            Assert.NotEqual(recovered.IncarnationOf(1), recovered.IncarnationOf(2));
            other.Dispose();
            using var third = _fixture.Open(killed);
            Assert.Equal(2u, third.OpenStream("shop", Unsynced).Epoch);
        }

        using var again = _fixture.Open();
        Assert.Equal((1u, 2L), (again.OpenStream("shop", Unsynced).Epoch, again.OpenStream("shop", Unsynced).EndOffset));
    }

    [Fact]
    public void The_manifest_knows_before_the_first_batch_that_syncs_end_and_after_the_last_that_they_began_again()
    {
        using var log = _fixture.Open(_disk, _scheduler);
        var stream = log.OpenStream("shop", new());
        Append(stream, 1);
        stream.Alter(Unsynced);
        Append(stream, 1);
        Assert.Contains("watermark 1\n", Manifest, StringComparison.Ordinal);
        Assert.Contains("sync os\n", Manifest, StringComparison.Ordinal);

        stream.Alter(new());
        _scheduler.Run("log shop");

        Assert.Contains("watermark 2\n", Manifest, StringComparison.Ordinal);
        Assert.Contains("sync disk\n", Manifest, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_that_is_moved_away_while_it_is_written_to_stops_the_log()
    {
        var time = new SteppedTime();
        using var log = _fixture.Open(_disk, _scheduler, time);
        var stream = log.OpenStream("shop", new());
        Append(stream, 1);
        Directory.Move(_fixture.Folder, _fixture.Folder + "-moved");
        time.Pass(TimeSpan.FromSeconds(5));

        stream.Append(LogFixture.Batch(stream, "b"));
        var waiting = stream.WaitSyncedAsync(2, LogFixture.Token).AsTask();
        _scheduler.Run("log shop");

        var error = await Assert.ThrowsAsync<LogException>(() => waiting);
        Assert.Equal(
            $"The log in {_fixture.Folder} stopped: the folder was moved, replaced or deleted while it was in use. "
            + "Put it back and start again. Nothing is written to a folder that is not the one that was opened. [LEAT-2020]", error.Message);
        Assert.Equal((1L, 2020), (stream.SyncedOffset, log.Failure?.Code));
        Assert.False(Directory.Exists(_fixture.Folder));
    }

    public void Dispose() => _fixture.Dispose();

    private string Manifest => File.ReadAllText(Path.Combine(_fixture.Folder, "shop-0", "manifest"));

    private void Append(StreamPartition stream, int count)
    {
        for (var i = 0; i < count; i++)
            stream.Append(LogFixture.Batch(stream, new string('x', 1477)));
        _scheduler.Run("log shop");
    }
}
