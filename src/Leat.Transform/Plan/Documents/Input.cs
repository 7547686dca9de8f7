using System.Collections.Immutable;
using Leat.Changes;
using Leat.Transform.State;

namespace Leat.Transform.Plan.Documents;

/// <summary>Marks on a held row. Values reach the state stream: never renumber.</summary>
[Flags]
internal enum RowMarks : byte
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>A root whose document was emitted, or is at the target already.</summary>
    Present = 1,

    /// <summary>Changed since it was saved.</summary>
    Dirty = 2,

    /// <summary>A root that the open transaction touched.</summary>
    Touched = 4,

    /// <summary>A root that waits to be emitted in the background.</summary>
    Waiting = 8,

    /// <summary>A root that the open transaction deleted: it stays until that is emitted.</summary>
    Gone = 16,
}

/// <summary>A table of the pipeline whose rows the plan holds: the columns that documents need of it.</summary>
internal sealed class Input
{
    /// <summary>Its place among the inputs; 0 is the root.</summary>
    public required int Ordinal { get; init; }

    /// <summary>What is taken of it.</summary>
    public required TableSelection Selection { get; init; }

    /// <summary>Shape of the rows held.</summary>
    public required TableSchema Held { get; init; }

    /// <summary>The rows.</summary>
    public required RowTable Rows { get; init; }

    /// <summary>Columns that it is looked up by, as ordinals into <see cref="Held"/>.</summary>
    public required ImmutableArray<ImmutableArray<int>> Indexes { get; init; }

    /// <summary>By the name of a held column, where the rule needs it first, and in which words.</summary>
    public required ImmutableDictionary<string, ColumnUse> Uses { get; init; }

    /// <summary>Where its rows are joined; empty for the root.</summary>
    public List<Join> Joins { get; } = [];

    /// <summary>Whether its rows are the roots.</summary>
    public bool IsRoot => Ordinal == 0;

    /// <summary>Changes the marks of a row.</summary>
    public void Mark(int slot, RowMarks set, RowMarks clear = RowMarks.None)
    {
        ref var marks = ref Rows.Marks(slot);
        marks = (byte)((marks & ~(byte)clear) | (byte)set);
    }

    /// <summary>Whether a row has one of these marks.</summary>
    public bool Has(int slot, RowMarks marks) => (Rows.Marks(slot) & (byte)marks) != 0;
}

/// <summary>Why a column is held.</summary>
/// <param name="At">Where the rule names it.</param>
/// <param name="Words">What for, such as <c>which a join compares</c>.</param>
internal sealed record ColumnUse(FileLocation At, string Words);
