using Leat.Changes;
using Leat.IntegrationTests.MySql.Servers;
using Xunit;
using static Leat.IntegrationTests.MySql.SinkTarget;

namespace Leat.IntegrationTests.MySql;

/// <summary>Tables with a unique index beside the primary key: what the pipeline is told of them, and values that pass from row to row.</summary>
public sealed class MySqlSinkUniqueTests(MariaDbFixture server) : IClassFixture<MariaDbFixture>
{
    private static readonly TableSchema Notes = Schema(
        new() { Name = "id", Kind = ColumnKind.Int32, Nullable = false }, new() { Name = "note", Kind = ColumnKind.String, Length = 50 },
        new() { Name = "n", Kind = ColumnKind.Int32 });

    private static readonly Shape NotesShape = Shape("notes", Notes);

    private readonly SinkTarget _target = new(server);

    // One transaction that swaps x and y between 1 and 2, one that passes a, b, c on in a ring, one that frees z by a delete and takes it by an insert.
    private static Operation[][] Transactions =>
    [
        [Change(10, NotesShape, [1, "x", 0], 1, "temporary", 0), Change(11, NotesShape, [2, "y", 0], 2, "x", 0), Change(12, NotesShape, [1, "temporary", 0], 1, "y", 0)],
        [
            Change(20, NotesShape, [3, "a", 0], 3, null, 0), Change(21, NotesShape, [4, "b", 0], 4, "a", 0), Change(22, NotesShape, [5, "c", 0], 5, "b", 1),
            Change(23, NotesShape, [3, null, 0], 3, "c", 0),
        ],
        [Delete(30, NotesShape, 6, "z", 0), Index(31, NotesShape, 7, "z", 0), Change(32, NotesShape, [7, "z", 0], 7, "z", 9)],
    ];

    private static Operation[] HandOvers => [.. Transactions.SelectMany(operations => operations)];

    // After each operation of the three transactions a batch may end or not: every such choice for one transaction, the others whole.
    public static TheoryData<TestProduct, int> SplitsOnServers
    {
        get
        {
            var all = new TheoryData<TestProduct, int>();
            foreach (var product in new[] { TestProduct.MariaDb, TestProduct.MySql9 })
            {
                var begin = 0;
                foreach (var operations in Transactions)
                {
                    for (var split = 0; split < 1 << operations.Length; split++)
                        all.Add(product, split << begin);
                    begin += operations.Length;
                }
            }

            return all;
        }
    }

    [Theory]
    [MemberData(nameof(SplitsOnServers))]
    public async Task Values_pass_from_row_to_row_wherever_batches_end(TestProduct product, int split)
    {
        var target = new SinkTarget(await TestServer.SharedAsync(product));
        await target.RunAsync("CREATE TABLE notes (id INT PRIMARY KEY, note VARCHAR(50), n INT, UNIQUE KEY one_note (note)) ENGINE=InnoDB");
        await using var sink = target.Sink();
        await sink.PrepareAsync([NotesShape], default);
        await using var lane = await sink.OpenLaneAsync(Identity(), default);
        await WriteAsync(lane, [.. "xyabcz".Select((value, i) => Index(i + 1, NotesShape, i + 1, value.ToString(), 0))]);

        var batch = new List<Operation>();
        for (var i = 0; i < HandOvers.Length; i++)
        {
            batch.Add(HandOvers[i]);
            if (i < HandOvers.Length - 1 && (split >> i & 1) == 0)
                continue;
            var answers = await WriteAsync(lane, [.. batch]);
            Assert.DoesNotContain(answers, answer => answer.Kind == AnswerKind.Refused);
            batch.Clear();
        }

        Assert.Equal(["1 y 0", "2 x 0", "3 c 0", "4 a 0", "5 b 1", "7 z 9"], await target.AskAsync("SELECT * FROM notes ORDER BY id"));
    }

    [Fact]
    public async Task Indexes_that_compare_by_bytes_are_told_and_their_table_takes_all_lanes()
    {
        var schema = Schema(
            new() { Name = "id", Kind = ColumnKind.Int32, Nullable = false }, new() { Name = "num", Kind = ColumnKind.UInt64 },
            new() { Name = "day", Kind = ColumnKind.Date }, new() { Name = "code", Kind = ColumnKind.String, Length = 20 },
            new() { Name = "raw", Kind = ColumnKind.Binary, Length = 16 }, new() { Name = "at", Kind = ColumnKind.DateTime, Scale = 3 },
            new() { Name = "price", Kind = ColumnKind.Decimal, Precision = 8, Scale = 2 });
        await _target.RunAsync(
            "CREATE TABLE things (id INT PRIMARY KEY, num BIGINT UNSIGNED, day DATE, code VARCHAR(20) COLLATE utf8mb4_nopad_bin, raw BINARY(16), at DATETIME(6), price DECIMAL(10,2), " +
            "UNIQUE KEY a (num), UNIQUE KEY b (day, code), UNIQUE KEY c (raw), UNIQUE KEY d (at, price), UNIQUE KEY implied (num, id)) ENGINE=InnoDB");
        await using var sink = _target.Sink();

        var traits = await sink.PrepareAsync([Shape("things", schema)], default);

        Assert.Empty(traits.SerialAliases);
        Assert.Equal(["1", "2,3", "4", "5,6"], traits.UniqueKeys["things"].Select(index => string.Join(',', index)));
    }

    [Theory]
    [InlineData("VARCHAR(50) COLLATE utf8mb4_general_ci", "note", "has the column 'note' of type varchar(50), compared by utf8mb4_general_ci")]
    [InlineData("VARCHAR(50) COLLATE utf8mb4_bin", "note", "has the column 'note' of type varchar(50), compared by utf8mb4_bin")]
    [InlineData("VARCHAR(50) COLLATE utf8mb4_nopad_bin", "note(10)", "has a part that is not a delivered column")]
    [InlineData("VARCHAR(50) COLLATE utf8mb4_nopad_bin", "note, extra", "has a part that is not a delivered column")]
    [InlineData("FLOAT", "note", "has the column 'note' of type float, which does not keep all values apart")]
    public async Task An_index_that_may_take_two_values_for_one_makes_its_table_serial(string type, string parts, string reason)
    {
        await _target.RunAsync($"CREATE TABLE notes (id INT PRIMARY KEY, note {type}, n INT, extra INT DEFAULT 1, UNIQUE KEY one_note ({parts})) ENGINE=InnoDB");
        await using var sink = _target.Sink();

        var findings = await sink.CheckAsync([NotesShape], default);
        var traits = await sink.PrepareAsync([NotesShape], default);

        Assert.Equal(["notes"], traits.SerialAliases);
        Assert.Empty(traits.UniqueKeys);
        var finding = Assert.Single(findings, finding => finding.Severity == Severity.Warning);
        Assert.Equal($"The target table {_target.Database}.notes is written by one lane: the unique index 'one_note' {reason}.", finding.Message);
    }

    [Theory]
    [InlineData(TestProduct.MariaDb, "INT PRIMARY KEY AUTO_INCREMENT", "100")]
    [InlineData(TestProduct.MySql9, "INT PRIMARY KEY AUTO_INCREMENT", "100")]
    [InlineData(TestProduct.MySql56, "INT PRIMARY KEY AUTO_INCREMENT", "100")]
    [InlineData(TestProduct.MariaDb, "TIMESTAMP(0) PRIMARY KEY", "1970-01-01 00:01:40")]
    [InlineData(TestProduct.MySql9, "TIMESTAMP(0) PRIMARY KEY", "1970-01-01 00:01:40")]
    public async Task An_upsert_that_meets_another_row_changes_nothing_of_it_whatever_the_key_is(TestProduct product, string key, string other)
    {
        var target = new SinkTarget(await TestServer.SharedAsync(product));
        var isTime = key.StartsWith("TIMESTAMP", StringComparison.Ordinal);
        var shape = Shape("notes", Schema(
            new() { Name = "id", Kind = isTime ? ColumnKind.Timestamp : ColumnKind.Int32, Nullable = false }, new() { Name = "note", Kind = ColumnKind.String, Length = 50 },
            new() { Name = "n", Kind = ColumnKind.Int32 }));
        await target.RunAsync($"SET time_zone = '+00:00'; CREATE TABLE notes (id {key}, note VARCHAR(50), n INT, UNIQUE KEY one_note (note)) ENGINE=InnoDB; INSERT INTO notes VALUES ('{other}', 'taken', 0)");
        object Key(int seconds) => isTime ? seconds * 1_000_000L : seconds;

        var answers = await target.WriteAsync([shape], Change(1, shape, [Key(200), "taken", 0], Key(200), "taken", 1), Index(2, shape, Key(300), "free", 2));

        Assert.Equal(("1062", "1062 (23000): A row with another key has one of its unique values"), (answers[0].Cause, answers[0].Reason));
        Assert.Equal(AnswerKind.Applied, answers[1].Kind);
        Assert.Equal(["taken 0 1", "free 2 1"], await target.AskAsync($"SELECT note, n, id IN ('{other}', {(isTime ? "FROM_UNIXTIME(300)" : "300")}) FROM notes ORDER BY n"));
    }

    [Fact]
    public async Task A_unique_index_that_comes_while_lanes_write_is_seen_at_the_first_row_in_its_way()
    {
        await _target.RunAsync("CREATE TABLE notes (id INT PRIMARY KEY, note VARCHAR(50) COLLATE utf8mb4_nopad_bin, n INT) ENGINE=InnoDB");
        await using var sink = _target.Sink();
        Assert.Empty((await sink.PrepareAsync([NotesShape], default)).UniqueKeys);
        await using (var lane = await sink.OpenLaneAsync(Identity(), default))
        {
            await WriteAsync(lane, Index(1, NotesShape, 1, "a", 0), Index(2, NotesShape, 2, "b", 0));
            await _target.RunAsync("ALTER TABLE notes ADD UNIQUE KEY one_note (note)");

            // 1 has not given the value up yet, in another lane.
            var error = await Assert.ThrowsAsync<RetriableException>(() => WriteAsync(lane, Index(3, NotesShape, 2, "a", 1)));
            Assert.Equal((true, $"Sink of pipeline 'p': the target table {_target.Database}.notes has other unique indexes or foreign keys than when it was looked at."), (error.TargetChanged, error.What));
        }

        await using var again = await sink.OpenLaneAsync(Identity(), default);
        var answers = await WriteAsync(again, Index(3, NotesShape, 2, "a", 1));
        Assert.Equal("1062", answers[0].Cause);
        Assert.Equal(["1 a 0", "2 b 0"], await _target.AskAsync("SELECT * FROM notes ORDER BY id"));
        Assert.Equal([1], Assert.Single((await sink.PrepareAsync([NotesShape], default)).UniqueKeys["notes"]));
    }

    [Fact]
    public async Task A_refused_row_keeps_what_was_there_and_hand_overs_beside_it_hold()
    {
        await _target.RunAsync("CREATE TABLE notes (id INT PRIMARY KEY, note VARCHAR(5), n INT, UNIQUE KEY one_note (note)) ENGINE=InnoDB");
        await _target.WriteAsync([NotesShape], Index(1, NotesShape, 1, "x", 0), Index(2, NotesShape, 2, "y", 0), Index(3, NotesShape, 9, "z", 0));

        var answers = await _target.WriteAsync(
            [NotesShape],
            Change(4, NotesShape, [9, "z", 0], 9, "too long", 0), Change(5, NotesShape, [1, "x", 0], 1, "tmp", 0), Change(6, NotesShape, [2, "y", 0], 2, "x", 0),
            Change(7, NotesShape, [1, "tmp", 0], 1, "y", 0), Index(8, NotesShape, 3, "c", 0));

        Assert.Equal([AnswerKind.Refused, AnswerKind.Applied, AnswerKind.Applied, AnswerKind.Applied, AnswerKind.Applied], answers.Select(answer => answer.Kind));
        Assert.Equal("1406", answers[0].Cause);
        Assert.Equal(["1 y 0", "2 x 0", "3 c 0", "9 z 0"], await _target.AskAsync("SELECT * FROM notes ORDER BY id"));
    }

    [Theory]
    [InlineData(TestProduct.MariaDb)]
    [InlineData(TestProduct.MySql9)]
    public async Task A_row_of_somebody_else_in_the_way_is_left_alone_and_told(TestProduct product)
    {
        var target = new SinkTarget(await TestServer.SharedAsync(product));
        await target.RunAsync("CREATE TABLE notes (id INT PRIMARY KEY, note VARCHAR(50), n INT, UNIQUE KEY one_note (note)) ENGINE=InnoDB; INSERT INTO notes VALUES (100, 'mine', 1)");

        var answers = await target.WriteAsync(
            [NotesShape], Index(1, NotesShape, 1, "mine", 0), Change(2, NotesShape, [2, "mine", 0], 2, "mine", 5), Index(3, NotesShape, 3, "free", 0));

        Assert.Equal([AnswerKind.Refused, AnswerKind.Refused, AnswerKind.Applied], answers.Select(answer => answer.Kind));
        Assert.All(answers[..2], answer => Assert.Equal(Answer.Refused("1062 (23000): A row with another key has one of its unique values", "1062"), answer));
        Assert.Equal(["3 free 0", "100 mine 1"], await target.AskAsync("SELECT * FROM notes ORDER BY id"));
    }

    [Fact]
    public async Task A_row_that_is_read_again_takes_its_values_from_stale_rows()
    {
        await _target.RunAsync(
            "CREATE TABLE notes (id INT PRIMARY KEY, note VARCHAR(50), n INT, UNIQUE KEY one_note (note)) ENGINE=InnoDB; INSERT INTO notes VALUES (1, 'x', 0), (2, 'y', 0)");
        Operation Again(long offset, params object?[] values) => Make(OperationKind.Index, ChangeKind.ReadAgain, offset, NotesShape, values);

        // Each chunk in a batch of its own: at the source the two have swapped their values.
        await _target.WriteAsync([NotesShape], Again(1, 1, "y", 0));
        var answers = await _target.WriteAsync([NotesShape], Again(2, 2, "x", 0));

        Assert.Equal([Answer.Applied], answers);
        Assert.Equal(["1 y 0", "2 x 0"], await _target.AskAsync("SELECT * FROM notes ORDER BY id"));
    }

    [Fact]
    public async Task Delivered_again_from_earlier_on_the_target_ends_as_it_was()
    {
        await _target.RunAsync("CREATE TABLE notes (id INT PRIMARY KEY, note VARCHAR(50), n INT, UNIQUE KEY one_note (note)) ENGINE=InnoDB");
        Operation[] all = [.. "xyabcz".Select((value, i) => Index(i + 1, NotesShape, i + 1, value.ToString(), 0)), .. HandOvers];
        await _target.WriteAsync([NotesShape], all);
        await _target.RunAsync("UPDATE leat_positions SET `offset` = 32, epoch = 0");

        await using var sink = _target.Sink();
        await sink.PrepareAsync([NotesShape], default);
        await using var lane = await sink.OpenLaneAsync(Identity(), default);
        foreach (var operation in all)
            Assert.Equal([Answer.Applied], await WriteAsync(lane, operation));

        Assert.Equal(["1 y 0", "2 x 0", "3 c 0", "4 a 0", "5 b 1", "7 z 9"], await _target.AskAsync("SELECT * FROM notes ORDER BY id"));
    }

    [Fact]
    public async Task Rows_that_others_reference_are_never_taken_away_for_a_moment()
    {
        await _target.RunAsync(
            "CREATE TABLE notes (id INT PRIMARY KEY, note VARCHAR(50), n INT, UNIQUE KEY one_note (note)) ENGINE=InnoDB; " +
            "CREATE TABLE child (id INT PRIMARY KEY, note_id INT, FOREIGN KEY (note_id) REFERENCES notes (id) ON DELETE CASCADE) ENGINE=InnoDB");
        await _target.WriteAsync([NotesShape], Index(1, NotesShape, 1, "x", 0), Index(2, NotesShape, 2, "y", 0));
        await _target.RunAsync("INSERT INTO child VALUES (1, 1), (2, 2)");

        await _target.WriteAsync([NotesShape], Change(3, NotesShape, [1, "x", 0], 1, "tmp", 0), Change(4, NotesShape, [2, "y", 0], 2, "x", 0), Change(5, NotesShape, [1, "tmp", 0], 1, "y", 0));

        Assert.Equal(["1 y 0", "2 x 0"], await _target.AskAsync("SELECT * FROM notes ORDER BY id"));
        Assert.Equal(["1 1", "2 2"], await _target.AskAsync("SELECT * FROM child ORDER BY id"));
    }
}
