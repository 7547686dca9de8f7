using System.Net;

namespace Leat.Connectors.MySql.Wire;

/// <summary>How a connection is protected.</summary>
public enum TlsMode
{
    /// <summary>Clear text; the password is still never sent as such.</summary>
    Disabled = 0,

    /// <summary>Encrypted, whoever the server is.</summary>
    Required = 1,

    /// <summary>Encrypted, and the certificate comes from a trusted authority.</summary>
    VerifyCa = 2,

    /// <summary>Encrypted, trusted, and the certificate names the host.</summary>
    VerifyFull = 3,
}

/// <summary>Where a server is and how to sign in.</summary>
public sealed record MySqlEndpoint
{
    /// <summary>Name or address.</summary>
    public required string Host { get; init; }

    /// <summary>TCP port. Default 3306, the registered one.</summary>
    public int Port { get; init; } = 3306;

    /// <summary>Account.</summary>
    public required string User { get; init; }

    /// <summary>Password; may be empty.</summary>
    public string Password { get; init; } = "";

    /// <summary>Protection. Default for a host: <see cref="DefaultTls"/>.</summary>
    public TlsMode Tls { get; init; }

    /// <summary>PEM file of the trusted authority; <see langword="null"/>: the system's own.</summary>
    public string? TlsCaFile { get; init; }

    /// <summary>Longest time to connect and sign in. Default 10 s: a server that is up answers in a fraction of one.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Whether one command may hold several statements. Default no: injected text must not start a second one.</summary>
    public bool MultiStatements { get; init; }

    /// <summary><c>host:port</c>, for messages.</summary>
    public string Address => FormattableString.Invariant($"{Host}:{Port}");

    /// <summary>Clear text on loopback, full verification everywhere else.</summary>
    public static TlsMode DefaultTls(string host) =>
        host == "localhost" || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address)) ? TlsMode.Disabled : TlsMode.VerifyFull;

    /// <summary>Never prints the password.</summary>
    public override string ToString() => $"{User}@{Address}";
}
