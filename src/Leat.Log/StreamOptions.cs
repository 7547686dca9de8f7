using Leat.Log.Codecs;

namespace Leat.Log;

/// <summary>When what was appended is forced to the disk.</summary>
public enum SyncMode
{
    /// <summary>At once; one sync covers all that was appended while the last one ran.</summary>
    Commit,

    /// <summary>Each <see cref="StreamOptions.SyncInterval"/>; for streams that a replay makes up for. Readers wait for the sync all the same.</summary>
    Interval,

    /// <summary>When the system likes. Readers see what is written at once; an unclean end may take it back, so the next start then raises the epoch.</summary>
    Os,
}

/// <summary>How the records of a batch are compressed. The numbers are those of Kafka's record batch attributes.</summary>
public enum Compression
{
    /// <summary>Not at all.</summary>
    None = 0,

    /// <summary>gzip: smallest requirements of whoever reads, slow.</summary>
    Gzip = 1,

    /// <summary>Snappy in the framing that Kafka's clients use.</summary>
    Snappy = 2,

    /// <summary>LZ4 frames: the fastest.</summary>
    Lz4 = 3,

    /// <summary>Zstandard: the smallest at a fair speed.</summary>
    Zstd = 4,
}

/// <summary>Settings of one stream.</summary>
public sealed record StreamOptions
{
    /// <summary>Size at which a segment is closed and the next begun, 4 KiB to 1 GiB. Default 256 MiB.</summary>
    public long SegmentBytes { get; init; } = 256L * 1024 * 1024;

    /// <summary>When appended batches are synced. Default <see cref="SyncMode.Commit"/>: readers wait for nothing else.</summary>
    public SyncMode Sync { get; init; } = SyncMode.Commit;

    /// <summary>Longest time between append and sync in <see cref="SyncMode.Interval"/>. Default 1 s.</summary>
    public TimeSpan SyncInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Bytes that may wait for a sync before <see cref="StreamPartition.WhenRoomAsync"/> holds the writer back. Default 8 MiB: what a fast disk takes in 20 ms.</summary>
    public long MaxUnsyncedBytes { get; init; } = 8L * 1024 * 1024;

    /// <summary>How batches are compressed. Default <see cref="Compression.None"/>; may change at any time, each batch says its own.</summary>
    public Compression Compression { get; init; }

    /// <summary>Bytes of the newest batches that are kept in memory for readers at the tail, 0 to 1 GiB. Default 4 MiB.</summary>
    public long TailBytes { get; init; } = 4L * 1024 * 1024;

    /// <summary>Closed segments whose latest record is older are deleted once no <see cref="RetentionHold"/> needs them; null, the default: never.</summary>
    public TimeSpan? RetentionAge { get; init; }

    /// <summary>Oldest closed segments above this total are deleted once no <see cref="RetentionHold"/> needs them; null, the default: never.</summary>
    public long? RetentionBytes { get; init; }

    /// <summary>Size at which intake waits while a hold keeps retention from deleting; nothing that is held is ever deleted. Null, the default: no limit.</summary>
    public long? QuotaBytes { get; init; }

    /// <summary>Keep only the newest record of each key in closed segments; a record without a key stays. Default false.</summary>
    public bool Compact { get; init; }

    /// <summary>How long a compacted stream keeps the record that says a key is gone. Default 24 h.</summary>
    public TimeSpan TombstoneAge { get; init; } = TimeSpan.FromHours(24);

    /// <summary>Whether the stream takes in what a source can hold back: it stops taking before the disk is full. Default false: it goes on to the reserve.</summary>
    public bool IsIntake { get; init; }

    /// <summary>Which keys a record has, for the filter that finds all records of a key; null, the default: the record's own key, if any.</summary>
    public IRecordKeys? KeysOf { get; init; }

    /// <summary>Refuses values that are not possible.</summary>
    /// <exception cref="LogException">Names the first.</exception>
    internal void Check(string stream)
    {
        if (Problem() is { } problem)
            throw LogErrors.InvalidOptions(stream, problem);
        Codec.Of(Compression);
    }

    private string? Problem()
    {
        FormattableString? problem = this switch
        {
            _ when !Enum.IsDefined(Compression) => $"compression {LogErrors.NameOf(Compression)}, expected none, gzip, snappy, lz4 or zstd",
            { SegmentBytes: < 4096 or > 1L << 30 } => $"a segment of {SegmentBytes} bytes, expected 4096 to {1L << 30}",
            { SyncInterval.Ticks: <= 0 } => $"a sync interval of {SyncInterval}, expected more than 0",
            { MaxUnsyncedBytes: < 1 } => $"{MaxUnsyncedBytes} bytes before writers wait, expected at least 1",
            { TailBytes: < 0 or > 1L << 30 } => $"{TailBytes} bytes of the newest batches in memory, expected 0 to {1L << 30}",
            { RetentionAge.Ticks: <= 0 } => $"a retention of {RetentionAge}, expected more than 0",
            { RetentionBytes: < 0 } => $"a retention of {RetentionBytes} bytes, expected at least 0",
            _ when QuotaBytes < 2 * SegmentBytes => $"a quota of {QuotaBytes} bytes, expected at least two segments of {SegmentBytes}",
            _ => null,
        };
        return problem is null ? null : FormattableString.Invariant(problem);
    }
}

/// <summary>Tells the hashes of the keys that a record is about. Called for each record of a closed segment, on one thread at a time.</summary>
public interface IRecordKeys
{
    /// <summary>Writes the hashes and returns how many, 0 to 4. Two records about one key give the same hash in every process and version.</summary>
    int Hash(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, Span<ulong> hashes);
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
