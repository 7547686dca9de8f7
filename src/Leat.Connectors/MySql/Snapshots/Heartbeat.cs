using System.Globalization;
using Leat.Changes;
using Leat.Connectors.MySql.Wire;
using Microsoft.Extensions.Logging;

namespace Leat.Connectors.MySql.Snapshots;

/// <summary>Writes a source's row of the heartbeat table: regularly, so that a quiet server's binlog moves and lag can be measured, and as marks around views.</summary>
internal sealed class Heartbeat(SnapshotSetting setting, TableName table) : IAsyncDisposable
{
    private readonly SemaphoreSlim _one = new(1);
    private MySqlConnection? _connection;
    private ulong _mark = (ulong)Random.Shared.NextInt64();

    /// <summary>What a server needs once for this table.</summary>
    public static string Ddl(TableName table) =>
        $"CREATE DATABASE IF NOT EXISTS {Sql.Name(table.Database)}; CREATE TABLE {Sql.Name(table)} "
        + "(source VARCHAR(64) NOT NULL PRIMARY KEY, mark BIGINT UNSIGNED NOT NULL, beaten_at BIGINT NOT NULL) ENGINE = InnoDB;";

    /// <summary>The statement that writes a source's row.</summary>
    public static string Statement(TableName table, string source, ulong mark, long micros) =>
        string.Create(CultureInfo.InvariantCulture, $"INSERT INTO {Sql.Name(table)} (source, mark, beaten_at) VALUES ({Sql.Text(source)}, {mark}, {micros}) ")
        + "ON DUPLICATE KEY UPDATE mark = VALUES(mark), beaten_at = VALUES(beaten_at)";

    /// <summary>The right that the account needs.</summary>
    public static string Grant(TableName table, string account) => $"GRANT SELECT, INSERT, UPDATE ON {Sql.Name(table)} TO {account};";

    /// <summary>Writes the row and returns its mark once the server has committed it.</summary>
    /// <exception cref="MySqlServerException">There is no such table, or no right to write it.</exception>
    public async ValueTask<ulong> BeatAsync(CancellationToken cancellationToken)
    {
        await _one.WaitAsync(cancellationToken);
        try
        {
            if (_connection is not { IsUsable: true })
            {
                await CloseAsync();
                _connection = await setting.Open(cancellationToken);
            }

            var mark = ++_mark;
            var micros = (setting.Time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
            await _connection.ExecuteAsync(Statement(table, setting.Source, mark, micros), cancellationToken);
            return mark;
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>Writes the row again and again until stopped. A server that cannot be reached is tried again next time.</summary>
    public async Task RunAsync(TimeSpan interval, CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(interval, setting.Time);
        try
        {
            while (await timer.WaitForNextTickAsync(stopping))
            {
                try
                {
                    await BeatAsync(stopping);
                }
                catch (Exception problem) when (problem is MySqlServerException or MySqlConnectionException)
                {
                    setting.Log.HeartbeatFailed(problem, setting.Source, table.ToString());
                }
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // Stopped, which is how it ends.
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        _one.Dispose();
    }

    private async ValueTask CloseAsync()
    {
        var connection = _connection;
        _connection = null;
        if (connection is not null)
            await connection.DisposeAsync();
    }
}
