using Leat.Changes;

namespace Leat.Connectors.MySql.Apply;

/// <summary>How a group of operations is written.</summary>
internal enum ApplyMode
{
    /// <summary>The rows are deleted.</summary>
    Delete = 0,

    /// <summary>The rows are inserted, or take the place of those with their key.</summary>
    Upsert = 1,

    /// <summary>
    /// All keys are deleted, then the rows that shall be there are inserted: for tables with a second unique index, where an upsert could
    /// hit a row with another key, and a value may pass from one row to another.
    /// </summary>
    Replace = 2,
}

/// <summary>Operations of one shape that are written together; each key stands in it once.</summary>
internal sealed record ApplyGroup(Shape Shape, ApplyMode Mode, List<int> Operations);

/// <summary>Sorts a batch: what is superseded within it, and what can be written together.</summary>
internal sealed class ApplyPlan
{
    private readonly Dictionary<ulong, int> _last = [];
    private readonly Stack<List<int>> _spare = new(); // lists of earlier batches, to be filled again
    private int[] _supersededBy = [];

    /// <summary>Deletes before upserts: no key is in both.</summary>
    public List<ApplyGroup> Groups { get; } = [];

    /// <summary>Index of the later operation of the same key, or -1.</summary>
    public int SupersededBy(int operation) => _supersededBy[operation];

    /// <summary>Looks at a batch.</summary>
    /// <param name="batch">In stream order.</param>
    /// <param name="replaced">Aliases of tables that are written by <see cref="ApplyMode.Replace"/>.</param>
    public void Build(ReadOnlySpan<Operation> batch, IReadOnlySet<string> replaced)
    {
        _last.Clear();
        foreach (var group in Groups)
        {
            group.Operations.Clear();
            _spare.Push(group.Operations);
        }

        Groups.Clear();
        if (_supersededBy.Length < batch.Length)
            _supersededBy = new int[batch.Length];
        for (var i = 0; i < batch.Length; i++)
        {
            _supersededBy[i] = -1;
            var hash = batch[i].KeyHash;
            while (_last.TryGetValue(hash, out var earlier) && !IsSameKey(batch[earlier], batch[i]))
                hash++;
            if (_last.TryGetValue(hash, out var superseded))
                _supersededBy[superseded] = i;
            _last[hash] = i;
        }

        AddGroups(batch, replaced, deletes: true);
        AddGroups(batch, replaced, deletes: false);
    }

    private void AddGroups(ReadOnlySpan<Operation> batch, IReadOnlySet<string> replaced, bool deletes)
    {
        for (var i = 0; i < batch.Length; i++)
        {
            if (_supersededBy[i] >= 0)
                continue;
            ref readonly var operation = ref batch[i];
            var mode = replaced.Contains(operation.Shape.Alias) ? ApplyMode.Replace
                : operation.Kind == OperationKind.Delete ? ApplyMode.Delete : ApplyMode.Upsert;
            if (mode == ApplyMode.Delete == deletes)
                GroupOf(operation.Shape, mode).Operations.Add(i);
        }
    }

    private ApplyGroup GroupOf(Shape shape, ApplyMode mode)
    {
        foreach (var group in Groups)
        {
            if (ReferenceEquals(group.Shape, shape) && group.Mode == mode)
                return group;
        }

        Groups.Add(new(shape, mode, _spare.TryPop(out var spare) ? spare : []));
        return Groups[^1];
    }

    // The hash covers alias and key values. Only within one shape the key's bytes can be compared to be certain.
    private static bool IsSameKey(in Operation one, in Operation other)
    {
        if (one.KeyHash != other.KeyHash || one.Shape.Alias != other.Shape.Alias)
            return false;
        return !ReferenceEquals(one.Shape, other.Shape) || ShapeStatements.HaveSameKey(one.Shape, one.Row.Span, other.Row.Span);
    }
}
