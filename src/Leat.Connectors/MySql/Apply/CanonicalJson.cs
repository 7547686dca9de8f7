using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Leat.Connectors.MySql.Apply;

/// <summary>One text for JSON documents that MySQL's own form does not tell apart: order of members, spaces, and how a number is written.</summary>
internal static class CanonicalJson
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly JsonDocumentOptions Reading = new() { MaxDepth = 256 }; // MySQL takes 100

    /// <summary>The text; that of the bytes as they are when they are no JSON.</summary>
    public static string Of(ReadOnlySpan<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json.ToArray(), Reading);
            using var text = new MemoryStream();
            using (var writer = new Utf8JsonWriter(text, Options))
                Write(document.RootElement, writer);
            return Encoding.UTF8.GetString(text.ToArray());
        }
        catch (Exception malformed) when (malformed is JsonException or InvalidOperationException)
        {
            return Encoding.UTF8.GetString(json); // such as MariaDB takes into a column without json_valid; half a surrogate pair
        }
    }

    private static void Write(JsonElement value, Utf8JsonWriter writer)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                writer.WriteStartObject();
                var members = new SortedDictionary<string, JsonElement>(StringComparer.Ordinal);
                foreach (var member in value.EnumerateObject())
                    members[member.Name] = member.Value; // the last one of a name stays, as with MySQL
                foreach (var (name, member) in members)
                {
                    writer.WritePropertyName(name);
                    Write(member, writer);
                }

                writer.WriteEndObject();
                break;
            case JsonValueKind.Array:
                writer.WriteStartArray();
                foreach (var item in value.EnumerateArray())
                    Write(item, writer);
                writer.WriteEndArray();
                break;
            case JsonValueKind.Number:
                writer.WriteRawValue(NumberOf(value), skipInputValidation: true);
                break;
            default:
                value.WriteTo(writer);
                break;
        }
    }

    // Whole numbers of 64 bits stay themselves; every other becomes a double.
    private static string NumberOf(JsonElement value)
    {
        if (value.TryGetInt64(out var whole))
            return whole.ToString(CultureInfo.InvariantCulture);
        return value.TryGetUInt64(out var unsigned) ? unsigned.ToString(CultureInfo.InvariantCulture) : value.GetDouble().ToString("R", CultureInfo.InvariantCulture);
    }
}
