using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Leat.Changes;
using Leat.Connectors;
using Leat.Connectors.Elasticsearch;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;
using static Leat.Tests.Elasticsearch.Writing;

namespace Leat.Tests.Elasticsearch;

/// <summary>Whom a sink trusts, with certificates made for the test: an authority, a server of it, and a stranger.</summary>
public sealed class ElasticsearchTlsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("leat-tls-").FullName;
    private readonly X509Certificate2 _authority = Authority("CN=authority");

    [Fact]
    public async Task The_authority_of_a_file_is_trusted()
    {
        await using var server = new FakeElasticsearch(ServerOf(_authority, "localhost"));
        await using var sink = Sink(server.Url, $"tls_ca: \"{Pem(_authority)}\"");

        Assert.Equal([Answer.Applied], await WriteAsync(sink, Index(1, 1, "a")));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_authority_of_a_fingerprint_is_trusted(bool colons)
    {
        // A fingerprint says whom to trust without having the certificate: the server sends it along.
        using var own = Authority("CN=localhost", "localhost");
        await using var server = new FakeElasticsearch(own);
        var hex = Convert.ToHexString(SHA256.HashData(own.RawData));
        var text = colons ? string.Join(':', hex.Chunk(2).Select(pair => new string(pair))) : hex;
        await using var sink = Sink(server.Url, $"tls_ca_fingerprint: \"{text}\"");

        Assert.Equal([Answer.Applied], await WriteAsync(sink, Index(1, 1, "a")));
    }

    [Theory]
    [InlineData("", "the certificate (CN=localhost) comes from no authority that this system trusts")]
    [InlineData("ca", "the certificate (CN=localhost) was not issued by the authority in ")]
    [InlineData("fingerprint", "of the certificates that the server shows (CN=localhost and what it says to come from) none has the fingerprint ")]
    public async Task A_stranger_is_refused(string trust, string reason)
    {
        using var stranger = Authority("CN=stranger");
        await using var server = new FakeElasticsearch(ServerOf(stranger, "localhost"));
        await using var sink = Sink(server.Url, trust switch
        {
            "ca" => $"tls_ca: \"{Pem(_authority)}\"",
            "fingerprint" => $"tls_ca_fingerprint: \"{Convert.ToHexString(SHA256.HashData(_authority.RawData))}\"",
            _ => "",
        });

        var error = await Assert.ThrowsAsync<PauseException>(() => WriteAsync(sink, Index(1, 1, "a")));

        Assert.Equal(new ErrorCode(4514), error.Code);
        Assert.StartsWith($"No secure connection to https://localhost:{server.Port}: {reason}", error.What, StringComparison.Ordinal);
    }

    [Fact]
    public void A_fingerprint_may_be_of_an_authority_that_the_server_shows_with_its_own_certificate()
    {
        using var server = ServerOf(_authority, "localhost");
        using var stranger = Authority("CN=authority");
        using var sent = new X509Chain();
        sent.ChainPolicy.ExtraStore.Add(_authority);
        string Objection(X509Certificate2 trusted) => ServerTrust.Objection(
            server, sent, SslPolicyErrors.RemoteCertificateChainErrors, "localhost", null, null, Convert.ToHexStringLower(SHA256.HashData(trusted.RawData)));

        Assert.Equal("", Objection(_authority));
        Assert.StartsWith("of the certificates that the server shows (CN=localhost and what it says to come from) none has the fingerprint ", Objection(stranger), StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_node_that_is_not_trusted_does_not_keep_the_others_from_being_asked()
    {
        using var stranger = Authority("CN=stranger");
        await using var wrong = new FakeElasticsearch(ServerOf(stranger, "localhost"));
        await using var right = new FakeElasticsearch(ServerOf(_authority, "localhost"));
        await using var sink = new ElasticsearchSink(
            Options($"{{ url: [\"{wrong.Url}\", \"{right.Url}\"], index: orders, tls_ca: \"{Pem(_authority)}\" }}"), new("search", NullLoggerFactory.Instance, TimeProvider.System));

        for (var i = 0; i < 3; i++)
            Assert.Equal([Answer.Applied], await WriteAsync(sink, Index(i, i, "a")));

        Assert.Empty(wrong.Requests);
    }

    [Fact]
    public async Task A_certificate_in_anothers_name_is_refused()
    {
        await using var server = new FakeElasticsearch(ServerOf(_authority, "elsewhere"));
        await using var sink = Sink(server.Url, $"tls_ca: \"{Pem(_authority)}\"");

        Assert.Equal(
            $"No secure connection to https://localhost:{server.Port}: the certificate (CN=elsewhere) does not name the host 'localhost'. "
            + "Name the authority of the server's certificate in `tls_ca` or `tls_ca_fingerprint`, and the host as the certificate does in `url`. [LEAT-4514]",
            (await Assert.ThrowsAsync<PauseException>(() => WriteAsync(sink, Index(1, 1, "a")))).Message);
    }

    [Fact]
    public async Task Insecure_takes_anybody_and_every_check_says_so()
    {
        using var stranger = Authority("CN=stranger");
        await using var server = new FakeElasticsearch(ServerOf(stranger, "elsewhere"));
        await using var sink = Sink(server.Url, "insecure: true");

        Assert.Equal([Answer.Applied], await WriteAsync(sink, Index(1, 1, "a")));
        var finding = Assert.Single(await sink.CheckAsync([OrdersShape], TestContext.Current.CancellationToken), finding => finding.Severity == Severity.Warning);
        Assert.Equal(
            $"Certificates are not checked (`insecure: true`): whoever stands between can read and change everything sent to https://localhost:{server.Port}.", finding.Message);
    }

    [Fact]
    public async Task Our_certificate_is_shown_to_a_server_that_asks()
    {
        await using var server = new FakeElasticsearch(ServerOf(_authority, "localhost"), asksForCertificate: true);
        using var ours = ServerOf(_authority, "leat");
        var (cert, key) = (Path.Combine(_folder, "own.pem"), Path.Combine(_folder, "own.key"));
        await File.WriteAllTextAsync(cert, ours.ExportCertificatePem(), TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(key, ours.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem(), TestContext.Current.CancellationToken);
        await using var without = Sink(server.Url, $"tls_ca: \"{Pem(_authority)}\"");
        await using var with = Sink(server.Url, $"tls_ca: \"{Pem(_authority)}\", tls_cert: \"{cert}\", tls_key: \"{key}\"");

        await Assert.ThrowsAnyAsync<LeatException>(() => WriteAsync(without, Index(1, 1, "a")));
        Assert.Equal([Answer.Applied], await WriteAsync(with, Index(1, 1, "a")));
    }

    [Fact]
    public async Task A_file_that_is_not_there_is_named()
    {
        await using var sink = Sink(new("https://localhost:1"), "tls_ca: /nowhere/ca.pem");

        var error = await Assert.ThrowsAsync<PauseException>(() => WriteAsync(sink, Index(1, 1, "a")));

        Assert.Equal(new ErrorCode(4513), error.Code);
        Assert.StartsWith("The file of `tls_ca`, /nowhere/ca.pem, cannot be read: ", error.What, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        _authority.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private string Pem(X509Certificate2 certificate)
    {
        var path = Path.Combine(_folder, certificate.Thumbprint + ".pem");
        File.WriteAllText(path, certificate.ExportCertificatePem());
        return path;
    }

    private static X509Certificate2 Authority(string name, string? host = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        if (host is not null)
            AddHost(request, host);
        using var made = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pfx), null, X509KeyStorageFlags.Exportable);
    }

    private static X509Certificate2 ServerOf(X509Certificate2 authority, string host)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=" + host, key, HashAlgorithmName.SHA256);
        AddHost(request, host);
        using var made = request.Create(authority, DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddHours(1), RandomNumberGenerator.GetBytes(8));
        using var whole = made.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(whole.Export(X509ContentType.Pfx), null, X509KeyStorageFlags.Exportable);
    }

    private static void AddHost(CertificateRequest request, string host)
    {
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(host);
        names.AddIpAddress(IPAddress.None);
        request.CertificateExtensions.Add(names.Build());
    }
}
