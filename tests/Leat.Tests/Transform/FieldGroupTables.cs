using System.Collections.Immutable;
using Leat.Changes;
using Leat.Tests.Changes;
using Leat.Transform.Plan;
using Leat.Transform.Plan.Rules;

namespace Leat.Tests.Transform;

/// <summary>Two tables that write one document: orders, whose it is, and the totals of each.</summary>
internal static class FieldGroupTables
{
    public static readonly TableSchema Orders = new(
        new("shop", "orders"), [new() { Name = "id", Kind = ColumnKind.Int32, Nullable = false }, new() { Name = "note", Kind = ColumnKind.String, Nullable = false }], [0]);

    public static readonly TableSchema Totals = new(
        new("shop", "order_totals"),
        [
            new() { Name = "cents", Kind = ColumnKind.Int64, Nullable = false },
            new() { Name = "order_id", Kind = ColumnKind.UInt64, Nullable = false },
            new() { Name = "lines", Kind = ColumnKind.Int32 },
        ],
        [1]);

    public static FileLocation Join { get; } = new("leat.yaml", 12, 20);

    public static TableSelection OrdersEntry { get; } = new("orders", Orders.Table, [], null)
    {
        Group = new() { Document = "orders", Key = ["id"], Joins = [new("totals", ["id"], Join)], Location = new("leat.yaml", 10, 13) },
    };

    public static TableSelection TotalsEntry { get; } = new("totals", Totals.Table, [], null)
    {
        Group = new() { Document = "orders", Key = ["id"], Joined = ["order_id"], Location = Join },
    };

    public static TableSelection With(this TableSelection entry, ImmutableArray<FieldRule>? fields = null, string? name = null) =>
        entry with { Group = entry.Group! with { Fields = fields ?? entry.Group.Fields, As = name } }; // not null: given above

    public static byte[] Order(int id, string note = "") => Rows.Encode(Orders, id, note);

    public static byte[] Total(ulong order, long cents = 0, int? lines = null) => Rows.Encode(Totals, cents, order, lines);

    public static Operation[] Operations(TablePlan plan, byte[]? before, byte[]? after, long offset = 7, RowArena? arena = null)
    {
        var operations = new Operation[TablePlan.MaxOperations];
        var count = plan.Apply(Record(before, after), offset, operations, arena ?? new RowArena());
        return operations[..count];
    }

    private static byte[] Record(byte[]? before, byte[]? after)
    {
        var bytes = new byte[1024];
        var kind = before is null ? ChangeKind.Insert : after is null ? ChangeKind.Delete : ChangeKind.Update;
        var marks = (before is null ? 0 : ChangeMarks.HasBefore) | (after is null ? 0 : ChangeMarks.HasAfter);
        var at = EncodedChange.WriteHeader(bytes, kind, marks, 1, 0, 0, before?.Length ?? 0, "t"u8);
        before?.CopyTo(bytes, at);
        after?.CopyTo(bytes, at + (before?.Length ?? 0));
        return bytes[..(at + (before?.Length ?? 0) + (after?.Length ?? 0))];
    }
}
