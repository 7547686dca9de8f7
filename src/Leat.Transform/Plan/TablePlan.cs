using Leat.Changes;
using Leat.Transform.Plan.Parts;

namespace Leat.Transform.Plan;

/// <summary>What becomes of the changes of one table in one shape. Made anew when the table's shape changes. For one thread at a time.</summary>
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
    private readonly RowMap _map;
    private readonly TableSelection _selection;
    private readonly RowBuilder _row = new();
    private readonly RowBuilder _part = new();

    // Of a part of target rows whose fields stand in one object.
    private readonly GroupRow? _group;

    // Tells the key hashes of parts apart: what became of one says nothing of another. 0 for the root, and for whole rows.
    private readonly ulong _partHash;

    private TablePlan(RowMap map, Shape shape, GroupRow? group)
    {
        Shape = shape;
        _map = map;
        _group = group;
        _selection = map.Selection;
        _aliasHash = KeyHash.Of(shape.Alias);
        _partHash = shape.Part is { IsRoot: false } part ? KeyHash.Of(part.Table) : 0;
    }

    /// <summary>What the target shall hold.</summary>
    public Shape Shape { get; }

    /// <summary>The rules that it follows.</summary>
    public TableSelection Selection => _selection;

    /// <summary>Shape of the table at its source.</summary>
    public TableSchema Source => _map.Source;

    /// <summary>Whether a column of the target's key is a computed one, so that the source cannot be asked for a row by it.</summary>
    public bool IsKeyComputed => _map.IsKeyComputed;

    /// <summary>Whether a column of the target tells its rows from those of other tables that are one with it.</summary>
    public bool TellsShard => _map.TellsShard;

    /// <summary>Whether the pipeline follows deletes: otherwise the target keeps rows that the source does not have.</summary>
    public bool FollowsDeletes => _selection.When.HasFlag(FollowedOperations.Delete);

    /// <summary>Whether deleted rows stay at the target, marked; then a delete has to tell the whole row.</summary>
    public bool MarksDeleted => _map.MarksDeleted;

    /// <summary>Ties a selection to the table's present shape.</summary>
    /// <exception cref="PauseException">No primary key, a selected column is missing, or an expression does not fit.</exception>
    /// <exception cref="Expressions.ExpressionException">The condition does not fit the table, and nobody says where it stands.</exception>
    public static TablePlan Compile(TableSelection selection, TableSchema schema)
    {
        if (schema.Key.IsEmpty)
            throw PlanErrors.NoKey(selection);
        return Of(RowMap.Compile(selection, schema), known: null);
    }

    /// <summary>A plan that makes rows by a map.</summary>
    /// <param name="map">The map.</param>
    /// <param name="known">A shape of the same alias, which is used again when it is the same.</param>
    internal static TablePlan Of(RowMap map, Shape? known)
    {
        var group = default(GroupRow);
        var shape = default(Shape);
        if (map.Selection.Group is { } rule)
            (shape, group) = FieldGroups.Compile(map, rule);
        else
            shape = new() { Alias = map.Selection.Alias, Schema = map.Output, Columns = map.Columns, Key = map.Key, Replaced = map.Replaced };
        var isKnown = known is not null && known.Schema.Equals(shape.Schema) && known.Columns.SequenceEqual(shape.Columns) && known.Key.SequenceEqual(shape.Key)
            && known.Replaced.SequenceEqual(shape.Replaced) && known.Part == shape.Part;
        return new(map, isKnown ? known! : shape, group); // not null: isKnown says so
    }

    /// <summary>Whether the target shall hold this row of the source at all.</summary>
    public bool Accepts(ReadOnlySpan<byte> row) => _map.Accepts(row);

    /// <summary>A row of the source as the target shall hold it, encoded in the shape's schema.</summary>
    /// <returns>Valid until the next call; the row itself when it stays as it is.</returns>
    public ReadOnlySpan<byte> Map(ReadOnlySpan<byte> row)
    {
        if (IsAsRead)
            return row;
        return Made(row);
    }

    /// <summary>Hash of the target's key of a row.</summary>
    /// <param name="row">Encoded in the shape's schema.</param>
    public ulong KeyHashOf(ReadOnlySpan<byte> row) => OrderHashOf(row) ^ _partHash;

    /// <summary>Whether a row of the target can be one of this table's: of tables that are one, those whose column says so.</summary>
    /// <param name="row">Encoded in the shape's schema; of it the key counts.</param>
    public bool Holds(ReadOnlySpan<byte> row) => _map.IsOfShard(row);

    /// <summary>A row of the source of which only the key is there, made of a row of the target.</summary>
    /// <param name="row">Encoded in the shape's schema; of it the key counts.</param>
    /// <returns>Encoded in <see cref="Source"/>; <see langword="null"/> when the source can have no such row, or its key is a computed one.</returns>
    public byte[]? SourceKeyOf(ReadOnlySpan<byte> row) => _map.SourceKeyOf(_group is null ? row : _group.Back(row));

    /// <summary>Makes the operations of one change.</summary>
    /// <param name="record">The encoded change: the value of a log record.</param>
    /// <param name="offset">Its offset.</param>
    /// <param name="operations">Room for <see cref="MaxOperations"/>; rows in it are parts of <paramref name="record"/>, or in <paramref name="arena"/>.</param>
    /// <param name="arena">Where rows of the plan's own making live.</param>
    /// <param name="takesPartialRows">Whether the target can write rows that lack delivered columns: then such a change becomes an update.</param>
    /// <returns>How many: 0 when the change does not concern the target.</returns>
    /// <exception cref="PauseException">The row lacks a column that is needed.</exception>
    public int Apply(ReadOnlyMemory<byte> record, long offset, Span<Operation> operations, RowArena arena, bool takesPartialRows = false)
    {
        var change = new EncodedChange(record.Span);
        if (!Follows(change.Kind))
            return 0;
        if (Shape.Schema.IsPartial)
            return ApplyPartial(change, record, offset, operations, arena, takesPartialRows);
        var marks = change.Marks;
        var before = (marks & ChangeMarks.HasBefore) != 0 ? change.Before : default;
        var after = (marks & ChangeMarks.HasAfter) != 0 ? change.After : default;
        var leaves = !before.IsEmpty && _map.Accepts(before);
        var enters = !after.IsEmpty && _map.Accepts(after);

        // Nobody can tell whether the target holds the row: there is no image of before, or it was read again. Deleting what is absent does no harm.
        if (!enters && before.IsEmpty && change.Kind is ChangeKind.Update or ChangeKind.ReadAgain && !after.IsEmpty)
        {
            operations[0] = Make(OperationKind.Delete, change, offset, Mapped(after, record, change.AfterOffset, arena, offset));
            return 1;
        }

        var old = leaves ? Mapped(before, record, change.BeforeOffset, arena, offset) : default;
        var now = enters ? Mapped(after, record, change.AfterOffset, arena, offset) : default;
        var count = 0;
        var stays = leaves && enters && SameKey(old.Span, now.Span);
        if (leaves && !stays)
            operations[count++] = Gone(change, offset, old, arena);
        if (enters)
            operations[count++] = Make(OperationKind.Index, change, offset, now, stays ? old : default);
        return count;
    }

    /// <summary>The delete of a row that the target holds and shall lose, because of a change of the whole table; or its last state, when deleted rows stay.</summary>
    /// <param name="record">An encoded change whose before image is the row, or its key, in the shape's schema.</param>
    /// <param name="offset">Offset of the change of the table.</param>
    public Operation Remove(ReadOnlyMemory<byte> record, long offset)
    {
        var change = new EncodedChange(record.Span);
        return Make(MarksDeleted ? OperationKind.Index : OperationKind.Delete, change, offset, record.Slice(change.BeforeOffset, change.Before.Length));
    }

    /// <summary>A row that the target holds and the source has lost, as it stays there marked.</summary>
    /// <param name="row">The target's row, encoded in the shape's schema.</param>
    /// <returns>Valid until the next call.</returns>
    public ReadOnlySpan<byte> MarkDeleted(ReadOnlySpan<byte> row)
    {
        _map.MarkDeleted(row, _row);
        return _row.Row;
    }

    // A deleted row may stay, marked. One that only left the filter, or moved to another key, lives on at the source: nothing is marked for that.
    private Operation Gone(in EncodedChange change, long offset, ReadOnlyMemory<byte> row, RowArena arena)
    {
        if (change.Kind != ChangeKind.Delete || !MarksDeleted)
            return Make(OperationKind.Delete, change, offset, row);
        _map.MarkDeleted(row.Span, _row);
        return Make(OperationKind.Index, change, offset, arena.Keep(_row.Row), row);
    }

    private bool Follows(ChangeKind kind) => _selection.When == FollowedOperations.All || _selection.When.HasFlag(kind switch
    {
        ChangeKind.Update => FollowedOperations.Update,
        ChangeKind.Delete or ChangeKind.Truncate or ChangeKind.Sweep => FollowedOperations.Delete,
        _ => FollowedOperations.Insert,
    });

    private ReadOnlyMemory<byte> Mapped(ReadOnlySpan<byte> row, ReadOnlyMemory<byte> record, int start, RowArena arena, long offset)
    {
        if (IsAsRead)
            return record.Slice(start, row.Length);
        var made = Made(row);
        if (_map.IsKeyComputed)
            RequireKeyValues(made, offset);
        return arena.Keep(made);
    }

    private bool IsAsRead => _map.IsIdentity && _group is null;

    private ReadOnlySpan<byte> Made(ReadOnlySpan<byte> row)
    {
        if (!_map.IsIdentity)
        {
            _map.Map(row, _row);
            row = _row.Row;
        }

        if (_group is null)
            return row;
        _group.Map(row, _part);
        return _part.Row;
    }

    private void RequireKeyValues(ReadOnlySpan<byte> row, long offset)
    {
        var reader = new RowReader(Shape.Schema, row);
        foreach (var ordinal in Shape.Key)
        {
            if (!reader.Seek(ordinal) && !reader.IsAbsent)
                throw PlanErrors.KeyIsNull(_selection, Shape.Schema.Columns[ordinal].Name, offset);
        }
    }

    private Operation Make(OperationKind kind, in EncodedChange change, long offset, ReadOnlyMemory<byte> row, ReadOnlyMemory<byte> before = default)
    {
        var key = OrderHashOf(row.Span);
        return new()
        {
            Kind = kind,
            Cause = change.Kind,
            Offset = offset,
            CommittedAtMicros = change.CommittedAtMicros,
            Shape = Shape,
            Row = row,
            Before = before,
            KeyHash = key ^ _partHash,
            OrderHash = key,
        };
    }

    private ulong OrderHashOf(ReadOnlySpan<byte> row) => KeyHash.Of(_aliasHash, Shape.Schema, Shape.Key, row, byValue: Shape.IsPart);

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
