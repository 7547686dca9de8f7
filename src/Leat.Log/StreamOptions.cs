namespace Leat.Log;

/// <summary>When what was appended is forced to the disk.</summary>
public enum SyncMode
{
    /// <summary>At once; one sync covers all that was appended while the last one ran.</summary>
    Commit,

    /// <summary>Each <see cref="StreamOptions.SyncInterval"/>; for streams that a replay makes up for.</summary>
    Interval,
}

/// <summary>Settings of one stream.</summary>
public sealed record StreamOptions
{
    /// <summary>Size at which a segment is closed and the next begun, 4 KiB to 1 GiB. Default 256 MiB: checked at start within a second.</summary>
    public long SegmentBytes { get; init; } = 256L * 1024 * 1024;

    /// <summary>When appended batches are synced. Default <see cref="SyncMode.Commit"/>: readers wait for nothing else.</summary>
    public SyncMode Sync { get; init; } = SyncMode.Commit;

    /// <summary>Longest time between append and sync in <see cref="SyncMode.Interval"/>. Default 1 s.</summary>
    public TimeSpan SyncInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Bytes that may wait for a sync before <see cref="StreamPartition.WhenRoomAsync"/> holds the writer back. Default 64 MiB.</summary>
    public long MaxUnsyncedBytes { get; init; } = 64L * 1024 * 1024;
}

/// <summary>What a batch is. Plain and transactional batches carry records; markers close a transaction and carry none of the caller's.</summary>
public enum BatchKind
{
    /// <summary>Readable as soon as it is synced.</summary>
    Plain,

    /// <summary>Part of a transaction larger than one batch: readable once a <see cref="CommitMarker"/> is synced.</summary>
    Transactional,

    /// <summary>Commits the open transaction. The builder must be empty.</summary>
    CommitMarker,

    /// <summary>Drops the open transaction: its records are never read. The builder must be empty.</summary>
    AbortMarker,
}
