using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Leat.Connectors.Elasticsearch;

/// <summary>Makes the TLS settings of connections: our certificate, and whom we trust.</summary>
internal static class ElasticsearchTrust
{
    /// <summary>The settings for connections to the nodes. What is wrong with a certificate ends the handshake with an <see cref="AuthenticationException"/> that says it.</summary>
    /// <exception cref="Leat.Changes.PauseException">A file cannot be read.</exception>
    public static SslClientAuthenticationOptions Options(ElasticsearchSecurity security)
    {
        var options = new SslClientAuthenticationOptions();
        if (security.CertificateFile is { } file)
            options.ClientCertificates = [Read("tls_cert", file, path => X509Certificate2.CreateFromPemFile(path, security.KeyFile))];
        var authorities = security.AuthorityFile is { } pem ? Read("tls_ca", pem, ServerTrust.ReadAuthorities) : null;
        options.RemoteCertificateValidationCallback = (stream, certificate, sent, errors) =>
        {
            var host = (stream as SslStream)?.TargetHostName ?? "";
            var objection = security.Insecure
                ? ""
                : ServerTrust.Objection(certificate as X509Certificate2, sent, errors, host, authorities, security.AuthorityFile, security.AuthorityFingerprint);
            return objection.Length == 0 ? true : throw new AuthenticationException(objection);
        };
        return options;
    }

    private static T Read<T>(string key, string path, Func<string, T> read)
    {
        try
        {
            return read(path);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw ElasticsearchErrors.UnreadableFile(key, path, cause);
        }
    }
}
