using Leat.Changes;

namespace Leat.Connectors.PostgreSql.Apply;

/// <summary>How a group of operations is written; in the order in which groups of one round follow each other.</summary>
internal enum ApplyMode
{
    /// <summary>The rows are deleted.</summary>
    Delete = 0,

    /// <summary>The rows that are there get the columns that are told.</summary>
    Update = 1,

    /// <summary>The rows are inserted, or take the place of those with their key.</summary>
    Upsert = 2,
}

/// <summary>The order in which a batch is written.</summary>
internal enum ApplyOrder
{
    /// <summary>In few statements.</summary>
    Grouped = 0,

    /// <summary>In the source's own order.</summary>
    Sequential = 1,

    /// <summary>In that order, and other rows go that have what a row takes which is delivered again.</summary>
    Evicting = 2,
}

/// <summary>Operations that one statement writes; each key stands in it once.</summary>
internal sealed record ApplyGroup(ShapeTarget Target, ApplyMode Mode, int Round)
{
    /// <summary>Places in the batch, ascending.</summary>
    public List<int> Operations { get; } = [];
}

/// <summary>Sorts a batch: what is superseded within it, what can be written together, and in which order.</summary>
internal sealed class ApplyPlan
{
    private readonly Dictionary<ulong, int> _last = [];
    private readonly Dictionary<Shape, ShapeTarget> _targets;
    private int[] _supersededBy = [];
    private int[] _before = []; // the operation of the same key that this update is written after, or -1
    private int[] _rounds = [];

    /// <summary>A plan over targets that the caller adds before their shapes are met.</summary>
    public ApplyPlan(Dictionary<Shape, ShapeTarget> targets) => _targets = targets;

    /// <summary>Statement by statement.</summary>
    public List<ApplyGroup> Groups { get; } = [];

    /// <summary>Whether a later operation of the same key makes this one needless.</summary>
    public bool IsSuperseded(int operation) => _supersededBy[operation] >= 0;

    /// <summary>
    /// Few statements: of each key only what the last operations leave. Deletes come first, so that what they free can be taken; parents come before their
    /// children. That is another order than the source's: a value passed on between rows, or a reference, may stand in its way.
    /// </summary>
    public void BuildGrouped(ReadOnlySpan<Operation> batch)
    {
        Reset(batch.Length);
        for (var i = 0; i < batch.Length; i++)
            Supersede(batch, i);
        for (var i = 0; i < batch.Length; i++)
        {
            if (_supersededBy[i] < 0)
                GroupOf(batch, i, _rounds[i]).Operations.Add(i);
        }

        if (Groups.Count > 1)
            Groups.Sort(ByOrder);
    }

    /// <summary>Every operation in the source's own order: what the source could do one by one, the target can.</summary>
    public void BuildSequential(ReadOnlySpan<Operation> batch)
    {
        Reset(batch.Length);
        for (var i = 0; i < batch.Length; i++)
        {
            _supersededBy[i] = -1;
            var target = _targets[batch[i].Shape];
            if (Groups.Count == 0 || !Fits(Groups[^1], target, batch, i) || _last.ContainsKey(batch[i].KeyHash))
            {
                Groups.Add(new(target, ModeOf(batch[i]), Groups.Count));
                _last.Clear();
            }

            Groups[^1].Operations.Add(i);
            _last[batch[i].KeyHash] = i;
        }
    }

    /// <summary>Whether two rows of a shape lack the same columns.</summary>
    public static bool LackTheSame(Shape shape, ReadOnlySpan<byte> row, ReadOnlySpan<byte> other)
    {
        var bitmap = EncodedRow.BitmapBytes(shape.Schema.Columns.Length);
        return !shape.Schema.IsPartial || row[..bitmap].SequenceEqual(other[..bitmap]);
    }

    private static ApplyMode ModeOf(in Operation operation) => operation.Kind switch
    {
        OperationKind.Delete => ApplyMode.Delete,
        OperationKind.Update => ApplyMode.Update,
        _ => ApplyMode.Upsert,
    };

    private static int ByOrder(ApplyGroup one, ApplyGroup other)
    {
        if (one.Round != other.Round)
            return one.Round.CompareTo(other.Round);
        var (isDelete, otherIsDelete) = (one.Mode == ApplyMode.Delete, other.Mode == ApplyMode.Delete);
        if (isDelete != otherIsDelete)
            return isDelete ? -1 : 1;
        var byRank = isDelete ? other.Target.Rank.CompareTo(one.Target.Rank) : one.Target.Rank.CompareTo(other.Target.Rank);
        return byRank != 0 ? byRank : one.Mode != other.Mode ? one.Mode.CompareTo(other.Mode) : one.Operations[0].CompareTo(other.Operations[0]);
    }

    private void Reset(int count)
    {
        _last.Clear();
        Groups.Clear();
        if (_supersededBy.Length >= count)
            return;
        _supersededBy = new int[count];
        _before = new int[count];
        _rounds = new int[count];
    }

    private void Supersede(ReadOnlySpan<Operation> batch, int number)
    {
        _supersededBy[number] = -1;
        _before[number] = -1;
        _rounds[number] = 0;
        var hash = batch[number].KeyHash;
        int earlier;
        while (_last.TryGetValue(hash, out earlier) && !IsSameKey(batch[earlier], batch[number]))
            hash++;
        if (_last.ContainsKey(hash))
        {
            if (batch[number].Kind == OperationKind.Update)
            {
                // What it does not tell stands in what was before.
                _before[number] = earlier;
                _rounds[number] = _rounds[earlier] + 1;
            }
            else
            {
                for (; earlier >= 0; earlier = _before[earlier])
                    _supersededBy[earlier] = number;
            }
        }

        _last[hash] = number;
    }

    private ApplyGroup GroupOf(ReadOnlySpan<Operation> batch, int number, int round)
    {
        var target = _targets[batch[number].Shape];
        foreach (var group in Groups)
        {
            if (group.Round == round && Fits(group, target, batch, number))
                return group;
        }

        Groups.Add(new(target, ModeOf(batch[number]), round));
        return Groups[^1];
    }

    private static bool Fits(ApplyGroup group, ShapeTarget target, ReadOnlySpan<Operation> batch, int number) =>
        ReferenceEquals(group.Target, target) && group.Mode == ModeOf(batch[number])
        && (group.Mode != ApplyMode.Update || LackTheSame(target.Shape, batch[group.Operations[0]].Row.Span, batch[number].Row.Span));

    // The hash covers alias and key values. Only within one shape the key's bytes can be compared to be certain.
    private static bool IsSameKey(in Operation one, in Operation other)
    {
        if (one.KeyHash != other.KeyHash || one.Shape.Alias != other.Shape.Alias)
            return false;
        return !ReferenceEquals(one.Shape, other.Shape) || HaveSameKey(one.Shape, one.Row.Span, other.Row.Span);
    }

    private static bool HaveSameKey(Shape shape, ReadOnlySpan<byte> row, ReadOnlySpan<byte> other)
    {
        var one = new RowReader(shape.Schema, row);
        var two = new RowReader(shape.Schema, other);
        foreach (var ordinal in shape.Key)
        {
            one.Seek(ordinal);
            two.Seek(ordinal);
            if (one.IsNull != two.IsNull || !one.Bytes.SequenceEqual(two.Bytes))
                return false;
        }

        return true;
    }
}
