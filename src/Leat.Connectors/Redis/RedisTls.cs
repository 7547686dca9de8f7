using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Leat.Connectors.Redis;

/// <summary>Turns a clear connection into a protected one.</summary>
internal static class RedisTls
{
    /// <summary>Runs the TLS handshake, shows our certificate if there is one, and checks the server's as far as the settings ask.</summary>
    /// <exception cref="Changes.PauseException">Not trusted, a file cannot be read, or the server does not speak TLS.</exception>
    public static async Task<Stream> ProtectAsync(Stream clear, RedisSinkOptions options, CancellationToken cancellationToken)
    {
        var reason = "";
        var secure = new SslStream(clear, leaveInnerStreamOpen: false);
        X509Certificate2Collection? authorities = null;
        X509Certificate2? own = null;
        try
        {
            authorities = Read(options, "tls_ca", options.TlsCaFile, ReadAuthorities);
            own = Read(options, "tls_cert", options.TlsCertificateFile, file => X509Certificate2.CreateFromPemFile(file, options.TlsKeyFile));
            await secure.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions
                {
                    TargetHost = options.Host,
                    ClientCertificates = own is null ? null : [own],
                    RemoteCertificateValidationCallback = (_, certificate, sent, errors) =>
                        (reason = options.TlsInsecure ? "" : Objection(options, authorities, certificate as X509Certificate2, sent, errors)).Length == 0,
                },
                cancellationToken);
            return secure;
        }
        catch (Exception problem) when (problem is AuthenticationException or IOException)
        {
            throw RedisErrors.TlsRefused(options.Address, reason.Length > 0 ? reason : Innermost(problem).Message, problem);
        }
        finally
        {
            foreach (var authority in authorities ?? [])
                authority.Dispose();
            own?.Dispose();
        }
    }

    private static X509Certificate2Collection ReadAuthorities(string file)
    {
        var authorities = new X509Certificate2Collection();
        authorities.ImportFromPemFile(file);
        return authorities.Count > 0 ? authorities : throw new CryptographicException("it holds no certificate");
    }

    private static T? Read<T>(RedisSinkOptions options, string key, string? file, Func<string, T> read)
        where T : class
    {
        try
        {
            return file is null ? null : read(file);
        }
        catch (Exception problem) when (problem is IOException or CryptographicException or UnauthorizedAccessException)
        {
            throw RedisErrors.TlsRefused(options.Address, $"`{key}` ({file}) cannot be read: {problem.Message}", problem);
        }
    }

    // The outer words only point inside.
    private static Exception Innermost(Exception problem)
    {
        while (problem.InnerException is { } inner)
            problem = inner;
        return problem;
    }

    private static string Objection(RedisSinkOptions options, X509Certificate2Collection? authorities, X509Certificate2? certificate, X509Chain? sent, SslPolicyErrors errors)
    {
        if (certificate is null)
            return "the server shows no certificate";
        if ((errors & SslPolicyErrors.RemoteCertificateNameMismatch) != 0)
            return $"the certificate ({certificate.Subject}) does not name the host '{options.Host}'";
        if (authorities is null)
            return (errors & SslPolicyErrors.RemoteCertificateChainErrors) == 0 ? "" : $"the certificate ({certificate.Subject}) comes from no authority that this system trusts";

        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(authorities);
        if (sent is not null)
            chain.ChainPolicy.ExtraStore.AddRange(sent.ChainPolicy.ExtraStore); // authorities between, which the server sends with its own
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck; // private authorities rarely publish lists
        return chain.Build(certificate) ? "" : $"the certificate ({certificate.Subject}) was not issued by the authority in {options.TlsCaFile}";
    }
}
