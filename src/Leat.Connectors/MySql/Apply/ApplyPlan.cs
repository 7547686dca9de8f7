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
    /// All keys are deleted, then the rows that shall be there are inserted: for rows whose values in a second unique index change, where an upsert could
    /// hit a row with another key, and a value may pass from one row to another.
    /// </summary>
    Replace = 2,

    /// <summary>The columns that a row tells are set; a row that is not there is an error.</summary>
    Update = 3,

    /// <summary>The rows are inserted, and every row that has their key or one of their unique values goes: what stands there is older, or comes again.</summary>
    TakeOver = 4,
}

/// <summary>Operations of one shape that are written together; in a plan by keys each key stands in it once.</summary>
internal sealed record ApplyGroup(Shape Shape, ApplyMode Mode, List<int> Operations);

/// <summary>Sorts a batch: what is superseded within it, and what can be written together.</summary>
/// <remarks>
/// By keys: of each key the last operation; deletes, then rows of all tables. In the stream's order: every operation, in runs of one table and kind; so
/// where something is taken out of rows that several tables write, for what is written after it must not come before. The
/// first is fast and right wherever rows are independent of each other but for unique values; the second is right wherever the source was.
/// </remarks>
/// <param name="forms">What the target's tables are like, by alias.</param>
/// <param name="seen">Offset up to which the target may hold later states of rows: values in the way are in the way of an earlier state only.</param>
internal sealed class ApplyPlan(IReadOnlyDictionary<string, TargetForm> forms, long seen)
{
    private const int None = -1;

    private readonly Dictionary<ulong, int> _last = [];
    private readonly Stack<List<int>> _spare = new(); // lists of earlier batches, to be filled again
    private int[] _supersededBy = [];
    private int[] _first = []; // of a key's operations in the batch, to know the row before all of them
    private Shape? _shape;
    private TargetForm _form = TargetForm.Plain;

    /// <summary>In the order to be written.</summary>
    public List<ApplyGroup> Groups { get; } = [];

    /// <summary>Whether a table of the batch has a second unique index: then only the stream's order is safe for parts of it.</summary>
    public bool HasUnique { get; private set; }

    /// <summary>Whether the groups are in the stream's order.</summary>
    public bool IsInOrder { get; private set; }

    /// <summary>Index of the operation of the same batch and key that made this one needless, or -1. An earlier one: of what is replayed, which was newer.</summary>
    public int SupersededBy(int operation) => _supersededBy[operation];

    /// <summary>Looks at a batch.</summary>
    /// <param name="batch">In stream order.</param>
    public void Build(ReadOnlySpan<Operation> batch)
    {
        Clear(batch.Length);
        var inOrder = false;
        for (var i = 0; i < batch.Length; i++)
        {
            _supersededBy[i] = None;
            var form = FormOf(batch[i].Shape);
            HasUnique |= form.HasUnique;
            inOrder |= form.KeepsOrder || batch[i].Kind == OperationKind.Update || batch[i] is { Kind: OperationKind.Delete, Shape.IsPart: true };
        }

        if (inOrder)
        {
            BuildInOrder(batch);
            return;
        }

        for (var i = 0; i < batch.Length; i++)
            Supersede(batch, i);
        AddByKey(batch, deletes: true);
        AddByKey(batch, deletes: false);
    }

    /// <summary>Sorts the same batch again: everything in the stream's order.</summary>
    public void BuildInOrder(ReadOnlySpan<Operation> batch)
    {
        var hasUnique = HasUnique;
        Clear(batch.Length);
        HasUnique = hasUnique;
        IsInOrder = true;
        for (var i = 0; i < batch.Length; i++)
        {
            ref readonly var operation = ref batch[i];
            _supersededBy[i] = operation.IsReplay ? NewerBefore(batch, i) : None;
            if (_supersededBy[i] != None)
                continue;
            var mode = operation.Kind switch
            {
                OperationKind.Delete => ApplyMode.Delete,
                OperationKind.Update => ApplyMode.Update,
                _ => TakesOver(operation) ? ApplyMode.TakeOver : ApplyMode.Upsert,
            };
            if (Groups.Count == 0 || !ReferenceEquals(Groups[^1].Shape, operation.Shape) || Groups[^1].Mode != mode)
                Groups.Add(new(operation.Shape, mode, _spare.TryPop(out var spare) ? spare : []));
            Groups[^1].Operations.Add(i);
        }
    }

    /// <summary>How an operation that was superseded is written after all.</summary>
    public static ApplyMode ModeOf(in Operation operation) => operation.Kind == OperationKind.Delete ? ApplyMode.Delete : ApplyMode.Upsert;

    private void Clear(int count)
    {
        _last.Clear();
        foreach (var group in Groups)
        {
            group.Operations.Clear();
            _spare.Push(group.Operations);
        }

        Groups.Clear();
        (IsInOrder, HasUnique) = (false, false);
        _shape = null;
        if (_supersededBy.Length >= count)
            return;
        _supersededBy = new int[count];
        _first = new int[count];
    }

    private void Supersede(ReadOnlySpan<Operation> batch, int index)
    {
        var hash = batch[index].KeyHash;
        while (_last.TryGetValue(hash, out var other) && !IsSameKey(batch[other], batch[index]))
            hash++;
        _first[index] = index;
        if (_last.TryGetValue(hash, out var earlier))
        {
            _first[index] = _first[earlier];
            if (batch[index].IsReplay && !batch[earlier].IsReplay)
            {
                _supersededBy[index] = earlier; // refused once, and something newer of its key is here
                return;
            }

            _supersededBy[earlier] = index;
        }

        _last[hash] = index;
    }

    private static int NewerBefore(ReadOnlySpan<Operation> batch, int replayed)
    {
        for (var i = replayed - 1; i >= 0; i--)
        {
            if (!batch[i].IsReplay && IsSameKey(batch[i], batch[replayed]))
                return i;
        }

        return None;
    }

    private void AddByKey(ReadOnlySpan<Operation> batch, bool deletes)
    {
        for (var i = 0; i < batch.Length; i++)
        {
            if (_supersededBy[i] != None)
                continue;
            var mode = ModeByKey(batch, i);
            if (mode == ApplyMode.Delete == deletes)
                GroupOf(batch[i].Shape, mode).Operations.Add(i);
        }
    }

    // A row that keeps its unique values takes none of another's: no need to delete it first.
    private ApplyMode ModeByKey(ReadOnlySpan<Operation> batch, int index)
    {
        ref readonly var operation = ref batch[index];
        if (operation.Kind == OperationKind.Delete)
            return ApplyMode.Delete;
        var form = FormOf(operation.Shape);
        if (!form.HasUnique)
            return ApplyMode.Upsert;
        ref readonly var first = ref batch[_first[index]];
        var before = first.Kind == OperationKind.Index ? first.Before : default; // of a delete only the key counts
        var keeps = !form.UniqueColumns.IsDefault && !before.IsEmpty && !TakesOver(operation) && ReferenceEquals(first.Shape, operation.Shape)
            && ShapeStatements.HaveSame(operation.Shape, form.UniqueColumns.AsSpan(), before.Span, operation.Row.Span);
        return keeps ? ApplyMode.Upsert : ApplyMode.Replace;
    }

    private bool TakesOver(in Operation operation) =>
        FormOf(operation.Shape) is { HasUnique: true, IsReferenced: false }
        && (operation.Cause is ChangeKind.Read or ChangeKind.ReadAgain || (operation.Offset <= seen && !operation.IsReplay));

    private TargetForm FormOf(Shape shape)
    {
        if (ReferenceEquals(shape, _shape))
            return _form;
        _shape = shape;
        return _form = forms.GetValueOrDefault(shape.Alias, TargetForm.Plain);
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
        return !ReferenceEquals(one.Shape, other.Shape) || ShapeStatements.HaveSame(one.Shape, one.Shape.Key.AsSpan(), one.Row.Span, other.Row.Span);
    }
}
