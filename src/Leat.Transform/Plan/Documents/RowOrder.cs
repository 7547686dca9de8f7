using System.Collections.Immutable;
using Leat.Changes;
using Leat.Transform.State;

namespace Leat.Transform.Plan.Documents;

/// <summary>Orders rows of one table by some of their columns.</summary>
internal sealed class RowOrder(RowTable rows, ImmutableArray<(int Ordinal, bool Falling)> by) : IComparer<int>
{
    // Most collections are small, and small ones are sorted faster so.
    private const int FewRows = 16;

    /// <summary>Sorts slots.</summary>
    public void Sort(Span<int> slots)
    {
        if (slots.Length > FewRows)
        {
            slots.Sort(this);
            return;
        }

        for (var end = 1; end < slots.Length; end++)
        {
            var slot = slots[end];
            var at = end;
            for (; at > 0 && Compare(slots[at - 1], slot) > 0; at--)
                slots[at] = slots[at - 1];
            slots[at] = slot;
        }
    }

    /// <inheritdoc/>
    public int Compare(int x, int y) => Compare(x, y, by.Length);

    /// <summary>Compares by the first few columns only.</summary>
    public int Compare(int x, int y, int columns)
    {
        var left = new RowReader(rows.Schema, rows.Row(x));
        var right = new RowReader(rows.Schema, rows.Row(y));
        for (var i = 0; i < columns; i++)
        {
            var (ordinal, falling) = by[i];
            left.Seek(ordinal);
            right.Seek(ordinal);
            var order = ValueOrder.Compare(ref left, ref right);
            if (order != 0)
                return falling ? -order : order;
        }

        return 0;
    }
}
