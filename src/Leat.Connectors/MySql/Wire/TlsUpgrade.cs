using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Leat.Connectors.MySql.Wire;

/// <summary>Turns a clear connection into a protected one.</summary>
internal static class TlsUpgrade
{
    /// <summary>Runs the TLS handshake and checks the certificate as far as the endpoint asks.</summary>
    /// <exception cref="MySqlConnectionException">Not trusted, or the handshake failed.</exception>
    public static async ValueTask<Stream> RunAsync(Stream clear, MySqlEndpoint endpoint, CancellationToken cancellationToken)
    {
        var reason = "";
        var protectedStream = new SslStream(clear, leaveInnerStreamOpen: false);
        try
        {
            using var authority = endpoint.TlsCaFile is null ? null : X509Certificate2.CreateFromPem(await File.ReadAllTextAsync(endpoint.TlsCaFile, cancellationToken));
            var options = new SslClientAuthenticationOptions
            {
                TargetHost = endpoint.Host,
                RemoteCertificateValidationCallback = (_, certificate, _, errors) =>
                    (reason = Objection(endpoint, authority, certificate as X509Certificate2, errors)).Length == 0,
            };
            await protectedStream.AuthenticateAsClientAsync(options, cancellationToken);
            return protectedStream;
        }
        catch (Exception problem) when (problem is AuthenticationException or IOException or CryptographicException or UnauthorizedAccessException)
        {
            await protectedStream.DisposeAsync();
            throw new MySqlConnectionException(ConnectionFault.Tls, reason.Length > 0 ? reason : problem.Message, problem);
        }
    }

    private static string Objection(MySqlEndpoint endpoint, X509Certificate2? authority, X509Certificate2? certificate, SslPolicyErrors errors)
    {
        if (endpoint.Tls == TlsMode.Required)
            return "";
        if (certificate is null)
            return "the server shows no certificate";
        if (endpoint.Tls == TlsMode.VerifyFull && (errors & SslPolicyErrors.RemoteCertificateNameMismatch) != 0)
            return $"the certificate ({certificate.Subject}) does not name the host '{endpoint.Host}'";
        if (authority is null)
            return (errors & SslPolicyErrors.RemoteCertificateChainErrors) == 0 ? "" : $"the certificate ({certificate.Subject}) comes from no authority that this system trusts";

        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(authority);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck; // private authorities rarely publish lists
        return chain.Build(certificate) ? "" : $"the certificate ({certificate.Subject}) was not issued by the authority in {endpoint.TlsCaFile}";
    }
}
