using System.Text.RegularExpressions;
using Xunit;

namespace Leat.Tests.Tidy;

/// <summary>What must not stand in any file, and which files and folders there are.</summary>
public sealed partial class WordTests
{
    private const int MostLines = 500;

    // Written in two halves, so that this file does not contain what it looks for.
    private static readonly string[] Banned = ["TO" + "DO", "FIX" + "ME", "HA" + "CK", "NotImplemented" + "Exception", "throw new " + "Exception("];

    private static readonly string[] RootFiles =
    [
        "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "STYLE.md", "CHANGELOG.md", "LICENSE", "leat", "test", "Leat.slnx",
        "Directory.Build.props", "Directory.Packages.props", "BannedSymbols.txt", "NuGet.config", ".editorconfig", ".gitignore", ".gitattributes", "global.json",
    ];

    private static readonly string[] RootFolders = ["src", "tests", "bench", "docs", "samples", "console", ".ci", ".git", "artifacts", ".vs", ".idea"];

    private static readonly string[] NamesThatSayNothing = ["Core", "Common", "Helpers", "Utils", "Infrastructure", "Abstractions", "Manager", "Misc", "Util", "Helper"];

    // Files over the limit, each with the reason why it is not cut.
    private static readonly Dictionary<string, string> LongFiles = new()
    {
        ["tests/Leat.Tests/Definitions/mistakes.txt"] = "a table of cases: one place to read what a mistake is told as",
    };

    [Fact]
    public void No_banned_word()
    {
        var found = from file in Source.Texts()
                    where !file.StartsWith("docs/decisions", StringComparison.Ordinal) && file is not ("STYLE.md" or "CONTRIBUTING.md")
                    let text = Source.Read(file)
                    from word in Banned
                    from Match match in Regex.Matches(text, $@"(?<!\w){Regex.Escape(word)}(?!\w)")
                    select $"{file}:{Source.LineOf(text, match.Index)}: {word}";

        Source.None(found);
    }

    [Fact]
    public void No_empty_catch()
    {
        var found = from file in Source.Files("", ".cs")
                    let text = Source.Read(file)
                    from Match match in EmptyCatch().Matches(text)
                    select $"{file}:{Source.LineOf(text, match.Index)}";

        Source.None(found);
    }

    [Fact]
    public void No_path_of_somebodys_machine()
    {
        var found = from file in Source.Texts()
                    let text = Source.Read(file)
                    from Match match in MachinePath().Matches(text)
                    select $"{file}:{Source.LineOf(text, match.Index)}: {match.Value}";

        Source.None(found);
    }

    [Fact]
    public void No_file_is_too_long_to_be_read_at_once()
    {
        var tooLong = from file in Source.Texts()
                      where !LongFiles.ContainsKey(file) && !file.EndsWith(".json", StringComparison.Ordinal)
                      let lines = Source.Read(file).AsSpan().Count('\n')
                      where lines > MostLines
                      select $"{file}: {lines} lines";

        Source.None(tooLong);
    }

    // In a working tree of its own, .git is a file.
    [Fact]
    public void The_root_holds_only_what_a_newcomer_looks_for()
    {
        Source.None(Directory.EnumerateFiles(Source.Root).Select(Path.GetFileName).Except(RootFiles).Where(file => file != ".git"));
        Source.None(Directory.EnumerateDirectories(Source.Root).Select(Path.GetFileName).Except(RootFolders));
    }

    [Fact]
    public void Folders_are_named_after_what_is_in_them() =>
        Assert.DoesNotContain(Source.Folders(), folder => NamesThatSayNothing.Contains(Path.GetFileName(folder)));

    [Fact]
    public void No_regions_and_no_switched_off_warnings_without_a_reason()
    {
        var found = from file in Source.Files("", ".cs")
                    let text = Source.Read(file)
                    from Match match in Directives().Matches(text)
                    select $"{file}:{Source.LineOf(text, match.Index)}: {match.Value.Trim()}";

        Source.None(found);
    }

    [GeneratedRegex(@"catch\s*(\([^{}]*\))?\s*(when\s*\([^{}]*\))?\s*\{\s*\}")]
    private static partial Regex EmptyCatch();

    [GeneratedRegex("(?<![\\w.$}])(/" + "home/|/" + "root/|/" + "work/|/" + "Users/)[\\w.]+|[A-Z]:\\\\\\\\?Users")]
    private static partial Regex MachinePath();

    [GeneratedRegex(@"^\s*#region.*$|^\s*#pragma warning disable [\w, ]*$", RegexOptions.Multiline)]
    private static partial Regex Directives();
}
