using System.Globalization;
using Leat.Changes;
using Leat.Connectors.MySql.Wire;
using Leat.IntegrationTests.MySql.Servers;
using Xunit;
using static Leat.IntegrationTests.MySql.SinkTarget;

namespace Leat.IntegrationTests.MySql;

/// <summary>What each error of a server means: sent again, a dead letter, or a person's business. Each is made to happen.</summary>
public sealed class MySqlSinkErrorTests
{
    private static readonly Shape NotesShape = Shape(
        "notes", Schema(new() { Name = "id", Kind = ColumnKind.Int32, Nullable = false }, new() { Name = "note", Kind = ColumnKind.String, Length = 50 }));

    [Theory]
    [InlineData("note TINYINT", "1000", "1264")]
    [InlineData("note INT", "abc", "1366")]
    [InlineData("note VARCHAR(5)", "much too long", "1406")]
    [InlineData("note DATE", "no day at all", "1292")]
    [InlineData("note VARCHAR(5) NOT NULL", null, "1048")]
    [InlineData("note ENUM('1')", "x", "1265")]
    [InlineData("note VARCHAR(20), CONSTRAINT small CHECK (note < 5)", "6", "4025", "3819")]
    [InlineData("note JSON", "{", "4025", "3140")]
    [InlineData("note INT, FOREIGN KEY (note) REFERENCES parents (id)", "7", "1452")]
    [InlineData("note VARCHAR(20), UNIQUE KEY one_note (note)", "taken", "1062")]
    [InlineData("note VARCHAR(20)", "signal", "1644")]
    public async Task A_row_that_the_target_cannot_take_is_refused_with_the_number_and_its_neighbours_are_applied(
        string column, string? value, string mariaDb, string? mySql = null)
    {
        foreach (var product in new[] { TestProduct.MariaDb, TestProduct.MySql9 })
        {
            var target = new SinkTarget(await TestServer.SharedAsync(product));
            await target.RunAsync(
                $"CREATE TABLE parents (id INT PRIMARY KEY) ENGINE=InnoDB; INSERT INTO parents VALUES (1); CREATE TABLE notes (id INT PRIMARY KEY, {column}) ENGINE=InnoDB; " +
                (value == "taken" ? "INSERT INTO notes VALUES (100, 'taken'); " : "") +
                (value == "signal" ? "CREATE TRIGGER guard BEFORE INSERT ON notes FOR EACH ROW IF NEW.note = 'signal' THEN SIGNAL SQLSTATE '45000'; END IF" : "SELECT 1"));
            var good = column.Contains("DATE", StringComparison.Ordinal) ? "2024-01-01" : "1";

            var answers = await target.WriteAsync([NotesShape], Index(1, NotesShape, 1, good), Index(2, NotesShape, 2, value), Index(3, NotesShape, 3, good == "1" && value == "taken" ? "2" : good));

            Assert.Equal([AnswerKind.Applied, AnswerKind.Refused, AnswerKind.Applied], answers.Select(answer => answer.Kind));
            Assert.Equal(product == TestProduct.MariaDb ? mariaDb : mySql ?? mariaDb, answers[1].Cause);
            Assert.StartsWith($"{answers[1].Cause} (", answers[1].Reason, StringComparison.Ordinal);
            Assert.Equal(["1", "3"], await target.AskAsync("SELECT id FROM notes WHERE id < 100 ORDER BY id"));
            Assert.Equal(1, await target.PositionAsync());
        }
    }

    [Theory]
    [InlineData(TestProduct.MariaDb, "note VARCHAR(20)) ENGINE=InnoDB PARTITION BY RANGE (id) (PARTITION few VALUES LESS THAN (200))", "1526")]
    [InlineData(TestProduct.MySql9, "note VARCHAR(20)) ENGINE=InnoDB PARTITION BY RANGE (id) (PARTITION few VALUES LESS THAN (200))", "1526")]
    [InlineData(TestProduct.MySql9, "note VARCHAR(20), UNIQUE KEY f ((CAST(note AS CHAR(3)))))", "3751")]
    [InlineData(TestProduct.MySql9, "note JSON, KEY f ((CAST(note AS UNSIGNED ARRAY))))", "3752")]
    public async Task A_row_for_which_the_table_has_no_place_is_refused(TestProduct product, string columns, string cause)
    {
        var target = new SinkTarget(await TestServer.SharedAsync(product));
        await target.RunAsync($"CREATE TABLE notes (id INT PRIMARY KEY, {columns}");

        var answers = await target.WriteAsync([NotesShape], Index(1, NotesShape, 1, "12"), Index(2, NotesShape, 200, "-1234"), Index(3, NotesShape, 3, "123"));

        Assert.Equal([AnswerKind.Applied, AnswerKind.Refused, AnswerKind.Applied], answers.Select(answer => answer.Kind));
        Assert.Equal(cause, answers[1].Cause);
    }

    [Theory]
    [InlineData(TestProduct.MariaDb, "1267")]
    [InlineData(TestProduct.MySql56, "1267")]
    [InlineData(TestProduct.MySql9, "3854")]
    public async Task A_key_that_the_columns_character_set_lacks_is_refused_and_so_is_its_delete(TestProduct product, string ofDelete)
    {
        var target = new SinkTarget(await TestServer.SharedAsync(product));
        var shape = Shape("words", Schema(new() { Name = "word", Kind = ColumnKind.String, Length = 20, Nullable = false }, new() { Name = "n", Kind = ColumnKind.Int32 }));
        await target.RunAsync("CREATE TABLE words (word VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_bin PRIMARY KEY, n INT) ENGINE=InnoDB; INSERT INTO words VALUES ('b', 1)");
        await using var sink = target.Sink();
        await sink.PrepareAsync([shape], default);
        await using var lane = await sink.OpenLaneAsync(Identity(), default);

        var written = await WriteAsync(lane, Index(1, shape, "a", 1), Index(2, shape, "🎁", 1));
        var deleted = await WriteAsync(lane, Delete(3, shape, "🎁", 1), Delete(4, shape, "b", 1));

        Assert.Equal([null, "1366"], written.Select(answer => answer.Cause));
        Assert.Equal([ofDelete, null], deleted.Select(answer => answer.Cause));
        Assert.Equal(["a 1"], await target.AskAsync("SELECT * FROM words"));
    }

    [Theory]
    [InlineData(TestProduct.MariaDb)]
    [InlineData(TestProduct.MySql9)]
    public async Task A_packet_limit_that_is_lowered_while_lanes_write_is_learned_by_connecting_again(TestProduct product)
    {
        await using var server = await TestServer.StartAsync(product);
        var target = new SinkTarget(server);
        var shape = Shape("big", Schema(new() { Name = "id", Kind = ColumnKind.Int32, Nullable = false }, new() { Name = "text", Kind = ColumnKind.String, Length = 1_000_000 }));
        await using var sink = target.Sink();
        await sink.PrepareAsync([shape], default);
        await server.ExecuteAsync("SET GLOBAL max_allowed_packet = 4096");
        Operation[] batch = [Index(1, shape, 1, "a"), Index(2, shape, 2, new string('x', 6_000)), Index(3, shape, 3, "b")];

        await using var lane = await sink.OpenLaneAsync(Identity(), default);
        var answers = await WriteAsync(lane, batch);

        Assert.Equal([AnswerKind.Applied, AnswerKind.Refused, AnswerKind.Applied], answers.Select(answer => answer.Kind));
        Assert.EndsWith("the server's max_allowed_packet is 4096.", answers[1].Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_column_that_needs_a_value_and_is_not_delivered_blocks()
    {
        var target = new SinkTarget(await TestServer.SharedAsync(TestProduct.MariaDb));
        await target.RunAsync("CREATE TABLE notes (id INT PRIMARY KEY, note VARCHAR(20), more INT NOT NULL)");

        var error = await Assert.ThrowsAsync<PauseException>(() => target.WriteAsync([NotesShape], Index(1, NotesShape, 1, "a")));

        Assert.EndsWith("Field 'more' doesn't have a default value (error 1364).", error.What, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(TestProduct.MariaDb)]
    [InlineData(TestProduct.MySql9)]
    public async Task A_delivered_column_that_the_target_computes_blocks_with_its_name(TestProduct product)
    {
        var target = new SinkTarget(await TestServer.SharedAsync(product));
        await target.RunAsync("CREATE TABLE notes (id INT PRIMARY KEY, note VARCHAR(20) AS (CONCAT('n', id)) STORED, made DATETIME DEFAULT CURRENT_TIMESTAMP)");
        await using var sink = target.Sink();

        var finding = Assert.Single(await sink.CheckAsync([NotesShape], default), finding => finding.Severity == Severity.Error);
        var error = await Assert.ThrowsAsync<PauseException>(async () => await sink.PrepareAsync([NotesShape], default));

        Assert.Equal($"Sink of pipeline 'p': the column 'note' of the target table {target.Database}.notes is generated by the server and cannot be written.", error.What);
        Assert.Equal(error.What, finding.Message);
    }

    [Theory]
    [InlineData("DROP TABLE notes", "1146")]
    [InlineData("ALTER TABLE notes DROP COLUMN note", "1054")]
    [InlineData("REVOKE INSERT ON {0}.* FROM '{0}'@'%'", "1142")]
    [InlineData("DROP DATABASE {0}", "1146", "1049")]
    public async Task What_only_a_person_can_lift_blocks_with_the_number_and_delivery_goes_on_afterwards(string accident, string mariaDb, string? mySql = null)
    {
        foreach (var product in new[] { TestProduct.MariaDb, TestProduct.MySql9 })
        {
            var server = await TestServer.SharedAsync(product);
            var target = new SinkTarget(server);
            var user = target.Database;
            await target.RunAsync($"CREATE USER '{user}'@'%' IDENTIFIED BY 'geheim'; GRANT SELECT, INSERT, UPDATE, DELETE, CREATE ON {user}.* TO '{user}'@'%'");
            var endpoint = server.Endpoint with { User = user, Password = "geheim", AllowPublicKeyRetrieval = true };
            await using var sink = target.Sink(target.Options with { Endpoint = endpoint });
            await sink.PrepareAsync([NotesShape], default);
            await using var lane = await sink.OpenLaneAsync(Identity(), default);
            await WriteAsync(lane, Index(1, NotesShape, 1, "a"));
            await target.RunAsync(string.Format(CultureInfo.InvariantCulture, accident, user));

            var error = await Assert.ThrowsAsync<PauseException>(() => WriteAsync(lane, Index(2, NotesShape, 2, "b")));

            Assert.Equal(new ErrorCode(4110), error.Code);
            var number = product == TestProduct.MariaDb ? mariaDb : mySql ?? mariaDb;
            Assert.Contains($"(error {number}).", error.What, StringComparison.Ordinal);
            await target.RunAsync($"DROP DATABASE {user}");
            await target.RunAsync($"GRANT INSERT ON {user}.* TO '{user}'@'%'");
            await sink.PrepareAsync([NotesShape], default);
            await using var again = await sink.OpenLaneAsync(Identity(), default);
            Assert.Equal([Answer.Applied], await WriteAsync(again, Index(2, NotesShape, 2, "b")));
        }
    }

    [Fact]
    public async Task A_full_tablespace_blocks()
    {
        await using var server = await TestServer.StartAsync(TestProduct.MariaDb, "--innodb-file-per-table=0", "--innodb-data-file-path=ibdata1:12M:autoextend:max:16M");
        var target = new SinkTarget(server);
        var shape = Shape("big", Schema(new() { Name = "id", Kind = ColumnKind.Int32, Nullable = false }, new() { Name = "raw", Kind = ColumnKind.Binary, Length = 100_000 }));
        await using var sink = target.Sink();
        await sink.PrepareAsync([shape], default);
        await using var lane = await sink.OpenLaneAsync(Identity(), default);

        var error = await Assert.ThrowsAsync<PauseException>(async () =>
        {
            for (var i = 0; i < 1_000; i++)
                await WriteAsync(lane, Index(i, shape, i, new byte[60_000]));
        });

        Assert.EndsWith("' is full (error 1114).", error.What, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(TestProduct.MariaDb)]
    [InlineData(TestProduct.MySql9)]
    public async Task Read_only_for_a_while_is_a_passing_condition(TestProduct product)
    {
        await using var server = await TestServer.StartAsync(product);
        var target = new SinkTarget(server);
        await target.RunAsync("CREATE USER plain@'%' IDENTIFIED BY 'geheim'; GRANT SELECT, INSERT, UPDATE, DELETE, CREATE ON *.* TO plain@'%'");
        await using var sink = target.Sink(target.Options with { Endpoint = server.Endpoint with { User = "plain", Password = "geheim", AllowPublicKeyRetrieval = true } });
        await sink.PrepareAsync([NotesShape], default);
        await using var lane = await sink.OpenLaneAsync(Identity(), default);
        await target.RunAsync("SET GLOBAL read_only = 1");

        var error = await Assert.ThrowsAsync<RetriableException>(() => WriteAsync(lane, Index(1, NotesShape, 1, "a")));
        await target.RunAsync("SET GLOBAL read_only = 0");
        await using var again = await sink.OpenLaneAsync(Identity(), default);
        var answers = await WriteAsync(again, Index(1, NotesShape, 1, "a"));

        Assert.Equal(new ErrorCode(4109), error.Code);
        Assert.Contains("--read-only option so it cannot execute this statement (error 1290)", error.Message, StringComparison.Ordinal);
        Assert.False(error.IsBusy);
        Assert.Equal([Answer.Applied], answers);
    }

    [Fact]
    public async Task Too_many_connections_ask_for_less()
    {
        await using var server = await TestServer.StartAsync(TestProduct.MariaDb, "--max-connections=10");
        var target = new SinkTarget(server);
        await target.RunAsync("CREATE USER plain@'%' IDENTIFIED BY 'geheim'; GRANT SELECT, INSERT, UPDATE, DELETE, CREATE ON *.* TO plain@'%'");
        var endpoint = server.Endpoint with { User = "plain", Password = "geheim" };
        await using var sink = target.Sink(target.Options with { Endpoint = endpoint });
        await sink.PrepareAsync([NotesShape], default);
        var others = new List<MySqlConnection>();
        try
        {
            RetriableException? error = null;
            while (error is null)
            {
                try
                {
                    others.Add(await MySqlConnection.OpenAsync(endpoint, TimeProvider.System, default));
                }
                catch (MySqlServerException)
                {
                    error = await Assert.ThrowsAsync<RetriableException>(async () => await sink.OpenLaneAsync(Identity(), default));
                }
            }

            Assert.Equal($"Sink of pipeline 'p' is turned away by {endpoint.Address}: Too many connections.", error.What);
            Assert.True(error.IsBusy);
        }
        finally
        {
            foreach (var other in others)
                await other.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_deadlock_is_tried_again_at_once()
    {
        await using var server = await TestServer.StartAsync(TestProduct.MariaDb);
        var target = new SinkTarget(server);
        await using var sink = target.Sink();
        await sink.PrepareAsync([NotesShape], default);
        await using var lane = await sink.OpenLaneAsync(Identity(), default);
        await WriteAsync(lane, [.. Enumerable.Range(1, 100).Select(i => Index(i, NotesShape, i, "a"))]);

        // The lane takes row 1 and waits for row 2; then the other session, which has more to lose, asks for row 1.
        await using var other = await server.OpenAsync();
        await other.ExecuteAsync($"START TRANSACTION; UPDATE {target.Database}.notes SET note = 'other' WHERE id > 1", default);
        var writing = WriteAsync(lane, Index(101, NotesShape, 1, "lane"), Index(102, NotesShape, 2, "lane"));
        while ((await server.QueryAsync("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'"))[0][1] == "0")
            continue; // the server's own word for it
        await other.ExecuteAsync($"UPDATE {target.Database}.notes SET note = 'other' WHERE id = 1", default);
        Assert.Equal("1", (await server.QueryAsync("SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'"))[0][1]);
        await other.ExecuteAsync("COMMIT", default);

        Assert.Equal([Answer.Applied, Answer.Applied], await writing);
        Assert.Equal(["1 lane", "2 lane", "3 other"], await target.AskAsync("SELECT * FROM notes WHERE id < 4 ORDER BY id"));
    }

    [Fact]
    public async Task A_server_that_dies_with_a_batch_under_way_gets_it_again()
    {
        await using var server = await TestServer.StartAsync(TestProduct.MariaDb);
        var target = new SinkTarget(server);
        await using var sink = target.Sink();
        await sink.PrepareAsync([NotesShape], default);
        await using var lane = await sink.OpenLaneAsync(Identity(), default);
        await WriteAsync(lane, Index(1, NotesShape, 1, "a"));
        await using (var holder = await server.OpenAsync())
        {
            await holder.ExecuteAsync($"START TRANSACTION; UPDATE {target.Database}.notes SET note = 'held'", default);
            var writing = WriteAsync(lane, Index(2, NotesShape, 1, "b"));
            while ((await server.QueryAsync("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'"))[0][1] == "0")
                continue; // the server's own word for it
            await server.KillAsync();
            await Assert.ThrowsAsync<RetriableException>(() => writing);
        }

        await Assert.ThrowsAsync<RetriableException>(async () => await sink.OpenLaneAsync(Identity(), default));
        await server.RestartAsync();
        await using var again = await sink.OpenLaneAsync(Identity(laneOffset: 1), default);

        Assert.Equal(1, again.CommittedOffset);
        Assert.Equal([Answer.Applied], await WriteAsync(again, Index(2, NotesShape, 1, "b")));
        Assert.Equal(["1 b"], await target.AskAsync("SELECT * FROM notes"));
    }
}
