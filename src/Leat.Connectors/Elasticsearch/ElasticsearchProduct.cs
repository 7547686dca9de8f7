using System.Globalization;
using System.Text.Json;

namespace Leat.Connectors.Elasticsearch;

/// <summary>What answers, as far as it says so itself.</summary>
/// <param name="Name">The product with its version, for people.</param>
/// <param name="IsOpenSearch">OpenSearch, under whatever version it shows itself.</param>
/// <param name="Major">Major version that it shows.</param>
/// <param name="Minor">Minor version that it shows.</param>
internal sealed record ElasticsearchProduct(string Name, bool IsOpenSearch, int Major, int Minor)
{
    private const int OldestMajor = 7;
    private const int ComposableSinceMinor = 8; // of Elasticsearch 7

    /// <summary>Whether documents can be written without a type in the path: Elasticsearch from 7 on, every OpenSearch.</summary>
    public bool IsSupported => IsOpenSearch || Major >= OldestMajor;

    /// <summary>Whether it has <c>_index_template</c>; before there was <c>_template</c>.</summary>
    public bool HasComposableTemplates => IsOpenSearch || Major > OldestMajor || (Major == OldestMajor && Minor >= ComposableSinceMinor);

    /// <summary>Whether it has the type <c>unsigned_long</c>: Elasticsearch from 7.10 on, OpenSearch from 2.8 on.</summary>
    public bool HasUnsignedLong => IsOpenSearch ? Major > 2 && Major < OldestMajor || (Major == 2 && Minor >= 8) : Major > OldestMajor || (Major == OldestMajor && Minor >= 10);

    /// <summary>Reads the answer to <c>GET /</c>; <see langword="null"/> when it is of something else.</summary>
    /// <remarks>OpenSearch can be set to show itself as 7.10.2 without a distribution; its tagline stays.</remarks>
    public static ElasticsearchProduct? Read(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var answer = JsonDocument.Parse(body);
            if (answer.RootElement.ValueKind != JsonValueKind.Object || !answer.RootElement.TryGetProperty("version", out var version) || TextOf(version, "number") is not { } number)
                return null;
            var parts = number.Split('.', '-');
            if (!int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var major))
                return null;
            var minor = parts.Length > 1 && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var second) ? second : 0;
            var isOpenSearch = TextOf(version, "distribution") == "opensearch" || TextOf(answer.RootElement, "tagline")?.Contains("OpenSearch", StringComparison.Ordinal) is true;
            var name = (isOpenSearch, TextOf(version, "build_flavor")) switch
            {
                (true, _) => major >= OldestMajor ? $"OpenSearch (which shows itself as {number})" : $"OpenSearch {number}",
                (false, "serverless") => $"Elasticsearch {number} (serverless)",
                _ => $"Elasticsearch {number}",
            };
            return new(name, isOpenSearch, major, minor);
        }
        catch (JsonException)
        {
            return null; // a page for people
        }
    }

    private static string? TextOf(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
