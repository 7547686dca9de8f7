using System.Buffers;
using System.Collections.Immutable;
using Leat.Transform.State;

namespace Leat.Transform.Plan.Documents;

/// <summary>Rows of one table found by columns: through its key, or through an index.</summary>
/// <param name="Rows">The table.</param>
/// <param name="Index">Number of the index; -1: the columns are its key.</param>
internal readonly record struct Lookup(RowTable Rows, int Index)
{
    public int First(ReadOnlySpan<byte> key) => Index < 0 ? Rows.Find(key) : Rows.First(Index, key);

    public int Next(int slot) => Index < 0 ? -1 : Rows.Next(Index, slot);
}

/// <summary>A place of the plan where rows of one table are joined to rows of another. For one thread.</summary>
internal sealed class Join
{
    private readonly ArrayBufferWriter<byte> _key = new();
    private readonly ArrayBufferWriter<byte> _other = new();

    /// <summary>The table that is joined.</summary>
    public required Input From { get; init; }

    /// <summary>The table that it is joined to.</summary>
    public required Input To { get; init; }

    /// <summary>How rows of <see cref="To"/> are joined in turn; <see langword="null"/> when they are roots.</summary>
    public required Join? Above { get; init; }

    /// <summary>How rows of <see cref="From"/> are found, and by which columns of <see cref="To"/>.</summary>
    public required (Lookup Lookup, ImmutableArray<int> By) Down { get; init; }

    /// <summary>How rows of <see cref="To"/> are found, and by which columns of <see cref="From"/>.</summary>
    public required (Lookup Lookup, ImmutableArray<int> By) Up { get; init; }

    /// <summary>First of the rows that are joined to a row of <see cref="To"/>, or -1. <see cref="Lookup.Next"/> of <see cref="Down"/> goes on.</summary>
    public int First(ReadOnlySpan<byte> toRow) => JoinKey.Write(To.Held, Down.By, toRow, _key) ? Down.Lookup.First(_key.WrittenSpan) : -1;

    /// <summary>Whether two rows of <see cref="From"/> are joined to the same rows.</summary>
    public bool IsSame(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        JoinKey.Write(From.Held, Up.By, left, _key);
        JoinKey.Write(From.Held, Up.By, right, _other);
        return _key.WrittenSpan.SequenceEqual(_other.WrittenSpan);
    }

    /// <summary>Adds all roots in whose documents a row of <see cref="From"/> is; some of them maybe twice.</summary>
    public void AddRoots(ReadOnlySpan<byte> row, List<int> roots)
    {
        if (!JoinKey.Write(From.Held, Up.By, row, _key))
            return;
        for (var slot = Up.Lookup.First(_key.WrittenSpan); slot >= 0; slot = Up.Lookup.Next(slot))
        {
            if (Above is null)
                roots.Add(slot);
            else
                Above.AddRoots(To.Rows.Row(slot), roots);
        }
    }
}
