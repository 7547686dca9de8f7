using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Leat.Tests.Elasticsearch;

/// <summary>What an item of a <c>_bulk</c> request is answered instead of being done.</summary>
internal sealed record ItemFault(int Status, string Type, string Reason);

/// <summary>
/// The part of Elasticsearch that the sink relies on, as its manual describes it: documents with versions in shards, deleted ones remembered for a while,
/// searches that see what was refreshed, bulk requests whose items fail one by one.
/// </summary>
internal sealed class FakeCluster
{
    private const int Shards = 3;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Dictionary<(int Shard, string Id), Document>> _indexes = [];
    private readonly Dictionary<string, List<JsonObject>> _scrolls = [];
    private readonly Dictionary<string, long> _highest = [];
    private Dictionary<string, List<Document>> _searchable = [];
    private int _scrollNumber;

    /// <summary>Answer to <c>GET /</c>.</summary>
    public string Info { get; set; } = """{"name":"fake","version":{"number":"8.13.0","build_flavor":"default"},"tagline":"You Know, for Search"}""";

    /// <summary>Whether writing to an index that is not there creates it.</summary>
    public bool AutoCreate { get; set; } = true;

    /// <summary>Longest body that the node says it takes.</summary>
    public int MostBodyBytes { get; set; } = 100 * 1024 * 1024;

    /// <summary>Documents with more bytes in an id are refused.</summary>
    public int MostIdBytes { get; set; } = 512;

    /// <summary>Refuses documents by what is in them; by default those with "poison" in a string field.</summary>
    public Func<JsonObject, ItemFault?> Mapping { get; set; } = document =>
        document.Any(field => field.Value is JsonValue value && value.TryGetValue<string>(out var text) && text.Contains("poison", StringComparison.Ordinal))
            ? new(400, "mapper_parsing_exception", "failed to parse field [note]") : null;

    /// <summary>Templates and ingest pipelines that were put, by path.</summary>
    public Dictionary<string, string> Settings { get; } = [];

    /// <summary>Where a document's version went back, which external versions shall prevent.</summary>
    public List<string> Violations { get; } = [];

    /// <summary>Actions done, in order: <c>index orders/1 v5</c>.</summary>
    public List<string> Done { get; } = [];

    /// <summary>Documents of an index: id to source.</summary>
    public Dictionary<string, JsonObject> Documents(string index)
    {
        lock (_gate)
            return _indexes.GetValueOrDefault(index)?.Values.Where(document => !document.IsDeleted).ToDictionary(document => document.Id, document => document.Source!) ?? [];
    }

    /// <summary>Names of the indexes.</summary>
    public IReadOnlyList<string> Indexes
    {
        get
        {
            lock (_gate)
                return [.. _indexes.Keys.Order(StringComparer.Ordinal)];
        }
    }

    /// <summary>As after a minute: deleted documents and their versions are forgotten.</summary>
    public void ForgetDeleted()
    {
        lock (_gate)
        {
            foreach (var (index, documents) in _indexes)
            {
                foreach (var key in documents.Where(pair => pair.Value.IsDeleted).Select(pair => pair.Key).ToList())
                {
                    documents.Remove(key);
                    _highest.Remove($"{index}/{key.Shard}/{key.Id}");
                }
            }
        }
    }

    /// <summary>Answers a request.</summary>
    /// <param name="method">GET, PUT, POST or DELETE.</param>
    /// <param name="path">Path without query.</param>
    /// <param name="query">Query without question mark.</param>
    /// <param name="body">The body.</param>
    /// <param name="itemFault">What becomes of an item of a bulk request, by its number and its id; <see langword="null"/>: it is done.</param>
    public (int Status, string Body) Answer(string method, string path, string query, string body, Func<int, string, ItemFault?>? itemFault)
    {
        lock (_gate)
        {
            var parts = path.Trim('/').Split('/').Select(Uri.UnescapeDataString).ToArray();
            return (method, parts) switch
            {
                ("GET", [""]) => (200, Info),
                ("GET", ["_nodes", "http"]) => (200, string.Create(CultureInfo.InvariantCulture, $"{{\"nodes\":{{\"n\":{{\"http\":{{\"max_content_length_in_bytes\":{MostBodyBytes}}}}}}}}}")),
                ("POST", ["_bulk"]) => Bulk(body, itemFault, query.Contains("filter_path", StringComparison.Ordinal)),
                ("POST", ["_mget"]) => (200, MultiGet(JsonNode.Parse(body)!["docs"]!.AsArray()).ToJsonString()),
                ("POST", ["_search", "scroll"]) => (200, Page(JsonNode.Parse(body)!["scroll_id"]!.GetValue<string>(), 500).ToJsonString()),
                ("DELETE", ["_search", "scroll"]) => EndScroll(JsonNode.Parse(body)!["scroll_id"]!.GetValue<string>()),
                ("POST", [var index, "_search"]) => (200, Search(index, query, JsonNode.Parse(body)!.AsObject()).ToJsonString()),
                ("POST", [var index, "_refresh"]) => Refresh(index),
                ("GET", [var index, "_doc", var id]) => Get(index, id),
                ("PUT", [var index, "_doc", var id]) => Put(index, id, body),
                ("PUT", ["_index_template" or "_template", _]) or ("PUT", ["_ingest", "pipeline", _]) => PutSetting(path, body),
                ("GET", ["_ingest", "pipeline", _]) => Settings.TryGetValue(path, out var found) ? (200, found) : (404, "{}"),
                ("PUT", [var index]) when index.Length > 0 && index[0] != '_' => Create(index),
                ("DELETE", [var index]) when index.Length > 0 && index[0] != '_' => (_indexes.Remove(index) ? 200 : 404, """{"acknowledged":true}"""),
                _ => (400, """{"error":{"type":"illegal_argument_exception","reason":"no handler found for uri"},"status":400}"""),
            };
        }
    }

    private (int, string) Bulk(string body, Func<int, string, ItemFault?>? itemFault, bool shortAnswer)
    {
        if (!body.EndsWith('\n'))
            return (400, """{"error":{"type":"illegal_argument_exception","reason":"The bulk request must be terminated by a newline [\\n]"},"status":400}""");
        var lines = body.Split('\n');
        var items = new JsonArray();
        var errors = false;
        for (var line = 0; line < lines.Length - 1; line++)
        {
            var (name, action) = JsonNode.Parse(lines[line])!.AsObject().Single();
            var document = name == "delete" ? null : JsonNode.Parse(lines[++line])!.AsObject();
            var fault = itemFault?.Invoke(items.Count, action!["_id"]!.GetValue<string>());
            var item = fault is null ? Do(name, action!.AsObject(), document) : Failed(fault);
            errors |= item.ContainsKey("error");
            item["_index"] = action!["_index"]!.GetValue<string>();
            item["_id"] = action["_id"]!.GetValue<string>();
            if (shortAnswer)
                item = new(item.Where(member => member.Key is "status" or "error").Select(member => KeyValuePair.Create(member.Key, member.Value?.DeepClone())));
            items.Add(new JsonObject { [name] = item });
        }

        return (200, new JsonObject { ["took"] = 1, ["errors"] = errors, ["items"] = items }.ToJsonString());
    }

    private JsonObject Do(string name, JsonObject action, JsonObject? document)
    {
        var (index, id, routing) = (action["_index"]!.GetValue<string>(), action["_id"]!.GetValue<string>(), action["routing"]?.GetValue<string>());
        var version = action["version"]?.GetValue<long>();
        var known = action.Select(member => member.Key).Except(["_index", "_id", "routing", "version", "version_type", "retry_on_conflict"]).ToList();
        if (known.Count > 0)
            return Failed(new(400, "illegal_argument_exception", $"Action/metadata line contains an unknown parameter [{known[0]}]"));
        if (Encoding.UTF8.GetByteCount(id) > MostIdBytes)
            return Failed(new(400, "illegal_argument_exception", $"id [{id}] is too long, must be no longer than {MostIdBytes} bytes but was: {id.Length}"));
        if (!_indexes.TryGetValue(index, out var documents))
        {
            // A delete creates an index only when its version comes from outside.
            if (!AutoCreate || (name == "delete" && version is null))
                return Failed(new(404, "index_not_found_exception", $"no such index [{index}]"));
            _indexes[index] = documents = [];
        }

        var key = (ShardOf(routing ?? id), id);
        var held = documents.GetValueOrDefault(key);
        if (version is { } given && held is not null && (action["version_type"]!.GetValue<string>() == "external_gte" ? given < held.Version : given <= held.Version))
            return Failed(new(409, "version_conflict_engine_exception", $"[{id}]: version conflict, current version [{held.Version}] is higher or equal to the one provided [{given}]"));
        return name switch
        {
            "delete" => Delete(documents, key, held, new(index, id, routing, version ?? (held?.Version ?? 0) + 1, null)),
            "update" => Update(documents, key, held, new(index, id, routing, (held?.Version ?? 0) + 1, null), document!),
            _ => Index(documents, key, held, new(index, id, routing, version ?? (held?.Version ?? 0) + 1, document)),
        };
    }

    private JsonObject Index(Dictionary<(int, string), Document> documents, (int, string) key, Document? held, Document written)
    {
        if (Mapping(written.Source!) is { } refused)
            return Failed(refused);
        documents[key] = written;
        Note("index", key, written);
        return new() { ["status"] = held is null || held.IsDeleted ? 201 : 200, ["_version"] = written.Version };
    }

    private JsonObject Delete(Dictionary<(int, string), Document> documents, (int, string) key, Document? held, Document tombstone)
    {
        documents[key] = tombstone;
        Note("delete", key, tombstone);
        var wasThere = held is { IsDeleted: false };
        return new() { ["status"] = wasThere ? 200 : 404, ["result"] = wasThere ? "deleted" : "not_found" };
    }

    private JsonObject Update(Dictionary<(int, string), Document> documents, (int, string) key, Document? held, Document written, JsonObject request)
    {
        var fields = request["doc"]!.AsObject();
        if (held is not { IsDeleted: false } && request["doc_as_upsert"]?.GetValue<bool>() is not true)
            return Failed(new(404, "document_missing_exception", $"[{written.Id}]: document missing"));
        var merged = held is { IsDeleted: false } ? held.Source!.DeepClone().AsObject() : [];
        foreach (var (name, value) in fields)
            merged[name] = value?.DeepClone();
        if (Mapping(merged) is { } refused)
            return Failed(refused);
        documents[key] = written with { Source = merged };
        Note("update", key, written);
        return new() { ["status"] = held is null ? 201 : 200 };
    }

    private void Note(string action, (int Shard, string Id) key, Document written)
    {
        Done.Add(string.Create(CultureInfo.InvariantCulture, $"{action} {written.Index}/{written.Id}{(written.Routing is null ? "" : "?" + written.Routing)} v{written.Version}"));
        var name = $"{written.Index}/{key.Shard}/{written.Id}";
        if (_highest.TryGetValue(name, out var highest) && written.Version < highest)
            Violations.Add($"{name} went back from {highest} to {written.Version}");
        _highest[name] = written.Version;
    }

    private static JsonObject Failed(ItemFault fault) =>
        new() { ["status"] = fault.Status, ["error"] = new JsonObject { ["type"] = fault.Type, ["reason"] = fault.Reason } };

    private JsonObject MultiGet(JsonArray wanted)
    {
        var found = new JsonArray();
        foreach (var one in wanted)
        {
            var (index, id) = (one!["_index"]!.GetValue<string>(), one["_id"]!.GetValue<string>());
            var held = _indexes.GetValueOrDefault(index)?.GetValueOrDefault((ShardOf(one["routing"]?.GetValue<string>() ?? id), id));
            found.Add(held is { IsDeleted: false }
                ? new JsonObject { ["_index"] = index, ["_id"] = id, ["found"] = true, ["_source"] = held.Source!.DeepClone() }
                : new JsonObject { ["_index"] = index, ["_id"] = id, ["found"] = false });
        }

        return new() { ["docs"] = found };
    }

    private JsonObject Search(string pattern, string query, JsonObject request)
    {
        var ids = request["query"]?["ids"]?["values"]?.AsArray().Select(id => id!.GetValue<string>()).ToHashSet();
        var withSource = request["_source"]?.GetValue<bool>() ?? true;
        var hits = _searchable.Where(index => Matches(index.Key, pattern)).SelectMany(index => index.Value).Where(document => ids is null || ids.Contains(document.Id))
            .Select(document => HitOf(document, withSource)).ToList();
        var size = request["size"]!.GetValue<int>();
        if (!query.Contains("scroll=", StringComparison.Ordinal))
            return Hits(hits.Take(size), null);
        var scroll = string.Create(CultureInfo.InvariantCulture, $"scroll-{++_scrollNumber}");
        _scrolls[scroll] = hits;
        return Page(scroll, size);
    }

    /// <summary>Scrolls that nobody ended.</summary>
    public int OpenScrolls => _scrolls.Count;

    private JsonObject Page(string scroll, int size)
    {
        var left = _scrolls[scroll];
        var page = left.Take(size).ToList();
        left.RemoveRange(0, page.Count);
        return Hits(page, scroll);
    }

    private (int, string) EndScroll(string scroll)
    {
        _scrolls.Remove(scroll);
        return (200, """{"succeeded":true}""");
    }

    private static JsonObject Hits(IEnumerable<JsonObject> hits, string? scroll)
    {
        var answer = new JsonObject { ["timed_out"] = false, ["_shards"] = new JsonObject { ["failed"] = 0 }, ["hits"] = new JsonObject { ["hits"] = new JsonArray([.. hits]) } };
        if (scroll is not null)
            answer["_scroll_id"] = scroll;
        return answer;
    }

    private static JsonObject HitOf(Document document, bool withSource)
    {
        var hit = new JsonObject { ["_index"] = document.Index, ["_id"] = document.Id };
        if (document.Routing is not null)
            hit["_routing"] = document.Routing;
        if (withSource)
            hit["_source"] = document.Source!.DeepClone();
        return hit;
    }

    private (int, string) Refresh(string pattern)
    {
        var fresh = new Dictionary<string, List<Document>>(_searchable);
        foreach (var name in fresh.Keys.Where(name => !_indexes.ContainsKey(name)).ToList())
            fresh.Remove(name);
        foreach (var (name, documents) in _indexes.Where(index => Matches(index.Key, pattern)))
            fresh[name] = [.. documents.Values.Where(document => !document.IsDeleted)];
        _searchable = fresh;
        return (200, """{"_shards":{"total":3,"successful":3,"failed":0}}""");
    }

    private (int, string) Get(string index, string id)
    {
        if (!_indexes.TryGetValue(index, out var documents))
            return (404, """{"error":{"type":"index_not_found_exception","reason":"no such index"},"status":404}""");
        return documents.GetValueOrDefault((ShardOf(id), id)) is { IsDeleted: false } held
            ? (200, new JsonObject { ["_id"] = id, ["found"] = true, ["_source"] = held.Source!.DeepClone() }.ToJsonString())
            : (404, $$"""{"_id":"{{id}}","found":false}""");
    }

    private (int, string) Put(string index, string id, string body)
    {
        var item = Do("index", new() { ["_index"] = index, ["_id"] = id }, JsonNode.Parse(body)!.AsObject());
        return (item["status"]!.GetValue<int>(), item.ContainsKey("error") ? new JsonObject { ["error"] = item["error"]!.DeepClone() }.ToJsonString() : "{}");
    }

    private (int, string) Create(string index) => _indexes.TryAdd(index, []) ? (200, """{"acknowledged":true}""") : (400, """{"error":{"type":"resource_already_exists_exception"}}""");

    private (int, string) PutSetting(string path, string body)
    {
        using (JsonDocument.Parse(body))
            Settings[path] = body;
        return (200, """{"acknowledged":true}""");
    }

    private static bool Matches(string name, string pattern)
    {
        var star = pattern.IndexOf('*', StringComparison.Ordinal);
        return star < 0 ? name == pattern : name.StartsWith(pattern[..star], StringComparison.Ordinal) && name.EndsWith(pattern[(pattern.LastIndexOf('*') + 1)..], StringComparison.Ordinal);
    }

    // Documents of one id under different routings are one document when those lead to one shard.
    private static int ShardOf(string routing) => routing.Sum(letter => letter) % Shards;

    private sealed record Document(string Index, string Id, string? Routing, long Version, JsonObject? Source)
    {
        public bool IsDeleted => Source is null;
    }
}
