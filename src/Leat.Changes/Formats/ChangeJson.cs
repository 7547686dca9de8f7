using System.Text.Encodings.Web;
using System.Text.Json;

namespace Leat.Changes.Formats;

/// <summary>One change as a JSON object: what <c>leat capture</c> prints. Described in docs/formats/change-json.md.</summary>
public static class ChangeJson
{
    /// <summary>Text as it is: no escapes but those that JSON demands. Lines are for files and terminals, never for HTML.</summary>
    public static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    /// <summary>Writes a change of <paramref name="schema"/>. Not for <see cref="ChangeKind.Position"/>.</summary>
    /// <param name="json">Made with <see cref="Options"/>, or the caller's own. The object is complete, but not flushed, when this returns.</param>
    /// <param name="offset">Offset of the change in its stream; <see langword="null"/> when it was not read from a log, then the member is absent.</param>
    /// <param name="change">The change.</param>
    /// <param name="schema">The shape of its rows.</param>
    public static void Write(Utf8JsonWriter json, long? offset, EncodedChange change, TableSchema schema)
    {
        json.WriteStartObject();
        if (offset is { } number)
            json.WriteNumber("offset", number);
        json.WriteString("op", NameOf(change.Kind));
        json.WriteString("table", schema.Table.ToString());
        var hasAfter = change.Marks.HasFlag(ChangeMarks.HasAfter);
        var hasImage = (change.Marks & (ChangeMarks.HasBefore | ChangeMarks.HasAfter)) != 0;
        if (schema.OwnKey.Length > 0 && hasImage)
            WriteKey(json, schema, hasAfter ? change.After : change.Before);
        if (change.Marks.HasFlag(ChangeMarks.HasBefore))
            WriteImage(json, "before", schema, change.Before);
        if (hasAfter)
            WriteImage(json, "after", schema, change.After);
        if (schema.IsPartial && change.Kind == ChangeKind.Update && hasAfter)
            WriteUnchanged(json, schema, change.After);

        Span<byte> time = stackalloc byte[40];
        var length = TemporalText.WriteTimestamp(change.CommittedAtMicros, 6, (byte)'T', time);
        time[length++] = (byte)'Z';
        json.WriteString("committed_at", time[..length]);
        json.WriteString("transaction", change.TransactionId);
        json.WriteNumber("index", change.IndexInTransaction);
        json.WriteBoolean("last", change.Marks.HasFlag(ChangeMarks.LastOfTransaction));
        json.WriteEndObject();
    }

    private static void WriteKey(Utf8JsonWriter json, TableSchema schema, ReadOnlySpan<byte> row)
    {
        var reader = new RowReader(schema, row);
        json.WriteStartObject("key");
        foreach (var ordinal in schema.Key)
        {
            reader.Seek(ordinal);
            if (reader.IsAbsent)
                continue;
            json.WritePropertyName(reader.Column.Name);
            ValueJson.Write(ref reader, json);
        }

        json.WriteEndObject();
    }

    // What the after image of an update lacks was not changed: the source leaves out nothing else.
    private static void WriteUnchanged(Utf8JsonWriter json, TableSchema schema, ReadOnlySpan<byte> row)
    {
        var reader = new RowReader(schema, row);
        json.WriteStartArray("unchanged");
        while (reader.Read())
        {
            if (reader.IsAbsent)
                json.WriteStringValue(reader.Column.Name);
        }

        json.WriteEndArray();
    }

    private static void WriteImage(Utf8JsonWriter json, string name, TableSchema schema, ReadOnlySpan<byte> row)
    {
        var reader = new RowReader(schema, row);
        json.WritePropertyName(name);
        ValueJson.WriteRow(ref reader, json);
    }

    private static string NameOf(ChangeKind kind) => kind switch
    {
        ChangeKind.Insert => "insert",
        ChangeKind.Update => "update",
        ChangeKind.Delete => "delete",
        ChangeKind.Read or ChangeKind.ReadAgain => "read",
        ChangeKind.Truncate => "truncate",
        ChangeKind.Sweep => "sweep",
        _ => throw new InvalidDataException($"A record of kind {(byte)kind} is not a change of a row."),
    };
}
