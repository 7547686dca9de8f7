using System.CommandLine;
using Leat.Log.Posix;
using Leat.Log.Tools;
using Leat.Output;

namespace Leat.Commands;

/// <summary><c>leat log restore DIR FOLDER</c>: makes a log of a backup.</summary>
internal static class LogRestoreCommand
{
    public static Command Create(Terminal terminal)
    {
        var command = new LeatCommand("restore", "Makes a log of a backup, after checking every byte of it. Streams get a higher epoch.")
        {
            Examples = [new("leat log restore /backups/monday leat-data", "into the folder that leat.yaml names")],
        };
        var backup = new Argument<string>("dir") { Description = "The backup's folder." };
        var folder = new Argument<string>("folder") { Description = "Folder for the log: absent or empty." };
        command.Arguments.Add(backup);
        command.Arguments.Add(folder);
        command.SetAction(terminal, context =>
        {
            BackupSummary summary;
            using (var progress = new LogProgressLine(context))
            {
                summary = new LogRestore(new PosixDisk(), progress)
                    .Run(context.Parse.GetRequiredValue(backup), context.Parse.GetRequiredValue(folder), context.Stopping);
            }

            LogBackupCommand.Tell(context, summary, "Restored log");
            return Task.FromResult(ExitCodes.Done);
        });
        return command;
    }
}
