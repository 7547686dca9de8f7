using System.CommandLine;

namespace Leat.Commands;

/// <summary><c>leat log …</c>: looks at the log, checks it, mends it, copies it.</summary>
internal static class LogCommand
{
    public static Command Create(Terminal terminal)
    {
        var command = new LeatCommand("log", "Looks at the log, also while Leat runs: streams, records, damage; repairs it, backs it up.")
        {
            Examples =
            [
                new("leat log streams", "the streams of the log that leat.yaml names"),
                new("leat log tail shop -f", "changes as they come"),
                new("leat log verify --log leat-data", "read everything; exit code 4 when something is damaged"),
                new("leat log backup /backups/monday", "a consistent copy of a running log"),
            ],
        };
        foreach (var create in (Func<Terminal, Command>[])
                 [
                     LogStreamsCommand.Create, LogDescribeCommand.Create, LogDumpCommand.Create, LogTailCommand.Create, LogVerifyCommand.Create,
                     LogRepairCommand.Create, LogBackupCommand.Create, LogRestoreCommand.Create,
                 ])
            command.Subcommands.Add(create(terminal));
        return command;
    }
}
