namespace Leat.Pipeline.Status;

/// <summary>How fast a count grows: over the last five seconds, or since the beginning when that is shorter.</summary>
internal sealed class RateMeter(TimeProvider time)
{
    // Eleven marks half a second apart span five seconds.
    private const int Marks = 11;

    /// <summary>Time between two calls of <see cref="Mark"/>.</summary>
    public static readonly TimeSpan MarkInterval = TimeSpan.FromMilliseconds(500);

    private readonly Lock _gate = new();
    private readonly Queue<(long Timestamp, long Count)> _marks = new(Marks + 1);

    /// <summary>Remembers the count of this moment.</summary>
    public void Mark(long count)
    {
        lock (_gate)
        {
            _marks.Enqueue((time.GetTimestamp(), count));
            if (_marks.Count > Marks)
                _marks.Dequeue();
        }
    }

    /// <summary>Growth a second up to now.</summary>
    public double PerSecond(long count)
    {
        lock (_gate)
        {
            if (!_marks.TryPeek(out var oldest))
                return 0;
            var seconds = time.GetElapsedTime(oldest.Timestamp).TotalSeconds;
            return seconds < 0.05 ? 0 : (count - oldest.Count) / seconds;
        }
    }
}
