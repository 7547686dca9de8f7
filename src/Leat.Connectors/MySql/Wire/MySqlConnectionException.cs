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
}

/// <summary>A connection could not be made, or was lost. It cannot be used any more.</summary>
/// <param name="fault">Which kind.</param>
/// <param name="detail">The system's words, or the plugin's name.</param>
/// <param name="cause">What lies beneath.</param>
public sealed class MySqlConnectionException(ConnectionFault fault, string detail, Exception? cause = null) : Exception(detail, cause)
{
    /// <summary>Which kind of fault.</summary>
    public ConnectionFault Fault { get; } = fault;

    /// <summary>The system's words, or the plugin's name.</summary>
    public string Detail { get; } = detail;
}
