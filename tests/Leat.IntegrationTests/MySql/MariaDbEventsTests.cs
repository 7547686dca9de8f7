using Leat.Changes;
using Leat.Connectors.MySql;
using Xunit;

namespace Leat.IntegrationTests.MySql;

/// <summary>Events as only MariaDB writes them, and transactions that are taken back, against a real server.</summary>
public sealed class MariaDbEventsTests(MariaDbFixture maria) : IClassFixture<MariaDbFixture>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("case", "8")]
    public async Task Compressed_events_give_the_changes_that_plain_ones_give()
    {
        const string Create = "CREATE TABLE a (id INT PRIMARY KEY, v LONGTEXT, w VARCHAR(3000))";
        const string Change = "INSERT INTO a SELECT seq, REPEAT(CHAR(64 + seq % 26), seq * 7), REPEAT('xy', seq) FROM seq_1_to_1000; UPDATE a SET v = CONCAT(v, 'end') WHERE id % 3 = 0; "
            + "INSERT INTO a VALUES (5000, REPEAT('long ', 1000000), NULL); DELETE FROM a WHERE id % 7 = 0; TRUNCATE b";
        var plain = await CaptureAsync(Create + "; CREATE TABLE b (id INT PRIMARY KEY)", Change, tables: "a");
        Recorder compressed;
        await maria.ExecuteAsync("SET GLOBAL log_bin_compress = ON, log_bin_compress_min_len = 10");
        try
        {
            compressed = await CaptureAsync(Create + "; CREATE TABLE b (id INT PRIMARY KEY)", Change, tables: "a");
        }
        finally
        {
            await maria.ExecuteAsync("SET GLOBAL log_bin_compress = OFF");
        }

        Assert.Equal(1000 + 333 + 1 + 142, compressed.Changes.Count());
        Assert.Equal(plain.Changes.Select(change => change.ToString()), compressed.Changes.Select(change => change.ToString()));
        Assert.Equal(5_000_000, compressed.Transactions[2].Changes[0].Values(compressed.Transactions[2].Changes[0].After)[1]?.Length);
    }

    [Theory]
    [Trait("case", "4")]
    [InlineData("CREATE TEMPORARY TABLE tmp (i INT); BEGIN; INSERT INTO a VALUES (1, ''); DROP TEMPORARY TABLE tmp; ROLLBACK", 1)]
    [InlineData("BEGIN; INSERT INTO a VALUES (1, ''); CREATE TEMPORARY TABLE tmp (i INT); ROLLBACK", 1)]
    [InlineData("BEGIN; INSERT INTO a VALUES (1, ''); INSERT INTO log VALUES (1); ROLLBACK", 0)]
    [InlineData("BEGIN; INSERT INTO a SELECT seq, REPEAT('x', 1000) FROM seq_10_to_10000; DELETE FROM a; CREATE TEMPORARY TABLE tmp (i INT); ROLLBACK", 1)]
    public async Task What_was_rolled_back_leaves_nothing_though_its_rows_are_in_the_binlog(string sql, int rollbacks)
    {
        var recorder = await CaptureAsync(
            "CREATE TABLE a (id INT PRIMARY KEY, v TEXT); CREATE TABLE log (id INT PRIMARY KEY) ENGINE = MyISAM", sql + "; INSERT INTO a VALUES (2, 'b')", tables: "a");

        Assert.Equal(["Insert a (2,b)"], recorder.Changes.Select(change => change.ToString()));
        Assert.Equal(rollbacks, recorder.Rollbacks);
    }

    [Fact]
    [Trait("case", "4")]
    public async Task What_a_savepoint_took_back_is_not_in_the_binlog()
    {
        var recorder = await CaptureAsync(
            "CREATE TABLE a (id INT PRIMARY KEY)",
            "BEGIN; INSERT INTO a VALUES (1); SAVEPOINT s; INSERT INTO a VALUES (2); ROLLBACK TO s; INSERT INTO a VALUES (3); SAVEPOINT s; RELEASE SAVEPOINT s; COMMIT");

        Assert.Equal(["Insert a (1)|Insert a (3)"], recorder.Transactions.Select(transaction => string.Join('|', transaction.Changes)));
    }

    [Fact]
    public async Task A_savepoint_whose_rows_stay_in_the_binlog_stops_the_source()
    {
        var error = await Assert.ThrowsAsync<PauseException>(() => CaptureAsync(
            "CREATE TABLE a (id INT PRIMARY KEY); CREATE TABLE log (id INT PRIMARY KEY) ENGINE = MyISAM",
            "BEGIN; INSERT INTO a VALUES (1); SAVEPOINT s; INSERT INTO a VALUES (2); INSERT INTO log VALUES (1); CREATE TEMPORARY TABLE tmp (i INT); ROLLBACK TO s; COMMIT", tables: "a"));

        Assert.Matches(
            "^Source 'shop': transaction 0-1-[0-9]+ undoes a part of itself \\(ROLLBACK TO SAVEPOINT\\) after rows of captured tables were logged. This comes from mixing "
            + "transactional and other tables in one transaction: convert them to InnoDB. Have the tables read again, which passes this place: `leat snapshot start FILE shop --all`. \\[LEAT-4023\\]$", error.Message);
    }

    private async Task<Recorder> CaptureAsync(string before, string captured, string tables = "*")
    {
        var database = maria.NextDatabase();
        var source = maria.Source(database, tables: tables);
        await maria.ExecuteAsync($"SET GLOBAL binlog_row_metadata = FULL; CREATE DATABASE {database} CHARACTER SET utf8mb4; USE {database}; {before}");
        var start = await source.CurrentPositionAsync(Token);
        await maria.ExecuteAsync($"USE {database}; {captured}");
        var recorder = new Recorder();
        await source.RunAsync(new() { From = start, Until = await source.CurrentPositionAsync(Token) }, recorder, Token);
        return recorder;
    }
}
