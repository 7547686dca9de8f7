using Leat.Changes;
using Leat.Log;
using Leat.Pipeline.Delivery;
using Leat.Tests.Log;
using Xunit;

namespace Leat.Tests.Pipeline;

/// <summary>Where a pipeline goes on when its stream is not what its checkpoint knew.</summary>
public sealed class CheckpointTests : IDisposable
{
    private readonly LogFixture _fixture = new();
    private readonly ListedLog _log = new();

    [Fact]
    public async Task Without_a_checkpoint_delivery_begins_at_the_start()
    {
        using var log = _fixture.Open();
        await LogFixture.AppendSyncedAsync(log.OpenStream("shop", new()), "a", "b");

        Assert.Equal((0, ""), Loaded(Store(log)));
    }

    [Fact]
    public async Task Delivery_goes_on_at_the_checkpoint()
    {
        await DeliverAsync(upTo: 2);
        using var log = _fixture.Open();

        Assert.Equal((2, "4;items;"), Loaded(Store(log)));
        Assert.Empty(_log.Lines);
    }

    [Theory]
    [InlineData(SyncMode.Commit)]
    [InlineData(SyncMode.Interval)]
    [InlineData(SyncMode.Os)]
    public async Task A_checkpoint_beyond_the_end_in_the_same_epoch_is_never_lowered(SyncMode sync)
    {
        var left = await DeliverAsync(upTo: 4);
        using var log = _fixture.Open(left.Older);

        var error = Assert.Throws<PauseException>(() => Store(log, sync).Load());

        Assert.Equal(
            "Pipeline 'copy' has delivered up to offset 4, but its stream holds what was delivered only up to offset 2. The log folder holds streams of different age. "
            + "Restore the whole folder from one copy, or have everything delivered again: 'leat redeliver copy'. [LEAT-3010]",
            error.Message);
    }

    [Fact]
    public async Task Delivered_records_that_an_unclean_end_took_back_are_corruption_when_each_commit_is_synced()
    {
        var left = await DeliverAsync(upTo: 4);
        using var log = _fixture.Open(left.Torn);

        var error = Assert.Throws<PauseException>(() => Store(log).Load());

        Assert.StartsWith(
            "Pipeline 'copy' has delivered up to offset 4, but its stream holds what was delivered only up to offset 2.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Delivered_records_that_an_unclean_end_took_back_are_delivered_anew_when_the_system_syncs()
    {
        var left = await DeliverAsync(upTo: 4);
        using (var log = _fixture.Open(left.Torn))
        {
            Assert.Equal((2, ""), Loaded(Store(log, SyncMode.Os)));
            Assert.Equal(
                ["Pipeline copy had delivered up to offset 4; an unclean end took records back that were not synced, so it goes on at offset 2"], _log.Of(3060));

            // The pipeline keeps no checkpoint of the new epoch while its target is away, and the stream grows past the old one.
            await LogFixture.AppendSyncedAsync(log.OpenStream("shop", new()), "x", "y", "z");
        }

        using var again = _fixture.Open(left.Torn);
        Assert.Equal((2, ""), Loaded(Store(again, SyncMode.Os)));
    }

    [Fact]
    public async Task A_raised_epoch_that_took_back_nothing_delivered_leaves_every_lane_where_it_was()
    {
        var left = await DeliverAsync(upTo: 2);
        using var log = _fixture.Open(left.Torn);

        Assert.Equal((2, "4;items;"), Loaded(Store(log)));
        Assert.Equal(["Pipeline copy was checkpointed in another epoch of its stream; it goes on at offset 2"], _log.Of(3021));
    }

    [Fact]
    public async Task A_raised_epoch_of_a_stream_that_may_lose_what_was_read_makes_offsets_of_targets_void()
    {
        var left = await DeliverAsync(upTo: 2);
        using var log = _fixture.Open(left.Torn);

        Assert.Equal((2, ""), Loaded(Store(log, SyncMode.Os)));
    }

    [Fact]
    public async Task A_stream_that_was_begun_anew_is_not_taken_for_the_one_that_was_delivered()
    {
        await DeliverAsync(upTo: 4);
        Directory.Delete(Path.Combine(_fixture.Folder, "shop-0"), recursive: true);
        using var log = _fixture.Open();
        await LogFixture.AppendSyncedAsync(log.OpenStream("shop", new()), "p", "q", "r", "s", "t", "u");

        var error = Assert.Throws<PauseException>(() => Store(log).Load());

        Assert.Equal(
            "The checkpoint of pipeline 'copy' was made in another stream 'shop' than the one that is there: that was begun anew since, or is older. "
            + "Restore the whole log folder from one copy, or have everything delivered again: 'leat redeliver copy'. [LEAT-3060]", error.Message);
    }

    [Fact]
    public async Task A_stream_of_an_earlier_epoch_than_its_checkpoint_is_refused()
    {
        await DeliverAsync(upTo: 2);
        using var log = _fixture.Open();
        await SaveAsync(log, new(log.Id, 2, 0, 1, "", []));

        Assert.Equal(3060, Assert.Throws<PauseException>(() => Store(log).Load()).Code.Number);
    }

    [Fact]
    public async Task A_checkpoint_without_an_incarnation_counts_in_its_epoch_only()
    {
        var left = await DeliverAsync(upTo: 2);
        using var log = _fixture.Open();
        await SaveAsync(log, new(log.Id, 1, 0, 3, "4;items;", []));
        using var cut = _fixture.Open(left.Torn);
        await SaveAsync(cut, new(log.Id, 1, 0, 2, "4;items;", []));

        Assert.Equal((3, "4;items;"), Loaded(Store(log)));
        Assert.Equal((0, ""), Loaded(Store(cut)));
    }

    [Fact]
    public async Task A_checkpoint_of_another_log_is_refused()
    {
        await DeliverAsync(upTo: 2);
        using var log = _fixture.Open();
        await SaveAsync(log, new(Guid.Empty, 1, 0, 1, "", []));

        Assert.Equal(3011, Assert.Throws<PauseException>(() => Store(log).Load()).Code.Number);
    }

    [Fact]
    public async Task A_checkpoint_without_a_key_is_read_and_one_with_a_key_comes_after_it()
    {
        await DeliverAsync(upTo: 2);
        using var log = _fixture.Open();
        var checkpoints = log.OpenStream("copy.checkpoints", new());
        var batch = checkpoints.NewBatch();
        LogFixture.Add(batch, null, System.Text.Encoding.UTF8.GetString(Store(log).Make(1, "old", []).ToJson().Span));
        checkpoints.Append(batch);
        await checkpoints.WaitSyncedAsync(checkpoints.EndOffset, LogFixture.Token);

        Assert.Equal((1, "old"), Loaded(Store(log)));
        await SaveAsync(log, Store(log).Make(2, "new", []));
        Assert.Equal((2, "new"), Loaded(Store(log)));
    }

    [Fact]
    public async Task Old_checkpoints_are_compacted_away()
    {
        using var log = _fixture.Open(scheduler: new NoMaintenance());
        await LogFixture.AppendSyncedAsync(log.OpenStream("shop", new()), "a", "b");
        var checkpoints = log.OpenStream("copy.checkpoints", CheckpointStore.StreamOptions with { SegmentBytes = 4096 });
        var store = Store(log);
        for (var i = 0; i < 200; i++)
            store.Save(store.Make(i % 2, $"{i}", []));
        await checkpoints.WaitSyncedAsync(checkpoints.EndOffset, LogFixture.Token);

        Assert.True(checkpoints.Compaction.Pass());

        Assert.Equal((1, "199"), Loaded(Store(log)));
        Assert.InRange(new FileInfo(LogFixture.PathOf(_fixture.Folder, "copy.checkpoints", 0)).Length, 1, 300);
    }

    public void Dispose() => _fixture.Dispose();

    private static (long Offset, string Routing) Loaded(CheckpointStore store)
    {
        var checkpoint = store.Load();
        return (checkpoint.Offset, checkpoint.Routing);
    }

    private CheckpointStore Store(LogDirectory log, SyncMode sync = SyncMode.Commit) =>
        new("copy", log.Id, log.OpenStream("shop", new()), sync, log.OpenStream("copy.checkpoints", new()), log.OpenStream("shop", new()).Hold("pipeline copy", 0), _log);

    // Two batches of two records, and a checkpoint.
    private async Task<Left> DeliverAsync(long upTo)
    {
        using var log = _fixture.Open();
        var stream = log.OpenStream("shop", new());
        await LogFixture.AppendSyncedAsync(stream, "a", "b");
        var older = _fixture.CopyAsIfKilled();
        await LogFixture.AppendSyncedAsync(stream, "c", "d");
        await SaveAsync(log, Store(log).Make(upTo, "4;items;", []));
        CopyCheckpoints(older);

        var torn = _fixture.CopyAsIfKilled();
        using var segment = File.OpenWrite(LogFixture.PathOf(torn, "shop", 0));
        segment.SetLength(segment.Length - 5);
        return new(older, torn);
    }

    private void CopyCheckpoints(string target)
    {
        Directory.CreateDirectory(Path.Combine(target, "copy.checkpoints-0"));
        foreach (var file in Directory.GetFiles(Path.Combine(_fixture.Folder, "copy.checkpoints-0")))
            File.Copy(file, Path.Combine(target, "copy.checkpoints-0", Path.GetFileName(file)));
    }

    private async Task SaveAsync(LogDirectory log, Checkpoint checkpoint)
    {
        var stream = log.OpenStream("copy.checkpoints", new());
        Store(log).Save(checkpoint);
        await stream.WaitSyncedAsync(stream.EndOffset, LogFixture.Token);
    }

    /// <summary>Folders beside the fixture's own.</summary>
    /// <param name="Older">Its stream is as it was before the second batch; its checkpoint is not.</param>
    /// <param name="Torn">Its last batch was never completely written.</param>
    private sealed record Left(string Older, string Torn);
}
