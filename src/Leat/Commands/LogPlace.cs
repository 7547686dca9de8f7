using System.CommandLine;
using Leat.Changes;
using Leat.Log.Posix;
using Leat.Log.Tools;
using Leat.Pipeline.Definitions;

namespace Leat.Commands;

/// <summary>The options with which every <c>leat log</c> command is told which log is meant.</summary>
internal sealed class LogPlace
{
    private const string DefaultFile = "leat.yaml";

    private readonly Option<string?> _log = new("--log") { Description = "The log's folder.", HelpName = "FOLDER" };

    private readonly Option<string?> _file = new("--file")
    {
        Description = $"The configuration file that names the log's folder. Without --log and --file it is {DefaultFile}.", HelpName = "FILE",
    };

    /// <summary>Adds the options to a command.</summary>
    public LogPlace(Command command)
    {
        command.Options.Add(_log);
        command.Options.Add(_file);
    }

    /// <summary>The folder, and what the configuration says when it was named by it; null when that has errors, which have been told.</summary>
    /// <exception cref="LeatException">Both options, or none and no file where one is looked for.</exception>
    public (string Folder, LeatFile? File)? Find(CommandContext context)
    {
        var (log, path) = (context.Parse.GetValue(_log), context.Parse.GetValue(_file));
        if (log is not null)
            return path is null ? (log, null) : throw ProgramErrors.LogNamedTwice();
        if (path is null && !File.Exists(DefaultFile))
            throw ProgramErrors.LogNotNamed(DefaultFile);
        return ConfigurationFile.ReadAndTell(context, path ?? DefaultFile) is { } file ? (file.Log.Folder, file) : null;
    }

    /// <summary>Runs a command on a view of the log.</summary>
    public async Task<int> ViewAsync(CommandContext context, Func<LogView, LeatFile?, Task<int>> action)
    {
        if (Find(context) is not { } place)
            return ExitCodes.Usage;
        using var view = LogView.Open(place.Folder, new PosixDisk());
        return await action(view, place.File);
    }

    /// <summary>The STREAM argument.</summary>
    public static Argument<string> StreamArgument() => new("stream") { Description = "Name of the stream; 'leat log streams' lists them." };
}
