using Leat.Connectors.MySql.Wire;
using Leat.Demo;
using Xunit;

namespace Leat.IntegrationTests.MySql;

/// <summary>One private MariaDB for all tests of a class, with a database of its own for every test.</summary>
public sealed class MariaDbFixture : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("leat-my-").FullName;
    private PrivateMariaDb? _server;
    private int _databases;

    public PrivateMariaDb Server => _server ?? throw new InvalidOperationException("not started");

    public MySqlEndpoint Endpoint => new() { Host = "127.0.0.1", Port = Server.Port, User = "root", MultiStatements = true };

    public async ValueTask InitializeAsync() => _server = await PrivateMariaDb.StartAsync(new() { Folder = _folder }, CancellationToken.None);

    public string NextDatabase() => $"t{Interlocked.Increment(ref _databases)}";

    public ValueTask<MySqlConnection> OpenAsync() => MySqlConnection.OpenAsync(Endpoint, TimeProvider.System, CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
