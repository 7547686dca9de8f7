using System.Buffers;
using System.Collections.Immutable;
using System.Text.Json;
using Leat.Log;
using Microsoft.Extensions.Logging;

namespace Leat.Pipeline.Delivery;

/// <summary>How far a pipeline is: all that its restart needs. Described in docs/formats/checkpoint.md.</summary>
/// <param name="LogId">Identity of the log folder.</param>
/// <param name="Epoch">Epoch of the source's stream.</param>
/// <param name="Incarnation">Incarnation of the record before <paramref name="Offset"/>; 0 when there is none, or nobody noted it.</param>
/// <param name="Offset">Lowest offset without an outcome.</param>
/// <param name="Routing">How operations were spread over lanes, when every offset that the target keeps is of this spread; else empty.</param>
/// <param name="Lanes">Highest offset with an outcome in each lane; -1 when there is none.</param>
internal sealed record Checkpoint(Guid LogId, uint Epoch, long Incarnation, long Offset, string Routing, ImmutableArray<long> Lanes)
{
    /// <summary>The record's value.</summary>
    public ReadOnlyMemory<byte> ToJson()
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteString("log_id", LogId);
            json.WriteNumber("epoch", Epoch);
            json.WriteNumber("incarnation", Incarnation);
            json.WriteNumber("offset", Offset);
            json.WriteString("routing", Routing);
            json.WriteStartArray("lanes");
            for (var lane = 0; lane < Lanes.Length; lane++)
            {
                json.WriteStartObject();
                json.WriteNumber("lane", lane);
                json.WriteNumber("offset", Lanes[lane]);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return bytes.WrittenMemory;
    }

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <exception cref="InvalidDataException">Not a checkpoint.</exception>
    public static Checkpoint FromJson(ReadOnlySpan<byte> value)
    {
        try
        {
            var reader = new Utf8JsonReader(value);
            using var document = JsonDocument.ParseValue(ref reader);
            var root = document.RootElement;
            return new(
                root.GetProperty("log_id").GetGuid(),
                root.GetProperty("epoch").GetUInt32(),
                root.TryGetProperty("incarnation", out var incarnation) ? incarnation.GetInt64() : 0,
                root.GetProperty("offset").GetInt64(),
                root.TryGetProperty("routing", out var routing) ? routing.GetString() ?? "" : "",
                [.. root.GetProperty("lanes").EnumerateArray().Select(lane => lane.GetProperty("offset").GetInt64())]);
        }
        catch (Exception cause) when (cause is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException(cause.Message, cause);
        }
    }
}

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
        _unsynced.Enqueue((checkpoints.Append(batch) + 1, checkpoint.Offset));
    }

    /// <summary>Lets go of what is before the newest checkpoint that is durable by now.</summary>
    public void LetGo()
    {
        while (_unsynced.TryPeek(out var next) && next.End <= checkpoints.SyncedOffset)
        {
            hold.Offset = next.Offset;
            _unsynced.Dequeue();
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
            return Lower(found, beginning);
        if (found.Offset < start)
            throw EngineErrors.HistoryGone(pipeline, source.Name, found.Offset, start);
        if (found.Epoch == source.Epoch)
            return found;
        log.OtherEpoch(pipeline, found.Offset);
        return beginning with { Offset = found.Offset };
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
    private Checkpoint Lower(Checkpoint found, Checkpoint beginning)
    {
        var end = EndOfKnown(found);
        if (found.Epoch == source.Epoch || (sync == SyncMode.Commit && found.Incarnation != 0))
        {
            throw end is { } known
                ? EngineErrors.CheckpointAhead(pipeline, found.Offset, known)
                : EngineErrors.CheckpointElsewhere(pipeline, source.Name);
        }

        var lowered = Math.Max(end ?? beginning.Offset, beginning.Offset);
        log.CheckpointLowered(pipeline, found.Offset, lowered);
        return beginning with { Offset = lowered };
    }

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
