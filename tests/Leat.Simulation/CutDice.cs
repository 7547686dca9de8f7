namespace Leat.Simulation;

/// <summary>What a power cut makes of one sector that was written and not synced.</summary>
internal enum SectorFate
{
    /// <summary>It holds what it held at the last sync.</summary>
    Dropped,

    /// <summary>It was written; when it lies beyond the durable size, the size stays.</summary>
    Kept,

    /// <summary>It was written, and the file reaches at least as far.</summary>
    KeptAndReached,

    /// <summary>It holds zeros.</summary>
    Zeroed,

    /// <summary>It holds anything.</summary>
    Garbage,
}

/// <summary>Decides what survives a power cut.</summary>
internal abstract class CutDice
{
    /// <summary>Whether one unsynced change of a name survives.</summary>
    public abstract bool KeepsName();

    /// <summary>How many of the unsynced changes of names survive where they reach the disk in order.</summary>
    public abstract int NamesInOrder(int changes);

    /// <summary>Which size the file has, of those that it had since its last sync.</summary>
    public abstract int Size(int durable, int cached);

    /// <summary>What becomes of a sector.</summary>
    /// <param name="everDurable">A sync covered the sector before: it is never spoiled, it holds its old or its new content.</param>
    public abstract SectorFate Fate(bool everDurable);
}

/// <summary>Chance decides.</summary>
internal sealed class RandomCut(SimRandom random, bool spoils) : CutDice
{
    public override bool KeepsName() => random.Chance(50);

    public override int NamesInOrder(int changes) => random.Below(changes + 1);

    public override int Size(int durable, int cached) => random.Below(10) switch
    {
        < 4 => durable,
        < 7 => cached,
        _ => random.Between(Math.Min(durable, cached), Math.Max(durable, cached)),
    };

    public override SectorFate Fate(bool everDurable) => random.Below(8) switch
    {
        < 2 => SectorFate.Kept,
        < 4 => SectorFate.KeptAndReached,
        4 when spoils && !everDurable => SectorFate.Zeroed,
        5 when spoils && !everDurable => SectorFate.Garbage,
        _ => SectorFate.Dropped,
    };
}

/// <summary>One bit of a number decides each question: all numbers together are all that can happen.</summary>
/// <param name="bits">The answers, from the lowest bit on.</param>
/// <param name="spoils">A sector that was never durable and does not survive holds garbage.</param>
internal sealed class ExactCut(ulong bits, bool spoils) : CutDice
{
    private int _asked;

    public override bool KeepsName() => Bit();

    public override int NamesInOrder(int changes)
    {
        var kept = 0;
        for (var i = 0; i < changes; i++)
            kept += Bit() ? 1 : 0;
        return kept;
    }

    public override int Size(int durable, int cached) => Bit() ? cached : durable;

    public override SectorFate Fate(bool everDurable) =>
        Bit() ? SectorFate.Kept : spoils && !everDurable ? SectorFate.Garbage : SectorFate.Dropped;

    private bool Bit() => ((bits >> Math.Min(63, _asked++)) & 1) != 0;
}
