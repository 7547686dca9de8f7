using Leat.Changes;
using Leat.Connectors.MySql;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.IntegrationTests.MySql;

/// <summary>What <c>leat check</c> says of a source, whole.</summary>
public sealed class CheckTests(MariaDbFixture maria) : IClassFixture<MariaDbFixture>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Address => $"127.0.0.1:{maria.Server.Port}";

    [Fact]
    public async Task All_is_well()
    {
        var database = maria.NextDatabase();
        await maria.ExecuteAsync($"CREATE DATABASE {database}; CREATE TABLE {database}.orders (id INT PRIMARY KEY)");

        var findings = await maria.Source(database).CheckAsync(Token);

        Assert.All(findings, finding => Assert.Equal(Severity.Ok, finding.Severity));
        Assert.Equal(
            ["connection", "version", "grants", "binlog_format", "binlog_row_metadata", "server_id", "tables"], findings.Select(finding => finding.Check));
    }

    [Fact]
    public async Task Missing_grants_come_with_the_statement_to_paste()
    {
        var database = maria.NextDatabase();
        await maria.ExecuteAsync(
            $"CREATE DATABASE {database}; CREATE TABLE {database}.orders (id INT PRIMARY KEY); CREATE OR REPLACE USER 'poor'@'127.0.0.1' IDENTIFIED BY 'x'");
        var options = new MySqlSourceOptions { Endpoint = maria.Endpoint with { User = "poor", Password = "x" }, Tables = [new(database, "*")] };

        var findings = Wrong(await Source(options).CheckAsync(Token));
        await maria.ExecuteAsync(string.Join(' ', findings.Select(finding => finding.Remedy).Where(remedy => remedy?.StartsWith("GRANT", StringComparison.Ordinal) == true)));
        var mended = Wrong(await Source(options).CheckAsync(Token)).Where(finding => finding.Severity == Severity.Error);

        Assert.Equal(
            [
                "'poor'@'127.0.0.1' has no REPLICATION SLAVE and no BINLOG MONITOR.|GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO 'poor'@'127.0.0.1';",
                $"'poor'@'127.0.0.1' may not read tables of {database}.|GRANT SELECT ON `{database}`.* TO 'poor'@'127.0.0.1';",
                $"No table fits '{database}.*'.|Correct 'tables', create it, or grant SELECT on it.",
            ],
            findings.Where(finding => finding.Severity == Severity.Error).Select(finding => $"{finding.Message}|{finding.Remedy}"));
        Assert.Empty(mended);
    }

    [Fact]
    public async Task Every_wrong_table_and_the_nearest_name_are_told()
    {
        var database = maria.NextDatabase();
        await maria.ExecuteAsync(
            $"CREATE DATABASE {database}; USE {database}; CREATE TABLE nokey (v INT); CREATE TABLE shapes (id INT PRIMARY KEY, k VARCHAR(9) CHARACTER SET filename); "
            + "CREATE TABLE old (id INT PRIMARY KEY) ENGINE = MyISAM; CREATE TABLE customers (id INT PRIMARY KEY)");
        var options = new MySqlSourceOptions
        {
            Endpoint = maria.Endpoint,
            Tables = [new(database, "nokey"), new(database, "shapes"), new(database, "old"), new(database, "costumers")],
        };

        var findings = Wrong(await Source(options).CheckAsync(Token));

        Assert.Equal(
            [
                $"No table fits '{database}.costumers'.|Did you mean '{database}.customers'?",
                $"Source 'shop': {database}.nokey has neither a primary key nor a unique index over columns that cannot be NULL, so that its rows cannot be told apart.|Give it one, for example ALTER TABLE `{database}`.`nokey` ADD PRIMARY KEY (`v`); or take it out of 'tables'; or capture it all the same, by all its columns: keyless: [{database}.nokey].",
                $"Source 'shop': {database}.old is stored by MyISAM, which gives no consistent view to read it from.|ALTER TABLE `{database}`.`old` ENGINE = InnoDB; or take it out of 'tables'.",
                $"Source 'shop': column 'k' of {database}.shapes cannot be captured yet: character set filename.|Take {database}.shapes out of 'tables', or change it to something that TYPES.md lists.",
            ],
            findings.Select(finding => $"{finding.Message}|{finding.Remedy}"));
    }

    [Theory]
    [InlineData("--binlog-format=STATEMENT", "binlog_format", "binlog_format is STATEMENT at {address}.|SET GLOBAL binlog_format = ROW; and binlog_format = ROW in the server's configuration.", 4045)]
    [InlineData("--skip-log-bin", "log_bin", "log_bin is OFF at {address}.|Start the server with log_bin = bin under [mysqld] in its configuration; this needs a restart.", 4044)]
    public async Task A_setting_that_would_lose_changes_stops_check_and_start_alike(string argument, string check, string message, int code)
    {
        await using var server = await TestServers.MariaDbAsync(argument);
        await server.ExecuteAsync("CREATE DATABASE d; CREATE TABLE d.a (id INT PRIMARY KEY)", Token);
        var source = Source(new() { Endpoint = maria.Endpoint with { Port = server.Port }, Tables = [new("d", "*")] });

        var finding = Assert.Single(Wrong(await source.CheckAsync(Token)), finding => finding.Severity == Severity.Error);
        var error = await Assert.ThrowsAsync<PauseException>(() => source.RunAsync(new(), new Recorder(), Token).AsTask());

        var expected = "Source 'shop': " + message.Replace("{address}", $"127.0.0.1:{server.Port}", StringComparison.Ordinal);
        Assert.Equal((check, expected, code), (finding.Check, $"{finding.Message}|{finding.Remedy}", finding.Code?.Number));
        Assert.Equal($"{expected.Replace('|', ' ')} [LEAT-{code}]", error.Message);
    }

    [Fact]
    public async Task A_binlog_without_whole_rows_is_a_warning()
    {
        await using var server = await TestServers.MariaDbAsync("--binlog-row-image=MINIMAL");
        await server.ExecuteAsync("CREATE DATABASE d; CREATE TABLE d.a (id INT PRIMARY KEY)", Token);
        var source = Source(new() { Endpoint = maria.Endpoint with { Port = server.Port }, Tables = [new("d", "*")] });

        var finding = Assert.Single(Wrong(await source.CheckAsync(Token)), finding => finding.Check == "binlog_row_image");

        Assert.Equal(
            "Warning binlog_row_image is MINIMAL: a change tells only some columns, and a pipeline that needs another one stops.|"
            + "SET GLOBAL binlog_row_image = FULL; and binlog_row_image = FULL in the server's configuration. 4068",
            $"{finding.Severity} {finding.Message}|{finding.Remedy} {finding.Code?.Number}");
    }

    [Fact]
    public async Task Without_full_metadata_a_warning_has_the_setting_to_paste()
    {
        await using var server = await TestServers.MariaDbAsync("--binlog-row-metadata=NO_LOG", "--binlog-checksum=NONE", "--expire-logs-days=0.5");
        await server.ExecuteAsync("CREATE DATABASE d; CREATE TABLE d.a (id INT PRIMARY KEY)", Token);
        var source = Source(new() { Endpoint = maria.Endpoint with { Port = server.Port }, Tables = [new("d", "*")], ServerId = 1 });

        var findings = Wrong(await source.CheckAsync(Token));

        Assert.Equal(
            [
                "Warning binlog_row_metadata is NO_LOG: shapes are followed statement by statement, and one that cannot be read stops its table.|SET GLOBAL binlog_row_metadata = FULL; and binlog_row_metadata = FULL in the server's configuration.",
                "Warning binlog_checksum is NONE: damaged binlog events cannot be noticed.|SET GLOBAL binlog_checksum = CRC32; and binlog_checksum = CRC32 in the server's configuration.",
                "Warning The server keeps its binlog for 12 hours only: after a longer pause the source needs a new snapshot.|SET GLOBAL expire_logs_days = 7;",
                "Error 'server_id' 1 is that of the server itself.|Choose a number that neither the server nor its replicas have.",
            ],
            findings.Select(finding => $"{finding.Severity} {finding.Message}|{finding.Remedy}"));
    }

    [Fact]
    public async Task A_server_without_checksums_is_read_too()
    {
        await using var server = await TestServers.MariaDbAsync("--binlog-checksum=NONE");
        await server.ExecuteAsync("CREATE DATABASE d; CREATE TABLE d.a (id INT PRIMARY KEY); INSERT INTO d.a VALUES (1)", Token);
        var source = Source(new() { Endpoint = maria.Endpoint with { Port = server.Port }, Tables = [new("d", "*")] });
        var start = await source.ParsePositionAsync("0-1-2", Token);
        var recorder = new Recorder();

        await source.RunAsync(new() { From = start, Until = await source.CurrentPositionAsync(Token) }, recorder, Token);

        Assert.Equal(["Insert a (1)"], recorder.Changes.Select(change => change.ToString()));
    }

    [Fact]
    public async Task A_wrong_password_is_a_finding()
    {
        await maria.ExecuteAsync("CREATE OR REPLACE USER 'wrong'@'127.0.0.1' IDENTIFIED BY 'right'");
        var source = Source(new() { Endpoint = maria.Endpoint with { User = "wrong", Password = "left" }, Tables = [new("d", "*")] });

        var finding = Assert.Single(await source.CheckAsync(Token));

        Assert.Equal(
            (Severity.Error, $"Source 'shop' cannot sign in at {Address} as 'wrong': Access denied for user 'wrong'@'127.0.0.1' (using password: YES).", 4002),
            (finding.Severity, finding.Message, finding.Code?.Number));
    }

    private static MySqlSource Source(MySqlSourceOptions options) => new(options, new("shop", NullLoggerFactory.Instance, TimeProvider.System));

    private static List<Finding> Wrong(IReadOnlyList<Finding> findings) => [.. findings.Where(finding => finding.Severity != Severity.Ok)];
}
