using Leat.Changes;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Snapshots;

/// <summary>Opens views and knows where in the stream they belong.</summary>
internal interface IChunkPlaces : IAsyncDisposable
{
    /// <summary>Opens the view of each chunk.</summary>
    /// <param name="chunks">At least one; their readers are idle.</param>
    /// <param name="position">Where the stream stands.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    ValueTask OpenAsync(IReadOnlyList<Chunk> chunks, MySqlPosition position, CancellationToken cancellationToken);

    /// <summary>Whether the stream stands where the chunk belongs.</summary>
    bool IsDue(Chunk chunk, MySqlPosition position);

    /// <summary>Whether the stream stands behind that place already, so that the chunk would be too old there.</summary>
    bool IsPassed(Chunk chunk, MySqlPosition position);
}

/// <summary>MariaDB: the server tells the place of a consistent view in its binlog.</summary>
internal sealed class ExactPlaces : IChunkPlaces
{
    /// <inheritdoc/>
    public async ValueTask OpenAsync(IReadOnlyList<Chunk> chunks, MySqlPosition position, CancellationToken cancellationToken)
    {
        foreach (var chunk in chunks)
        {
            chunk.View = await chunk.Reader.OpenViewAsync(cancellationToken);

            // Servers that do not tell offsets inside transactions leave it open where the stream stands; transactions tell.
            if (position.Offset == 0)
                chunk.ViewGtids = await chunk.Reader.GtidsAsync(chunk.View, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public bool IsDue(Chunk chunk, MySqlPosition position) => Compare(chunk, position) == 0;

    /// <inheritdoc/>
    /// <remarks>The server sends a commit on before it is visible to new views.</remarks>
    public bool IsPassed(Chunk chunk, MySqlPosition position) => Compare(chunk, position) > 0;

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    // Below 0: the stream is before the view.
    private static int Compare(Chunk chunk, MySqlPosition position)
    {
        if (position.Offset > 0)
        {
            var files = MySqlPosition.CompareFiles(position.File, chunk.View.File);
            return files != 0 ? files : position.Offset.CompareTo(chunk.View.Offset);
        }

        if (chunk.ViewGtids is not { } view)
            return -1;
        return position.Gtids?.HasReached(view) != true ? -1 : view.HasReached(position.Gtids) ? 0 : 1;
    }
}

/// <summary>
/// MySQL: a mark is written to the heartbeat table before the views are opened, and another after. What stands in the binlog before the first
/// is visible in the views (commits become visible in the binlog's order, and the mark's commit has returned); what stands after the second is not.
/// </summary>
internal sealed class MarkedPlaces(Heartbeat heartbeat, SnapshotSetting setting, MySqlEndpoint endpoint) : IChunkPlaces
{
    // As long as others who write the table may have to wait behind us; statements that write it wait behind one that waits to lock it.
    private const int LockSeconds = 10;

    /// <inheritdoc/>
    /// <exception cref="PauseException">A table cannot be locked that has to be.</exception>
    public async ValueTask OpenAsync(IReadOnlyList<Chunk> chunks, MySqlPosition position, CancellationToken cancellationToken)
    {
        await using var locked = await LockAsync([.. chunks.Where(chunk => chunk.IsLocked)], cancellationToken);
        var first = await heartbeat.BeatAsync(cancellationToken);
        foreach (var chunk in chunks)
            await chunk.Reader.OpenViewAsync(cancellationToken);
        var last = await heartbeat.BeatAsync(cancellationToken);
        foreach (var chunk in chunks)
            (chunk.FirstMark, chunk.LastMark) = (first, last);
    }

    /// <inheritdoc/>
    public bool IsDue(Chunk chunk, MySqlPosition position) => chunk.IsDue;

    /// <inheritdoc/>
    public bool IsPassed(Chunk chunk, MySqlPosition position) => false;

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    // A connection of its own: opening a view gives up the locks of its connection. They are held until it is closed.
    private async ValueTask<MySqlConnection?> LockAsync(IReadOnlyList<Chunk> chunks, CancellationToken cancellationToken)
    {
        if (chunks.Count == 0)
            return null;
        var connection = await setting.Open(cancellationToken);
        try
        {
            await connection.ExecuteAsync($"SET SESSION lock_wait_timeout = {Sql.Number(LockSeconds)}", cancellationToken);
            await connection.ExecuteAsync($"LOCK TABLES {string.Join(", ", chunks.Select(chunk => $"{Sql.Name(chunk.Shape.Name)} READ"))}", cancellationToken);
            return connection;
        }
        catch (MySqlServerException changed) when (TableChanges.Is(changed))
        {
            return connection; // reading it tells the same, and is looked after
        }
        catch (MySqlServerException refused)
        {
            await connection.DisposeAsync();
            throw MySqlErrors.KeylessLock(setting.Source, endpoint, chunks[0].Shape.Name, refused);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }
}
