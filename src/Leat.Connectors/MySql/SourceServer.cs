using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql;

/// <summary>The server that a source reads: the first of its addresses that answers, kept until the next run.</summary>
internal sealed class SourceServer(string source, MySqlSourceOptions options, TimeProvider time)
{
    /// <summary>The address in use.</summary>
    public MySqlEndpoint Endpoint { get; private set; } = options.Endpoint;

    /// <summary>Opens a connection to the first address that answers, in the order of the file, which becomes the one in use.</summary>
    /// <exception cref="MySqlConnectionException">None answers; what the last one said.</exception>
    public async ValueTask<MySqlConnection> ChooseAsync(CancellationToken cancellationToken)
    {
        var addresses = options.Addresses;
        for (var i = 0; ; i++)
        {
            Endpoint = addresses[i];
            try
            {
                return await OpenAsync(cancellationToken);
            }
            catch (MySqlConnectionException gone) when (gone.Fault is ConnectionFault.Unreachable or ConnectionFault.Lost && i + 1 < addresses.Length)
            {
                // The next one may do; when none does, the last one's words are told.
            }
        }
    }

    /// <summary>Opens another connection to the address in use, ready for statements.</summary>
    public async ValueTask<MySqlConnection> OpenAsync(CancellationToken cancellationToken)
    {
        var connection = await MySqlConnection.OpenAsync(Endpoint, time, cancellationToken);
        try
        {
            RequireSupported(connection.Server);
            await connection.ExecuteAsync(ServerFacts.SessionStatement(connection.Server), cancellationToken);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>Reads what the server is, and refuses settings with which changes would be lost.</summary>
    public async ValueTask<ServerFacts> ReadFactsAsync(MySqlConnection connection, CancellationToken cancellationToken)
    {
        var facts = await ServerFacts.ReadAsync(connection, cancellationToken);
        return MySqlErrors.SettingThatStops(source, Endpoint, facts) is { } wrong ? throw wrong : facts;
    }

    private void RequireSupported(ServerHandshake server)
    {
        if (MySqlErrors.VersionThatStops(source, Endpoint, server) is { } wrong)
            throw wrong;
    }
}
