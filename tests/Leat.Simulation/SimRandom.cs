namespace Leat.Simulation;

/// <summary>SplitMix64: our own, because the sequence is part of what a seed means, and System.Random's is no contract.</summary>
internal sealed class SimRandom(ulong seed)
{
    private ulong _state = seed;

    public ulong Next()
    {
        var z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>From 0 to below <paramref name="below"/>.</summary>
    public int Below(int below) => (int)(Next() % (ulong)below);

    public bool Chance(int percent) => Below(100) < percent;

    public void Fill(Span<byte> bytes)
    {
        foreach (ref var value in bytes)
            value = (byte)Next();
    }
}
