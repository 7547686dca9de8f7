using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Leat.Connectors;

/// <summary>Whether the certificate of a server is to be believed: one judgement for all connectors.</summary>
internal static class ServerTrust
{
    /// <summary>The authorities in a PEM file; at least one.</summary>
    /// <exception cref="CryptographicException">It holds no certificate.</exception>
    public static X509Certificate2Collection ReadAuthorities(string file)
    {
        var authorities = new X509Certificate2Collection();
        authorities.ImportFromPemFile(file);
        return authorities.Count > 0 ? authorities : throw new CryptographicException("it holds no certificate");
    }

    /// <summary>What is wrong with a certificate, in words; empty when it is to be believed.</summary>
    /// <param name="certificate">The server's.</param>
    /// <param name="sent">The chain as it was built, with what the server sent.</param>
    /// <param name="errors">What the system finds.</param>
    /// <param name="host">Name that it has to bear; <see langword="null"/>: any.</param>
    /// <param name="authorities">Who may have issued it; <see langword="null"/>: whom the system trusts.</param>
    /// <param name="authoritiesFile">Where those come from, for the message.</param>
    /// <param name="fingerprint">SHA-256 of one that may have issued it and that the server shows itself, in small hexadecimal digits; <see langword="null"/>: none.</param>
    public static string Objection(
        X509Certificate2? certificate, X509Chain? sent, SslPolicyErrors errors, string? host, X509Certificate2Collection? authorities, string? authoritiesFile, string? fingerprint = null)
    {
        if (certificate is null)
            return "the server shows no certificate";
        if (host is not null && (errors & SslPolicyErrors.RemoteCertificateNameMismatch) != 0)
            return $"the certificate ({certificate.Subject}) does not name the host '{host}'";
        if (fingerprint is not null)
        {
            authorities = [.. authorities ?? [], .. Shown(certificate, sent).Where(one => Convert.ToHexStringLower(SHA256.HashData(one.RawData)) == fingerprint)];
            if (authorities.Count == 0)
                return $"of the certificates that the server shows ({certificate.Subject} and what it says to come from) none has the fingerprint {fingerprint}";
        }

        if (authorities is null)
            return (errors & SslPolicyErrors.RemoteCertificateChainErrors) == 0 ? "" : $"the certificate ({certificate.Subject}) comes from no authority that this system trusts";

        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(authorities);
        if (sent is not null)
            chain.ChainPolicy.ExtraStore.AddRange(sent.ChainPolicy.ExtraStore); // authorities between, which the server sends with its own
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck; // private authorities rarely publish lists
        return chain.Build(certificate) ? "" : $"the certificate ({certificate.Subject}) was not issued by the authority {(authoritiesFile is null ? "of the fingerprint" : $"in {authoritiesFile}")}";
    }

    private static IEnumerable<X509Certificate2> Shown(X509Certificate2 certificate, X509Chain? sent) =>
        [certificate, .. sent?.ChainElements.Select(element => element.Certificate) ?? [], .. sent?.ChainPolicy.ExtraStore ?? []];

    /// <summary>The exception inside all others: the outer words only point there.</summary>
    public static Exception Innermost(Exception problem)
    {
        while (problem.InnerException is { } inner)
            problem = inner;
        return problem;
    }
}
