namespace Leat.Connectors.MySql.Wire;

/// <summary>Why a connection could not be made or went away.</summary>
public enum ConnectionFault
{
    /// <summary>Nobody answered at the address: refused, no route, unknown host, or no answer in time.</summary>
    Unreachable = 1,

    /// <summary>It closed, or fell silent, after it was open.</summary>
    Lost = 2,

    /// <summary>TLS was asked for and the server has none, its certificate is not trusted, or the handshake failed.</summary>
    Tls = 3,

    /// <summary>The account signs in by a plugin that Leat does not speak; <see cref="MySqlConnectionException.Detail"/> names it.</summary>
    SignInPlugin = 4,

    /// <summary>The account's plugin would send the password where others can read it; <see cref="MySqlConnectionException.Detail"/> names it.</summary>
    Unprotected = 5,

    /// <summary>The server's RSA key cannot be read or used.</summary>
    ServerKey = 6,

    /// <summary>The sign-in asks for more than a password; <see cref="MySqlConnectionException.Detail"/> is the question.</summary>
    Question = 7,
}

/// <summary>A connection could not be made, or was lost. It cannot be used any more.</summary>
/// <param name="fault">Which kind.</param>
/// <param name="detail">The system's words, the plugin's name, or the question.</param>
/// <param name="cause">What lies beneath.</param>
public sealed class MySqlConnectionException(ConnectionFault fault, string detail, Exception? cause = null) : Exception(detail, cause)
{
    /// <summary>Which kind of fault.</summary>
    public ConnectionFault Fault { get; } = fault;

    /// <summary>The system's words, the plugin's name, or the question.</summary>
    public string Detail { get; } = detail;
}
