using System.Buffers;
using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Leat.Changes;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Ddl;

namespace Leat.Connectors.MySql.Shapes;

/// <summary>What a schema record keeps for us beside the shape itself (<see cref="TableSchema.Origin"/>): how the binlog encodes each column, and what later statements need.</summary>
/// <remarks>
/// <code>
/// {"state":1,"unverified":"…","engine":"InnoDB","charset":"utf8mb4","history":true,"database":"latin1","columns":[{"t":15,"m":80,"c":"utf8mb4"},{"t":3,"m":0,"u":true}]}
/// </code>
/// <c>history</c> rows of history are told, too: then the shape may have two columns more than stand here; <c>t</c> type, <c>m</c> metadata, <c>u</c> unsigned, <c>c</c> character set, <c>j</c> a text that holds JSON, <c>f</c> what text the bytes stand for
/// (<see cref="ValueForm"/>), <c>d</c> fractional digits that the metadata does not tell, <c>r</c> why it cannot be captured. Absent: usual.
/// </remarks>
internal static class ShapeOrigin
{
    /// <summary>Writes what the shape does not say.</summary>
    public static string Write(TableDefinition table)
    {
        var text = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(text))
        {
            json.WriteStartObject();
            if (table.State != TableState.Live)
                json.WriteNumber("state", (byte)table.State);
            if (table.Unverified is not null)
                json.WriteString("unverified", table.Unverified);
            json.WriteString("engine", table.Engine);
            json.WriteString("charset", table.Charset);
            json.WriteString("database", table.DatabaseCharset);
            if (table.Versioning != Versioning.None)
                json.WriteNumber("versioning", (byte)table.Versioning);
            if (table.RowEnd is not null)
                json.WriteString("row_end", table.RowEnd);
            if (table.TellsHistory)
                json.WriteBoolean("history", true);
            if (table.Refusal is not null)
                json.WriteString("refusal", table.Refusal);
            json.WriteStartArray("columns");
            foreach (var column in table.Columns)
                Write(json, column);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(text.WrittenSpan);
    }

    /// <summary>The table that a shape of ours stands for; <see langword="null"/> when its record says too little, as those of older versions.</summary>
    public static TableDefinition? Read(TableSchema schema)
    {
        if (schema.Origin.Length == 0)
            return null;
        try
        {
            using var json = JsonDocument.Parse(schema.Origin);
            var root = json.RootElement;
            var columns = root.GetProperty("columns").EnumerateArray().ToList();
            var versioning = root.TryGetProperty("versioning", out var kept) ? (Versioning)kept.GetByte() : Versioning.None;
            var history = root.TryGetProperty("history", out var told) && told.GetBoolean();
            var hidden = history && versioning == Versioning.Implicit ? VersionedTable.HiddenColumns : 0;
            if (columns.Count != schema.Columns.Length - hidden)
                return null;
            var definition = new TableDefinition
            {
                Name = schema.Table,
                Columns = [.. columns.Select((column, i) => Read(column, schema.Columns[i]))],
                Key = [.. schema.Key.Select(ordinal => schema.Columns[ordinal].Name)],
                State = root.TryGetProperty("state", out var state) ? (TableState)state.GetByte() : TableState.Live,
                Unverified = root.TryGetProperty("unverified", out var unverified) ? unverified.GetString() : null,
                Versioning = versioning,
                TellsHistory = history,
                IsKeyless = schema.IsKeyless,
                RowEnd = root.TryGetProperty("row_end", out var rowEnd) ? rowEnd.GetString() : null,
                Refusal = root.TryGetProperty("refusal", out var whole) ? whole.GetString() : null,
                Engine = root.GetProperty("engine").GetString() ?? "",
                Charset = root.GetProperty("charset").GetString() ?? "",
                DatabaseCharset = root.GetProperty("database").GetString() ?? "",
            };
            return definition.WithPlainKey(); // of columns there are the plain ones already
        }
        catch (Exception malformed) when (malformed is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return null; // as if it were not there: the server is asked
        }
    }

    private static void Write(Utf8JsonWriter json, ColumnFacts column)
    {
        json.WriteStartObject();
        json.WriteNumber("t", column.Type);
        json.WriteNumber("m", column.Metadata);
        if (column.Unsigned)
            json.WriteBoolean("u", true);
        if (column.Charset is not null)
            json.WriteString("c", column.Charset);
        if (column.IsJson)
            json.WriteBoolean("j", true);
        if (column.Form != ValueForm.Plain)
            json.WriteNumber("f", (byte)column.Form);
        if (column.Fraction is { } digits && ColumnType.IsOldTemporal(column.Type))
            json.WriteNumber("d", digits);
        if (column.Refusal is not null)
            json.WriteString("r", column.Refusal);
        json.WriteEndObject();
    }

    private static ColumnFacts Read(JsonElement json, Column column) => new()
    {
        Name = column.Name,
        Type = json.GetProperty("t").GetByte(),
        Metadata = json.GetProperty("m").GetUInt16(),
        Nullable = column.Nullable,
        Unsigned = json.TryGetProperty("u", out var unsigned) && unsigned.GetBoolean(),
        Charset = json.TryGetProperty("c", out var charset) ? charset.GetString() : null,
        Labels = column.Labels,
        IsJson = json.TryGetProperty("j", out var isJson) && isJson.GetBoolean(),
        Form = json.TryGetProperty("f", out var form) ? (ValueForm)form.GetByte() : ValueForm.Plain,
        Fraction = json.TryGetProperty("d", out var digits) ? digits.GetInt32() : null,
        SourceType = column.SourceType,
        Refusal = json.TryGetProperty("r", out var refusal) ? refusal.GetString() : null,
    };
}
