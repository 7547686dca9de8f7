using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Leat.Changes;
using Leat.Connectors.Redis;
using Leat.Demo;
using Xunit;
using static Leat.IntegrationTests.Redis.People;

namespace Leat.IntegrationTests.Redis;

/// <summary>A server that speaks TLS, with certificates of an authority that is made for the test.</summary>
public sealed class RedisTlsTests : IAsyncLifetime
{
    private readonly string _folder = TestRunFolder.New();
    private PrivateRedis? _server;
    private int _port;

    private static Shape Rows => Shape("s", "id", "name");

    private string Address => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{_port}");

    public async ValueTask InitializeAsync()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=test authority", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var authority = request.CreateSelfSigned(DateTimeOffset.UnixEpoch.AddYears(50), DateTimeOffset.UnixEpoch.AddYears(100));
        await File.WriteAllTextAsync(PathOf("ca.pem"), authority.ExportCertificatePem());
        Issue(authority, "server", "127.0.0.1");
        Issue(authority, "elsewhere", "10.1.2.3");
        Issue(authority, "client", null);
        await StartAsync("server");
    }

    public ValueTask DisposeAsync() => _server?.DisposeAsync() ?? ValueTask.CompletedTask;

    [Fact]
    public async Task A_server_whose_authority_is_named_is_written_to()
    {
        var options = Options with { TlsCaFile = PathOf("ca.pem") };

        Assert.Equal([Answer.Applied], await DeliverAsync(options, Index(Rows, 1, new(1, "Ann"))));
        Assert.Equal(["s:1: id=1 name=Ann"], await ReadAsync(options, Rows));
    }

    [Fact]
    public async Task An_authority_that_nobody_named_is_not_trusted_unless_that_is_written_out()
    {
        var error = await Assert.ThrowsAsync<PauseException>(() => DeliverAsync(Options, Index(Rows, 1, new(1, "Ann"))));

        Assert.Equal(
            $"No secure connection to Redis at {Address}: the certificate (CN=server) comes from no authority that this system trusts. " +
            "Use the server's TLS port and a certificate that names the host in `address`; name its authority in `tls_ca` when this machine does not trust it. [LEAT-4208]",
            error.Message);
        Assert.Equal([Answer.Applied], await DeliverAsync(Options with { TlsInsecure = true }, Index(Rows, 1, new(1, "Ann"))));
        await using var sink = RedisFixture.Sink(Options with { TlsInsecure = true });
        Assert.Equal(
            [$"Certificates are not checked (`tls: insecure`): whoever stands between can read and change everything sent to {Address}."],
            (await sink.CheckAsync([Rows], default)).Where(finding => finding.Severity == Severity.Warning).Select(finding => finding.Message));
    }

    [Fact]
    public async Task A_certificate_of_another_host_is_not_taken()
    {
        await _server!.DisposeAsync();
        await StartAsync("elsewhere");

        var error = await Assert.ThrowsAsync<PauseException>(() => DeliverAsync(Options with { TlsCaFile = PathOf("ca.pem") }, Index(Rows, 1, new(1, "Ann"))));

        Assert.Equal($"No secure connection to Redis at {Address}: the certificate (CN=elsewhere) does not name the host '127.0.0.1'.", error.What);
    }

    [Fact]
    public async Task A_server_that_asks_for_a_certificate_gets_ours()
    {
        await _server!.DisposeAsync();
        await StartAsync("server", "--tls-auth-clients", "yes");
        var options = Options with { TlsCaFile = PathOf("ca.pem") };

        var refused = await Record.ExceptionAsync(() => DeliverAsync(options, Index(Rows, 1, new(1, "Ann"))));
        Assert.Contains(Assert.IsAssignableFrom<LeatException>(refused).Code, new[] { new ErrorCode(4201), new ErrorCode(4208) }); // in TLS 1.3 the refusal comes after the handshake
        Assert.Equal(
            [Answer.Applied],
            await DeliverAsync(options with { TlsCertificateFile = PathOf("client.pem"), TlsKeyFile = PathOf("client.key") }, Index(Rows, 1, new(1, "Ann"))));
    }

    [Fact]
    public async Task A_file_that_is_not_there_is_named()
    {
        var error = await Assert.ThrowsAsync<PauseException>(() => DeliverAsync(Options with { TlsCaFile = PathOf("no.pem") }, Index(Rows, 1, new(1, "Ann"))));

        Assert.StartsWith($"No secure connection to Redis at {Address}: `tls_ca` ({PathOf("no.pem")}) cannot be read: ", error.What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_that_does_not_answer_in_TLS_is_suspected_not_to_speak_it()
    {
        var options = Options with { Port = _server!.Port, ConnectTimeout = TimeSpan.FromMilliseconds(100) };

        var error = await Assert.ThrowsAsync<RetriableException>(() => DeliverAsync(options, Index(Rows, 1, new(1, "Ann"))));

        Assert.Equal(
            $"Redis at {_server.Address} cannot be reached: no answer to the TLS handshake; does the port speak TLS? (0.1 s). Start it, or correct `address`; Leat tries again by itself. [LEAT-4200]",
            error.Message);
    }

    private RedisSinkOptions Options => new()
    {
        Host = "127.0.0.1", Port = _port, Tls = true, Keys = new Dictionary<string, KeyTemplate> { [""] = Template("s:{id}") },
    };

    private async Task StartAsync(string certificate, params string[] more)
    {
        _port = FreePorts.Next();
        _server = await TestServers.RedisAsync(
        [
            "--tls-port", _port.ToString(CultureInfo.InvariantCulture), "--tls-cert-file", PathOf($"{certificate}.pem"), "--tls-key-file", PathOf($"{certificate}.key"),
            "--tls-ca-cert-file", PathOf("ca.pem"), .. more.Length > 0 ? more : ["--tls-auth-clients", "no"],
        ]);
    }

    private string PathOf(string name) => Path.Combine(_folder, name);

    private void Issue(X509Certificate2 authority, string name, string? address)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        if (address is not null)
        {
            var names = new SubjectAlternativeNameBuilder();
            names.AddIpAddress(IPAddress.Parse(address));
            request.CertificateExtensions.Add(names.Build());
        }

        using var certificate = request.Create(authority, authority.NotBefore, authority.NotAfter, [(byte)name.Length]);
        File.WriteAllText(PathOf($"{name}.pem"), certificate.ExportCertificatePem());
        File.WriteAllText(PathOf($"{name}.key"), key.ExportPkcs8PrivateKeyPem());
    }
}
