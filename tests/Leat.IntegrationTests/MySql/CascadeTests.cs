using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.IntegrationTests.MySql.Servers;
using Xunit;

namespace Leat.IntegrationTests.MySql;

/// <summary>Foreign keys that change rows of captured tables, unseen by the binlog of most servers.</summary>
public sealed class CascadeTests
{
    private const string Make = "CREATE TABLE p (id INT PRIMARY KEY) ENGINE=InnoDB; INSERT INTO p VALUES (1); "
        + "CREATE TABLE c (id INT PRIMARY KEY, p INT, CONSTRAINT f FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE ON UPDATE SET NULL) ENGINE=InnoDB; INSERT INTO c VALUES (7, 1)";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<TestProduct> Silent => [TestProduct.MariaDb, TestProduct.MariaDb11, TestProduct.MySql56];

    [Theory]
    [MemberData(nameof(Silent))]
    public async Task A_captured_table_that_changes_unseen_is_refused_by_name(TestProduct product)
    {
        var run = await new SchemaRun(await TestServer.SharedAsync(product)).MakeAsync(Make);
        var message = $"Source 'shop': rows of {run.Database}.c are changed by ON DELETE CASCADE ON UPDATE SET NULL of its foreign key to {run.Database}.p, which the binlog does not tell. "
            + $"Change such keys to RESTRICT and let the application change the rows, or accept that they are missed: accept_cascades: [{run.Database}.c]. [LEAT-4079]";

        var error = await Assert.ThrowsAsync<PauseException>(() => run.CaptureFromStartAsync("INSERT INTO p VALUES (2)"));
        var findings = await run.Source.CheckAsync(Token);

        Assert.Equal(message, error.Message);
        var finding = Assert.Single(findings, finding => finding.Check == "foreign keys");
        Assert.Equal((Severity.Error, message), (finding.Severity, $"{finding.Message} {finding.Remedy} [LEAT-4079]"));
    }

    [Theory]
    [MemberData(nameof(Silent))]
    public async Task A_table_that_the_file_accepts_is_captured_and_its_cascades_are_missed(TestProduct product)
    {
        var server = await TestServer.SharedAsync(product);
        var run = await new SchemaRun(server) { Cascades = [new("*", "c")] }.MakeAsync(Make);

        var recorder = await run.CaptureFromStartAsync("DELETE FROM p WHERE id = 1");

        Assert.Equal(["Delete p (1)"], recorder.Changes.Select(change => change.ToString()));
        Assert.Empty(await server.QueryAsync($"SELECT * FROM {run.Database}.c"));
    }

    [Theory]
    [MemberData(nameof(Silent))]
    public async Task A_key_that_is_added_while_running_stops_the_source(TestProduct product)
    {
        var run = await new SchemaRun(await TestServer.SharedAsync(product)).MakeAsync("CREATE TABLE p (id INT PRIMARY KEY) ENGINE=InnoDB; CREATE TABLE c (id INT PRIMARY KEY, p INT) ENGINE=InnoDB");
        var recorder = await run.CaptureFromStartAsync("INSERT INTO p VALUES (1)");
        await run.ExecuteAsync("ALTER TABLE c ADD CONSTRAINT f FOREIGN KEY (p) REFERENCES p (id) ON DELETE SET NULL");
        var added = await run.Source.CurrentPositionAsync(Token);
        await run.ExecuteAsync("ALTER TABLE c DROP FOREIGN KEY f"); // so that it is the statement that is noticed, not the key that is there

        var error = await Assert.ThrowsAsync<PauseException>(() => run.Source.RunAsync(new() { From = recorder.Position, Until = added }, recorder, Token).AsTask());

        Assert.StartsWith($"Source 'shop': rows of {run.Database}.c are changed by ON DELETE SET NULL of its foreign key to {run.Database}.p, which the binlog does not tell.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_the_server_logs_what_keys_do_it_is_captured()
    {
        var server = await TestServer.SharedAsync(TestProduct.MySql9);
        var logs = (await server.QueryAsync("SHOW GLOBAL VARIABLES LIKE 'innodb_native_foreign_keys'")).Any(row => row[1] == "OFF");
        var run = await new SchemaRun(server).MakeAsync(Make);

        if (!logs)
        {
            await Assert.ThrowsAsync<PauseException>(() => run.CaptureFromStartAsync("DELETE FROM p"));
            return;
        }

        var recorder = await run.CaptureFromStartAsync("DELETE FROM p WHERE id = 1");

        Assert.Equal(["Delete c (7,1)", "Delete p (1)"], recorder.Changes.Select(change => change.ToString()).Order(StringComparer.Ordinal));
    }
}
