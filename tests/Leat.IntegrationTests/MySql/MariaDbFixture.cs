using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Wire;
using Leat.Demo;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.IntegrationTests.MySql;

/// <summary>One private MariaDB for all tests of a class, with a database of its own for every test.</summary>
public sealed class MariaDbFixture : IAsyncLifetime
{
    private PrivateMariaDb? _server;
    private int _databases;

    public PrivateMariaDb Server => _server ?? throw new InvalidOperationException("not started");

    public MySqlEndpoint Endpoint => new() { Host = "127.0.0.1", Port = Server.Port, User = "root", MultiStatements = true };

    public async ValueTask InitializeAsync() => _server = await TestServers.MariaDbAsync();

    public string NextDatabase() => $"t{Interlocked.Increment(ref _databases):D3}";

    public ValueTask<MySqlConnection> OpenAsync() => MySqlConnection.OpenAsync(Endpoint, TimeProvider.System, CancellationToken.None);

    /// <summary>Runs statements on a connection of their own.</summary>
    public async Task ExecuteAsync(string sql)
    {
        await using var connection = await OpenAsync();
        await connection.ExecuteAsync(sql, CancellationToken.None);
    }

    /// <summary>A source of all tables of a database.</summary>
    public MySqlSource Source(string database, SnapshotMode snapshot = SnapshotMode.Never, int chunkRows = 10_000, string tables = "*", bool isBeside = false) => new(
        new() { Endpoint = Endpoint with { MultiStatements = false }, Tables = [new(database, tables)], Snapshot = snapshot, SnapshotChunkRows = chunkRows },
        new("shop", NullLoggerFactory.Instance, TimeProvider.System) { IsBeside = isBeside });

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
    }
}
