#pragma warning disable CA1822
namespace Leat.Log;

/// <summary>One stream: an ordered, durable sequence of records.</summary>
public sealed class StreamPartition
{
    internal StreamPartition(string name) => Name = name;

    /// <summary>The stream's name.</summary>
    public string Name { get; }

    /// <summary>Number raised whenever offsets may repeat; from 1.</summary>
    public uint Epoch { get; internal set; }

    /// <summary>The first offset that is kept.</summary>
    public long StartOffset { get; internal set; }

    /// <summary>The next offset to be given.</summary>
    public long EndOffset { get; internal set; }

    /// <summary>Every offset below is durable.</summary>
    public long SyncedOffset { get; internal set; }

    /// <summary>Every offset below may be read: durable, and before the first record of a transaction still open.</summary>
    public long ReadableOffset { get; internal set; }

    /// <summary>An empty builder from the pool.</summary>
    public BatchBuilder NewBatch() => new(null);

    /// <summary>Takes the batch over and returns the offset of its first record. No input or output on the caller's thread.</summary>
    public long Append(BatchBuilder batch, BatchKind kind = BatchKind.Plain) => throw new NotSupportedException();

    /// <summary>Completes while fewer than <see cref="StreamOptions.MaxUnsyncedBytes"/> wait; normally at once.</summary>
    public ValueTask WhenRoomAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

    /// <summary>Completes when <see cref="SyncedOffset"/> has reached the offset.</summary>
    public ValueTask WaitSyncedAsync(long offset, CancellationToken cancellationToken) => throw new NotSupportedException();

    /// <summary>Completes when <see cref="ReadableOffset"/> is beyond the offset.</summary>
    public ValueTask WaitReadableAsync(long offset, CancellationToken cancellationToken) => throw new NotSupportedException();

    /// <summary>A reader from an offset on.</summary>
    public LogReader NewReader(long fromOffset) => new(fromOffset);

    /// <summary>The last readable batch of committed records, or null when there is none.</summary>
    public LogBlock? ReadLastCommittedBatch() => throw new NotSupportedException();
}
