using System.Buffers;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Leat.Changes;

namespace Leat.Transform.State;

/// <summary>The rows of one table as encoded bytes, found by their key and by the columns that joins use; no object for each row. For one thread.</summary>
/// <remarks>
/// A row has a slot, a number that stays the same as long as the row is there, however often it is replaced; later another row may have it. Around a row of n bytes stand
/// about 22 bytes, 8 more for each index, 21 for each different value in an index, and what <see cref="StateMemory"/> adds by rounding.
/// <code>
/// slot   cell u64 | { next, previous of the same join key i32 } for each index | marks u8
/// group  first slot i32 | hash of the join key u32
/// </code>
/// </remarks>
internal sealed class RowTable
{
    private const int LinksAt = 8;
    private const int LinkBytes = 8;
    private const int GroupBytes = 8;

    private readonly TableSchema _schema;
    private readonly ImmutableArray<int> _key;
    private readonly StateMemory _memory;
    private readonly RecordPages _slots;
    private readonly HashBuckets _byKey;
    private readonly Index[] _indexes;
    private readonly int _marksAt;
    private readonly ArrayBufferWriter<byte> _wanted = new();
    private readonly ArrayBufferWriter<byte> _held = new();

    /// <summary>An empty table.</summary>
    /// <param name="schema">Shape of its rows.</param>
    /// <param name="key">Columns that tell rows apart; a NULL equals a NULL here.</param>
    /// <param name="indexes">Columns by which rows are looked up; a row with a NULL among them is not found that way.</param>
    /// <param name="memory">Where the rows are.</param>
    public RowTable(TableSchema schema, ImmutableArray<int> key, ImmutableArray<ImmutableArray<int>> indexes, StateMemory memory)
    {
        _schema = schema;
        _key = key;
        _memory = memory;
        _marksAt = LinksAt + indexes.Length * LinkBytes;
        _slots = new(memory, _marksAt + 1);
        _byKey = new(memory);
        _indexes = [.. indexes.Select(columns => new Index(columns, memory))];
    }

    /// <summary>Shape of the rows.</summary>
    public TableSchema Schema => _schema;

    /// <summary>Rows held.</summary>
    public int Count { get; private set; }

    /// <summary>Takes a row in, or puts it in the place of the one with the same key.</summary>
    /// <param name="row">An encoded row that does not lie in this memory.</param>
    /// <returns>Its slot.</returns>
    /// <exception cref="PauseException">The memory is full. Nothing was changed.</exception>
    public int Put(ReadOnlySpan<byte> row)
    {
        JoinKey.Write(_schema, _key, row, _wanted);
        var hash = JoinKey.Hash(_wanted.WrittenSpan);
        var slot = Find(hash, _wanted.WrittenSpan);
        foreach (var index in _indexes)
            index.Prepare();
        if (slot >= 0)
        {
            Replace(slot, row);
            return slot;
        }

        _slots.Prepare();
        _byKey.Prepare();
        var cell = _memory.Take(row.Length);
        slot = _slots.Take();
        _slots[slot][_marksAt] = 0;
        _byKey.Add(hash, slot);
        Write(slot, cell, row);
        for (var i = 0; i < _indexes.Length; i++)
            Enter(i, slot, row);
        Count++;
        return slot;
    }

    /// <summary>The slot of the row with a key, as <see cref="JoinKey.Write"/> writes it, or -1.</summary>
    public int Find(ReadOnlySpan<byte> key) => Find(JoinKey.Hash(key), key);

    /// <summary>The slot of the row with the same key as this one, or -1.</summary>
    public int FindSame(ReadOnlySpan<byte> row)
    {
        JoinKey.Write(_schema, _key, row, _wanted);
        return Find(JoinKey.Hash(_wanted.WrittenSpan), _wanted.WrittenSpan);
    }

    /// <summary>Takes a row out.</summary>
    public void Remove(int slot)
    {
        for (var i = 0; i < _indexes.Length; i++)
            Leave(i, slot);
        JoinKey.Write(_schema, _key, Row(slot), _held);
        _byKey.Remove(JoinKey.Hash(_held.WrittenSpan), slot);
        _memory.Free(CellOf(slot));
        MemoryMarshal.Write(_slots[slot], 0UL);
        _slots.Free(slot);
        Count--;
    }

    /// <summary>The bytes of a row. Valid until it is replaced or removed.</summary>
    public ReadOnlySpan<byte> Row(int slot) => _memory.Span(CellOf(slot));

    /// <summary>A slot whose row has a join key, or -1. Those of one key come in no order that could be relied on.</summary>
    public int First(int index, ReadOnlySpan<byte> joinKey)
    {
        var group = FindGroup(_indexes[index], JoinKey.Hash(joinKey), joinKey);
        return group < 0 ? -1 : _indexes[index].FirstOf(group);
    }

    /// <summary>The next slot whose row has the same join key as that of this slot, or -1.</summary>
    public int Next(int index, int slot) => MemoryMarshal.Read<int>(LinkOf(index, slot));

    /// <summary>The next slot that has a row, in no order that could be relied on; -1 starts and ends. Rows may be put and removed on the way.</summary>
    public int After(int slot)
    {
        while (++slot < _slots.End)
        {
            if (!CellOf(slot).IsNone)
                return slot;
        }

        return -1;
    }

    /// <summary>Eight bits that the owner keeps with a row; 0 for a new one, kept when it is replaced.</summary>
    public ref byte Marks(int slot) => ref _slots[slot][_marksAt];

    /// <summary>Moves the rows that have to, see <see cref="StateMemory.BeginMoving"/>. Slots stay as they are.</summary>
    public void Move()
    {
        for (var slot = After(-1); slot >= 0; slot = After(slot))
        {
            var cell = CellOf(slot);
            if (!_memory.HasToMove(cell))
                continue;
            if (!_memory.TryMove(cell, out var moved))
                return;
            MemoryMarshal.Write(_slots[slot], moved.Bits);
        }
    }

    /// <summary>Takes all rows out.</summary>
    public void Clear()
    {
        for (var slot = After(-1); slot >= 0; slot = After(slot))
            _memory.Free(CellOf(slot));
        _slots.Clear();
        _byKey.Clear();
        foreach (var index in _indexes)
            index.Clear();
        Count = 0;
    }

    private Cell CellOf(int slot) => new(MemoryMarshal.Read<ulong>(_slots[slot]));

    private Span<byte> LinkOf(int index, int slot) => _slots[slot].Slice(LinksAt + index * LinkBytes, LinkBytes);

    private int Find(uint hash, ReadOnlySpan<byte> key)
    {
        for (var probe = _byKey.Of(hash); probe.MoveNext();)
        {
            JoinKey.Write(_schema, _key, Row(probe.Current), _held);
            if (_held.WrittenSpan.SequenceEqual(key))
                return probe.Current;
        }

        return -1;
    }

    private void Write(int slot, Cell cell, ReadOnlySpan<byte> row)
    {
        row.CopyTo(_memory.Span(cell));
        MemoryMarshal.Write(_slots[slot], cell.Bits);
    }

    // Taking the cell is the last thing that can fail, and the first that is done.
    private void Replace(int slot, ReadOnlySpan<byte> row)
    {
        var old = CellOf(slot);
        var fits = StateMemory.Fits(old, row.Length);
        var cell = fits ? StateMemory.Resize(old, row.Length) : _memory.Take(row.Length);
        ulong moved = 0;
        for (var i = 0; i < _indexes.Length; i++)
        {
            if (IsSame(_indexes[i], Row(slot), row))
                continue;
            Leave(i, slot);
            moved |= 1UL << i;
        }

        if (!fits)
            _memory.Free(old);
        Write(slot, cell, row);
        for (var i = 0; i < _indexes.Length; i++)
        {
            if ((moved >> i & 1) != 0)
                Enter(i, slot, row);
        }
    }

    private bool IsSame(Index index, ReadOnlySpan<byte> old, ReadOnlySpan<byte> row)
    {
        JoinKey.Write(_schema, index.Columns, old, _held);
        JoinKey.Write(_schema, index.Columns, row, _wanted);
        return _held.WrittenSpan.SequenceEqual(_wanted.WrittenSpan);
    }

    private int FindGroup(Index index, uint hash, ReadOnlySpan<byte> joinKey)
    {
        for (var probe = index.Buckets.Of(hash); probe.MoveNext();)
        {
            JoinKey.Write(_schema, index.Columns, Row(index.FirstOf(probe.Current)), _held);
            if (_held.WrittenSpan.SequenceEqual(joinKey))
                return probe.Current;
        }

        return -1;
    }

    // At the front of its list. The first of a list names its group as the one before it, by its complement; in no list: both -1.
    private void Enter(int i, int slot, ReadOnlySpan<byte> row)
    {
        var index = _indexes[i];
        var link = LinkOf(i, slot);
        link.Fill(0xFF);
        if (!JoinKey.Write(_schema, index.Columns, row, _wanted))
            return;

        var hash = JoinKey.Hash(_wanted.WrittenSpan);
        var group = FindGroup(index, hash, _wanted.WrittenSpan);
        if (group < 0)
        {
            group = index.Groups.Take();
            index.Buckets.Add(hash, group);
            MemoryMarshal.Write(index.Groups[group][sizeof(int)..], hash);
        }
        else
        {
            var second = index.FirstOf(group);
            MemoryMarshal.Write(link, second);
            MemoryMarshal.Write(LinkOf(i, second)[4..], slot);
        }

        MemoryMarshal.Write(link[4..], Previous.Group(group));
        index.SetFirst(group, slot);
    }

    private void Leave(int i, int slot)
    {
        var index = _indexes[i];
        var link = LinkOf(i, slot);
        var next = MemoryMarshal.Read<int>(link);
        var previous = MemoryMarshal.Read<int>(link[4..]);
        if (previous == Previous.None)
            return;

        if (next >= 0)
            MemoryMarshal.Write(LinkOf(i, next)[4..], previous);
        if (previous >= 0)
        {
            MemoryMarshal.Write(LinkOf(i, previous), next);
        }
        else if (next >= 0)
        {
            index.SetFirst(Previous.ToGroup(previous), next);
        }
        else
        {
            var group = Previous.ToGroup(previous);
            index.Buckets.Remove(MemoryMarshal.Read<uint>(index.Groups[group][sizeof(int)..]), group);
            index.Groups.Free(group);
        }
    }

    // What stands before a slot in its list: a slot, or its group when it is the first, or nothing when it is in no list.
    private static class Previous
    {
        public const int None = -1;

        public static int Group(int group) => -2 - group;

        public static int ToGroup(int previous) => -2 - previous;
    }

    private sealed class Index
    {
        public Index(ImmutableArray<int> columns, StateMemory memory)
        {
            Columns = columns;
            Groups = new(memory, GroupBytes);
            Buckets = new(memory);
        }

        public ImmutableArray<int> Columns { get; }

        public RecordPages Groups { get; }

        public HashBuckets Buckets { get; }

        public int FirstOf(int group) => MemoryMarshal.Read<int>(Groups[group]);

        public void SetFirst(int group, int slot) => MemoryMarshal.Write(Groups[group], slot);

        public void Prepare()
        {
            Groups.Prepare();
            Buckets.Prepare();
        }

        public void Clear()
        {
            Groups.Clear();
            Buckets.Clear();
        }
    }
}
