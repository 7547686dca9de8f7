using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Leat.Changes;
using Leat.Transform.Expressions;
using Leat.Transform.State;

namespace Leat.Transform.Plan.Documents;

/// <summary>Which change touched a document last, and when.</summary>
internal readonly record struct Touch(long Offset, long CommittedAtMicros, ChangeKind Cause);

/// <summary>A group of rows, which is a document.</summary>
internal sealed class Group(byte[] key, Aggregator[] aggregators)
{
    /// <summary>Its key as an encoded row.</summary>
    public byte[] Key { get; } = key;

    /// <summary>Its aggregates.</summary>
    public Aggregator[] Aggregators { get; } = aggregators;

    /// <summary>How many rows of the root are in it.</summary>
    public long Rows { get; set; }

    /// <summary>Whether the open transaction touched it.</summary>
    public bool IsTouched { get; set; }

    /// <summary>Whether it waits to be emitted in the background.</summary>
    public bool IsWaiting { get; set; }

    /// <summary>By what.</summary>
    public Touch Touch { get; set; }

    /// <summary>Where its row before the transaction stands, and its length; a length of 0 when there was none.</summary>
    public (int At, int Length) Before { get; set; }
}

/// <summary>One document for each group of rows: kept by adding what a row contributes and taking away what it contributed before. For one thread.</summary>
internal sealed class GroupPlan
{
    // A group without its key and its aggregates, and its place among the others.
    private const int GroupBytes = 192;

    private readonly Scope _rows;
    private readonly StateMemory _memory;
    private readonly ImmutableArray<RowExpression> _keys;
    private readonly TableSchema _keySchema;
    private readonly ImmutableArray<Collector> _collectors;
    private readonly Func<Aggregator[]> _create;
    private readonly ImmutableArray<RowExpression> _set;
    private readonly bool _isGlobal;
    private readonly Dictionary<byte[], Group> _groups = new(BytesComparer.Instance);
    private readonly Dictionary<byte[], Group>.AlternateLookup<ReadOnlySpan<byte>> _byKey;
    private readonly RowBuilder _key = new();
    private readonly RowBuilder _row = new();
    private readonly ArrayBufferWriter<byte> _befores = new();

    /// <summary>A plan without a group.</summary>
    /// <param name="rows">Rows that take part.</param>
    /// <param name="keys">What tells groups apart, of their rows; empty: all are one.</param>
    /// <param name="keySchema">Shape of group keys.</param>
    /// <param name="collectors">What aggregates take of a row, in their order.</param>
    /// <param name="create">Makes the aggregates of a group.</param>
    /// <param name="set">Computed fields.</param>
    /// <param name="shape">Shape of the documents.</param>
    /// <param name="memory">What counts the groups.</param>
    public GroupPlan(
        Scope rows, ImmutableArray<RowExpression> keys, TableSchema keySchema, ImmutableArray<Collector> collectors, Func<Aggregator[]> create,
        ImmutableArray<RowExpression> set, Shape shape, StateMemory memory)
    {
        _memory = memory;
        (_rows, _keys, _keySchema, _collectors, _create, _set, Shape) = (rows, keys, keySchema, collectors, create, set, shape);
        _isGlobal = keys.IsEmpty;
        _byKey = _groups.GetAlternateLookup<ReadOnlySpan<byte>>();
    }

    /// <summary>Shape of the documents.</summary>
    public Shape Shape { get; }

    /// <summary>Values that a group should have held and did not.</summary>
    public long Missed { get; private set; }

    /// <summary>Groups that the open transaction touched.</summary>
    public List<Group> Touched { get; } = [];

    /// <summary>All groups.</summary>
    public IEnumerable<Group> All => _groups.Values;

    /// <summary>Starts anew: without rows there is no group but the one over all.</summary>
    public void Begin()
    {
        Clear();
        if (_isGlobal)
            _ = Find(WriteKey(default), create: true);
    }

    /// <summary>Forgets all groups.</summary>
    public void Clear()
    {
        foreach (var aggregator in _groups.Values.SelectMany(group => group.Aggregators))
            aggregator.Release();
        _memory.Hold(-_groups.Values.Sum(static group => GroupBytes + (long)group.Key.Length));
        _groups.Clear();
        Touched.Clear();
        _memory.HoldAside(-_befores.WrittenCount);
        _befores.ResetWrittenCount();
    }

    /// <summary>Writes what a row contributes to its group; nothing when it does not take part.</summary>
    /// <returns>Whether it does.</returns>
    public bool TryWrite(ReadOnlySpan<byte> held, ArrayBufferWriter<byte> target)
    {
        foreach (var collector in _collectors)
            collector.Clear();
        if (!_rows.TryBuild(held))
            return false;
        foreach (var collector in _collectors)
            collector.VisitOwn(_rows.Row);
        var key = WriteKey(_rows.Row);
        Write(target, key.Length, key);
        foreach (var collector in _collectors)
            Write(target, collector.Count, collector.Values);
        return true;
    }

    /// <summary>Adds to its group what a row contributes, or takes away what it contributed.</summary>
    public void Apply(ReadOnlySpan<byte> contribution, bool isNew, in Touch touch)
    {
        var key = Take(ref contribution, out _);
        var group = Find(key, create: true)!; // not null: it is created
        Reach(group, touch);
        group.Rows += isNew ? 1 : -1;
        for (var i = 0; i < group.Aggregators.Length; i++)
        {
            var values = Take(ref contribution, out var count);
            for (; count > 0; count--)
            {
                var value = TakeValue(ref values, out var isNull);
                var order = TakeValue(ref values, out var isOrderNull);
                if (isNew)
                    group.Aggregators[i].Add(value, isNull, order, isOrderNull);
                else if (!group.Aggregators[i].Remove(value, isNull, order, isOrderNull))
                    Missed++;
            }
        }
    }

    /// <summary>The row of a group as it is, or nothing when it has no rows. Valid until the next is asked for.</summary>
    public ReadOnlySpan<byte> Row(Group group)
    {
        if (group.Rows <= 0 && !_isGlobal)
            return default;
        _row.Begin(Shape.Schema.Columns.Length);
        _row.CopyAll(group.Key, _keySchema);
        foreach (var aggregator in group.Aggregators)
            aggregator.Append(_row);
        foreach (var expression in _set)
            expression.Append(_row.Written, _row);
        return _row.Row;
    }

    /// <summary>A row with the key of a group alone.</summary>
    public ReadOnlySpan<byte> KeyRow(ReadOnlySpan<byte> key)
    {
        _row.Begin(Shape.Schema.Columns.Length);
        _row.CopyAll(key, _keySchema);
        _row.WriteNulls(Shape.Schema.Columns.Length - _keySchema.Columns.Length);
        return _row.Row;
    }

    /// <summary>The row of a group before the open transaction; empty when there was none.</summary>
    public ReadOnlySpan<byte> Before(Group group) => _befores.WrittenSpan.Slice(group.Before.At, group.Before.Length);

    /// <summary>The group of a document's key; <see langword="null"/> when there is none.</summary>
    /// <param name="row">A row in the shape of documents, of which the key counts.</param>
    public Group? FindByRow(ReadOnlySpan<byte> row)
    {
        if (_isGlobal)
            return Find(WriteKey(default), create: false);
        _key.Begin(_keySchema.Columns.Length);
        var reader = new RowReader(Shape.Schema, row);
        for (var i = 0; i < _keySchema.Columns.Length && reader.Read(); i++)
            _key.Copy(ref reader);
        return Find(_key.Row, create: false);
    }

    /// <summary>Orders the groups that were touched as they are emitted: by the change that touched each last; of one change those that are gone first.</summary>
    public void SortTouched()
    {
        if (Touched.Count > 1)
            Touched.Sort(static (x, y) => x.Touch.Offset != y.Touch.Offset ? x.Touch.Offset.CompareTo(y.Touch.Offset) : (x.Rows > 0).CompareTo(y.Rows > 0));
    }

    /// <summary>Ends what a transaction touched; groups without rows are gone.</summary>
    public void EndTouched()
    {
        foreach (var group in Touched)
        {
            group.IsTouched = false;
            if (group.Rows > 0 || _isGlobal)
                continue;
            _groups.Remove(group.Key);
            _memory.Hold(-GroupBytes - group.Key.Length);
            foreach (var aggregator in group.Aggregators)
                aggregator.Release();
        }

        Touched.Clear();
        _memory.HoldAside(-_befores.WrittenCount);
        _befores.ResetWrittenCount();
    }

    private void Reach(Group group, in Touch touch)
    {
        if (!group.IsTouched)
        {
            var row = Row(group);
            _memory.HoldAside(row.Length);
            group.Before = (_befores.WrittenCount, row.Length);
            _befores.Write(row);
            group.IsTouched = true;
            group.Touch = touch;
            Touched.Add(group);
        }
        else if (touch.Offset >= group.Touch.Offset)
        {
            group.Touch = touch;
        }
    }

    private ReadOnlySpan<byte> WriteKey(ReadOnlySpan<byte> row)
    {
        _key.Begin(_keySchema.Columns.Length);
        if (_isGlobal && _keySchema.Columns.Length > 0)
            _key.WriteBytes("all"u8);
        foreach (var expression in _keys)
            expression.Append(row, _key);
        return _key.Row;
    }

    private Group? Find(ReadOnlySpan<byte> key, bool create)
    {
        if (_byKey.TryGetValue(key, out var group) || !create)
            return group;
        _memory.Hold(GroupBytes + key.Length);
        group = new(key.ToArray(), _create());
        _groups.Add(group.Key, group);
        return group;
    }

    private static void Write(ArrayBufferWriter<byte> target, int number, ReadOnlySpan<byte> bytes)
    {
        var header = target.GetSpan(2 * sizeof(int));
        BinaryPrimitives.WriteInt32LittleEndian(header, number);
        BinaryPrimitives.WriteInt32LittleEndian(header[sizeof(int)..], bytes.Length);
        target.Advance(2 * sizeof(int));
        target.Write(bytes);
    }

    private static ReadOnlySpan<byte> Take(ref ReadOnlySpan<byte> rest, out int number)
    {
        number = BinaryPrimitives.ReadInt32LittleEndian(rest);
        var length = BinaryPrimitives.ReadInt32LittleEndian(rest[sizeof(int)..]);
        var taken = rest.Slice(2 * sizeof(int), length);
        rest = rest[(2 * sizeof(int) + length)..];
        return taken;
    }

    private static ReadOnlySpan<byte> TakeValue(ref ReadOnlySpan<byte> rest, out bool isNull)
    {
        var length = BinaryPrimitives.ReadInt32LittleEndian(rest);
        isNull = length < 0;
        var value = rest.Slice(sizeof(int), Math.Max(length, 0));
        rest = rest[(sizeof(int) + value.Length)..];
        return value;
    }

    /// <summary>Gathers what an aggregate takes of a row, or of the rows of one of its collections.</summary>
    /// <param name="argument">What it takes.</param>
    /// <param name="isOfRow">Whether of the row itself.</param>
    internal sealed class Collector(AggregateArgument argument, bool isOfRow) : IRowVisitor
    {
        private readonly ArrayBufferWriter<byte> _values = new();

        /// <summary>How many.</summary>
        public int Count { get; private set; }

        /// <summary>Each, and what it is ordered by, with its length before it; -1: NULL.</summary>
        public ReadOnlySpan<byte> Values => _values.WrittenSpan;

        /// <summary>Forgets the row before.</summary>
        public void Clear()
        {
            _values.ResetWrittenCount();
            Count = 0;
        }

        /// <summary>Takes of the row itself.</summary>
        public void VisitOwn(ReadOnlySpan<byte> row)
        {
            if (isOfRow)
                Visit(row);
        }

        /// <inheritdoc/>
        public void Visit(ReadOnlySpan<byte> row)
        {
            var value = argument.ValueOf(row, out var isNull);
            Write(value, isNull);
            var order = argument.OrderOf(row, out var isOrderNull);
            Write(order, isOrderNull);
            Count++;
        }

        private void Write(ReadOnlySpan<byte> value, bool isNull)
        {
            BinaryPrimitives.WriteInt32LittleEndian(_values.GetSpan(sizeof(int)), isNull ? -1 : value.Length);
            _values.Advance(sizeof(int));
            _values.Write(value);
        }
    }
}
