namespace Leat.Pipeline;

/// <summary>Waiting times between attempts: doubled each time up to a limit, and spread so that many who failed together do not return together.</summary>
/// <param name="seed">Any number; the same seed gives the same times.</param>
internal sealed class Backoff(ulong seed)
{
    /// <summary>The first wait: a broken connection is usually back by then.</summary>
    public static readonly TimeSpan First = TimeSpan.FromMilliseconds(100);

    /// <summary>The longest wait: a server that is back is noticed within half a minute.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    /// <summary>Time between probes of a condition that a person has to lift.</summary>
    public static readonly TimeSpan Probe = TimeSpan.FromSeconds(30);

    private ulong _state = seed;

    /// <summary>Attempts that failed since the last success.</summary>
    public int Attempts { get; private set; }

    /// <summary>Forgets the failures.</summary>
    public void Reset() => Attempts = 0;

    /// <summary>Counts a failure and tells how long to wait: between half and all of the doubled time.</summary>
    public TimeSpan Next()
    {
        var doubled = Math.Min(First.TotalMilliseconds * Math.Pow(2, Math.Min(Attempts, 20)), Longest.TotalMilliseconds);
        Attempts++;
        return TimeSpan.FromMilliseconds(doubled * (0.5 + (NextUnit() / 2)));
    }

    // SplitMix64 (Steele, Lea, Flood 2014), reduced to 53 bits.
    private double NextUnit()
    {
        _state += 0x9E3779B97F4A7C15;
        var z = _state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return ((z ^ (z >> 31)) >> 11) * (1.0 / (1UL << 53));
    }
}
