using Leat.Changes;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Snapshots;

/// <summary>The heartbeat of one run of a source, if it has a heartbeat table, and the way of placing chunks that follows from it.</summary>
internal sealed class HeartbeatRun : IAsyncDisposable
{
    private readonly SnapshotSetting _setting;
    private readonly MySqlEndpoint _endpoint;
    private readonly bool _tellsPlaces;
    private readonly bool _ordersCommits;
    private readonly Heartbeat? _heartbeat;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _beating;

    private HeartbeatRun(SnapshotSetting setting, ServerFacts facts, MySqlEndpoint endpoint, Heartbeat? heartbeat)
    {
        (_setting, _endpoint, _heartbeat, _ordersCommits) = (setting, endpoint, heartbeat, facts.OrderCommits);
        _tellsPlaces = facts.Product == Product.MariaDb && !setting.MarksOnly;
        Places = _tellsPlaces || heartbeat is null ? new ExactPlaces() : new MarkedPlaces(heartbeat, setting, endpoint);
        _beating = heartbeat?.RunAsync(setting.Options.Heartbeat, _stop.Token) ?? Task.CompletedTask;
    }

    /// <summary>Where chunks belong.</summary>
    public IChunkPlaces Places { get; }

    /// <summary>Writes the first heartbeat, and the others from then on.</summary>
    /// <exception cref="PauseException">The heartbeat table cannot be written.</exception>
    public static async ValueTask<HeartbeatRun> StartAsync(SnapshotSetting setting, ServerFacts facts, MySqlEndpoint endpoint, CancellationToken cancellationToken)
    {
        if (setting.Options.HeartbeatTable is not { } table)
            return new(setting, facts, endpoint, null);
        var heartbeat = new Heartbeat(setting, table);
        try
        {
            await heartbeat.BeatAsync(cancellationToken);
        }
        catch (MySqlServerException refused)
        {
            await heartbeat.DisposeAsync();
            throw MySqlErrors.HeartbeatUnwritable(setting.Source, endpoint, table, refused);
        }

        return new(setting, facts, endpoint, heartbeat);
    }

    /// <summary>Looks at the heartbeat table without writing to it; <see langword="null"/> where none is needed.</summary>
    public static async ValueTask<Finding?> LookAsync(
        string source, MySqlSourceOptions options, ServerFacts facts, MySqlEndpoint endpoint, MySqlConnection connection, CancellationToken cancellationToken)
    {
        if (options.HeartbeatTable is not { } table)
        {
            return facts.Product == Product.MariaDb || options.Snapshot == SnapshotMode.Never
                ? null
                : Finding.Error("heartbeat_table", MySqlErrors.HeartbeatMissing(source, endpoint));
        }

        try
        {
            // Asks for the same rights as the real statement, and writes nothing.
            await using var rows = await connection.QueryAsync($"EXPLAIN {Heartbeat.Statement(table, source, mark: 0, micros: 0)}", cancellationToken);
            return Finding.Ok("heartbeat_table", $"The heartbeat table {table} can be written.");
        }
        catch (MySqlServerException refused)
        {
            return Finding.Error("heartbeat_table", MySqlErrors.HeartbeatUnwritable(source, endpoint, table, refused));
        }
    }

    /// <summary>Throws when tables are to be read and this server gives no way to place what is read.</summary>
    /// <exception cref="PauseException">A heartbeat table or a setting is needed.</exception>
    public void RequireFor(SnapshotRun snapshot)
    {
        if (_tellsPlaces || !snapshot.IsActive)
            return;
        if (_heartbeat is null)
            throw MySqlErrors.HeartbeatMissing(_setting.Source, _endpoint);
        if (!_ordersCommits)
            throw MySqlErrors.CommitsOutOfOrder(_setting.Source, _endpoint);
    }

    /// <summary>The writer that keeps heartbeats back; <see langword="null"/> without a heartbeat table.</summary>
    public WatchingWriter? Watch(SnapshotRun snapshot, IChangeWriter writer)
    {
        if (_setting.Options.HeartbeatTable is not { } table)
            return null;
        var watch = new StreamWatch(() => snapshot.Chunks, micros => MySqlMetrics.Heartbeat(_setting.Source, LagOf(micros)));
        return new(writer, table, watch);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _beating;
        _stop.Dispose();
        if (_heartbeat is not null)
            await _heartbeat.DisposeAsync();
    }

    private double LagOf(long micros) =>
        Math.Max(0, (_setting.Time.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalMilliseconds - micros / 1000.0);
}
