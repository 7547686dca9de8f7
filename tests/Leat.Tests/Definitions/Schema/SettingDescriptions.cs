using System.Text.RegularExpressions;

namespace Leat.Tests.Definitions.Schema;

/// <summary>What <c>docs/operating/configuration.md</c> says of each setting: one row of a table, found by the table's heading and the setting's name.</summary>
internal sealed partial class SettingDescriptions
{
    private const string Document = "pipelines.*.document";

    private static readonly Dictionary<string, string[]> Tables = new()
    {
        ["Top level"] = [""],
        ["A pipeline"] = ["pipelines.*"],
        ["Key of a table"] = ["pipelines.*.tables.*"],
        ["Key of `document`"] = [Document],
        ["Key of `merge`"] = [$"{Document}.merge", $"{Document}.nest.merge", $"{Document}.nest.nest.merge"],
        ["Key of `nest`"] = [$"{Document}.nest", $"{Document}.nest.nest"],
        ["Key of a test"] = ["pipelines.*.tests"],
        ["Key of a step"] = ["pipelines.*.tests.when", "pipelines.*.tests.when.transaction"],
        ["Key of a transaction"] = ["pipelines.*.tests.when"],
        ["Key of a source"] = ["sources.*"],
        ["Key of what is expected"] = ["pipelines.*.tests.then"],
        ["Key of `log`"] = ["log"],
        ["Key of a stream"] = ["log", "sources.*.log"],
        ["Key of `retention`"] = ["log.retention", "sources.*.log.retention"],
    };

    private readonly Dictionary<string, string> _texts = [];
    private readonly Dictionary<string, string> _defaults = [];

    private SettingDescriptions()
    {
    }

    /// <summary>The places of all settings that are described.</summary>
    public IEnumerable<string> Described => _texts.Keys;

    /// <summary>Reads the document.</summary>
    public static SettingDescriptions Of(string markdown)
    {
        var descriptions = new SettingDescriptions();
        var (heading, connector) = ("", "");
        string[] paths = [];
        foreach (var line in markdown.Split('\n'))
        {
            if (line.StartsWith("## ", StringComparison.Ordinal))
                (heading, connector, paths) = (line[3..], Connector().Match(line) is { Success: true } match ? PathOf(match) : "", []);
            else if (line.StartsWith("| Key", StringComparison.Ordinal))
                paths = PathsOf(line.Split('|')[1].Trim(), heading, connector);
            else if (line.Length == 0)
                paths = [];
            else if (connector.Length > 0 && paths.Length == 0 && line[0] is not ('|' or '#'))
                descriptions._texts.TryAdd(connector, Plain(line.Split(". ")[0].TrimEnd('.', ':') + "."));
            else if (paths.Length > 0 && line.StartsWith("| `", StringComparison.Ordinal))
                descriptions.Row(line, paths);
        }

        return descriptions;
    }

    /// <summary>What counts when a setting is absent, in the document's words; <see langword="null"/> when it does not say.</summary>
    public string? DefaultOf(string path) => _defaults.GetValueOrDefault(path);

    /// <summary>What is said of a place: of itself, of the block that it is a part of and that names it, or of the same setting further out.</summary>
    public string? Find(string path)
    {
        if (_texts.TryGetValue(path, out var text))
            return text;
        var dot = path.LastIndexOf('.');
        var (block, key) = dot < 0 ? ("", path) : (path[..dot], path[(dot + 1)..]);
        for (var outer = block; outer.Length > 0; outer = outer.LastIndexOf('.') is var up and >= 0 ? outer[..up] : "")
        {
            if (_texts.TryGetValue(outer, out var around) && Regex.IsMatch(around, $@"\b{Regex.Escape(key)}\b"))
                return around;
            if (_texts.TryGetValue($"{outer}.{key}", out var same))
                return same;
        }

        return null;
    }

    private static string[] PathsOf(string header, string heading, string connector) =>
        Tables.TryGetValue(header, out var found) || Tables.TryGetValue(heading, out found) ? found : connector.Length > 0 ? [connector] : [];

    private static string PathOf(Match connector) =>
        connector.Groups["what"].Value == "Source" ? $"sources.*.{connector.Groups["kind"].Value}" : $"pipelines.*.sink.{connector.Groups["kind"].Value}";

    private void Row(string line, string[] paths)
    {
        var cells = line.Replace(@"\|", "\0", StringComparison.Ordinal).Split('|').Select(cell => cell.Replace('\0', '|').Trim()).ToArray();
        foreach (Match key in Key().Matches(cells[1]))
        {
            foreach (var path in paths)
            {
                // A collection inside another has none inside itself.
                if (path == $"{Document}.nest.nest" && key.Groups["key"].Value == "nest")
                    continue;
                var place = path.Length == 0 ? key.Groups["key"].Value : $"{path}.{key.Groups["key"].Value}";
                // What a source does not say of its stream, the file's own block says.
                if (!path.StartsWith("sources.*.log", StringComparison.Ordinal))
                    _defaults.TryAdd(place, cells[2].Trim('`'));
                _texts.TryAdd(place, Text(cells[2], cells[3], key.Groups["key"].Value));
            }
        }
    }

    private string Text(string @default, string text, string key)
    {
        if (text == "as for the source")
            return _texts[$"sources.*.mysql.{key}"];
        var plain = Plain(text);
        var ended = plain.Length == 0 || plain.EndsWith('.') ? plain : plain + ".";
        var sentence = ended.Length == 0 ? "" : char.ToUpperInvariant(ended[0]) + ended[1..];
        return (@default is "" or "required" ? $"{sentence}{(@default.Length > 0 ? " Required." : "")}" : $"{sentence} Default: {Plain(@default)}.").Trim();
    }

    private static string Plain(string text) => Link().Replace(Pointer().Replace(text, ""), "${text}");

    [GeneratedRegex(@"^## (?<what>Source|Sink) `(?<kind>\w+)`$")]
    private static partial Regex Connector();

    [GeneratedRegex("`(?<key>[a-z_.]+)`")]
    private static partial Regex Key();

    // What leads to another place of the document means nothing beside a setting.
    [GeneratedRegex(@"[,;] (see \[[^\]]+\]\([^)]+\)|below)")]
    private static partial Regex Pointer();

    [GeneratedRegex(@"\[(?<text>[^\]]+)\]\([^)]+\)")]
    private static partial Regex Link();
}
