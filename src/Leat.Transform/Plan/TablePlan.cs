using System.Collections.Immutable;
using Leat.Changes;
using Leat.Transform.Expressions;

namespace Leat.Transform.Plan;

/// <summary>What becomes of the changes of one table in one shape. Immutable; made anew when the table's shape changes.</summary>
/// <remarks>
/// <code>
///              before meets the filter   before does not
/// after meets          index                  index        (entering)
/// after does not       delete                 nothing
/// </code>
/// An update that moves the key is a delete of the old and an index of the new, each only as far as its image meets the filter.
/// </remarks>
public sealed partial class TablePlan
{
    /// <summary>Most operations that one change becomes.</summary>
    public const int MaxOperations = 2;

    private readonly ulong _aliasHash;
    private readonly RowFilter? _filter;
    private readonly TableSelection _selection;

    private TablePlan(TableSelection selection, Shape shape, RowFilter? filter)
    {
        Shape = shape;
        _filter = filter;
        _selection = selection;
        _aliasHash = KeyHash.Of(shape.Alias);
    }

    /// <summary>What the target shall hold.</summary>
    public Shape Shape { get; }

    /// <summary>Ties a selection to the table's present shape.</summary>
    /// <exception cref="PauseException">No primary key, or a selected column is missing.</exception>
    /// <exception cref="ExpressionException">The condition does not fit the table.</exception>
    public static TablePlan Compile(TableSelection selection, TableSchema schema)
    {
        if (schema.Key.IsEmpty)
            throw PlanErrors.NoKey(selection);

        var columns = ImmutableArray.CreateBuilder<ShapeColumn>();
        if (selection.Columns.IsEmpty)
        {
            for (var ordinal = 0; ordinal < schema.Columns.Length; ordinal++)
                columns.Add(new(schema.Columns[ordinal].Name, ordinal));
        }
        else
        {
            foreach (var key in schema.Key.Where(key => !selection.Columns.Contains(schema.Columns[key].Name)))
                columns.Add(new(schema.Columns[key].Name, key));
            foreach (var name in selection.Columns)
            {
                var ordinal = schema.Find(name);
                columns.Add(ordinal >= 0 ? new(name, ordinal) : throw PlanErrors.UnknownColumn(selection, name, schema));
            }
        }

        var shape = new Shape { Alias = selection.Alias, Schema = schema, Columns = columns.ToImmutable(), Key = schema.Key };
        return new(selection, shape, selection.Where is null ? null : Filter.Parse(selection.Where).Compile(schema));
    }

    /// <summary>Whether the target shall hold this row at all.</summary>
    public bool Accepts(ReadOnlySpan<byte> row) => _filter is null || _filter.Matches(row);

    /// <summary>Makes the operations of one change.</summary>
    /// <param name="record">The encoded change: the value of a log record.</param>
    /// <param name="offset">Its offset.</param>
    /// <param name="operations">Room for <see cref="MaxOperations"/>; rows in it are parts of <paramref name="record"/>.</param>
    /// <param name="takesPartialRows">Whether the target can write rows that lack delivered columns: then such a change becomes an update.</param>
    /// <returns>How many: 0 when the change does not concern the target.</returns>
    /// <exception cref="PauseException">The row lacks a column that is needed.</exception>
    public int Apply(ReadOnlyMemory<byte> record, long offset, Span<Operation> operations, bool takesPartialRows = false)
    {
        var change = new EncodedChange(record.Span);
        if (Shape.Schema.IsPartial)
            return ApplyPartial(change, record, offset, operations, takesPartialRows);
        var marks = change.Marks;
        var before = (marks & ChangeMarks.HasBefore) != 0 ? change.Before : default;
        var after = (marks & ChangeMarks.HasAfter) != 0 ? change.After : default;
        var leaves = !before.IsEmpty && Accepts(before);
        var enters = !after.IsEmpty && Accepts(after);

        // Nobody can tell whether the target holds the row: there is no image of before, or it was read again. Deleting what is absent does no harm.
        if (!enters && before.IsEmpty && change.Kind is ChangeKind.Update or ChangeKind.ReadAgain && !after.IsEmpty)
        {
            operations[0] = Make(OperationKind.Delete, change, offset, record[change.AfterOffset..]);
            return 1;
        }

        var count = 0;
        var stays = leaves && enters && SameKey(before, after);
        if (leaves && !stays)
            operations[count++] = Make(OperationKind.Delete, change, offset, record.Slice(change.BeforeOffset, before.Length));
        if (enters)
            operations[count++] = Make(OperationKind.Index, change, offset, record[change.AfterOffset..], stays ? record.Slice(change.BeforeOffset, before.Length) : default);
        return count;
    }

    /// <summary>The delete of a row that the target holds and shall lose, because of a change of the whole table.</summary>
    /// <param name="record">An encoded change whose before image is the row's key.</param>
    /// <param name="offset">Offset of the change of the table.</param>
    public Operation Remove(ReadOnlyMemory<byte> record, long offset)
    {
        var change = new EncodedChange(record.Span);
        return Make(OperationKind.Delete, change, offset, record.Slice(change.BeforeOffset, change.Before.Length));
    }

    private Operation Make(OperationKind kind, in EncodedChange change, long offset, ReadOnlyMemory<byte> row, ReadOnlyMemory<byte> before = default) => new()
    {
        Kind = kind,
        Cause = change.Kind,
        Offset = offset,
        CommittedAtMicros = change.CommittedAtMicros,
        Shape = Shape,
        Row = row,
        Before = before,
        KeyHash = KeyHash.Of(_aliasHash, Shape.Schema, Shape.Key, row.Span),
    };

    private bool SameKey(ReadOnlySpan<byte> before, ReadOnlySpan<byte> after)
    {
        var old = new RowReader(Shape.Schema, before);
        var now = new RowReader(Shape.Schema, after);
        foreach (var ordinal in Shape.Key)
        {
            old.Seek(ordinal);
            now.Seek(ordinal);
            if (old.IsNull != now.IsNull || !old.Bytes.SequenceEqual(now.Bytes))
                return false;
        }

        return true;
    }
}
