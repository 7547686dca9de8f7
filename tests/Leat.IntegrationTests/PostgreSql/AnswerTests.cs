using Leat.Changes;
using Leat.Connectors.PostgreSql;
using Leat.IntegrationTests.EndToEnd;
using Npgsql;
using Xunit;
using static Leat.IntegrationTests.PostgreSql.SinkTarget;

namespace Leat.IntegrationTests.PostgreSql;

/// <summary>What each kind of answer of the server becomes, made to happen at the real one.</summary>
public sealed class AnswerTests(SharedPostgreSql shared) : IAsyncLifetime
{
    private static readonly Shape Notes = Shape(
        "notes",
        Schema(new() { Name = "id", Kind = ColumnKind.Int64, Nullable = false }, new() { Name = "note", Kind = ColumnKind.String }, new() { Name = "n", Kind = ColumnKind.Int64 }));

    private SinkTarget _target = null!; // made before each test

    public async ValueTask InitializeAsync() => _target = await NewAsync(await shared.ServerAsync());

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    // The row's own fault: refused, with the server's words and its state as the cause, and the row after it applied.
    [Theory]
    [InlineData("note varchar(3), n int", "long", 1L, "22001", "value too long for type character varying(3)")]
    [InlineData("note text, n smallint", "a", 99_999L, "22003", "smallint out of range")]
    [InlineData("note date, n int", "no date", 1L, "22007", "invalid input syntax for type date: \"no date\"")]
    [InlineData("note date, n int", "2024-02-30", 1L, "22008", "date/time field value out of range: \"2024-02-30\"")]
    [InlineData("note inet, n int", "nowhere", 1L, "22P02", "invalid input syntax for type inet: \"nowhere\"")]
    [InlineData("note text, n int", "a\0b", 1L, "22021", "invalid byte sequence for encoding \"UTF8\": 0x00")]
    [InlineData("note jsonb, n int", "\"\\u0000\"", 1L, "22P05", "unsupported Unicode escape sequence")]
    [InlineData("note text NOT NULL, n int", null, 1L, "23502", "null value in column \"note\" of relation \"notes\" violates not-null constraint")]
    [InlineData("note text, n int REFERENCES leaves", "a", 7L, "23503", "insert or update on table \"notes\" violates foreign key constraint \"notes_n_fkey\"")]
    [InlineData("note text, n int UNIQUE", "a", 0L, "23505", "duplicate key value violates unique constraint \"notes_n_key\"")]
    [InlineData("note text, n int CHECK (n < 5)", "a", 7L, "23514", "new row for relation \"notes\" violates check constraint \"notes_n_check\"")]
    [InlineData("note text, n int, EXCLUDE USING btree (n WITH =)", "a", 0L, "23P01", "conflicting key value violates exclusion constraint \"notes_n_excl\"")]
    [InlineData("note text, n int CHECK (8 / n > 0)", "a", 0L, "22012", "division by zero")]
    public async Task A_row_that_the_table_cannot_take_is_refused(string columns, string? note, long n, string state, string words)
    {
        await _target.RunAsync($"CREATE TABLE leaves (id int PRIMARY KEY); INSERT INTO leaves VALUES (0), (1), (3); CREATE TABLE notes (id bigint PRIMARY KEY, {columns})");
        if (state is "23505" or "23P01")
            await _target.RunAsync("INSERT INTO notes VALUES (99, NULL, 0)");
        var good = columns.Contains("date", StringComparison.Ordinal) ? "2024-01-31" : columns.Contains("inet", StringComparison.Ordinal) ? "::1" : columns.Contains("jsonb", StringComparison.Ordinal) ? "1" : "ok";

        var answers = await _target.WriteWithAsync(
            _target.Options with { Schema = SchemaMode.None }, [Notes], Index(1, Notes, 1L, good, 1L), Index(2, Notes, 2L, note, n), Index(3, Notes, 3L, good, 3L));

        Assert.Equal([Answer.Applied, Answer.Refused($"{state}: {words}", state), Answer.Applied], answers);
    }

    [Fact]
    public async Task What_a_trigger_raises_and_an_index_entry_that_is_too_large_are_the_rows_fault_too()
    {
        await _target.RunAsync(
            "CREATE TABLE notes (id bigint PRIMARY KEY, note text, n int); CREATE INDEX ON notes (note); " +
            "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not that one'; END $$; CREATE TRIGGER no BEFORE INSERT ON notes FOR EACH ROW WHEN (NEW.n = 2) EXECUTE FUNCTION no()");
        var noise = string.Concat(Enumerable.Range(0, 5_000).Select(i => (char)('a' + (i * i * 31 % 7919 % 26))));

        var answers = await _target.WriteWithAsync(
            _target.Options with { Schema = SchemaMode.None }, [Notes], Index(1, Notes, 1L, "a", 1L), Index(2, Notes, 2L, "b", 2L), Index(3, Notes, 3L, noise, 3L));

        Assert.Equal(["Applied ", "Refused P0001", "Refused 54000"], answers.Select(answer => $"{answer.Kind} {answer.Cause}"));
        Assert.Equal("P0001: not that one", answers[1].Reason);
    }

    // A person has to act.
    [Theory]
    [InlineData("DROP TABLE notes", 4614, "relation \"public.notes\" does not exist (42P01)")]
    [InlineData("ALTER TABLE notes RENAME note TO text", 4614, "column \"note\" of relation \"notes\" does not exist (42703)")]
    [InlineData("REVOKE INSERT ON notes FROM writer", 4614, "permission denied for table notes (42501)")]
    [InlineData("ALTER TABLE notes DROP CONSTRAINT notes_pkey", 4614, "there is no unique or exclusion constraint matching the ON CONFLICT specification (42P10)")]
    public async Task What_only_a_person_can_lift_blocks_and_goes_on_when_it_is_lifted(string sql, int code, string words)
    {
        await _target.RunAsync(
            "DO $$ BEGIN CREATE ROLE writer LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$; GRANT CREATE ON SCHEMA public TO writer; " +
            "CREATE TABLE notes (id bigint PRIMARY KEY, note text, n bigint); GRANT ALL ON notes TO writer");
        await using var sink = _target.Sink(_target.Options with { User = "writer" });
        await sink.PrepareAsync([Notes], default);
        await using (var lane = await sink.OpenLaneAsync(Identity(), default))
        {
            await WriteAsync(lane, Index(1, Notes, 1L, "a", 1L));
            await _target.RunAsync(sql);
            var error = await Assert.ThrowsAsync<PauseException>(() => WriteAsync(lane, Index(2, Notes, 2L, "b", 2L)));
            Assert.Equal((code, $"Sink of pipeline 'p' is refused by 127.0.0.1:{_target.Server.Port}: {words}."), (error.Code.Number, error.What));
        }

        await _target.RunAsync("DROP TABLE IF EXISTS notes; CREATE TABLE notes (id bigint PRIMARY KEY, note text, n bigint); GRANT ALL ON notes TO writer");
        await using var again = await sink.OpenLaneAsync(Identity(laneOffset: 1), default);
        Assert.Equal(Answer.Applied, Assert.Single(await WriteAsync(again, Index(2, Notes, 2L, "b", 2L))));
    }

    [Fact]
    public async Task A_database_that_is_missing_and_a_password_that_is_wrong_block()
    {
        await using var nowhere = _target.Sink(_target.Options with { Database = "nowhere" });
        var missing = await Assert.ThrowsAsync<PauseException>(async () => await nowhere.PrepareAsync([Notes], default));
        await using var nobody = _target.Sink(_target.Options with { User = "nobody_here" });
        var refused = await Assert.ThrowsAsync<PauseException>(async () => await nobody.PrepareAsync([Notes], default));

        Assert.Equal(
            $"Sink of pipeline 'p': the target database 'nowhere' does not exist at 127.0.0.1:{_target.Server.Port}. Create it: CREATE DATABASE \"nowhere\"; [LEAT-4603]", missing.Message);
        Assert.Equal(
            $"Sink of pipeline 'p' cannot sign in at 127.0.0.1:{_target.Server.Port} as 'nobody_here': role \"nobody_here\" does not exist (28000).", refused.What);
    }

    // Passes by itself.
    [Fact]
    public async Task A_lock_that_is_not_released_is_a_passing_condition()
    {
        await using var sink = _target.Sink(_target.Options with { LockTimeout = TimeSpan.FromMilliseconds(100) });
        await sink.PrepareAsync([Notes], default);
        await using var lane = await sink.OpenLaneAsync(Identity(), default);
        await WriteAsync(lane, Index(1, Notes, 1L, "a", 1L));
        await using var holder = await _target.Server.OpenAsync(_target.Database);
        await using var held = await holder.BeginTransactionAsync();
        await RunAsync(holder, "UPDATE notes SET note = 'held'");

        var error = await Assert.ThrowsAsync<RetriableException>(() => WriteAsync(lane, Index(2, Notes, 1L, "b", 1L)));

        Assert.Equal(
            $"Sink of pipeline 'p': 127.0.0.1:{_target.Server.Port} cannot do it now: canceling statement due to lock timeout (55P03). Leat tries again by itself; look at the server when this goes on. [LEAT-4613]",
            error.Message);
    }

    [Fact]
    public async Task A_deadlock_with_a_foreign_session_is_repeated_at_once()
    {
        await _target.RunAsync($"ALTER DATABASE {_target.Database} SET deadlock_timeout = '2s'");
        await using var sink = _target.Sink();
        await sink.PrepareAsync([Notes], default);
        var lane = await sink.OpenLaneAsync(Identity(), default);
        await WriteAsync(lane, Index(1, Notes, 1L, "a", 1L), Index(2, Notes, 2L, "a", 2L));

        // The other session is patient: it is the lane that looks for a deadlock first.
        await using var other = await _target.Server.OpenAsync(_target.Database);
        await RunAsync(other, "SET deadlock_timeout = '1min'");
        await using var held = await other.BeginTransactionAsync();
        await RunAsync(other, "UPDATE notes SET note = 'held' WHERE id = 2");
        var writing = WriteAsync(lane, Index(3, Notes, 1L, "b", 1L), Index(4, Notes, 2L, "b", 2L));
        while ((await _target.AskAsync("SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")).Count == 0)
            continue;
        await RunAsync(other, "UPDATE notes SET note = 'held' WHERE id = 1");
        await held.CommitAsync();

        Assert.All(await writing, answer => Assert.Equal(Answer.Applied, answer));
        Assert.Equal(["1 b", "2 b"], await _target.AskAsync("SELECT id, note FROM notes ORDER BY id"));

        // A session tells its numbers when it ends; then there was one deadlock.
        await lane.DisposeAsync();
        while ((await _target.AskAsync("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"))[0] != "1")
            continue;
    }

    [Fact]
    public async Task A_server_that_is_read_only_is_a_passing_condition()
    {
        await using var sink = _target.Sink();
        await sink.PrepareAsync([Notes], default);
        await _target.RunAsync($"ALTER DATABASE {_target.Database} SET default_transaction_read_only = on");

        var error = await Assert.ThrowsAsync<RetriableException>(async () => await sink.OpenLaneAsync(Identity(), default));

        Assert.Equal((4613, false), (error.Code.Number, error.IsBusy));
        Assert.Contains("(25006)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Too_many_connections_are_a_busy_answer()
    {
        await _target.RunAsync($"DO $$ BEGIN CREATE ROLE writer LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$; ALTER DATABASE {_target.Database} CONNECTION LIMIT 1");
        await using var one = new NpgsqlConnection(_target.Server.ConnectionString(_target.Database).Replace("=leat;", "=writer;", StringComparison.Ordinal));
        await one.OpenAsync();
        await using var sink = _target.Sink(_target.Options with { User = "writer" });

        var error = await Assert.ThrowsAsync<RetriableException>(async () => await sink.PrepareAsync([Notes], default));

        Assert.Equal((4613, true), (error.Code.Number, error.IsBusy));
        Assert.Contains("(53300)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_was_restarted_or_crashed_while_a_lane_wrote_goes_on_where_its_positions_stand()
    {
        await using var server = await PrivatePostgreSql.StartAsync("-c", "fsync=on");
        var target = await NewAsync(server);
        await using var sink = target.Sink();
        await sink.PrepareAsync([Notes], default);
        var acknowledged = -1L;
        for (var round = 0; round < 3; round++)
        {
            await using var lane = await sink.OpenLaneAsync(Identity(laneOffset: acknowledged), default);
            Assert.Equal(acknowledged, lane.CommittedOffset ?? -1);
            await WriteAsync(lane, Index(round + 1, Notes, (long)round, "a", 1L));
            acknowledged = round + 1;
            if (round == 0)
                await server.CrashAsync();
            var down = round == 0 ? await Assert.ThrowsAsync<RetriableException>(() => WriteAsync(lane, Index(9, Notes, 9L, "a", 9L))) : null;
            Assert.Equal(round == 0 ? 4600 : null, down?.Code.Number);
            await server.RestartAsync();
        }

        Assert.Equal(["0", "1", "2"], await target.AskAsync("SELECT id FROM notes ORDER BY id"));
    }

    [Fact]
    public async Task A_connection_cut_at_any_byte_of_the_server_loses_nothing_and_writes_nothing_twice()
    {
        // Counts each write of a row: none may come twice.
        await _target.RunAsync(
            "CREATE TABLE notes (id bigint PRIMARY KEY, note text, n bigint); CREATE TABLE writes (id bigint); CREATE FUNCTION count_it() RETURNS trigger LANGUAGE plpgsql AS " +
            "$$ BEGIN INSERT INTO writes VALUES (NEW.id); RETURN NULL; END $$; CREATE TRIGGER count_it AFTER INSERT OR UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION count_it()");
        await using var link = new FaultProxy(_target.Server.Port);
        await using var sink = _target.Sink(_target.Options with { Port = link.Port });
        await sink.PrepareAsync([Notes], default);
        var (offset, written, isCut) = (0L, 0, true);
        for (var bytes = 1; isCut; bytes += 5)
        {
            // The lane's connection ends after so many bytes of the server: while it opens, in the claim, in the answer to the rows.
            var faults = new ConnectionFaults { ToClient = new() { After = bytes, Then = LinkEnd.Cut } };
            link.Script = _ => faults;
            offset++;
            var operation = Index(offset, Notes, offset, "a", 1L);
            var error = await Record.ExceptionAsync(async () =>
            {
                await using var lane = await sink.OpenLaneAsync(Identity(laneOffset: offset > 1 ? offset - 1 : -1), default);
                written++;
                await WriteAsync(lane, operation);
            });
            isCut = error is not null;
            Assert.Equal(isCut ? 4600 : null, (error as RetriableException)?.Code.Number);

            // The claim waits for what the server still works on; then the position tells whether that is done.
            link.Script = _ => ConnectionFaults.None;
            await using var again = await sink.OpenLaneAsync(Identity(), default);
            if (again.CommittedOffset != offset)
                await WriteAsync(again, operation);
        }

        Assert.InRange(written, 10, offset - 10);
        Assert.Equal([$"{offset} {offset}"], await _target.AskAsync("SELECT count(*), count(DISTINCT id) FROM writes"));
    }

    private static async Task RunAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
