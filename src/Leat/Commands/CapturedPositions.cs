using Leat.Changes;
using Leat.Log;
using Leat.Log.Posix;
using Leat.Pipeline.Capture;
using Leat.Pipeline.Definitions;
using Microsoft.Extensions.Logging.Abstractions;

namespace Leat.Commands;

/// <summary>Where capture of each source stands: asked of the Leat that runs the file, or read from its log folder when none does.</summary>
/// <remarks>Only a source without a server of its own, the simulator, needs it to know what its tables hold.</remarks>
internal static class CapturedPositions
{
    private const int FolderInUse = 2001;

    /// <summary>The position of a source; <see langword="null"/> when nothing is captured yet.</summary>
    public static SourcePosition? Of(this IReadOnlyDictionary<string, SourcePosition> positions, string source) => positions.TryGetValue(source, out var position) ? position : null;

    /// <summary>The position of each source that has one.</summary>
    public static async Task<IReadOnlyDictionary<string, SourcePosition>> ReadAsync(CommandContext context, LeatFile file, Uri server)
    {
        if (!Directory.Exists(file.Log.Folder))
            return new Dictionary<string, SourcePosition>();

        try
        {
            return await FromFolderAsync(context, file);
        }
        catch (LogException error) when (error.Code == FolderInUse)
        {
            // A Leat runs: it holds the folder, and knows more than the folder would tell.
            var (_, status) = await StatusCommand.FetchAsync(server, context.Stopping);
            return status.Sources.Where(source => source.Position is not null)
                .ToDictionary(source => source.Name, source => new SourcePosition(source.Position ?? ""));
        }
    }

    // Opening and closing the log is no event here: nothing runs, the folder is only looked into.
    private static async Task<Dictionary<string, SourcePosition>> FromFolderAsync(CommandContext context, LeatFile file)
    {
        var positions = new Dictionary<string, SourcePosition>();
        using var directory = LogDirectory.Open(
            file.Log.Folder, new PosixDisk(), context.Terminal.Time, new ThreadScheduler(), NullLogger.Instance);
        foreach (var definition in file.Sources.Where(source => directory.Streams.Contains(source.Name)))
        {
            await using var source = definition.Open(new(definition.Name, context.Loggers, context.Terminal.Time));
            if (CaptureRunner.Open(definition.Name, source, directory, context.Terminal.Time, NullLoggerFactory.Instance).Position is { } position)
                positions[definition.Name] = position;
        }

        return positions;
    }
}
