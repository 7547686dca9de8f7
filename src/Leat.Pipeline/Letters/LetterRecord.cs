using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;
using Leat.Changes;
using Leat.Changes.Formats;

namespace Leat.Pipeline.Letters;

/// <summary>Bytes of the records in a dead-letter stream: docs/formats/dead-letter.md.</summary>
internal static class LetterRecord
{
    /// <summary>Larger rows stand in a letter only as they were captured.</summary>
    public const int MostRowBytes = 1024 * 1024;

    public const string Letter = "letter";
    public const string Outcome = "outcome";
    public const string Replay = "replay";
    public const string End = "end";
    public const string Discard = "discard";

    /// <summary>The header's JSON of a record's value.</summary>
    /// <exception cref="InvalidDataException">Not such a record.</exception>
    public static JsonDocument Parse(ReadOnlySpan<byte> value)
    {
        try
        {
            var reader = new Utf8JsonReader(HeaderOf(value));
            return JsonDocument.ParseValue(ref reader);
        }
        catch (JsonException cause)
        {
            throw new InvalidDataException(cause.Message, cause);
        }
    }

    /// <summary>The change behind the header; empty in records that are not a letter.</summary>
    public static ReadOnlySpan<byte> ChangeOf(ReadOnlySpan<byte> value) => value[(sizeof(uint) + HeaderOf(value).Length)..];

    /// <summary>A record's value: length, header, change.</summary>
    public static byte[] Make(Action<Utf8JsonWriter> header, ReadOnlySpan<byte> change = default)
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            header(json);
            json.WriteEndObject();
        }

        var value = new byte[sizeof(uint) + bytes.WrittenCount + change.Length];
        BinaryPrimitives.WriteUInt32LittleEndian(value, (uint)bytes.WrittenCount);
        bytes.WrittenSpan.CopyTo(value.AsSpan(sizeof(uint)));
        change.CopyTo(value.AsSpan(sizeof(uint) + bytes.WrittenCount));
        return value;
    }

    /// <summary>The columns that an update told, by their names at the target; <see langword="null"/> when it is none, or its row was too large to be kept here.</summary>
    public static string[]? ToldOf(JsonElement header) => header.GetProperty("operation").GetString() == WordOf(OperationKind.Update) && header.TryGetProperty("row", out var row)
        ? [.. row.EnumerateObject().Select(column => string.Intern(column.Name))]
        : null;

    /// <summary>A refusal.</summary>
    /// <param name="head">What the record is about.</param>
    /// <param name="operation">What was refused.</param>
    /// <param name="key">Its key in words.</param>
    /// <param name="answer">The target's words.</param>
    /// <param name="change">The change as captured.</param>
    public static byte[] OfRefusal(LetterHead head, Operation operation, string key, Answer answer, ReadOnlySpan<byte> change)
    {
        var transaction = new EncodedChange(change).TransactionId.ToArray();
        return Make(
            json =>
            {
                json.WriteString("record", Letter);
                if (head.Letter is { } letter)
                    json.WriteNumber("letter", letter);
                json.WriteNumber("attempt", head.Attempt);
                json.WriteString("pipeline", head.Pipeline);
                json.WriteNumber("epoch", head.Epoch);
                json.WriteNumber("offset", operation.Offset);
                json.WriteString("alias", operation.Shape.Alias);
                json.WriteString("table", operation.Shape.Schema.Table.ToString());
                json.WriteString("operation", WordOf(operation.Kind));
                json.WriteString("key", key);
                json.WriteString("key_hash", operation.KeyHash.ToString("x16", CultureInfo.InvariantCulture));
                json.WriteString("transaction", transaction);
                json.WriteNumber("committed_at_micros", operation.CommittedAtMicros);
                json.WriteString("refused_at", head.At);
                if (answer.Cause is { } cause)
                    json.WriteString("cause", cause);
                json.WriteString("reason", answer.Reason ?? "no reason given");
                if (!operation.Shape.Replaced.IsEmpty)
                {
                    json.WriteStartArray("replaced");
                    foreach (var column in operation.Shape.Replaced)
                        json.WriteStringValue(column);
                    json.WriteEndArray();
                }

                if (operation.Kind != OperationKind.Delete && operation.Row.Length <= MostRowBytes)
                    WriteRow(json, operation);
            },
            change);
    }

    // What the plan made of the change, under the names of the target.
    private static void WriteRow(Utf8JsonWriter json, in Operation operation)
    {
        var reader = new RowReader(operation.Shape.Schema, operation.Row.Span);
        json.WriteStartObject("row");
        foreach (var (name, ordinal) in operation.Shape.Columns)
        {
            reader.Seek(ordinal);
            if (reader.IsAbsent)
                continue;
            json.WritePropertyName(name);
            ValueJson.Write(ref reader, json);
        }

        json.WriteEndObject();
    }

    /// <summary>A newer outcome of a key, or of a whole table when it has no key.</summary>
    public static byte[] OfOutcome(string alias, ulong? keyHash, uint epoch, long offset, DateTimeOffset at) => Make(json =>
    {
        json.WriteString("record", Outcome);
        json.WriteString("alias", alias);
        if (keyHash is { } hash)
            json.WriteString("key_hash", hash.ToString("x16", CultureInfo.InvariantCulture));
        json.WriteNumber("epoch", epoch);
        json.WriteNumber("offset", offset);
        json.WriteString("at", at);
    });

    /// <summary>How a replayed letter ended.</summary>
    public static byte[] OfEnd(long letter, LetterState state, DateTimeOffset at) => Make(json =>
    {
        json.WriteString("record", End);
        json.WriteNumber("letter", letter);
        json.WriteString("state", state.ToString().ToLowerInvariant());
        json.WriteString("at", at);
    });

    /// <summary>What somebody asks for some letters: <see cref="Replay"/> or <see cref="Discard"/>.</summary>
    public static byte[] OfRequest(string record, IEnumerable<long> letters, string by, DateTimeOffset at) => Make(json =>
    {
        json.WriteString("record", record);
        json.WriteStartArray("letters");
        foreach (var letter in letters)
            json.WriteNumberValue(letter);
        json.WriteEndArray();
        json.WriteString("by", by);
        json.WriteString("at", at);
    });

    private static string WordOf(OperationKind kind) => kind switch
    {
        OperationKind.Index => "index",
        OperationKind.Update => "update",
        _ => "delete",
    };

    private static ReadOnlySpan<byte> HeaderOf(ReadOnlySpan<byte> value)
    {
        var length = value.Length < sizeof(uint) ? uint.MaxValue : BinaryPrimitives.ReadUInt32LittleEndian(value);
        return length <= value.Length - sizeof(uint)
            ? value.Slice(sizeof(uint), (int)length)
            : throw new InvalidDataException($"a dead letter's header is cut off: {value.Length} bytes.");
    }
}

/// <summary>What a letter's record says beside the operation.</summary>
/// <param name="Pipeline">The pipeline.</param>
/// <param name="Letter">The letter that it is another attempt of; <see langword="null"/>: a new one.</param>
/// <param name="Attempt">From 1.</param>
/// <param name="Epoch">Epoch of the pipeline.</param>
/// <param name="At">When, UTC.</param>
internal readonly record struct LetterHead(string Pipeline, long? Letter, int Attempt, uint Epoch, DateTimeOffset At);
