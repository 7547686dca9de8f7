using System.Buffers;
using System.Collections.Immutable;
using System.Diagnostics;
using Leat.Changes;
using Leat.Transform.Plan.Rules;
using Leat.Transform.State;

namespace Leat.Transform.Plan.Documents;

/// <summary>Makes documents of the rows of several tables: joined, nested, grouped. For one thread.</summary>
/// <remarks>
/// The rows that documents need are held; documents are not. A change marks the roots whose documents it concerns, and at the end of its transaction each of these documents is
/// made anew from the rows, and emitted once. So what is held is a function of the stream below an offset, and documents are a function of what is held: in whatever order
/// rows arrive, the documents end up the same.
/// <code>
/// Apply … Apply  EndTransaction  Emit … Emit (until 0)  [EmitBacklog]  [Save …]  Apply …
/// </code>
/// </remarks>
public sealed partial class DocumentPlan : IDisposable
{
    /// <summary>Most documents that one change emits at once; if it concerns more of them, all wait in the background.</summary>
    public const int MostDirect = 64;

    // As many when each has to tell what it was before, which nobody knows any more by the time the background comes to it; they are kept in memory meanwhile.
    private const int MostDirectWithBefore = 4096;

    private readonly DocumentRule _rule;
    private readonly StateMemory _memory;
    private readonly Dictionary<uint, InputReader[]> _readers = [];
    private readonly List<int> _roots = [];
    private readonly TouchedRoots _touched = new();
    private ArrayBufferWriter<byte> _befores = new();
    private readonly ulong _aliasHash;
    private ImmutableArray<TablesOfInput> _tables;
    private CompiledDocument _plan;
    private long _heldTouched;
    private bool _areGroupsStale = true;
    private bool _isEnded;
    private bool _isLoading;

    private DocumentPlan(DocumentRule rule, ImmutableArray<TablesOfInput> tables, StateMemory memory, CompiledDocument plan) =>
        (_rule, _tables, _memory, _plan, _aliasHash) = (rule, tables, memory, plan, KeyHash.Of(rule.Root));

    /// <summary>Shape of the documents; its alias is the root's.</summary>
    public Shape Shape => _plan.Shape;

    /// <summary>Tells what is held apart from what another plan holds: tables, columns, keys, conditions. Saved rows of another fingerprint cannot be loaded.</summary>
    public string Fingerprint => _plan.Fingerprint;

    /// <summary>Whether rows are only taken in, and nothing is emitted: until the source has told all tables as a whole. Default false.</summary>
    public bool IsLoading
    {
        get => _isLoading;
        set
        {
            _areGroupsStale |= _isLoading && !value;
            _isLoading = value;
        }
    }

    /// <summary>
    /// Whether operations shall tell the document as it was before, for targets that find it by other columns than the key. Those that waited in the background do not: a change then
    /// emits up to 4,096 documents at once. Default false.
    /// </summary>
    public bool WantsBefore { get; set; }

    /// <summary>Changes and deletes of rows that should have been held and were not.</summary>
    public long Retractions { get; private set; }

    /// <summary>Whether documents may be wrong: something was taken away that was not there. <c>leat rebuild</c> makes them anew.</summary>
    public bool IsSuspect => Retractions > 0 || _plan.Groups is { Missed: > 0 };

    /// <summary>Bytes of memory that the rows take, and for a while what is noted of the documents that a transaction touches, or that wait.</summary>
    public long StateBytes => _memory.Bytes + _memory.AsideBytes;

    /// <summary>Most bytes that the rows may take; for notes there is a quarter as much beside.</summary>
    public long StateLimitBytes => _memory.LimitBytes;

    /// <summary>Rows held of all tables.</summary>
    public long StateRows => _plan.Inputs.Sum(input => (long)input.Rows.Count);

    /// <summary>Rows of the root that are held: a document for each, but for those that <c>where</c> leaves out.</summary>
    public long Roots => _plan.Inputs.Where(input => input.IsRoot).Sum(input => (long)input.Rows.Count);

    /// <summary>Ties a rule to the shapes of its tables; nothing is held yet.</summary>
    /// <param name="rule">The rule.</param>
    /// <param name="tables">The pipeline's tables; each stands for one table of the source.</param>
    /// <param name="schemaOf">The present shape of a table; <see langword="null"/> when the source has told of none.</param>
    /// <exception cref="PauseException">The rule does not fit the tables; names file, line and column.</exception>
    public static DocumentPlan Compile(DocumentRule rule, ImmutableArray<TableSelection> tables, Func<TableName, TableSchema?> schemaOf) =>
        Compile(rule, tables, tables.Where(table => table.Pattern is null).Select(table => schemaOf(table.Table)).OfType<TableSchema>());

    /// <summary>Ties a rule to the shapes of its tables; nothing is held yet.</summary>
    /// <param name="rule">The rule.</param>
    /// <param name="tables">The pipeline's tables; each may stand for several tables of the source.</param>
    /// <param name="schemas">The present shapes of the source's tables; those that the pipeline does not take are passed over.</param>
    /// <exception cref="PauseException">The rule does not fit the tables; names file, line and column.</exception>
    public static DocumentPlan Compile(DocumentRule rule, ImmutableArray<TableSelection> tables, IEnumerable<TableSchema> schemas)
    {
        var known = schemas.ToList();
        ImmutableArray<TablesOfInput> inputs =
        [
            .. tables.Select(selection => known.Aggregate(new TablesOfInput(selection), (input, schema) => input.Takes(schema.Table) ? input.With(schema.As(partial: false), 0) : input)),
        ];
        var memory = new StateMemory(Math.Min(rule.StateBytes, StateMemory.MostBytes));
        var plan = DocumentCompiler.Compile(rule, inputs, memory, reuse: null);
        return new(rule, inputs, memory, plan);
    }

    /// <summary>Whether documents need the table.</summary>
    public bool Takes(TableName table) => InputsOf(table).Any();

    /// <summary>
    /// Whether its rows are told from those of others that are one with it. If not, <see cref="Truncate(TableName, long, long)"/> cannot be used, and of its <see cref="Keys"/> a row is gone only when none of
    /// these tables has it.
    /// </summary>
    public bool TellsRowsOf(TableName table) => InputsOf(table).All(pair => pair.Tables.TellsTable);

    /// <summary>Rows held of a table.</summary>
    /// <param name="alias">Its name in the pipeline.</param>
    public long Rows(string alias) => _plan.Inputs.Where(input => input.Selection.Alias == alias).Sum(input => (long)input.Rows.Count);

    /// <summary>Takes in one change of a row of a table that it takes, in a shape that it has learnt.</summary>
    /// <param name="record">The encoded change: insert, update, delete, read or read again.</param>
    /// <param name="offset">Its offset.</param>
    /// <exception cref="PauseException">The limit of memory is reached, or the source did not tell a column that is needed. The plan is of no use any more, for the change may be applied in part.</exception>
    public ApplyResult Apply(ReadOnlySpan<byte> record, long offset)
    {
        var change = new EncodedChange(record);
        var result = ApplyResult.Filtered;
        foreach (var reader in _readers[change.SchemaId])
        {
            var one = Apply(reader, change, offset);
            if (one > result)
                result = one;
        }

        return result;
    }

    /// <summary>Takes all rows of a table away: the source emptied it.</summary>
    /// <param name="table">The table.</param>
    /// <param name="offset">Offset of the change.</param>
    /// <param name="committedAtMicros">Its time, microseconds since 1970 UTC.</param>
    public ApplyResult Truncate(TableName table, long offset, long committedAtMicros) => Truncate(table, offset, committedAtMicros, int.MaxValue, out _);

    /// <summary>Takes rows of a table away: the source emptied it.</summary>
    /// <param name="table">The table.</param>
    /// <param name="offset">Offset of the change.</param>
    /// <param name="committedAtMicros">Its time, microseconds since 1970 UTC.</param>
    /// <param name="most">Most rows of one call.</param>
    /// <param name="isWhole">Whether none are left; otherwise to be called again after what was touched is emitted.</param>
    public ApplyResult Truncate(TableName table, long offset, long committedAtMicros, int most, out bool isWhole)
    {
        var result = ApplyResult.Filtered;
        isWhole = false;
        foreach (var (input, tables) in InputsOf(table))
        {
            if (!input.Selection.When.HasFlag(FollowedOperations.Delete))
                continue;
            if (!tables.TellsTable)
                throw new InvalidOperationException("nothing tells rows of the emptied table from others");
            for (var slot = input.Rows.After(-1); slot >= 0; slot = input.Rows.After(slot))
            {
                if (!tables.IsOf(table, input.Held, input.Rows.Row(slot)))
                    continue;
                if (most-- == 0)
                    return result;
                Change(input, slot, default, new(offset, committedAtMicros, ChangeKind.Delete), ref result);
            }
        }

        isWhole = true;
        return result;
    }

    /// <summary>Ends a transaction of the source: what it touched is now emitted.</summary>
    /// <exception cref="PauseException">Groups do not fit into the memory. The plan is of no use any more.</exception>
    public void EndTransaction()
    {
        _isEnded = true;
        if (_plan.Groups is { } groups)
            EndGroups(groups);
        else
            _touched.Sort();
        if (!HasTouched)
            EndEmitted();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var input in _plan.Inputs)
            input.Rows.Clear();
    }

    private IEnumerable<(Input Input, TablesOfInput Tables)> InputsOf(TableName table)
    {
        foreach (var tables in _tables)
        {
            if (tables.Takes(table) && _plan.Inputs.FirstOrDefault(input => input.Selection.Alias == tables.Selection.Alias) is { } input)
                yield return (input, tables);
        }
    }

    private static bool Follows(FollowedOperations when, ChangeKind kind) => (when & kind switch
    {
        ChangeKind.Update => FollowedOperations.Update,
        ChangeKind.Delete => FollowedOperations.Delete,
        _ => FollowedOperations.Insert,
    }) != 0;

    private ApplyResult Apply(InputReader reader, in EncodedChange change, long offset)
    {
        Debug.Assert(!_isEnded || !HasTouched, "what the last transaction touched is emitted first");
        _isEnded = false;
        var input = reader.Input;
        var kind = change.Kind;
        if (!Follows(input.Selection.When, kind))
            return ApplyResult.Filtered;
        var touch = new Touch(offset, change.CommittedAtMicros, kind);
        var before = (change.Marks & ChangeMarks.HasBefore) != 0 ? change.Before : default;
        var after = (change.Marks & ChangeMarks.HasAfter) != 0 ? change.After : default;

        var held = reader.Find(before.IsEmpty ? after : before, kind, offset);
        var keyHash = reader.KeyHash;
        if (held >= 0 && input.Has(held, RowMarks.Gone))
            held = -1;
        ReadOnlySpan<byte> row = default;
        if (!after.IsEmpty && !reader.TryTake(after, before, held, kind, offset, out row))
            row = default;
        var result = ApplyResult.Filtered;
        if (held < 0 && !before.IsEmpty && !_isLoading && reader.Took(before))
        {
            // It was never told, or taken away before: documents that needed it were wrong. What a sweep took away the stream may still tell of.
            if (!_swept.Take(SweptKeys.Of(input, keyHash)))
                Retractions++;
            result = ApplyResult.Folded;
        }

        // What is put under another key comes before what is taken away, so that the roots of each are reached as they were.
        var target = row.IsEmpty ? -1 : held >= 0 && before.IsEmpty ? held : input.Rows.FindSame(row);
        if (!row.IsEmpty)
            Change(input, target, row, touch, ref result);
        if (held >= 0 && held != target)
            Change(input, held, default, touch, ref result);
        return result;
    }

    // Puts a row in the place of one, or of none; an empty row takes it away.
    private void Change(Input input, int slot, ReadOnlySpan<byte> row, in Touch touch, ref ApplyResult result)
    {
        if (result == ApplyResult.Filtered)
            result = ApplyResult.Folded;
        var old = slot < 0 || input.Has(slot, RowMarks.Gone) ? default : input.Rows.Row(slot);
        if (old.SequenceEqual(row))
            return;
        if (_isLoading)
        {
            Store(input, slot, row);
            return;
        }

        RefreshGroups();
        var isFirst = input.IsRoot ? slot >= 0 && (CanWait(slot) && !row.IsEmpty ? Wait(slot) : TouchRoot(slot, touch)) : TouchRoots(input, old, row, touch);
        var stored = Store(input, slot, row);
        if (input.IsRoot && slot < 0)
            isFirst = IsCrowded ? Wait(stored) : TouchNew(stored, touch);
        else if (input.IsRoot && input.Has(slot, RowMarks.Touched))
            _touched.Of(slot) = _touched.Of(slot) with { IsGone = row.IsEmpty, Touch = touch };
        if (isFirst)
            result = ApplyResult.Planned;
    }

    private int Store(Input input, int slot, ReadOnlySpan<byte> row)
    {
        if (!row.IsEmpty)
        {
            slot = input.Rows.Put(row);
            input.Mark(slot, RowMarks.None, RowMarks.Gone);
            SetDirty(input, slot);
        }
        else if (input.IsRoot && !_isLoading)
        {
            // It keeps its place until its document is deleted, or until it is inserted again.
            input.Mark(slot, RowMarks.Gone);
        }
        else
        {
            Forget(input, slot);
        }

        return slot;
    }

    // Before anything changes, for what they were is noted. Returns whether one of them was not touched before.
    private bool TouchRoots(Input input, ReadOnlySpan<byte> old, ReadOnlySpan<byte> row, in Touch touch)
    {
        _roots.Clear();
        foreach (var join in input.Joins)
        {
            if (!old.IsEmpty)
                join.AddRoots(old, _roots);
            if (!row.IsEmpty && (old.IsEmpty || !join.IsSame(old, row)))
                join.AddRoots(row, _roots);
        }

        var isFirst = false;
        var waits = IsCrowded || _plan.Groups is null && _roots.Count > (WantsBefore ? MostDirectWithBefore : MostDirect);
        foreach (var root in _roots)
            isFirst |= waits && !_plan.Inputs[0].Has(root, RowMarks.Touched) ? Wait(root) : TouchRoot(root, touch);
        return isFirst;
    }

    // When notes of the open transaction fill half of the memory for them, further documents wait in the background, which takes much less. Those that go cannot.
    private bool IsCrowded => _plan.Groups is null && !WantsBefore && _memory.AsideBytes > _memory.MostAsideBytes / 2;

    private bool CanWait(int slot) => IsCrowded && !_plan.Inputs[0].Has(slot, RowMarks.Touched | RowMarks.Gone);

    private bool TouchRoot(int slot, in Touch touch)
    {
        var input = _plan.Inputs[0];
        if (input.Has(slot, RowMarks.Touched))
        {
            ref var touched = ref _touched.Of(slot);
            if (!touched.IsGone)
                touched.Touch = touch;
            return false;
        }

        var at = _befores.WrittenCount;
        if (_plan.Groups is { } groups)
            groups.TryWrite(input.Rows.Row(slot), _befores);
        else if (WantsBefore && input.Has(slot, RowMarks.Present))
            _befores.Write(_plan.Root.TryBuild(input.Rows.Row(slot)) ? _plan.Root.Row : KeyRow(slot));
        var length = _befores.WrittenCount - at;
        HoldTouched(length);
        input.Mark(slot, RowMarks.Touched);
        _touched.Add(new() { Slot = slot, Touch = touch, Before = (at, length) });
        return true;
    }

    private bool TouchNew(int slot, in Touch touch)
    {
        HoldTouched(0);
        _plan.Inputs[0].Mark(slot, RowMarks.Touched);
        _touched.Add(new() { Slot = slot, Touch = touch });
        return true;
    }

    private void HoldTouched(int beforeBytes)
    {
        _memory.HoldAside(TouchedRoots.BytesEach + beforeBytes);
        _heldTouched += TouchedRoots.BytesEach + beforeBytes;
    }

    private ReadOnlySpan<byte> KeyRow(int slot)
    {
        _plan.Root.BuildKey(_plan.Inputs[0].Rows.Row(slot));
        return _plan.Root.Row;
    }
}
