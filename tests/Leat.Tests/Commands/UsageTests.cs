using System.CommandLine;
using System.Text.Json;
using Leat.Output;
using Xunit;

namespace Leat.Tests.Commands;

/// <summary>Help, and what a wrong command line is told.</summary>
public sealed class UsageTests
{
    public static TheoryData<string> Commands => [.. Tree().Subcommands.SelectMany(PathsOf)];

    [Theory]
    [InlineData("chek", "'chek' is not a command of 'leat'. Did you mean 'check'?", "Run 'leat --help' for the commands.")]
    [InlineData("frobnicate", "'frobnicate' is not a command of 'leat'.", "Run 'leat --help' for the commands.")]
    [InlineData("check", "'leat check' needs FILE.", "Run 'leat check --help' for what it takes.")]
    [InlineData("check a.yaml --ofline", "'--ofline' is not an option of 'leat check'. Did you mean '--offline'?", "Run 'leat check --help' for what it takes.")]
    [InlineData("check a.yaml b.yaml", "'leat check' has no place for 'b.yaml'.", "Run 'leat check --help' for what it takes.")]
    [InlineData("capture a.yaml --from", "--from needs a value.", "Run 'leat capture --help' for what it takes.")]
    [InlineData("status --server nowhere", "--server: expected an address such as http://127.0.0.1:5328, got 'nowhere'.", "Run 'leat status --help' for what it takes.")]
    [InlineData("version --color pink", "--color: expected one of auto, always, never, got 'pink'.", "Run 'leat version --help' for what it takes.")]
    [InlineData("version --log-level loud", "--log-level: expected one of trace, debug, information, warning, error, got 'loud'.", "Run 'leat version --help' for what it takes.")]
    [InlineData("completion ksh", "'ksh' is not a shell that Leat knows: expected bash, zsh or fish.", "Run 'leat completion --help' for what it takes.")]
    public async Task A_wrong_command_line_is_two_lines_and_exit_code_2(string line, string what, string remedy)
    {
        var run = await Cli.RunAsync(line.Split(' '));

        Assert.Equal(new Cli(2, "", $"error: {what}\n{remedy}\n"), run);
    }

    [Theory]
    [InlineData("snapshot start a.yaml shop")]
    [InlineData("snapshot start a.yaml shop --all --tables shop.orders")]
    public async Task What_to_read_again_is_either_named_or_all(string line)
    {
        var run = await Cli.RunAsync(line.Split(' '));

        Assert.Equal(new Cli(2, "", "error: Either --tables or --all says what to read. [LEAT-5001]\n  Write for example --tables shop.orders.\n"), run);
    }

    [Fact]
    public async Task With_json_a_wrong_command_line_is_an_envelope()
    {
        var run = await Cli.RunAsync("check", "--json");

        Assert.Equal(2, run.ExitCode);
        Assert.Equal("", run.Error);
        Assert.Equal(
            """
            {
              "command": "check",
              "ok": false,
              "summary": "'leat check' needs FILE.",
              "result": null,
              "error": {
                "code": "LEAT-5001",
                "message": "'leat check' needs FILE.",
                "remedy": "Run 'leat check --help' for what it takes."
              },
              "findings": []
            }

            """, run.Out);
    }

    [Fact]
    public async Task Without_a_command_the_help_is_shown()
    {
        var run = await Cli.RunAsync();
        var help = await Cli.RunAsync("--help");

        Assert.Equal(0, run.ExitCode);
        Assert.Equal(help.Out, run.Out);
        Assert.All(Tree().Subcommands, command => Assert.Contains($"\n  {command.Name} ", run.Out, StringComparison.Ordinal));
        Assert.Contains("Exit codes: 0 done, 1 failed, 2 wrong usage or configuration", run.Out, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public async Task Help_has_a_sentence_examples_and_every_option_explained(string name)
    {
        var command = CommandOf(name);
        var run = await Cli.RunAsync([.. name.Split(' '), "--help"]);

        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.StartsWith($"{command.Description}\n\nUsage: leat {name}", run.Out, StringComparison.Ordinal);
        Assert.EndsWith(".", command.Description, StringComparison.Ordinal);
        var examples = Assert.IsType<LeatCommand>(command).Examples;
        Assert.InRange(examples.Count, 1, 5);
        Assert.All(examples, example => Assert.Contains(example.CommandLine, run.Out, StringComparison.Ordinal));
        Assert.All(command.Options, option => Assert.False(string.IsNullOrEmpty(option.Description), option.Name));
        Assert.All(command.Arguments, argument => Assert.False(string.IsNullOrEmpty(argument.Description), argument.Name));
        Assert.Contains("--json ", run.Out, StringComparison.Ordinal);
        Assert.All(run.Out.Split('\n'), line => Assert.InRange(line.Length, 0, 180));
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public void Help_for_a_terminal_of_80_columns_breaks_between_words(string name)
    {
        using var wide = new StringWriter();
        using var narrow = new StringWriter();

        HelpWriter.Write(wide, CommandOf(name), int.MaxValue);
        HelpWriter.Write(narrow, CommandOf(name), 80);

        Assert.Equal(WordsOf(wide), WordsOf(narrow));
        Assert.All(narrow.ToString().Split('\n').Where(line => !line.Contains("leat ", StringComparison.Ordinal)), line => Assert.InRange(line.Length, 0, 80));
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public void Examples_of_the_help_are_understood(string name)
    {
        var command = Assert.IsType<LeatCommand>(CommandOf(name));

        foreach (var example in command.Examples.Where(example => example.CommandLine.StartsWith("leat ", StringComparison.Ordinal)))
        {
            var line = example.CommandLine.Split(" | ")[0]["leat ".Length..];
            Assert.Null(UsageErrors.Find(Tree().Parse(line)));
        }
    }

    [Fact]
    public async Task The_version_is_shown_both_ways()
    {
        var text = await Cli.RunAsync("version");
        var flag = await Cli.RunAsync("--version");
        var json = await Cli.RunAsync("version", "--json");

        Assert.Matches(@"^leat \d+\.\d+\.\d+ \(\.NET .+, .+\)\n$", text.Out);
        Assert.Equal(text, flag);
        using var document = JsonDocument.Parse(json.Out);
        Assert.Equal(["version", "runtime", "platform"], document.RootElement.EnumerateObject().Select(property => property.Name));
    }

    [Theory]
    [InlineData("leat expl", "explain")]
    [InlineData("leat check a.yaml --off", "--offline")]
    [InlineData("leat version --color n", "never")]
    [InlineData("leat completion z", "zsh")]
    [InlineData("leat explain LEAT-100", "LEAT-1001\nLEAT-1002\nLEAT-1003\nLEAT-1004\nLEAT-1005")]
    public async Task Shells_are_told_what_may_follow(string line, string expected)
    {
        var run = await Cli.RunAsync($"[suggest:{line.Length}]", line);

        Assert.Equal(expected, run.Out.TrimEnd());
    }

    [Theory]
    [InlineData("bash", "complete -o filenames -F _leat_complete leat")]
    [InlineData("zsh", "compdef _leat leat")]
    [InlineData("fish", "complete -c leat -a '(__leat_complete)'")]
    public async Task Completion_prints_a_script_that_asks_the_program(string shell, string last)
    {
        var run = await Cli.RunAsync("completion", shell);

        Assert.Equal(0, run.ExitCode);
        Assert.EndsWith($"{last}\n", run.Out, StringComparison.Ordinal);
        Assert.Contains("[suggest:", run.Out, StringComparison.Ordinal);
    }

    private static IEnumerable<string> PathsOf(Command command) =>
        command.Subcommands.Select(sub => $"{command.Name} {sub.Name}").Prepend(command.Name);

    private static Command CommandOf(string path) =>
        path.Split(' ').Aggregate(Tree(), (command, name) => command.Subcommands.Single(sub => sub.Name == name));

    private static Command Tree() => RootCommandBuilder.Build(Cli.Terminal(TextWriter.Null, TextWriter.Null, isTerminal: false));

    private static string[] WordsOf(StringWriter written) => written.ToString().Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
}
