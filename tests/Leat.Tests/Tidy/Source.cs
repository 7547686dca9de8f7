using Xunit;

namespace Leat.Tests.Tidy;

/// <summary>The files of the repository, without what builds leave behind.</summary>
internal static class Source
{
    private static readonly string[] Skipped = [".git", "artifacts", "bin", "obj", "node_modules", ".vs", ".idea"];
    private static readonly string[] TextEndings = [".cs", ".csproj", ".props", ".slnx", ".md", ".yaml", ".yml", ".json", ".sh", ".txt", ".sql", ".py", ""];

    /// <summary>The repository's root.</summary>
    public static string Root { get; } = Repository.Root;

    /// <summary>Files below a folder (all when empty) with an ending such as <c>.cs</c>, as paths from the root.</summary>
    public static IEnumerable<string> Files(string folder, string ending) =>
        All(Path.Combine(Root, folder)).Where(file => file.EndsWith(ending, StringComparison.Ordinal));

    /// <summary>All files that hold text a person wrote, as paths from the root.</summary>
    public static IEnumerable<string> Texts() => All(Root).Where(file => TextEndings.Contains(Path.GetExtension(file)));

    /// <summary>All folders, as paths from the root.</summary>
    public static IEnumerable<string> Folders() => Walk(Root).Select(folder => Path.GetRelativePath(Root, folder));

    /// <summary>Content of a file.</summary>
    public static string Read(string file) => File.ReadAllText(Path.Combine(Root, file));

    /// <summary>Fails with the whole list when it is not empty.</summary>
    public static void None(IEnumerable<string?> strays)
    {
        var all = strays.ToArray();
        Assert.True(all.Length == 0, $"{all.Length} found:{string.Concat(all.Select(stray => $"{Environment.NewLine}  {stray}"))}");
    }

    /// <summary>Number of the line in which an index lies.</summary>
    public static int LineOf(string text, int index) => text.AsSpan(0, index).Count('\n') + 1;

    private static IEnumerable<string> All(string folder) =>
        Walk(folder).Prepend(folder).SelectMany(Directory.EnumerateFiles).Select(file => Path.GetRelativePath(Root, file)).Order(StringComparer.Ordinal);

    private static IEnumerable<string> Walk(string folder) =>
        Directory.EnumerateDirectories(folder).Where(inner => !Skipped.Contains(Path.GetFileName(inner))).SelectMany(inner => Walk(inner).Prepend(inner));
}
