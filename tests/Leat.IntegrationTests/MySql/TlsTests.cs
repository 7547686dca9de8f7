using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Wire;
using Leat.Demo;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.IntegrationTests.MySql;

/// <summary>Connections under TLS, each certificate made for the test; and what a source says when its server goes away.</summary>
public sealed class TlsTests : IAsyncLifetime
{
    private readonly string _folder = TestRunFolder.New();
    private PrivateMariaDb? _server;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Authority => Path.Combine(_folder, "ca.pem");

    private MySqlEndpoint Endpoint => new() { Host = "127.0.0.1", Port = _server?.Port ?? 0, User = "root", TlsCaFile = Authority };

    public async ValueTask InitializeAsync()
    {
        var now = TimeProvider.System.GetUtcNow();
        using var authorityKey = RSA.Create(2048);
        var authorityRequest = new CertificateRequest("CN=Test Authority", authorityKey, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        authorityRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var authority = authorityRequest.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.Create(authority, now.AddDays(-1), now.AddHours(12), [1, 2, 3]);
        await File.WriteAllTextAsync(Authority, authority.ExportCertificatePem(), Token);
        await File.WriteAllTextAsync(Path.Combine(_folder, "cert.pem"), certificate.ExportCertificatePem(), Token);
        await File.WriteAllTextAsync(Path.Combine(_folder, "key.pem"), key.ExportRSAPrivateKeyPem(), Token);
        using var otherKey = RSA.Create(2048);
        using var other = new CertificateRequest("CN=Other", otherKey, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        await File.WriteAllTextAsync(Path.Combine(_folder, "other.pem"), other.ExportCertificatePem(), Token);
        _server = await TestServers.MariaDbAsync($"--ssl-cert={Path.Combine(_folder, "cert.pem")}", $"--ssl-key={Path.Combine(_folder, "key.pem")}");
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
    }

    [Theory]
    [InlineData(TlsMode.Required)]
    [InlineData(TlsMode.VerifyCa)]
    [InlineData(TlsMode.VerifyIdentity)]
    public async Task A_trusted_server_is_spoken_to_under_tls_and_streams(TlsMode mode)
    {
        await using (var connection = await MySqlConnection.OpenAsync(Endpoint with { Tls = mode }, TimeProvider.System, Token))
        {
            await using var cipher = await connection.QueryAsync("SHOW STATUS LIKE 'Ssl_cipher'", Token);
            Assert.True(await cipher.ReadRowAsync(Token));
            Assert.NotEqual("", cipher.Text(1));
        }

        var source = Source(Endpoint with { Tls = mode });
        await Server.ExecuteAsync("CREATE DATABASE d; CREATE TABLE d.a (id INT PRIMARY KEY, t TEXT); INSERT INTO d.a VALUES (1, REPEAT('x', 60000))", Token);
        var recorder = new Recorder();
        await source.RunAsync(new() { Until = await source.CurrentPositionAsync(Token) }, recorder, Token);
        Assert.Single(recorder.Changes);
    }

    [Fact]
    public async Task An_untrusted_authority_and_another_name_are_refused()
    {
        var untrusted = await RefusedAsync(Endpoint with { Tls = TlsMode.VerifyCa, TlsCaFile = Path.Combine(_folder, "other.pem") });
        var system = await RefusedAsync(Endpoint with { Tls = TlsMode.VerifyIdentity, TlsCaFile = null });
        var named = await RefusedAsync(Endpoint with { Tls = TlsMode.VerifyIdentity, Host = "localhost" });

        Assert.Equal($"the certificate (CN=127.0.0.1) was not issued by the authority in {Path.Combine(_folder, "other.pem")}", untrusted);
        Assert.Equal("the certificate (CN=127.0.0.1) comes from no authority that this system trusts", system);
        Assert.Equal("the certificate (CN=127.0.0.1) does not name the host 'localhost'", named);
    }

    [Fact]
    public async Task A_server_that_goes_away_is_told_and_capture_goes_on_when_it_is_back()
    {
        var source = Source(Endpoint);
        await Server.ExecuteAsync("CREATE DATABASE d; CREATE TABLE d.a (id INT PRIMARY KEY)", Token);
        var start = await source.CurrentPositionAsync(Token);
        await Server.ExecuteAsync("INSERT INTO d.a VALUES (1)", Token);
        var before = new Recorder();
        var seen = before.WhenAsync(recorder => recorder.Transactions.Count == 1);
        var running = source.RunAsync(new() { From = start }, before, Token).AsTask();
        await Task.WhenAny(seen, running);

        await Server.KillAsync();
        var error = await Assert.ThrowsAsync<RetriableException>(() => running);
        var down = await Assert.ThrowsAsync<RetriableException>(() => source.RunAsync(new() { From = before.Position }, new Recorder(), Token).AsTask());
        await Server.RestartAsync(Token);
        await Server.ExecuteAsync("INSERT INTO d.a VALUES (2)", Token);
        var after = new Recorder();
        await source.RunAsync(new() { From = before.Position, Until = await source.CurrentPositionAsync(Token) }, after, Token);

        Assert.Equal((4005, 4001), (error.Code.Number, down.Code.Number));
        Assert.StartsWith($"Source 'shop' lost its connection to 127.0.0.1:{Server.Port}: ", error.Message, StringComparison.Ordinal);
        Assert.Equal(["Insert a (2)"], after.Changes.Select(change => change.ToString()));
    }

    private PrivateMariaDb Server => _server ?? throw new InvalidOperationException("not started");

    private static MySqlSource Source(MySqlEndpoint endpoint) => new(
        new() { Endpoint = endpoint, Tables = [new("d", "*")] }, new("shop", NullLoggerFactory.Instance, TimeProvider.System));

    private static async Task<string> RefusedAsync(MySqlEndpoint endpoint)
    {
        var error = await Assert.ThrowsAsync<MySqlConnectionException>(() => MySqlConnection.OpenAsync(endpoint, TimeProvider.System, Token).AsTask());
        Assert.Equal(ConnectionFault.Tls, error.Fault);
        return error.Detail;
    }
}
