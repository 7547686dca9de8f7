using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.IntegrationTests.MySql.Servers;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.IntegrationTests.MySql;

/// <summary>A row that no record of the log can hold: its table stops the source by name, and nothing else is lost.</summary>
public sealed class LargeRowTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(TestProduct.MariaDb, "")]
    [InlineData(TestProduct.MariaDb, "SET SESSION binlog_annotate_row_events = 1;")]
    [InlineData(TestProduct.MariaDb11, "")]
    [InlineData(TestProduct.MySql9, "SET SESSION binlog_rows_query_log_events = 1;")]
    public async Task A_row_too_large_blocks_its_table_by_name_until_that_is_left_out(TestProduct product, string session)
    {
        await using var server = await TestServer.StartAsync(product, "--max-allowed-packet=256M");
        await server.ExecuteAsync("CREATE DATABASE d; CREATE TABLE d.small (id INT PRIMARY KEY, t TEXT); CREATE TABLE d.docs (id INT PRIMARY KEY, b LONGBLOB)");
        var start = await Source(server).CurrentPositionAsync(Token);
        await server.ExecuteAsync(
            session + "INSERT INTO d.small VALUES (1, 'before');"
            + "BEGIN; INSERT INTO d.small VALUES (2, 'beside'); INSERT INTO d.docs VALUES (1, REPEAT('x', 70000000)); INSERT INTO d.small VALUES (3, 'beside'); COMMIT;"
            + "INSERT INTO d.docs VALUES (2, 'y'); INSERT INTO d.small VALUES (4, 'after')");
        var until = await Source(server).CurrentPositionAsync(Token);
        var recorder = new Recorder();

        var blocked = await Assert.ThrowsAsync<PauseException>(() => Source(server).RunAsync(new() { From = start, Until = until }, recorder, Token).AsTask());
        recorder.Rollback(); // as the writer of the log does when a source stops
        var again = await Assert.ThrowsAsync<PauseException>(() => Source(server).RunAsync(new() { From = recorder.Position, Until = until }, recorder, Token).AsTask());
        recorder.Rollback();

        Assert.Matches(
            @"^Source 'shop': transaction [-:0-9a-f]+ has a change of table d\.docs that takes 700000\d\d bytes; the largest that Leat records is 67108864 bytes\. "
            + @"Add d\.docs to the source's 'exclude' and start again: nothing of the transaction was recorded, and capture goes on with its other tables at the same place\. \[LEAT-4017\]$",
            blocked.Message);
        Assert.Equal(blocked.Message, again.Message);
        Assert.Equal(["Insert small (1,before)"], recorder.Changes.Select(change => change.ToString()));

        await Source(server, "docs").RunAsync(new() { From = recorder.Position, Until = until }, recorder, Token);

        Assert.Equal(
            ["Insert small (1,before)", "Insert small (2,beside)", "Insert small (3,beside)", "Insert small (4,after)"], recorder.Changes.Select(change => change.ToString()));
    }

    [Fact]
    public async Task A_statement_too_large_beside_its_rows_is_passed_over()
    {
        await using var server = await TestServer.StartAsync(TestProduct.MariaDb, "--max-allowed-packet=256M", "--binlog-annotate-row-events=1");
        await server.ExecuteAsync("CREATE DATABASE d; CREATE TABLE d.small (id INT PRIMARY KEY, t TEXT)");
        var start = await Source(server).CurrentPositionAsync(Token);
        await server.ExecuteAsync($"INSERT INTO d.small VALUES (1, 'a'), (2, LEFT('{new string('b', 68_000_000)}', 1))");
        await server.ExecuteAsync("INSERT INTO d.small VALUES (3, 'c')");
        var recorder = new Recorder();

        await Source(server).RunAsync(new() { From = start, Until = await Source(server).CurrentPositionAsync(Token) }, recorder, Token);

        Assert.Equal(["Insert small (1,a)", "Insert small (2,b)", "Insert small (3,c)"], recorder.Changes.Select(change => change.ToString()));
    }

    [Fact]
    public async Task A_row_too_large_only_when_inflated_is_told_alike()
    {
        await using var server = await TestServer.StartAsync(TestProduct.MariaDb, "--max-allowed-packet=256M", "--log-bin-compress=1");
        await server.ExecuteAsync("CREATE DATABASE d; CREATE TABLE d.docs (id INT PRIMARY KEY, b LONGBLOB)");
        var start = await Source(server).CurrentPositionAsync(Token);
        await server.ExecuteAsync("INSERT INTO d.docs VALUES (1, REPEAT('x', 70000000))");

        var blocked = await Assert.ThrowsAsync<PauseException>(() => Source(server).RunAsync(new() { From = start }, new Recorder(), Token).AsTask());

        Assert.Contains("has a change of table d.docs that takes 700000", blocked.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_row_too_large_to_be_read_by_a_snapshot_is_told_by_its_table_until_that_is_left_out()
    {
        await using var server = await TestServer.StartAsync(TestProduct.MariaDb, "--max-allowed-packet=256M");
        await server.ExecuteAsync(
            "CREATE DATABASE d; CREATE TABLE d.docs (id INT PRIMARY KEY, b LONGBLOB); CREATE TABLE d.small (id INT PRIMARY KEY, t TEXT);"
            + "INSERT INTO d.docs VALUES (1, 'a'), (2, REPEAT('x', 70000000)); INSERT INTO d.small VALUES (1, 'there')");
        var recorder = new Recorder();

        var blocked = await Assert.ThrowsAsync<PauseException>(() => Source(server, SnapshotMode.Initial).RunAsync(new(), recorder, Token).AsTask());
        recorder.Rollback();
        var until = await Source(server).CurrentPositionAsync(Token);
        await Source(server, SnapshotMode.Initial, "docs").RunAsync(new() { From = recorder.Position, Until = until }, recorder, Token);

        Assert.Matches(
            @"^Table d\.docs has a row that takes at least \d+ bytes; the largest that Leat records is 67108864 bytes\. "
            + @"Add d\.docs to the source's 'exclude' and start again: the snapshot goes on with the other tables where it is\. \[LEAT-4019\]$",
            blocked.Message);
        Assert.Equal(["Read small (1,there)"], recorder.Changes.Select(change => change.ToString()));
    }

    private static MySqlSource Source(TestServer server, params string[] excluded) => Source(server, SnapshotMode.Never, excluded);

    private static MySqlSource Source(TestServer server, SnapshotMode snapshot, params string[] excluded) => new(
        new()
        {
            Endpoint = server.Endpoint with { MultiStatements = false }, Tables = [new("d", "*")], Snapshot = snapshot,
            Exclude = [.. excluded.Select(table => new TablePattern("d", table))],
        },
        new("shop", NullLoggerFactory.Instance, TimeProvider.System));
}
