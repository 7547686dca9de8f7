using System.Buffers;
using System.Collections.Immutable;
using System.Text.Json;
using Leat.Changes;

namespace Leat.Pipeline.Delivery;

/// <summary>What a marker in a state stream says beside its offset: all that a restart needs to go on with the state. Described in docs/formats/state.md.</summary>
/// <param name="State">Number of the state: a checkpoint with another number says that this one was given up.</param>
/// <param name="Fingerprint">Of what the plan holds.</param>
/// <param name="Epoch">Epoch of the source's stream.</param>
/// <param name="Incarnation">Incarnation of the record before the marker's offset; 0 at offset 0.</param>
internal sealed record StateNote(int State, string Fingerprint, uint Epoch, long Incarnation)
{
    /// <summary>Of the rule by which documents were made of the rows.</summary>
    public string Rule { get; init; } = "";

    /// <summary>Whether rows are still taken in, and nothing is sent.</summary>
    public bool IsLoading { get; init; }

    /// <summary>Whether more documents waited in the background than <see cref="Keys"/> names: all are sent again.</summary>
    public bool HasBacklog { get; init; }

    /// <summary>Changes of rows that were not held.</summary>
    public long Retractions { get; init; }

    /// <summary>By table, the number of the shape that the plan knew.</summary>
    public ImmutableDictionary<TableName, uint> Shapes { get; init; } = ImmutableDictionary<TableName, uint>.Empty;

    /// <summary>Tables that the source still has to be asked to read again.</summary>
    public ImmutableArray<TableName> Reread { get; init; } = [];

    /// <summary>Key rows of the documents that were emitted below the marker's offset and had no outcome yet, and of those that waited in the background.</summary>
    public ImmutableArray<byte[]> Keys { get; init; } = [];

    /// <summary>Rows that were taken away because the source has them no more, and whose end the stream may still tell: table's place and hash of the key.</summary>
    public ImmutableArray<long> Swept { get; init; } = [];

    /// <summary>As it stands in the marker.</summary>
    public ReadOnlyMemory<byte> ToJson()
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteNumber("state", State);
            json.WriteString("fingerprint", Fingerprint);
            json.WriteString("rule", Rule);
            json.WriteNumber("epoch", Epoch);
            json.WriteNumber("incarnation", Incarnation);
            if (IsLoading)
                json.WriteBoolean("loading", true);
            if (HasBacklog)
                json.WriteBoolean("backlog", true);
            if (Retractions > 0)
                json.WriteNumber("retractions", Retractions);
            if (!Swept.IsEmpty)
            {
                json.WriteStartArray("swept");
                foreach (var key in Swept)
                    json.WriteNumberValue(key);
                json.WriteEndArray();
            }

            json.WriteStartObject("shapes");
            foreach (var (table, id) in Shapes.OrderBy(pair => pair.Value))
                json.WriteNumber(table.ToString(), id);
            json.WriteEndObject();
            json.WriteStartArray("reread");
            foreach (var table in Reread)
                json.WriteStringValue(table.ToString());
            json.WriteEndArray();
            json.WriteStartArray("keys");
            foreach (var key in Keys)
                json.WriteBase64StringValue(key);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        return bytes.WrittenMemory;
    }

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <exception cref="InvalidDataException">Not such a note.</exception>
    public static StateNote FromJson(ReadOnlySpan<byte> value)
    {
        try
        {
            var reader = new Utf8JsonReader(value);
            using var document = JsonDocument.ParseValue(ref reader);
            var root = document.RootElement;
            return new(
                root.GetProperty("state").GetInt32(), root.GetProperty("fingerprint").GetString() ?? "", root.GetProperty("epoch").GetUInt32(), root.GetProperty("incarnation").GetInt64())
            {
                Rule = root.TryGetProperty("rule", out var rule) ? rule.GetString() ?? "" : "",
                IsLoading = root.TryGetProperty("loading", out var loading) && loading.GetBoolean(),
                HasBacklog = root.TryGetProperty("backlog", out var backlog) && backlog.GetBoolean(),
                Retractions = root.TryGetProperty("retractions", out var retractions) ? retractions.GetInt64() : 0,
                Swept = root.TryGetProperty("swept", out var swept) ? [.. swept.EnumerateArray().Select(key => key.GetInt64())] : [],
                Shapes = root.GetProperty("shapes").EnumerateObject().ToImmutableDictionary(pair => TableOf(pair.Name), pair => pair.Value.GetUInt32()),
                Reread = [.. root.GetProperty("reread").EnumerateArray().Select(table => TableOf(table.GetString()))],
                Keys = [.. root.GetProperty("keys").EnumerateArray().Select(key => key.GetBytesFromBase64())],
            };
        }
        catch (Exception cause) when (cause is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException(cause.Message, cause);
        }
    }

    private static TableName TableOf(string? text) => TableName.TryParse(text ?? "", out var table) ? table : throw new FormatException($"no table: '{text}'");
}
