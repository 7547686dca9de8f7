using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.IntegrationTests.MySql.Servers;
using Xunit;

namespace Leat.IntegrationTests.MySql;

/// <summary>Servers whose binlog does not tell shapes.</summary>
public sealed class SilentServers : IAsyncLifetime
{
    private readonly Dictionary<TestProduct, TestServer> _servers = [];

    /// <summary>One of each product, started when it is first asked for.</summary>
    public async Task<TestServer> GetAsync(TestProduct product)
    {
        if (_servers.TryGetValue(product, out var server))
            return server;
        return _servers[product] = await TestServer.StartAsync(
            product, product switch { TestProduct.MySql56 => [], TestProduct.MySql9 => ["--binlog-row-metadata=MINIMAL"], _ => ["--binlog-row-metadata=NO_LOG", "--binlog-alter-two-phase=ON"] });
    }

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers.Values)
            await server.DisposeAsync();
    }
}

/// <summary>The shape of a table at the position, against servers whose binlog does not tell it.</summary>
public sealed class SchemaHistoryTests(SilentServers servers) : IClassFixture<SilentServers>
{
    private const string Make = "CREATE TABLE a (id INT UNSIGNED PRIMARY KEY, v VARCHAR(5) CHARACTER SET latin1, n INT, e ENUM('x','y'))";

    public static TheoryData<TestProduct> Products => [TestProduct.MariaDb, TestProduct.MariaDb11, TestProduct.MySql56, TestProduct.MySql9];

    public static TheoryData<TestProduct> MariaDbs => [TestProduct.MariaDb, TestProduct.MariaDb11];

    [Theory]
    [MemberData(nameof(Products))]
    [Trait("case", "1")]
    public async Task Statements_are_read_in_the_character_set_in_which_they_were_sent(TestProduct product)
    {
        var run = await RunAsync(product, Make);
        var recorder = await run.CaptureFromStartAsync("INSERT INTO a VALUES (1, 'a', 1, 'y'); DELETE FROM a");
        await using var connection = await run.Server.OpenAsync();
        byte[] name = [0xE8, 0xEC, 0xFF]; // имя
        byte[] label = [0x83, 0x5C]; // ソ, whose second byte would be a backslash elsewhere
        await connection.ExecuteAsync($"USE {run.Database}; SET NAMES cp1251", TestContext.Current.CancellationToken);
        await connection.ExecuteAsync((ReadOnlyMemory<byte>)(byte[])[.. "ALTER TABLE a CHANGE v `"u8, .. name, .. "` VARCHAR(5) CHARACTER SET latin1"u8], TestContext.Current.CancellationToken);
        await connection.ExecuteAsync("SET NAMES sjis", TestContext.Current.CancellationToken);
        await connection.ExecuteAsync((ReadOnlyMemory<byte>)(byte[])[.. "ALTER TABLE a MODIFY e ENUM('"u8, .. label, .. "','b') CHARACTER SET utf8mb4"u8], TestContext.Current.CancellationToken);
        await run.ExecuteAsync("INSERT INTO a VALUES (2, 'c', 2, 'ソ'), (3, 'd', 3, 'b')");
        await run.GoOnAsync(recorder);

        Assert.Equal(["Insert a (1,a,1,y)", "Delete a (1,a,1,y)", "Insert a (2,c,2,ソ)", "Insert a (3,d,3,b)"], recorder.Changes.Select(change => change.ToString()));
        Assert.Equal(["id", "имя", "n", "e"], recorder.Changes.Last().Schema.Columns.Select(column => column.Name));
    }

    [Theory]
    [MemberData(nameof(Products))]
    [Trait("case", "1")]
    public async Task Rows_before_an_alter_are_read_by_the_shape_that_they_were_written_with(TestProduct product)
    {
        var run = await RunAsync(product, Make);
        var recorder = await run.CaptureFromStartAsync("INSERT INTO a VALUES (4000000000, 'ü', 1, 'y')");

        // All of this happens while the source is away. The last shape has as many columns of the same types as the first, in other places.
        await run.ExecuteAsync(
            "SET SESSION sql_mode = ''; INSERT INTO a VALUES (1, 'é', -1, 'x'); ALTER TABLE a ADD extra DATE AFTER id; INSERT INTO a VALUES (2, '2024-01-01', 'b', 2, 'y'); "
            + "ALTER TABLE a DROP extra, MODIFY n INT UNSIGNED FIRST, CHANGE v text_v VARCHAR(5) CHARACTER SET utf8mb4; INSERT INTO a VALUES (4000000001, 3, 'ß', 'x'); "
            + "ALTER TABLE a MODIFY e ENUM('y','x'), MODIFY n INT; INSERT INTO a VALUES (-4, 4, 'd', 'x')");
        await run.GoOnAsync(recorder);

        Assert.Equal(
            [
                "Insert a (4000000000,ü,1,y)", "Insert a (1,é,-1,x)", "Insert a (2,2024-01-01,b,2,y)", "Insert a (4000000001,3,ß,x)", "Insert a (-4,4,d,x)",
            ],
            recorder.Changes.Select(change => change.ToString()));
        Assert.Equal(
            ["id v n e", "id v n e", "id extra v n e", "n id text_v e", "n id text_v e"],
            recorder.Changes.Select(change => string.Join(' ', change.Schema.Columns.Select(column => column.Name))));
    }

    [Theory]
    [MemberData(nameof(MariaDbs))]
    [Trait("case", "2")]
    public async Task A_statement_that_nobody_understands_concerns_its_table_only(TestProduct product)
    {
        var run = await RunAsync(product, Make + "; CREATE TABLE b (id INT PRIMARY KEY)");
        var recorder = await run.CaptureFromStartAsync(
            "INSERT INTO a VALUES (1, 'a', 1, 'x')",
            "SET SESSION sql_mode = 'ORACLE'; ALTER TABLE a ADD w VARCHAR2(10) FIRST",
            "INSERT INTO b VALUES (1)",
            "INSERT INTO a VALUES ('new', 2, 'b', 2, 'y')");

        Assert.Equal(["Insert a (1,a,1,x)", "Insert b (1)", "Insert a (new,2,b,2,y)"], recorder.Changes.Select(change => change.ToString()));
    }

    [Theory]
    [MemberData(nameof(MariaDbs))]
    [Trait("case", "2")]
    public async Task What_cannot_be_made_certain_stops_by_name_and_is_never_guessed(TestProduct product)
    {
        var run = await RunAsync(product, Make);
        var recorder = await run.CaptureFromStartAsync("INSERT INTO a VALUES (1, 'a', 1, 'x')");
        await run.ExecuteAsync(
            "SET SESSION sql_mode = 'ORACLE'; ALTER TABLE a MODIFY n NUMBER(5); INSERT INTO a VALUES (2, 'b', 2, 'y'); ALTER TABLE a RENAME COLUMN v TO n2, RENAME COLUMN n TO v");

        var error = await Assert.ThrowsAsync<PauseException>(() => run.GoOnAsync(recorder));

        Assert.Equal(
            $"Source 'shop': the columns of {run.Database}.a are not certain at this place of the binlog: sql_mode is ORACLE, whose types are not parsed in ALTER TABLE a MODIFY n NUMBER(5). "
            + $"Put {run.Database}.a into 'exclude' and start again; once the source has gone on, take it out, and the table is read anew. "
            + "With SET GLOBAL binlog_row_metadata = FULL; on the server the binlog tells shapes itself from now on. [LEAT-4078]", error.Message);
        Assert.Equal(["Insert a (1,a,1,x)"], recorder.Changes.Select(change => change.ToString()));
    }

    [Theory]
    [MemberData(nameof(MariaDbs))]
    [Trait("case", "11")]
    public async Task An_alter_in_two_phases_counts_when_it_has_ended(TestProduct product)
    {
        var run = await RunAsync(product, Make + "; INSERT INTO a VALUES (1, 'a', NULL, 'x')");
        var recorder = await run.CaptureFromStartAsync(
            "INSERT INTO a VALUES (2, 'b', 2, 'x')",
            "SET SESSION binlog_alter_two_phase = ON; ALTER TABLE a ADD late INT FIRST",
            "INSERT INTO a VALUES (7, 3, 'c', 3, 'x')");
        await Assert.ThrowsAnyAsync<Exception>(() => run.ExecuteAsync("SET SESSION binlog_alter_two_phase = ON; ALTER TABLE a MODIFY n INT NOT NULL FIRST, ALGORITHM=COPY"));
        await run.ExecuteAsync("INSERT INTO a VALUES (8, 4, 'd', 4, 'y')");
        await run.GoOnAsync(recorder);

        Assert.Contains((await run.Server.QueryAsync($"SHOW BINLOG EVENTS IN '{(await run.Server.QueryAsync("SHOW BINARY LOGS"))[^1][0]}'")).Select(row => row[5]), info => info.Contains("START ALTER", StringComparison.Ordinal));
        Assert.Equal(
            ["Insert a (2,b,2,x)", "Insert a (7,3,c,3,x)", "Insert a (8,4,d,4,y)"], recorder.Changes.Select(change => change.ToString()));
    }

    [Theory]
    [MemberData(nameof(Products))]
    [Trait("case", "1")]
    public async Task Tables_made_emptied_and_dropped_while_running_are_followed(TestProduct product)
    {
        var run = await RunAsync(product, Make);
        var recorder = await run.CaptureFromStartAsync(
            "CREATE TABLE later LIKE a; INSERT INTO later VALUES (1, 'ü', 1, 'x'); CREATE TABLE copied AS SELECT id, v FROM later; TRUNCATE later; INSERT INTO later VALUES (2, 'b', 2, 'y')",
            "DROP TABLE later; CREATE TABLE later (id BIGINT UNSIGNED PRIMARY KEY, w CHAR(3)); INSERT INTO later VALUES (18446744073709551615, 'w')");

        Assert.Equal(
            [
                "Insert later (1,ü,1,x)", "Insert copied (1,ü)", "Truncate later", "Insert later (2,b,2,y)", "Truncate later", "Insert later (18446744073709551615,w)",
            ],
            recorder.Changes.Select(change => change.ToString()));
        Assert.All(recorder.Transactions.Where(transaction => transaction.Changes[0].Kind == ChangeKind.Truncate), transaction => Assert.NotEqual("", transaction.Id));
    }

    [Theory]
    [MemberData(nameof(Products))]
    [Trait("case", "1")]
    public async Task The_swaps_of_gh_ost_and_pt_osc_go_on_with_the_same_rows(TestProduct product)
    {
        var run = await RunAsync(product, Make + "; INSERT INTO a VALUES " + string.Join(", ", Enumerable.Range(1, 50).Select(id => $"({id}, '{id}', {id}, {1 + (id % 2)})")));
        var recorder = await run.CaptureFromStartAsync(
            "UPDATE a SET v = 'now' WHERE id > 0",
            "CREATE /* gh-ost */ TABLE `_a_ghc` (id BIGINT AUTO_INCREMENT PRIMARY KEY, hint VARCHAR(64), value VARCHAR(255)) COMMENT='gh-ost'; CREATE /* gh-ost */ TABLE `_a_gho` LIKE `a`; "
            + "ALTER /* gh-ost */ TABLE `_a_gho` ADD c INT UNSIGNED DEFAULT 5, MODIFY n BIGINT; INSERT IGNORE INTO `_a_gho` (id, v, n, e) SELECT id, v, n, e FROM a; "
            + "INSERT INTO a VALUES (60, 'live', 1, 'x'); REPLACE INTO `_a_gho` (id, v, n, e) VALUES (60, 'live', 1, 'x'); "
            + "CREATE /* gh-ost */ TABLE `_a_del` (id INT PRIMARY KEY) ENGINE=InnoDB COMMENT='ghost-cut-over-sentry'; DROP TABLE `_a_del`; "
            + "RENAME /* gh-ost */ TABLE `a` TO `_a_del`, `_a_gho` TO `a`; DROP /* gh-ost */ TABLE IF EXISTS `_a_ghc`; DROP TABLE IF EXISTS `_a_del`",
            "UPDATE a SET c = 4000000000 WHERE id = 60",
            "CREATE TABLE `_a_new` LIKE `a`; ALTER TABLE `_a_new` DROP COLUMN e; "
            + "CREATE TRIGGER pt_osc_ins AFTER INSERT ON `a` FOR EACH ROW REPLACE INTO `_a_new` (id, v, n, c) VALUES (NEW.id, NEW.v, NEW.n, NEW.c); "
            + "INSERT LOW_PRIORITY IGNORE INTO `_a_new` (id, v, n, c) SELECT id, v, n, c FROM a; INSERT INTO a VALUES (61, 'trig', 2, 'y', 7); "
            + "RENAME TABLE `a` TO `_a_old`, `_a_new` TO `a`; DROP TABLE IF EXISTS `_a_old`",
            "INSERT INTO a VALUES (62, 'end', 3, 8)");

        var changes = recorder.Changes.ToList();
        Assert.Equal(["a"], changes.Select(change => change.Schema.Table.Name).Distinct());
        Assert.DoesNotContain(changes, change => change.Kind == ChangeKind.Truncate);
        Assert.Equal("Update a (60,live,1,x,5) (60,live,1,x,4000000000)", changes[^3].ToString());
        Assert.Equal("Insert a (61,trig,2,y,7)", changes[^2].ToString());
        Assert.Equal("Insert a (62,end,3,8)", changes[^1].ToString());
        Assert.Equal((await run.Server.QueryAsync($"SELECT id, v FROM {run.Database}.a")).Count, recorder.Fold().Count);
    }

    private async Task<SchemaRun> RunAsync(TestProduct product, string sql) => await new SchemaRun(await servers.GetAsync(product)).MakeAsync(sql);
}
