namespace Leat.Log;

/// <summary>Reads the parts of a stream that may hold records of one key. Used by one thread at a time.</summary>
/// <remarks>
/// Closed segments whose filter says that the key is not in them are passed over unread; everything else comes as it is, so that the caller still
/// compares keys. No record of the key is ever missed.
/// </remarks>
public sealed class KeyReader : IDisposable
{
    private readonly StreamPartition _stream;
    private readonly ulong _hash;
    private readonly long _to;
    private LogReader _reader;
    private long _admittedTo;

    internal KeyReader(StreamPartition stream, ulong hash, long fromOffset, long toOffset)
    {
        _stream = stream;
        _hash = hash;
        _to = toOffset;
        _reader = stream.NewReader(fromOffset);
    }

    /// <summary>Where reading goes on.</summary>
    public long NextOffset => _reader.NextOffset;

    /// <summary>Closed segments that were passed over.</summary>
    public int SkippedSegments { get; private set; }

    /// <summary>Closed segments that were read, or are being read.</summary>
    public int ReadSegments { get; private set; }

    /// <summary>The next block that may hold records of the key; null when the end of the range or of what is readable is reached.</summary>
    /// <param name="maxBytes">As for <see cref="LogReader.Read"/>. The last block may go beyond the range.</param>
    /// <exception cref="LogException">The stream is damaged, or cannot be read.</exception>
    public LogBlock? Read(int maxBytes)
    {
        try
        {
            while (NextOffset < _to)
            {
                if (NextOffset < _admittedTo || Admit())
                    return _reader.Read(maxBytes);
            }
        }
        catch (DiskException error)
        {
            throw LogErrors.Unreadable(error);
        }

        return null;
    }

    /// <inheritdoc/>
    public void Dispose() => _reader.Dispose();

    // Asks the filter of the segment that comes next: true when it is to be read; otherwise the reader stands behind it.
    private bool Admit()
    {
        var (window, readable) = _stream.WindowOf(NextOffset);
        if (NextOffset >= readable || window.IsActive || window.EndOffset > readable)
        {
            _admittedTo = window.IsActive ? long.MaxValue : window.EndOffset;
            return true;
        }

        var rule = KeyFilter.RuleOf(_stream.Options.KeysOf);
        var filter = SideFiles.Read(_stream, window, SideFiles.KeysSuffix);
        if (filter is null || !KeyFilter.IsOf(filter, window, rule))
            filter = SideFiles.RebuildKeys(_stream, window);
        if (filter is null)
            return false; // deleted or replaced between the two looks
        if (KeyFilter.MayContain(filter, _hash))
        {
            _admittedTo = window.EndOffset;
            ReadSegments++;
            return true;
        }

        _stream.WindowOf(window.EndOffset - 1); // tells when a repair gave up what follows: that is not passed over
        SkippedSegments++;
        _reader.Dispose();
        _reader = new(_stream, window.EndOffset);
        return false;
    }
}
