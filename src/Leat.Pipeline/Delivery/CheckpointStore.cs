using System.Collections.Immutable;
using Leat.Log;
using Microsoft.Extensions.Logging;

namespace Leat.Pipeline.Delivery;

/// <summary>Keeps a pipeline's checkpoints in the stream <c>&lt;pipeline&gt;.checkpoints</c>.</summary>
/// <param name="pipeline">The pipeline's name.</param>
/// <param name="logId">Identity of the log.</param>
/// <param name="source">The stream that is delivered.</param>
/// <param name="sync">How that stream is synced: only what was never promised may be taken back.</param>
/// <param name="checkpoints">The pipeline's own stream.</param>
/// <param name="hold">Keeps what the pipeline needs: everything from the newest checkpoint on that is durable.</param>
/// <param name="log">Where it logs.</param>
internal sealed class CheckpointStore(
    string pipeline, Guid logId, StreamPartition source, SyncMode sync, StreamPartition checkpoints, RetentionHold hold, ILogger log)
{
    /// <summary>Settings of the stream: only its last record counts, so that compaction leaves one of each segment's worth.</summary>
    public static StreamOptions StreamOptions { get; } = new() { Sync = SyncMode.Interval, Compact = true, SegmentBytes = 1024 * 1024 };

    // All checkpoints of a pipeline are about one thing.
    private static ReadOnlySpan<byte> Key => "checkpoint"u8;

    private readonly Lock _gate = new();
    private readonly Queue<(long End, long Offset)> _unsynced = [];

    /// <summary>Where delivery goes on; what is before need not be kept any more.</summary>
    /// <exception cref="Leat.Changes.PauseException">The checkpoint does not fit the stream.</exception>
    /// <exception cref="LogException">The checkpoints are damaged.</exception>
    public Checkpoint Load()
    {
        var checkpoint = Find();
        hold.Offset = checkpoint.Offset;
        return checkpoint;
    }

    /// <summary>The newest checkpoint, whether it fits the stream or not; <see langword="null"/> when there is none that can be read.</summary>
    public Checkpoint? Peek()
    {
        try
        {
            using var last = checkpoints.ReadLastCommittedBatch();
            return last is null ? null : Parse(last);
        }
        catch (Leat.Changes.PauseException)
        {
            return null; // it says itself so when it is loaded
        }
    }

    /// <summary>
    /// Where the stream ended before this process, or one before it that never came to its target, captured anything: what is behind was never sent. Noted, so that
    /// the next process knows it, too.
    /// </summary>
    public long NoteEnd()
    {
        var end = source.EndOffset;
        if (Peek() is not { } last || last.LogId != logId)
            return end;
        if (last.Unjudged is { } noted)
            return Math.Min(noted, end);
        Save(last with { Unjudged = end });
        return end;
    }

    /// <summary>Appends a checkpoint and returns when it is durable.</summary>
    public async Task SaveSyncedAsync(Checkpoint checkpoint, CancellationToken cancellationToken)
    {
        Save(checkpoint);
        await SyncAsync(cancellationToken);
    }

    /// <summary>Completes when everything that was saved is durable: at once, not within a second.</summary>
    public async Task SyncAsync(CancellationToken cancellationToken)
    {
        checkpoints.Alter(StreamOptions with { Sync = SyncMode.Commit });
        try
        {
            await checkpoints.WaitSyncedAsync(checkpoints.EndOffset, cancellationToken);
        }
        finally
        {
            checkpoints.Alter(StreamOptions);
        }
    }

    /// <summary>A checkpoint of this moment.</summary>
    public Checkpoint Make(long offset, string routing, ImmutableArray<long> lanes) =>
        new(logId, source.Epoch, offset == 0 ? 0 : source.IncarnationOf(offset - 1), offset, routing, lanes);

    /// <summary>Appends a checkpoint; it is synced within a second, and a lost one only means that more is sent again.</summary>
    public void Save(Checkpoint checkpoint)
    {
        var value = checkpoint.ToJson();
        var batch = checkpoints.NewBatch();
        batch.BeginRecord(Key, hasKey: true);
        value.Span.CopyTo(batch.GetSpan(value.Length));
        batch.Advance(value.Length);
        batch.EndRecord();
        lock (_gate)
            _unsynced.Enqueue((checkpoints.Append(batch) + 1, checkpoint.Offset));
    }

    /// <summary>Lets go of what is before the newest checkpoint that is durable by now.</summary>
    public void LetGo()
    {
        lock (_gate)
        {
            while (_unsynced.TryPeek(out var next) && next.End <= checkpoints.SyncedOffset)
            {
                hold.Offset = next.Offset;
                _unsynced.Dequeue();
            }
        }
    }

    private Checkpoint Find()
    {
        var start = source.StartOffset;
        var beginning = new Checkpoint(logId, source.Epoch, 0, start, "", []);
        using var last = checkpoints.ReadLastCommittedBatch();
        if (last is null)
            return start == 0 ? beginning : throw EngineErrors.HistoryGone(pipeline, source.Name, 0, start);

        var found = Parse(last);
        if (found.LogId != logId)
            throw EngineErrors.CheckpointUnreadable(pipeline, $"it belongs to log {found.LogId}, this is log {logId}.");
        if (found.Epoch > source.Epoch)
            throw EngineErrors.CheckpointElsewhere(pipeline, source.Name);
        if (EndOfKnown(found) is not { } end || found.Offset > end)
            return Lower(found);
        if (found.Offset < start)
            throw EngineErrors.HistoryGone(pipeline, source.Name, found.Offset, start);
        if (found.Epoch == source.Epoch)
            return found;
        log.OtherEpoch(pipeline, found.Offset);

        // Where each commit is synced before it is read, what was delivered is there as it was: a torn tail was never read, and every lane is where it was.
        return sync == SyncMode.Commit && (found.Incarnation != 0 || found.Offset == 0) ? found with { Epoch = source.Epoch, OffsetsFrom = found.PipelineEpoch } : Begun(found, found.Offset);
    }

    // How far the stream still holds the very records that were delivered, or null when it does not hold the last one and nobody knows since when.
    private long? EndOfKnown(Checkpoint found)
    {
        if (found.Offset == 0)
            return 0;
        if (found.Incarnation == 0)
            return found.Epoch == source.Epoch ? source.EndOffset : null;
        return source.EndOfIncarnation(found.Incarnation) is { } end ? Math.Min(end, source.EndOffset) : null;
    }

    // Records that were delivered are gone. That is how an unclean end may leave a stream that is not synced at each commit, and no other.
    private Checkpoint Lower(Checkpoint found)
    {
        var end = EndOfKnown(found);
        if (found.Epoch == source.Epoch || (sync == SyncMode.Commit && found.Incarnation != 0))
        {
            throw end is { } known
                ? EngineErrors.CheckpointAhead(pipeline, found.Offset, known)
                : EngineErrors.CheckpointElsewhere(pipeline, source.Name);
        }

        var lowered = Math.Max(end ?? source.StartOffset, source.StartOffset);
        log.CheckpointLowered(pipeline, found.Offset, lowered);
        return Begun(found, lowered);
    }

    // In another epoch of the stream: what lanes acknowledged does not count, what is known of the target does.
    private Checkpoint Begun(Checkpoint found, long offset) =>
        found with { Epoch = source.Epoch, Incarnation = 0, Offset = offset, Routing = "", Lanes = [] };

    private Checkpoint Parse(LogBlock block)
    {
        try
        {
            var records = block.Records();
            Checkpoint? newest = null;
            while (records.MoveNext())
                newest = Checkpoint.FromJson(block.Buffer.AsSpan(records.ValueStart, Math.Max(0, records.ValueLength)));
            return newest ?? throw new InvalidDataException("the last batch holds no record.");
        }
        catch (InvalidDataException cause)
        {
            throw EngineErrors.CheckpointUnreadable(pipeline, cause.Message);
        }
    }
}
