using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Leat.Changes;

namespace Leat.Connectors.Elasticsearch;

/// <summary>Reads documents: all of an index, those of some keys, and where they are. For one user at a time.</summary>
/// <remarks>All documents are read by scroll, the one way that Elasticsearch 7 to 9 and OpenSearch have in common (points in time have other paths at each).</remarks>
internal sealed class ElasticsearchSearch(ElasticsearchClient client)
{
    private const int PageDocuments = 500;
    private const int MostHits = 10_000; // index.max_result_window, as it comes
    private const string Anyway = "ignore_unavailable=true&allow_no_indices=true";
    private const string KeepScroll = "5m";

    private readonly AnswerBuffer _answer = new();

    /// <summary>Every document of an index or pattern, as they are when it begins.</summary>
    /// <exception cref="RetriableException">The server cannot be asked now.</exception>
    /// <exception cref="PauseException">A person has to act.</exception>
    public async IAsyncEnumerable<TargetRow> ReadAsync(DocumentReader reader, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var index = Escape(reader.Address.IndexPattern);
        await RefreshAsync(index, cancellationToken);
        string? scroll = null;
        try
        {
            while (true)
            {
                var rows = new List<TargetRow>(PageDocuments);
                var hits = 0;
                using (var page = scroll is null
                    ? await AskAsync(HttpMethod.Post, $"/{index}/_search?scroll={KeepScroll}&{Anyway}", Body(json => json.WriteNumber("size", PageDocuments), ("sort", "_doc")), cancellationToken)
                    : await AskAsync(HttpMethod.Post, "/_search/scroll", Body(_ => { }, ("scroll", KeepScroll), ("scroll_id", scroll)), cancellationToken))
                {
                    scroll = page.RootElement.TryGetProperty("_scroll_id", out var id) ? id.GetString() : null;
                    foreach (var hit in Hits(page))
                    {
                        hits++;
                        if (IsOurs(hit, reader.Address) && hit.TryGetProperty("_source", out var source) && reader.Read(IdOf(hit), source) is { } row)
                            rows.Add(row);
                    }
                }

                foreach (var row in rows)
                    yield return row;
                if (hits == 0 || scroll is null)
                    break;
            }
        }
        finally
        {
            if (scroll is not null)
                await EndScrollAsync(scroll, cancellationToken);
        }
    }

    /// <summary>The documents of some rows by their keys.</summary>
    /// <exception cref="RetriableException">The server cannot be asked now.</exception>
    /// <exception cref="PauseException">A person has to act.</exception>
    public async ValueTask<IReadOnlyList<TargetRow?>> FindAsync(DocumentReader reader, IReadOnlyList<ReadOnlyMemory<byte>> rows, CancellationToken cancellationToken)
    {
        if (rows.Count == 0)
            return [];
        var address = reader.Address;
        var found = new Dictionary<string, TargetRow>();
        if (address.IsFixed)
        {
            using var answer = await AskAsync(HttpMethod.Post, "/_mget", DocsBody(address, rows), cancellationToken);
            foreach (var document in answer.RootElement.GetProperty("docs").EnumerateArray())
            {
                CheckThere(document, client.Address);
                if (document.TryGetProperty("_source", out var source) && reader.Read(IdOf(document), source) is { } row)
                    found[row.Key] = row;
            }
        }
        else
        {
            var index = Escape(address.IndexPattern);
            await RefreshAsync(index, cancellationToken);
            using var answer = await AskAsync(HttpMethod.Post, $"/{index}/_search?{Anyway}", IdsBody(rows.Select(row => reader.IdOf(row.Span)), withSource: true), cancellationToken);
            foreach (var hit in Hits(answer))
            {
                if (IsOurs(hit, address) && hit.TryGetProperty("_source", out var source) && reader.Read(IdOf(hit), source) is { } row)
                    found[row.Key] = row;
            }
        }

        return [.. rows.Select(row => found.GetValueOrDefault(reader.IdOf(row.Span)))];
    }

    /// <summary>Where the documents are of which an operation does not tell it: their index or routing depend on more than the key, and the row before is not known.</summary>
    /// <returns>By the operation's number, the places; <see langword="null"/> when nothing had to be asked.</returns>
    public async ValueTask<Dictionary<int, List<FoundPlace>>?> PlacesAsync(ReadOnlyMemory<Operation> batch, BulkBatch request, CancellationToken cancellationToken)
    {
        var asked = Asked(batch.Span, request);
        if (asked is null)
            return null;
        var places = new Dictionary<int, List<FoundPlace>>();
        foreach (var group in asked.GroupBy(one => one.Address))
        {
            var index = Escape(group.Key.IndexPattern);
            await RefreshAsync(index, cancellationToken);
            using var answer = await AskAsync(HttpMethod.Post, $"/{index}/_search?{Anyway}", IdsBody(group.Select(one => one.Id), withSource: false), cancellationToken);
            var byId = Hits(answer).Select(PlaceOf).Where(place => group.Key.MayBe(place.Index)).ToLookup(place => place.Id);
            foreach (var (number, id, _) in group)
                places[number] = [.. byId[id]];
        }

        return places;
    }

    /// <summary>Sends a request and parses its answer.</summary>
    /// <exception cref="RetriableException">The server cannot be asked now.</exception>
    /// <exception cref="PauseException">A person has to act.</exception>
    public async ValueTask<JsonDocument> AskAsync(HttpMethod method, string path, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        var head = await client.SendAsync(method, path, body, ElasticsearchClient.Json, _answer, cancellationToken);
        if (!head.IsSuccess)
            throw ElasticsearchErrors.ForRequest(head, _answer.Written) ?? ElasticsearchErrors.RequestRefused(head.Node, Wire.ErrorText.Of(head.Status, _answer.Written).Reason);
        try
        {
            var answer = JsonDocument.Parse(_answer.Memory.ToArray(), new() { MaxDepth = 1100 });
            CheckWhole(answer, head.Node);
            return answer;
        }
        catch (JsonException)
        {
            throw ElasticsearchErrors.NotAnAnswer(head.Node, "the body is not JSON", Wire.ErrorText.Shown(head.Status, _answer.Written));
        }
    }

    private static List<(int Number, string Id, DocumentAddress Address)>? Asked(ReadOnlySpan<Operation> batch, BulkBatch request)
    {
        List<(int Number, string Id, DocumentAddress Address)>? asked = null;
        Shape? shape = null;
        DocumentAddress? address = null;
        for (var i = 0; i < batch.Length; i++)
        {
            ref readonly var operation = ref batch[i];
            if (!ReferenceEquals(operation.Shape, shape))
                (shape, address) = (operation.Shape, request.AddressOf(operation.Shape));
            if (address!.IsFixed || !IsPlaceUnknown(operation, address)) // set with the shape
                continue;
            var id = new Wire.JsonBuffer(64);
            var row = new RowReader(operation.Shape.Schema, operation.Row.Span);
            address.WriteId(ref row, id);
            (asked ??= []).Add((i, Encoding.UTF8.GetString(id.Written), address));
        }

        return asked;
    }

    private static bool IsPlaceUnknown(in Operation operation, DocumentAddress address) => operation.Kind == OperationKind.Delete
        ? operation.Cause is ChangeKind.Truncate or ChangeKind.Sweep or ChangeKind.ReadAgain // of the row only the key is there, or it is as it became
            || operation.IsUnpositioned || !address.IsToldBy(operation.Row.Span)
        : operation.Before.IsEmpty && operation.Cause is ChangeKind.Update or ChangeKind.ReadAgain;

    // A document that cannot be asked for is not one that is missing; where there is no index there is none.
    private static void CheckThere(JsonElement document, string node)
    {
        if (!document.TryGetProperty("error", out var error) || error.ValueKind != JsonValueKind.Object)
            return;
        var type = error.TryGetProperty("type", out var name) ? name.GetString() : "";
        if (type is "index_not_found_exception")
            return;
        var reason = error.TryGetProperty("reason", out var text) ? text.GetString() : "";
        throw ElasticsearchErrors.Unavailable(node, $"{type}: {reason}");
    }

    // A search that lacks a part of the index would make rows look missing.
    private static void CheckWhole(JsonDocument answer, string node)
    {
        var root = answer.RootElement;
        if (root.ValueKind != JsonValueKind.Object)
            return;
        var isPart = (root.TryGetProperty("timed_out", out var timedOut) && timedOut.ValueKind == JsonValueKind.True)
            || (root.TryGetProperty("_shards", out var shards) && shards.TryGetProperty("failed", out var failed) && failed.GetInt32() > 0);
        if (!isPart)
            return;
        answer.Dispose();
        throw ElasticsearchErrors.Unavailable(node, "some shards did not answer");
    }

    private async ValueTask RefreshAsync(string index, CancellationToken cancellationToken)
    {
        using var refreshed = await AskAsync(HttpMethod.Post, $"/{index}/_refresh?{Anyway}", default, cancellationToken);
    }

    private async ValueTask EndScrollAsync(string scroll, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
            return;
        try
        {
            using var ended = await AskAsync(HttpMethod.Delete, "/_search/scroll", Body(_ => { }, ("scroll_id", scroll)), cancellationToken);
        }
        catch (LeatException)
        {
            // It ends by itself after some minutes; everything that was wanted of it is there.
            return;
        }
    }

    private static List<JsonElement> Hits(JsonDocument answer) =>
        answer.RootElement.TryGetProperty("hits", out var hits) && hits.TryGetProperty("hits", out var list) ? [.. list.EnumerateArray()] : [];

    private static FoundPlace PlaceOf(JsonElement hit) =>
        new(hit.GetProperty("_index").GetString() ?? "", IdOf(hit), hit.TryGetProperty("_routing", out var routing) ? routing.GetString() : null);

    // A pattern may match indexes of others.
    private static bool IsOurs(JsonElement hit, DocumentAddress address) => address.MayBe(hit.GetProperty("_index").GetString() ?? "");

    private static string IdOf(JsonElement hit) => hit.GetProperty("_id").GetString() ?? "";

    private static string Escape(string index) => Uri.EscapeDataString(index);

    private static ReadOnlyMemory<byte> Body(Action<Utf8JsonWriter> write, params ReadOnlySpan<(string Name, string Value)> members)
    {
        var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            foreach (var (name, value) in members)
                json.WriteString(name, value);
            write(json);
            json.WriteEndObject();
        }

        return bytes.GetBuffer().AsMemory(0, (int)bytes.Length);
    }

    private static ReadOnlyMemory<byte> IdsBody(IEnumerable<string> ids, bool withSource) => Body(json =>
    {
        json.WriteNumber("size", MostHits);
        json.WriteBoolean("_source", withSource);
        json.WriteStartObject("query");
        json.WriteStartObject("ids");
        json.WriteStartArray("values");
        foreach (var id in ids)
            json.WriteStringValue(id);
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndObject();
    });

    private static ReadOnlyMemory<byte> DocsBody(DocumentAddress address, IReadOnlyList<ReadOnlyMemory<byte>> rows) => Body(json =>
    {
        var text = new Wire.JsonBuffer(64);
        json.WriteStartArray("docs");
        foreach (var row in rows)
        {
            var reader = new RowReader(address.Shape.Schema, row.Span);
            json.WriteStartObject();
            text.Cut();
            address.WriteIndex(ref reader, text);
            json.WriteString("_index", text.Written);
            text.Cut();
            address.WriteId(ref reader, text);
            json.WriteString("_id", text.Written);
            text.Cut();
            if (address.WriteRouting(ref reader, text) && text.Length > 0)
                json.WriteString("routing", text.Written);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });
}
