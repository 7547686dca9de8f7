using System.Buffers;
using System.Text.Json;

namespace Leat.Changes.Formats.Envelopes;

/// <summary>The change events of Debezium's MySQL and MariaDB connectors with <c>schemas.enable=false</c>.</summary>
/// <remarks>
/// Source: Debezium's documentation, "Data change events" of the MySQL connector; the source block is that of <c>MySqlSourceInfoStructMaker</c>.
/// A change of a key is a delete, a tombstone and a create, as there.
/// </remarks>
internal sealed class DebeziumEnvelope(EnvelopeSettings settings) : IChangeEnvelope
{
    private readonly Utf8JsonWriter _json = new(Stream.Null, ChangeJson.Options);
    private readonly Dictionary<TableName, long> _tableOrders = [];
    private long _totalOrder;

    private enum Image
    {
        None,
        Before,
        After,
    }

    /// <inheritdoc/>
    public int Write(EncodedChange change, TableSchema schema, in ChangePlace place, IBufferWriter<byte> lines)
    {
        if (change.Kind == ChangeKind.Sweep)
            return 0;
        if (change.IndexInTransaction == 0)
        {
            _tableOrders.Clear();
            _totalOrder = 0;
        }

        if (change.Kind == ChangeKind.Update && RowImages.HasMoved(change, schema))
        {
            WriteEvent("d", change, schema, place, lines, Image.Before, Image.None, movedTo: Image.After, movedFrom: Image.None);
            var tombstones = WriteTombstone(change, schema, lines);
            WriteEvent("c", change, schema, place, lines, Image.None, Image.After, movedTo: Image.None, movedFrom: Image.Before);
            return 2 + tombstones;
        }

        var before = change.Marks.HasFlag(ChangeMarks.HasBefore) ? Image.Before : Image.None;
        var after = change.Marks.HasFlag(ChangeMarks.HasAfter) ? Image.After : Image.None;
        WriteEvent(OperationOf(change.Kind), change, schema, place, lines, before, after, Image.None, Image.None);
        return 1 + (change.Kind == ChangeKind.Delete ? WriteTombstone(change, schema, lines) : 0);
    }

    /// <inheritdoc/>
    public void Dispose() => _json.Dispose();

    private static string OperationOf(ChangeKind kind) => kind switch
    {
        ChangeKind.Insert => "c",
        ChangeKind.Update => "u",
        ChangeKind.Delete => "d",
        ChangeKind.Read or ChangeKind.ReadAgain => "r",
        ChangeKind.Truncate => "t",
        _ => throw new InvalidDataException($"A record of kind {(byte)kind} is not a change of a row."),
    };

    private void WriteEvent(
        string operation, EncodedChange change, TableSchema schema, in ChangePlace place, IBufferWriter<byte> lines, Image before, Image after, Image movedTo, Image movedFrom)
    {
        _json.Reset(lines);
        if (settings.Keys)
        {
            _json.WriteStartObject();
            _json.WritePropertyName("key");
            WriteKey(change, schema, after == Image.None ? before : after);
            if (movedTo != Image.None || movedFrom != Image.None)
            {
                _json.WriteStartObject("headers");
                _json.WritePropertyName(movedTo != Image.None ? "__debezium.newkey" : "__debezium.oldkey");
                WriteKey(change, schema, movedTo != Image.None ? movedTo : movedFrom);
                _json.WriteEndObject();
            }

            _json.WritePropertyName("value");
        }

        WriteValue(operation, change, schema, place, before, after);
        if (settings.Keys)
            _json.WriteEndObject();
        _json.Flush();
        lines.Write("\n"u8);
    }

    private int WriteTombstone(EncodedChange change, TableSchema schema, IBufferWriter<byte> lines)
    {
        if (!settings.Keys)
            return 0; // a message without a value: nothing is left of it without its key
        _json.Reset(lines);
        _json.WriteStartObject();
        _json.WritePropertyName("key");
        WriteKey(change, schema, Image.Before);
        _json.WriteNull("value");
        _json.WriteEndObject();
        _json.Flush();
        lines.Write("\n"u8);
        return 1;
    }

    private void WriteValue(string operation, EncodedChange change, TableSchema schema, in ChangePlace place, Image before, Image after)
    {
        var name = TransactionName.Read(change.TransactionId);
        _json.WriteStartObject();
        WriteImage("before", change, schema, before);
        WriteImage("after", change, schema, after);
        WriteSource(name, change, schema, name.PlaceOr(place));
        WriteTransaction(name, schema.Table, name.PlaceOr(place));
        _json.WriteString("op", operation);
        WriteTimes((settings.Time.GetUtcNow().UtcTicks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond, rest: true);
        _json.WriteEndObject();
    }

    private void WriteSource(in TransactionName name, EncodedChange change, TableSchema schema, in ChangePlace place)
    {
        _json.WriteStartObject("source");
        _json.WriteString("version", settings.Version);
        _json.WriteString("connector", name.IsMariaDb ? "mariadb" : "mysql");
        _json.WriteString("name", settings.Source);
        WriteTimes(change.CommittedAtMicros, rest: false);
        _json.WriteString("snapshot", change.Kind switch { ChangeKind.Read => "true", ChangeKind.ReadAgain => "incremental", _ => "false" });
        _json.WriteString("db", schema.Table.Database);
        _json.WriteNull("sequence");
        _json.WriteNumber("ts_us", change.CommittedAtMicros);
        _json.WriteNumber("ts_ns", change.CommittedAtMicros * 1000);
        _json.WriteString("table", schema.Table.Name);
        _json.WriteNumber("server_id", name.Server ?? 0);
        if (name.IsGtid)
            _json.WriteString("gtid", name.Text);
        else
            _json.WriteNull("gtid");
        _json.WriteString("file", place.File);
        _json.WriteNumber("pos", place.Offset);
        _json.WriteNumber("row", change.IndexInTransaction);
        _json.WriteNull("thread");
        _json.WriteNull("query");
        _json.WriteEndObject();
    }

    private void WriteTransaction(in TransactionName name, TableName table, in ChangePlace place)
    {
        if (!settings.Details)
        {
            _json.WriteNull("transaction");
            return;
        }

        var order = _tableOrders.GetValueOrDefault(table) + 1;
        _tableOrders[table] = order;
        _json.WriteStartObject("transaction");
        _json.WriteString("id", name.IsGtid ? name.Text : FormattableString.Invariant($"file={place.File},pos={place.Offset}"));
        _json.WriteNumber("total_order", ++_totalOrder);
        _json.WriteNumber("data_collection_order", order);
        _json.WriteEndObject();
    }

    private void WriteTimes(long micros, bool rest)
    {
        _json.WriteNumber("ts_ms", Math.DivRem(micros, 1000).Quotient);
        if (!rest)
            return;
        _json.WriteNumber("ts_us", micros);
        _json.WriteNumber("ts_ns", micros * 1000);
    }

    private void WriteImage(string name, EncodedChange change, TableSchema schema, Image image)
    {
        if (image == Image.None)
        {
            _json.WriteNull(name);
            return;
        }

        var reader = new RowReader(schema, image == Image.Before ? change.Before : change.After);
        _json.WriteStartObject(name);
        while (reader.Read())
        {
            if (reader.IsAbsent)
                continue;
            _json.WritePropertyName(reader.Column.Name);
            DebeziumValue.Write(ref reader, _json, settings.DecimalsAsText);
        }

        _json.WriteEndObject();
    }

    private void WriteKey(EncodedChange change, TableSchema schema, Image image)
    {
        if (image == Image.None || schema.OwnKey.IsEmpty)
        {
            _json.WriteNullValue();
            return;
        }

        var reader = new RowReader(schema, image == Image.Before ? change.Before : change.After);
        _json.WriteStartObject();
        foreach (var ordinal in schema.OwnKey)
        {
            reader.Seek(ordinal);
            if (reader.IsAbsent)
                continue;
            _json.WritePropertyName(reader.Column.Name);
            DebeziumValue.Write(ref reader, _json, settings.DecimalsAsText);
        }

        _json.WriteEndObject();
    }
}
