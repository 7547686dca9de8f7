using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using Xunit;

namespace Leat.IntegrationTests.EndToEnd;

/// <summary>What the documentation tells people to type works: every block marked <c>sh</c>, and the first configuration.</summary>
[Collection(EndToEndCollection.Name)]
public sealed partial class DocumentationTests(ITestOutputHelper output)
{
    /// <summary>Lines that are not run here, and why. A line is left out when, after variables set for it, it begins like one of these.</summary>
    private static readonly (string Beginning, string Reason)[] NotRun =
    [
        ("git clone ", "the repository is here already"),
        ("sudo ", "the machine belongs to somebody"),
        ("./test", "this runs inside ./test"),
        ("tests/kill9", "KillTests is the same thing"),
    ];

    // An open-ended demo is run for a moment instead.
    private static readonly (string Line, string Instead)[] Shortened =
    [
        ("./leat demo", "./leat demo --yes --duration 2s"),
        ("./leat demo --simulator", "./leat demo --simulator --duration 2s"),
    ];

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public static IEnumerable<TheoryDataRow<string, string>> Blocks()
    {
        foreach (var file in Directory.EnumerateFiles(Repository.Root, "*.md", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            var name = Path.GetRelativePath(Repository.Root, file);
            if (name.StartsWith("artifacts", StringComparison.Ordinal))
                continue;
            foreach (Match block in ShellBlock().Matches(File.ReadAllText(file)))
            {
                var lines = block.Groups["lines"].Value.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(RunHere).OfType<string>().ToArray();
                if (lines.Length > 0)
                    yield return new(name, string.Join('\n', lines));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Blocks))]
    public async Task A_shell_block_of_the_documentation_runs(string file, string script)
    {
        TestServers.Require();
        var (code, said) = await ShellAsync(script, Repository.Root);

        output.WriteLine($"{file}\n{script}\n{said}");
        Assert.True(code == 0, $"{file}:\n{script}\nended with {code}:\n{said}");
    }

    [Fact]
    public async Task The_first_configuration_of_the_README_is_right()
    {
        var folder = TestRunFolder.New();
        var yaml = YamlBlock().Match(await File.ReadAllTextAsync(Path.Combine(Repository.Root, "README.md"), Cancelled)).Groups["yaml"].Value;
        var file = Path.Combine(folder, "leat.yaml");
        await File.WriteAllTextAsync(file, yaml, Cancelled);

        var (code, table, said) = await LeatProcess.RunToEndAsync(
            new Dictionary<string, string> { ["MYSQL_PASSWORD"] = "canary" }, Cancelled, "check", file, "--offline");

        Assert.True(code == 0, table + said);
        Assert.DoesNotContain("canary", table + said, StringComparison.Ordinal);
    }

    [Fact]
    public void The_sample_that_the_demo_runs_is_the_one_in_the_repository()
    {
        foreach (var sample in (string[])["shop/leat.yaml", "shop/simulator.yaml", "orders-search/leat.yaml", "orders-search/elasticsearch.yaml"])
        {
            using var built = typeof(LeatProgram).Assembly.GetManifestResourceStream($"samples/{sample}");
            Assert.NotNull(built);
            using var reader = new StreamReader(built, Encoding.UTF8);
            Assert.Equal(File.ReadAllText(Path.Combine(Repository.Root, "samples", sample)), reader.ReadToEnd());
        }
    }

    private static string? RunHere(string line)
    {
        line = line.Trim();
        var command = Variables().Replace(line, "");
        if (line.StartsWith('#') || NotRun.Any(not => command.StartsWith(not.Beginning, StringComparison.Ordinal)))
            return null;
        return Shortened.Where(pair => pair.Line == line).Select(pair => pair.Instead).FirstOrDefault(line);
    }

    private static async Task<(int ExitCode, string Said)> ShellAsync(string script, string folder)
    {
        var start = new ProcessStartInfo("bash")
        {
            WorkingDirectory = folder, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
            UseShellExecute = false, ArgumentList = { "-euo", "pipefail", "-c", $"exec 2>&1\n{script}" },
        };
        using var process = Process.Start(start) ?? throw new InvalidOperationException("no process was started");
        process.StandardInput.Close();
        var said = await process.StandardOutput.ReadToEndAsync(Cancelled);
        await process.WaitForExitAsync(Cancelled);
        return (process.ExitCode, said);
    }

    [GeneratedRegex("^([A-Z_]+=[^ ]* +)+")]
    private static partial Regex Variables();

    [GeneratedRegex("^```sh\n(?<lines>.*?)^```$", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex ShellBlock();

    [GeneratedRegex("^```yaml\n(?<yaml>.*?)^```$", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex YamlBlock();
}
