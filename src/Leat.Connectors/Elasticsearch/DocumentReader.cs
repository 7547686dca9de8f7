using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Connectors.Elasticsearch.Wire;

namespace Leat.Connectors.Elasticsearch;

/// <summary>Gives rows the canonical text that they are compared by: once as the source has them, once as the target's documents do.</summary>
internal sealed class DocumentReader(DocumentAddress address, ElasticsearchSinkOptions options)
{
    private readonly JsonBuffer _id = new(64);

    /// <summary>Where the documents are.</summary>
    public DocumentAddress Address => address;

    private Shape Shape => address.Shape;

    /// <summary>The id of a row.</summary>
    public string IdOf(ReadOnlySpan<byte> row)
    {
        var reader = new RowReader(Shape.Schema, row);
        _id.Cut();
        address.WriteId(ref reader, _id);
        return Encoding.UTF8.GetString(_id.Written);
    }

    /// <summary>What the target should hold for a row.</summary>
    public TargetRow Expect(ReadOnlySpan<byte> row)
    {
        var id = IdOf(row);
        var reader = new RowReader(Shape.Schema, row);
        var fields = ImmutableArray.CreateBuilder<KeyValuePair<string, string?>>(Shape.Columns.Length);
        foreach (var column in Shape.Columns)
        {
            reader.Seek(column.Ordinal);
            fields.Add(new(column.Name, Expected(ref reader)));
        }

        return new(id, fields.ToImmutable());
    }

    /// <summary>A document as a row; <see langword="null"/> when it is none of the shape's, or bears the mark of a row that is gone.</summary>
    public TargetRow? Read(string id, JsonElement source)
    {
        if (!id.StartsWith(address.IdPrefix, StringComparison.Ordinal) || source.ValueKind != JsonValueKind.Object)
            return null;
        if (options.SoftDelete is { } mark && source.TryGetProperty(mark.Field, out var value) && value.GetRawText() == mark.Json)
            return null;

        var fields = ImmutableArray.CreateBuilder<KeyValuePair<string, string?>>(Shape.Columns.Length);
        foreach (var column in Shape.Columns)
            fields.Add(new(column.Name, source.TryGetProperty(column.Name, out var member) ? Found(Shape.Schema.Columns[column.Ordinal], member) : null));

        // What is there and should not be stands at the end, so that a comparison shows it; others may add fields where that is agreed on.
        if (options.Pipeline is null && options.Write == WriteMode.Index && !Shape.IsPart)
        {
            foreach (var member in source.EnumerateObject().Where(member => IsForeign(member.Name)))
                fields.Add(new(member.Name, member.Value.ValueKind == JsonValueKind.Null ? null : member.Value.ToString()));
        }

        return new(id, fields.ToImmutable());
    }

    private bool IsForeign(string name)
    {
        if (name == options.Join?.Field || name == options.SoftDelete?.Field)
            return false;
        foreach (var column in Shape.Columns)
        {
            if (column.Name == name)
                return false;
        }

        return true;
    }

    private string? Expected(ref RowReader row)
    {
        if (row.IsNull || (!options.ZeroDatesAsText && IsNoDay(ref row)))
            return null;
        var text = ValueText.Of(ref row);
        return row.Column.Kind == ColumnKind.Json && text is not null ? Canonical(text) : text;
    }

    private static bool IsNoDay(ref RowReader row) => row.Column.Kind switch
    {
        ColumnKind.Date => !TemporalText.IsCalendarDay((uint)row.UInt64),
        ColumnKind.DateTime => !TemporalText.IsCalendarDay((uint)(row.UInt64 >> 37)),
        ColumnKind.Timestamp => row.Int64 == Temporal.ZeroTimestamp,
        _ => false,
    };

    private static string? Found(Column column, JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.Null)
            return null;
        var text = value.ValueKind == JsonValueKind.String ? value.GetString() : value.GetRawText();
        switch (column.Kind)
        {
            case ColumnKind.Set when value.ValueKind == JsonValueKind.Array:
                return string.Join(',', value.EnumerateArray().Select(member => member.ToString()));
            case ColumnKind.Json:
                return Canonical(value);
            case ColumnKind.DateTime or ColumnKind.Timestamp:
                return text?.Replace('T', ' ').TrimEnd('Z');
            case ColumnKind.Float32 when float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number):
                return number.ToString(CultureInfo.InvariantCulture);
            case ColumnKind.Float64 when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number):
                return number.ToString(CultureInfo.InvariantCulture);
            case ColumnKind.Decimal when value.ValueKind == JsonValueKind.Number && !HasDigits(text, column.Scale) && decimal.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number):
                return number.ToString("F" + column.Scale.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
            default:
                return text;
        }
    }

    private static bool HasDigits(string? text, int scale)
    {
        var point = text?.IndexOf('.', StringComparison.Ordinal) ?? -1;
        return text is not null && !text.Contains('E', StringComparison.OrdinalIgnoreCase) && (point < 0 ? scale == 0 : text.Length - point - 1 == scale);
    }

    // The servers keep a document's bytes, but write it anew after a partial update: white space and the digits of numbers may differ.
    private static string Canonical(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text, new() { MaxDepth = 1000 });
            return Canonical(document.RootElement);
        }
        catch (JsonException)
        {
            return text; // only its source takes it for JSON: a string at the target too
        }
    }

    private static string Canonical(JsonElement value)
    {
        // A string stands for itself, as does a text that is no JSON.
        if (value.ValueKind == JsonValueKind.String)
            return value.GetString() ?? "";
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
            WriteCanonical(value, json);
        return Encoding.UTF8.GetString(bytes.ToArray());
    }

    private static void WriteCanonical(JsonElement value, Utf8JsonWriter json)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                json.WriteStartObject();
                foreach (var member in value.EnumerateObject())
                {
                    json.WritePropertyName(member.Name);
                    WriteCanonical(member.Value, json);
                }

                json.WriteEndObject();
                break;
            case JsonValueKind.Array:
                json.WriteStartArray();
                foreach (var item in value.EnumerateArray())
                    WriteCanonical(item, json);
                json.WriteEndArray();
                break;
            case JsonValueKind.Number when !value.TryGetInt64(out _) && value.TryGetDouble(out var number) && double.IsFinite(number):
                json.WriteNumberValue(number);
                break;
            default:
                value.WriteTo(json);
                break;
        }
    }
}
