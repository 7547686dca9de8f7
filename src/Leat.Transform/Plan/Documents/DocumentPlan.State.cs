using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Immutable;
using Leat.Changes;
using Leat.Transform.State;

namespace Leat.Transform.Plan.Documents;

// Rows through a restart, and beside the source.
public sealed partial class DocumentPlan
{
    private readonly Queue<(byte Input, int Slot)> _dirty = new();
    private ArrayBufferWriter<byte> _deleted = new();
    private readonly ArrayBufferWriter<byte> _saved = new();
    private readonly ArrayBufferWriter<byte> _stateKey = new();
    private readonly SweptKeys _swept = new();
    private InputReader? _remover;
    private int _nextDeleted;
    private int _deletedRows;

    /// <summary>Rows changed or gone since they were saved, at most.</summary>
    public int Unsaved => _dirty.Count + _deletedRows;

    /// <summary>Saves rows that changed since the last call, and forgets those that are gone. After a transaction, when all that it touched is emitted.</summary>
    /// <param name="target">Where to.</param>
    /// <param name="most">Most rows of one call.</param>
    /// <returns>How many are left at most; 0: all is saved.</returns>
    public int Save(IStateTarget target, int most)
    {
        for (; most > 0 && _nextDeleted < _deleted.WrittenCount; most--)
        {
            var rest = _deleted.WrittenSpan[_nextDeleted..];
            var length = BinaryPrimitives.ReadInt32LittleEndian(rest);
            target.Delete(rest.Slice(sizeof(int), length));
            _nextDeleted += sizeof(int) + length;
            _deletedRows--;
        }

        if (_nextDeleted == _deleted.WrittenCount)
        {
            if (_deleted.Capacity > MostKeptBytes)
                _deleted = new();
            else
                _deleted.ResetWrittenCount();
            _nextDeleted = 0;
        }

        while (most > 0 && _dirty.TryDequeue(out var changed))
        {
            var input = _plan.Inputs[changed.Input];
            if (!input.Has(changed.Slot, RowMarks.Dirty))
                continue;
            input.Mark(changed.Slot, RowMarks.None, RowMarks.Dirty);
            var row = input.Rows.Row(changed.Slot);
            WriteKey(input, row);
            _saved.ResetWrittenCount();
            _saved.GetSpan(1)[0] = (byte)(input.Rows.Marks(changed.Slot) & (byte)RowMarks.Present);
            _saved.Advance(1);
            _saved.Write(row);
            target.Put(_stateKey.WrittenSpan, _saved.WrittenSpan);
            most--;
        }

        return Unsaved;
    }

    /// <summary>Takes in a row that was saved by a plan of the same <see cref="Fingerprint"/>.</summary>
    /// <exception cref="PauseException">The limit of memory is reached.</exception>
    public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        var input = _plan.Inputs[key[0]];
        var slot = input.Rows.Put(value[1..]);
        input.Mark(slot, (RowMarks)value[0] & RowMarks.Present, RowMarks.Present);
        _areGroupsStale = true;
    }

    /// <summary>Forgets a row that was saved and deleted later.</summary>
    public void Delete(ReadOnlySpan<byte> key)
    {
        var input = _plan.Inputs[key[0]];
        var slot = input.Rows.Find(key[1..]);
        if (slot < 0)
            return;
        input.Rows.Marks(slot) = 0;
        input.Rows.Remove(slot);
        _areGroupsStale = true;
    }

    /// <summary>Keys of rows held of a table, to ask the source which of them it still has.</summary>
    /// <param name="table">The table.</param>
    /// <param name="cursor">0 at first; afterwards where the last call ended.</param>
    /// <param name="arena">Where rows are kept.</param>
    /// <param name="into">Room for rows in the shape of <see cref="SchemaOf"/>, of which the key counts.</param>
    /// <returns>How many; 0: there are no more. Rows may be removed between calls.</returns>
    public int Keys(TableName table, ref long cursor, RowArena arena, Span<ReadOnlyMemory<byte>> into)
    {
        var count = 0;
        var row = new RowBuilder();
        var inputs = InputsOf(table).ToList();
        for (var at = (int)(cursor >> 32); at < inputs.Count; at++, cursor = (long)at << 32)
        {
            var (input, tables) = inputs[at];
            var schema = tables.Find(table)!.Value.Schema; // not null: it is taken
            for (var slot = input.Rows.After((int)cursor - 1); slot >= 0; slot = input.Rows.After(slot))
            {
                if (tables.TellsTable && !tables.IsOf(table, input.Held, input.Rows.Row(slot)))
                    continue;
                WriteSourceKey(input, schema, slot, row);
                into[count++] = arena.Keep(row.Row);
                cursor = (long)at << 32 | (uint)(slot + 1);
                if (count == into.Length)
                    return count;
            }
        }

        return count;
    }

    /// <summary>Takes a row away that the source does not have any more.</summary>
    /// <param name="table">Its table.</param>
    /// <param name="row">A row in the shape of <see cref="SchemaOf"/>, of which the key counts.</param>
    /// <param name="offset">Offset of the change that said so.</param>
    /// <param name="committedAtMicros">Its time, microseconds since 1970 UTC.</param>
    public ApplyResult Remove(TableName table, ReadOnlySpan<byte> row, long offset, long committedAtMicros)
    {
        var result = ApplyResult.Filtered;
        foreach (var (input, tables) in InputsOf(table))
        {
            var reader = RemoverOf(input, tables, tables.Find(table)!.Value.Schema); // not null: it is taken
            var slot = reader.Find(row, ChangeKind.Sweep, offset);
            if (slot < 0)
                continue;
            if (!_isLoading)
                _swept.Add(SweptKeys.Of(input, reader.KeyHash));
            Change(input, slot, default, new(offset, committedAtMicros, ChangeKind.Delete), ref result);
        }

        return result;
    }

    /// <summary>Keys of rows that <see cref="Remove"/> took away and that the stream may still tell of; for <see cref="RememberSwept"/> after a restart.</summary>
    public ImmutableArray<long> Swept => [.. _swept.All];

    /// <summary>Takes in what <see cref="Swept"/> told.</summary>
    public void RememberSwept(IEnumerable<long> keys)
    {
        foreach (var key in keys)
            _swept.Add(key);
    }

    /// <summary>What the plan does and keeps, for people.</summary>
    public PlanDescription Describe() => new(
        [.. _plan.Inputs.Select(input => new PlanInput(
            input.Selection.Alias, input.Selection.Table, input.Selection.Where, input.Held.Columns, Names(input, input.Held.Key),
            [.. input.Indexes.Select(index => Names(input, index))], input.Rows.Count))],
        _plan.Joins, _rule.Group is { } group ? [.. group.Select(key => key.Name)] : null, _plan.Aggregates);

    private InputReader RemoverOf(Input input, TablesOfInput tables, TableSchema schema)
    {
        if (_remover is not { } known || known.Input != input || known.Schema != schema)
            _remover = new(input, tables, schema);
        return _remover;
    }

    private static ImmutableArray<string> Names(Input input, ImmutableArray<int> columns) => [.. columns.Select(column => input.Held.Columns[column].Name)];

    private static void WriteSourceKey(Input input, TableSchema schema, int slot, RowBuilder target)
    {
        var reader = new RowReader(input.Held, input.Rows.Row(slot));
        target.Begin(schema.Columns.Length);
        for (var ordinal = 0; ordinal < schema.Columns.Length; ordinal++)
        {
            var held = schema.Key.Contains(ordinal) ? input.Held.Find(schema.Columns[ordinal].Name) : -1;
            if (held < 0 || !reader.Seek(held) || !ValueConversion.TryWrite(ref reader, schema.Columns[ordinal], target))
                target.WriteNull();
        }
    }

    private void WriteKey(Input input, ReadOnlySpan<byte> row)
    {
        JoinKey.Write(input.Held, input.Held.Key, row, _key);
        _stateKey.ResetWrittenCount();
        _stateKey.GetSpan(1)[0] = (byte)input.Ordinal;
        _stateKey.Advance(1);
        _stateKey.Write(_key.WrittenSpan);
    }

    private void SetDirty(Input input, int slot)
    {
        if (input.Has(slot, RowMarks.Dirty))
            return;
        input.Mark(slot, RowMarks.Dirty);
        _dirty.Enqueue(((byte)input.Ordinal, slot));
    }

    // A row that is gone has no marks, so that what still names its slot passes it over.
    private void Forget(Input input, int slot)
    {
        WriteKey(input, input.Rows.Row(slot));
        BinaryPrimitives.WriteInt32LittleEndian(_deleted.GetSpan(sizeof(int)), _stateKey.WrittenCount);
        _deleted.Advance(sizeof(int));
        _deleted.Write(_stateKey.WrittenSpan);
        _deletedRows++;
        input.Rows.Marks(slot) = 0;
        input.Rows.Remove(slot);
    }
}
