using System.Buffers;
using System.Collections.Immutable;
using System.Text.Json;

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
    /// <summary>How much the pipeline's own epoch is above the stream's.</summary>
    public uint Raise { get; init; }

    /// <summary>What the target's marker is no lower than; <see langword="null"/> while nothing was acknowledged under one.</summary>
    public NotedMarker? Marker { get; init; }

    /// <summary>The marker that was about to be written, and may be in the target or not; found there it proves that this log is not older than the target.</summary>
    public NotedMarker? Announced { get; init; }

    /// <summary>Whether the source still has to be asked to read the pipeline's tables again.</summary>
    public bool Reread { get; init; }

    /// <summary>Whether the target may hold rows that the source does not have, which still have to be looked for.</summary>
    public bool Sweep { get; init; }

    /// <summary>Which state the documents are made of: a marker with another number belongs to a state that was given up. 0 for a pipeline without any.</summary>
    public int State { get; init; }

    /// <summary>Whether every document still has to be emitted, whatever is in the target.</summary>
    public bool EmitAll { get; init; }

    /// <summary>Numbers of the table shapes that the target was prepared for; a pipeline that keeps to them goes on with them.</summary>
    public ImmutableArray<uint> Shapes { get; init; } = [];

    /// <summary>Where the stream ended when it was first opened since the target's marker was last judged; <see langword="null"/> once that is done. What is behind was never sent.</summary>
    public long? Unjudged { get; init; }

    /// <summary>Epoch of the pipeline when it was written, where a raise since changed nothing of what was delivered; <see langword="null"/>: its own. Not written.</summary>
    public uint? OffsetsFrom { get; init; }

    /// <summary>Epoch of the pipeline.</summary>
    public uint PipelineEpoch => Epoch + Raise;

    /// <summary>The record's value.</summary>
    public ReadOnlyMemory<byte> ToJson()
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteString("log_id", LogId);
            json.WriteNumber("epoch", Epoch);
            if (Raise > 0)
                json.WriteNumber("raise", Raise);
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
            Write(json, "marker", Marker);
            Write(json, "announced", Announced);
            if (Reread)
                json.WriteBoolean("reread", true);
            if (Sweep)
                json.WriteBoolean("sweep", true);
            if (State > 0)
                json.WriteNumber("state", State);
            if (EmitAll)
                json.WriteBoolean("emit_all", true);
            if (Unjudged is { } end)
                json.WriteNumber("unjudged", end);
            if (!Shapes.IsEmpty)
            {
                json.WriteStartArray("shapes");
                foreach (var shape in Shapes)
                    json.WriteNumberValue(shape);
                json.WriteEndArray();
            }

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
                [.. root.GetProperty("lanes").EnumerateArray().Select(lane => lane.GetProperty("offset").GetInt64())])
            {
                Raise = root.TryGetProperty("raise", out var raise) ? raise.GetUInt32() : 0,
                Marker = Read(root, "marker"),
                Announced = Read(root, "announced"),
                Reread = root.TryGetProperty("reread", out var reread) && reread.GetBoolean(),
                Sweep = root.TryGetProperty("sweep", out var sweep) && sweep.GetBoolean(),
                State = root.TryGetProperty("state", out var state) ? state.GetInt32() : 0,
                Unjudged = root.TryGetProperty("unjudged", out var unjudged) ? unjudged.GetInt64() : null,
                EmitAll = root.TryGetProperty("emit_all", out var emitAll) && emitAll.GetBoolean(),
                Shapes = root.TryGetProperty("shapes", out var shapes) ? [.. shapes.EnumerateArray().Select(shape => shape.GetUInt32())] : [],
            };
        }
        catch (Exception cause) when (cause is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException(cause.Message, cause);
        }
    }

    private static void Write(Utf8JsonWriter json, string name, NotedMarker? marker)
    {
        if (marker is null)
            return;
        json.WriteStartObject(name);
        json.WriteNumber("epoch", marker.Epoch);
        json.WriteNumber("offset", marker.Offset);
        json.WriteEndObject();
    }

    private static NotedMarker? Read(JsonElement root, string name) => root.TryGetProperty(name, out var marker)
        ? new(marker.GetProperty("epoch").GetUInt32(), marker.GetProperty("offset").GetInt64())
        : null;
}

/// <summary>What a checkpoint says of the marker in the target.</summary>
/// <param name="Epoch">Its epoch; 0 when the target computes it from what else it keeps.</param>
/// <param name="Offset">Its offset; -1 when the target computes it.</param>
internal sealed record NotedMarker(uint Epoch, long Offset);
