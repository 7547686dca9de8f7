namespace Leat.Log;

/// <summary>Settings of a whole log.</summary>
public sealed record LogOptions
{
    /// <summary>Size of the file that is kept to be given up when the disk is full, 0 to 16 GiB. Default 64 MiB: enough for what delivery writes until space is freed.</summary>
    /// <remarks>
    /// Intake streams stop taking when less than twice this is free, and resume at three times. 0: no reserve, and nobody is stopped before the disk is full.
    /// </remarks>
    public long ReserveBytes { get; init; } = 64L * 1024 * 1024;

    /// <summary>Time between two looks at retention, compaction and free space. Default 10 s; a closed segment is looked at at once.</summary>
    public TimeSpan MaintenanceInterval { get; init; } = TimeSpan.FromSeconds(10);
}
