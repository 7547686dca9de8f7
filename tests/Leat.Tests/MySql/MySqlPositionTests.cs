using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Wire;
using Xunit;

namespace Leat.Tests.MySql;

public sealed class MySqlPositionTests
{
    [Theory]
    [InlineData("{\"server_id\":1,\"gtid\":\"0-1-42,3-7-9\",\"file\":\"bin.000002\",\"offset\":5000000000}")]
    [InlineData("{\"server_id\":1,\"gtid\":\"\",\"file\":\"\",\"offset\":0}")]
    [InlineData("{\"server_id\":9,\"gtid\":\"0-1-42\",\"file\":\"bin.000002\",\"offset\":7,\"captured\":\"shop.*\",\"snapshot\":{\"done\":1,\"rows\":5,\"tables\":[{\"db\":\"shop\",\"table\":\"b\",\"left\":[],\"next\":[\"17\",\"\\u00E4\"],\"rows\":1000}]}}")]
    [InlineData("{\"server_id\":9,\"gtid\":\"0-1-42\",\"file\":\"bin.000002\",\"offset\":7,\"snapshot\":{\"first\":true,\"upto\":\"\",\"done\":0,\"rows\":0,\"tables\":[]}}")]
    public void A_position_is_read_and_written_alike(string text)
    {
        Assert.True(MySqlPosition.TryParse(text, out var position));
        Assert.Equal(text, position.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"gtid\":1}")]
    [InlineData("{\"gtid\":\"x\"}")]
    [InlineData("{\"gtid\":\"0-1-2\",\"server_id\":-1}")]
    [InlineData("{\"gtid\":\"0-1-2\",\"snapshot\":{}}")]
    public void Anything_else_is_no_position(string text) => Assert.False(MySqlPosition.TryParse(text, out _));

    [Fact]
    public void Settings_are_read_with_their_defaults()
    {
        var problems = new List<Finding>();
        var options = MySqlSourceOptions.Read(Config(problems, ("host", "db.example.com"), ("user", "leat"), ("tables", "shop.*")));

        Assert.Empty(problems);
        Assert.Equal(("db.example.com", 3306, "leat", "", TlsMode.VerifyIdentity), (options.Endpoint.Host, options.Endpoint.Port, options.Endpoint.User, options.Endpoint.Password, options.Endpoint.Tls));
        Assert.Equal((SnapshotMode.Initial, 10_000, TimeSpan.FromSeconds(10), 0u), (options.Snapshot, options.SnapshotChunkRows, options.Heartbeat, options.ServerId));
        Assert.True(options.IsCaptured(new("shop", "orders")));
    }

    [Fact]
    public void Every_wrong_setting_is_told_at_once()
    {
        var problems = new List<Finding>();
        MySqlSourceOptions.Read(Config(
            problems, ("port", "0"), ("user", "leat"), ("tables", "orders"), ("server_id", "0"), ("snapshot", "maybe"), ("snapshot_chunk_rows", "0"),
            ("heartbeat", "1ms"), ("tls", "on"), ("password", "plain")));

        Assert.Equal(
            [
                "sources.shop.mysql has no 'host'.",
                "sources.shop.mysql.port: expected a whole number from 1 to 65535, got '0'.",
                "sources.shop.mysql.password is written into the file in plain text.",
                "sources.shop.mysql.tls: expected one of off, required, verify_ca, verify_identity, got 'on'.",
                "sources.shop.mysql.tables: expected names such as shop.orders or shop.*, got 'orders'.",
                "sources.shop.mysql.server_id: expected a whole number from 1 to 4294967295, got '0'.",
                "sources.shop.mysql.snapshot: expected one of initial, never, only, when_needed, got 'maybe'.",
                "sources.shop.mysql.snapshot_chunk_rows: expected a whole number from 1 to 1000000, got '0'.",
                "sources.shop.mysql.heartbeat: expected a time with its unit from 1s to 1h, such as 200ms or 5s, got '1ms'.",
            ],
            problems.Select(problem => problem.Message));
    }

    [Fact]
    public void A_socket_takes_the_place_of_host_and_port()
    {
        var problems = new List<Finding>();
        var endpoint = MySqlSourceOptions.Read(Config(
            problems, ("socket", "/run/mysqld/mysqld.sock"), ("user", "leat"), ("tables", "shop.*"), ("tls", "verify_ca"), ("tls_ca", "ca.pem"), ("tls_cert", "c.pem"),
            ("tls_key", "k.pem"), ("server_public_key", "p.pem"), ("allow_public_key_retrieval", "true"))).Endpoint;

        Assert.Empty(problems);
        Assert.Equal(
            ("/run/mysqld/mysqld.sock", TlsMode.VerifyCa, "ca.pem", "c.pem", "k.pem", "p.pem", true),
            (endpoint.Address, endpoint.Tls, endpoint.TlsCaFile, endpoint.TlsCertificateFile, endpoint.TlsKeyFile, endpoint.ServerPublicKeyFile, endpoint.AllowPublicKeyRetrieval));
        Assert.True(MySqlSourceOptions.Read(Config([], ("socket", "/s"), ("user", "leat"), ("tables", "shop.*"))).Endpoint is { Tls: TlsMode.Off, IsPrivate: true });
    }

    [Fact]
    public void Settings_of_the_connection_that_do_not_go_together_are_told()
    {
        var problems = new List<Finding>();
        MySqlSourceOptions.Read(Config(
            problems, ("socket", "mysqld.sock"), ("host", "db"), ("port", "3307"), ("user", "leat"), ("tables", "shop.*"), ("tls", "verify_identity"), ("tls_cert", "c.pem")));

        Assert.Equal(
            [
                "sources.shop.mysql.socket: expected an absolute path of at most 107 bytes, got 'mysqld.sock'.",
                "sources.shop.mysql.host: expected nothing beside 'socket', got 'db'.",
                "sources.shop.mysql.port: expected nothing beside 'socket', got '3307'.",
                "sources.shop.mysql.tls: expected off, required or verify_ca with 'socket', where the server has no name, got 'verify_identity'.",
                "sources.shop.mysql.tls_key: expected a PEM file, since there is 'tls_cert', got nothing.",
            ],
            problems.Select(problem => problem.Message));
    }

    [Fact]
    public void The_servers_number_of_us_is_stable_and_high()
    {
        var id = MySqlSourceOptions.DeriveServerId("shop", "host");

        Assert.Equal(id, MySqlSourceOptions.DeriveServerId("shop", "host"));
        Assert.NotEqual(id, MySqlSourceOptions.DeriveServerId("shop", "other"));
        Assert.True(id >= 0x8000_0000);
    }

    private static ConfigReader Config(List<Finding> problems, params (string Key, string Value)[] entries)
    {
        var at = new FileLocation("leat.yaml", 1, 1);
        var map = new ConfigMap(at, [.. entries.Select(entry => new ConfigEntry(entry.Key, at, new ConfigScalar(at, entry.Value, IsSecret: false)))]);
        return new(map, "sources.shop.mysql", problems);
    }
}
