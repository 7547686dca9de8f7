using System.Runtime.CompilerServices;

namespace Leat.Simulation.Fuzz;

/// <summary>An input took more steps than its size allows: as good as a hang, but the same on every machine.</summary>
public sealed class TooManyStepsException() : Exception("The input took more steps than its size allows.");

/// <summary>Which ways an execution took through instrumented code. <see cref="Instrumenter"/> writes the calls; one thread at a time.</summary>
/// <remarks>
/// A cell a pair of blocks that follow each other, as AFL counts edges: the block's number, xor the one before shifted by one.
/// Public because the instrumented assemblies call it from outside.
/// </remarks>
public static class Coverage
{
    /// <summary>Cells of the map; a power of two, several times the blocks of the largest assembly.</summary>
    public const int Cells = 1 << 18;

    /// <summary>Bits of a feature that say how often; those above say where.</summary>
    public const int BucketBits = 3;

    private static readonly byte[] Map = new byte[Cells];
    private static readonly int[] Touched = new int[Cells];
    private static readonly int[] Seen = new int[Cells];
    private static int _touched;
    private static int _previous;
    private static long _stepsLeft = long.MaxValue;

    /// <summary>Steps that are left of the last <see cref="Begin"/>.</summary>
    public static long StepsLeft => _stepsLeft;

    /// <summary>Clears the map and allows so many steps.</summary>
    public static void Begin(long steps)
    {
        foreach (var cell in Touched.AsSpan(0, _touched))
            Map[cell] = 0;
        (_touched, _previous, _stepsLeft) = (0, 0, steps);
    }

    /// <summary>Counts no further: what follows is not the execution's.</summary>
    public static void End() => _stepsLeft = long.MaxValue;

    /// <summary>Called at the start of every method.</summary>
    public static void Enter(int block)
    {
        // Recursion that follows the input becomes an exception that can be told, where a stack overflow ends the process.
        RuntimeHelpers.EnsureSufficientExecutionStack();
        Hit(block);
    }

    /// <summary>Called at the start of every other block.</summary>
    public static void Hit(int block)
    {
        if (--_stepsLeft < 0)
            throw new TooManyStepsException();
        var cell = (block ^ _previous) & (Cells - 1);
        ref var count = ref Map[cell];
        if (count == 0)
            Touched[_touched++] = cell;
        if (count != byte.MaxValue)
            count++;
        _previous = block >> 1;
    }

    /// <summary>What the execution did: a number for each cell it touched and how often, roughly (1, 2, 3, 4-7, 8-15, 16-31, 32-127, more).</summary>
    public static ReadOnlySpan<int> Features()
    {
        for (var i = 0; i < _touched; i++)
            Seen[i] = (Touched[i] << BucketBits) | Bucket(Map[Touched[i]]);
        return Seen.AsSpan(0, _touched);
    }

    private static int Bucket(byte count) => count switch
    {
        1 => 0, 2 => 1, 3 => 2, < 8 => 3, < 16 => 4, < 32 => 5, < 128 => 6, _ => 7,
    };
}
