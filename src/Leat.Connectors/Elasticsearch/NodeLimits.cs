using System.Text.Json;

namespace Leat.Connectors.Elasticsearch;

/// <summary>Reads what nodes tell of their limits.</summary>
internal static class NodeLimits
{
    /// <summary>The smallest <c>http.max_content_length</c> of all nodes, in bytes; <see langword="null"/> when none tells it.</summary>
    /// <param name="body">Answer to <c>GET /_nodes/http</c>: <c>{"nodes":{"x":{"http":{"max_content_length_in_bytes":104857600}}}}</c>.</param>
    public static long? Smallest(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var answer = JsonDocument.Parse(body);
            if (answer.RootElement.ValueKind != JsonValueKind.Object || !answer.RootElement.TryGetProperty("nodes", out var nodes) || nodes.ValueKind != JsonValueKind.Object)
                return null;
            long? smallest = null;
            foreach (var node in nodes.EnumerateObject())
            {
                if (node.Value.ValueKind == JsonValueKind.Object && node.Value.TryGetProperty("http", out var http) && http.ValueKind == JsonValueKind.Object
                    && http.TryGetProperty("max_content_length_in_bytes", out var limit) && limit.TryGetInt64(out var bytes))
                    smallest = Math.Min(smallest ?? bytes, bytes);
            }

            return smallest;
        }
        catch (Exception cause) when (cause is JsonException or InvalidOperationException)
        {
            return null; // not told in a way that we know: then a 413 tells it
        }
    }
}
