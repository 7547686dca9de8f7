using System.Buffers;
using Leat.Changes;
using Leat.Transform.State;

namespace Leat.Transform.Plan.Documents;

// From what was touched, or waits, to operations.
public sealed partial class DocumentPlan
{
    private const int MostKeptBytes = 1 << 20;
    private const int MostKeptWaiting = 4_096;

    // Of a slot in a list that doubles.
    private const long WaitingBytes = 2 * sizeof(int);

    private readonly List<int> _waiting = [];
    private readonly ArrayBufferWriter<byte> _contribution = new();
    private readonly ArrayBufferWriter<byte> _key = new();
    private int _nextTouched;
    private int _nextWaiting;
    private int? _walk;
    private Queue<Group>? _waitingGroups;

    /// <summary>Whether something that the ended transaction touched is still to be emitted.</summary>
    public bool HasTouched => _isEnded && _nextTouched < (_plan.Groups is { } groups ? groups.Touched.Count : _touched.Count);

    /// <summary>Whether documents wait in the background.</summary>
    public bool HasBacklog => _nextWaiting < _waiting.Count || _walk is not null || _waitingGroups is { Count: > 0 };

    /// <summary>Documents that wait in the background, at most.</summary>
    public long Backlog { get; private set; }

    /// <summary>Emits what the ended transaction touched, in the order of the changes that touched it last. Called until it returns 0, before the next change is applied.</summary>
    /// <param name="arena">Where rows of operations are kept.</param>
    /// <param name="into">Room for operations.</param>
    /// <returns>How many; 0: all are emitted.</returns>
    public int Emit(RowArena arena, Span<Operation> into)
    {
        var count = 0;
        while (HasTouched && count < into.Length)
        {
            if (_plan.Groups is { } groups)
            {
                if (TryEmit(groups, groups.Touched[_nextTouched++], arena, out into[count]))
                    count++;
                continue;
            }

            ref var touched = ref _touched[_nextTouched++];
            var before = _befores.WrittenSpan.Slice(touched.Before.At, touched.Before.Length);
            if (TryEmit(touched.Slot, touched.Touch, before, arena, out into[count]))
                count++;
            Release(touched.Slot);
        }

        if (_isEnded && !HasTouched)
            EndEmitted();
        return count;
    }

    /// <summary>Emits some of the documents that wait, as they are now. Not between a change and the end of its transaction.</summary>
    /// <param name="arena">Where rows of operations are kept.</param>
    /// <param name="into">Room for operations; each of them is <see cref="Operation.IsUnpositioned"/>.</param>
    /// <param name="offset">Offset of the last change applied.</param>
    /// <param name="committedAtMicros">Its time, microseconds since 1970 UTC.</param>
    /// <returns>How many; 0: none wait any more.</returns>
    public int EmitBacklog(RowArena arena, Span<Operation> into, long offset, long committedAtMicros)
    {
        RefreshGroups();
        var touch = new Touch(offset, committedAtMicros, ChangeKind.Update);
        var count = 0;
        while (count < into.Length && _waitingGroups is { Count: > 0 })
        {
            var group = _waitingGroups.Dequeue();
            Backlog--;
            if (!group.IsWaiting)
                continue; // it was emitted since
            group.IsWaiting = false;
            var row = _plan.Groups!.Row(group); // not null: groups wait
            if (!row.IsEmpty)
                into[count++] = Make(OperationKind.Index, touch, arena.Keep(row), default, isUnpositioned: true);
        }

        while (count < into.Length && NextWaiting() is var slot and >= 0)
        {
            if (TryEmit(slot, touch, default, arena, out into[count], isUnpositioned: true))
                count++;
        }

        // A list that never becomes empty does not grow for ever.
        if (_nextWaiting == _waiting.Count)
            ClearWaiting();
        else if (_nextWaiting > MostKeptWaiting && _nextWaiting > _waiting.Count / 2)
            ForgetEmitted();
        return count;
    }

    /// <summary>Puts every document into the background: after loading, and when the target has to be written anew.</summary>
    /// <exception cref="PauseException">Groups do not fit into the memory.</exception>
    public void EmitAll()
    {
        RefreshGroups();
        if (_plan.Groups is { } groups)
        {
            _waitingGroups ??= [];
            foreach (var group in groups.All.Where(group => !group.IsWaiting))
            {
                group.IsWaiting = true;
                _waitingGroups.Enqueue(group);
            }

            Backlog = _waitingGroups.Count;
            return;
        }

        var root = _plan.Inputs[0];
        ClearWaiting();
        Backlog = root.Rows.Count;
        for (var slot = root.Rows.After(-1); slot >= 0; slot = root.Rows.After(slot))
            root.Mark(slot, RowMarks.Waiting);
        _walk = -1;
    }

    /// <summary>Makes one document anew by its key: as it is, or deleted when there is none.</summary>
    /// <param name="row">A row in the shape of documents, of which the key counts.</param>
    /// <param name="offset">Offset of the last change applied.</param>
    /// <param name="committedAtMicros">Its time, microseconds since 1970 UTC.</param>
    /// <param name="arena">Where the operation's row is kept.</param>
    public Operation EmitKey(ReadOnlySpan<byte> row, long offset, long committedAtMicros, RowArena arena)
    {
        RefreshGroups();
        var touch = new Touch(offset, committedAtMicros, ChangeKind.Update);
        if (_plan.Groups is { } groups)
        {
            var document = groups.FindByRow(row) is { } group ? groups.Row(group) : default;
            return document.IsEmpty
                ? Make(OperationKind.Delete, touch, arena.Keep(row), default, isUnpositioned: true)
                : Make(OperationKind.Index, touch, arena.Keep(document), default, isUnpositioned: true);
        }

        JoinKey.Write(Shape.Schema, Shape.Key, row, _key);
        var slot = _plan.Inputs[0].Rows.Find(_key.WrittenSpan);
        if (slot >= 0)
        {
            // Whatever the target holds: a document that there is not is deleted.
            var waits = _plan.Inputs[0].Has(slot, RowMarks.Waiting);
            _plan.Inputs[0].Mark(slot, RowMarks.Present);
            SetDirty(_plan.Inputs[0], slot);
            var isThere = TryEmit(slot, touch, default, arena, out var operation, isUnpositioned: true);
            if (waits)
            {
                // Who asks may not send it, or in the place of an older one: what the target takes comes in its turn.
                _plan.Inputs[0].Mark(slot, RowMarks.Waiting);
                Backlog++;
            }

            if (isThere)
                return operation;
        }

        return Make(OperationKind.Delete, touch, arena.Keep(row), default, isUnpositioned: true);
    }

    /// <summary>Looks for a document by the hash of its key: all of them are looked at.</summary>
    /// <param name="keyHash">As <see cref="Operation.KeyHash"/>.</param>
    /// <param name="arena">Where the row is kept.</param>
    /// <returns>A row in the shape of documents, of which the key counts; empty when there is none.</returns>
    public ReadOnlyMemory<byte> Find(ulong keyHash, RowArena arena)
    {
        RefreshGroups();
        if (_plan.Groups is { } groups)
        {
            foreach (var group in groups.All)
            {
                var row = groups.Row(group);
                if (!row.IsEmpty && HashOf(row) == keyHash)
                    return arena.Keep(row);
            }

            return default;
        }

        var root = _plan.Inputs[0];
        for (var slot = root.Rows.After(-1); slot >= 0; slot = root.Rows.After(slot))
        {
            if (KeyHash.Of(_aliasHash, root.Held, root.Held.Key, root.Rows.Row(slot)) == keyHash)
                return arena.Keep(KeyRow(slot));
        }

        return default;
    }

    private bool TryEmit(int slot, in Touch touch, ReadOnlySpan<byte> before, RowArena arena, out Operation operation, bool isUnpositioned = false)
    {
        var root = _plan.Inputs[0];
        var held = root.Rows.Row(slot);
        var wasPresent = root.Has(slot, RowMarks.Present);
        if (root.Has(slot, RowMarks.Waiting))
        {
            root.Mark(slot, RowMarks.None, RowMarks.Waiting);
            Backlog--;
        }

        if (!root.Has(slot, RowMarks.Gone) && _plan.Root.TryBuild(held))
        {
            // Whatever happened to which table: to the target the document is new, or there is one already.
            var cause = wasPresent ? ChangeKind.Update : ChangeKind.Insert;
            operation = Make(OperationKind.Index, touch with { Cause = cause }, arena.Keep(_plan.Root.Row), wasPresent && !before.IsEmpty ? arena.Keep(before) : default, isUnpositioned);
            if (wasPresent)
                return true;
            root.Mark(slot, RowMarks.Present);
            SetDirty(root, slot);
            return true;
        }

        operation = default;
        if (!wasPresent)
            return false;
        operation = Make(OperationKind.Delete, touch, arena.Keep(before.IsEmpty ? KeyRow(slot) : before), default, isUnpositioned);
        root.Mark(slot, RowMarks.None, RowMarks.Present);
        SetDirty(root, slot);
        return true;
    }

    private bool TryEmit(GroupPlan groups, Group group, RowArena arena, out Operation operation)
    {
        operation = default;
        var before = groups.Before(group);
        var row = groups.Row(group);
        if (row.SequenceEqual(before))
            return false;
        group.IsWaiting = false;
        var kept = arena.Keep(row.IsEmpty ? before : row);
        operation = row.IsEmpty
            ? Make(OperationKind.Delete, group.Touch, kept, default, isUnpositioned: false)
            : Make(OperationKind.Index, group.Touch with { Cause = before.IsEmpty ? ChangeKind.Insert : ChangeKind.Update }, kept, WantsBefore && !before.IsEmpty ? arena.Keep(before) : default, isUnpositioned: false);
        return true;
    }

    private Operation Make(OperationKind kind, in Touch touch, ReadOnlyMemory<byte> row, ReadOnlyMemory<byte> before, bool isUnpositioned) => new()
    {
        Kind = kind,
        Cause = touch.Cause,
        Offset = touch.Offset,
        CommittedAtMicros = touch.CommittedAtMicros,
        Shape = Shape,
        Row = row,
        Before = before,
        KeyHash = HashOf(row.Span),
        IsUnpositioned = isUnpositioned,
    };

    private ulong HashOf(ReadOnlySpan<byte> row) => KeyHash.Of(_aliasHash, Shape.Schema, Shape.Key, row);

    // A root after its transaction: a deleted one is gone now.
    private void Release(int slot)
    {
        var root = _plan.Inputs[0];
        root.Mark(slot, RowMarks.None, RowMarks.Touched);
        if (root.Has(slot, RowMarks.Gone))
            Forget(root, slot);
    }

    // What each touched row contributed is taken away, what it contributes now is added. Afterwards the groups that differ are emitted.
    private void EndGroups(GroupPlan groups)
    {
        for (var i = 0; i < _touched.Count; i++)
        {
            ref var touched = ref _touched[i];
            var before = _befores.WrittenSpan.Slice(touched.Before.At, touched.Before.Length);
            _contribution.ResetWrittenCount();
            if (!touched.IsGone)
                groups.TryWrite(_plan.Inputs[0].Rows.Row(touched.Slot), _contribution);
            if (!before.SequenceEqual(_contribution.WrittenSpan))
            {
                if (!before.IsEmpty)
                    groups.Apply(before, isNew: false, touched.Touch);
                if (_contribution.WrittenCount > 0)
                    groups.Apply(_contribution.WrittenSpan, isNew: true, touched.Touch);
            }

            Release(touched.Slot);
        }

        _touched.Clear();
        groups.SortTouched();
    }

    private void EndEmitted()
    {
        _plan.Groups?.EndTouched();
        _touched.Clear();
        _nextTouched = 0;
        _memory.HoldAside(-_heldTouched);
        _heldTouched = 0;
        if (_befores.Capacity > MostKeptBytes)
            _befores = new();
        else
            _befores.ResetWrittenCount();
        if (_roots.Capacity > MostKeptBytes / sizeof(int))
        {
            _roots.Clear();
            _roots.Capacity = 0;
        }

        if (_memory.IsWasteful)
            MoveRows();
    }

    private void MoveRows()
    {
        _memory.BeginMoving();
        foreach (var input in _plan.Inputs)
            input.Rows.Move();
        _memory.EndMoving();
    }

    private void RefreshGroups()
    {
        if (!_areGroupsStale || _plan.Groups is not { } groups)
            return;
        groups.Begin();
        _waitingGroups?.Clear();
        var root = _plan.Inputs[0];
        for (var slot = root.Rows.After(-1); slot >= 0; slot = root.Rows.After(slot))
        {
            _contribution.ResetWrittenCount();
            if (groups.TryWrite(root.Rows.Row(slot), _contribution))
                groups.Apply(_contribution.WrittenSpan, isNew: true, default);
        }

        groups.EndTouched();
        _areGroupsStale = false; // what did not fit is begun anew
    }

    private bool Wait(int slot)
    {
        var root = _plan.Inputs[0];
        if (root.Has(slot, RowMarks.Waiting | RowMarks.Gone))
            return false;
        _memory.HoldAside(WaitingBytes);
        root.Mark(slot, RowMarks.Waiting);
        _waiting.Add(slot);
        Backlog++;

        // It may be emitted, and that be forgotten by a restart that comes to its end before it is emitted again.
        if (!root.Has(slot, RowMarks.Present))
        {
            root.Mark(slot, RowMarks.Present);
            SetDirty(root, slot);
        }

        return true;
    }

    private void ForgetEmitted()
    {
        _memory.HoldAside(-WaitingBytes * _nextWaiting);
        _waiting.RemoveRange(0, _nextWaiting);
        _nextWaiting = 0;
    }

    private void ClearWaiting()
    {
        _memory.HoldAside(-WaitingBytes * _waiting.Count);
        _waiting.Clear();
        _nextWaiting = 0;
        if (_waiting.Capacity > MostKeptBytes / sizeof(int))
            _waiting.Capacity = 0;
    }

    // Slots in the list may have been given to others since, or been emitted; those do not wait.
    private int NextWaiting()
    {
        var root = _plan.Inputs[0];
        while (_nextWaiting < _waiting.Count)
        {
            var slot = _waiting[_nextWaiting++];
            if (root.Has(slot, RowMarks.Waiting))
                return slot;
        }

        ClearWaiting();
        while (_walk is { } last)
        {
            var slot = root.Rows.After(last);
            _walk = slot < 0 ? null : slot;
            if (slot >= 0 && root.Has(slot, RowMarks.Waiting))
                return slot;
        }

        return -1;
    }
}
