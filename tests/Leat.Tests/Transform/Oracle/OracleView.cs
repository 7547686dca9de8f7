using System.Globalization;
using System.Text;
using System.Text.Json;
using Leat.Changes;
using Leat.Changes.Formats;

namespace Leat.Tests.Transform.Oracle;

/// <summary>Documents by their key, in a form in which equal ones are equal texts: fields by name, numbers without needless zeros.</summary>
internal static class OracleView
{
    /// <summary>What a query gives.</summary>
    public static SortedDictionary<string, string> Of(List<string?[]> rows)
    {
        var view = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var row in rows)
            view.Add(KeyOf(row[..^1]), Canonical(row[^1]!)); // not null: json_object gives a text
        return view;
    }

    /// <summary>The key of an operation.</summary>
    public static string KeyOf(in Operation operation)
    {
        var reader = new RowReader(operation.Shape.Schema, operation.Row.Span);
        var values = new List<string?>();
        foreach (var ordinal in operation.Shape.Key)
        {
            reader.Seek(ordinal);
            values.Add(ValueText.Of(ref reader));
        }

        return KeyOf([.. values]);
    }

    /// <summary>The document that a row is.</summary>
    public static string DocumentOf(Shape shape, ReadOnlySpan<byte> row)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            var reader = new RowReader(shape.Schema, row);
            foreach (var column in shape.Columns)
            {
                reader.Seek(column.Ordinal);
                json.WritePropertyName(column.Name);
                ValueJson.Write(ref reader, json);
            }

            json.WriteEndObject();
        }

        return Canonical(Encoding.UTF8.GetString(stream.ToArray()));
    }

    private static string KeyOf(string?[] values) => string.Join(", ", values.Select(value => value ?? "NULL"));

    private static string Canonical(string json)
    {
        using var document = JsonDocument.Parse(json);
        var text = new StringBuilder();
        Write(document.RootElement, text);
        return text.ToString();
    }

    private static void Write(JsonElement element, StringBuilder text)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                text.Append('{');
                foreach (var property in element.EnumerateObject().OrderBy(property => property.Name, StringComparer.Ordinal))
                {
                    text.Append(property.Name).Append(": ");
                    Write(property.Value, text);
                    text.Append("; ");
                }

                text.Append('}');
                break;
            case JsonValueKind.Array:
                text.Append('[');
                foreach (var item in element.EnumerateArray())
                {
                    Write(item, text);
                    text.Append("; ");
                }

                text.Append(']');
                break;
            default:
                var shown = element.ToString();
                text.Append(element.ValueKind == JsonValueKind.Null ? "null" : decimal.TryParse(shown, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
                    ? number.ToString("0.##########", CultureInfo.InvariantCulture)
                    : $"'{shown}'");
                break;
        }
    }
}
