using System.Text;
using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Wire;
using Leat.Demo;
using Xunit;

namespace Leat.IntegrationTests.MySql;

public sealed class ConnectionTests(MariaDbFixture maria) : IClassFixture<MariaDbFixture>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Runs_queries_and_tells_rows_nulls_and_affected_rows()
    {
        var database = maria.NextDatabase();
        await using var connection = await maria.OpenAsync();

        await connection.ExecuteAsync($"CREATE DATABASE {database}; CREATE TABLE {database}.a (id INT PRIMARY KEY, t TEXT)", Token);
        var executed = await connection.ExecuteAsync($"INSERT INTO {database}.a VALUES (1, 'ä'), (2, NULL)", Token);
        await using var rows = await connection.QueryAsync($"SELECT id, t FROM {database}.a ORDER BY id", Token);

        Assert.Equal(2, executed.AffectedRows);
        Assert.Equal(["id", "t"], rows.Columns.Select(column => column.Name));
        Assert.True(await rows.ReadRowAsync(Token));
        Assert.Equal((1L, "ä"), (rows.Number(0), rows.Text(1)));
        Assert.True(await rows.ReadRowAsync(Token));
        Assert.True(rows.IsNull(1));
        Assert.False(await rows.ReadRowAsync(Token));
        await connection.PingAsync(Token);
    }

    [Fact]
    public async Task Several_statements_add_up_and_stop_at_the_first_error()
    {
        var database = maria.NextDatabase();
        await using var connection = await maria.OpenAsync();
        await connection.ExecuteAsync($"CREATE DATABASE {database}; CREATE TABLE {database}.a (id INT PRIMARY KEY)", Token);

        var error = await Assert.ThrowsAsync<MySqlServerException>(() => connection.ExecuteAsync(
            $"INSERT INTO {database}.a VALUES (1); SELECT 1; INSERT INTO {database}.a VALUES (1); INSERT INTO {database}.a VALUES (2)", Token).AsTask());
        var executed = await connection.ExecuteAsync($"INSERT INTO {database}.a VALUES (3); SELECT * FROM {database}.a; INSERT INTO {database}.a VALUES (4)", Token);

        Assert.Equal((1062, "23000", "Duplicate entry '1' for key 'PRIMARY'"), (error.Code, error.SqlState, error.Message));
        Assert.Equal(2, executed.AffectedRows);
    }

    [Fact]
    public async Task Packets_of_more_than_16_MiB_go_both_ways()
    {
        var database = maria.NextDatabase();
        await using var connection = await maria.OpenAsync();
        await connection.ExecuteAsync($"CREATE DATABASE {database}; CREATE TABLE {database}.a (id INT PRIMARY KEY, t LONGTEXT); SET GLOBAL max_allowed_packet = 67108864", Token);
        await using var large = await maria.OpenAsync();
        var text = new string('x', 20 * 1024 * 1024);

        await large.ExecuteAsync(Encoding.UTF8.GetBytes($"INSERT INTO {database}.a VALUES (1, '{text}')"), Token);
        await using var rows = await large.QueryAsync($"SELECT t FROM {database}.a", Token);

        Assert.True(await rows.ReadRowAsync(Token));
        Assert.Equal(text.Length, rows.Value(0).Length);
        Assert.False(await rows.ReadRowAsync(Token));
    }

    [Fact]
    public async Task Wrong_password_is_told_with_account_and_remedy()
    {
        await using var root = await maria.OpenAsync();
        await root.ExecuteAsync("CREATE OR REPLACE USER 'wrong'@'127.0.0.1' IDENTIFIED BY 'right'", Token);
        var endpoint = maria.Endpoint with { User = "wrong", Password = "left" };

        var error = await Assert.ThrowsAsync<MySqlServerException>(() => MySqlConnection.OpenAsync(endpoint, TimeProvider.System, Token).AsTask());

        Assert.Equal(
            $"Source 'shop' cannot sign in at 127.0.0.1:{maria.Server.Port} as 'wrong': Access denied for user 'wrong'@'127.0.0.1' (using password: YES). "
            + "Correct 'user' or 'password', or set the password on the server: ALTER USER 'wrong'@'%' IDENTIFIED BY '…'. An account that REQUIREs SSL also needs 'tls'. [LEAT-4002]",
            MySqlErrors.Connection("Source 'shop'", endpoint, error)?.Message);
        await using var right = await MySqlConnection.OpenAsync(endpoint with { Password = "right" }, TimeProvider.System, Token);
        Assert.Contains("MariaDB", right.Server.Version, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_password_of_the_old_kind_is_refused()
    {
        await using var root = await maria.OpenAsync();

        await root.ExecuteAsync(
            "SET GLOBAL secure_auth = 0; CREATE OR REPLACE USER 'old'@'127.0.0.1' IDENTIFIED VIA mysql_old_password USING '5d2e19393cc5ef67'", Token);
        var endpoint = maria.Endpoint with { User = "old", Password = "x" };

        var error = await Assert.ThrowsAsync<MySqlConnectionException>(() => MySqlConnection.OpenAsync(endpoint, TimeProvider.System, Token).AsTask());

        Assert.Equal(
            $"Source 'shop': the account 'old' at 127.0.0.1:{maria.Server.Port} has a password of the old kind ('mysql_old_password'), which anybody who "
            + "listens can work out. Set it anew: SET old_passwords = 0; SET PASSWORD FOR 'old'@'%' = PASSWORD('…'). [LEAT-4010]",
            MySqlErrors.Connection("Source 'shop'", endpoint, error)?.Message);
    }

    [Fact]
    public async Task An_unreachable_server_is_told_with_its_address()
    {
        var endpoint = maria.Endpoint with { Port = FreePorts.Next() };

        var error = await Assert.ThrowsAsync<MySqlConnectionException>(() => MySqlConnection.OpenAsync(endpoint, TimeProvider.System, Token).AsTask());

        Assert.Equal(
            $"Source 'shop' cannot reach 127.0.0.1:{endpoint.Port}: Connection refused. Check that the server runs, listens on that address, and that no "
            + "firewall stands between; 'host' and 'port', or 'socket', in the file name it. [LEAT-4001]",
            MySqlErrors.Connection("Source 'shop'", endpoint, error)?.Message);
    }

    [Fact]
    public async Task A_server_without_TLS_is_refused_when_TLS_is_required()
    {
        var endpoint = maria.Endpoint with { Tls = TlsMode.Required };

        var error = await Assert.ThrowsAsync<MySqlConnectionException>(() => MySqlConnection.OpenAsync(endpoint, TimeProvider.System, Token).AsTask());

        Assert.Equal((ConnectionFault.Tls, "the server offers no TLS"), (error.Fault, error.Detail));
    }
}
