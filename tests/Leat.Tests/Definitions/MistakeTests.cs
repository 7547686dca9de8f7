using System.Text;
using Leat.Pipeline.Definitions;
using Xunit;

namespace Leat.Tests.Definitions;

/// <summary>Every mistake of <c>mistakes.txt</c> is told with its place, what it is, and what to do.</summary>
public sealed class MistakeTests
{
    private static readonly string File = Repository.Path("tests/Leat.Tests/Definitions/mistakes.txt");

    public static TheoryData<string, string, string> Mistakes()
    {
        var data = new TheoryData<string, string, string>();
        foreach (var part in System.IO.File.ReadAllText(File).Split("=== ", StringSplitOptions.RemoveEmptyEntries))
        {
            var nameEnd = part.IndexOf('\n', StringComparison.Ordinal);
            var yamlEnd = part.LastIndexOf("---\n", StringComparison.Ordinal);
            data.Add(part[..nameEnd], part[(nameEnd + 1)..yamlEnd], part[(yamlEnd + "---\n".Length)..].TrimEnd());
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void Tells_place_mistake_and_remedy(string name, string yaml, string expected)
    {
        Assert.NotEmpty(name);
        var (file, problems) = LeatFileReader.Read("/etc/leat/leat.yaml", Encoding.UTF8.GetBytes(yaml), TestConnectors.Catalog, TestConnectors.Environment);

        var told = string.Join('\n', problems.Select(problem =>
            $"{problem.Location} {problem.Severity} {problem.Code}\n  {problem.Message}\n  {problem.Remedy}"));
        Assert.Equal(expected, told);
        Assert.DoesNotContain(TestConnectors.Canary, told, StringComparison.Ordinal);
        Assert.Equal(problems.Any(problem => problem.Severity == Leat.Changes.Severity.Error), file is null);
    }
}
