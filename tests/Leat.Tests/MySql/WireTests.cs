using Leat.Connectors.MySql.Wire;
using Xunit;

namespace Leat.Tests.MySql;

public sealed class WireTests
{
    // Protocol 10, "5.5.5-10.11.6-MariaDB", connection 7, scramble "abcdefgh" + "ijklmnopqrst", native password.
    private static readonly byte[] Hello = Convert.FromHexString(
        "0A" + "352E352E352D31302E31312E362D4D61726961444200" + "07000000" + "6162636465666768" + "00" + "FEF7" + "2D" + "0200" + "FF81" + "15"
        + "00000000000000000000" + "696A6B6C6D6E6F7071727374" + "00" + "6D7973716C5F6E61746976655F70617373776F726400");

    [Fact]
    public void Reads_every_field_of_the_handshake()
    {
        var hello = ServerHandshake.Read(Hello);

        Assert.Equal("10.11.6-MariaDB", hello.Version);
        Assert.True(hello.IsMariaDb);
        Assert.Equal(7u, hello.ConnectionId);
        Assert.Equal("abcdefghijklmnopqrst"u8.ToArray(), hello.Scramble);
        Assert.Equal("mysql_native_password", hello.Plugin);
        Assert.True(hello.Offered.HasFlag(Capabilities.PluginAuth | Capabilities.Protocol41));
    }

    [Fact]
    public void A_handshake_cut_before_its_plugin_is_refused_at_every_length()
    {
        for (var length = 0; length < Hello.Length - 23; length++)
        {
            if (length == 1)
                Assert.Throws<MySqlFormatException>(() => ServerHandshake.Read(Hello.AsSpan(0, 1)));
            else
                Assert.Throws<MySqlFormatException>(() => ServerHandshake.Read(Hello.AsSpan(0, length)));
        }
    }

    [Fact]
    public void Answers_the_native_password_scramble()
    {
        // Worked out independently: sha1(pw) ^ sha1(scramble + sha1(sha1(pw))) with Python's hashlib.
        var answer = NativePassword.Answer("secret", "abcdefghijklmnopqrst"u8);

        Assert.Equal("8817C50FA779DAEF010EE7577825B0847DF9842E", Convert.ToHexString(answer));
        Assert.Empty(NativePassword.Answer("", "abcdefghijklmnopqrst"u8));
    }

    [Fact]
    public void Reads_an_error_with_and_without_its_state()
    {
        var full = ServerAnswer.ReadError([0xFF, 0x15, 0x04, .. "#28000Access denied"u8]);
        var early = ServerAnswer.ReadError([0xFF, 0x10, 0x04, .. "Too many connections"u8]);

        Assert.Equal((1045, "28000", "Access denied"), (full.Code, full.SqlState, full.Message));
        Assert.Equal((1040, "HY000", "Too many connections"), (early.Code, early.SqlState, early.Message));
    }

    [Fact]
    public void Reads_an_ok_packet()
    {
        var ok = ServerAnswer.ReadOk([0, 0xFC, 0x2C, 0x01, 5, 0x0A, 0x00, 2, 0], out var more);

        Assert.Equal(new Executed(300, 5, 2), ok);
        Assert.True(more);
    }

    [Fact]
    public void Splits_a_text_row_with_a_null()
    {
        var values = new (int Offset, int Length)[3];

        MySqlResult.Split([1, (byte)'a', 0xFB, 0], values);

        Assert.Equal([(1, 1), (0, -1), (4, 0)], values);
    }

    [Fact]
    public void A_text_row_longer_than_its_columns_is_refused()
    {
        var error = Assert.Throws<MySqlFormatException>(() => MySqlResult.Split([0, 0], new (int, int)[1]));

        Assert.Equal("The server's row length is 2; expected 1.", error.Message);
    }

    [Fact]
    public void Mutated_packets_give_values_or_the_declared_exceptions()
    {
        var random = new Random(3);
        for (var round = 0; round < 20_000; round++)
        {
            byte[] bytes = [.. Hello[..random.Next(Hello.Length + 1)]];
            for (var i = 0; i < 3 && bytes.Length > 0; i++)
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            Declared(() => ServerHandshake.Read(bytes));
            Declared(() => ServerAnswer.ReadOk(bytes, out _));
            Declared(() => ServerAnswer.ReadError(bytes));
            Declared(() => ResultColumn.Read(bytes));
            Declared(() => MySqlResult.Split(bytes, new (int, int)[4]));
        }
    }

    [Theory]
    [InlineData("127.0.0.1", TlsMode.Off)]
    [InlineData("::1", TlsMode.Off)]
    [InlineData("localhost", TlsMode.Off)]
    [InlineData("10.0.0.7", TlsMode.VerifyIdentity)]
    [InlineData("db.example.com", TlsMode.VerifyIdentity)]
    public void Only_loopback_is_clear_text_by_default(string host, TlsMode expected) => Assert.Equal(expected, MySqlEndpoint.DefaultTls(host));

    [Fact]
    public void An_endpoint_never_prints_its_password() =>
        Assert.Equal("leat@db:3307", new MySqlEndpoint { Host = "db", Port = 3307, User = "leat", Password = "s3cret" }.ToString());

    private static void Declared(Action read)
    {
        try
        {
            read();
        }
        catch (Exception declared) when (declared is MySqlFormatException or MySqlServerException)
        {
            // What the parsers promise.
        }
    }
}
