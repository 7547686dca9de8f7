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
    /// <exception cref="Changes.RetriableException">The connection broke meanwhile, as it does with a server that is going down or not up yet.</exception>
    public static async Task<Stream> ProtectAsync(Stream clear, RedisSinkOptions options, CancellationToken cancellationToken)
    {
        var reason = "";
        var secure = new SslStream(clear, leaveInnerStreamOpen: false);
        X509Certificate2Collection? authorities = null;
        X509Certificate2? own = null;
        try
        {
            authorities = Read(options, "tls_ca", options.TlsCaFile, ServerTrust.ReadAuthorities);
            own = Read(options, "tls_cert", options.TlsCertificateFile, file => X509Certificate2.CreateFromPemFile(file, options.TlsKeyFile));
            await secure.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions
                {
                    TargetHost = options.Host,
                    ClientCertificates = own is null ? null : [own],
                    RemoteCertificateValidationCallback = (_, certificate, sent, errors) =>
                        (reason = options.TlsInsecure ? "" : ServerTrust.Objection(certificate as X509Certificate2, sent, errors, options.Host, authorities, options.TlsCaFile)).Length == 0,
                },
                cancellationToken);
            return secure;
        }
        catch (IOException problem)
        {
            throw RedisErrors.Unreachable(options.Address, $"{ServerTrust.Innermost(problem).Message.Trim().TrimEnd('.')} (in the TLS handshake: does the port speak TLS?)", problem);
        }
        catch (AuthenticationException problem)
        {
            throw RedisErrors.TlsRefused(options.Address, reason.Length > 0 ? reason : ServerTrust.Innermost(problem).Message, problem);
        }
        finally
        {
            foreach (var authority in authorities ?? [])
                authority.Dispose();
            own?.Dispose();
        }
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
}
