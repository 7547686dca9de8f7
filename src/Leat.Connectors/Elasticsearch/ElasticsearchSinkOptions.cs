using System.Globalization;
using System.Text.Json;
using Leat.Changes;
using Leat.Changes.Configuration;

namespace Leat.Connectors.Elasticsearch;

/// <summary>How documents are written.</summary>
public enum WriteMode
{
    /// <summary>Each row as a whole document, with a version that only grows: an old write never passes a newer one.</summary>
    Index = 0,

    /// <summary>The delivered fields into a document that others write to as well. Such writes have no version.</summary>
    Upsert = 1,
}

/// <summary>What the request bodies are packed with.</summary>
public enum RequestCompression
{
    /// <summary>As <see cref="Gzip"/>, unless every node is on this machine.</summary>
    Auto = 0,

    /// <summary>gzip at its fastest, for bodies of more than 4 KiB.</summary>
    Gzip = 1,

    /// <summary>Never.</summary>
    None = 2,
}

/// <summary>What a deleted row leaves behind: a field with a value.</summary>
/// <param name="Field">The field.</param>
/// <param name="Json">Its value as JSON.</param>
public sealed record SoftDelete(string Field, string Json);

/// <summary>A table's place in a join.</summary>
/// <param name="Name">The relation's name of its documents.</param>
/// <param name="Parent">Template of the parent's id; <see langword="null"/> for parents.</param>
public sealed record JoinTable(string Name, AddressTemplate? Parent);

/// <summary>Documents of several tables in one index, tied by a field of type <c>join</c>.</summary>
/// <param name="Field">The field.</param>
/// <param name="Tables">By the table's name in the pipeline.</param>
public sealed record JoinOptions(string Field, IReadOnlyDictionary<string, JoinTable> Tables);

/// <summary>Settings of an Elasticsearch or OpenSearch sink.</summary>
public sealed record ElasticsearchSinkOptions
{
    /// <summary>Most actions of one request when the setting is absent: enough that a round trip costs little of each.</summary>
    public const int DefaultOperations = 1_000;

    /// <summary>Most bytes of one request's body, before compression, when the setting is absent: worth a round trip, cheap to send again.</summary>
    public const int DefaultBytes = 5 * 1024 * 1024;

    /// <summary>The nodes' addresses, e.g. <c>https://search:9200</c>; a path is put before every request's. At least one.</summary>
    public required IReadOnlyList<Uri> Urls { get; init; }

    /// <summary>Index of each table of the pipeline; the entry <c>""</c> holds for all that have none of their own.</summary>
    public required IReadOnlyDictionary<string, AddressTemplate> Index { get; init; }

    /// <summary>Template of the ids, in the same way. Without one: the key's columns with a <c>:</c> between them.</summary>
    public IReadOnlyDictionary<string, AddressTemplate> Id { get; init; } = new Dictionary<string, AddressTemplate>();

    /// <summary>Template of the routing, in the same way. Without one documents are routed by their id.</summary>
    public IReadOnlyDictionary<string, AddressTemplate> Routing { get; init; } = new Dictionary<string, AddressTemplate>();

    /// <summary>Parents and children in one index; <see langword="null"/>: none.</summary>
    public JoinOptions? Join { get; init; }

    /// <summary>How documents are written. Default <see cref="WriteMode.Index"/>.</summary>
    public WriteMode Write { get; init; }

    /// <summary>Ingest pipeline that documents pass through; <see langword="null"/>: none.</summary>
    public string? Pipeline { get; init; }

    /// <summary>What a deleted row leaves behind; <see langword="null"/>: nothing, its document is deleted.</summary>
    public SoftDelete? SoftDelete { get; init; }

    /// <summary>Whether decimals are written as numbers, which most readers take for doubles. Default false: as strings, digit by digit.</summary>
    public bool DecimalsAsNumbers { get; init; }

    /// <summary>Whether zero and partial dates are written as text, which no field of type <c>date</c> takes. Default false: as null.</summary>
    public bool ZeroDatesAsText { get; init; }

    /// <summary>Whether index templates are put in place. Default false: they are shown only.</summary>
    public bool ApplyTemplates { get; init; }

    /// <summary>Most actions of one request, 1 to 10000. Default 1000.</summary>
    public int MaxOperations { get; init; } = DefaultOperations;

    /// <summary>Most bytes of one request's body before compression, 64 KiB to 90 MiB. Default 5 MiB. A larger document goes alone.</summary>
    public int MaxBytes { get; init; } = DefaultBytes;

    /// <summary>What request bodies are packed with. Default <see cref="RequestCompression.Auto"/>.</summary>
    public RequestCompression Compression { get; init; }

    /// <summary>Whether the server is asked for short answers (<c>filter_path</c>). Default false.</summary>
    public bool ShortAnswers { get; init; }

    /// <summary>Longest wait for a connection. Default 10 s.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Longest wait for an answer. Default 1 min, as long as the servers themselves wait for a shard.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Who we are, and whom we trust.</summary>
    public ElasticsearchSecurity Security { get; init; } = new();

    /// <summary>Where the block stands in the configuration file.</summary>
    public FileLocation? Location { get; init; }

    /// <summary>The first node's address, in messages.</summary>
    public string Address => Urls.Count == 1 ? Show(Urls[0]) : string.Create(CultureInfo.InvariantCulture, $"{Show(Urls[0])} and {Urls.Count - 1} more");

    /// <summary>Reads the block and notes its problems.</summary>
    public static ElasticsearchSinkOptions Read(ConfigReader reader)
    {
        var flush = reader.Map("flush");
        var options = new ElasticsearchSinkOptions
        {
            Urls = ReadUrls(reader),
            Index = ReadTemplates(reader, "index", required: true),
            Id = ReadTemplates(reader, "id", required: false),
            Routing = ReadTemplates(reader, "routing", required: false),
            Join = ReadJoin(reader),
            Write = reader.Choice("write", "index", "index", "upsert") == "upsert" ? WriteMode.Upsert : WriteMode.Index,
            Pipeline = reader.Text("pipeline"),
            SoftDelete = ReadSoftDelete(reader),
            DecimalsAsNumbers = reader.Choice("decimals", "string", "string", "number") == "number",
            ZeroDatesAsText = reader.Choice("zero_dates", "empty", "empty", "text") == "text",
            ApplyTemplates = reader.Choice("template", "show", "show", "apply") == "apply",
            MaxOperations = flush?.Int("operations", DefaultOperations, 1, 10_000) ?? DefaultOperations,
            MaxBytes = (int)(flush?.Size("bytes", DefaultBytes, 64 * 1024, 90 * 1024 * 1024) ?? DefaultBytes),
            Compression = reader.Choice("compression", "auto", "auto", "gzip", "none") switch
            {
                "gzip" => RequestCompression.Gzip,
                "none" => RequestCompression.None,
                _ => RequestCompression.Auto,
            },
            ShortAnswers = reader.Bool("short_answers", false),
            ConnectTimeout = reader.Duration("connect_timeout", TimeSpan.FromSeconds(10), TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(5)),
            Timeout = reader.Duration("timeout", TimeSpan.FromMinutes(1), TimeSpan.FromSeconds(1), TimeSpan.FromHours(1)),
            Security = ElasticsearchSecurity.Read(reader),
            Location = reader.Location,
        };
        flush?.Done();
        NoteConflicts(reader, options);
        reader.Done();
        return options;
    }

    /// <summary>An address as messages show it: without what may be a password.</summary>
    internal static string Show(Uri url) => url.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped).TrimEnd('/');

    private static void NoteConflicts(ConfigReader reader, ElasticsearchSinkOptions options)
    {
        if (options.Pipeline is not null && options.Write == WriteMode.Upsert)
            reader.Invalid("pipeline", "no ingest pipeline beside `write: upsert`, because the server does not run it for partial updates");
        if (options.Join is not null && options.Routing.Count > 0)
            reader.Invalid("routing", "no routing beside `join`, which routes children to their parents");
        if (options.Urls.Any(url => url.Scheme == "http") && options.Security.NeedsTls)
            reader.Invalid("url", "an https address, because settings of TLS are given");
    }

    private static List<Uri> ReadUrls(ConfigReader reader)
    {
        const string Expected = "one or more addresses such as https://search:9200, without a user or a query";
        if (!reader.Has("url"))
            reader.RequiredText("url", "\"http://127.0.0.1:9200\"");
        var urls = new List<Uri>();
        foreach (var text in reader.Texts("url"))
        {
            if (Uri.TryCreate(text, UriKind.Absolute, out var url) && url is { Scheme: "http" or "https", Query: "", Fragment: "", UserInfo: "" })
                urls.Add(url);
            else if (url?.UserInfo.Length > 0)
                reader.Problem(ElasticsearchErrors.UserInAddress(url.Host) with { Location = reader.LocationOf("url") }); // without the address: it holds a password
            else
                reader.Invalid("url", Expected);
        }

        if (urls.Count == 0)
            urls.Add(new("http://localhost:9200"));
        return urls;
    }

    private static Dictionary<string, AddressTemplate> ReadTemplates(ConfigReader reader, string key, bool required)
    {
        var templates = new Dictionary<string, AddressTemplate>();
        if (reader.Node(key) is ConfigMap && reader.Map(key) is { } map)
        {
            foreach (var entry in map.TableEntries())
                AddTemplate(map, entry.Key, entry.Key, templates);
            return templates;
        }

        if (required)
            reader.RequiredText(key, "orders");
        AddTemplate(reader, key, "", templates);
        return templates;
    }

    private static void AddTemplate(ConfigReader reader, string key, string alias, Dictionary<string, AddressTemplate> templates)
    {
        if (ReadTemplate(reader, key) is { } template)
            templates[alias] = template;
    }

    private static AddressTemplate? ReadTemplate(ConfigReader reader, string key)
    {
        if (reader.Text(key) is not { } text)
            return null;
        if (AddressTemplate.TryParse(text, out var template))
            return template;
        reader.Invalid(key, "a template such as \"{id}\" or \"orders-{created|yyyy.MM}\", with a column's name between each pair of braces");
        return null;
    }

    private static JoinOptions? ReadJoin(ConfigReader reader)
    {
        if (reader.Map("join") is not { } join)
            return null;
        var field = join.RequiredText("field", "relation");
        var tables = new Dictionary<string, JoinTable>();
        if (join.Map("tables") is { } map)
        {
            foreach (var entry in map.TableEntries())
            {
                if (entry.Value is not ConfigMap)
                {
                    tables[entry.Key] = new(map.Text(entry.Key) ?? "", null);
                }
                else if (map.Map(entry.Key) is { } child)
                {
                    child.RequiredText("parent", "\"{order_id}\"");
                    tables[entry.Key] = new(child.RequiredText("name", "item"), ReadTemplate(child, "parent"));
                    child.Done();
                }
            }
        }
        else
        {
            join.RequiredText("tables", "{ orders: order, order_items: { name: item, parent: \"{order_id}\" } }");
        }

        join.Done();
        return new(field, tables);
    }

    private static SoftDelete? ReadSoftDelete(ConfigReader reader)
    {
        if (reader.Map("soft_delete") is not { } soft)
            return null;
        var (field, value) = (soft.RequiredText("field", "deleted"), soft.RequiredText("value", "true"));
        soft.Done();
        var isJson = value is "true" or "false" || long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _);
        return new(field, isJson ? value : JsonSerializer.Serialize(value));
    }
}
