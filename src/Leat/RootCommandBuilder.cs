using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using Leat.Commands;
using Leat.Output;

namespace Leat;

/// <summary>The command tree. Each command is made by one file of <c>Commands/</c>.</summary>
public static class RootCommandBuilder
{
    // In the order of the help: from looking, over running, to asking.
    private static readonly Func<Terminal, Command>[] Commands =
    [
        NewCommand.Create,
        CheckCommand.Create,
        TestCommand.Create,
        PreviewCommand.Create,
        PlanCommand.Create,
        RunCommand.Create,
        StatusCommand.Create,
        CompareCommand.Create,
        CaptureCommand.Create,
        SnapshotCommand.Create,
        RedeliverCommand.Create,
        RebuildCommand.Create,
        DlqCommand.Create,
        DecodeCommand.Create,
        LogCommand.Create,
        ExplainCommand.Create,
        DemoCommand.Create,
        SchemaCommand.Create,
        CompletionCommand.Create,
        VersionCommand.Create,
    ];

    /// <summary>A new tree that reads and writes at <paramref name="terminal"/>.</summary>
    public static Command Build(Terminal terminal)
    {
        var root = new RootCommand("Captures the changes of MySQL and MariaDB databases in a durable log, shapes them, and delivers them to Elasticsearch, Redis, SQL databases and files.");
        root.Options.Clear();
        root.Options.Add(new HelpOption("--help", "-h") { Description = "Show this help.", Recursive = true, Action = new HelpAction(terminal) });
        root.Options.Add(new VersionOption("--version") { Description = "Show the version.", Action = new VersionAction(terminal) });
        foreach (var option in GlobalOptions.Create())
            root.Options.Add(option);
        foreach (var create in Commands)
            root.Subcommands.Add(create(terminal));
        root.SetAction(_ => HelpWriter.Write(terminal, root));
        return root;
    }

    /// <summary>The options that a command takes: its own and those of every command.</summary>
    public static IEnumerable<Option> OptionsOf(Command command) =>
        command.Options.Concat(command.Parents.OfType<Command>().SelectMany(OptionsOf).Where(option => option.Recursive));

    private sealed class HelpAction(Terminal terminal) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            HelpWriter.Write(terminal, parseResult.CommandResult.Command);
            return ExitCodes.Done;
        }
    }

    private sealed class VersionAction(Terminal terminal) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            VersionCommand.Write(terminal, json: false);
            return ExitCodes.Done;
        }
    }
}
