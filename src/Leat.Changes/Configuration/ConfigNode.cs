namespace Leat.Changes.Configuration;

/// <summary>A value of the configuration file with the place where it stands. Immutable.</summary>
public abstract record ConfigNode(FileLocation Location);

/// <summary>Text, number, truth value or nothing, as written; secrets are already resolved.</summary>
/// <param name="Location">Where it stands.</param>
/// <param name="Text">The value; <see langword="null"/> for an empty or null one.</param>
/// <param name="IsSecret">Taken from <c>${env:…}</c> or <c>${file:…}</c>: never printed.</param>
public sealed record ConfigScalar(FileLocation Location, string? Text, bool IsSecret) : ConfigNode(Location)
{
    /// <summary>The text as it stands in the file, references not resolved: may be printed.</summary>
    public string? Written { get; init; } = Text;

    /// <summary>Whether it stands between quotes or in a block of text: <c>"1"</c> is a text, <c>1</c> a number.</summary>
    public bool IsQuoted { get; init; }
}

/// <summary>A list in order.</summary>
public sealed record ConfigList(FileLocation Location, IReadOnlyList<ConfigNode> Items) : ConfigNode(Location);

/// <summary>Keys in order, each with the place where the key stands.</summary>
public sealed record ConfigMap(FileLocation Location, IReadOnlyList<ConfigEntry> Entries) : ConfigNode(Location);

/// <summary>A key and its value.</summary>
public sealed record ConfigEntry(string Key, FileLocation KeyLocation, ConfigNode Value);
