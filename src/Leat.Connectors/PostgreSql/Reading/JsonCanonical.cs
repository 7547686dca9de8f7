using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Leat.Connectors.PostgreSql.Reading;

/// <summary>One text for all texts of one JSON value: members sorted, the last of equal names, no spaces, numbers as plain digits. For comparison.</summary>
/// <remarks><c>jsonb</c> keeps neither spaces, order nor repeated names, and writes numbers in its own way.</remarks>
internal static class JsonCanonical
{
    private const int MostDepth = 256;

    // Numbers of more digits than that stay with an exponent.
    private const int MostPlainDigits = 60;

    private static readonly JsonWriterOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, MaxDepth = MostDepth };

    /// <summary>The canonical text; what is no JSON stays as it is.</summary>
    public static string Of(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text, new() { MaxDepth = MostDepth });
            var buffer = new ArrayBufferWriter<byte>(text.Length);
            using (var writer = new Utf8JsonWriter(buffer, Plain))
                Write(document.RootElement, writer);
            return Encoding.UTF8.GetString(buffer.WrittenSpan);
        }
        catch (Exception notJson) when (notJson is JsonException or InvalidOperationException)
        {
            return text; // no JSON, or half of a surrogate pair in a string
        }
    }

    /// <summary>A JSON number with the fewest digits: <c>1.50e2</c> is <c>150</c>.</summary>
    public static string Number(string text)
    {
        var isNegative = text[0] == '-';
        var mantissa = text.AsSpan(isNegative ? 1 : 0);
        var exponent = 0L;
        var e = mantissa.IndexOfAny('e', 'E');
        if (e >= 0)
        {
            if (!long.TryParse(mantissa[(e + 1)..], System.Globalization.NumberStyles.AllowLeadingSign, System.Globalization.CultureInfo.InvariantCulture, out exponent))
                return text;
            mantissa = mantissa[..e];
        }

        var point = mantissa.IndexOf('.');
        var places = point < 0 ? 0 : mantissa.Length - point - 1;
        var digits = mantissa.ToString().Replace(".", "", StringComparison.Ordinal).TrimStart('0');
        if (digits.Length == 0)
            return "0";
        var kept = digits.TrimEnd('0');
        var power = exponent - places + (digits.Length - kept.Length);
        return (isNegative ? "-" : "") + Placed(kept, power);
    }

    // The digits times a power of ten.
    private static string Placed(string digits, long power)
    {
        if (power >= 0)
            return digits.Length + power <= MostPlainDigits ? digits + new string('0', (int)power) : $"{digits}e{power}";
        if (-power > MostPlainDigits)
            return $"{digits}e{power}";
        var places = (int)-power;
        var padded = digits.PadLeft(places + 1, '0');
        return $"{padded[..^places]}.{padded[^places..]}";
    }

    private static void Write(JsonElement element, Utf8JsonWriter writer)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                var members = new SortedDictionary<string, JsonElement>(StringComparer.Ordinal);
                foreach (var member in element.EnumerateObject())
                    members[member.Name] = member.Value;
                writer.WriteStartObject();
                foreach (var (name, value) in members)
                {
                    writer.WritePropertyName(name);
                    Write(value, writer);
                }

                writer.WriteEndObject();
                break;
            case JsonValueKind.Array:
                writer.WriteStartArray();
                foreach (var item in element.EnumerateArray())
                    Write(item, writer);
                writer.WriteEndArray();
                break;
            case JsonValueKind.Number:
                writer.WriteRawValue(Number(element.GetRawText()));
                break;
            case JsonValueKind.String:
                writer.WriteStringValue(element.GetString());
                break;
            default:
                element.WriteTo(writer);
                break;
        }
    }
}
