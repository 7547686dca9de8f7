using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Wire;
using Leat.IntegrationTests.MySql.Servers;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.IntegrationTests.MySql;

/// <summary>An account with the rights that docs/connectors/mysql.md names, and no others, can check and capture.</summary>
public sealed class LeastRightsTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(TestProduct.MariaDb, "BINLOG MONITOR")]
    [InlineData(TestProduct.MariaDb11, "BINLOG MONITOR")]
    [InlineData(TestProduct.MySql56, "REPLICATION CLIENT")]
    [InlineData(TestProduct.MySql9, "REPLICATION CLIENT")]
    public async Task The_documented_rights_are_enough(TestProduct product, string positions)
    {
        var server = await TestServer.SharedAsync(product);
        var database = server.NextDatabase();
        await server.ExecuteAsync(
            $"CREATE DATABASE {database}; CREATE TABLE {database}.a (id INT PRIMARY KEY, t VARCHAR(20)); CREATE USER 'least'@'%' IDENTIFIED BY 'secret';"
            + $"GRANT REPLICATION SLAVE, {positions} ON *.* TO 'least'@'%'; GRANT SELECT ON {database}.* TO 'least'@'%'");
        var source = Source(server, database);

        var findings = await source.CheckAsync(Token);
        var start = await source.CurrentPositionAsync(Token);
        await server.ExecuteAsync($"INSERT INTO {database}.a VALUES (1, 'a'); UPDATE {database}.a SET t = 'b'; DELETE FROM {database}.a");
        var recorder = new Recorder();
        await source.RunAsync(new() { From = start, Until = await source.CurrentPositionAsync(Token) }, recorder, Token);

        Assert.Empty(findings.Where(finding => finding.Severity == Severity.Error).Select(finding => finding.Message));
        Assert.Equal(["Insert a (1,a)", "Update a (1,a) (1,b)", "Delete a (1,b)"], recorder.Changes.Select(change => change.ToString()));
    }

    private static MySqlSource Source(TestServer server, string database) => new(
        new()
        {
            Endpoint = new MySqlEndpoint { Host = "127.0.0.1", Port = server.Port, User = "least", Password = "secret", AllowPublicKeyRetrieval = true },
            Tables = [new(database, "*")], Snapshot = SnapshotMode.Never,
        },
        new("shop", NullLoggerFactory.Instance, TimeProvider.System));
}
