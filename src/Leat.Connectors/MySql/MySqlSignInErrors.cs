using Leat.Changes;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql;

/// <summary>Why a sign-in fails: codes 4002, 4003 and 4009 to 4016.</summary>
public static partial class MySqlErrors
{
    // Numbers of the servers' error lists. MariaDB and MySQL share the first thousand; the rest differ.
    private const int AccessDenied = 1045;
    private const int AccessDeniedWithoutPassword = 1698;
    private const int PasswordToChange = 1820;
    private const int PasswordExpired = 1862;
    private const int PluginNotLoaded = 1524;
    private const int LockedAtMySql = 3118;
    private const int LockedAtMariaDb = 4151;
    private const int TlsWantedByMySql = 3159;

    private static PauseException? SignIn(string owner, MySqlEndpoint endpoint, MySqlServerException cause) => cause.Code switch
    {
        AccessDenied or AccessDeniedWithoutPassword => SignInRefused(owner, endpoint, cause),
        PasswordToChange or PasswordExpired or LockedAtMySql or LockedAtMariaDb or PluginNotLoaded => AccountUnusable(owner, endpoint, cause),
        TlsWantedByMySql => TlsWanted(owner, endpoint, cause),
        _ => null,
    };

    private static PauseException SignIn(string owner, MySqlEndpoint endpoint, MySqlConnectionException cause) => cause switch
    {
        { Fault: ConnectionFault.Unprotected, Detail: PluginNames.ClearPassword or PluginNames.Dialog } => ClearPasswordRefused(owner, endpoint, cause),
        { Fault: ConnectionFault.Unprotected } => PublicKeyUnknown(owner, endpoint, cause),
        { Fault: ConnectionFault.ServerKey } => PublicKeyUnusable(owner, endpoint, cause),
        { Fault: ConnectionFault.Question } => QuestionUnanswered(owner, endpoint, cause),
        { Detail: PluginNames.Ed25519 or PluginNames.Parsec } => CurveUnknown(owner, endpoint, cause),
        { Detail: PluginNames.OldPassword } => OldPasswordRefused(owner, endpoint, cause),
        _ => PluginUnknown(owner, endpoint, cause),
    };

    /// <summary>The account or password is wrong.</summary>
    public static PauseException SignInRefused(string owner, MySqlEndpoint endpoint, MySqlServerException cause) => new(
        new(4002), $"{owner} cannot sign in at {endpoint.Address} as '{endpoint.User}': {cause.Message}.",
        $"Correct 'user' or 'password', or set the password on the server: ALTER USER '{endpoint.User}'@'%' IDENTIFIED BY '…'."
        + (endpoint.Tls == TlsMode.Off ? " An account that REQUIREs SSL also needs 'tls'." : ""), cause);

    /// <summary>The account uses a plugin that we do not speak.</summary>
    public static PauseException PluginUnknown(string owner, MySqlEndpoint endpoint, MySqlConnectionException cause) => new(
        new(4003), $"{owner}: the account '{endpoint.User}' at {endpoint.Address} signs in by '{cause.Detail}', which Leat does not speak.",
        $"Give it a password that Leat can use: on MySQL ALTER USER '{endpoint.User}'@'%' IDENTIFIED WITH {CachingSha2Password.Plugin} BY '…'; "
        + $"on MariaDB ALTER USER '{endpoint.User}'@'%' IDENTIFIED VIA {NativePassword.Plugin} USING PASSWORD('…').", cause);

    /// <summary>ed25519 or PARSEC: .NET has no arithmetic for the curve, and one written by hand is no place for a password.</summary>
    public static PauseException CurveUnknown(string owner, MySqlEndpoint endpoint, MySqlConnectionException cause) => new(
        new(4009), $"{owner}: the account '{endpoint.User}' at {endpoint.Address} signs in by '{cause.Detail}', whose elliptic curve Leat's platform does not have.",
        $"Allow the account another method before it: ALTER USER '{endpoint.User}'@'%' IDENTIFIED VIA {NativePassword.Plugin} USING PASSWORD('…') "
        + $"OR {(cause.Detail == PluginNames.Parsec ? "parsec" : "ed25519")} USING PASSWORD('…').", cause);

    /// <summary>The method from before MySQL 4.1.</summary>
    public static PauseException OldPasswordRefused(string owner, MySqlEndpoint endpoint, MySqlConnectionException cause) => new(
        new(4010), $"{owner}: the account '{endpoint.User}' at {endpoint.Address} has a password of the old kind ('{cause.Detail}'), which anybody who listens can work out.",
        $"Set it anew: SET old_passwords = 0; SET PASSWORD FOR '{endpoint.User}'@'%' = PASSWORD('…').", cause);

    /// <summary>The password would cross the network as it is.</summary>
    public static PauseException ClearPasswordRefused(string owner, MySqlEndpoint endpoint, MySqlConnectionException cause) => new(
        new(4011), $"{owner}: the account '{endpoint.User}' at {endpoint.Address} signs in by '{cause.Detail}', which sends the password as it is, and the connection is not protected.",
        "Set 'tls' to verify_identity, verify_ca or required, or connect by 'socket'.", cause);

    /// <summary>The password would have to be encrypted with a key that we do not have.</summary>
    public static PauseException PublicKeyUnknown(string owner, MySqlEndpoint endpoint, MySqlConnectionException cause) => new(
        new(4012), $"{owner}: the account '{endpoint.User}' at {endpoint.Address} signs in by '{cause.Detail}', which needs a protected connection or the server's public key.",
        "Set 'tls' (verify_identity, verify_ca or required), connect by 'socket', or name the server's public_key.pem as 'server_public_key'; "
        + "only where nobody stands between: 'allow_public_key_retrieval: true'.", cause);

    /// <summary>The server's RSA key is no key, or its file cannot be read.</summary>
    public static PauseException PublicKeyUnusable(string owner, MySqlEndpoint endpoint, MySqlConnectionException cause) => new(
        new(4013), $"{owner} cannot encrypt its password for {endpoint.Address}: {cause.Detail}",
        "Copy public_key.pem out of the server's data folder and name it as 'server_public_key', or set 'tls' instead.", cause);

    /// <summary>PAM asks for something beside the password, or for something else.</summary>
    public static PauseException QuestionUnanswered(string owner, MySqlEndpoint endpoint, MySqlConnectionException cause) => new(
        new(4014), $"{owner}: the sign-in of '{endpoint.User}' at {endpoint.Address} asks '{cause.Detail}'; Leat can answer with the account's password, once.",
        "Give Leat an account whose PAM service asks for a password and nothing more.", cause);

    /// <summary>The account is there, and nobody can sign in with it as it is.</summary>
    public static PauseException AccountUnusable(string owner, MySqlEndpoint endpoint, MySqlServerException cause) => new(
        new(4015), $"{owner} cannot use the account '{endpoint.User}' at {endpoint.Address}: {cause.Message}.",
        $"Make it usable: ALTER USER '{endpoint.User}'@'%' ACCOUNT UNLOCK, or a new password and ALTER USER '{endpoint.User}'@'%' PASSWORD EXPIRE NEVER.", cause);

    /// <summary>The server takes no connection in clear text.</summary>
    public static PauseException TlsWanted(string owner, MySqlEndpoint endpoint, MySqlServerException cause) => new(
        new(4016), $"{owner} is turned away by {endpoint.Address}, which takes protected connections only: {cause.Message}.",
        "Set 'tls' to verify_identity, verify_ca or required.", cause);
}
