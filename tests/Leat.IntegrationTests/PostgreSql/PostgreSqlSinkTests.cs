using Leat.Changes;
using Xunit;
using static Leat.IntegrationTests.PostgreSql.SinkTarget;

namespace Leat.IntegrationTests.PostgreSql;

public sealed class PostgreSqlSinkTests(SharedPostgreSql shared) : IAsyncLifetime
{
    private static readonly TableSchema Notes = Schema(
        new() { Name = "id", Kind = ColumnKind.Int32, Nullable = false }, new() { Name = "note", Kind = ColumnKind.String, Length = 50 });

    private static readonly Shape NotesShape = Shape("notes", Notes);

    private SinkTarget _target = null!; // made before each test

    public async ValueTask InitializeAsync() => _target = await NewAsync(await shared.ServerAsync());

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task Creates_the_table_and_a_batch_again_changes_nothing()
    {
        Operation[] batch = [Index(1, NotesShape, 1, "a'\\\n\"%_🎁"), Index(2, NotesShape, 2, null), Delete(3, NotesShape, 1, null), Index(4, NotesShape, 2, "c"), Index(5, NotesShape, 3, "d'\\\n\"%_🎁")];

        var answers = await _target.WriteAsync([NotesShape], batch);
        await _target.RunAsync("DELETE FROM leat_positions");
        await _target.WriteAsync([NotesShape], batch);

        Assert.Equal([AnswerKind.Coalesced, AnswerKind.Coalesced, AnswerKind.Applied, AnswerKind.Applied, AnswerKind.Applied], answers.Select(answer => answer.Kind));
        Assert.Equal(["2 c", "3 d'\\\n\"%_🎁"], await _target.AskAsync("SELECT * FROM notes ORDER BY id"));
        Assert.Equal(5, await _target.PositionAsync());
    }

    [Fact]
    public async Task Inserted_and_deleted_in_one_batch_leaves_nothing()
    {
        await _target.WriteAsync([NotesShape], Index(1, NotesShape, 7, "a"), Delete(2, NotesShape, 7, null));

        Assert.Empty(await _target.AskAsync("SELECT * FROM notes"));
    }

    [Fact]
    public async Task A_changed_key_moves_the_row()
    {
        await _target.WriteAsync([NotesShape], Index(1, NotesShape, 1, "a"));

        await _target.WriteAsync(
            [NotesShape],
            Make(OperationKind.Delete, ChangeKind.Update, 2, NotesShape, 1, "a"), Make(OperationKind.Index, ChangeKind.Update, 2, NotesShape, 9, "a"));

        Assert.Equal(["9 a"], await _target.AskAsync("SELECT * FROM notes"));
        Assert.Equal(2, await _target.PositionAsync());
    }

    [Fact]
    public async Task The_first_half_of_a_changed_key_alone_is_not_skipped_by_a_restart()
    {
        await _target.WriteAsync([NotesShape], Index(1, NotesShape, 1, "a"), Make(OperationKind.Delete, ChangeKind.Update, 2, NotesShape, 1, "a"));

        Assert.Equal(1, await _target.PositionAsync());
    }

    [Fact]
    public async Task A_replay_moves_no_offset()
    {
        await _target.WriteAsync([NotesShape], Index(5, NotesShape, 1, "a"), Index(3, NotesShape, 2, "b") with { ReplayedEpoch = 1 });
        await _target.WriteAsync([NotesShape], Index(9, NotesShape, 3, "c") with { ReplayedEpoch = 1 });

        Assert.Equal(["1 a", "2 b", "3 c"], await _target.AskAsync("SELECT * FROM notes ORDER BY id"));
        Assert.Equal(5, await _target.PositionAsync());
    }

    [Fact]
    public async Task Rows_that_the_table_cannot_hold_are_refused_and_all_others_applied()
    {
        await _target.RunAsync("CREATE TABLE notes (id INT PRIMARY KEY, note VARCHAR(5))");

        var answers = await _target.WriteWithAsync(
            _target.Options with { Schema = Connectors.PostgreSql.SchemaMode.None }, [NotesShape],
            [.. Enumerable.Range(1, 100).Select(i => Index(i, NotesShape, i, i is 17 or 64 ? "much too long" : "fits"))]);

        var refused = answers.Select((answer, i) => (answer, Number: i + 1)).Where(pair => pair.answer.Kind == AnswerKind.Refused).ToList();
        Assert.Equal([17, 64], refused.Select(pair => pair.Number));
        Assert.All(refused, pair => Assert.Equal(Answer.Refused("22001: value too long for type character varying(5)", "22001"), pair.answer));
        Assert.Equal(98, answers.Count(answer => answer.Kind == AnswerKind.Applied));
        Assert.Equal(["98"], await _target.AskAsync("SELECT COUNT(*) FROM notes"));
    }

    [Fact]
    public async Task Where_the_last_write_of_a_key_is_refused_the_one_before_holds()
    {
        await _target.RunAsync("CREATE TABLE notes (id INT PRIMARY KEY, note TEXT CHECK (note <> 'bad'))");

        var answers = await _target.WriteAsync(
            [NotesShape], Index(1, NotesShape, 1, "a"), Index(2, NotesShape, 1, "b"), Index(3, NotesShape, 1, "bad"), Index(4, NotesShape, 1, "bad"));

        Assert.Equal([AnswerKind.Coalesced, AnswerKind.Applied, AnswerKind.Refused, AnswerKind.Refused], answers.Select(answer => answer.Kind));
        Assert.Equal(["1 b"], await _target.AskAsync("SELECT * FROM notes"));
    }

    [Fact]
    public async Task Rows_and_position_are_one_transaction()
    {
        await using var sink = _target.Sink();
        await sink.PrepareAsync([NotesShape], default);
        await using var lane = await sink.OpenLaneAsync(Identity(), default);
        await WriteAsync(lane, Index(1, NotesShape, 1, "a"));

        // Another session holds a row: the lane's position and its first row are written, the second waits. Then the lane's connection is killed.
        await using var holder = await _target.Server.OpenAsync(_target.Database);
        await using var held = await holder.BeginTransactionAsync();
        await using (var update = new Npgsql.NpgsqlCommand("UPDATE notes SET note = 'held' WHERE id = 1", holder))
            await update.ExecuteNonQueryAsync();
        var writing = lane.WriteAsync(new[] { Index(2, NotesShape, 2, "b"), Index(3, NotesShape, 1, "c") }, new Answer[2], default).AsTask();
        IReadOnlyList<string> waiting;
        do
            waiting = await _target.AskAsync("SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()");
        while (waiting.Count == 0);

        await _target.RunAsync($"SELECT pg_terminate_backend({waiting[0]})");
        await Assert.ThrowsAsync<RetriableException>(() => writing);
        await held.RollbackAsync();

        Assert.Equal(["1 a"], await _target.AskAsync("SELECT * FROM notes"));
        await using var again = await sink.OpenLaneAsync(Identity(laneOffset: 1), default);
        Assert.Equal(1, again.CommittedOffset);
        await WriteAsync(again, Index(2, NotesShape, 2, "b"), Index(3, NotesShape, 1, "c"));
        Assert.Equal(["1 c", "2 b"], await _target.AskAsync("SELECT * FROM notes ORDER BY id"));
    }

    [Fact]
    public async Task A_connection_whose_lane_was_taken_over_writes_nothing()
    {
        await using var sink = _target.Sink();
        await sink.PrepareAsync([NotesShape], default);
        await using var earlier = await sink.OpenLaneAsync(Identity(), default);
        await WriteAsync(earlier, Index(1, NotesShape, 1, "a"));
        await using var later = await sink.OpenLaneAsync(Identity(), default);
        await WriteAsync(later, Index(2, NotesShape, 1, "b"));

        var error = await Assert.ThrowsAsync<RetriableException>(() => WriteAsync(earlier, Index(2, NotesShape, 1, "late")));

        Assert.Equal(
            "Sink of pipeline 'p': lane 0 of pipeline 'p' in \"public\".\"leat_positions\" was taken over by another connection; nothing was written. " +
            "Leat takes it back by itself. If this repeats, a second Leat runs with a copy of this log folder: stop one of the two. [LEAT-4616]",
            error.Message);
        Assert.Equal(["1 b"], await _target.AskAsync("SELECT * FROM notes"));
        Assert.Equal(2, await _target.PositionAsync());
    }

    [Fact]
    public async Task Reads_back_what_it_wrote_and_finds_rows_by_their_keys()
    {
        var shape = new Shape
        {
            Alias = "pairs", Key = [1, 0],
            Schema = Schema(
                new() { Name = "a", Kind = ColumnKind.UInt64, Nullable = false }, new() { Name = "b", Kind = ColumnKind.String, Nullable = false }, new() { Name = "v", Kind = ColumnKind.Decimal, Precision = 8, Scale = 2 }),
            Columns = [new("first", 0), new("second", 1), new("value", 2)],
        };
        await using var sink = _target.Sink();
        await sink.PrepareAsync([shape], default);
        await using var lane = await sink.OpenLaneAsync(Identity(), default);
        Operation[] batch = [Index(1, shape, 1UL, "x,y", "-0.50"), Index(2, shape, ulong.MaxValue, "ü", null)];
        await WriteAsync(lane, batch);

        var rows = new List<TargetRow>();
        await foreach (var row in sink.ReadAsync(shape, default))
            rows.Add(row);
        var found = await sink.FindAsync(shape, [batch[1].Row, Delete(3, shape, 2UL, "x,y", null).Row, batch[0].Row, batch[1].Row], default);

        var expected = batch.Select(operation => sink.Expect(shape, operation.Row.Span)).ToList();
        Assert.Equal(expected.Select(Text).Order(), rows.Select(Text).Order());
        Assert.Equal([Text(expected[1]), null, Text(expected[0]), Text(expected[1])], found.Select(row => row is null ? null : Text(row)));
        Assert.Equal("x\\,y,1: first=1 second=x,y value=-0.50", Text(expected[0]));
    }

    internal static string Text(TargetRow row) => $"{row.Key}: {string.Join(' ', row.Fields.Select(field => $"{field.Key}={field.Value ?? "NULL"}"))}";
}
