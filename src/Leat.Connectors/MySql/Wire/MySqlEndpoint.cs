using System.Net;

namespace Leat.Connectors.MySql.Wire;

/// <summary>How a connection is protected.</summary>
public enum TlsMode
{
    /// <summary>Clear text; the password is still never sent as such, unless over a Unix socket.</summary>
    Off = 0,

    /// <summary>Encrypted, whoever the server is.</summary>
    Required = 1,

    /// <summary>Encrypted, and the certificate comes from a trusted authority.</summary>
    VerifyCa = 2,

    /// <summary>Encrypted, trusted, and the certificate names the host.</summary>
    VerifyIdentity = 3,
}

/// <summary>Where a server is and how to sign in.</summary>
public sealed record MySqlEndpoint
{
    /// <summary>Name or address.</summary>
    public required string Host { get; init; }

    /// <summary>TCP port. Default 3306, the registered one.</summary>
    public int Port { get; init; } = 3306;

    /// <summary>Path of a Unix socket, used instead of host and port; <see langword="null"/>: TCP.</summary>
    public string? Socket { get; init; }

    /// <summary>Account.</summary>
    public required string User { get; init; }

    /// <summary>Password; may be empty.</summary>
    public string Password { get; init; } = "";

    /// <summary>Protection. Default for a host: <see cref="DefaultTls"/>.</summary>
    public TlsMode Tls { get; init; }

    /// <summary>PEM file of the trusted authorities; <see langword="null"/>: the system's own.</summary>
    public string? TlsCaFile { get; init; }

    /// <summary>PEM file of our own certificate, for accounts that ask for one; <see langword="null"/>: none.</summary>
    public string? TlsCertificateFile { get; init; }

    /// <summary>PEM file of our certificate's private key, not encrypted; there with <see cref="TlsCertificateFile"/> and only then.</summary>
    public string? TlsKeyFile { get; init; }

    /// <summary>PEM file of the RSA key that the server decrypts passwords with; <see langword="null"/>: not known beforehand.</summary>
    public string? ServerPublicKeyFile { get; init; }

    /// <summary>
    /// Whether the server's RSA key may be asked from the server itself over a connection without TLS. Default no: whoever stands between could answer
    /// with a key of their own, and read the password.
    /// </summary>
    public bool AllowPublicKeyRetrieval { get; init; }

    /// <summary>Longest time to connect and sign in. Default 10 s: a server that is up answers in a fraction of one.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Whether one command may hold several statements. Default no: injected text must not start a second one.</summary>
    public bool MultiStatements { get; init; }

    /// <summary>Whether an UPDATE counts the rows that it found. Default no: those that it changed.</summary>
    public bool CountsFoundRows { get; init; }

    /// <summary>Whether nobody but the server can read what is sent: TLS, or a Unix socket.</summary>
    public bool IsPrivate => Tls != TlsMode.Off || Socket is not null;

    /// <summary><c>host:port</c>, or the socket's path, for messages.</summary>
    public string Address => Socket ?? FormattableString.Invariant($"{Host}:{Port}");

    /// <summary>Clear text on loopback, full verification everywhere else.</summary>
    public static TlsMode DefaultTls(string host) =>
        host == "localhost" || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address)) ? TlsMode.Off : TlsMode.VerifyIdentity;

    /// <summary>Never prints the password.</summary>
    public override string ToString() => $"{User}@{Address}";
}
