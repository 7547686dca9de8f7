using System.Collections.Immutable;
using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.IntegrationTests.MySql.Servers;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.IntegrationTests.MySql;

/// <summary>A server of one test class that tells no more of shapes than it must, and captures between two moments.</summary>
internal sealed class SchemaRun(TestServer server)
{
    private readonly string _database = server.NextDatabase();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public TestServer Server => server;

    public string Database => _database;

    public DroppedTables Dropped { get; init; }

    public ImmutableArray<TablePattern> Cascades { get; init; } = [];

    public string Tables { get; init; } = "*";

    public MySqlSource Source => new(
        new()
        {
            Endpoint = server.Endpoint with { MultiStatements = false }, Tables = [new(_database, Tables)], Snapshot = SnapshotMode.Never, ServerId = TestServer.NextReplicaId(),
            DroppedTables = Dropped, AcceptCascades = Cascades, Heartbeat = TimeSpan.FromSeconds(1),
        },
        new("shop", NullLoggerFactory.Instance, TimeProvider.System));

    /// <summary>Makes the database, and tables in it.</summary>
    public async Task<SchemaRun> MakeAsync(string sql)
    {
        await server.ExecuteAsync($"CREATE DATABASE {_database} DEFAULT CHARACTER SET utf8mb4; USE {_database}; {sql}");
        return this;
    }

    public Task ExecuteAsync(string sql) => server.ExecuteAsync($"USE {_database}; {sql}");

    /// <summary>Starts without a position: captures until everything is told that <paramref name="sql"/> does while it runs.</summary>
    public async Task<Recorder> CaptureFromStartAsync(params string[] sql)
    {
        var recorder = new Recorder();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var running = Source.RunAsync(new(), recorder, stop.Token).AsTask();
        await Task.WhenAny(recorder.WhenAsync(static told => told.Position is not null), running);
        foreach (var one in sql)
            await ExecuteAsync(one);
        await Task.WhenAny(recorder.WhenPassedAsync(await Source.CurrentPositionAsync(Token)), running);
        await stop.CancelAsync();
        try
        {
            await running;
        }
        catch (OperationCanceledException)
        {
            return recorder;
        }

        return recorder;
    }

    /// <summary>Goes on behind what a recorder has told, up to now; shapes come from the recorder's history.</summary>
    public async Task<Recorder> GoOnAsync(Recorder recorder)
    {
        await Source.RunAsync(new() { From = recorder.Position, Until = await Source.CurrentPositionAsync(Token) }, recorder, Token);
        return recorder;
    }
}
