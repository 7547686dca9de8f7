using System.Text;
using Leat.Changes.Configuration;

namespace Leat.Connectors.Elasticsearch;

/// <summary>Who we are to the server, and whom we trust. Secrets are in here: never printed.</summary>
public sealed record ElasticsearchSecurity
{
    private const int FingerprintDigits = 64; // SHA-256

    /// <summary>Value of the header <c>Authorization</c>; <see langword="null"/>: none is sent.</summary>
    public string? Authorization { get; init; }

    /// <summary>PEM file of our own certificate; <see langword="null"/>: none is shown.</summary>
    public string? CertificateFile { get; init; }

    /// <summary>PEM file of its key; <see langword="null"/>: in the same file.</summary>
    public string? KeyFile { get; init; }

    /// <summary>PEM file of the authorities that the server's certificate may come from; <see langword="null"/>: the system's.</summary>
    public string? AuthorityFile { get; init; }

    /// <summary>SHA-256 of an authority's certificate, 64 small hexadecimal digits; <see langword="null"/>: not looked at.</summary>
    public string? AuthorityFingerprint { get; init; }

    /// <summary>Take any certificate, of anybody.</summary>
    public bool Insecure { get; init; }

    /// <summary>Whether one of the settings says that TLS is wanted.</summary>
    internal bool NeedsTls => CertificateFile is not null || AuthorityFile is not null || AuthorityFingerprint is not null || Insecure;

    /// <summary>Never the secrets.</summary>
    public override string ToString() => nameof(ElasticsearchSecurity);

    /// <summary>Reads the settings of the sink's block.</summary>
    internal static ElasticsearchSecurity Read(ConfigReader reader)
    {
        var (user, password) = (reader.Text("user"), reader.Secret("password"));
        var (apiKey, bearer) = (reader.Secret("api_key"), reader.Secret("bearer_token"));
        if (user is not null != password is not null)
            reader.Invalid(user is null ? "user" : "password", "`user` and `password` together");
        if ((user is null ? 0 : 1) + (apiKey is null ? 0 : 1) + (bearer is null ? 0 : 1) > 1)
            reader.Invalid(apiKey is null ? "bearer_token" : "api_key", "one way to sign in: `user` and `password`, or `api_key`, or `bearer_token`");
        var security = new ElasticsearchSecurity
        {
            Authorization = apiKey is not null ? "ApiKey " + Encoded(apiKey)
                : bearer is not null ? "Bearer " + bearer
                : user is not null ? "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}"))
                : null,
            CertificateFile = reader.Text("tls_cert"),
            KeyFile = reader.Text("tls_key"),
            AuthorityFile = reader.Text("tls_ca"),
            AuthorityFingerprint = ReadFingerprint(reader),
            Insecure = reader.Bool("insecure", false),
        };
        if (security.KeyFile is not null && security.CertificateFile is null)
            reader.Invalid("tls_cert", "the certificate of `tls_key`");
        if (security.Insecure && (security.AuthorityFile is not null || security.AuthorityFingerprint is not null))
            reader.Invalid("insecure", "false, because `tls_ca` or `tls_ca_fingerprint` says whom to trust");
        return security;
    }

    // The header wants base64 of "id:key", which is what servers show as "encoded".
    private static string Encoded(string apiKey) => apiKey.Contains(':', StringComparison.Ordinal) ? Convert.ToBase64String(Encoding.UTF8.GetBytes(apiKey)) : apiKey;

    private static string? ReadFingerprint(ConfigReader reader)
    {
        if (reader.Text("tls_ca_fingerprint") is not { } text)
            return null;
        var digits = text.Replace(":", "", StringComparison.Ordinal).ToLowerInvariant();
        if (digits.Length == FingerprintDigits && digits.All(char.IsAsciiHexDigitLower))
            return digits;
        reader.Invalid("tls_ca_fingerprint", "the SHA-256 of the authority's certificate: 64 hexadecimal digits, with or without colons");
        return null;
    }
}
