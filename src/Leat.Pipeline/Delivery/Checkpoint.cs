using System.Buffers;
using System.Collections.Immutable;
using System.Text.Json;
using Leat.Log;
using Microsoft.Extensions.Logging;

namespace Leat.Pipeline.Delivery;

/// <summary>How far a pipeline is: all that its restart needs. Described in docs/formats/checkpoint.md.</summary>
/// <param name="LogId">Identity of the log folder.</param>
/// <param name="Epoch">Epoch of the source's stream.</param>
/// <param name="Offset">Lowest offset without an outcome.</param>
/// <param name="Routing">How operations were spread over lanes, when every offset that the target keeps is of this spread; else empty.</param>
/// <param name="Lanes">Highest offset with an outcome in each lane; -1 when there is none.</param>
internal sealed record Checkpoint(Guid LogId, uint Epoch, long Offset, string Routing, ImmutableArray<long> Lanes)
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
internal sealed class CheckpointStore(string pipeline, Guid logId, StreamPartition source, StreamPartition checkpoints, ILogger log)
{
    /// <summary>Where delivery goes on.</summary>
    /// <exception cref="Leat.Changes.PauseException">The checkpoint does not fit the stream.</exception>
    public Checkpoint Load()
    {
        var first = new Checkpoint(logId, source.Epoch, source.StartOffset, "", []);
        using var last = checkpoints.ReadLastCommittedBatch();
        if (last is null)
            return first;

        var found = Parse(last);
        if (found.LogId != logId)
            throw EngineErrors.CheckpointUnreadable(pipeline, $"it belongs to log {found.LogId}, this is log {logId}.");
        if (found.Epoch != source.Epoch)
        {
            // Offsets above the cut were given anew, so nothing above the readable end is delivered yet.
            var offset = Math.Max(Math.Min(found.Offset, source.ReadableOffset), source.StartOffset);
            log.OtherEpoch(pipeline, offset);
            return first with { Offset = offset };
        }

        return found.Offset <= source.EndOffset
            ? found with { Offset = Math.Max(found.Offset, source.StartOffset) }
            : throw EngineErrors.CheckpointAhead(pipeline, found.Offset, source.EndOffset);
    }

    /// <summary>Appends a checkpoint; it is synced within a second, and a lost one only means that more is sent again.</summary>
    public void Save(Checkpoint checkpoint)
    {
        var value = checkpoint.ToJson();
        var batch = checkpoints.NewBatch();
        batch.BeginRecord(default, hasKey: false);
        value.Span.CopyTo(batch.GetSpan(value.Length));
        batch.Advance(value.Length);
        batch.EndRecord();
        checkpoints.Append(batch);
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
