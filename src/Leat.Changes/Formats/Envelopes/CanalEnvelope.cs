using System.Buffers;
using System.Text.Json;

namespace Leat.Changes.Formats.Envelopes;

/// <summary>Canal's flat messages: one a row, members in the order of the alphabet, every value a string.</summary>
/// <remarks>Source: Canal's <c>FlatMessage</c> and <c>MQMessageUtils.messageConverter</c>, printed by fastjson with nulls.</remarks>
internal sealed class CanalEnvelope(EnvelopeSettings settings) : IChangeEnvelope
{
    private readonly Utf8JsonWriter _json = new(Stream.Null, ChangeJson.Options);
    private long _id;

    /// <inheritdoc/>
    public int Write(EncodedChange change, TableSchema schema, in ChangePlace place, IBufferWriter<byte> lines)
    {
        if (change.Kind == ChangeKind.Sweep)
            return 0;
        var isTruncate = change.Kind == ChangeKind.Truncate;
        var name = TransactionName.Read(change.TransactionId);
        _json.Reset(lines);
        _json.WriteStartObject();
        if (isTruncate)
            _json.WriteNull("data");
        else
            WriteRows("data", change, schema, old: false);
        _json.WriteString("database", schema.Table.Database);
        _json.WriteNumber("es", Math.DivRem(change.CommittedAtMicros, 1000).Quotient);
        _json.WriteString("gtid", name.IsGtid ? name.Text : "");
        _json.WriteNumber("id", ++_id);
        _json.WriteBoolean("isDdl", isTruncate);
        WriteTypes("mysqlType", change, schema, names: true, isTruncate);
        WriteRows("old", change, schema, old: true);
        WriteKeyNames(schema, isTruncate);
        _json.WriteString("sql", isTruncate ? $"TRUNCATE TABLE `{Doubled(schema.Table.Database)}`.`{Doubled(schema.Table.Name)}`" : "");
        WriteTypes("sqlType", change, schema, names: false, isTruncate);
        _json.WriteString("table", schema.Table.Name);
        _json.WriteNumber("ts", settings.Time.GetUtcNow().ToUnixTimeMilliseconds());
        _json.WriteString("type", TypeOf(change.Kind));
        _json.WriteEndObject();
        _json.Flush();
        lines.Write("\n"u8);
        return 1;
    }

    /// <inheritdoc/>
    public void Dispose() => _json.Dispose();

    private static string TypeOf(ChangeKind kind) => kind switch
    {
        ChangeKind.Insert or ChangeKind.Read or ChangeKind.ReadAgain => "INSERT",
        ChangeKind.Update => "UPDATE",
        ChangeKind.Delete => "DELETE",
        ChangeKind.Truncate => "TRUNCATE",
        _ => throw new InvalidDataException($"A record of kind {(byte)kind} is not a change of a row."),
    };

    private static string Doubled(string name) => name.Replace("`", "``", StringComparison.Ordinal);

    private static RowReader RowOf(EncodedChange change, TableSchema schema) =>
        new(schema, change.Marks.HasFlag(ChangeMarks.HasAfter) ? change.After : change.Before);

    // "old" holds the values before of the columns that changed; without any it is null, as in every insert and delete.
    private void WriteRows(string name, EncodedChange change, TableSchema schema, bool old)
    {
        if (old && change.Kind != ChangeKind.Update)
        {
            _json.WriteNull(name);
            return;
        }

        var row = RowOf(change, schema);
        var before = new RowReader(schema, old ? change.Before : default);
        var any = false;
        while (row.Read())
        {
            if (old)
                before.Read();
            if (row.IsAbsent || (old && (before.IsAbsent || !RowImages.IsChanged(ref before, ref row))))
                continue;
            if (!any)
                StartRows(name);
            any = true;
            _json.WriteString(row.Column.Name, old ? CanalValue.TextOf(ref before) : CanalValue.TextOf(ref row));
        }

        if (!any)
        {
            _json.WriteNull(name);
            return;
        }

        _json.WriteEndObject();
        _json.WriteEndArray();
    }

    private void StartRows(string name)
    {
        _json.WriteStartArray(name);
        _json.WriteStartObject();
    }

    private void WriteTypes(string name, EncodedChange change, TableSchema schema, bool names, bool isTruncate)
    {
        if (isTruncate)
        {
            _json.WriteNull(name);
            return;
        }

        _json.WriteStartObject(name);
        var row = RowOf(change, schema);
        while (row.Read())
        {
            if (row.IsAbsent)
                continue;
            if (names)
                _json.WriteString(row.Column.Name, ColumnTypeText.Of(row.Column));
            else
                _json.WriteNumber(row.Column.Name, CanalValue.TypeOf(ref row));
        }

        _json.WriteEndObject();
    }

    private void WriteKeyNames(TableSchema schema, bool isTruncate)
    {
        if (isTruncate || schema.OwnKey.IsEmpty)
        {
            _json.WriteNull("pkNames");
            return;
        }

        _json.WriteStartArray("pkNames");
        foreach (var ordinal in schema.OwnKey.Order())
            _json.WriteStringValue(schema.Columns[ordinal].Name);
        _json.WriteEndArray();
    }
}
