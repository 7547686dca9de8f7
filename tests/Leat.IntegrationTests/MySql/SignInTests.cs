using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Wire;
using Leat.IntegrationTests.MySql.Servers;
using Xunit;

namespace Leat.IntegrationTests.MySql;

/// <summary>Every way to sign in that the servers under test offer, and what is said where there is none.</summary>
public sealed class SignInTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Caching_sha2_gives_the_password_away_under_TLS_only_and_is_then_remembered()
    {
        var server = await TestServer.SharedAsync(TestProduct.MySql9);
        var account = await AccountAsync(server, "remembered", "IDENTIFIED WITH caching_sha2_password BY 'sécret'", "sécret");

        var unprotected = await RefusedAsync(account);
        await SignsInAsync(account with { Tls = TlsMode.Required });
        await SignsInAsync(account); // the hash is enough now

        Assert.Equal(
            $"Source 'shop': the account 'remembered' at 127.0.0.1:{server.Port} signs in by 'caching_sha2_password', which needs a protected connection or the server's "
            + "public key. Set 'tls' (verify_identity, verify_ca or required), connect by 'socket', or name the server's public_key.pem as 'server_public_key'; only where "
            + "nobody stands between: 'allow_public_key_retrieval: true'. [LEAT-4012]",
            unprotected);
    }

    [Fact]
    public async Task Caching_sha2_takes_the_servers_key_from_a_file_or_on_permission_from_the_server()
    {
        var server = await TestServer.SharedAsync(TestProduct.MySql9);
        var key = Path.Combine(server.DataFolder, "public_key.pem");
        var known = await AccountAsync(server, "key_known", "IDENTIFIED BY 'secret'", "secret") with { ServerPublicKeyFile = key };
        var asked = await AccountAsync(server, "key_asked", "IDENTIFIED BY 'secret'", "secret") with { AllowPublicKeyRetrieval = true };
        var wrong = await AccountAsync(server, "key_wrong", "IDENTIFIED BY 'secret'", "secret") with { ServerPublicKeyFile = Path.Combine(server.DataFolder, "auto.cnf") };

        await SignsInAsync(known);
        Assert.Contains("[LEAT-4002]", await RefusedAsync(asked with { Password = "other" }), StringComparison.Ordinal);
        await SignsInAsync(asked);

        Assert.StartsWith(
            $"Source 'shop' cannot encrypt its password for 127.0.0.1:{server.Port}: the server's public key cannot be used: ", await RefusedAsync(wrong), StringComparison.Ordinal);
        Assert.Contains("[LEAT-4013]", await RefusedAsync(wrong with { ServerPublicKeyFile = key + ".none" }), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Sha256_password_wants_the_password_each_time()
    {
        var server = await TestServer.SharedAsync(TestProduct.MySql9);
        var account = await AccountAsync(server, "sha256", "IDENTIFIED WITH sha256_password BY 'secret'", "secret");

        Assert.Contains("signs in by 'sha256_password', which needs a protected connection", await RefusedAsync(account), StringComparison.Ordinal);
        await SignsInAsync(account with { Tls = TlsMode.Required });
        Assert.Contains("[LEAT-4012]", await RefusedAsync(account), StringComparison.Ordinal);
        await SignsInAsync(account with { AllowPublicKeyRetrieval = true });
        await SignsInAsync(account with { ServerPublicKeyFile = Path.Combine(server.DataFolder, "public_key.pem") });
        Assert.Contains("[LEAT-4002]", await RefusedAsync(account with { AllowPublicKeyRetrieval = true, Password = "" }), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(TestProduct.MariaDb)]
    [InlineData(TestProduct.MariaDb11)]
    [InlineData(TestProduct.MySql56)]
    [InlineData(TestProduct.MySql9)]
    public async Task A_Unix_socket_is_safe_enough_for_the_password(TestProduct product)
    {
        var server = await TestServer.SharedAsync(product);
        await AccountAsync(server, "by_socket", "IDENTIFIED BY 'secret'", "secret", host: "localhost");
        var endpoint = new MySqlEndpoint { Host = "localhost", Socket = server.Socket, User = "by_socket", Password = "secret" };

        await SignsInAsync(endpoint);

        Assert.StartsWith($"Source 'shop' cannot sign in at {server.Socket} as 'by_socket': Access denied", await RefusedAsync(endpoint with { Password = "other" }), StringComparison.Ordinal);
        Assert.StartsWith($"Source 'shop' cannot reach {server.Socket}.none: ", await RefusedAsync(endpoint with { Socket = server.Socket + ".none" }), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Certificates_that_MySQL_made_for_itself_are_verified_and_shown()
    {
        var server = await TestServer.SharedAsync(TestProduct.MySql9);
        string File(string name) => Path.Combine(server.DataFolder, name);
        var account = await AccountAsync(server, "with_certificate", "IDENTIFIED BY 'secret' REQUIRE X509", "secret") with { Tls = TlsMode.VerifyCa, TlsCaFile = File("ca.pem") };
        var shown = account with { TlsCertificateFile = File("client-cert.pem"), TlsKeyFile = File("client-key.pem") };

        await SignsInAsync(shown);

        Assert.Contains("[LEAT-4002]", await RefusedAsync(account), StringComparison.Ordinal);
        Assert.Contains("does not name the host '127.0.0.1'", await RefusedAsync(shown with { Tls = TlsMode.VerifyIdentity }), StringComparison.Ordinal);
        Assert.Contains("comes from no authority that this system trusts", await RefusedAsync(shown with { TlsCaFile = null }), StringComparison.Ordinal);
        Assert.Contains($"'tls_cert' ({File("none.pem")}) cannot be read: ", await RefusedAsync(shown with { TlsCertificateFile = File("none.pem") }), StringComparison.Ordinal);
        Assert.Contains($"'tls_ca' ({File("auto.cnf")}) cannot be read: it holds no certificate", await RefusedAsync(shown with { TlsCaFile = File("auto.cnf") }), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Accounts_that_nobody_can_use_and_servers_that_insist_on_TLS_are_told()
    {
        await using var server = await TestServer.StartAsync(TestProduct.MySql9);
        var locked = await AccountAsync(server, "locked", "IDENTIFIED BY 'secret' ACCOUNT LOCK", "secret") with { Tls = TlsMode.Required };
        var expired = await AccountAsync(server, "expired", "IDENTIFIED BY 'secret' PASSWORD EXPIRE", "secret") with { Tls = TlsMode.Required };
        await server.ExecuteAsync("SET GLOBAL require_secure_transport = ON");

        Assert.Equal(
            $"Source 'shop' cannot use the account 'locked' at 127.0.0.1:{server.Port}: Access denied for user 'locked'@'127.0.0.1'. Account is locked.. "
            + "Make it usable: ALTER USER 'locked'@'%' ACCOUNT UNLOCK, or a new password and ALTER USER 'locked'@'%' PASSWORD EXPIRE NEVER. [LEAT-4015]",
            await RefusedAsync(locked));
        Assert.Contains("[LEAT-4015]", await RefusedAsync(expired), StringComparison.Ordinal);
        Assert.Contains("takes protected connections only", await RefusedAsync(server.Endpoint), StringComparison.Ordinal);
    }

    [Fact]
    public async Task MySQL_5_6_signs_in_by_native_password_and_its_old_one_is_refused()
    {
        await using var server = await TestServer.StartAsync(TestProduct.MySql56, "--secure-auth=0");
        var native = await AccountAsync(server, "native", "IDENTIFIED BY 'secret'", "secret");
        var old = await AccountAsync(server, "old", "IDENTIFIED WITH mysql_old_password", "secret");
        await server.ExecuteAsync("SET old_passwords = 1; SET PASSWORD FOR 'old'@'%' = PASSWORD('secret')");

        await SignsInAsync(native);

        Assert.Equal(
            $"Source 'shop': the account 'old' at 127.0.0.1:{server.Port} has a password of the old kind ('mysql_old_password'), which anybody who listens can work out. "
            + "Set it anew: SET old_passwords = 0; SET PASSWORD FOR 'old'@'%' = PASSWORD('…'). [LEAT-4010]",
            await RefusedAsync(old));
    }

    [Fact]
    public async Task MariaDB_ed25519_is_told_with_an_alternative_that_works()
    {
        await using var server = await TestServer.StartAsync(TestProduct.MariaDb11, "--plugin-load-add=auth_ed25519");
        var curve = await AccountAsync(server, "curve", "IDENTIFIED VIA ed25519 USING PASSWORD('secret')", "secret");

        var refusal = await RefusedAsync(curve);
        await server.ExecuteAsync("ALTER USER 'curve'@'%' IDENTIFIED VIA mysql_native_password USING PASSWORD('secret') OR ed25519 USING PASSWORD('secret')");
        await SignsInAsync(curve);

        Assert.Equal(
            $"Source 'shop': the account 'curve' at 127.0.0.1:{server.Port} signs in by 'client_ed25519', whose elliptic curve Leat's platform does not have. "
            + "Allow the account another method before it: ALTER USER 'curve'@'%' IDENTIFIED VIA mysql_native_password USING PASSWORD('…') OR ed25519 USING PASSWORD('…'). [LEAT-4009]",
            refusal);
    }

    [Fact]
    public async Task MariaDB_PAM_gets_the_password_under_TLS_and_not_otherwise()
    {
        await using var server = await TestServer.StartAsync(TestProduct.MariaDb11, "--plugin-load-add=auth_pam_v1");
        var account = await AccountAsync(server, "by_pam", "IDENTIFIED VIA pam USING 'leat-test'", "secret");

        var unprotected = await RefusedAsync(account);
        var denied = await RefusedAsync(account with { Tls = TlsMode.Required }); // PAM knows no such person: it was asked

        Assert.Equal(
            $"Source 'shop': the account 'by_pam' at 127.0.0.1:{server.Port} signs in by 'dialog', which sends the password as it is, and the connection is not protected. "
            + "Set 'tls' to verify_identity, verify_ca or required, or connect by 'socket'. [LEAT-4011]",
            unprotected);
        Assert.Contains("[LEAT-4002]", denied, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(TestProduct.MariaDb)]
    [InlineData(TestProduct.MySql9)]
    public async Task No_local_file_is_ever_sent(TestProduct product)
    {
        var server = await TestServer.SharedAsync(product);
        var database = server.NextDatabase();
        await server.ExecuteAsync($"CREATE DATABASE {database}; CREATE TABLE {database}.a (t TEXT)");

        await Assert.ThrowsAsync<MySqlServerException>(() => server.ExecuteAsync($"LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE {database}.a"));

        Assert.Equal(["0"], Assert.Single(await server.QueryAsync($"SELECT COUNT(*) FROM {database}.a")));
    }

    private static async Task<MySqlEndpoint> AccountAsync(TestServer server, string user, string identified, string password, string host = "%")
    {
        await server.ExecuteAsync($"CREATE USER '{user}'@'{host}' {identified}");
        return server.Endpoint with { User = user, Password = password };
    }

    private static async Task SignsInAsync(MySqlEndpoint endpoint)
    {
        await using var connection = await MySqlConnection.OpenAsync(endpoint, TimeProvider.System, Token);
        await using var who = await connection.QueryAsync("SELECT USER()", Token);
        Assert.True(await who.ReadRowAsync(Token));
        Assert.StartsWith($"{endpoint.User}@", who.Text(0), StringComparison.Ordinal);
        Assert.False(await who.ReadRowAsync(Token));
    }

    private static async Task<string> RefusedAsync(MySqlEndpoint endpoint)
    {
        var problem = await Assert.ThrowsAnyAsync<Exception>(() => MySqlConnection.OpenAsync(endpoint, TimeProvider.System, Token).AsTask());
        return MySqlErrors.Connection("Source 'shop'", endpoint, problem)?.Message ?? $"{problem.GetType().Name}: {problem.Message} {(problem as MySqlServerException)?.Code}";
    }
}
