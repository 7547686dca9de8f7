using System.Collections.Immutable;
using Leat.Changes;

namespace Leat.Transform.Plan;

// Changes whose rows may lack columns: binlog_row_image MINIMAL and NOBLOB.
public sealed partial class TablePlan
{
    // A delete needs the key alone: when the condition cannot be tested on the old row, the target may hold it, and deleting what is absent
    // does no harm. What the target shall hold has to be known as a whole, unless it keeps what it has: that is only of use while the key stays, and
    // while it is known that the target holds the row, so not when the row may just have met the condition.
    private int ApplyPartial(EncodedChange change, ReadOnlyMemory<byte> record, long offset, Span<Operation> operations, RowArena arena, bool takesPartialRows)
    {
        var before = (change.Marks & ChangeMarks.HasBefore) != 0 ? change.Before : default;
        var after = (change.Marks & ChangeMarks.HasAfter) != 0 ? change.After : default;
        var isTested = before.IsEmpty || FirstAbsent(Source, before, _map.FilterColumns) < 0;
        var leaves = !before.IsEmpty && (!isTested || _map.Accepts(before));
        var old = before.IsEmpty ? default : MappedPartial(before, default, record, change.BeforeOffset, arena, out _);
        var now = default(ReadOnlyMemory<byte>);
        var enters = false;
        var updates = false;
        if (!after.IsEmpty)
        {
            if (FirstAbsent(Source, after, _map.FilterColumns) is var tested and >= 0)
                throw PlanErrors.ColumnNotTold(_selection, Source.Columns[tested], change.Kind, inCondition: true, offset);
            enters = _map.Accepts(after);
            now = MappedPartial(after, before, record, change.AfterOffset, arena, out var mixed);
            var delivered = enters ? FirstAbsent(now.Span) : -1;
            updates = delivered >= 0 && mixed < 0 && takesPartialRows && isTested && leaves && Stays(old.Span, now.Span);
            if (delivered >= 0 && !updates)
                throw PlanErrors.ColumnNotTold(_selection, Shape.Schema.Columns[mixed >= 0 ? mixed : delivered], change.Kind, inCondition: false, offset);
        }

        if (change.Kind == ChangeKind.Update && before.IsEmpty && !enters)
        {
            operations[0] = Make(OperationKind.Delete, change, offset, now);
            return 1;
        }

        var count = 0;
        if (leaves && (!enters || !SameKey(old.Span, now.Span)))
        {
            RequireKey(change, old.Span, offset);
            if (change.Kind == ChangeKind.Delete && MarksDeleted && FirstAbsent(old.Span) is var lacking and >= 0)
                throw PlanErrors.ColumnNotTold(_selection, Shape.Schema.Columns[lacking], change.Kind, inCondition: false, offset);
            operations[count++] = Gone(change, offset, old, arena);
        }

        if (updates)
            operations[count++] = Make(OperationKind.Update, change, offset, now, old);
        else if (enters)
            operations[count++] = Make(OperationKind.Index, change, offset, now);
        return count;
    }

    private ReadOnlyMemory<byte> MappedPartial(ReadOnlySpan<byte> row, ReadOnlySpan<byte> before, ReadOnlyMemory<byte> record, int start, RowArena arena, out int mixed)
    {
        mixed = -1;
        if (IsAsRead)
            return record.Slice(start, row.Length);
        if (!_map.IsIdentity)
        {
            mixed = _map.MapPartial(row, before, _row);
            row = _row.Row;
        }

        if (_group is null)
            return arena.Keep(row);
        mixed = _group.Map(row, _part) && mixed < 0 ? -1 : Shape.Key.Length;
        return arena.Keep(_part.Row);
    }

    // Whether the target holds the row under the same key: it met the condition before.
    private bool Stays(ReadOnlySpan<byte> before, ReadOnlySpan<byte> after) =>
        FirstAbsent(Shape.Schema, before, Shape.Key) < 0 && FirstAbsent(Shape.Schema, after, Shape.Key) < 0 && SameKey(before, after);

    private void RequireKey(in EncodedChange change, ReadOnlySpan<byte> row, long offset)
    {
        if (FirstAbsent(Shape.Schema, row, Shape.Key) is var ordinal and >= 0)
            throw PlanErrors.ColumnNotTold(_selection, Shape.Schema.Columns[ordinal], change.Kind, inCondition: false, offset);
        if (_map.IsKeyComputed)
            RequireKeyValues(row, offset);
    }

    // The first of these columns that a row lacks; -1 when it has them all.
    private static int FirstAbsent(TableSchema schema, ReadOnlySpan<byte> row, ImmutableArray<int> ordinals)
    {
        var reader = new RowReader(schema, row);
        foreach (var ordinal in ordinals)
        {
            reader.Seek(ordinal);
            if (reader.IsAbsent)
                return ordinal;
        }

        return -1;
    }

    // The first delivered column that a mapped row lacks; -1 when there is none.
    private int FirstAbsent(ReadOnlySpan<byte> row)
    {
        var reader = new RowReader(Shape.Schema, row);
        foreach (var column in Shape.Columns)
        {
            reader.Seek(column.Ordinal);
            if (reader.IsAbsent)
                return column.Ordinal;
        }

        return -1;
    }
}
