using Leat.Changes.Configuration;

namespace Leat.Connectors.JsonLines;

/// <summary>Settings of a JSON lines sink.</summary>
public sealed record JsonLinesSinkOptions
{
    /// <summary>Folder of the files, as a full path; created when missing. A relative one is taken from the configuration file's folder. Required.</summary>
    public required string Folder { get; init; }

    /// <summary>Reads the block and notes its problems.</summary>
    public static JsonLinesSinkOptions Read(ConfigReader reader)
    {
        var folder = reader.RequiredText("folder", "out");
        if (reader.Has("folder") && folder.Length == 0)
            reader.Invalid("folder", "the path of a folder");
        reader.Done();
        var home = Path.GetDirectoryName(Path.GetFullPath(reader.Location.File)) ?? "/";
        return new() { Folder = Path.GetFullPath(folder, home) };
    }
}
