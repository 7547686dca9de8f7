using Leat.Changes;
using Leat.Pipeline.Shaping;
using Leat.Tests.Changes;
using Leat.Transform.Plan;
using Leat.Transform.Plan.Rules;
using Xunit;
using static Leat.Tests.Transform.FieldGroupTables;

namespace Leat.Tests.Transform;

/// <summary>Tables that each own fields of one document: shapes and operations, and what does not go together.</summary>
public sealed class FieldGroupTests
{
    private static readonly TablePlan _orders = TablePlan.Compile(OrdersEntry, Orders);
    private static readonly TablePlan _totals = TablePlan.Compile(TotalsEntry, Totals);

    [Fact]
    public void The_root_is_its_table_and_another_table_is_its_fields_under_the_roots_key()
    {
        Assert.Equal(new DocumentPart("orders", IsRoot: true), _orders.Shape.Part);
        Assert.Equal(("orders", "id,note"), (_orders.Shape.Alias, Names(_orders.Shape)));
        Assert.Equal(new DocumentPart("totals", IsRoot: false), _totals.Shape.Part);
        Assert.Equal(("orders", "id,cents,lines"), (_totals.Shape.Alias, Names(_totals.Shape)));
        Assert.Equal([1], _totals.Shape.Key);
    }

    [Fact]
    public void Rows_of_both_tables_take_one_lane_and_their_letters_are_apart()
    {
        var order = Assert.Single(Operations(_orders, null, Order(17)));
        var total = Assert.Single(Operations(_totals, null, Total(17, 500)));

        Assert.Equal(order.OrderHash, total.OrderHash);
        Assert.NotEqual(order.KeyHash, total.KeyHash);
        Assert.Equal(order.KeyHash, order.OrderHash);
        Assert.NotEqual(order.OrderHash, Assert.Single(Operations(_totals, null, Total(18))).OrderHash);
    }

    [Fact]
    public void A_row_is_an_index_and_its_end_a_delete_of_the_part()
    {
        Assert.Equal("""Index 17 {"id":17,"cents":500,"lines":null}""", Shown(_totals, null, Total(17, 500)));
        Assert.Equal("""Index 17 {"id":17,"cents":600,"lines":2}""", Shown(_totals, Total(17, 500), Total(17, 600, 2)));
        Assert.Equal(OperationKind.Delete, Assert.Single(Operations(_totals, Total(17, 500), null)).Kind);
        Assert.Equal("""Index 17 {"id":17,"cents":null,"lines":null}""", Shown(_totals, Total(17, 500), null));
        Assert.StartsWith("Delete 17 ", Shown(_orders, Order(17), null), StringComparison.Ordinal);
    }

    [Fact]
    public void A_row_that_moves_to_another_document_leaves_the_one_and_is_written_to_the_other() => Assert.Equal(
        """Index 17 {"id":17,"cents":null,"lines":null}; Index 18 {"id":18,"cents":500,"lines":null}""", Shown(_totals, Total(17, 500), Total(18, 500)));

    [Fact]
    public void A_row_that_leaves_the_condition_of_its_table_takes_its_fields_along()
    {
        var plan = TablePlan.Compile(TotalsEntry with { Where = "cents > 0" }, Totals);

        Assert.Equal("""Index 17 {"id":17,"cents":null,"lines":null}""", Shown(plan, Total(17, 500), Total(17, 0)));
        Assert.Equal("", Shown(plan, null, Total(17, 0)));
    }

    [Fact]
    public void Fields_are_chosen_renamed_and_computed()
    {
        var plan = TablePlan.Compile(TotalsEntry.With([new("sum", "cents"), new("twice", "twice")]) with { Set = [RowMapTests.Set("twice", "cents * 2")] }, Totals);

        Assert.Equal("""Index 17 {"id":17,"sum":500,"twice":1000}""", Shown(plan, null, Total(17, 500)));
    }

    [Fact]
    public void Fields_can_stand_in_an_object()
    {
        var plan = TablePlan.Compile(TotalsEntry.With([new("sum", "cents"), new("lines", "lines")], "totals"), Totals);

        Assert.Equal("id,totals", Names(plan.Shape));
        Assert.Equal("""Index 17 {"id":17,"totals":{"sum":500,"lines":null}}""", Shown(plan, null, Total(17, 500)));
        Assert.Equal("""Index 17 {"id":17,"totals":null}""", Shown(plan, Total(17, 500), null));
        Assert.Equal(Assert.Single(Operations(_totals, null, Total(17))).OrderHash, Assert.Single(Operations(plan, null, Total(17))).OrderHash);
    }

    [Fact]
    public void The_source_is_asked_for_a_row_by_its_own_key()
    {
        var plan = TablePlan.Compile(TotalsEntry.With(name: "totals"), Totals);
        var row = plan.Map(Total(17, 500)).ToArray();

        var reader = new RowReader(Totals, plan.SourceKeyOf(row));
        Assert.True(reader.Seek(1));
        Assert.Equal(17UL, reader.UInt64);
        Assert.Equal(Operations(plan, null, Total(17, 500))[0].KeyHash, plan.KeyHashOf(row));
    }

    [Fact]
    public void An_object_of_a_row_that_lacks_a_changed_member_is_not_made()
    {
        var partial = Totals.As(partial: true);
        var plan = TablePlan.Compile(TotalsEntry.With(name: "totals"), partial);

        Assert.Equal("""Index 17 {"id":17,"totals":{"cents":500,"lines":3}}""", Shown(plan, null, Rows.Encode(partial, 500L, 17UL, 3)));
        var operations = new Operation[TablePlan.MaxOperations];
        var error = Assert.Throws<PauseException>(() => plan.Apply(
            TablePlanTests.Encode(Rows.Encode(partial, Rows.Absent, 17UL, Rows.Absent), Rows.Encode(partial, 600L, 17UL, Rows.Absent)), 7, operations, new RowArena(), takesPartialRows: true));
        Assert.StartsWith("Table shop.order_totals (as 'totals'): the update at offset 7 does not tell column 'totals', which the pipeline delivers.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void All_parts_together_are_what_the_target_is_prepared_for()
    {
        var whole = Assert.Single(DocumentPart.Combine([_totals.Shape, _orders.Shape]));

        Assert.Equal(("orders", "id,note,cents,lines", true), (whole.Alias, Names(whole), whole.IsPart));
        Assert.Equal([false, true, true, true], whole.Schema.Columns.Select(column => column.Nullable));
        Assert.Equal(ColumnKind.Int32, whole.Schema.Columns[0].Kind);
        Assert.Equal([0], whole.Key);
    }

    [Fact]
    public void Keys_of_several_columns_are_held_in_one_order()
    {
        var key = new[] { new Column { Name = "shop", Kind = ColumnKind.Int8 }, new Column { Name = "id", Kind = ColumnKind.Int32 } };
        var orders = new TableSchema(new("shop", "orders"), [.. key, new() { Name = "note", Kind = ColumnKind.String }], [0, 1]);
        var totals = new TableSchema(new("shop", "order_totals"), [new() { Name = "o", Kind = ColumnKind.Int64 }, new() { Name = "s", Kind = ColumnKind.Int32 }, new() { Name = "cents", Kind = ColumnKind.Int64 }], [0, 1]);
        var root = TablePlan.Compile(OrdersEntry with { Group = OrdersEntry.Group! with { Key = ["id", "shop"], Joins = [new("totals", ["id", "shop"], Join)] } }, orders); // not null: given
        var part = TablePlan.Compile(TotalsEntry with { Group = TotalsEntry.Group! with { Key = ["id", "shop"], Joined = ["o", "s"] } }, totals); // as above

        Assert.Equal("""Index 17:3 {"id":17,"shop":3,"cents":5}""", Shown(part, null, Rows.Encode(totals, 17L, 3, 5L)));
        Assert.Equal(
            Assert.Single(Operations(root, null, Rows.Encode(orders, 3, 17, "x"))).OrderHash, Assert.Single(Operations(part, null, Rows.Encode(totals, 17L, 3, 5L))).OrderHash);
    }

    [Fact]
    public void A_table_that_is_joined_by_other_columns_than_the_roots_key_is_refused() => AssertRefused(
        "leat.yaml:12:20: 'totals' is joined by 'customer_id' of 'orders', whose primary key is 'id': a row of it would belong to many documents, and field groups write one. "
        + "Join it by the whole primary key; for rows that many documents share use `mode: materialize`, which knows them. [LEAT-1280]",
        () => TablePlan.Compile(OrdersEntry with { Group = OrdersEntry.Group! with { Joins = [new("totals", ["customer_id"], Join)] } }, Orders)); // not null: given

    [Fact]
    public void A_table_that_is_joined_by_other_columns_than_its_own_key_is_refused() => AssertRefused(
        "leat.yaml:12:20: 'totals' is joined by 'lines', and its primary key is 'order_id': several of its rows could write the same fields of one document. "
        + "Join it by its whole primary key; for several rows of one document use `mode: materialize` with `nest`. [LEAT-1281]",
        () => TablePlan.Compile(TotalsEntry with { Group = TotalsEntry.Group! with { Joined = ["lines"] } }, Totals)); // not null: given

    [Fact]
    public void An_unknown_field_is_refused() => AssertRefused(
        "leat.yaml:12:20: 'totals' (table shop.order_totals) has no column 'cent'. Did you mean 'cents'? [LEAT-1282]",
        () => TablePlan.Compile(TotalsEntry.With([new("sum", "cent")]), Totals));

    [Fact]
    public void A_field_that_is_the_key_is_refused() => AssertRefused(
        "leat.yaml:12:20: the field 'order' of 'totals' is what it is joined by, and stands in the document's key. Take 'order' out of `fields`. [LEAT-1283]",
        () => TablePlan.Compile(TotalsEntry.With([new("sum", "cents"), new("order", "order_id")]), Totals));

    [Fact]
    public void A_table_with_nothing_but_the_key_is_refused() => AssertRefused(
        "leat.yaml:12:20: 'totals' has no fields beside those that it is joined by. Name its fields under `fields`, or take the table out. [LEAT-1283]",
        () => TablePlan.Compile(TotalsEntry, new(Totals.Table, [Totals.Columns[1]], [0])));

    [Fact]
    public void A_field_of_two_tables_is_refused() => AssertRefused(
        "leat.yaml:12:20: 'totals' and 'orders' both write the field 'note': in a document of field groups each field belongs to one table. "
        + "Give it another name under `fields`, or put the fields of one table into an object with `as`. [LEAT-1284]",
        () => Learn(OrdersEntry, Orders, TotalsEntry.With([new("note", "cents")]), Totals));

    [Fact]
    public void Keys_that_cannot_be_equal_are_refused() => AssertRefused(
        "leat.yaml:12:20: 'totals.order_id' is a text and 'orders.id' is a number of another type: equal values would not be seen to be one document's. "
        + "Give the two columns the same type. [LEAT-1285]",
        () => Learn(OrdersEntry, Orders, TotalsEntry, new(Totals.Table, [Totals.Columns[0], new() { Name = "order_id", Kind = ColumnKind.String }], [1])));

    [Fact]
    public void Parts_that_go_together_are_learnt_in_any_order()
    {
        var plan = new PipelinePlan([OrdersEntry, TotalsEntry]);

        Assert.True(plan.Learn(1, Totals));
        Assert.True(plan.Learn(2, Orders));
        Assert.False(plan.Learn(3, Orders.As(partial: true)));
        Assert.Equal(2, plan.Shapes.Count);
    }

    private static void Learn(TableSelection one, TableSchema first, TableSelection other, TableSchema second)
    {
        var plan = new PipelinePlan([one, other]);
        plan.Learn(1, first);
        plan.Learn(2, second);
    }

    private static void AssertRefused(string message, Action compile) => Assert.Equal(message, Assert.Throws<PauseException>(compile).Message);

    private static string Names(Shape shape) => string.Join(',', shape.Columns.Select(column => column.Name));

    private static string Shown(TablePlan plan, byte[]? before, byte[]? after) =>
        string.Join("; ", Operations(plan, before, after).Select(operation => ShapedRow.Of(operation)).Select(row => $"{row.Kind} {row.Key} {row.Json}"));
}
