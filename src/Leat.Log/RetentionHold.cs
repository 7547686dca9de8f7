namespace Leat.Log;

/// <summary>Somebody still needs a stream's records from an offset on: retention and compaction leave them alone. Disposing lets go.</summary>
/// <remarks>Kept in memory: whoever holds takes its hold again at every start, before retention runs for the first time.</remarks>
public sealed class RetentionHold : IDisposable
{
    private readonly Action<RetentionHold> _released;
    private long _offset;

    internal RetentionHold(string who, long offset, Action<RetentionHold> released)
    {
        Who = who;
        _offset = offset;
        _released = released;
    }

    /// <summary>Who holds, as a person should read it, e.g. <c>pipeline orders-cache</c>.</summary>
    public string Who { get; }

    /// <summary>Records from here on are kept. Set it to what is durably done with, never ahead of that; from any thread.</summary>
    public long Offset
    {
        get => Interlocked.Read(ref _offset);
        set => Interlocked.Exchange(ref _offset, value);
    }

    /// <summary>Needs nothing any more.</summary>
    public void Dispose() => _released(this);
}
