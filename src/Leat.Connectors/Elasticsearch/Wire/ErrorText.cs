using System.Text;
using System.Text.Json;

namespace Leat.Connectors.Elasticsearch.Wire;

/// <summary>Reads what a server says of an error: <c>{"type": …, "reason": …, "caused_by": {…}}</c>.</summary>
internal static class ErrorText
{
    private const int MostShownBytes = 300;

    /// <summary>Reads an error object whose start was read; its type, and its reason followed by the innermost one behind it.</summary>
    public static (string Type, string? Reason) Read(ref Utf8JsonReader json)
    {
        var type = "";
        string? reason = null;
        string? innermost = null;
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            var isType = json.ValueTextEquals("type"u8);
            var isReason = json.ValueTextEquals("reason"u8);
            var isCause = json.ValueTextEquals("caused_by"u8);
            json.Read();
            if (isType && json.TokenType == JsonTokenType.String)
                type = json.GetString() ?? "";
            else if (isReason && json.TokenType == JsonTokenType.String)
                reason = json.GetString();
            else if (isCause && json.TokenType == JsonTokenType.StartObject)
                innermost = Read(ref json).Reason;
            else
                json.Skip();
        }

        return (type, innermost is null || innermost == reason ? reason : $"{reason}: {innermost}");
    }

    /// <summary>The error of a whole answer, <c>{"error": {…}, "status": 400}</c>: its type ("" when it tells none) and words for people.</summary>
    public static (string Type, string Reason) Of(int status, ReadOnlySpan<byte> body)
    {
        try
        {
            var json = new Utf8JsonReader(body);
            if (!json.Read() || json.TokenType != JsonTokenType.StartObject)
                return ("", Shown(status, body));
            while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
            {
                var isError = json.ValueTextEquals("error"u8);
                json.Read();
                if (isError && json.TokenType == JsonTokenType.StartObject)
                {
                    var (type, reason) = Read(ref json);
                    return (type, $"{status} {type}: {reason}");
                }

                if (isError && json.TokenType == JsonTokenType.String)
                    return ("", $"{status} {json.GetString()}");
                json.Skip();
            }
        }
        catch (JsonException)
        {
            // A proxy's page: shown as it is, below.
            return ("", Shown(status, body));
        }

        return ("", Shown(status, body));
    }

    /// <summary>The beginning of a body in one line.</summary>
    public static string Shown(int status, ReadOnlySpan<byte> body)
    {
        var text = Encoding.UTF8.GetString(body[..Math.Min(body.Length, MostShownBytes)]).ReplaceLineEndings(" ").Trim();
        return text.Length == 0 ? $"{status}" : $"{status} {text}";
    }
}
