using System.Collections.Immutable;
using System.Text;
using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Log;
using Leat.Transform.Expressions;

namespace Leat.Pipeline.Definitions;

/// <summary>Reads a configuration file into definitions, noting every problem at once with its place.</summary>
public sealed class LeatFileReader
{
    private const int MaxNameLength = 64;
    private const string NameForm = "lower-case letters, digits, '_' and '-', beginning with a letter";
    private const string AliasForm = "letters, digits, '_' and '-', beginning with a letter";

    private readonly string _path;
    private readonly ConnectorCatalog _catalog;
    private readonly List<Finding> _problems;

    private readonly ReadOnlyMemory<byte> _content;

    private LeatFileReader(string path, ReadOnlyMemory<byte> content, ConnectorCatalog catalog, List<Finding> problems)
    {
        _path = path;
        _content = content;
        _catalog = catalog;
        _problems = problems;
    }

    /// <summary>Reads the file at <paramref name="path"/>. The file is <see langword="null"/> when a problem is an error; warnings leave it usable.</summary>
    public static (LeatFile? File, IReadOnlyList<Finding> Problems) Read(string path, ConnectorCatalog catalog, ConfigEnvironment environment)
    {
        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return (null, [DefinitionErrors.Unreadable(new(path, 0, 0), error.Reason())]);
        }

        return Read(path, bytes, catalog, environment);
    }

    /// <summary>Reads content that is already in memory; <paramref name="path"/> is used in messages and for relative folders.</summary>
    public static (LeatFile? File, IReadOnlyList<Finding> Problems) Read(
        string path, ReadOnlyMemory<byte> content, ConnectorCatalog catalog, ConfigEnvironment environment)
    {
        var problems = new List<Finding>();
        var root = YamlLoader.Load(content, path, environment, problems);
        var file = root is null ? null : new LeatFileReader(path, content, catalog, problems).FileOf(root);

        // A reference that failed left an empty value: what is wrong with that is not worth a second message.
        var failed = problems.Where(problem => problem.Code?.Number is >= 1107 and <= 1109).Select(problem => problem.Location).ToHashSet();
        problems.RemoveAll(problem => problem.Code?.Number is not (>= 1107 and <= 1109) && failed.Contains(problem.Location));

        var inOrder = problems.OrderBy(problem => problem.Location?.Line).ThenBy(problem => problem.Location?.Column).ToArray();
        return (inOrder.Any(problem => problem.Severity == Severity.Error) ? null : file, inOrder);
    }

    private LeatFile FileOf(ConfigMap root)
    {
        var reader = new ConfigReader(root, "", _problems);
        var log = LogSettings.OfFile(reader, Path.GetDirectoryName(Path.GetFullPath(_path)) ?? "/");
        var sources = Sources(reader, log.Stream);
        var pipelines = Pipelines(reader, sources);
        reader.Done();
        return new() { Path = _path, Sources = sources, Pipelines = pipelines, Log = log };
    }

    private ImmutableArray<SourceDefinition> Sources(ConfigReader file, StreamOptions stream)
    {
        var sources = ImmutableArray.CreateBuilder<SourceDefinition>();
        var kinds = _catalog.Sources.Select(kind => kind.Name).ToArray();
        foreach (var (entry, block) in Blocks(file, "sources", "shop: { mysql: { host: 127.0.0.1, user: leat, tables: [\"shop.*\"] } }"))
        {
            CheckName(entry, "source", NameForm, IsName);
            var options = LogSettings.OfSource(block, stream);
            var kind = Kind(block, "source", kinds, "log");
            if (kind is not null)
            {
                var open = _catalog.Sources.First(known => known.Name == kind).Read(Settings(block, kind));
                sources.Add(new(entry.Key, kind, open, entry.KeyLocation) { Stream = options });
            }
        }

        return sources.ToImmutable();
    }

    private ImmutableArray<PipelineDefinition> Pipelines(ConfigReader file, ImmutableArray<SourceDefinition> sources)
    {
        // The names as written, so that a source with a mistake of its own is not reported as unknown too.
        var known = file.Node("sources") is ConfigMap map ? map.Entries.Select(entry => entry.Key).ToArray() : [.. sources.Select(source => source.Name)];
        var pipelines = ImmutableArray.CreateBuilder<PipelineDefinition>();
        foreach (var (entry, block) in Blocks(file, "pipelines", "orders-cache: { from: shop, tables: { orders: shop.orders }, sink: { … } }"))
        {
            CheckName(entry, "pipeline", NameForm, IsName);
            var from = block.RequiredText("from", known.FirstOrDefault() ?? "shop");
            if (from.Length > 0 && !known.Contains(from))
                _problems.Add(DefinitionErrors.UnknownSource(block.LocationOf("from"), entry.Key, Shown(block.Node("from"), from), Nearest.Of(from, known), known));

            var tables = Tables(block, entry.Key);
            int? lanes = block.IsAuto("lanes") ? null : block.Int("lanes", 4, 1, 64);
            var (sinkKind, openSink) = Sink(block);
            block.Done();
            if (openSink is not null)
            {
                pipelines.Add(new()
                {
                    Name = entry.Key, From = from, Tables = tables, SinkKind = sinkKind, OpenSink = openSink, Lanes = lanes, Location = entry.KeyLocation,
                });
            }
        }

        return pipelines.ToImmutable();
    }

    private (string Kind, Opener<ISink>? Open) Sink(ConfigReader pipeline)
    {
        if (!pipeline.Has("sink"))
        {
            _problems.Add(ConfigErrors.Missing(pipeline.Location, pipeline.Path, "sink", "{ redis: { address: \"127.0.0.1:6379\", key: \"order:{id}\" } }"));
            return ("", null);
        }

        if (pipeline.Map("sink") is not { } sink || Kind(sink, "sink", [.. _catalog.Sinks.Select(known => known.Name)]) is not { } kind)
            return ("", null);
        return (kind, _catalog.Sinks.First(known => known.Name == kind).Read(Settings(sink, kind)));
    }

    private ImmutableArray<TableRule> Tables(ConfigReader pipeline, string name)
    {
        var rules = ImmutableArray.CreateBuilder<TableRule>();
        if (!pipeline.Has("tables"))
        {
            _problems.Add(ConfigErrors.Missing(pipeline.Location, pipeline.Path, "tables", "{ orders: shop.orders }"));
            return [];
        }

        if (pipeline.Map("tables") is not { } tables)
            return [];
        var entries = tables.Entries().ToArray();
        if (entries.Length == 0)
            _problems.Add(DefinitionErrors.Empty(tables.Location, tables.Path, "orders: shop.orders"));

        foreach (var entry in entries)
        {
            CheckName(entry, "table", AliasForm, IsAlias);
            if (Rule(tables, entry) is not { } rule)
                continue;
            if (rules.FirstOrDefault(other => other.Table == rule.Table) is { } same)
                _problems.Add(DefinitionErrors.TableTwice(entry.KeyLocation, name, rule.Table.ToString(), same.Alias));
            rules.Add(rule);
        }

        return rules.ToImmutable();
    }

    private TableRule? Rule(ConfigReader tables, ConfigEntry entry)
    {
        var path = $"{tables.Path}.{entry.Key}";
        if (entry.Value is ConfigScalar)
            return Table(entry.Value, path, tables.Text(entry.Key)) is { } plain ? new() { Alias = entry.Key, Table = plain, Location = entry.KeyLocation } : null;
        if (tables.Map(entry.Key) is not { } block)
            return null;

        var text = block.RequiredText("table", $"shop.{entry.Key}");
        var table = block.Node("table") is { } node ? Table(node, $"{path}.table", text) : null;
        var columns = block.Texts("columns").ToImmutableArray();
        foreach (var twice in columns.GroupBy(column => column).Where(group => group.Count() > 1))
            _problems.Add(DefinitionErrors.ColumnTwice(block.LocationOf("columns"), $"{path}.columns", twice.Key));
        var where = block.Text("where");
        CheckCondition(block.Node("where"), $"{path}.where", where);
        block.Done();
        return table is not { } named ? null : new()
        {
            Alias = entry.Key, Table = named, Columns = columns, Where = where,
            Location = where is null ? entry.KeyLocation : block.LocationOf("where"),
        };
    }

    // Only the form: whether the columns exist is known once the table is.
    private void CheckCondition(ConfigNode? node, string path, string? where)
    {
        if (node is not ConfigScalar scalar || where is null)
            return;
        try
        {
            Filter.Parse(where);
        }
        catch (ExpressionException error)
        {
            _problems.Add(DefinitionErrors.Condition(InFile(scalar, error), path, error.Code, error.Problem, error.Remedy));
        }
    }

    // Where in the file an error inside a condition stands; the condition's beginning when that cannot be told.
    private FileLocation InFile(ConfigScalar scalar, ExpressionException error)
    {
        var at = scalar.Location;
        var line = Encoding.UTF8.GetString(_content.Span).Split('\n')[at.Line - 1].TrimStart('\uFEFF');
        return scalar.IsSecret || error.Line != 1 || line[at.Column - 1] is '|' or '>' or '&' or '*'
            ? at
            : at with { Column = at.Column + error.Column - 1 + (line[at.Column - 1] is '"' or '\'' ? 1 : 0) };
    }

    private TableName? Table(ConfigNode node, string path, string? text)
    {
        if (string.IsNullOrEmpty(text) || !TableName.TryParse(text, out var table) || table.Name.Contains('*', StringComparison.Ordinal)
            || table.Database.Contains('*', StringComparison.Ordinal))
        {
            _problems.Add(DefinitionErrors.BadTable(node.Location, path, Shown(node, text ?? "")));
            return null;
        }

        return table;
    }

    // The named blocks under a required top-level key.
    private List<(ConfigEntry Entry, ConfigReader Block)> Blocks(ConfigReader file, string key, string example)
    {
        var blocks = new List<(ConfigEntry, ConfigReader)>();
        if (!file.Has(key))
        {
            _problems.Add(ConfigErrors.Missing(file.Location, "The file", key, $"{{ {example} }}"));
            return blocks;
        }

        if (file.Map(key) is not { } map)
            return blocks;
        foreach (var entry in map.Entries())
        {
            if (map.Map(entry.Key) is { } block)
                blocks.Add((entry, block));
        }

        if (!map.Entries().Any())
            _problems.Add(DefinitionErrors.Empty(map.Location, key, example));
        return blocks;
    }

    // The one kind of connector that a block names; every other key of it is noted.
    private string? Kind(ConfigReader block, string what, string[] kinds, string? beside = null)
    {
        var entries = block.Entries().Where(entry => entry.Key != beside).ToArray();
        var named = entries.Where(entry => kinds.Contains(entry.Key)).Select(entry => entry.Key).ToArray();
        foreach (var other in entries.Where(entry => !kinds.Contains(entry.Key)))
        {
            _problems.Add(named.Length == 1
                ? DefinitionErrors.Beside(other.KeyLocation, block.Path, other.Key, named[0])
                : DefinitionErrors.UnknownKind(other.KeyLocation, block.Path, what, other.Key, Nearest.Of(other.Key, beside is null ? kinds : [.. kinds, beside]), kinds));
        }

        if (named.Length > 1 || entries.Length == 0)
            _problems.Add(DefinitionErrors.OneKind(block.Location, block.Path, what, named, kinds));
        return named.Length == 1 ? named[0] : null;
    }

    // A connector with nothing to set may be written as a bare key.
    private ConfigReader Settings(ConfigReader block, string kind)
    {
        var path = $"{block.Path}.{kind}";
        return block.Node(kind) switch
        {
            ConfigMap map => new(map, path, _problems),
            ConfigScalar { Text: null } none => new(new ConfigMap(none.Location, []), path, _problems),
            _ => block.Map(kind) ?? new(new ConfigMap(block.LocationOf(kind), []), path, _problems),
        };
    }

    private void CheckName(ConfigEntry entry, string what, string form, Func<string, bool> isRight)
    {
        if (!isRight(entry.Key) || entry.Key.Length > MaxNameLength)
            _problems.Add(DefinitionErrors.BadName(entry.KeyLocation, what, entry.Key, form));
    }

    // What came from the environment or a file is never printed, whatever it was meant for.
    private static string Shown(ConfigNode? node, string text) => node is ConfigScalar { IsSecret: true } ? "${…}" : text;

    private static bool IsName(string name) =>
        name.Length > 0 && char.IsAsciiLetterLower(name[0])
        && name.All(letter => char.IsAsciiLetterLower(letter) || char.IsAsciiDigit(letter) || letter is '_' or '-');

    private static bool IsAlias(string name) =>
        name.Length > 0 && char.IsAsciiLetter(name[0]) && name.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '_' or '-');
}
