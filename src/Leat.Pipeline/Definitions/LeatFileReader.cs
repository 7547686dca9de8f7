using System.Collections.Immutable;
using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Log;
using Leat.Transform.Plan.Rules;

namespace Leat.Pipeline.Definitions;

/// <summary>Reads a configuration file into definitions, noting every problem at once with its place.</summary>
public sealed class LeatFileReader
{
    private readonly string _path;
    private readonly ConnectorCatalog _catalog;
    private readonly List<Finding> _problems;
    private readonly DefinitionScope _scope;

    private LeatFileReader(string path, ReadOnlyMemory<byte> content, ConnectorCatalog catalog, List<Finding> problems)
    {
        _path = path;
        _catalog = catalog;
        _problems = problems;
        _scope = new(content, problems);
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

    /// <summary>Reads content that is already in memory; <paramref name="path"/> is used in messages and for relative folders. A recorder hears what is read.</summary>
    public static (LeatFile? File, IReadOnlyList<Finding> Problems) Read(
        string path, ReadOnlyMemory<byte> content, ConnectorCatalog catalog, ConfigEnvironment environment, ConfigRecorder? recorder = null)
    {
        var problems = new List<Finding>();
        var root = YamlLoader.Load(content, path, environment, problems);
        var file = root is null ? null : new LeatFileReader(path, content, catalog, problems).FileOf(new(root, "", problems, recorder));

        // A reference that failed left an empty value: what is wrong with that is not worth a second message.
        var failed = problems.Where(problem => problem.Code?.Number is >= 1107 and <= 1109).Select(problem => problem.Location).ToHashSet();
        problems.RemoveAll(problem => problem.Code?.Number is not (>= 1107 and <= 1109) && failed.Contains(problem.Location));

        var inOrder = problems.OrderBy(problem => problem.Location?.Line).ThenBy(problem => problem.Location?.Column).ToArray();
        return (inOrder.Any(problem => problem.Severity == Severity.Error) ? null : file, inOrder);
    }

    private LeatFile FileOf(ConfigReader reader)
    {
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
            CheckName(entry, "source");
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
            CheckName(entry, "pipeline");
            var from = block.RequiredText("from", known.FirstOrDefault() ?? "shop");
            if (from.Length > 0 && !known.Contains(from))
                _problems.Add(DefinitionErrors.UnknownSource(block.LocationOf("from"), entry.Key, DefinitionScope.Shown(block.Node("from"), from), Nearest.Of(from, known), known));

            var tables = new TableRules(_scope).Of(block, entry.Key);
            var document = default(DocumentRule);
            if (FieldGroupRules.Asks(block))
                tables = new FieldGroupRules(_scope).Of(block, tables);
            else
                document = new DocumentRules(_scope).Of(block, block.Node("tables") as ConfigMap);
            var tests = new TestRules(_scope).Of(block, block.Node("tables") as ConfigMap, entry.Key);
            int? lanes = block.IsAuto("lanes") ? null : block.Int("lanes", 4, 1, 64);
            var maxDeadLetters = block.Int("max_dead_letters", 1_000_000, 1, 100_000_000);
            var (sinkKind, openSink) = Sink(block, Delivered(block));
            block.Done();
            if (openSink is not null)
            {
                pipelines.Add(new()
                {
                    Name = entry.Key, From = from, Tables = tables, Document = document, Tests = tests, SinkKind = sinkKind, OpenSink = openSink, Lanes = lanes,
                    MaxDeadLetters = maxDeadLetters, Location = entry.KeyLocation,
                });
            }
        }

        return pipelines.ToImmutable();
    }

    // The tables as the target knows them, as written: those of a document are one, which is named after its root.
    private static string[]? Delivered(ConfigReader pipeline)
    {
        if (pipeline.Node("tables") is not ConfigMap tables)
            return null;
        string[] names = [.. tables.Entries.Select(entry => entry.Key)];
        return pipeline.Node("document") is ConfigMap document && document.Entries.FirstOrDefault(entry => entry.Key == "root")?.Value is ConfigScalar { Text: { } root } && names.Contains(root)
            ? [root]
            : names;
    }

    private (string Kind, Opener<ISink>? Open) Sink(ConfigReader pipeline, string[]? tables)
    {
        if (!pipeline.Require("sink", "{ redis: { address: \"127.0.0.1:6379\", key: \"order:{id}\" } }"))
            return ("", null);

        if (pipeline.Map("sink") is not { } sink || Kind(sink, "sink", [.. _catalog.Sinks.Select(known => known.Name)]) is not { } kind)
            return ("", null);
        return (kind, _catalog.Sinks.First(known => known.Name == kind).Read(Settings(sink, kind, tables)));
    }

    // The named blocks under a required top-level key.
    private List<(ConfigEntry Entry, ConfigReader Block)> Blocks(ConfigReader file, string key, string example)
    {
        var blocks = new List<(ConfigEntry, ConfigReader)>();
        if (!file.Require(key, $"{{ {example} }}"))
            return blocks;
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
    private static ConfigReader Settings(ConfigReader block, string kind, string[]? tables = null)
    {
        var path = $"{block.Path}.{kind}";
        return block.Node(kind) switch
        {
            ConfigMap map => block.Nested(map, path, tables),
            ConfigScalar { Text: null } none => block.Nested(new(none.Location, []), path),
            _ => block.Map(kind) ?? block.Nested(new(block.LocationOf(kind), []), path),
        };
    }

    private void CheckName(ConfigEntry entry, string what)
    {
        if (!Names.IsName(entry.Key))
            _problems.Add(DefinitionErrors.BadName(entry.KeyLocation, what, entry.Key, Names.NameForm));
    }
}
