using System.Text.Json;
using Leat.Changes;
using Leat.Connectors.Elasticsearch;
using Xunit;

namespace Leat.Tests.Elasticsearch;

/// <summary>A server to write to: the fake one, or the one that <c>LEAT_TEST_ELASTICSEARCH</c> names. What stands here holds for both.</summary>
internal interface IElasticsearchRig : IAsyncDisposable
{
    /// <summary>Its address.</summary>
    Uri Url { get; }

    /// <summary>What every index of the test begins with; all of them are gone afterwards.</summary>
    string Prefix { get; }
}

/// <summary>Makes rigs, and asks the server itself.</summary>
internal static class ElasticsearchRig
{
    private static readonly HttpClient Http = new();

    public static IElasticsearchRig Start() =>
        Environment.GetEnvironmentVariable("LEAT_TEST_ELASTICSEARCH") is { Length: > 0 } url ? new Real(new(url)) : new Fake();

    /// <summary>A sink that writes to the index <c>&lt;prefix&gt;orders</c>, unless the settings say another.</summary>
    public static ElasticsearchSink Sink(this IElasticsearchRig rig, string more = "") =>
        Writing.Sink(rig.Url, more.Contains("index:", StringComparison.Ordinal) ? more.Replace("PRE", rig.Prefix, StringComparison.Ordinal) : $"index: \"{rig.Prefix}orders\", {more}");

    /// <summary>A document's source as the server has it at once, without a search; <see langword="null"/> when it is not there.</summary>
    public static async Task<string?> SourceAsync(this IElasticsearchRig rig, string index, string id, string? routing = null)
    {
        using var answer = await Http.GetAsync(new Uri(rig.Url, $"/{rig.Prefix}{index}/_doc/{Uri.EscapeDataString(id)}{(routing is null ? "" : "?routing=" + routing)}"), TestContext.Current.CancellationToken);
        if (!answer.IsSuccessStatusCode)
            return null;
        using var body = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        return body.RootElement.GetProperty("_source").GetRawText();
    }

    /// <summary>The rows that a sink finds by key.</summary>
    public static async Task<string[]> FoundAsync(this ISink sink, params int[] ids)
    {
        var rows = await sink.FindAsync(Writing.OrdersShape, [.. ids.Select(id => (ReadOnlyMemory<byte>)Writing.Row(id, null))], TestContext.Current.CancellationToken);
        return [.. rows.Select(row => row is null ? "-" : Writing.Show(row))];
    }

    private sealed class Fake : IElasticsearchRig
    {
        private readonly FakeElasticsearch _server = new();

        public Uri Url => _server.Url;

        public string Prefix => "";

        public ValueTask DisposeAsync() => _server.DisposeAsync();
    }

    private sealed class Real(Uri url) : IElasticsearchRig
    {
        public Uri Url => url;

        public string Prefix { get; } = $"leat-test-{Guid.NewGuid():N}-"[..24] + "-";

        // Not every server takes a pattern for a delete: the names are asked for first.
        public async ValueTask DisposeAsync()
        {
            using var answer = await Http.GetAsync(new Uri(url, $"/{Prefix}*"));
            if (!answer.IsSuccessStatusCode)
                return;
            using var body = JsonDocument.Parse(await answer.Content.ReadAsStringAsync());
            foreach (var index in body.RootElement.EnumerateObject())
            {
                using var gone = await Http.DeleteAsync(new Uri(url, "/" + index.Name));
            }
        }
    }
}
