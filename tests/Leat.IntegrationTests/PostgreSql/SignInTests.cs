using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Leat.Changes;
using Leat.Connectors.PostgreSql;
using Leat.Demo;
using Npgsql;
using Xunit;

namespace Leat.IntegrationTests.PostgreSql;

/// <summary>Passwords, sockets, TLS and client certificates, each certificate made for the test.</summary>
public sealed class SignInTests : IAsyncLifetime
{
    private readonly string _folder = TestRunFolder.New();
    private PrivatePostgreSql _server = null!; // started before each test
    private PostgreSqlSinkOptions _options = null!;

    private string Authority => Path.Combine(_folder, "ca.pem");

    public async ValueTask InitializeAsync()
    {
        _server = await PrivatePostgreSql.StartAsync();
        _options = new() { Host = "127.0.0.1", Port = _server.Port, User = "guest", Password = "right", Database = "postgres" };
        var now = TimeProvider.System.GetUtcNow();
        using var authorityKey = RSA.Create(2048);
        var authorityRequest = new CertificateRequest("CN=Test Authority", authorityKey, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        authorityRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var authority = authorityRequest.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        using var strangerKey = RSA.Create(2048);
        using var stranger = new CertificateRequest("CN=Stranger", strangerKey, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        await File.WriteAllTextAsync(Authority, authority.ExportCertificatePem());
        await File.WriteAllTextAsync(Path.Combine(_folder, "stranger.pem"), stranger.ExportCertificatePem());
        await SignAsync(authority, "CN=pg.test", "server", IPAddress.Loopback);
        await SignAsync(authority, "CN=guest", "guest", null);
        foreach (var file in new[] { "server-cert.pem", "server-key.pem", "ca.pem" })
            File.Copy(Path.Combine(_folder, file), Path.Combine(_server.DataFolder, file));
        await File.WriteAllTextAsync(
            Path.Combine(_server.DataFolder, "pg_hba.conf"),
            "local all all trust\nhost all leat 127.0.0.1/32 trust\nhostnossl all guest 127.0.0.1/32 scram-sha-256\nhostssl all guest 127.0.0.1/32 scram-sha-256\nhostssl all certified 127.0.0.1/32 cert map=certs\n");
        await File.WriteAllTextAsync(Path.Combine(_server.DataFolder, "pg_ident.conf"), "certs guest certified\n");
        if (Environment.IsPrivilegedProcess)
            await ProgramRun.RunAsync("chown", ["-R", "65534", _server.DataFolder], "", CancellationToken.None);
        await ProgramRun.RunAsync("chmod", ["600", Path.Combine(_server.DataFolder, "server-key.pem")], "", CancellationToken.None);
        await _server.ExecuteAsync("CREATE ROLE guest LOGIN PASSWORD 'right'");
        await _server.ExecuteAsync("CREATE ROLE certified LOGIN");
        await _server.ExecuteAsync("SELECT pg_reload_conf()");
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task Passwords_sockets_and_protection_are_as_the_settings_say()
    {
        Assert.Null(await ProblemAsync(_options));
        Assert.Null(await ProblemAsync(_options with { Host = _server.SocketFolder, Password = null }));
        Assert.Equal(
            $"4601 Sink of pipeline 'p' cannot sign in at 127.0.0.1:{_server.Port} as 'guest': password authentication failed for user \"guest\" (28P01).",
            await ProblemAsync(_options with { Password = "wrong" }));
        Assert.StartsWith($"4601 Sink of pipeline 'p' cannot sign in at 127.0.0.1:{_server.Port} as 'guest': No password has been provided", await ProblemAsync(_options with { Password = null }), StringComparison.Ordinal);
        Assert.StartsWith($"4601 Sink of pipeline 'p' cannot sign in at 127.0.0.1:{_server.Port} as 'guest': SSL connection requested.", await ProblemAsync(_options with { Tls = SslMode.Require }), StringComparison.Ordinal);

        await StartTlsAsync();
        Assert.Null(await ProblemAsync(_options with { Tls = SslMode.Require }));
        Assert.Null(await ProblemAsync(_options with { Tls = SslMode.VerifyCA, TlsCaFile = Authority }));
        Assert.Null(await ProblemAsync(_options with { Tls = SslMode.VerifyFull, TlsCaFile = Authority }));
        foreach (var untrusted in new[]
        {
            _options with { Tls = SslMode.VerifyCA, TlsCaFile = Path.Combine(_folder, "stranger.pem") },
            _options with { Tls = SslMode.VerifyFull, TlsCaFile = Authority, Host = "localhost" },
            _options with { Tls = SslMode.VerifyFull, TlsCaFile = Path.Combine(_folder, "missing.pem") },
        })
            Assert.StartsWith($"4602 Sink of pipeline 'p' cannot protect its connection to {untrusted.Address}: ", await ProblemAsync(untrusted), StringComparison.Ordinal);

        var certified = _options with { User = "certified", Password = null, Tls = SslMode.VerifyFull, TlsCaFile = Authority };
        Assert.StartsWith("4601 ", await ProblemAsync(certified), StringComparison.Ordinal);
        Assert.Null(await ProblemAsync(certified with { TlsCertificateFile = Path.Combine(_folder, "guest-cert.pem"), TlsKeyFile = Path.Combine(_folder, "guest-key.pem") }));
    }

    [Fact]
    public async Task Nobody_at_the_address_is_a_passing_condition() =>
        Assert.Equal(
            "4600 Sink of pipeline 'p' cannot reach 127.0.0.1:1: Connection refused.", await ProblemAsync(_options with { Port = 1 }));

    private async Task StartTlsAsync()
    {
        foreach (var setting in new[] { "ssl_cert_file = 'server-cert.pem'", "ssl_key_file = 'server-key.pem'", "ssl_ca_file = 'ca.pem'", "ssl = on" })
            await _server.ExecuteAsync($"ALTER SYSTEM SET {setting}");
        await _server.RestartAsync();
    }

    // Code and what of the error that check tells first; null when there is none.
    private static async Task<string?> ProblemAsync(PostgreSqlSinkOptions options)
    {
        await using var sink = new PostgreSqlSink(options, new("p", Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance, TimeProvider.System));
        var findings = await sink.CheckAsync([], CancellationToken.None);
        return findings.FirstOrDefault(finding => finding.Check == "reach" && finding.Severity == Severity.Error) is { } problem ? $"{problem.Code?.Number} {problem.Message}" : null;
    }

    private async Task SignAsync(X509Certificate2 authority, string subject, string name, IPAddress? address)
    {
        var now = TimeProvider.System.GetUtcNow();
        using var key = RSA.Create(2048);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        if (address is not null)
        {
            var names = new SubjectAlternativeNameBuilder();
            names.AddIpAddress(address);
            request.CertificateExtensions.Add(names.Build());
        }

        using var certificate = request.Create(authority, now.AddDays(-1), now.AddHours(12), RandomNumberGenerator.GetBytes(8));
        await File.WriteAllTextAsync(Path.Combine(_folder, $"{name}-cert.pem"), certificate.ExportCertificatePem());
        await File.WriteAllTextAsync(Path.Combine(_folder, $"{name}-key.pem"), key.ExportRSAPrivateKeyPem());
    }
}
