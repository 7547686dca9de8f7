using Leat.Changes;
using Leat.Transform.Expressions;

namespace Leat.Transform.Plan;

// Changes whose rows may lack columns: binlog_row_image MINIMAL and NOBLOB.
public sealed partial class TablePlan
{
    // A delete needs the key alone: when the condition cannot be tested on the old row, the target may hold it, and deleting what is absent
    // does no harm. What the target shall hold has to be known as a whole, unless it keeps what it has: that is only of use while the key stays, and
    // while it is known that the target holds the row, so not when the row may just have met the condition.
    private int ApplyPartial(EncodedChange change, ReadOnlyMemory<byte> record, long offset, Span<Operation> operations, bool takesPartialRows)
    {
        var before = (change.Marks & ChangeMarks.HasBefore) != 0 ? change.Before : default;
        var after = (change.Marks & ChangeMarks.HasAfter) != 0 ? change.After : default;
        var leaves = !before.IsEmpty && (Untold(before, _filter) >= 0 || Accepts(before));
        var enters = false;
        var updates = false;
        if (!after.IsEmpty)
        {
            if (Untold(after, _filter) is var tested and >= 0)
                throw PlanErrors.ColumnNotTold(_selection, Shape.Schema.Columns[tested], change.Kind, inCondition: true, offset);
            enters = Accepts(after);
            var delivered = enters ? Untold(after) : -1;
            updates = delivered >= 0 && takesPartialRows && Stays(before, after);
            if (delivered >= 0 && !updates)
                throw PlanErrors.ColumnNotTold(_selection, Shape.Schema.Columns[delivered], change.Kind, inCondition: false, offset);
        }

        if (change.Kind == ChangeKind.Update && before.IsEmpty && !enters)
        {
            operations[0] = Make(OperationKind.Delete, change, offset, record[change.AfterOffset..]);
            return 1;
        }

        var count = 0;
        if (leaves && (!enters || !SameKey(before, after)))
        {
            RequireKey(change, before, offset);
            operations[count++] = Make(OperationKind.Delete, change, offset, record.Slice(change.BeforeOffset, before.Length));
        }

        if (updates)
            operations[count++] = Make(OperationKind.Update, change, offset, record[change.AfterOffset..], record.Slice(change.BeforeOffset, before.Length));
        else if (enters)
            operations[count++] = Make(OperationKind.Index, change, offset, record[change.AfterOffset..]);
        return count;
    }

    // Whether the target holds the row under the same key: it met the condition before.
    private bool Stays(ReadOnlySpan<byte> before, ReadOnlySpan<byte> after) =>
        !before.IsEmpty && KeyTold(before) && KeyTold(after) && SameKey(before, after) && Untold(before, _filter) < 0 && Accepts(before);

    private bool KeyTold(ReadOnlySpan<byte> row)
    {
        var reader = new RowReader(Shape.Schema, row);
        foreach (var ordinal in Shape.Key)
        {
            reader.Seek(ordinal);
            if (reader.IsAbsent)
                return false;
        }

        return true;
    }

    private void RequireKey(in EncodedChange change, ReadOnlySpan<byte> row, long offset)
    {
        var reader = new RowReader(Shape.Schema, row);
        foreach (var ordinal in Shape.Key)
        {
            reader.Seek(ordinal);
            if (reader.IsAbsent)
                throw PlanErrors.ColumnNotTold(_selection, Shape.Schema.Columns[ordinal], change.Kind, inCondition: false, offset);
        }
    }

    // The first column that the condition looks at and the row lacks; -1 when it can be tested.
    private int Untold(ReadOnlySpan<byte> row, RowFilter? filter)
    {
        if (filter is null)
            return -1;
        var reader = new RowReader(Shape.Schema, row);
        foreach (var ordinal in filter.Columns)
        {
            reader.Seek(ordinal);
            if (reader.IsAbsent)
                return ordinal;
        }

        return -1;
    }

    // The first delivered column that the row lacks; -1 when there is none.
    private int Untold(ReadOnlySpan<byte> row)
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
