using System.CommandLine;
using System.Text;
using System.Text.RegularExpressions;
using Leat.Pipeline.Definitions;
using Leat.Tests.Commands;
using Xunit;

namespace Leat.Tests.Tidy;

/// <summary>What documents and samples say is true of the program.</summary>
public sealed partial class DocumentTests
{
    // Whatever a sample refers to is set, and right for any setting.
    private static readonly ConfigEnvironment AnyValue = new(
        name => name.EndsWith("_PORT", StringComparison.Ordinal) ? "3306" : name switch { "LEAT_DEMO_REDIS" => "127.0.0.1:6379", "LEAT_DEMO_ELASTICSEARCH" => "http://127.0.0.1:9200", _ => "/tmp/leat" }, _ => "secret");

    public static TheoryData<string> Samples => [.. Source.Files("samples", ".yaml")];

    [Theory]
    [MemberData(nameof(Samples))]
    public void Samples_are_without_problems(string sample)
    {
        var (file, problems) = LeatFileReader.Read(Path.Combine(Source.Root, sample), ConnectorList.Catalog, AnyValue);

        Source.None(problems.Select(problem => $"{problem.Location} {problem.Message} {problem.Remedy}"));
        Assert.NotNull(file);
    }

    [Fact]
    public void Configurations_in_documents_are_without_problems()
    {
        var problems = from document in Source.Files("", ".md")
                       let text = Source.Read(document)
                       from Match block in YamlBlock().Matches(text)
                       let yaml = Completed(block.Groups["yaml"].Value)
                       where yaml.Length > 0
                       let read = LeatFileReader.Read(document, Encoding.UTF8.GetBytes(yaml), ConnectorList.Catalog, AnyValue)
                       from problem in read.Problems
                       where problem.Code?.Number != 1138 // a mode's own warning, which its description cannot be without
                       select $"{document}:{Source.LineOf(text, block.Index) + problem.Location?.Line}: {problem.Message} {problem.Remedy}";

        Source.None(problems);
    }

    [Fact]
    public void Every_command_and_option_stands_in_the_document_of_commands()
    {
        var document = Source.Read("docs/operating/cli.md") + Source.Read("docs/operating/demo.md");
        var root = RootCommandBuilder.Build(Cli.Terminal(TextWriter.Null, TextWriter.Null, isTerminal: false));

        var commands = root.Subcommands.SelectMany(command => command.Subcommands.Select(sub => (Path: $"leat {command.Name} {sub.Name}", Command: sub))
            .Prepend((Path: $"leat {command.Name}", Command: command))).ToArray();
        Source.None(commands.Select(command => command.Path).Where(text => !document.Contains(text, StringComparison.Ordinal)));
        Source.None(commands.SelectMany(command => command.Command.Options).Concat(root.Options.Where(option => option.Name != "--version"))
            .Select(option => option.Name).Distinct().Where(text => !document.Contains(text, StringComparison.Ordinal)));
    }

    [Fact]
    public void Links_between_documents_lead_somewhere()
    {
        var broken = from document in Source.Files("", ".md")
                     let text = Source.Read(document)
                     from Match link in Link().Matches(text)
                     let target = link.Groups["target"].Value.Split('#')[0]
                     where target.Length > 0 && !Path.Exists(Path.Combine(Source.Root, Path.GetDirectoryName(document) ?? "", target))
                     select $"{document}:{Source.LineOf(text, link.Index)}: {target}";

        Source.None(broken);
    }

    [Fact]
    public void Every_setting_that_a_connector_or_the_log_reads_stands_in_the_document_of_the_configuration()
    {
        var document = Source.Read("docs/operating/configuration.md");
        var missing = from file in Source.Files("src", ".cs")
                      where file.EndsWith("Options.cs", StringComparison.Ordinal) || file.EndsWith("Settings.cs", StringComparison.Ordinal)
                      from Match read in Setting().Matches(Source.Read(file))
                      let key = read.Groups["key"].Value
                      where !document.Contains($"`{key}`", StringComparison.Ordinal)
                      select $"{file}: {key}";

        Source.None(missing.Distinct());
    }

    // A document may show sources alone, or pipelines alone.
    private static string Completed(string yaml)
    {
        var hasSources = yaml.StartsWith("sources:", StringComparison.Ordinal) || yaml.Contains("\nsources:", StringComparison.Ordinal);
        var hasPipelines = yaml.StartsWith("pipelines:", StringComparison.Ordinal) || yaml.Contains("\npipelines:", StringComparison.Ordinal);
        return (hasSources, hasPipelines) switch
        {
            (true, true) => yaml,
            (true, false) => $"{yaml}\npipelines: {{ p: {{ from: shop, tables: {{ orders: shop.orders }}, sink: {{ jsonlines: {{ folder: out }} }} }} }}\n",
            (false, true) => $"{yaml}\nsources: {{ shop: {{ simulator: {{ seed: 1 }} }} }}\n",
            _ => "",
        };
    }

    [GeneratedRegex(@"^```yaml\n(?<yaml>.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex YamlBlock();

    [GeneratedRegex(@"(?<!!)\[[^\]\n]*\]\((?!https?:|mailto:)(?<target>[^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"\b(?:config|reader)\.(?:RequiredText|Text|Texts|Secret|Int|Bool|Choice|Duration|Size|Map)\(""(?<key>\w+)""")]
    private static partial Regex Setting();
}
