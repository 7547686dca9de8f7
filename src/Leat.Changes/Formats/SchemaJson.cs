using System.Buffers;
using System.Collections.Immutable;
using System.Text.Json;

namespace Leat.Changes.Formats;

/// <summary>The shape of a table as JSON: the value of a record in the stream <c>&lt;source&gt;.schemas</c>. Described in docs/formats/schema.md.</summary>
public static class SchemaJson
{
    private static readonly Dictionary<string, ColumnKind> Kinds = Enum.GetValues<ColumnKind>().ToDictionary(NameOf);

    /// <summary>Writes a shape with the number that encoded changes carry and its version, counted from 1 for each table.</summary>
    public static byte[] Write(uint id, int version, TableSchema schema)
    {
        var bytes = new ArrayBufferWriter<byte>(256 + (schema.Columns.Length * 64));
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteNumber("id", id);
            json.WriteString("table", schema.Table.ToString());
            json.WriteString("database", schema.Table.Database);
            json.WriteNumber("version", version);
            json.WriteStartArray("columns");
            foreach (var column in schema.Columns)
                WriteColumn(json, column);
            json.WriteEndArray();
            json.WriteStartArray("key");
            foreach (var ordinal in schema.Key)
                json.WriteNumberValue(ordinal);
            json.WriteEndArray();
            if (schema.IsKeyless)
                json.WriteBoolean("keyless", true);
            if (schema.IsPartial)
                json.WriteBoolean("partial", true);
            if (schema.Origin.Length > 0)
                json.WriteString("origin", schema.Origin);
            json.WriteEndObject();
        }

        return bytes.WrittenSpan.ToArray();
    }

    /// <summary>Reads what <see cref="Write"/> wrote. Members that this version does not know are passed over.</summary>
    /// <exception cref="InvalidDataException">Not a schema record; the message says which part.</exception>
    public static (uint Id, int Version, TableSchema Schema) Read(ReadOnlySpan<byte> json)
    {
        try
        {
            var reader = new Utf8JsonReader(json);
            using var document = JsonDocument.ParseValue(ref reader);
            var root = document.RootElement;
            var table = root.GetProperty("table").GetString()!; // GetString is null only for JSON null, which the slices below refuse
            var database = root.GetProperty("database").GetString()!; // as above
            if (!table.StartsWith(database + ".", StringComparison.Ordinal))
                throw new InvalidDataException($"A schema record names table '{table}', which is not in its database '{database}'.");

            ImmutableArray<Column> columns = [.. root.GetProperty("columns").EnumerateArray().Select(ReadColumn)];
            ImmutableArray<int> key = [.. root.GetProperty("key").EnumerateArray().Select(ordinal => ordinal.GetInt32())];
            if (columns.IsEmpty || key.Any(ordinal => ordinal < 0 || ordinal >= columns.Length))
                throw new InvalidDataException($"The schema record of {table} has {columns.Length} columns and the key [{string.Join(", ", key)}].");

            var schema = new TableSchema(new(database, table[(database.Length + 1)..]), columns, key)
            {
                IsKeyless = root.TryGetProperty("keyless", out var keyless) && keyless.GetBoolean(),
                IsPartial = root.TryGetProperty("partial", out var partial) && partial.GetBoolean(),
                Origin = root.TryGetProperty("origin", out var origin) ? origin.GetString() ?? "" : "",
            };
            return (root.GetProperty("id").GetUInt32(), root.GetProperty("version").GetInt32(), schema);
        }
        catch (Exception cause) when (cause is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException($"Not a schema record: {cause.Message}", cause);
        }
    }

    /// <summary>The name of a kind in schema records, e.g. <c>int32</c>.</summary>
    public static string NameOf(ColumnKind kind) => kind.ToString().ToLowerInvariant();

    private static void WriteColumn(Utf8JsonWriter json, Column column)
    {
        json.WriteStartObject();
        json.WriteString("name", column.Name);
        json.WriteString("kind", NameOf(column.Kind));
        json.WriteBoolean("nullable", column.Nullable);
        if (column.Length != 0)
            json.WriteNumber("length", column.Length);
        if (column.Precision != 0)
            json.WriteNumber("precision", column.Precision);
        if (column.Scale != 0)
            json.WriteNumber("scale", column.Scale);
        if (column.Labels.Length > 0)
        {
            json.WriteStartArray("labels");
            foreach (var label in column.Labels)
                json.WriteStringValue(label);
            json.WriteEndArray();
        }

        if (column.SourceType.Length > 0)
            json.WriteString("type", column.SourceType);
        json.WriteEndObject();
    }

    private static Column ReadColumn(JsonElement column)
    {
        var kind = column.GetProperty("kind").GetString();
        if (kind is null || !Kinds.TryGetValue(kind, out var known))
            throw new InvalidDataException($"A schema record has a column of the unknown kind '{kind}'.");

        return new()
        {
            Name = column.GetProperty("name").GetString() ?? throw new InvalidDataException("A schema record has a column without a name."),
            Kind = known,
            Nullable = column.GetProperty("nullable").GetBoolean(),
            Length = column.TryGetProperty("length", out var length) ? length.GetInt64() : 0,
            Precision = column.TryGetProperty("precision", out var precision) ? precision.GetInt32() : 0,
            Scale = column.TryGetProperty("scale", out var scale) ? scale.GetInt32() : 0,
            Labels = column.TryGetProperty("labels", out var labels) ? [.. labels.EnumerateArray().Select(label => label.GetString() ?? "")] : [],
            SourceType = column.TryGetProperty("type", out var type) ? type.GetString() ?? "" : "",
        };
    }
}
