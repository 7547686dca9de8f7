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
    private readonly ConfigRecorder? _recorder;
    private readonly List<string> _known = [];

    /// <summary>A reader of <paramref name="map"/>, which stands at <paramref name="path"/>, e.g. <c>sources.shop.mysql</c>.</summary>
    /// <param name="map">The block.</param>
    /// <param name="path">Its place in the words of the file.</param>
    /// <param name="problems">Takes what is wrong.</param>
    /// <param name="recorder">Listens, if anybody does.</param>
    public ConfigReader(ConfigMap map, string path, List<Finding> problems, ConfigRecorder? recorder = null)
    {
        _map = map;
        _problems = problems;
        _recorder = recorder;
        Path = path;
        recorder?.Blocks.Add(path);
    }

    /// <summary>Where the map stands, in the words of the file.</summary>
    public string Path { get; }

    /// <summary>The tables that the pipeline delivers, which blocks with an entry for each table are checked against; <see langword="null"/>: not known here.</summary>
    public IReadOnlyCollection<string>? Tables { get; private init; }

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

    /// <summary>The value as it stands, or <see langword="null"/>; the caller judges it.</summary>
    /// <param name="key">The key.</param>
    /// <param name="form">What it takes, for whoever listens.</param>
    public ConfigNode? Node(string key, SettingForm form = SettingForm.Any)
    {
        Record(key, form);
        return Find(key);
    }

    /// <summary>A text for which there are a few words that the caller knows and judges.</summary>
    public string? Word(string key, IEnumerable<string> words)
    {
        Record(new(Path, key, SettingForm.Choice) { Choices = [.. words] });
        return Scalar(key);
    }

    /// <summary>Whether a setting says a word that is possible beside its other values, such as <c>none</c>.</summary>
    public bool Says(string key, string word)
    {
        Record(new(Path, key, SettingForm.Choice) { Choices = [word] });
        return Find(key) is ConfigScalar scalar && scalar.Text == word;
    }

    /// <summary>Text, or <see langword="null"/> when absent.</summary>
    public string? Text(string key)
    {
        Record(key, SettingForm.Text);
        return Scalar(key);
    }

    /// <summary>Whether a key is there that must be; notes it when it is not.</summary>
    public bool Require(string key, string example)
    {
        Record(new(Path, key, SettingForm.Any) { IsRequired = true });
        if (Find(key) is not null)
            return true;
        _problems.Add(ConfigErrors.Missing(Location, Path.Length == 0 ? "The file" : Path, key, example));
        return false;
    }

    /// <summary>Text that must be there.</summary>
    public string RequiredText(string key, string example)
    {
        Require(key, example);
        return Text(key) ?? "";
    }

    /// <summary>A secret: text from the environment or a file; a warning is noted when it stands in the file.</summary>
    public string? Secret(string key)
    {
        Record(key, SettingForm.Secret);
        if (Find(key) is ConfigScalar { IsSecret: false, Text: not (null or "") } plain)
            _problems.Add(ConfigErrors.PlainSecret(plain.Location, $"{Path}.{key}"));
        return Scalar(key);
    }

    /// <summary>A whole number within bounds.</summary>
    public int Int(string key, int defaultValue, int min, int max)
    {
        Record(new(Path, key, SettingForm.Number) { Default = Written(defaultValue), Least = Written(min), Most = Written(max) });
        if (Scalar(key) is not { } text)
            return defaultValue;
        return int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value >= min && value <= max
            ? value
            : Wrong(key, $"a whole number from {min} to {max}", defaultValue);
    }

    /// <summary>Whether a number is left to Leat: the key is absent, or says <c>auto</c>.</summary>
    public bool IsAuto(string key)
    {
        Record(new(Path, key, SettingForm.Choice) { Default = "auto", Choices = ["auto"] });
        return Scalar(key) is null or "auto";
    }

    /// <summary><c>true</c> or <c>false</c>.</summary>
    public bool Bool(string key, bool defaultValue)
    {
        Record(new(Path, key, SettingForm.Bool) { Default = defaultValue ? "true" : "false" });
        return Scalar(key) switch
        {
            null => defaultValue,
            "true" => true,
            "false" => false,
            _ => Wrong(key, "true or false", defaultValue),
        };
    }

    /// <summary>One of a few words.</summary>
    public string Choice(string key, string defaultValue, params string[] choices)
    {
        Record(new(Path, key, SettingForm.Choice) { Default = defaultValue, Choices = choices });
        if (Scalar(key) is not { } text)
            return defaultValue;
        return choices.Contains(text) ? text : Wrong(key, $"one of {string.Join(", ", choices)}", defaultValue);
    }

    /// <summary>A time span with its unit: <c>200ms</c>, <c>5s</c>, <c>2m</c>, <c>1h</c>, <c>1d</c>.</summary>
    public TimeSpan Duration(string key, TimeSpan defaultValue, TimeSpan min, TimeSpan max)
    {
        Record(new(Path, key, SettingForm.Duration) { Default = Units.Format(defaultValue), Least = Units.Format(min), Most = Units.Format(max) });
        if (Scalar(key) is not { } text)
            return defaultValue;
        return Units.TryDuration(text, out var value) && value >= min && value <= max
            ? value
            : Wrong(key, $"a time with its unit from {Units.Format(min)} to {Units.Format(max)}, such as 200ms or 5s", defaultValue);
    }

    /// <summary>A number of bytes with its unit: <c>512B</c>, <c>64KiB</c>, <c>5MiB</c>, <c>1GiB</c>.</summary>
    public long Size(string key, long defaultValue, long min, long max)
    {
        Record(new(Path, key, SettingForm.Size) { Default = Units.FormatSize(defaultValue), Least = Units.FormatSize(min), Most = Units.FormatSize(max) });
        if (Scalar(key) is not { } text)
            return defaultValue;
        return Units.TrySize(text, out var value) && value >= min && value <= max
            ? value
            : Wrong(key, $"a size with its unit from {Units.FormatSize(min)} to {Units.FormatSize(max)}, such as 64KiB or 5MiB", defaultValue);
    }

    /// <summary>A list of texts; a single text counts as a list of one.</summary>
    /// <param name="key">The key.</param>
    /// <param name="words">The possible ones, for whoever listens; the caller judges them.</param>
    public IReadOnlyList<string> Texts(string key, params string[] words)
    {
        Record(new(Path, key, SettingForm.Texts) { Choices = words });
        return Find(key) switch
        {
            null => [],
            ConfigScalar { Text: { } text } => [text],
            ConfigList list when list.Items.All(item => item is ConfigScalar { Text: not null }) => [.. list.Items.Select(item => ((ConfigScalar)item).Text!)],
            _ => Wrong<IReadOnlyList<string>>(key, "a list of texts", []),
        };
    }

    /// <summary>A reader of a nested map, or <see langword="null"/> when absent.</summary>
    public ConfigReader? Map(string key)
    {
        Record(key, SettingForm.Block);
        return Find(key) switch
        {
            null => null,
            ConfigMap map => Nested(map, Path.Length == 0 ? key : $"{Path}.{key}"),
            _ => Wrong<ConfigReader?>(key, "a block of settings", null),
        };
    }

    /// <summary>A reader for each block of a list, in order; a single block counts as a list of one. Their paths count from 0: <c>nest[0]</c>.</summary>
    public IReadOnlyList<ConfigReader> Maps(string key)
    {
        Record(key, SettingForm.Blocks);
        return Find(key) switch
        {
            null => [],
            ConfigMap map => [Nested(map, $"{Path}.{key}")],
            ConfigList list when list.Items.All(item => item is ConfigMap) => [.. list.Items.Select((item, at) => Nested((ConfigMap)item, $"{Path}.{key}[{at}]"))],
            _ => Wrong<IReadOnlyList<ConfigReader>>(key, "a list of blocks of settings", []),
        };
    }

    /// <summary>A reader of a block inside this one that the caller found by itself; its problems join this one's.</summary>
    /// <param name="map">The block.</param>
    /// <param name="path">Its place.</param>
    /// <param name="tables">The tables that it may name; <see langword="null"/>: the same as this one.</param>
    public ConfigReader Nested(ConfigMap map, string path, IReadOnlyCollection<string>? tables = null) => new(map, path, _problems, _recorder) { Tables = tables ?? Tables };

    /// <summary>Every key in order, marking all as known: for maps whose keys are names that users choose.</summary>
    public IEnumerable<ConfigEntry> Entries()
    {
        _recorder?.Named.Add(Path);
        _known.AddRange(_map.Entries.Select(entry => entry.Key));
        return _map.Entries;
    }

    /// <summary>Every key in order, marking all as known, of a map whose keys are tables of the pipeline; notes those that are none.</summary>
    public IEnumerable<ConfigEntry> TableEntries()
    {
        foreach (var entry in Tables is null ? [] : _map.Entries.Where(entry => !Tables.Contains(entry.Key)))
            _problems.Add(ConfigErrors.NotDelivered(entry.KeyLocation, Path, entry.Key, Nearest.Of(entry.Key, Tables!), Tables!)); // not null: asked above
        return Entries();
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

    /// <summary>A value in the words of a message; what is secret is not told.</summary>
    public static string Describe(ConfigNode? node) => node switch
    {
        ConfigScalar { IsSecret: true } => "a secret that is not that",
        ConfigScalar { Text: null } or null => "nothing",
        ConfigScalar scalar => $"'{scalar.Text}'",
        ConfigList => "a list",
        _ => "a block of settings",
    };

    private static string Written(int number) => number.ToString(CultureInfo.InvariantCulture);

    private void Record(string key, SettingForm form) => Record(new(Path, key, form));

    private void Record(SettingRead read) => _recorder?.Reads.Add(read);

    private string? Scalar(string key) => Find(key) switch
    {
        null => null,
        ConfigScalar { Text: { } text } => text,
        _ => Wrong<string?>(key, "a text", null),
    };

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
}
