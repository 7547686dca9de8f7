using System.Diagnostics;
using Leat.Changes;
using Leat.Demo;
using Xunit;

namespace Leat.IntegrationTests.Demo;

/// <summary>Private servers start, answer, come back on the same port after a crash, and are gone when stopped.</summary>
public sealed class PrivateServerTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_private_mariadb_logs_rows_with_full_metadata_and_keeps_them_over_a_crash()
    {
        await using var server = await TestServers.MariaDbAsync("--max-connections=17");
        await server.ExecuteAsync("CREATE DATABASE a; CREATE TABLE a.t (id int PRIMARY KEY, v varchar(9)); INSERT INTO a.t VALUES (1, 'é'), (2, NULL)", Cancelled);
        var port = server.Port;

        await server.KillAsync();
        await server.RestartAsync(Cancelled);

        Assert.Equal(port, server.Port);
        Assert.Equal([["1", "é"], ["2", "NULL"]], await server.QueryAsync("SELECT id, v FROM a.t ORDER BY id", Cancelled));
        Assert.Equal(
            [["ROW", "FULL", "1", "17", "1"]],
            await server.QueryAsync("SELECT @@binlog_format, @@binlog_row_metadata, @@log_bin, @@max_connections, @@gtid_strict_mode", Cancelled));
    }

    [Fact]
    public async Task A_private_mariadb_that_starts_leaves_the_temporary_tables_of_other_servers_alone()
    {
        var ofAnotherServer = Path.Combine(Path.GetTempPath(), $"#sql-temptable-leat-{Guid.NewGuid():N}.MAI");
        await File.WriteAllTextAsync(ofAnotherServer, "", Cancelled);
        try
        {
            await using var server = await TestServers.MariaDbAsync();
            await PrivateMariaDb.CreateTemplateAsync(TestRunFolder.New(), Cancelled);

            Assert.True(File.Exists(ofAnotherServer), "The temporary table of another server was removed.");
        }
        finally
        {
            File.Delete(ofAnotherServer);
        }
    }

    [Fact]
    public async Task Root_signs_in_without_a_password_over_loopback()
    {
        await using var server = await TestServers.MariaDbAsync();

        var hosts = await server.QueryAsync("SELECT host FROM mysql.user WHERE user = 'root' AND host = '127.0.0.1'", Cancelled);

        Assert.Equal([["127.0.0.1"]], hosts);
    }

    [Fact]
    public async Task A_failing_statement_tells_the_servers_words()
    {
        await using var server = await TestServers.MariaDbAsync();

        var error = await Assert.ThrowsAsync<LeatException>(() => server.ExecuteAsync("SELECT * FROM nowhere.nothing", Cancelled));

        Assert.Equal(
            "'mariadb' ended with exit code 1: ERROR 1146 (42S02) at line 1: Table 'nowhere.nothing' doesn't exist. "
            + "The program's own words above say what is wrong. [LEAT-5052]",
            error.Message);
    }

    [Fact]
    public async Task A_server_that_cannot_start_tells_the_end_of_its_log()
    {
        var error = await Assert.ThrowsAsync<LeatException>(() => TestServers.MariaDbAsync("--no-such-setting=1"));

        Assert.StartsWith("The private MariaDB did not start: it ended with exit code ", error.Message, StringComparison.Ordinal);
        Assert.Contains("unknown variable 'no-such-setting=1'", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("Mend what the log names (often: no space or no memory left), then start again. [LEAT-5051]", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_private_redis_answers_and_comes_back_empty()
    {
        await using var server = await TestServers.RedisAsync();
        Assert.Equal("OK", await server.CommandAsync(Cancelled, "SET", "k", "v"));

        await server.RestartAsync(Cancelled);

        Assert.Equal("0", await server.CommandAsync(Cancelled, "DBSIZE"));
    }

    [Fact]
    public async Task A_stopped_server_leaves_no_process()
    {
        var redis = await TestServers.RedisAsync();
        using var process = Process.GetProcessById(redis.ProcessId);

        await redis.DisposeAsync();

        await process.WaitForExitAsync(Cancelled);
        Assert.True(process.HasExited);
    }
}
