using Leat.Changes;

namespace Leat.Pipeline.Delivery;

/// <summary>Keys of documents as they are kept: rows of the key's columns alone, so that they outlive a change of the documents' other fields.</summary>
internal static class DocumentKey
{
    /// <summary>Writes the key of a document's row: its columns in key order.</summary>
    public static void Write(Shape shape, ReadOnlySpan<byte> row, RowBuilder key)
    {
        var reader = new RowReader(shape.Schema, row);
        key.Begin(shape.Key.Length);
        foreach (var ordinal in shape.Key)
        {
            reader.Seek(ordinal);
            key.Copy(ref reader);
        }
    }

    /// <summary>What a dead letter holds in place of a change: one of no table, whose image of before is the document's key.</summary>
    public static byte[] RecordOf(in Operation operation)
    {
        var key = new RowBuilder();
        Write(operation.Shape, operation.Row.Span, key);
        var record = new byte[EncodedChange.HeaderBytes + key.Row.Length];
        var front = EncodedChange.WriteHeader(
            record, operation.Cause, ChangeMarks.HasBefore, schemaId: 0, operation.CommittedAtMicros, indexInTransaction: 0, key.Row.Length, transactionId: default);
        key.Row.CopyTo(record.AsSpan(front));
        return record;
    }

    /// <summary>The key in a record that <see cref="RecordOf"/> made; empty in any other.</summary>
    public static ReadOnlySpan<byte> Of(ReadOnlySpan<byte> record)
    {
        var change = new EncodedChange(record);
        return change.Kind != ChangeKind.Position && change.SchemaId == 0 ? change.Before : default;
    }

    /// <summary>The row of which only the key is set; empty when the bytes are no key of this shape.</summary>
    public static byte[] Expand(Shape shape, ReadOnlySpan<byte> key)
    {
        var columns = shape.Schema.Columns;
        var schema = new TableSchema(shape.Schema.Table, [.. shape.Key.Select(ordinal => columns[ordinal])], [.. Enumerable.Range(0, shape.Key.Length)]);
        try
        {
            var reader = new RowReader(schema, key);
            var row = new RowBuilder();
            row.Begin(columns.Length);
            for (var ordinal = 0; ordinal < columns.Length; ordinal++)
            {
                var part = shape.Key.IndexOf(ordinal);
                if (part < 0)
                {
                    row.WriteNull();
                    continue;
                }

                reader.Seek(part);
                row.Copy(ref reader);
            }

            return row.Row.ToArray();
        }
        catch (InvalidDataException)
        {
            return []; // of other columns: there is no such document any more
        }
    }
}
