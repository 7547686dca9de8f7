using Leat.Changes;
using Leat.Log;
using Microsoft.Extensions.Logging;

namespace Leat.Pipeline.Capture;

/// <summary>Keeps one source running into its stream: resumes at the position in the stream's tail, and tries again for as long as it is wanted.</summary>
public sealed class CaptureRunner
{
    private readonly ISource _source;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly StreamWriter _writer;
    private readonly Backoff _backoff;
    private readonly Signal _wake = new();

    private CaptureRunner(string name, ISource source, StreamPartition stream, SchemaRegistry schemas, TimeProvider time, ILogger log, ParkedStream parked)
    {
        Name = name;
        Stream = stream;
        Schemas = schemas;
        Evidence = new(time);
        _source = source;
        _time = time;
        _log = log;
        _writer = new(stream, schemas, Evidence, time, parked);
        _backoff = new((ulong)time.GetTimestamp());
    }

    /// <summary>Name of the source and of its stream.</summary>
    public string Name { get; }

    /// <summary>The stream that is written.</summary>
    public StreamPartition Stream { get; }

    /// <summary>The shapes of the captured tables.</summary>
    public SchemaRegistry Schemas { get; }

    /// <summary>Row changes captured so far by this object.</summary>
    public long Changes => Evidence.Changes;

    /// <summary>The newest position that the source told, or that the stream's tail held.</summary>
    public SourcePosition? Position => _writer.Position;

    internal CaptureEvidence Evidence { get; }

    /// <summary>Opens the source's streams and finds the position to resume at.</summary>
    /// <param name="name">Name of the source.</param>
    /// <param name="source">Stays the caller's to dispose, after <see cref="RunAsync"/> has returned.</param>
    /// <param name="log">Where the streams <c>name</c> and <c>name.schemas</c> are.</param>
    /// <param name="time">The only clock.</param>
    /// <param name="loggers">Where it logs.</param>
    /// <param name="beginning">Where to begin while the stream holds no position; <see langword="null"/>: as the source is configured.</param>
    /// <param name="options">Settings of the stream <c>name</c>; <see langword="null"/>: the defaults.</param>
    /// <exception cref="LogException">A stream is damaged, or the log has failed.</exception>
    /// <exception cref="LeatException">The stream's tail holds no position, or the two streams do not belong together.</exception>
    public static CaptureRunner Open(
        string name, ISource source, LogDirectory log, TimeProvider time, ILoggerFactory loggers, SourcePosition? beginning = null, StreamOptions? options = null)
    {
        var schemas = SchemaRegistry.Open(name, log);
        var stream = log.OpenStream(name, (options ?? new()) with { KeysOf = new ChangeKeys(schemas.Find) });
        var runner = new CaptureRunner(name, source, stream, schemas, time, loggers.CreateLogger("Leat.Capture"), new(name, log));
        if (beginning is { } position)
            runner._writer.ResumeAt(System.Text.Encoding.UTF8.GetBytes(position.Text));
        runner.FindPosition();
        return runner;
    }

    /// <summary>Ends a wait after a failure, or the rest of a source that was done: something has changed that may let it go on. From any thread.</summary>
    public void Wake() => _wake.Set();

    /// <summary>Runs until stopped; with <paramref name="until"/>, until that position is passed and all before it is durable.</summary>
    /// <remarks>Returns when stopped. Failures of the source are tried again: passing ones with growing waits, the others each 30 s.</remarks>
    /// <exception cref="LogException">The log failed; nothing can be captured any more.</exception>
    public async Task RunAsync(SourcePosition? until, CancellationToken stopping)
    {
        try
        {
            while (!await TryRunAsync(until, stopping))
            {
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            _log.CaptureStopped(Name);
        }
        finally
        {
            _writer.Close();
            Evidence.Stop();
        }
    }

    private async Task<bool> TryRunAsync(SourcePosition? until, CancellationToken stopping)
    {
        var changesBefore = Evidence.Changes;
        var heardBefore = Evidence.HeardAt;
        LeatException failure;
        try
        {
            _log.CaptureStarts(Name, Position?.Text ?? "the beginning");
            await _source.RunAsync(new() { From = Position, Until = until }, _writer, stopping);
            await _writer.FlushAsync(stopping);
            if (until is not null)
            {
                await Stream.WaitSyncedAsync(Stream.EndOffset, stopping);
                return true;
            }

            if (_source.IsDone)
            {
                await RestAsync(stopping);
                return false;
            }

            failure = EngineErrors.SourceEnded(Name);
        }
        catch (Exception cause) when (cause is not (LogException or OperationCanceledException) || !IsFinal(cause, stopping))
        {
            // Everything that a source can throw ends here; what it did not name is a fault that is reported as such.
            failure = cause as LeatException ?? EngineErrors.SourceFault(Name, cause);
        }

        if (Evidence.Changes > changesBefore || Evidence.HeardAt > heardBefore)
            _backoff.Reset();
        await _writer.FlushAsync(stopping);
        var delay = _backoff.Next();
        if (failure is RetriableException)
        {
            _log.CaptureRetries(failure.Message, Name, _backoff.Attempts, (long)delay.TotalMilliseconds);
        }
        else
        {
            delay = Backoff.Probe;
            _log.CaptureBlocked(failure, Name, (long)delay.TotalSeconds);
        }

        Evidence.Failed(failure, _backoff.Attempts);
        await _wake.WaitAsync(delay, _time, stopping);
        return false;
    }

    // Told all that it was asked for: it is up to date, until somebody asks for more.
    private async Task RestAsync(CancellationToken stopping)
    {
        _log.CaptureDone(Name);
        Evidence.Heard(_time.GetTimestamp(), moreInput: false);
        Evidence.ToldAll();
        await _wake.WaitAsync(stopping);
    }

    private static bool IsFinal(Exception cause, CancellationToken stopping) =>
        cause is LogException || stopping.IsCancellationRequested;

    private void FindPosition()
    {
        using var last = Stream.ReadLastCommittedBatch();
        if (last is null)
            return;

        var records = last.Records();
        var found = false;
        while (records.MoveNext())
        {
            var value = last.Buffer.AsSpan(records.ValueStart, Math.Max(0, records.ValueLength));
            CheckShape(value);
            found = value.Length > 2 && value[0] == EncodedChange.Version && value[1] == (byte)ChangeKind.Position;
            if (!found)
                continue;
            _writer.ResumeAt(value[2..]);
            Evidence.Sealed(value[2..], Stream.SyncedOffset, Stream.SyncedOffset);
        }

        if (!found)
            throw EngineErrors.NoPosition(Name, Stream.EndOffset);
        _log.CaptureResumes(Name, Stream.EndOffset);
    }

    // A schema stream that is older than the stream would give its numbers a second time, to other shapes.
    private void CheckShape(ReadOnlySpan<byte> value)
    {
        if (value.Length < EncodedChange.HeaderBytes || value[0] != EncodedChange.Version || value[1] == (byte)ChangeKind.Position)
            return;
        var id = new EncodedChange(value).SchemaId;
        if (Schemas.Find(id) is null)
            throw EngineErrors.SchemasBehind(Name, id, Schemas.NewestId);
    }
}
