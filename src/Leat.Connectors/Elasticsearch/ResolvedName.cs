using System.Text.Json;

namespace Leat.Connectors.Elasticsearch;

/// <summary>Reads what stands behind a name.</summary>
internal static class ResolvedName
{
    /// <summary>Whether it is a data stream.</summary>
    /// <param name="body">Answer to <c>GET /_resolve/index/NAME</c>: <c>{"indices":[…],"aliases":[…],"data_streams":[{"name":"logs"}]}</c>. Elasticsearch from 7.9 on, OpenSearch.</param>
    public static bool IsDataStream(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var answer = JsonDocument.Parse(body);
            return answer.RootElement.ValueKind == JsonValueKind.Object && answer.RootElement.TryGetProperty("data_streams", out var streams)
                && streams.ValueKind == JsonValueKind.Array && streams.GetArrayLength() > 0;
        }
        catch (JsonException)
        {
            return false; // not told in a way that we know: then the first write tells it
        }
    }
}
