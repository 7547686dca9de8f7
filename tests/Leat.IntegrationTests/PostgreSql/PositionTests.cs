using Leat.Changes;
using Xunit;
using static Leat.IntegrationTests.PostgreSql.SinkTarget;

namespace Leat.IntegrationTests.PostgreSql;

/// <summary>What a lane believes of the table leat_positions, and what it does not.</summary>
public sealed class PositionTests(SharedPostgreSql shared) : IAsyncLifetime
{
    private static readonly Shape Notes = Shape("notes", Schema(new() { Name = "id", Kind = ColumnKind.Int32, Nullable = false }, new() { Name = "note", Kind = ColumnKind.String }));

    private SinkTarget _target = null!; // made before each test

    public async ValueTask InitializeAsync() => _target = await NewAsync(await shared.ServerAsync());

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task A_first_start_has_no_offset_and_no_marker()
    {
        await using var sink = _target.Sink();

        Assert.Null(await sink.ReadMarkerAsync("p", default));
        await sink.PrepareAsync([Notes], default);
        Assert.Null(await sink.ReadMarkerAsync("p", default));
        Assert.Equal(-1, await CommittedAsync(sink, Identity()));
    }

    [Fact]
    public async Task The_marker_tells_the_log_the_epoch_and_the_first_offset_that_was_not_written()
    {
        await using var sink = _target.Sink();
        await sink.PrepareAsync([Notes], default);
        await using (var lane = await sink.OpenLaneAsync(Identity(1, 2, epoch: 3), default))
            await WriteAsync(lane, Index(41, Notes, 1, "a"));

        var marker = (await sink.ReadMarkerAsync("p", default))!; // not null: the lane has written
        Assert.Equal((LogId, 3U, 42L), (marker.LogId, marker.Epoch, marker.Offset));
        Assert.Equal([-1, 41], marker.Lanes);
        Assert.Null(await sink.ReadMarkerAsync("other", default));
    }

    [Fact]
    public async Task All_lanes_are_opened_at_once()
    {
        await using var sink = _target.Sink();
        await sink.PrepareAsync([Notes], default);

        var lanes = await Task.WhenAll(Enumerable.Range(0, 8).Select(lane => sink.OpenLaneAsync(Identity(lane, 8), default).AsTask()));
        for (var i = 0; i < lanes.Length; i++)
            await WriteAsync(lanes[i], Index(10 + i, Notes, i, "a"));

        Assert.Equal(["0 10", "1 11", "2 12", "3 13", "4 14", "5 15", "6 16", "7 17"], await _target.AskAsync("SELECT lane, \"offset\" FROM leat_positions ORDER BY lane"));
        foreach (var lane in lanes)
            await lane.DisposeAsync();
    }

    [Fact]
    public async Task Another_number_of_lanes_goes_on_from_the_lowest_offset()
    {
        await using var sink = _target.Sink();
        await sink.PrepareAsync([Notes], default);
        await using (var one = await sink.OpenLaneAsync(Identity(0, 2), default))
            await WriteAsync(one, Index(7, Notes, 1, "a"));
        await using (var two = await sink.OpenLaneAsync(Identity(1, 2), default))
            await WriteAsync(two, Index(9, Notes, 2, "b"));

        Assert.Equal(7, await CommittedAsync(sink, Identity(2, 3)));
        Assert.Equal(["0 3 7", "1 3 7", "2 3 7"], await _target.AskAsync("SELECT lane, lanes, \"offset\" FROM leat_positions ORDER BY lane"));
    }

    [Fact]
    public async Task Rows_of_a_lower_epoch_are_taken_over_up_to_the_checkpoint()
    {
        await using var sink = _target.Sink();
        await sink.PrepareAsync([Notes], default);
        await using (var lane = await sink.OpenLaneAsync(Identity(), default))
            await WriteAsync(lane, Index(9, Notes, 1, "a"));

        Assert.Equal(4, await CommittedAsync(sink, Identity(epoch: 2, checkpoint: 5)));
        Assert.Equal(["2"], await _target.AskAsync("SELECT epoch FROM leat_positions"));
    }

    [Fact]
    public async Task Rows_of_another_log_are_taken_over_and_their_offsets_mean_nothing()
    {
        await using var sink = _target.Sink();
        await sink.PrepareAsync([Notes], default);
        await using (var lane = await sink.OpenLaneAsync(Identity() with { LogId = Guid.NewGuid() }, default))
            await WriteAsync(lane, Index(9, Notes, 1, "a"));

        Assert.Equal(-1, await CommittedAsync(sink, Identity(epoch: 2)));
        Assert.Equal([$"{LogId} -1"], await _target.AskAsync("SELECT log_id, \"offset\" FROM leat_positions"));
    }

    [Fact]
    public async Task Rows_of_another_log_that_is_not_below_block()
    {
        await using var sink = _target.Sink();
        await sink.PrepareAsync([Notes], default);
        var other = new Guid("00000000-0000-0000-0000-000000000002");
        await using (await sink.OpenLaneAsync(Identity(epoch: 2) with { LogId = other }, default))
        {
        }

        var error = await Assert.ThrowsAsync<PauseException>(async () => await CommittedAsync(sink, Identity(epoch: 2)));

        Assert.Equal(
            $"Sink of pipeline 'p': according to \"public\".\"leat_positions\" the pipeline 'p' of another log, {other}, writes to the target. " +
            "Stop the other Leat, or give this pipeline another name or `namespace`. To take the target over: DELETE FROM \"public\".\"leat_positions\" WHERE pipeline = 'p'; [LEAT-4624]",
            error.Message);
    }

    [Fact]
    public async Task Rows_of_a_higher_epoch_block()
    {
        await using var sink = _target.Sink();
        await sink.PrepareAsync([Notes], default);
        await using (await sink.OpenLaneAsync(Identity(epoch: 3), default))
        {
        }

        var error = await Assert.ThrowsAsync<PauseException>(async () => await CommittedAsync(sink, Identity(epoch: 2)));

        Assert.Equal(
            "Sink of pipeline 'p': \"public\".\"leat_positions\" was written in epoch 3 of the pipeline 'p', which is now in epoch 2: the log folder is an older copy. " +
            "Bring the newer log folder back, or deliver everything again: leat redeliver p [LEAT-4620]",
            error.Message);
    }

    [Fact]
    public async Task A_target_that_was_emptied_blocks()
    {
        await using var sink = _target.Sink();
        await sink.PrepareAsync([Notes], default);

        var error = await Assert.ThrowsAsync<PauseException>(async () => await CommittedAsync(sink, Identity(laneOffset: 7)));

        Assert.Equal(
            "Sink of pipeline 'p': \"public\".\"leat_positions\" has no row of the pipeline 'p', but offset 7 was acknowledged before: the target was emptied or replaced. " +
            "Bring the target back, or deliver everything again: leat redeliver p [LEAT-4618]",
            error.Message);
    }

    [Fact]
    public async Task A_target_that_is_older_than_what_it_acknowledged_blocks_and_one_less_is_in_order()
    {
        await using var sink = _target.Sink();
        await sink.PrepareAsync([Notes], default);
        await using (var lane = await sink.OpenLaneAsync(Identity(), default))
            await WriteAsync(lane, Index(9, Notes, 1, "a"));

        Assert.Equal(9, await CommittedAsync(sink, Identity(laneOffset: 10)));
        var error = await Assert.ThrowsAsync<PauseException>(async () => await CommittedAsync(sink, Identity(laneOffset: 11)));

        Assert.Equal(
            "Sink of pipeline 'p': lane 0 stands at offset 9 in \"public\".\"leat_positions\", but 11 was acknowledged before: the target is an older copy. " +
            "Bring the newer state of the target back, or deliver everything again: leat redeliver p [LEAT-4619]",
            error.Message);
    }

    [Fact]
    public async Task A_target_emptied_while_lanes_write_takes_nothing_more_until_it_is_opened_again()
    {
        await using var sink = _target.Sink();
        await sink.PrepareAsync([Notes], default);
        await using var lane = await sink.OpenLaneAsync(Identity(), default);
        await WriteAsync(lane, Index(1, Notes, 1, "a"));
        await _target.RunAsync("TRUNCATE leat_positions, notes");

        var error = await Assert.ThrowsAsync<RetriableException>(() => WriteAsync(lane, Index(2, Notes, 2, "b")));

        Assert.Equal(4616, error.Code.Number);
        Assert.Empty(await _target.AskAsync("SELECT * FROM notes"));
        Assert.Equal(4618, (await Assert.ThrowsAsync<PauseException>(async () => await CommittedAsync(sink, Identity(laneOffset: 1)))).Code.Number);
    }

    private static async Task<long?> CommittedAsync(Connectors.PostgreSql.PostgreSqlSink sink, LaneIdentity identity)
    {
        await using var lane = await sink.OpenLaneAsync(identity, CancellationToken.None);
        return lane.CommittedOffset;
    }
}
