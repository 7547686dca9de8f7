namespace Leat.Log.Tools;

/// <summary>What verifying one stream came to.</summary>
/// <param name="Stream">Its name.</param>
/// <param name="Batches">Whole batches read.</param>
/// <param name="Records">Records in them, markers included.</param>
/// <param name="Bytes">Bytes read.</param>
/// <param name="Findings">What is not as it must be; empty when all is well.</param>
/// <param name="Notes">What is allowed and good to know.</param>
public sealed record StreamReport(
    string Stream, long Batches, long Records, long Bytes, IReadOnlyList<LogFinding> Findings, IReadOnlyList<string> Notes);

/// <summary>Reads everything in a log and tells what is not as it must be. Works beside a running process.</summary>
public sealed class LogVerifier(LogView view, IProgress<LogProgress> progress)
{
    private long _done;
    private long _total;

    /// <summary>Looks at the folder's own files.</summary>
    public IReadOnlyList<LogFinding> VerifyFolder()
    {
        var file = Path.Combine(view.Path, LogFolder.IdentityName);
        return view.Id is null && view.Streams.Count > 0 ? [LogFinding.Of(null, LogErrors.IdentityMissing(file))] : [];
    }

    /// <summary>The finding that a checkpoint stands beyond its stream's end.</summary>
    /// <param name="checkpoints">The stream that the checkpoint is in.</param>
    /// <param name="stream">The stream that it is of.</param>
    /// <param name="offset">What it says.</param>
    /// <param name="end">Where the stream ends.</param>
    public static LogFinding CheckpointBeyond(string checkpoints, string stream, long offset, long end) =>
        LogFinding.Of(checkpoints, LogErrors.CheckpointBeyond(checkpoints, stream, offset, end));

    /// <summary>Says what will be read, for the progress.</summary>
    public void Plan(IEnumerable<string> streams) => _total = streams.Sum(SizeOf);

    /// <summary>Reads a stream from end to end.</summary>
    /// <exception cref="LogException">Of a later version, or it cannot be read at all.</exception>
    public StreamReport Verify(string stream, CancellationToken cancellationToken)
    {
        StreamView facts;
        try
        {
            facts = view.Stream(stream);
        }
        catch (LogException error) when (error.Code == LogErrors.DamagedFileCode)
        {
            return new(stream, 0, 0, 0, [LogFinding.Of(stream, LogErrors.ManifestUnusable(stream, error))], []);
        }

        var check = new StreamCheck(view, facts, bytes =>
        {
            _done += bytes;
            progress.Report(new(stream, _done, Math.Max(_done, _total)));
        });
        return LogView.Guarded(() => check.Run(cancellationToken));
    }

    private long SizeOf(string stream)
    {
        try
        {
            return view.Stream(stream).SegmentBytes;
        }
        catch (LogException)
        {
            return 0; // told when the stream's turn comes
        }
    }
}
