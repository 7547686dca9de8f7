using System.Collections.Immutable;
using Leat.Changes;
using Leat.Transform.Plan;

namespace Leat.Pipeline.Delivery;

/// <summary>
/// Finds operations that take or free a value of a unique index which one in another lane frees or takes: the later has to wait for the earlier one's
/// outcome, or the target would see a duplicate. Used by the dispatcher alone; does not allocate per operation.
/// </summary>
/// <remarks>
/// A value that an update leaves as it is needs no note: whoever takes it later has to be preceded by one that frees it, and that one has the
/// same key, so the same lane, and a later offset. Rows that lack columns may free a value that nobody can tell: what takes a value of the same
/// alias waits for those as well.
/// </remarks>
internal sealed class UniqueValues
{
    /// <summary>Stands for all other lanes.</summary>
    public const int AllLanes = -1;

    private readonly ImmutableDictionary<string, ImmutableArray<ImmutableArray<int>>> _keys;
    private readonly IReadOnlyList<Shape> _prepared;
    private readonly int _lanes;
    private readonly Dictionary<Shape, Indexes> _byShape = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<string, Alias> _byAlias = [];
    private Indexes? _last;
    private ulong[] _touched = new ulong[16];
    private int _count;
    private bool _unknown;

    /// <summary>For the lanes of one session.</summary>
    /// <param name="traits">Tells the unique indexes.</param>
    /// <param name="prepared">The shapes that the target was prepared for: the ordinals of the indexes are theirs.</param>
    /// <param name="lanes">How many lanes there are.</param>
    /// <param name="lowestOf">Tells the lowest offset without an outcome of a lane.</param>
    public UniqueValues(SinkTraits traits, IReadOnlyList<Shape> prepared, int lanes, Func<int, long> lowestOf)
    {
        _keys = traits.UniqueKeys;
        _prepared = prepared;
        _lanes = lanes;
        Map = new(lanes, lowestOf);
    }

    /// <summary>Who has touched which value last.</summary>
    public ConflictMap Map { get; }

    /// <summary>Whether anything can conflict: some alias has unique indexes, and there is more than one lane.</summary>
    public bool Any => !_keys.IsEmpty && _lanes > 1;

    /// <summary>Whether an operation has to wait for one in another lane.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="lane">Its lane.</param>
    /// <param name="other">The lane to wait for, or <see cref="AllLanes"/>.</param>
    /// <param name="offset">The offset there that has to have its outcome.</param>
    public bool MustWait(in Operation operation, int lane, out int other, out long offset)
    {
        _count = 0;
        _unknown = false;
        (other, offset) = (AllLanes, operation.Offset - 1);
        if (IndexesOf(operation.Shape) is not { } indexes)
            return false;

        // Bytes of another shape of the table cannot be compared with those of this one.
        var waitsForAll = !ReferenceEquals(indexes.Alias.Shape, indexes.Whole) && indexes.Alias.Shape is not null;
        foreach (var index in indexes.All)
            waitsForAll |= Collect(index, operation);
        if (waitsForAll && IsAnyUnderWay(lane, offset))
            return true;
        indexes.Alias.Shape = indexes.Whole;

        for (var i = 0; i < _count; i++)
        {
            if (Map.TryFind(_touched[i], lane, out other, out offset))
                return true;
        }

        return _count > 0 && indexes.Alias.FindUntold(lane, Map, out other, out offset);
    }

    /// <summary>Takes note of the operation that was asked about last: it goes to its lane now.</summary>
    public void Note(in Operation operation, int lane)
    {
        if (Map.Published >= operation.Offset)
            Map.Published = operation.Offset - 1;
        for (var i = 0; i < _count; i++)
            Map.Set(_touched[i], lane, operation.Offset);
        if (_unknown && IndexesOf(operation.Shape) is { } indexes)
            indexes.Alias.Untold[lane] = operation.Offset;
    }

    // Collects the values of one index that the operation takes and frees. True when it takes one that nobody can tell.
    private bool Collect(Index index, in Operation operation)
    {
        var schema = operation.Shape.Schema;
        var now = KeyHash.OfValues(index.Seed, schema, index.Columns, operation.Row.Span, out var told);
        if (operation.Kind == OperationKind.Delete)
        {
            _unknown |= !told;
            Touch(now);
            return false;
        }

        if (!told)
        {
            // An update that tells none of the columns leaves them as they are.
            if (operation.Kind == OperationKind.Update && !TellsAny(schema, index.Columns, operation.Row.Span))
                return false;
            _unknown = true;
            return true;
        }

        var before = 0UL;
        if (!operation.Before.IsEmpty)
            before = KeyHash.OfValues(index.Seed, schema, index.Columns, operation.Before.Span, out told);
        else
            told = !(schema.IsPartial && operation.Cause == ChangeKind.Update);
        _unknown |= !told;
        if (told && now == before)
            return false;
        Touch(now);
        Touch(before);
        return false;
    }

    private void Touch(ulong hash)
    {
        if (hash == 0)
            return;
        if (_count == _touched.Length)
            Array.Resize(ref _touched, _count * 2);
        _touched[_count++] = hash;
    }

    private bool IsAnyUnderWay(int lane, long offset)
    {
        for (var other = 0; other < _lanes; other++)
        {
            if (other != lane && Map.IsUnderWay(other, offset))
                return true;
        }

        return false;
    }

    private static bool TellsAny(TableSchema schema, ImmutableArray<int> columns, ReadOnlySpan<byte> row)
    {
        var reader = new RowReader(schema, row);
        foreach (var ordinal in columns)
        {
            reader.Seek(ordinal);
            if (!reader.IsAbsent)
                return true;
        }

        return false;
    }

    private Indexes? IndexesOf(Shape shape)
    {
        if (_last is not null && ReferenceEquals(_last.Of, shape))
            return _last;
        if (!_byShape.TryGetValue(shape, out var found))
        {
            if (!_keys.TryGetValue(shape.Alias, out var keys) || keys.IsEmpty)
                return null;
            if (!_byAlias.TryGetValue(shape.Alias, out var alias))
                _byAlias[shape.Alias] = alias = new(_lanes);
            _byShape[shape] = found = new(shape, alias, WholeOf(shape), [.. keys.Select((columns, number) => Translate(shape, columns, number)).OfType<Index>()]);
        }

        return _last = found;
    }

    // One object for a shape and its partial variant: their bytes can be compared.
    private TableSchema WholeOf(Shape shape)
    {
        var whole = shape.Schema.As(partial: false);
        return _byShape.Values.Select(one => one.Whole).FirstOrDefault(one => one.Equals(whole)) ?? whole;
    }

    // The same columns in another shape of the table, by their names. An index over a column that it does not have holds nothing of its rows.
    private Index? Translate(Shape shape, ImmutableArray<int> columns, int number)
    {
        var prepared = _prepared.FirstOrDefault(one => one.Alias == shape.Alias)?.Schema ?? shape.Schema;
        ImmutableArray<int> own = [.. columns.Select(ordinal => shape.Schema.Find(prepared.Columns[ordinal].Name)).Order()];
        return own[0] < 0 ? null : new(KeyHash.Of($"{shape.Alias}\0{number}"), own);
    }

    private sealed record Index(ulong Seed, ImmutableArray<int> Columns);

    private sealed record Indexes(Shape Of, Alias Alias, TableSchema Whole, ImmutableArray<Index> All);

    private sealed class Alias(int lanes)
    {
        /// <summary>The shape of the last operation.</summary>
        public TableSchema? Shape { get; set; }

        /// <summary>By lane, the offset of the last operation that freed a value nobody can tell; -1 for none.</summary>
        public long[] Untold { get; } = [.. Enumerable.Repeat(-1L, lanes)];

        public bool FindUntold(int lane, ConflictMap map, out int other, out long offset)
        {
            for (other = 0; other < Untold.Length; other++)
            {
                offset = Untold[other];
                if (other != lane && offset >= 0 && map.IsUnderWay(other, offset))
                    return true;
            }

            offset = -1;
            return false;
        }
    }
}
