using System.Globalization;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Connectors.MySql;
using Xunit;

namespace Leat.IntegrationTests.MySql;

/// <summary>The first reading of tables beside a running stream.</summary>
public sealed class SnapshotTests(MariaDbFixture maria) : IClassFixture<MariaDbFixture>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Under_concurrent_writes_the_changes_fold_to_exactly_the_table()
    {
        var database = await ShopAsync(rows: 3_000);
        var source = maria.Source(database, SnapshotMode.Initial, chunkRows: 100);
        var recorder = new Recorder();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var running = source.RunAsync(new(), recorder, stop.Token).AsTask();
        var writers = Enumerable.Range(0, 3).Select(seed => WriteAsync(database, seed, transactions: 250)).ToArray();
        await Task.WhenAll(writers);
        var passed = recorder.WhenPassedAsync(await source.CurrentPositionAsync(Token));
        await maria.ExecuteAsync($"INSERT INTO {database}.a VALUES (1000000, 'end', 0)");
        await Task.WhenAny(passed, running);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);

        Assert.Contains(recorder.Changes, change => change.Kind != ChangeKind.Read);
        var folded = recorder.Fold();
        folded.Remove($"{database}.a:1000000");
        await SameAsTablesAsync(source, folded, [$"{database}.a:1000000"]);
        NothingIsReadTwice(recorder.Changes);
    }

    [Fact]
    public async Task A_crash_after_any_chunk_goes_on_where_it_was()
    {
        var database = await ShopAsync(rows: 500);
        var source = maria.Source(database, SnapshotMode.Initial, chunkRows: 60);
        var all = new Recorder();
        SourcePosition? from = null;
        var crashes = 0;
        for (var isOver = false; !isOver;)
        {
            await WriteAsync(database, seed: crashes, transactions: 5);
            var until = await source.CurrentPositionAsync(Token);
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
            var part = new Recorder { OnCommit = recorder => (recorder.Changes.Any(change => change.Kind == ChangeKind.Read) ? stop : null)?.Cancel() };
            try
            {
                await source.RunAsync(new() { From = from, Until = until }, part, stop.Token);
                isOver = true;
            }
            catch (OperationCanceledException)
            {
                crashes++;
            }

            all.Transactions.AddRange(part.Transactions);
            from = part.Position ?? from;
        }

        Assert.True(crashes >= 8, $"{crashes} crashes");
        Assert.DoesNotContain("snapshot", from?.Text, StringComparison.Ordinal);
        await SameAsTablesAsync(source, all.Fold(), []);
        NothingIsReadTwice(all.Changes);
    }

    [Fact]
    public async Task An_idle_server_is_read_without_waiting_and_progress_is_told()
    {
        var database = await ShopAsync(rows: 250);
        var source = maria.Source(database, SnapshotMode.Initial, chunkRows: 100);
        var recorder = new Recorder();

        await source.RunAsync(new() { Until = await source.CurrentPositionAsync(Token) }, recorder, Token);

        // Two readers: whoever is done first comes first.
        Assert.Equal([50, 50, 100, 100, 100, 100], recorder.Transactions.Select(transaction => transaction.Changes.Count).Order());
        Assert.Equal(
            (null, 3, 3, 500L),
            (recorder.LastProgress?.Table, recorder.LastProgress?.TablesDone, recorder.LastProgress?.Tables, recorder.LastProgress?.RowsDone));
        await SameAsTablesAsync(source, recorder.Fold(), []);
    }

    [Theory]
    [InlineData("a VARCHAR(20) COLLATE utf8mb4_general_ci, b INT", "SELECT CONCAT(CHAR(97 + seq % 20), seq % 50, IF(seq % 2, '\\\\', '''é')), seq FROM seq_1_to_300")]
    [InlineData("a VARCHAR(20) CHARACTER SET latin1, b DATE", "SELECT CONCAT('ü', seq % 9), '2020-01-01' + INTERVAL seq DAY FROM seq_1_to_300")]
    [InlineData("a ENUM('z','b','a'), b DECIMAL(10,3)", "SELECT 1 + seq % 3, (seq - 150) / 7 FROM seq_1_to_300")]
    [InlineData("a VARBINARY(4), b SET('x','y')", "SELECT UNHEX(HEX(seq)), seq % 4 FROM seq_1_to_300")]
    [InlineData("a DATETIME(3), b BIT(20)", "SELECT '2020-01-01' + INTERVAL seq % 5 SECOND, seq FROM seq_1_to_300")]
    [InlineData("a TIME(2), b DOUBLE", "SELECT SEC_TO_TIME(seq % 5 - 2), (seq - 100) / 3 FROM seq_1_to_300")]
    [InlineData("a TIMESTAMP(6), b BIGINT UNSIGNED", "SELECT '2024-03-31 02:30:00' + INTERVAL seq % 3 HOUR, 9223372036854775807 + CAST(seq AS UNSIGNED) FROM seq_1_to_300")]
    [InlineData("a TINYINT, b YEAR", "SELECT seq % 256 - 128, 1901 + seq % 250 FROM seq_1_to_300")]
    public async Task Keys_of_every_kind_are_paged_completely(string columns, string rows)
    {
        var database = maria.NextDatabase();
        await maria.ExecuteAsync($"CREATE DATABASE {database} CHARACTER SET utf8mb4; USE {database}; SET time_zone = '+00:00', sql_mode = 'NO_UNSIGNED_SUBTRACTION'; CREATE TABLE {database}.k ({columns}, PRIMARY KEY (a, b)); INSERT IGNORE INTO {database}.k {rows}");
        var source = maria.Source(database, SnapshotMode.Initial, chunkRows: 7);
        var recorder = new Recorder();

        await source.RunAsync(new() { Until = await source.CurrentPositionAsync(Token) }, recorder, Token);

        await using var connection = await maria.OpenAsync();
        await using var count = await connection.QueryAsync($"SELECT COUNT(*) FROM {database}.k", Token);
        await count.ReadRowAsync(Token);
        Assert.True(count.Number(0) > 200);
        Assert.Equal(count.Number(0), recorder.Changes.Count());
        NothingIsReadTwice(recorder.Changes);
    }

    private async Task<string> ShopAsync(int rows)
    {
        var database = maria.NextDatabase();
        await maria.ExecuteAsync(
            $"CREATE DATABASE {database} CHARACTER SET utf8mb4; USE {database}; CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(40), n INT); "
            + "CREATE TABLE b (x INT, y INT, v INT, PRIMARY KEY (x, y)); CREATE TABLE nothing (id INT PRIMARY KEY); "
            + $"INSERT INTO a SELECT seq, MD5(seq), 0 FROM seq_1_to_{rows}; INSERT INTO b SELECT seq % 10, seq, 0 FROM seq_1_to_{rows}");
        return database;
    }

    private async Task WriteAsync(string database, int seed, int transactions)
    {
        var random = new Random(seed);
        await using var connection = await maria.OpenAsync();
        await connection.ExecuteAsync($"USE {database}", Token);
        for (var i = 0; i < transactions; i++)
        {
            var id = random.Next(3_200).ToString(CultureInfo.InvariantCulture);
            var other = random.Next(3_200).ToString(CultureInfo.InvariantCulture);
            var statement = random.Next(5) switch
            {
                0 => $"REPLACE INTO a VALUES ({id}, 'new', {i})",
                1 => $"DELETE FROM a WHERE id = {id}",
                2 => $"UPDATE IGNORE a SET id = {other} WHERE id = {id}",
                3 => $"UPDATE b SET v = v + 1 WHERE y BETWEEN {id} AND {id} + 5",
                _ => $"UPDATE a SET n = n + 1 WHERE id BETWEEN {id} AND {id} + 20",
            };
            try
            {
                await connection.ExecuteAsync($"BEGIN; {statement}; UPDATE a SET n = n + 1 WHERE id = {other}; {(random.Next(10) == 0 ? "ROLLBACK" : "COMMIT")}", Token);
            }
            catch (Leat.Connectors.MySql.Wire.MySqlServerException deadlock) when (deadlock.Code == 1213)
            {
                await connection.ExecuteAsync("ROLLBACK", Token); // two writers met; the transaction is simply not made
            }
        }
    }

    private static async Task SameAsTablesAsync(MySqlSource source, SortedDictionary<string, string> folded, string[] except)
    {
        var there = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var table in await source.TablesAsync(Token))
        {
            await foreach (var row in source.ReadTableAsync(table, captured: null, Token))
            {
                var change = new Recorded(ChangeKind.Read, row.Schema, [], row.Row.ToArray());
                there[change.Key(change.After)] = string.Join(',', change.Values(change.After).Select(value => value ?? "NULL"));
            }
        }

        foreach (var key in except)
            there.Remove(key);
        Assert.Equal(there, folded);
    }

    // A key is read at most once, unless a change moved it on to a key that the cursor had not reached.
    private static void NothingIsReadTwice(IEnumerable<Recorded> changes)
    {
        var keys = changes.Where(change => change.Kind == ChangeKind.Read).Select(change => change.Key(change.After)).ToList();
        Assert.Equal(keys.Distinct().Count(), keys.Count);
    }
}
