using Microsoft.Win32.SafeHandles;

namespace Leat.Connectors.JsonLines;

/// <summary>Finds how much of a file of lines lies before a checkpoint, reading from its end.</summary>
internal static class JsonLinesTail
{
    private const int BlockBytes = 64 * 1024;

    /// <summary>What to keep.</summary>
    /// <param name="KeepBytes">The whole lines with an offset below the checkpoint.</param>
    /// <param name="IsForeign">Whole lines are there, and none of them is Leat's: keep everything, touch nothing.</param>
    public readonly record struct Finding(long KeepBytes, bool IsForeign);

    /// <summary>Looks for the last line whose offset is below <paramref name="checkpoint"/>.</summary>
    /// <remarks>Offsets never fall from line to line. What stands after that line and is no line of ours was torn by a power cut.</remarks>
    public static Finding Find(SafeFileHandle file, long checkpoint)
    {
        var end = LastLineEnd(file, RandomAccess.GetLength(file));
        var (sawAny, sawOurs) = (end > 0, false);
        Span<byte> front = stackalloc byte[JsonLine.OffsetBytes];
        while (end > 0)
        {
            var start = LastLineEnd(file, end - 1);
            var read = RandomAccess.Read(file, front[..(int)Math.Min(front.Length, end - start)], start);
            if (JsonLine.TryReadOffset(front[..read], out var offset))
            {
                sawOurs = true;
                if (offset < checkpoint)
                    break;
            }

            end = start;
        }

        return new(end, sawAny && !sawOurs);
    }

    // The place after the last '\n' that lies before the given place; 0 when there is none.
    private static long LastLineEnd(SafeFileHandle file, long before)
    {
        Span<byte> block = stackalloc byte[BlockBytes];
        while (before > 0)
        {
            var length = (int)Math.Min(BlockBytes, before);
            var start = before - length;
            var read = RandomAccess.Read(file, block[..length], start);
            var found = block[..read].LastIndexOf((byte)'\n');
            if (found >= 0)
                return start + found + 1;
            before = start;
        }

        return 0;
    }
}
