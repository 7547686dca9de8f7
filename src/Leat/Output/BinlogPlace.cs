using System.Text.Json;
using Leat.Changes.Formats.Envelopes;

namespace Leat.Output;

/// <summary>Finds the binlog file and offset in a position of a MySQL source, for envelopes that name them.</summary>
internal static class BinlogPlace
{
    /// <summary>The place; empty and 0 for positions that have none, as those of other sources.</summary>
    public static ChangePlace Of(ReadOnlySpan<byte> position)
    {
        var (file, offset) = ("", 0L);
        var json = new Utf8JsonReader(position);
        try
        {
            while (json.Read())
            {
                if (json.TokenType != JsonTokenType.PropertyName || json.CurrentDepth != 1)
                    continue;
                var isFile = json.ValueTextEquals("file"u8);
                var isOffset = json.ValueTextEquals("offset"u8);
                json.Read();
                if (isFile && json.TokenType == JsonTokenType.String)
                    file = json.GetString() ?? "";
                else if (isOffset && json.TokenType == JsonTokenType.Number)
                    offset = json.GetInt64();
                else
                    json.TrySkip();
            }
        }
        catch (JsonException)
        {
            return new("", 0); // no JSON: no position of such a source
        }

        return new(file, file.Length > 0 ? offset : 0);
    }
}
