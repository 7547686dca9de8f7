using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Leat.Connectors.MySql.Wire;

/// <summary>Turns a clear connection into a protected one.</summary>
internal static class TlsUpgrade
{
    /// <summary>Runs the TLS handshake, shows our certificate if there is one, and checks the server's as far as the endpoint asks.</summary>
    /// <exception cref="MySqlConnectionException">Not trusted, a file cannot be read, or the handshake failed.</exception>
    public static async ValueTask<Stream> RunAsync(Stream clear, MySqlEndpoint endpoint, CancellationToken cancellationToken)
    {
        var reason = "";
        var protectedStream = new SslStream(clear, leaveInnerStreamOpen: false);
        X509Certificate2Collection? authorities = null;
        X509Certificate2? own = null;
        try
        {
            authorities = Read("tls_ca", endpoint.TlsCaFile, ServerTrust.ReadAuthorities);
            own = Read("tls_cert", endpoint.TlsCertificateFile, file => X509Certificate2.CreateFromPemFile(file, endpoint.TlsKeyFile));
            var options = new SslClientAuthenticationOptions
            {
                TargetHost = endpoint.Host,
                ClientCertificates = own is null ? null : [own],
                RemoteCertificateValidationCallback = (_, certificate, sent, errors) =>
                    (reason = Objection(endpoint, authorities, certificate as X509Certificate2, sent, errors)).Length == 0,
            };
            await protectedStream.AuthenticateAsClientAsync(options, cancellationToken);
            return protectedStream;
        }
        catch (Exception problem) when (problem is AuthenticationException or IOException)
        {
            await protectedStream.DisposeAsync();
            throw new MySqlConnectionException(ConnectionFault.Tls, reason.Length > 0 ? reason : ServerTrust.Innermost(problem).Message, problem);
        }
        catch
        {
            await protectedStream.DisposeAsync();
            throw;
        }
        finally
        {
            foreach (var authority in authorities ?? [])
                authority.Dispose();
            own?.Dispose();
        }
    }

    private static T? Read<T>(string key, string? file, Func<string, T> read)
        where T : class
    {
        try
        {
            return file is null ? null : read(file);
        }
        catch (Exception problem) when (problem is IOException or CryptographicException or UnauthorizedAccessException)
        {
            throw new MySqlConnectionException(ConnectionFault.Tls, $"'{key}' ({file}) cannot be read: {problem.Message}", problem);
        }
    }

    private static string Objection(
        MySqlEndpoint endpoint, X509Certificate2Collection? authorities, X509Certificate2? certificate, X509Chain? sent, SslPolicyErrors errors)
    {
        if (endpoint.Tls == TlsMode.Required)
            return "";
        return ServerTrust.Objection(certificate, sent, errors, endpoint.Tls == TlsMode.VerifyIdentity ? endpoint.Host : null, authorities, endpoint.TlsCaFile);
    }
}
