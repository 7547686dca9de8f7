using System.Numerics;

namespace Leat.Simulation;

/// <summary>A set of sector numbers as bits: cheap to add to, to walk in order and to copy.</summary>
internal sealed class SectorSet
{
    private ulong[] _words = new ulong[2];

    public SectorSet Clone() => new() { _words = [.. _words] };

    public bool Contains(int sector) => sector / 64 < _words.Length && (_words[sector / 64] & (1ul << (sector % 64))) != 0;

    /// <summary>Adds the sectors from the first to the last, both included.</summary>
    public void AddRange(int first, int last)
    {
        if (last / 64 >= _words.Length)
            Array.Resize(ref _words, Math.Max(_words.Length * 2, (last / 64) + 1));
        for (var sector = first; sector <= last;)
        {
            if (sector % 64 == 0 && last - sector >= 63)
            {
                _words[sector / 64] = ulong.MaxValue;
                sector += 64;
            }
            else
            {
                _words[sector / 64] |= 1ul << (sector % 64);
                sector++;
            }
        }
    }

    /// <summary>Removes every sector from <paramref name="first"/> on.</summary>
    public void RemoveFrom(int first)
    {
        var word = first / 64;
        if (word >= _words.Length)
            return;
        _words[word] &= (1ul << (first % 64)) - 1;
        Array.Clear(_words, word + 1, _words.Length - word - 1);
    }

    public void Clear() => Array.Clear(_words);

    public int Count()
    {
        var count = 0;
        foreach (var word in _words)
            count += BitOperations.PopCount(word);
        return count;
    }

    /// <summary>The first sector of the set that is not below <paramref name="from"/>, or -1.</summary>
    public int Next(int from)
    {
        for (var word = from / 64; word < _words.Length; word++)
        {
            var bits = _words[word];
            if (word == from / 64)
                bits &= ulong.MaxValue << (from % 64);
            if (bits != 0)
                return (word * 64) + BitOperations.TrailingZeroCount(bits);
        }

        return -1;
    }
}
