using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Log;
using Microsoft.Extensions.Logging;

namespace Leat.Pipeline.Delivery;

/// <summary>Keeps what a target refused in the stream <c>&lt;pipeline&gt;.deadletters</c>. Described in docs/formats/dead-letter.md.</summary>
/// <remarks>A record's value is a u32 (little-endian) length, that many bytes of JSON header, and the original change.</remarks>
internal sealed class DeadLetters(string pipeline, Func<uint> epoch, StreamPartition stream, TimeProvider time, ILogger log)
{
    /// <summary>The stream's name.</summary>
    public string Name => stream.Name;

    /// <summary>Returns when the refused operations are durable.</summary>
    public async Task KeepAsync(IReadOnlyList<(Pending Item, Answer Answer)> refused, CancellationToken cancellationToken)
    {
        var batch = stream.NewBatch();
        foreach (var (item, answer) in refused)
        {
            var header = Header(item, ReasonOf(answer));
            batch.BeginRecord(default, hasKey: false);
            var value = batch.GetSpan(sizeof(uint) + header.Length + item.RecordBytes);
            BinaryPrimitives.WriteUInt32LittleEndian(value, (uint)header.Length);
            header.CopyTo(value[sizeof(uint)..]);
            item.Record.Span.CopyTo(value[(sizeof(uint) + header.Length)..]);
            batch.Advance(sizeof(uint) + header.Length + item.RecordBytes);
            batch.EndRecord();
        }

        var end = stream.Append(batch) + refused.Count;
        await stream.WaitSyncedAsync(end, cancellationToken);
        foreach (var (item, answer) in refused)
            log.DeadLettered(pipeline, item.Operation.Offset, item.Operation.Shape.Alias, ReasonOf(answer), stream.Name);
    }

    private static string ReasonOf(in Answer answer) => answer.Reason ?? "no reason given";

    private ReadOnlySpan<byte> Header(in Pending item, string reason)
    {
        var operation = item.Operation;
        var change = new EncodedChange(item.Record.Span);
        var bytes = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteString("pipeline", pipeline);
            json.WriteNumber("epoch", epoch());
            json.WriteNumber("offset", operation.Offset);
            json.WriteString("alias", operation.Shape.Alias);
            json.WriteString("table", operation.Shape.Schema.Table.ToString());
            json.WriteString("operation", operation.Kind == OperationKind.Index ? "index" : "delete");
            json.WriteString("key", OperationText.Key(operation));
            json.WriteString("transaction", change.TransactionId);
            json.WriteNumber("committed_at_micros", operation.CommittedAtMicros);
            json.WriteString("refused_at", time.GetUtcNow().ToString("O", CultureInfo.InvariantCulture));
            json.WriteString("reason", reason);
            json.WriteEndObject();
        }

        return bytes.WrittenSpan;
    }
}

/// <summary>Operations in words, for people.</summary>
internal static class OperationText
{
    /// <summary>The key's values, e.g. <c>id=17</c>.</summary>
    public static string Key(in Operation operation)
    {
        var reader = new RowReader(operation.Shape.Schema, operation.Row.Span);
        var parts = new List<string>();
        foreach (var ordinal in operation.Shape.Key)
        {
            reader.Seek(ordinal);
            parts.Add($"{operation.Shape.Schema.Columns[ordinal].Name}={ValueText.Of(ref reader) ?? "NULL"}");
        }

        return string.Join(", ", parts);
    }

    /// <summary>What happened to which key, e.g. <c>update orders id=17</c>.</summary>
    public static string Of(in Operation operation)
    {
        var verb = operation.Cause switch
        {
            ChangeKind.Insert => "insert",
            ChangeKind.Update => operation.Kind == OperationKind.Index ? "update" : "leave",
            ChangeKind.Delete => "delete",
            ChangeKind.Truncate or ChangeKind.Sweep => "remove",
            _ => "read",
        };
        return $"{verb} {operation.Shape.Alias} {Key(operation)}";
    }
}
