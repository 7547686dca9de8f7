using System.Security.Cryptography;
using System.Text;
using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Wire;
using Xunit;

namespace Leat.Tests.MySql;

/// <summary>The talk of a sign-in, packet by packet, without a server: every plugin, and what a rogue server could ask.</summary>
public sealed class SignInExchangeTests
{
    private const string CachedHash = "SHA2";
    private static readonly byte[] Scramble = Encoding.ASCII.GetBytes("abcdefghijklmnopqrst");
    private static readonly MySqlEndpoint Clear = new() { Host = "db", User = "leat", Password = "secret" };
    private static readonly MySqlEndpoint Tls = Clear with { Tls = TlsMode.Required };
    private static readonly byte[] Ok = [0, 0, 0, 2, 0, 0, 0];

    [Theory]
    [InlineData("mysql_native_password", "mysql_native_password", "8817C50FA779DAEF010EE7577825B0847DF9842E")]
    [InlineData("sha256_password", "mysql_native_password", "8817C50FA779DAEF010EE7577825B0847DF9842E")]
    [InlineData("caching_sha2_password", "caching_sha2_password", CachedHash)]
    public void Begins_with_a_plugin_that_sends_a_hash(string offered, string plugin, string answer)
    {
        var exchange = Begin(Clear, offered);

        Assert.Equal(plugin, exchange.Plugin);
        Assert.Equal(answer == CachedHash ? FromPython : answer, Convert.ToHexString(exchange.Begin()));
        Assert.False(exchange.GoesOn(Ok, out _));
    }

    [Fact]
    public void An_empty_password_is_answered_with_nothing()
    {
        var empty = Clear with { Password = "" };

        Assert.Empty(Begin(empty, CachingSha2Password.Plugin).Begin());
        Assert.Equal([], Answer(Begin(empty, "x"), Switch("caching_sha2_password")));
        Assert.Equal([0], Answer(Begin(empty, "x"), Switch("sha256_password")));
    }

    [Fact]
    public void A_remembered_hash_needs_no_more()
    {
        var exchange = Begin(Clear, CachingSha2Password.Plugin);

        Assert.True(exchange.GoesOn([1, 3], out var nothing));
        Assert.Null(nothing);
        Assert.False(exchange.GoesOn(Ok, out _));
    }

    [Theory]
    [InlineData("caching_sha2_password", 2)]
    [InlineData("sha256_password", 1)]
    public void The_whole_password_goes_under_TLS_or_under_the_servers_key(string plugin, byte request)
    {
        using var key = RSA.Create(2048);
        byte[] pem = [1, .. Encoding.ASCII.GetBytes(key.ExportSubjectPublicKeyInfoPem())];

        Assert.Equal("secret\0"u8.ToArray(), WantedWhole(Begin(Tls, "x"), plugin));
        Assert.Equal("secret\0"u8.ToArray(), WantedWhole(Begin(Clear with { Socket = "/s" }, "x"), plugin));

        var allowed = Begin(Clear with { AllowPublicKeyRetrieval = true }, "x");
        Assert.Equal([request], WantedWhole(allowed, plugin));
        Assert.Equal("secret\0", Decrypted(key, Answer(allowed, pem)));
        Assert.Equal("secret\0", Decrypted(key, WantedWhole(Begin(Clear, "x", key.ExportSubjectPublicKeyInfoPem()), plugin)));

        var refused = Assert.Throws<MySqlConnectionException>(() => WantedWhole(Begin(Clear, "x"), plugin));
        Assert.Equal((ConnectionFault.Unprotected, plugin), (refused.Fault, refused.Detail));
    }

    [Fact]
    public void A_key_that_is_none_is_told()
    {
        var exchange = Begin(Clear with { AllowPublicKeyRetrieval = true }, CachingSha2Password.Plugin);
        Answer(exchange, [1, 4]);

        var error = Assert.Throws<MySqlConnectionException>(() => Answer(exchange, [1, .. "not a key"u8]));

        Assert.Equal(ConnectionFault.ServerKey, error.Fault);
    }

    [Theory]
    [InlineData("mysql_clear_password")]
    [InlineData("dialog")]
    public void A_password_in_the_clear_leaves_under_TLS_only(string plugin)
    {
        Assert.Equal("secret\0"u8.ToArray(), Answer(Begin(Tls, "x"), Switch(plugin, [])));

        var refused = Assert.Throws<MySqlConnectionException>(() => Answer(Begin(Clear, "x"), Switch(plugin, [])));

        Assert.Equal(
            $"Source 'shop': the account 'leat' at db:3306 signs in by '{plugin}', which sends the password as it is, and the connection is not protected. "
            + "Set 'tls' to verify_identity, verify_ca or required, or connect by 'socket'. [LEAT-4011]",
            MySqlErrors.Connection("Source 'shop'", Clear, refused)?.Message);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(5)]
    public void Pam_gets_the_password_once_and_no_second_answer(byte kind)
    {
        var exchange = Begin(Tls, "x");

        Assert.Equal("secret\0"u8.ToArray(), Answer(exchange, Switch("dialog", [kind, .. "Password: "u8])));
        var error = Assert.Throws<MySqlConnectionException>(() => Answer(exchange, [4, .. "Token code: "u8]));

        Assert.Equal(
            "Source 'shop': the sign-in of 'leat' at db:3306 asks 'Token code:'; Leat can answer with the account's password, once. "
            + "Give Leat an account whose PAM service asks for a password and nothing more. [LEAT-4014]",
            MySqlErrors.Connection("Source 'shop'", Tls, error)?.Message);
        Assert.Throws<MySqlConnectionException>(() => Answer(Begin(Tls, "x"), Switch("dialog", [2, .. "login: "u8])));
    }

    [Fact]
    public void Another_plugin_is_told_by_its_name()
    {
        var error = Assert.Throws<MySqlConnectionException>(() => Answer(Begin(Tls, "x"), Switch("auth_gssapi_client")));

        Assert.Equal(
            "Source 'shop': the account 'leat' at db:3306 signs in by 'auth_gssapi_client', which Leat does not speak. Give it a password that Leat can use: "
            + "on MySQL ALTER USER 'leat'@'%' IDENTIFIED WITH caching_sha2_password BY '…'; on MariaDB ALTER USER 'leat'@'%' IDENTIFIED VIA mysql_native_password "
            + "USING PASSWORD('…'). [LEAT-4003]",
            MySqlErrors.Connection("Source 'shop'", Tls, error)?.Message);
    }

    [Fact]
    public void The_plugin_may_change_again_and_again_but_not_for_ever()
    {
        var exchange = Begin(Clear, CachingSha2Password.Plugin);
        for (var i = 0; i < 8; i++)
        {
            Assert.Equal(20, Answer(exchange, Switch("mysql_native_password")).Length);
            Assert.Equal(FromPython, Convert.ToHexString(Answer(exchange, Switch("caching_sha2_password"))));
        }

        var error = Assert.Throws<MySqlFormatException>(() => Answer(exchange, Switch("mysql_native_password")));

        Assert.Equal("The server's answer to the sign-in is 254; expected an OK packet.", error.Message);
    }

    [Fact]
    public void A_switch_cut_at_any_length_is_refused()
    {
        var whole = Switch("caching_sha2_password");
        for (var length = 0; length < whole.Length - 1; length++)
        {
            var cut = whole[..length];
            var error = Assert.ThrowsAny<Exception>(() => Answer(Begin(Clear, "x"), cut));
            Assert.True(error is MySqlFormatException or MySqlConnectionException, $"{length}: {error}");
        }
    }

    // XOR(SHA256(pw), SHA256(SHA256(SHA256(pw)) + scramble)), worked out independently with Python's hashlib.
    private const string FromPython = "C76E2898612A4CF042C77FA8C4702C4C64C0C2C557C53C4D75595AAA6ABAE809";

    private static SignInExchange Begin(MySqlEndpoint endpoint, string offered, string? key = null) => new(endpoint, new("9.7", 1, 0, Scramble, offered), key);

    private static byte[] Switch(string plugin) => Switch(plugin, [.. Scramble, 0]);

    private static byte[] Switch(string plugin, byte[] data) => [0xFE, .. Encoding.ASCII.GetBytes(plugin), 0, .. data];

    private static byte[] Answer(SignInExchange exchange, byte[] packet)
    {
        Assert.True(exchange.GoesOn(packet, out var answer));
        Assert.NotNull(answer);
        return answer;
    }

    // The answer by which the password itself goes: sha256_password's first, caching_sha2_password's after the server did not know the hash.
    private static byte[] WantedWhole(SignInExchange exchange, string plugin)
    {
        var first = Answer(exchange, Switch(plugin));
        return plugin == Sha256Password.Plugin ? first : Answer(exchange, [1, 4]);
    }

    private static string Decrypted(RSA key, byte[] answer)
    {
        var hidden = key.Decrypt(answer, RSAEncryptionPadding.OaepSHA1);
        for (var i = 0; i < hidden.Length; i++)
            hidden[i] ^= Scramble[i % Scramble.Length];
        return Encoding.UTF8.GetString(hidden);
    }
}
