using Leat.Changes;
using Xunit;
using static Leat.IntegrationTests.MySql.SinkTarget;

namespace Leat.IntegrationTests.MySql;

public sealed class MySqlSinkPositionTests(MariaDbFixture server) : IClassFixture<MariaDbFixture>
{
    private static readonly Shape NotesShape = Shape(
        "notes", Schema(new() { Name = "id", Kind = ColumnKind.Int32, Nullable = false }, new() { Name = "note", Kind = ColumnKind.String, Length = 50 }));

    private static readonly Guid Other = new("00000000-0000-0000-0000-000000000002");

    private readonly SinkTarget _target = new(server);

    private string Positions => $"`{_target.Database}`.`leat_positions`";

    [Fact]
    public async Task Each_lane_finds_its_own_offset_again()
    {
        await Start(Identity(0, 2), Identity(1, 2));
        await _target.RunAsync("UPDATE leat_positions SET `offset` = 40 + lane");

        Assert.Equal([40, 41], await Start(Identity(0, 2, laneOffset: 40), Identity(1, 2, laneOffset: 42)));
    }

    [Fact]
    public async Task Another_number_of_lanes_goes_on_from_the_lowest_offset()
    {
        await Start(Identity(0, 2), Identity(1, 2));
        await _target.RunAsync("UPDATE leat_positions SET `offset` = 40 + lane");

        Assert.Equal([40, 40, 40], await Start(Identity(0, 3, checkpoint: 30), Identity(1, 3, checkpoint: 30), Identity(2, 3, checkpoint: 30)));
        Assert.Equal(["0 3 40", "1 3 40", "2 3 40"], await _target.AskAsync("SELECT lane, lanes, `offset` FROM leat_positions ORDER BY lane"));
    }

    [Fact]
    public async Task Of_an_earlier_epoch_only_what_lies_below_the_checkpoint_counts()
    {
        await Start(Identity(0));
        await _target.RunAsync("UPDATE leat_positions SET `offset` = 40");

        Assert.Equal([29], await Start(Identity(0, epoch: 2, checkpoint: 30)));
    }

    [Fact]
    public async Task Of_an_earlier_epoch_whose_offsets_hold_each_lane_keeps_its_own()
    {
        await Start(Identity(0, 2), Identity(1, 2));
        await _target.RunAsync("UPDATE leat_positions SET `offset` = 40 + lane");

        Assert.Equal([40, 41], await Start(
            Identity(0, 2, epoch: 2, checkpoint: 30) with { OffsetsHoldFrom = 1 }, Identity(1, 2, epoch: 2, checkpoint: 30) with { OffsetsHoldFrom = 1 }));
        Assert.Equal(["2 40", "2 41"], await _target.AskAsync("SELECT epoch, `offset` FROM leat_positions ORDER BY lane"));
    }

    [Fact]
    public async Task Rows_of_another_log_are_taken_over_from_above_and_do_not_count()
    {
        await Start(new LaneIdentity("p", Other, 3, 0, 1, 0));
        await _target.RunAsync("UPDATE leat_positions SET `offset` = 40");

        Assert.Equal([-1], await Start(Identity(0, epoch: 4, checkpoint: 50)));
        Assert.Equal([$"{LogId} 4 -1"], await _target.AskAsync("SELECT log_id, epoch, `offset` FROM leat_positions"));
    }

    [Fact]
    public async Task Another_log_that_took_over_blocks()
    {
        await Start(Identity(0));

        var error = await Assert.ThrowsAsync<PauseException>(() => Start(new LaneIdentity("p", Other, 1, 0, 1, 0)));

        Assert.Equal(
            $"Sink of pipeline 'p': according to {Positions} the target was taken over by the pipeline 'p' of another log, {LogId}. " +
            "Stop the other Leat, or give one of the two another database or pipeline name, and start this one again. [LEAT-4105]",
            error.Message);
    }

    [Fact]
    public async Task A_later_epoch_blocks()
    {
        await Start(Identity(0, epoch: 3));

        var error = await Assert.ThrowsAsync<PauseException>(() => Start(Identity(0, epoch: 2)));

        Assert.Equal(
            $"Sink of pipeline 'p': according to {Positions} the target was taken over in epoch 3 by the pipeline 'p' of another Leat; this one writes in epoch 2. " +
            "Stop the other Leat, which runs on a copy of this log folder, and start this one again: it takes a higher epoch. [LEAT-4106]",
            error.Message);
    }

    [Fact]
    public async Task The_marker_is_what_the_rows_say()
    {
        await Start(Identity(0, 2, epoch: 3), Identity(1, 2, epoch: 3));
        await _target.RunAsync("UPDATE leat_positions SET `offset` = 40 + lane");
        await using var sink = _target.Sink();

        Assert.True(sink.KeepsMarker);
        var marker = (await sink.ReadMarkerAsync("p", default))!; // not null: the lane has written
        Assert.Equal((LogId, 3U, 42L), (marker.LogId, marker.Epoch, marker.Offset));
        Assert.Contains(41, marker.Lanes);
        Assert.Null(await sink.ReadMarkerAsync("other", default));

        await _target.RunAsync("UPDATE leat_positions SET log_id = 'mine'");
        var error = await Assert.ThrowsAsync<PauseException>(async () => await sink.ReadMarkerAsync("p", default));
        Assert.Equal(
            $"Sink of pipeline 'p': {Positions} has a row of the pipeline 'p' that names no log: 'mine'. " +
            "Somebody else wrote it. Delete the pipeline's rows there, and have everything delivered again: 'leat redeliver p'. [LEAT-4121]", error.Message);
    }

    [Fact]
    public async Task A_target_older_than_the_checkpoint_blocks()
    {
        await Start(Identity(0));
        await _target.RunAsync("UPDATE leat_positions SET `offset` = 10");

        var error = await Assert.ThrowsAsync<PauseException>(() => Start(Identity(0, laneOffset: 20)));

        Assert.Equal(
            $"Sink of pipeline 'p': lane 0 stands at offset 10 in {Positions}, but 20 was acknowledged before: the target is an older copy. " +
            "Bring the newer state of the target back, or have everything delivered again: 'leat redeliver p'. [LEAT-4107]",
            error.Message);
    }

    [Fact]
    public async Task A_target_that_was_emptied_blocks()
    {
        await Start(Identity(0));
        await _target.RunAsync("DELETE FROM leat_positions");

        var error = await Assert.ThrowsAsync<PauseException>(() => Start(Identity(0, laneOffset: 20)));

        Assert.Equal(
            $"Sink of pipeline 'p': {Positions} has no row of the pipeline 'p', but offset 20 was acknowledged before: the target was emptied or replaced. " +
            "Bring the target back, or have everything delivered again: 'leat redeliver p'. [LEAT-4108]",
            error.Message);
    }

    [Fact]
    public async Task Tables_that_do_not_fit_are_told_with_the_statement_that_mends_them()
    {
        await _target.RunAsync("CREATE TABLE notes (id INT PRIMARY KEY) ENGINE=InnoDB");
        Assert.Equal(
            $"Sink of pipeline 'p': the target table {_target.Database}.notes has no column 'note'. " +
            $"Add it: ALTER TABLE `{_target.Database}`.`notes` ADD COLUMN `note` VARCHAR(50) NULL; [LEAT-4100]",
            await Refusal());

        await _target.RunAsync("ALTER TABLE notes ADD COLUMN note VARCHAR(50), ENGINE=MyISAM");
        Assert.Equal(
            $"Sink of pipeline 'p': the target table {_target.Database}.notes is stored by MyISAM, which has no transactions. " +
            $"Convert it: ALTER TABLE `{_target.Database}`.`notes` ENGINE = InnoDB; [LEAT-4102]",
            await Refusal());

        await _target.RunAsync("ALTER TABLE notes ENGINE=InnoDB, DROP PRIMARY KEY, ADD PRIMARY KEY (note)");
        Assert.Equal(
            $"Sink of pipeline 'p': the primary key of the target table {_target.Database}.notes is (note), the rows delivered are identified by (id). " +
            $"Give it the same: ALTER TABLE `{_target.Database}`.`notes` DROP PRIMARY KEY, ADD PRIMARY KEY (id); [LEAT-4103]",
            await Refusal());
    }

    [Fact]
    public async Task Without_leave_to_create_a_missing_table_blocks_with_its_statement()
    {
        await _target.RunAsync("SELECT 1");
        await using var sink = _target.Sink(_target.Options with { Schema = Leat.Connectors.MySql.SchemaMode.Validate });

        var error = await Assert.ThrowsAsync<PauseException>(async () => await sink.PrepareAsync([NotesShape], default));

        Assert.Equal(
            $"Sink of pipeline 'p': the target table {_target.Database}.notes does not exist. Set `schema: create`, or create it: " +
            $"CREATE TABLE `{_target.Database}`.`notes` (`id` INT NOT NULL, `note` VARCHAR(50) NULL, PRIMARY KEY (`id`)) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4; [LEAT-4101]",
            error.Message);
    }

    private async Task<string> Refusal()
    {
        await using var sink = _target.Sink();
        return (await Assert.ThrowsAsync<PauseException>(async () => await sink.PrepareAsync([NotesShape], default))).Message;
    }

    private async Task<long?[]> Start(params LaneIdentity[] identities)
    {
        await using var sink = _target.Sink();
        await sink.PrepareAsync([NotesShape], default);
        var offsets = new List<long?>();
        foreach (var identity in identities)
        {
            await using var lane = await sink.OpenLaneAsync(identity, default);
            offsets.Add(lane.CommittedOffset);
        }

        return [.. offsets];
    }
}
