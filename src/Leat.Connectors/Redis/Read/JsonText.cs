using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Leat.Connectors.Redis.Read;

/// <summary>JSON values as one text for one value, whoever wrote them: members in order of their names, numbers without needless digits.</summary>
internal static class JsonText
{
    /// <summary>The text of a value: a string's own, <see langword="null"/> for null, JSON for objects and arrays.</summary>
    public static string? Of(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.Undefined => null,
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Number => NumberOf(value),
        _ => Write(new StringBuilder(), value).ToString(),
    };

    private static StringBuilder Write(StringBuilder text, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                text.Append('{');
                foreach (var member in value.EnumerateObject().OrderBy(member => member.Name, StringComparer.Ordinal))
                {
                    text.Append(text[^1] == '{' ? "" : ",").Append(JsonEncodedText.Encode(member.Name).ToString().Insert(0, "\"")).Append("\":");
                    Write(text, member.Value);
                }

                return text.Append('}');
            case JsonValueKind.Array:
                text.Append('[');
                var isFirst = true;
                foreach (var item in value.EnumerateArray())
                {
                    text.Append(isFirst ? "" : ",");
                    isFirst = false;
                    Write(text, item);
                }

                return text.Append(']');
            case JsonValueKind.String:
                return text.Append('"').Append(JsonEncodedText.Encode(value.GetString() ?? "").ToString()).Append('"');
            case JsonValueKind.Number:
                return text.Append(NumberOf(value));
            default:
                return text.Append(value.GetRawText());
        }
    }

    // Division by one with many places takes trailing zeros off a decimal.
    private static string NumberOf(JsonElement value) => value.TryGetDecimal(out var exact)
        ? (exact / 1.0000000000000000000000000000m).ToString(CultureInfo.InvariantCulture)
        : value.GetDouble().ToString("R", CultureInfo.InvariantCulture);
}
