namespace Leat.Connectors.MySql.Wire;

/// <summary>The server answered a command with an error. The connection stays usable.</summary>
/// <param name="code">The server's error number, e.g. 1045.</param>
/// <param name="sqlState">Five characters; <c>HY000</c> when the server told none.</param>
/// <param name="message">The server's own words.</param>
public sealed class MySqlServerException(int code, string sqlState, string message) : Exception(message)
{
    /// <summary>The server's error number, e.g. 1045 (access denied).</summary>
    public int Code { get; } = code;

    /// <summary>SQL state, five characters.</summary>
    public string SqlState { get; } = sqlState;
}
