using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Leat.Connectors.Elasticsearch;

/// <summary>Makes the TLS settings of connections: our certificate, and whether the server's is trusted.</summary>
internal static class ElasticsearchTrust
{
    /// <summary>The settings for connections to the nodes.</summary>
    /// <exception cref="Leat.Changes.PauseException">A file cannot be read.</exception>
    public static SslClientAuthenticationOptions Options(ElasticsearchSecurity security)
    {
        var options = new SslClientAuthenticationOptions();
        if (security.CertificateFile is { } file)
            options.ClientCertificates = [Read("tls_cert", file, path => X509Certificate2.CreateFromPemFile(path, security.KeyFile))];
        var authorities = security.AuthorityFile is { } pem ? Read("tls_ca", pem, Authorities) : null;
        if (security.Insecure || authorities is not null || security.AuthorityFingerprint is not null)
            options.RemoteCertificateValidationCallback = (_, certificate, sent, errors) => IsTrusted(security, authorities, certificate as X509Certificate2, sent, errors);
        return options;
    }

    /// <summary>Whether a certificate is trusted: from one of our authorities, or from the one with the fingerprint, and in the host's name.</summary>
    internal static bool IsTrusted(
        ElasticsearchSecurity security, X509Certificate2Collection? authorities, X509Certificate2? certificate, X509Chain? sent, SslPolicyErrors errors)
    {
        if (security.Insecure)
            return true;
        if (certificate is null || (errors & SslPolicyErrors.RemoteCertificateNameMismatch) != 0)
            return false;
        var others = sent?.ChainElements.Select(element => element.Certificate).Concat(sent.ChainPolicy.ExtraStore).ToList() ?? [];
        var roots = authorities ?? [];
        if (security.AuthorityFingerprint is { } fingerprint)
            roots = [.. roots.Concat(others).Append(certificate).Where(one => Convert.ToHexStringLower(SHA256.HashData(one.RawData)) == fingerprint)];
        if (roots.Count == 0)
            return false;

        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.CustomTrustStore.AddRange(roots);
        chain.ChainPolicy.ExtraStore.AddRange(others.ToArray());
        return chain.Build(certificate);
    }

    private static X509Certificate2Collection Authorities(string path)
    {
        var authorities = new X509Certificate2Collection();
        authorities.ImportFromPemFile(path);
        return authorities.Count > 0 ? authorities : throw new CryptographicException("it holds no certificate");
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
