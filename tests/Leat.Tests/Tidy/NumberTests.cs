using System.Globalization;
using System.Text.RegularExpressions;
using Xunit;

namespace Leat.Tests.Tidy;

/// <summary>Error codes and log-event ids: each given once, in its room's range, and each error with a page.</summary>
public sealed partial class NumberTests
{
    // Ranges of error codes and, in the same room, of log events. A room may have several.
    private static readonly (string Folder, int From, int To)[] Ranges =
    [
        ("src/Leat.Changes/", 1000, 1099),
        ("src/Leat.Pipeline/Definitions/", 1100, 1199),
        ("src/Leat.Transform/", 1200, 1299),
        ("src/Leat.Log/", 2000, 2099),
        ("src/Leat.Pipeline/", 3000, 3099),
        ("src/Leat.Pipeline/Shaping/", 5100, 5109),
        ("src/Leat.Connectors/MySql/", 4000, 4199),
        ("src/Leat.Connectors/Redis/", 4200, 4299),
        ("src/Leat.Connectors/JsonLines/", 4300, 4399),
        ("src/Leat.Connectors/Simulator/", 4400, 4499),
        ("src/Leat.Connectors/Elasticsearch/", 4500, 4599),
        ("src/Leat.Connectors/PostgreSql/", 4600, 4699),
        ("src/Leat.Server/", 5010, 5019),
        ("src/Leat/", 5000, 5199),
    ];

    // Codes of several factories, each with the reason why an operator reads one page for all of them.
    private static readonly Dictionary<int, string> Shared = new()
    {
        [4005] = "a connection that broke and a statement that was killed: wait, then look at the server's log",
    };

    [Fact]
    public void Every_error_code_is_given_once_and_in_its_range()
    {
        var codes = Codes().ToArray();
        var byFactories = codes.Where(code => ErrorsFile().IsMatch(code.File)).GroupBy(code => code.Number);

        Assert.NotEmpty(codes);
        Source.None(byFactories.Where(group => group.Count() > 1 && !Shared.ContainsKey(group.Key)).Select(Describe));
        Source.None(codes.Where(code => !InRange(code.File, code.Number)).Select(code => $"{code.Number} in {code.File}"));
    }

    [Fact]
    public void Every_error_code_has_a_page_and_every_page_a_code()
    {
        var codes = Codes().Select(code => code.Number).ToHashSet();
        var pages = Source.Files("docs/errors", ".md").Select(Path.GetFileNameWithoutExtension).Where(name => name != "README")
            .Select(name => int.Parse((name ?? "")["LEAT-".Length..], CultureInfo.InvariantCulture)).ToHashSet();

        Source.None(codes.Except(pages).Order().Select(code => $"LEAT-{code} has no page"));
        Source.None(pages.Except(codes).Order().Select(code => $"the page LEAT-{code} explains nothing"));
    }

    [Fact]
    public void Every_page_begins_with_its_code_and_name_and_is_short()
    {
        var wrong = from file in Source.Files("docs/errors", ".md")
                    let lines = Source.Read(file).TrimEnd().Split('\n')
                    where !lines[0].StartsWith($"# {Path.GetFileNameWithoutExtension(file)}: ", StringComparison.Ordinal) || lines.Length is < 4 or > 40
                    select $"{file}: '{lines[0]}', {lines.Length} lines";

        Source.None(wrong);
    }

    [Fact]
    public void Every_log_event_id_is_given_once_and_in_its_range()
    {
        var events = (from file in Source.Files("src", ".cs")
                      from Match use in Event().Matches(Source.Read(file))
                      select (Number: int.Parse(use.Groups["id"].Value, CultureInfo.InvariantCulture), File: file)).ToArray();

        Assert.NotEmpty(events);
        Source.None(events.GroupBy(item => item.Number).Where(group => group.Count() > 1).Select(Describe));
        Source.None(events.Where(item => !InRange(item.File, item.Number)).Select(item => $"{item.Number} in {item.File}"));
    }

    [Fact]
    public void Log_messages_live_in_one_file_a_folder()
    {
        var strays = from file in Source.Files("src", ".cs")
                     where !LogFile().IsMatch(file) && Event().IsMatch(Source.Read(file))
                     select file;

        Source.None(strays);
    }

    [Fact]
    public void Nothing_is_logged_but_through_generated_messages()
    {
        var strays = from file in Source.Files("src", ".cs")
                     let text = Source.Read(file)
                     from Match use in HandWrittenLog().Matches(text)
                     select $"{file}:{Source.LineOf(text, use.Index)}: {use.Value}";

        Source.None(strays);
    }

    // A code is a four-digit number that opens an error: in an *Errors.cs the first argument of a call, elsewhere (findings of a check) of
    // an ErrorCode that a message follows.
    private static IEnumerable<(int Number, string File)> Codes() =>
        from file in Source.Files("src", ".cs")
        let pattern = ErrorsFile().IsMatch(file) ? Code() : FindingCode()
        from Match use in pattern.Matches(Source.Read(file))
        select (int.Parse(use.Groups["code"].Value, CultureInfo.InvariantCulture), file);

    private static bool InRange(string file, int number)
    {
        var longest = Ranges.Where(range => file.StartsWith(range.Folder, StringComparison.Ordinal)).MaxBy(range => range.Folder.Length);
        return number >= longest.From && number <= longest.To;
    }

    private static string Describe(IGrouping<int, (int Number, string File)> group) =>
        $"{group.Key} in {string.Join(" and ", group.Select(item => item.File))}";

    [GeneratedRegex(@"(?:\(\s*|Code\s*=\s*)(?<code>[1-5]\d{3})\s*[,)](?!\d)")]
    private static partial Regex Code();

    [GeneratedRegex(@"new\((?<code>[1-5]\d{3})\),\s*\$?""")]
    private static partial Regex FindingCode();

    [GeneratedRegex(@"Log(\.\w+)?\.cs$")]
    private static partial Regex LogFile();

    [GeneratedRegex(@"Errors(\.\w+)?\.cs$")]
    private static partial Regex ErrorsFile();

    [GeneratedRegex(@"\[LoggerMessage\(\s*(?:EventId\s*=\s*)?(?<id>\d+)")]
    private static partial Regex Event();

    [GeneratedRegex(@"\.Log(Trace|Debug|Information|Warning|Error|Critical)\(")]
    private static partial Regex HandWrittenLog();
}
