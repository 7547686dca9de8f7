using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.IntegrationTests.MySql.Servers;
using Xunit;

namespace Leat.IntegrationTests.MySql;

/// <summary>Tables that keep their history: what is told is what became of the current rows.</summary>
public sealed class SystemVersionedTests
{
    private const string Implicit = "CREATE TABLE t (id INT PRIMARY KEY, a INT) WITH SYSTEM VERSIONING";
    private const string Explicit =
        "CREATE TABLE t (id INT PRIMARY KEY, a INT, s TIMESTAMP(6) GENERATED ALWAYS AS ROW START, e TIMESTAMP(6) GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING";

    private const string Statements =
        "INSERT INTO t (id, a) VALUES (1, 1), (2, 2), (3, 3); UPDATE t SET a = 5 WHERE id = 1; DELETE FROM t WHERE id = 2; UPDATE t SET a = 4 WHERE id = 3; "
        + "UPDATE t SET id = 9 WHERE id = 3; INSERT INTO t (id, a) VALUES (9, 0) ON DUPLICATE KEY UPDATE a = 77; DELETE HISTORY FROM t; "
        + "BEGIN; INSERT INTO t (id, a) VALUES (7, 7); UPDATE t SET a = 8 WHERE id = 7; DELETE FROM t WHERE id = 7; COMMIT";

    private static readonly string[] Logical =
    [
        "Insert t (1,1)", "Insert t (2,2)", "Insert t (3,3)", "Update t (1,1) (1,5)", "Delete t (2,2)", "Update t (3,3) (3,4)",
        "Update t (3,4) (9,4)", "Update t (9,4) (9,77)", "Insert t (7,7)", "Update t (7,7) (7,8)", "Delete t (7,8)",
    ];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<TestProduct> MariaDbs => [TestProduct.MariaDb, TestProduct.MariaDb11];

    [Theory]
    [Trait("case", "10")]
    [MemberData(nameof(MariaDbs))]
    public async Task Statements_are_told_as_changes_of_the_current_row(TestProduct product)
    {
        var changes = await CaptureAsync(await TestServer.SharedAsync(product), Implicit, Statements);

        Assert.Equal(Logical, changes.Select(change => change.ToString()));
        Assert.All(changes, change => Assert.Equal(["id", "a"], change.Schema.Columns.Select(column => column.Name)));
    }

    [Theory]
    [Trait("case", "10")]
    [MemberData(nameof(MariaDbs))]
    public async Task Columns_of_the_tables_own_that_say_when_are_told_like_any_other(TestProduct product)
    {
        var changes = await CaptureAsync(await TestServer.SharedAsync(product), Explicit, Statements);

        Assert.Equal(Logical, changes.Select(Short));
        Assert.All(changes, change => Assert.Equal([0], change.Schema.Key));
        Assert.All(changes, change => Assert.Equal(["id", "a", "s", "e"], change.Schema.Columns.Select(column => column.Name)));
    }

    [Theory]
    [Trait("case", "10")]
    [InlineData(TestProduct.MariaDb, "MINIMAL")]
    [InlineData(TestProduct.MariaDb11, "NOBLOB")]
    public async Task Minimal_images_and_no_metadata_tell_the_same_changes(TestProduct product, string image)
    {
        await using var server = await TestServer.StartAsync(product, "--binlog-row-metadata=NO_LOG", $"--binlog-row-image={image}");

        var changes = await CaptureAsync(server, Implicit, Statements);

        Assert.Equal(
            Logical.Select(change => change[..change.IndexOf('(', StringComparison.Ordinal)]),
            changes.Select(change => change.ToString()[..change.ToString().IndexOf('(', StringComparison.Ordinal)]));
        Assert.Equal("Update t (1,1) (1,5)".Replace("1,1", image == "MINIMAL" ? "1,…" : "1,1", StringComparison.Ordinal), changes[3].ToString());
    }

    [Theory]
    [Trait("case", "10")]
    [InlineData(TestProduct.MariaDb, Implicit)]
    [InlineData(TestProduct.MariaDb, Explicit)]
    [InlineData(TestProduct.MariaDb11, Implicit)]
    [InlineData(TestProduct.MariaDb11, Explicit)]
    public async Task A_snapshot_reads_the_current_rows_as_the_stream_tells_them(TestProduct product, string table)
    {
        var server = await TestServer.SharedAsync(product);
        var streamed = CaptureAsync(server, table, Statements, out var database);
        await streamed;
        await using var source = server.Source(database, SnapshotMode.Initial);
        var read = new Recorder();
        await source.RunAsync(new() { Until = await source.CurrentPositionAsync(Token) }, read, Token);

        var rows = new Recorder();
        rows.Transactions.Add(("", [.. await streamed]));
        Assert.Equal(rows.Fold(), read.Fold());
        Assert.Equal(2, read.Changes.Count());
        Assert.Equal((await streamed)[0].Schema, read.Changes.First().Schema);
    }

    [Theory]
    [Trait("case", "10")]
    [MemberData(nameof(MariaDbs))]
    public async Task History_that_begins_and_ends_by_alter_is_followed(TestProduct product)
    {
        var changes = await CaptureAsync(
            await TestServer.SharedAsync(product), "CREATE TABLE t (id INT PRIMARY KEY, a INT)",
            "INSERT INTO t VALUES (1, 1); ALTER TABLE t ADD SYSTEM VERSIONING; UPDATE t SET a = 2; DELETE FROM t");

        Assert.Equal(["Insert t (1,1)", "Update t (1,1) (1,2)", "Delete t (1,2)"], changes.Select(change => change.ToString()));
    }

    [Theory]
    [Trait("case", "10")]
    [InlineData(TestProduct.MariaDb, Implicit, "FULL")]
    [InlineData(TestProduct.MariaDb11, Implicit, "NO_LOG")]
    [InlineData(TestProduct.MariaDb11, Explicit, "FULL")]
    [InlineData(TestProduct.MariaDb, Explicit, "NO_LOG")]
    public async Task A_table_that_keeps_its_history_no_more_goes_on(TestProduct product, string table, string metadata)
    {
        await using var server = await TestServer.StartAsync(product, $"--binlog-row-metadata={metadata}");
        var database = server.NextDatabase();
        await server.ExecuteAsync($"CREATE DATABASE {database}; USE {database}; {table}");
        await using var source = server.Source(database);
        var recorder = new Recorder();
        await source.RunAsync(new() { Until = await source.CurrentPositionAsync(Token) }, recorder, Token);
        await server.ExecuteAsync(
            $"USE {database}; SET system_versioning_alter_history = KEEP; INSERT INTO t (id, a) VALUES (1, 1), (2, 2); UPDATE t SET a = 3 WHERE id = 1; "
            + $"ALTER TABLE t DROP SYSTEM VERSIONING{(table == Explicit ? ", DROP COLUMN s, DROP COLUMN e" : "")}; UPDATE t SET a = 4 WHERE id = 1; DELETE FROM t WHERE id = 2");
        await source.RunAsync(new() { From = recorder.Position, Until = await source.CurrentPositionAsync(Token) }, recorder, Token);
        var changes = recorder.Changes.ToList();

        Assert.Equal(["Insert t (1,1)", "Insert t (2,2)", "Update t (1,1) (1,3)", "Update t (1,3) (1,4)", "Delete t (2,2)"], changes.Select(Short));
        Assert.All(changes, change => Assert.Equal([0], change.Schema.Key));
    }

    [Fact]
    [Trait("case", "10")]
    public async Task History_by_transaction_numbers_is_refused_by_name()
    {
        var server = await TestServer.SharedAsync(TestProduct.MariaDb);
        var error = await Assert.ThrowsAsync<PauseException>(() => CaptureAsync(
            server, Explicit.Replace("TIMESTAMP(6)", "BIGINT UNSIGNED", StringComparison.Ordinal), "INSERT INTO t (id, a) VALUES (1, 1)", out _));

        Assert.EndsWith(
            ".t cannot be captured yet: its history is kept by transaction numbers, for which the server logs statements instead of rows. "
            + $"Take {error.Message.Split(' ')[2]} out of 'tables', or change it to something that TYPES.md lists. [LEAT-4028]", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [Trait("case", "10")]
    [MemberData(nameof(MariaDbs))]
    public async Task Replace_leaves_the_new_row(TestProduct product)
    {
        // One product ends the row and begins another, the other changes it.
        var recorder = new Recorder();
        recorder.Transactions.Add(("", await CaptureAsync(
            await TestServer.SharedAsync(product), Implicit, "INSERT INTO t VALUES (1, 1), (2, 2); REPLACE INTO t VALUES (2, 3), (4, 4)")));

        Assert.Equal(["1,1", "2,3", "4,4"], recorder.Fold().Values);
    }

    private static string Short(Recorded change) => System.Text.RegularExpressions.Regex.Replace(change.ToString(), @",\d{4}-[^)]*\)", ")");

    private static Task<List<Recorded>> CaptureAsync(TestServer server, string table, string statements) => CaptureAsync(server, table, statements, out _);

    private static Task<List<Recorded>> CaptureAsync(TestServer server, string table, string statements, out string database) =>
        CaptureInAsync(server, database = server.NextDatabase(), table, statements);

    private static async Task<List<Recorded>> CaptureInAsync(TestServer server, string database, string table, string statements)
    {
        await server.ExecuteAsync($"CREATE DATABASE {database}; USE {database}; {table}");
        await using var source = server.Source(database);
        var start = await source.CurrentPositionAsync(Token);
        await server.ExecuteAsync($"USE {database}; {statements}");
        var recorder = new Recorder();
        await source.RunAsync(new() { From = start, Until = await source.CurrentPositionAsync(Token) }, recorder, Token);
        return [.. recorder.Changes];
    }
}
