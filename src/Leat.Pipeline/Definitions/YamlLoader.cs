using System.Text;
using Leat.Changes;
using Leat.Changes.Configuration;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Leat.Pipeline.Definitions;

/// <summary>Turns YAML text into <see cref="ConfigNode"/>s that know their places, with limits against files that are not meant well.</summary>
/// <remarks>
/// Works on the parser's events, not on its object model: duplicate keys, depth and aliases are then ours to judge. An alias shares the
/// node of its anchor, so that nothing is ever copied; what it would amount to when written out counts against the limit all the same.
/// </remarks>
public sealed class YamlLoader
{
    /// <summary>Most bytes of a file: 10 MiB, far above what a person writes.</summary>
    public const int MaxBytes = 10 * 1024 * 1024;

    /// <summary>Most blocks inside one another.</summary>
    public const int MaxDepth = 32;

    /// <summary>Most values of a file, each alias counted as all that it stands for.</summary>
    public const int MaxNodes = 200_000;

    private readonly string _file;
    private readonly List<Finding> _problems;
    private readonly ConfigReferences _references;
    private readonly Dictionary<string, (ConfigNode? Node, int Nodes)> _anchors = [];
    private int _nodes;

    private YamlLoader(string file, ConfigEnvironment environment, List<Finding> problems)
    {
        _file = file;
        _problems = problems;
        _references = new(environment, problems);
    }

    /// <summary>The file's top block, or <see langword="null"/> when it has none; everything wrong is noted.</summary>
    /// <param name="bytes">The file's content, UTF-8.</param>
    /// <param name="file">Its path, for messages.</param>
    /// <param name="environment">What references resolve against.</param>
    /// <param name="problems">Takes the findings.</param>
    public static ConfigMap? Load(ReadOnlyMemory<byte> bytes, string file, ConfigEnvironment environment, List<Finding> problems)
    {
        var whole = new FileLocation(file, 0, 0);
        if (bytes.Length > MaxBytes)
        {
            problems.Add(DefinitionErrors.TooLarge(whole, $"has {bytes.Length} bytes", Units.FormatSize(MaxBytes)));
            return null;
        }

        if (!TryText(bytes.Span, out var text, out var badLine, out var badColumn))
        {
            problems.Add(DefinitionErrors.NotUtf8(new(file, badLine, badColumn)));
            return null;
        }

        try
        {
            return new YamlLoader(file, environment, problems).Document(text);
        }
        catch (YamlException error)
        {
            problems.Add(Describe(error, file, text));
            return null;
        }
        catch (LimitException limit)
        {
            problems.Add(limit.Finding);
            return null;
        }
    }

    private ConfigMap? Document(string text)
    {
        using var input = new StringReader(text);
        var parser = new GuardedParser(input);
        parser.Consume<StreamStart>();
        if (!parser.TryConsume<DocumentStart>(out _))
        {
            _problems.Add(DefinitionErrors.NotAConfiguration(new(_file, 0, 0), "nothing"));
            return null;
        }

        var root = Node(parser, depth: 0);
        parser.Consume<DocumentEnd>();
        if (parser.TryConsume<DocumentStart>(out var second))
        {
            _problems.Add(DefinitionErrors.Unsupported(
                At(second.Start), "A second YAML document begins here.", "Remove the '---' and put everything into one document."));
        }

        if (root is ConfigMap map)
            return map;
        var got = root switch { ConfigList => "a list", ConfigScalar { Text: not null } => "a text", _ => "nothing" };
        _problems.Add(DefinitionErrors.NotAConfiguration(root.Location, got));
        return null;
    }

    private ConfigNode Node(GuardedParser parser, int depth)
    {
        var at = At(parser.Current!.Start); // the parser always has a current event between two consumed ones
        if (depth > MaxDepth)
            throw new LimitException(DefinitionErrors.TooLarge(at, $"is more than {MaxDepth} blocks deep", $"{MaxDepth}"));
        Count(at, 1);

        if (parser.TryConsume<AnchorAlias>(out var alias))
            return Aliased(alias);

        // For a key that is nothing but ':' the library tells two values, or an end instead of one.
        if (parser.Current is not NodeEvent)
            throw new YamlException(parser.Current.Start, parser.Current.End, "a key or a value is missing before this");

        var anchor = parser.Current is NodeEvent { Anchor.IsEmpty: false } anchored ? anchored.Anchor.Value : null;
        var before = _nodes;
        if (anchor is not null)
            _anchors[anchor] = (null, 0);
        RefuseTag((NodeEvent)parser.Current);

        ConfigNode node;
        if (parser.TryConsume<MappingStart>(out _))
            node = MapOf(parser, at, depth);
        else if (parser.TryConsume<SequenceStart>(out _))
            node = ListOf(parser, at, depth);
        else
            node = ScalarOf(parser.Consume<Scalar>(), at);

        if (anchor is not null)
            _anchors[anchor] = (node, _nodes - before + 1);
        return node;
    }

    private ConfigMap MapOf(GuardedParser parser, FileLocation at, int depth)
    {
        var entries = new List<ConfigEntry>();
        var firstByKey = new Dictionary<string, FileLocation>(StringComparer.Ordinal);
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            var keyAt = At(parser.Current!.Start);
            if (!parser.TryConsume<Scalar>(out var key))
            {
                _problems.Add(DefinitionErrors.Unsupported(keyAt, "A key must be a plain text here.", "Write the key as a word, followed by ':'."));
                parser.SkipThisAndNestedEvents();
                parser.SkipThisAndNestedEvents();
                continue;
            }

            var value = Node(parser, depth + 1);
            if (firstByKey.TryAdd(key.Value, keyAt))
                entries.Add(new(key.Value, keyAt, value));
            else
                _problems.Add(DefinitionErrors.DuplicateKey(keyAt, key.Value, firstByKey[key.Value]));
        }

        return new(at, entries);
    }

    private ConfigList ListOf(GuardedParser parser, FileLocation at, int depth)
    {
        var items = new List<ConfigNode>();
        while (!parser.TryConsume<SequenceEnd>(out _))
            items.Add(Node(parser, depth + 1));
        return new(at, items);
    }

    private ConfigScalar ScalarOf(Scalar scalar, FileLocation at) =>
        scalar is { Style: ScalarStyle.Plain, Value: "" or "~" or "null" or "Null" or "NULL" }
            ? new(at, null, IsSecret: false)
            : _references.Resolve(at, scalar.Value) with { Written = scalar.Value, IsQuoted = scalar.Style != ScalarStyle.Plain };

    private ConfigNode Aliased(AnchorAlias alias)
    {
        var at = At(alias.Start);
        var name = alias.Value.Value;
        if (!_anchors.TryGetValue(name, out var anchored) || anchored.Node is null)
        {
            _problems.Add(DefinitionErrors.Alias(at, name, isInsideItself: _anchors.ContainsKey(name)));
            return new ConfigScalar(at, null, IsSecret: false);
        }

        Count(at, anchored.Nodes);
        return anchored.Node;
    }

    private void Count(FileLocation at, int nodes)
    {
        _nodes += nodes;
        if (_nodes > MaxNodes)
            throw new LimitException(DefinitionErrors.TooLarge(at, $"holds more than {MaxNodes} values, aliases written out", $"{MaxNodes}"));
    }

    private void RefuseTag(NodeEvent node)
    {
        // "!" is what the parser gives a quoted text; the tags of YAML's own schema say what the words already say.
        if (!node.Tag.IsEmpty && !node.Tag.IsNonSpecific && !node.Tag.Value.StartsWith("tag:yaml.org,2002:", StringComparison.Ordinal))
            _problems.Add(DefinitionErrors.Unsupported(At(node.Start), $"The tag '{node.Tag.Value}' means nothing here.", "Remove it."));
    }

    private FileLocation At(Mark mark) => new(_file, (int)mark.Line, (int)mark.Column);

    private static Finding Describe(YamlException error, string file, string text)
    {
        var at = new FileLocation(file, (int)error.Start.Line, (int)error.Start.Column);
        var lines = text.Split('\n');

        // The scanner reports a tab as any of several things, some lines late or early; the tab itself is what a person has to see.
        var saysTab = error.Message.Contains("tab", StringComparison.OrdinalIgnoreCase);
        var last = saysTab ? lines.Length : Math.Min((int)error.Start.Line, lines.Length);
        for (var line = saysTab ? 1 : Math.Max(1, last - 2); line <= last; line++)
        {
            var indentation = lines[line - 1].AsSpan(0, lines[line - 1].Length - lines[line - 1].TrimStart(' ', '\t').Length);
            if (indentation.IndexOf('\t') is var tab and >= 0)
                return DefinitionErrors.Tab(new(file, line, tab + 1));
        }

        var why = error.Message.TrimEnd('.', ' ');
        return DefinitionErrors.Syntax(at, why.Length == 0 ? "it cannot be parsed" : char.ToLowerInvariant(why[0]) + why[1..]);
    }

    private static bool TryText(ReadOnlySpan<byte> bytes, out string text, out int line, out int column)
    {
        (line, column) = (0, 0);
        if (bytes.StartsWith(Encoding.UTF8.Preamble))
            bytes = bytes[Encoding.UTF8.Preamble.Length..];
        var strict = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
        try
        {
            text = strict.GetString(bytes);
            return true;
        }
        catch (DecoderFallbackException error)
        {
            var good = bytes[..Math.Clamp(error.Index, 0, bytes.Length)];
            line = good.Count((byte)'\n') + 1;
            column = Encoding.UTF8.GetCharCount(good[(good.LastIndexOf((byte)'\n') + 1)..]) + 1;
            text = "";
            return false;
        }
    }

    // The library's scanner fails on some broken texts (a flow list that the end of the file cuts off) with exceptions of its inside
    // instead of its own. To whoever wrote the file both are the same: a syntax error, after the last thing that was understood.
    private sealed class GuardedParser(TextReader input) : IParser
    {
        private readonly Parser _parser = new(input);

        public ParsingEvent? Current => _parser.Current;

        public bool MoveNext()
        {
            try
            {
                return _parser.MoveNext();
            }
            catch (Exception error) when (error is not (YamlException or OutOfMemoryException))
            {
                var after = Current?.End ?? Mark.Empty;
                throw new YamlException(after, after, "what follows cannot be understood", error);
            }
        }
    }

    // Leaves the recursion at once when a limit is passed; never leaves Load.
    private sealed class LimitException(Finding finding) : Exception(finding.Message)
    {
        public Finding Finding { get; } = finding;
    }
}
