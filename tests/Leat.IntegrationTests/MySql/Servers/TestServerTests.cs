using Xunit;

namespace Leat.IntegrationTests.MySql.Servers;

/// <summary>That each server under test is what the other tests take it for.</summary>
public sealed class TestServerTests
{
    [Theory]
    [InlineData(TestProduct.MariaDb, "MariaDB")]
    [InlineData(TestProduct.MariaDb11, "11.8")]
    [InlineData(TestProduct.MySql56, "5.6.")]
    [InlineData(TestProduct.MySql9, "9.")]
    public async Task Each_product_starts_and_writes_a_row_binlog(TestProduct product, string version)
    {
        var server = await TestServer.SharedAsync(product);
        var facts = Assert.Single(await server.QueryAsync("SELECT @@version, @@log_bin, @@global.binlog_format, @@port"));

        Assert.Contains(version, facts[0], StringComparison.Ordinal);
        Assert.Equal(["1", "ROW", $"{server.Port}"], facts[1..]);
    }

    [Fact]
    public async Task A_killed_server_comes_back_with_its_data_and_new_settings()
    {
        await using var server = await TestServer.StartAsync(TestProduct.MySql56, "--expire-logs-days=7");
        await server.ExecuteAsync("CREATE DATABASE d; CREATE TABLE d.a (id INT PRIMARY KEY); INSERT INTO d.a VALUES (1)");

        await server.KillAsync();
        await server.RestartAsync("--gtid-mode=ON", "--log-slave-updates", "--enforce-gtid-consistency=ON");

        Assert.Equal(["1", "7", "ON"], Assert.Single(await server.QueryAsync("SELECT id, @@expire_logs_days, @@gtid_mode FROM d.a")));
    }
}
