using Microsoft.Extensions.Logging;

namespace Leat.Log.Tools;

/// <summary>How much the scrub may read.</summary>
public sealed record ScrubOptions
{
    /// <summary>Most bytes a second. Default 8 MiB: hardly noticed by any disk, and 600 GiB a day.</summary>
    public long BytesPerSecond { get; init; } = 8L * 1024 * 1024;

    /// <summary>Shortest time from the start of one pass over the log to the start of the next. Default one day.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromDays(1);
}

/// <summary>Reads the closed segments of a log again and again, slowly, so that a disk that forgets is noticed before anybody needs the record.</summary>
/// <remarks>
/// Needs no lock: a segment that was deleted, recycled or compacted while it was read is told from a damaged one by reading the manifest again.
/// What the system has in its cache is read from there; a day later that is rarely so. Run by one thread at a time; findings may be read by any.
/// </remarks>
public sealed class LogScrub : IDisposable
{
    // Small enough that a step is no longer than some milliseconds.
    private const long StepBytes = 1024 * 1024;

    private readonly LogFolder _folder;
    private readonly ScrubOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Queue<(string Stream, SealedSegment Segment, long EndOffset)> _left = new();
    private readonly List<LogFinding> _found = [];
    private Reading? _reading;
    private long _begunAt;
    private TimeSpan _pause;
    private bool _isRunning;
    private IReadOnlyList<LogFinding> _findings = [];

    /// <param name="path">The log's folder.</param>
    /// <param name="disk">The files.</param>
    /// <param name="time">The clock.</param>
    /// <param name="options">How much may be read.</param>
    /// <param name="log">Where findings are told.</param>
    public LogScrub(string path, IDisk disk, TimeProvider time, ScrubOptions options, ILogger log) =>
        (_folder, _time, _options, _log, _begunAt) = (new(disk, path), time, options, log, time.GetTimestamp());

    /// <summary>What the last complete pass and the present one have found. From any thread.</summary>
    public IReadOnlyList<LogFinding> Findings => Volatile.Read(ref _findings);

    /// <summary>Complete passes since the log was opened.</summary>
    public long Passes { get; private set; }

    /// <summary>Reads a little; returns how long to wait before the next call.</summary>
    public TimeSpan Step()
    {
        if (!_isRunning)
        {
            var rest = _pause - _time.GetElapsedTime(_begunAt);
            if (rest > TimeSpan.Zero)
                return rest;
            Begin();
        }

        var read = 0L;
        while (read < StepBytes && Next() is { } reading)
            read += Read(reading, StepBytes - read);
        if (_reading is null && _left.Count == 0)
            End();
        return TimeSpan.FromSeconds((double)read / _options.BytesPerSecond);
    }

    /// <summary>Lets the file go that it is reading.</summary>
    public void Dispose()
    {
        _reading?.Dispose();
        _reading = null;
    }

    private void Begin()
    {
        (_isRunning, _begunAt, _pause) = (true, _time.GetTimestamp(), _options.Interval);
        _found.Clear();
        foreach (var stream in Streams())
        {
            if (ManifestOf(stream) is not { } manifest)
                continue;
            for (var i = 0; i < manifest.Sealed.Count; i++)
                _left.Enqueue((stream, manifest.Sealed[i], StreamView.EndOf(manifest, i)));
        }
    }

    private void End()
    {
        _isRunning = false;
        Passes++;
        Volatile.Write(ref _findings, [.. _found]);
        _log.Scrubbed(_folder.Path, _found.Count);
    }

    // The segment that is being read, or the next that is still there.
    private Reading? Next()
    {
        while (_reading is null && _left.TryDequeue(out var next))
        {
            var (stream, segment, end) = next;
            if (ManifestOf(stream) is not { } manifest || !manifest.Sealed.Contains(segment))
                continue;
            var path = SegmentFiles.PathOf(_folder.PartitionOf(stream), manifest, segment.BaseOffset);
            try
            {
                var file = _folder.Disk.Open(path, DiskOpen.Read);
                _reading = new(stream, segment, path, end, file, new(file, segment.Bytes, new(manifest.IncarnationOf, segment.IsCompacted, end), segment.BaseOffset));
            }
            catch (DiskException error)
            {
                Found(stream, segment, LogErrors.SegmentLost(stream, path, segment.BaseOffset, end, $"cannot be opened: {error.Reason}"));
            }
        }

        return _reading;
    }

    private long Read(Reading reading, long most)
    {
        var read = 0L;
        while (read < most)
        {
            if (!MoveNext(reading))
            {
                reading.Dispose();
                _reading = null;
                break;
            }

            read += reading.Walk.Bytes;
            if (!reading.Walk.IsWhole)
                Damaged(reading);
        }

        return read;
    }

    private bool MoveNext(Reading reading)
    {
        try
        {
            return reading.Walk.MoveNext();
        }
        catch (DiskException error)
        {
            Found(reading.Stream, reading.Segment, LogErrors.Unreadable(error));
            return false;
        }
    }

    private void Damaged(Reading reading)
    {
        var walk = reading.Walk;
        var next = walk.NextOffset >= 0 ? walk.NextOffset : reading.EndOffset;
        Found(reading.Stream, reading.Segment, LogErrors.DamagedRange(
            reading.Stream, reading.Path, new(walk.Position, walk.Bytes, walk.FirstOffset, next, walk.Reason)));
    }

    private void Found(string stream, SealedSegment segment, LogException problem)
    {
        if (ManifestOf(stream)?.Sealed.Contains(segment) != true)
            return; // deleted or compacted meanwhile
        var finding = LogFinding.Of(stream, problem);
        _found.Add(finding);
        if (_findings.Contains(finding))
            return; // told by an earlier pass
        _log.ScrubFound(problem, stream);
        Volatile.Write(ref _findings, [.. _findings, finding]);
    }

    // A folder that cannot be listed is told by whoever opens a stream in it.
    private IReadOnlyList<string> Streams()
    {
        try
        {
            return _folder.Streams;
        }
        catch (DiskException)
        {
            return [];
        }
    }

    // A manifest that cannot be read is told by whoever opens the stream.
    private Manifest? ManifestOf(string stream)
    {
        try
        {
            return _folder.PartitionOf(stream).ReadManifest();
        }
        catch (Exception error) when (error is LogException or DiskException)
        {
            return null;
        }
    }

    private sealed record Reading(string Stream, SealedSegment Segment, string Path, long EndOffset, IDiskFile File, BatchWalk Walk) : IDisposable
    {
        public void Dispose()
        {
            Walk.Dispose();
            File.Dispose();
        }
    }
}
