using System.Buffers;
using System.Text.Json;

namespace Leat.Changes.Formats.Envelopes;

/// <summary>The rows of Maxwell's daemon.</summary>
/// <remarks>Source: Maxwell's <c>docs/dataformat.md</c>, <c>RowMap.toJSON</c> and the classes of <c>schema/columndef</c>.</remarks>
internal sealed class MaxwellEnvelope(EnvelopeSettings settings) : IChangeEnvelope
{
    private readonly Utf8JsonWriter _json = new(Stream.Null, ChangeJson.Options);

    /// <inheritdoc/>
    public int Write(EncodedChange change, TableSchema schema, in ChangePlace place, IBufferWriter<byte> lines)
    {
        if (change.Kind is ChangeKind.Sweep or ChangeKind.Truncate)
            return 0;
        _json.Reset(lines);
        if (settings.Keys)
        {
            _json.WriteStartObject();
            WriteMessageKey(change, schema);
            _json.WritePropertyName("value");
        }

        WriteRow(change, schema, place);
        if (settings.Keys)
            _json.WriteEndObject();
        _json.Flush();
        lines.Write("\n"u8);
        return 1;
    }

    /// <inheritdoc/>
    public void Dispose() => _json.Dispose();

    private static string TypeOf(ChangeKind kind) => kind switch
    {
        ChangeKind.Insert => "insert",
        ChangeKind.Update => "update",
        ChangeKind.Delete => "delete",
        ChangeKind.Read or ChangeKind.ReadAgain => "bootstrap-insert",
        _ => throw new InvalidDataException($"A record of kind {(byte)kind} is not a change of a row."),
    };

    private static RowReader RowOf(EncodedChange change, TableSchema schema) =>
        new(schema, change.Marks.HasFlag(ChangeMarks.HasAfter) ? change.After : change.Before);

    private void WriteRow(EncodedChange change, TableSchema schema, in ChangePlace place)
    {
        var name = TransactionName.Read(change.TransactionId);
        var isRead = change.Kind is ChangeKind.Read or ChangeKind.ReadAgain;
        _json.WriteStartObject();
        _json.WriteString("database", schema.Table.Database);
        _json.WriteString("table", schema.Table.Name);
        _json.WriteString("type", TypeOf(change.Kind));
        _json.WriteNumber("ts", (long)Math.Floor(change.CommittedAtMicros / 1_000_000m));
        if (!isRead)
            WriteTransaction(change, name);
        if (settings.Details)
            WriteDetails(name, name.PlaceOr(place), change, schema);
        WriteData(change, schema);
        if (change.Kind == ChangeKind.Update)
            WriteOld(change, schema);
        _json.WriteEndObject();
    }

    private void WriteTransaction(EncodedChange change, in TransactionName name)
    {
        if (name.Number is { } number)
            _json.WriteNumber("xid", number);
        var isLast = change.Marks.HasFlag(ChangeMarks.LastOfTransaction);
        if (settings.Details && !isLast)
            _json.WriteNumber("xoffset", change.IndexInTransaction);
        if (isLast)
            _json.WriteBoolean("commit", true);
    }

    private void WriteDetails(in TransactionName name, in ChangePlace place, EncodedChange change, TableSchema schema)
    {
        if (place.File.Length > 0)
            _json.WriteString("position", FormattableString.Invariant($"{place.File}:{place.Offset}"));
        if (name.IsGtid)
            _json.WriteString("gtid", name.Text);
        if (name.Server is { } server)
            _json.WriteNumber("server_id", server);
        var row = RowOf(change, schema);
        _json.WriteStartArray("primary_key");
        foreach (var ordinal in schema.OwnKey)
        {
            row.Seek(ordinal);
            MaxwellValue.Write(ref row, _json);
        }

        _json.WriteEndArray();
        _json.WriteStartArray("primary_key_columns");
        foreach (var ordinal in schema.OwnKey)
            _json.WriteStringValue(schema.Columns[ordinal].Name);
        _json.WriteEndArray();
    }

    private void WriteData(EncodedChange change, TableSchema schema)
    {
        var row = RowOf(change, schema);
        _json.WriteStartObject("data");
        while (row.Read())
        {
            if (row.IsAbsent)
                continue;
            _json.WritePropertyName(row.Column.Name);
            MaxwellValue.Write(ref row, _json);
        }

        _json.WriteEndObject();
    }

    // Only what changed; nothing changed: no member at all.
    private void WriteOld(EncodedChange change, TableSchema schema)
    {
        var before = new RowReader(schema, change.Before);
        var after = new RowReader(schema, change.After);
        var any = false;
        while (before.Read() && after.Read())
        {
            if (before.IsAbsent || after.IsAbsent || !RowImages.IsChanged(ref before, ref after))
                continue;
            if (!any)
                _json.WriteStartObject("old");
            any = true;
            _json.WritePropertyName(before.Column.Name);
            MaxwellValue.Write(ref before, _json);
        }

        if (any)
            _json.WriteEndObject();
    }

    // The message's key as Maxwell makes it with producer_partition_by and kafka_key_format=hash.
    private void WriteMessageKey(EncodedChange change, TableSchema schema)
    {
        var row = RowOf(change, schema);
        _json.WriteStartObject("key");
        _json.WriteString("database", schema.Table.Database);
        _json.WriteString("table", schema.Table.Name);
        foreach (var ordinal in schema.OwnKey)
        {
            row.Seek(ordinal);
            _json.WritePropertyName($"pk.{row.Column.Name.ToLowerInvariant()}");
            MaxwellValue.Write(ref row, _json);
        }

        _json.WriteEndObject();
    }
}
