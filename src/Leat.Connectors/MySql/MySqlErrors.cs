using Leat.Changes;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql;

/// <summary>Every failure of the MySQL wire client, source and check that a person reads. Codes 4000 to 4099.</summary>
public static partial class MySqlErrors
{
    private const int TooManyConnections = 1040;
    private const int HostNotAllowed = 1130;

    /// <summary>What went wrong between us and a server, in words for a person. <paramref name="owner"/> is e.g. <c>Source 'shop'</c>.</summary>
    /// <returns>Retriable for conditions that pass by themselves, a pause for those that do not; <see langword="null"/> for any other exception.</returns>
    public static LeatException? Connection(string owner, MySqlEndpoint endpoint, Exception problem) => problem switch
    {
        LeatException known => known,
        MySqlConnectionException { Fault: ConnectionFault.Unreachable } lost => Unreachable(owner, endpoint, lost),
        MySqlConnectionException { Fault: ConnectionFault.Tls } tls => TlsRefused(owner, endpoint, tls),
        MySqlConnectionException { Fault: >= ConnectionFault.SignInPlugin } signIn => SignIn(owner, endpoint, signIn),
        MySqlConnectionException lost => ConnectionLost(owner, endpoint, lost),
        MySqlFormatException malformed => Malformed(owner, endpoint, malformed),
        MySqlServerException { Code: TooManyConnections } full => ServerFull(owner, endpoint, full),
        MySqlServerException { Code: HostNotAllowed } notAllowed => HostRefused(owner, endpoint, notAllowed),
        MySqlServerException refused => SignIn(owner, endpoint, refused),
        _ => null,
    };

    /// <summary>Nobody answers.</summary>
    public static RetriableException Unreachable(string owner, MySqlEndpoint endpoint, MySqlConnectionException cause) => new(
        new(4001), $"{owner} cannot reach {endpoint.Address}: {cause.Detail}.",
        "Check that the server runs, listens on that address, and that no firewall stands between; 'host' and 'port', or 'socket', in the file name it.", cause);

    /// <summary>No trusted TLS.</summary>
    public static PauseException TlsRefused(string owner, MySqlEndpoint endpoint, MySqlConnectionException cause) => new(
        new(4004), $"{owner} cannot protect its connection to {endpoint.Address}: {cause.Detail}.",
        "Set 'tls_ca' to the authority's PEM file, connect by the name in the certificate, or choose a weaker 'tls' (verify_identity, verify_ca, required, off).", cause);

    /// <summary>It was open and is not any more.</summary>
    public static RetriableException ConnectionLost(string owner, MySqlEndpoint endpoint, Exception cause) => new(
        Interrupted, $"{owner} lost its connection to {endpoint.Address}: {cause.Message}.",
        "Leat connects again by itself; if this repeats, read the server's error log.", cause);

    /// <summary>What came is not the protocol.</summary>
    public static PauseException Malformed(string owner, MySqlEndpoint endpoint, MySqlFormatException cause) => new(
        new(4006), $"{owner} cannot understand what {endpoint.Address} sends: {cause.Message}",
        "Check that the port belongs to a MySQL or MariaDB server and that nothing between changes the bytes.", cause);

    /// <summary>The server has no room for another connection.</summary>
    public static RetriableException ServerFull(string owner, MySqlEndpoint endpoint, MySqlServerException cause) => new(
        new(4007), $"{owner} is turned away by {endpoint.Address}: {cause.Message}.",
        "Leat tries again by itself; raise max_connections on the server, or end connections that nobody uses.", cause)
    {
        IsBusy = true,
    };

    /// <summary>The server does not want connections from this host.</summary>
    public static PauseException HostRefused(string owner, MySqlEndpoint endpoint, MySqlServerException cause) => new(
        new(4008), $"{owner} is not allowed to connect to {endpoint.Address}: {cause.Message}.",
        $"Create the account for this host: CREATE USER '{endpoint.User}'@'%' IDENTIFIED BY '…';", cause);
}
