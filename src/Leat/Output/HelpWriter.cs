using System.CommandLine;

namespace Leat.Output;

/// <summary>Prints the help of a command: one sentence, examples, then what it takes.</summary>
internal static class HelpWriter
{
    private const int MaxLeftColumn = 34;
    private const int MinRightColumn = 30;

    /// <summary>Prints it for a terminal's width; into files and pipes a line is as long as it is.</summary>
    public static void Write(Terminal terminal, Command command) => Write(terminal.Out, command, terminal.IsOutTerminal ? terminal.OutConsole().Profile.Width : int.MaxValue);

    /// <summary>Prints it, broken between words at <paramref name="width"/> letters.</summary>
    public static void Write(TextWriter writer, Command command, int width)
    {
        var path = PathOf(command);
        foreach (var line in Wrapped(command.Description ?? "", width))
            writer.WriteLine(line);
        writer.WriteLine();
        writer.WriteLine($"Usage: {path}{UsageOf(command)}");

        var examples = command is LeatCommand leat ? leat.Examples : command is RootCommand ? RootExamples : [];
        Section(writer, width, "Examples", examples.Select(example => (example.CommandLine, example.What)));
        Section(writer, width, "Commands", command.Subcommands.Where(sub => !sub.Hidden).Select(sub => (sub.Name, sub.Description ?? "")));
        Section(writer, width, "Arguments", command.Arguments.Select(argument => (argument.Name.ToUpperInvariant(), argument.Description ?? "")));
        var own = command.Options.Where(option => !option.Recursive || command is RootCommand).ToArray();
        Section(writer, width, "Options", own.Select(Row));
        if (command is not RootCommand)
            Section(writer, width, "Options of every command", RootCommandBuilder.OptionsOf(command).Where(option => option.Recursive).Select(Row));

        writer.WriteLine();
        if (command is RootCommand)
        {
            foreach (var line in ExitCodesTold.SelectMany(told => Wrapped(told, width)))
                writer.WriteLine(line);
        }
        else
        {
            writer.WriteLine("docs/operating/cli.md tells more; 'leat explain CODE' explains an error.");
        }
    }

    private static readonly string[] ExitCodesTold =
    [
        "Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 something needed cannot be had, 4 differences found,",
        "130 and 143 stopped by a second signal. 'leat COMMAND --help' tells more; 'leat explain CODE' explains an error.",
    ];

    private static IReadOnlyList<Example> RootExamples =>
    [
        new("leat check leat.yaml", "find every mistake in a configuration, then look at the servers"),
        new("leat run leat.yaml", "capture and deliver until stopped"),
        new("leat status", "ask a running Leat how it is"),
    ];

    private static (string Left, string Right) Row(Option option)
    {
        var names = string.Join(", ", option.Aliases.Order().Append(option.Name));
        var value = option.HelpName ?? (option.ValueType == typeof(bool) || option.ValueType == typeof(void) ? "" : "VALUE");
        var isFlag = option.ValueType == typeof(bool) || option is System.CommandLine.Help.HelpOption or VersionOption;
        var right = option.Description ?? "";
        if (!isFlag && option.HasDefaultValue && option.GetDefaultValue() is { } defaultValue)
            right += $" Default: {(defaultValue is Enum word ? word.ToString().ToLowerInvariant() : defaultValue)}.";
        return (isFlag ? names : $"{names} {value}", right);
    }

    private static string UsageOf(Command command)
    {
        var arguments = string.Concat(command.Arguments.Select(argument =>
            argument.Arity.MinimumNumberOfValues == 0 ? $" [{argument.Name.ToUpperInvariant()}]" : $" {argument.Name.ToUpperInvariant()}"));
        return (command.Subcommands.Count > 0 ? " COMMAND" : "") + arguments + " [OPTIONS]";
    }

    private static void Section(TextWriter writer, int width, string title, IEnumerable<(string Left, string Right)> rows)
    {
        var all = rows.ToArray();
        if (all.Length == 0)
            return;
        writer.WriteLine();
        writer.WriteLine($"{title}:");
        var leftWidth = all.Select(row => row.Left.Length).Where(length => length <= MaxLeftColumn).DefaultIfEmpty(0).Max();
        var indent = new string(' ', leftWidth + 4);
        foreach (var (left, right) in all)
        {
            var lines = Wrapped(right, Math.Max(MinRightColumn, width - indent.Length));
            if (left.Length > leftWidth)
                writer.WriteLine($"  {left}{Environment.NewLine}{indent}{lines[0]}");
            else
                writer.WriteLine($"  {left.PadRight(leftWidth)}  {lines[0]}");
            foreach (var line in lines.Skip(1))
                writer.WriteLine($"{indent}{line}");
        }
    }

    // At least one line; a word that is longer than a line stays whole.
    private static List<string> Wrapped(string text, int width)
    {
        var lines = new List<string>();
        while (text.Length > width)
        {
            var end = text.LastIndexOf(' ', width);
            if (end <= 0)
                end = text.IndexOf(' ', width);
            if (end <= 0)
                break;
            lines.Add(text[..end]);
            text = text[(end + 1)..];
        }

        lines.Add(text);
        return lines;
    }

    private static string PathOf(Command command) =>
        command is RootCommand ? "leat" : command.Parents.OfType<Command>().FirstOrDefault() is { } parent ? $"{PathOf(parent)} {command.Name}" : command.Name;
}
