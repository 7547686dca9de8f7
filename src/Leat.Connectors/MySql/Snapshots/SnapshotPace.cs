namespace Leat.Connectors.MySql.Snapshots;

/// <summary>Keeps a snapshot from reading faster than a number of rows a second, for a server that has other things to do.</summary>
/// <param name="rowsPerSecond">0: as fast as it goes.</param>
/// <param name="time">The clock.</param>
internal sealed class SnapshotPace(int rowsPerSecond, TimeProvider time)
{
    /// <summary>How long to wait before asking again.</summary>
    public static readonly TimeSpan Step = TimeSpan.FromMilliseconds(100);

    private long _lookedAt = time.GetTimestamp();
    private double _rows = 1;

    /// <summary>Whether another chunk may be begun now. Time in which nothing was read counts for at most one second.</summary>
    public bool IsDue()
    {
        if (rowsPerSecond == 0)
            return true;
        var now = time.GetTimestamp();
        _rows = Math.Min(rowsPerSecond, _rows + time.GetElapsedTime(_lookedAt, now).TotalSeconds * rowsPerSecond);
        _lookedAt = now;
        return _rows > 0;
    }

    /// <summary>Notes that rows were read.</summary>
    public void Count(int rows) => _rows -= rows;
}
