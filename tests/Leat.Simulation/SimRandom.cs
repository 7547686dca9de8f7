using System.Buffers.Binary;

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

    /// <summary>Goes on as a generator of another seed.</summary>
    public void Reseed(ulong seed) => _state = seed;

    /// <summary>From 0 to below <paramref name="below"/>.</summary>
    public int Below(int below) => (int)(Next() % (ulong)below);

    /// <summary>From <paramref name="low"/> to <paramref name="high"/>, both included.</summary>
    public int Between(int low, int high) => low + Below(high - low + 1);

    public bool Chance(int percent) => Below(100) < percent;

    public T Pick<T>(params ReadOnlySpan<T> choices) => choices[Below(choices.Length)];

    public void Fill(Span<byte> bytes)
    {
        for (; bytes.Length >= 8; bytes = bytes[8..])
            BinaryPrimitives.WriteUInt64LittleEndian(bytes, Next());
        if (bytes.IsEmpty)
            return;
        var rest = Next();
        foreach (ref var value in bytes)
        {
            value = (byte)rest;
            rest >>= 8;
        }
    }
}
