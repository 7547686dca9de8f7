namespace Leat.Log.Tools;

/// <summary>Something that is not as it must be in a log, as <see cref="LogVerifier"/> and the scrub find it.</summary>
/// <param name="Stream">The stream; null: the folder as a whole.</param>
/// <param name="Code">The error's number; <c>leat explain</c> has a page for it.</param>
/// <param name="What">What is wrong, where, and what it means; whole sentences.</param>
/// <param name="Remedy">What to do next.</param>
public sealed record LogFinding(string? Stream, int Code, string What, string Remedy)
{
    /// <summary>The finding that an error tells.</summary>
    public static LogFinding Of(string? stream, LogException error) => new(stream, error.Code, error.What, error.Remedy);
}

/// <summary>How far a tool is that reads a log.</summary>
/// <param name="Stream">The stream it reads now.</param>
/// <param name="DoneBytes">Bytes read so far, of all streams.</param>
/// <param name="TotalBytes">Bytes to read in all, as known at the start.</param>
public readonly record struct LogProgress(string Stream, long DoneBytes, long TotalBytes);
