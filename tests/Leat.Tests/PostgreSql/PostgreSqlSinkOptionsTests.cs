using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Connectors.PostgreSql;
using Npgsql;
using Xunit;

namespace Leat.Tests.PostgreSql;

public sealed class PostgreSqlSinkOptionsTests
{
    [Fact]
    public void Defaults_are_those_of_the_document()
    {
        var (options, problems) = Read(("host", "127.0.0.1"), ("user", "leat"), ("database", "shop"));

        Assert.Empty(problems);
        Assert.Equal(new PostgreSqlSinkOptions { Host = "127.0.0.1", User = "leat", Database = "shop" }, options);
    }

    [Fact]
    public void A_server_elsewhere_has_to_prove_its_name()
    {
        var (options, _) = Read(("host", "pg.example.com"), ("user", "leat"), ("database", "shop"), ("tls_ca", "ca.pem"));

        var connection = new NpgsqlConnectionStringBuilder(options.ConnectionString());
        Assert.Equal((SslMode.VerifyFull, "ca.pem", false), (connection.SslMode, connection.RootCertificate, connection.Pooling));
    }

    [Fact]
    public void A_socket_takes_the_place_of_the_host()
    {
        var (options, problems) = Read(("socket", "/run/postgresql"), ("user", "leat"), ("database", "shop"));

        Assert.Empty(problems);
        Assert.Equal(("/run/postgresql/.s.PGSQL.5432", SslMode.Disable), (options.Address, options.Tls));
    }

    [Fact]
    public void All_mistakes_are_told_at_once()
    {
        var (_, problems) = Read(
            ("host", "h"), ("socket", "run"), ("user", "leat"), ("database", "shop"), ("schema", "drop"), ("apply", "both"), ("zero_dates", "zero"), ("json", "text"),
            ("tls", "required"), ("tls_cert", "c.pem"), ("lock_timeout", "1h"), ("tabels", "x"));

        Assert.Equal(
            ["sink.socket", "sink.host", "sink.schema", "sink.apply", "sink.zero_dates", "sink.json", "sink.tls", "sink.tls_key", "sink.lock_timeout", "tabels"],
            problems.Select(problem => new[] { "sink.socket", "sink.host", "sink.schema", "sink.apply", "sink.zero_dates", "sink.json", "sink.tls_key", "sink.tls", "sink.lock_timeout", "tabels" }
                .First(key => problem.Message.Contains(key, StringComparison.Ordinal))));
    }

    private static (PostgreSqlSinkOptions Options, IReadOnlyList<Finding> Problems) Read(params (string Key, string Value)[] settings)
    {
        var at = new FileLocation("leat.yaml", 1, 1);
        var problems = new List<Finding>();
        var map = new ConfigMap(at, [.. settings.Select(setting => new ConfigEntry(setting.Key, at, new ConfigScalar(at, setting.Value, false)))]);
        return (PostgreSqlSinkOptions.Read(new(map, "sink", problems)), problems);
    }
}
