using Leat.Changes;
using Leat.Connectors.PostgreSql;
using Xunit;
using static Leat.IntegrationTests.PostgreSql.SinkTarget;

namespace Leat.IntegrationTests.PostgreSql;

/// <summary>Unique indexes beside the key, foreign keys, and rows that tell some columns only.</summary>
public sealed class UniqueIndexTests(SharedPostgreSql shared) : IAsyncLifetime
{
    private static readonly TableSchema Notes = Schema(
        new() { Name = "id", Kind = ColumnKind.Int32, Nullable = false }, new() { Name = "note", Kind = ColumnKind.String }, new() { Name = "n", Kind = ColumnKind.Int32 });

    private static readonly Shape NotesShape = Shape("notes", Notes);

    private SinkTarget _target = null!; // made before each test

    public async ValueTask InitializeAsync() => _target = await NewAsync(await shared.ServerAsync());

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Theory]
    [InlineData("", new int[0], false)]
    [InlineData("CREATE UNIQUE INDEX ON notes (note)", new[] { 1 }, false)]
    [InlineData("CREATE UNIQUE INDEX ON notes (n, note)", new[] { 2, 1 }, false)]
    [InlineData("CREATE UNIQUE INDEX ON notes (note) INCLUDE (n)", new[] { 1 }, false)]
    [InlineData("ALTER TABLE notes ADD UNIQUE (n) DEFERRABLE", new[] { 2 }, false)]
    [InlineData("CREATE UNIQUE INDEX ON notes (lower(note))", new int[0], true)]
    [InlineData("CREATE UNIQUE INDEX ON notes (note) WHERE n > 1", new int[0], true)]
    [InlineData("CREATE UNIQUE INDEX ON notes (note) NULLS NOT DISTINCT", new int[0], true)]
    [InlineData("CREATE UNIQUE INDEX ON notes (elsewhere)", new int[0], true)]
    [InlineData("CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false); ALTER TABLE notes ALTER note TYPE text COLLATE folded; CREATE UNIQUE INDEX ON notes (note)", new int[0], true)]
    [InlineData("ALTER TABLE notes ALTER note TYPE char(9); CREATE UNIQUE INDEX ON notes (note)", new int[0], true)]
    [InlineData("ALTER TABLE notes ADD EXCLUDE USING btree (n WITH =)", new int[0], true)]
    public async Task Traits_tell_unique_indexes_that_compare_bytes_and_the_others_are_serial(string sql, int[] ordinals, bool isSerial)
    {
        await _target.RunAsync($"CREATE TABLE notes (id INT PRIMARY KEY, note TEXT, n INT, elsewhere INT); {sql}");
        await using var sink = _target.Sink(_target.Options with { Schema = SchemaMode.None });

        var traits = await sink.PrepareAsync([NotesShape], default);

        Assert.Equal(isSerial ? ["notes"] : [], traits.SerialAliases);
        Assert.Equal(ordinals, traits.UniqueKeys.TryGetValue("notes", out var keys) ? Assert.Single(keys) : []);
    }

    [Fact]
    public async Task Values_pass_from_row_to_row_however_the_changes_are_cut_into_batches()
    {
        Operation[] start = [Index(1, NotesShape, 1, "x", 0), Index(2, NotesShape, 2, "y", 0), Index(3, NotesShape, 3, "z", 0)];

        // A swap over a third value, a hand-over from a deleted row, and a chain, as the source could do them one by one.
        Operation[] changes =
        [
            Index(4, NotesShape, 1, "temporary", 0), Index(5, NotesShape, 2, "x", 0), Index(6, NotesShape, 1, "y", 0),
            Delete(7, NotesShape, 3, "z", 0), Index(8, NotesShape, 4, "z", 0), Index(9, NotesShape, 4, "w", 0), Index(10, NotesShape, 2, "z", 0), Index(11, NotesShape, 5, "x", 0),
        ];
        await _target.RunAsync("CREATE TABLE notes (id INT PRIMARY KEY, note TEXT UNIQUE, n INT)");
        for (var cut = 0; cut <= changes.Length; cut++)
        {
            await _target.RunAsync("TRUNCATE notes; DROP TABLE IF EXISTS leat_positions");
            await using var sink = _target.Sink();
            await sink.PrepareAsync([NotesShape], default);
            await using var lane = await sink.OpenLaneAsync(Identity(), default);
            await WriteAsync(lane, start);
            foreach (var batch in new[] { changes[..cut], changes[cut..] }.Where(batch => batch.Length > 0))
                Assert.DoesNotContain(await WriteAsync(lane, batch), answer => answer.Kind == AnswerKind.Refused);

            Assert.Equal(["1 y", "2 z", "4 w", "5 x"], await _target.AskAsync("SELECT id, note FROM notes ORDER BY id"));
            Assert.Equal(11, await _target.PositionAsync());
        }
    }

    [Fact]
    public async Task A_unique_index_that_comes_while_lanes_write_is_seen_at_the_first_row_in_its_way()
    {
        await _target.RunAsync("CREATE TABLE notes (id INT PRIMARY KEY, note TEXT, n INT)");
        await using var sink = _target.Sink();
        Assert.Empty((await sink.PrepareAsync([NotesShape], default)).UniqueKeys);
        await using (var lane = await sink.OpenLaneAsync(Identity(), default))
        {
            await WriteAsync(lane, Index(1, NotesShape, 1, "a", 0), Index(2, NotesShape, 2, "b", 0));
            await _target.RunAsync("CREATE UNIQUE INDEX ON notes (note)");

            // 1 has not given the value up yet, in another lane.
            var error = await Assert.ThrowsAsync<RetriableException>(() => WriteAsync(lane, Index(3, NotesShape, 2, "a", 1)));
            Assert.True(error.TargetChanged);
            Assert.EndsWith(".notes has other unique indexes or foreign keys than when it was looked at.", error.What, StringComparison.Ordinal);
        }

        await using var again = await sink.OpenLaneAsync(Identity(), default);
        Assert.Equal("23505", Assert.Single(await WriteAsync(again, Index(3, NotesShape, 2, "a", 1))).Cause);
        Assert.Equal(["1 a 0", "2 b 0"], await _target.AskAsync("SELECT * FROM notes ORDER BY id"));
        Assert.Equal([1], Assert.Single((await sink.PrepareAsync([NotesShape], default)).UniqueKeys["notes"]));
    }

    [Fact]
    public async Task What_is_delivered_again_takes_values_from_rows_that_are_newer_and_come_again()
    {
        Operation[] changes =
        [
            Index(1, NotesShape, 1, "x", 0), Index(2, NotesShape, 2, "y", 0), Index(3, NotesShape, 1, "temporary", 0), Index(4, NotesShape, 2, "x", 0), Index(5, NotesShape, 1, "y", 0),
        ];
        await _target.RunAsync("CREATE TABLE notes (id INT PRIMARY KEY, note TEXT UNIQUE, n INT)");
        await using var sink = _target.Sink();
        await sink.PrepareAsync([NotesShape], default);
        await using (var lane = await sink.OpenLaneAsync(Identity(), default))
            await WriteAsync(lane, changes);

        // One by one, each over a connection of its own: that operations come again outlives them all.
        foreach (var change in changes)
        {
            await using var again = await sink.OpenLaneAsync(Identity(epoch: 2), default);
            Assert.Equal(Answer.Applied, Assert.Single(await WriteAsync(again, change)));
        }

        Assert.Equal(["1 y", "2 x"], await _target.AskAsync("SELECT id, note FROM notes ORDER BY id"));
        await using var after = await sink.OpenLaneAsync(Identity(epoch: 2), default);
        Assert.Equal("23505", Assert.Single(await WriteAsync(after, Index(6, NotesShape, 3, "y", 0))).Cause);
        Assert.Equal(Answer.Applied, Assert.Single(await WriteAsync(after, Make(OperationKind.Index, ChangeKind.ReadAgain, 7, NotesShape, 3, "y", 0))));
        Assert.Equal(["2 x", "3 y"], await _target.AskAsync("SELECT id, note FROM notes ORDER BY id"));
    }

    [Fact]
    public async Task A_value_that_another_row_has_is_refused_and_no_other_row_is_touched()
    {
        await _target.RunAsync("CREATE TABLE notes (id INT PRIMARY KEY, note TEXT UNIQUE, n INT); INSERT INTO notes VALUES (9, 'x', 9)");

        var answers = await _target.WriteAsync([NotesShape], Index(1, NotesShape, 1, "x", 1), Index(2, NotesShape, 2, "b", 2));

        Assert.Equal([Answer.Refused("23505: duplicate key value violates unique constraint \"notes_note_key\"", "23505"), Answer.Applied], answers);
        Assert.Equal(["2 b 2", "9 x 9"], await _target.AskAsync("SELECT * FROM notes ORDER BY id"));
    }

    [Fact]
    public async Task Constraints_that_can_wait_do_so_until_the_end_of_the_batch()
    {
        await _target.RunAsync("CREATE TABLE notes (id INT PRIMARY KEY, note TEXT UNIQUE DEFERRABLE, n INT); INSERT INTO notes VALUES (1, 'x', 0), (2, 'y', 0)");

        var swapped = await _target.WriteAsync([NotesShape], Index(1, NotesShape, 1, "y", 0), Index(2, NotesShape, 2, "x", 0));
        var answers = await _target.WriteAsync([NotesShape], Index(3, NotesShape, 3, "x", 0), Index(4, NotesShape, 4, "w", 0));

        Assert.All(swapped, answer => Assert.Equal(Answer.Applied, answer));
        Assert.Equal([AnswerKind.Refused, AnswerKind.Applied], answers.Select(answer => answer.Kind));
        Assert.Equal("23505", answers[0].Cause);
        Assert.Equal(["1 y", "2 x", "4 w"], await _target.AskAsync("SELECT id, note FROM notes ORDER BY id"));
    }

    [Fact]
    public async Task Foreign_keys_are_kept_by_batches_of_whole_transactions()
    {
        var parents = Shape("parents", Schema(new Column { Name = "id", Kind = ColumnKind.Int32, Nullable = false }));
        var children = Shape("children", Schema(new Column { Name = "id", Kind = ColumnKind.Int32, Nullable = false }, new Column { Name = "parent", Kind = ColumnKind.Int32 }));
        await _target.RunAsync("CREATE TABLE parents (id INT PRIMARY KEY); CREATE TABLE children (id INT PRIMARY KEY, parent INT REFERENCES parents)");
        await using var sink = _target.Sink(_target.Options with { IsTransactional = true });
        var traits = await sink.PrepareAsync([children, parents], default);
        await using var lane = await sink.OpenLaneAsync(Identity(), default);

        // Parents after their children by alias; a child that moves away from a parent that goes; both gone at once.
        await WriteAsync(lane, Index(1, parents, 1), Index(2, children, 1, 1), Index(3, parents, 2), Index(4, children, 2, 2));
        await WriteAsync(lane, Index(5, parents, 3), Index(6, children, 1, 3), Delete(7, parents, 1));
        var answers = await WriteAsync(lane, Delete(8, children, 2, 2), Delete(9, parents, 2));

        Assert.Equal((1, true), (traits.MaxLanes, traits.WholeTransactions));
        Assert.All(answers, answer => Assert.Equal(Answer.Applied, answer));
        Assert.Equal(["1 3"], await _target.AskAsync("SELECT * FROM children"));
        Assert.Equal(["3"], await _target.AskAsync("SELECT * FROM parents"));
        Assert.Contains(
            await CheckAsync(_target.Options, children),
            finding => finding.Code?.Number == 4622 && finding.Message.StartsWith("The target table public.children has the foreign key children_parent_fkey;", StringComparison.Ordinal));
        Assert.DoesNotContain(await CheckAsync(_target.Options with { IsTransactional = true }, children), finding => finding.Code?.Number == 4622);
    }

    [Fact]
    public async Task Rows_that_lack_columns_change_the_others_only()
    {
        var partial = Shape("notes", Notes.As(partial: true));
        await using var sink = _target.Sink();
        Assert.True((await sink.PrepareAsync([NotesShape], default)).TakesPartialRows);
        await using var lane = await sink.OpenLaneAsync(Identity(), default);
        await WriteAsync(lane, Index(1, NotesShape, 1, "a", 1), Index(2, NotesShape, 2, "b", 2));

        var answers = await WriteAsync(
            lane,
            Partial(3, partial, 1, note: "c", n: null), Partial(4, partial, 2, note: null, n: 22), Partial(5, partial, 1, note: null, n: 11),
            Index(6, NotesShape, 3, "d", 3), Partial(7, partial, 3, note: "e", n: null), Partial(8, partial, 2, note: null, n: null));
        var missing = await WriteAsync(lane, Partial(9, partial, 1, note: "f", n: null), Partial(10, partial, 4, note: "g", n: null), Partial(11, partial, 2, note: "h", n: null));
        var deleted = await WriteAsync(lane, Partial(12, partial, 3, note: "i", n: null), Delete(13, NotesShape, 3, "d", 3));

        Assert.All(answers, answer => Assert.Equal(Answer.Applied, answer));
        Assert.Equal([Answer.Applied, Answer.Refused("The target has no row with this key; the change tells some of its columns only.", "row_missing"), Answer.Applied], missing);
        Assert.Equal([Answer.Coalesced, Answer.Applied], deleted);
        Assert.Equal(["1 f 11", "2 h 22"], await _target.AskAsync("SELECT * FROM notes ORDER BY id"));
    }

    // A null leaves the column out.
    private static Operation Partial(long offset, Shape shape, int id, string? note, int? n)
    {
        var row = new byte[256];
        var writer = RowWriter.Partial(row, 3);
        writer.WriteUInt32((uint)id);
        if (note is null)
            writer.WriteAbsent();
        else
            writer.WriteString(note);
        if (n is null)
            writer.WriteAbsent();
        else
            writer.WriteUInt32((uint)n);
        return Make(OperationKind.Update, ChangeKind.Update, offset, NotesShape, id, "", 0) with { Shape = shape, Row = row.AsMemory(0, writer.WrittenBytes) };
    }

    private async Task<IReadOnlyList<Finding>> CheckAsync(PostgreSqlSinkOptions options, params Shape[] shapes)
    {
        await using var sink = _target.Sink(options);
        return await sink.CheckAsync(shapes, default);
    }
}
