using Leat.Connectors.MySql.Binlog;

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
internal sealed class MarkedPlaces(Heartbeat heartbeat) : IChunkPlaces
{
    /// <inheritdoc/>
    public async ValueTask OpenAsync(IReadOnlyList<Chunk> chunks, MySqlPosition position, CancellationToken cancellationToken)
    {
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
}
