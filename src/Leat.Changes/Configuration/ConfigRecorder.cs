namespace Leat.Changes.Configuration;

/// <summary>What a setting may be, by the question that its reader asks.</summary>
public enum SettingForm
{
    /// <summary>Looked at by its reader in a way of its own.</summary>
    Any,

    /// <summary>A text, number or truth value.</summary>
    Text,

    /// <summary>A text that should come from the environment or a file.</summary>
    Secret,

    /// <summary>A whole number from <see cref="SettingRead.Least"/> to <see cref="SettingRead.Most"/>.</summary>
    Number,

    /// <summary><c>true</c> or <c>false</c>.</summary>
    Bool,

    /// <summary>One of <see cref="SettingRead.Choices"/>.</summary>
    Choice,

    /// <summary>A time with its unit.</summary>
    Duration,

    /// <summary>A number of bytes with its unit.</summary>
    Size,

    /// <summary>A text, or a list of texts.</summary>
    Texts,

    /// <summary>A list of columns, each by its name or as a block with another name for it.</summary>
    Columns,

    /// <summary>A block of settings.</summary>
    Block,

    /// <summary>A list of blocks of settings, or one of them.</summary>
    Blocks,
}

/// <summary>A question that a reader asked.</summary>
/// <param name="Path">Where the block stands that was asked for it; empty for the file itself.</param>
/// <param name="Key">The key.</param>
/// <param name="Form">What was asked for.</param>
public sealed record SettingRead(string Path, string Key, SettingForm Form)
{
    /// <summary>Whether the reader insisted.</summary>
    public bool IsRequired { get; init; }

    /// <summary>What counts when it is absent, as it would be written; <see langword="null"/> when the reader did not say.</summary>
    public string? Default { get; init; }

    /// <summary>The smallest possible value, as it would be written.</summary>
    public string? Least { get; init; }

    /// <summary>The largest possible value, as it would be written.</summary>
    public string? Most { get; init; }

    /// <summary>The words that are possible.</summary>
    public IReadOnlyList<string> Choices { get; init; } = [];
}

/// <summary>Listens to what readers ask of a configuration, so that its description cannot differ from what is read.</summary>
public sealed class ConfigRecorder
{
    /// <summary>Every question in order, repeated ones, too.</summary>
    public List<SettingRead> Reads { get; } = [];

    /// <summary>The path of each block that got a reader, as often as it did.</summary>
    public List<string> Blocks { get; } = [];

    /// <summary>Paths of blocks whose keys are names that users choose.</summary>
    public HashSet<string> Named { get; } = [];
}
