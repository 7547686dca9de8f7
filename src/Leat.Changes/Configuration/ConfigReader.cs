using System.Globalization;

namespace Leat.Changes.Configuration;

/// <summary>Reads the keys of one map, notes every problem with its place, and in the end every key that nobody asked for.</summary>
/// <remarks>
/// A reader never throws for what stands in the file: it notes a <see cref="Finding"/> and returns the default, so that all problems
/// are told at once. Whoever reads calls <see cref="Done"/> last.
/// </remarks>
public sealed class ConfigReader
{
    private readonly ConfigMap _map;
    private readonly List<Finding> _problems;
    private readonly List<string> _known = [];

    /// <summary>A reader of <paramref name="map"/>, which stands at <paramref name="path"/>, e.g. <c>sources.shop.mysql</c>.</summary>
    public ConfigReader(ConfigMap map, string path, List<Finding> problems)
    {
        _map = map;
        _problems = problems;
        Path = path;
    }

    /// <summary>Where the map stands, in the words of the file.</summary>
    public string Path { get; }

    /// <summary>Where the map stands in the file.</summary>
    public FileLocation Location => _map.Location;

    /// <summary>All that was noted so far, by this reader and those that share its list.</summary>
    public IReadOnlyList<Finding> Problems => _problems;

    /// <summary>Notes a problem of the caller's own.</summary>
    public void Problem(Finding finding) => _problems.Add(finding);

    /// <summary>Notes that the value of a key is not as expected.</summary>
    public void Invalid(string key, string expected)
    {
        var node = Find(key);
        _problems.Add(ConfigErrors.Invalid(node?.Location ?? Location, $"{Path}.{key}", Describe(node), expected));
    }

    /// <summary>Whether the key is there.</summary>
    public bool Has(string key) => Find(key) is not null;

    /// <summary>Where the key's value stands; the map's place when it is absent.</summary>
    public FileLocation LocationOf(string key) => Find(key)?.Location ?? Location;

    /// <summary>The value as it stands, or <see langword="null"/>.</summary>
    public ConfigNode? Node(string key) => Find(key);

    /// <summary>Text, or <see langword="null"/> when absent.</summary>
    public string? Text(string key) => Find(key) switch
    {
        null => null,
        ConfigScalar { Text: { } text } => text,
        _ => Wrong<string?>(key, "a text", null),
    };

    /// <summary>Text that must be there.</summary>
    public string RequiredText(string key, string example)
    {
        if (Find(key) is null)
            _problems.Add(ConfigErrors.Missing(Location, Path, key, example));
        return Text(key) ?? "";
    }

    /// <summary>A secret: text from the environment or a file; a warning is noted when it stands in the file.</summary>
    public string? Secret(string key)
    {
        if (Find(key) is ConfigScalar { IsSecret: false, Text: not (null or "") } plain)
            _problems.Add(ConfigErrors.PlainSecret(plain.Location, $"{Path}.{key}"));
        return Text(key);
    }

    /// <summary>A whole number within bounds.</summary>
    public int Int(string key, int defaultValue, int min, int max)
    {
        if (Text(key) is not { } text)
            return defaultValue;
        return int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value >= min && value <= max
            ? value
            : Wrong(key, $"a whole number from {min} to {max}", defaultValue);
    }

    /// <summary>Whether a number is left to Leat: the key is absent, or says <c>auto</c>.</summary>
    public bool IsAuto(string key) => Text(key) is null or "auto";

    /// <summary><c>true</c> or <c>false</c>.</summary>
    public bool Bool(string key, bool defaultValue) => Text(key) switch
    {
        null => defaultValue,
        "true" => true,
        "false" => false,
        _ => Wrong(key, "true or false", defaultValue),
    };

    /// <summary>One of a few words.</summary>
    public string Choice(string key, string defaultValue, params string[] choices)
    {
        if (Text(key) is not { } text)
            return defaultValue;
        return choices.Contains(text) ? text : Wrong(key, $"one of {string.Join(", ", choices)}", defaultValue);
    }

    /// <summary>A time span with its unit: <c>200ms</c>, <c>5s</c>, <c>2m</c>, <c>1h</c>, <c>1d</c>.</summary>
    public TimeSpan Duration(string key, TimeSpan defaultValue, TimeSpan min, TimeSpan max)
    {
        if (Text(key) is not { } text)
            return defaultValue;
        return Units.TryDuration(text, out var value) && value >= min && value <= max
            ? value
            : Wrong(key, $"a time with its unit from {Units.Format(min)} to {Units.Format(max)}, such as 200ms or 5s", defaultValue);
    }

    /// <summary>A number of bytes with its unit: <c>512B</c>, <c>64KiB</c>, <c>5MiB</c>, <c>1GiB</c>.</summary>
    public long Size(string key, long defaultValue, long min, long max)
    {
        if (Text(key) is not { } text)
            return defaultValue;
        return Units.TrySize(text, out var value) && value >= min && value <= max
            ? value
            : Wrong(key, $"a size with its unit from {Units.FormatSize(min)} to {Units.FormatSize(max)}, such as 64KiB or 5MiB", defaultValue);
    }

    /// <summary>A list of texts; a single text counts as a list of one.</summary>
    public IReadOnlyList<string> Texts(string key) => Find(key) switch
    {
        null => [],
        ConfigScalar { Text: { } text } => [text],
        ConfigList list when list.Items.All(item => item is ConfigScalar { Text: not null }) => [.. list.Items.Select(item => ((ConfigScalar)item).Text!)],
        _ => Wrong<IReadOnlyList<string>>(key, "a list of texts", []),
    };

    /// <summary>A reader of a nested map, or <see langword="null"/> when absent.</summary>
    public ConfigReader? Map(string key) => Find(key) switch
    {
        null => null,
        ConfigMap map => new(map, Path.Length == 0 ? key : $"{Path}.{key}", _problems),
        _ => Wrong<ConfigReader?>(key, "a block of settings", null),
    };

    /// <summary>Every key in order, marking all as known: for maps whose keys are names that users choose.</summary>
    public IEnumerable<ConfigEntry> Entries()
    {
        _known.AddRange(_map.Entries.Select(entry => entry.Key));
        return _map.Entries;
    }

    /// <summary>Notes every key that was not asked for, with the nearest known one.</summary>
    public void Done()
    {
        foreach (var entry in _map.Entries.Where(entry => !_known.Contains(entry.Key)))
        {
            _problems.Add(ConfigErrors.UnknownKey(
                entry.KeyLocation, Path.Length == 0 ? "the file" : Path, entry.Key, Nearest.Of(entry.Key, _known), _known.Distinct()));
        }
    }

    private ConfigNode? Find(string key)
    {
        if (!_known.Contains(key))
            _known.Add(key);
        return _map.Entries.FirstOrDefault(entry => entry.Key == key)?.Value;
    }

    private T Wrong<T>(string key, string expected, T instead)
    {
        Invalid(key, expected);
        return instead;
    }

    private static string Describe(ConfigNode? node) => node switch
    {
        ConfigScalar { IsSecret: true } => "a secret that is not that",
        ConfigScalar { Text: null } or null => "nothing",
        ConfigScalar scalar => $"'{scalar.Text}'",
        ConfigList => "a list",
        _ => "a block of settings",
    };
}
