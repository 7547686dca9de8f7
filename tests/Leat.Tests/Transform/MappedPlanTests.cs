using Leat.Changes;
using Leat.Tests.Changes;
using Leat.Transform.Plan;
using Xunit;
using static Leat.Tests.Transform.RowMapTests;

namespace Leat.Tests.Transform;

public sealed class MappedPlanTests
{
    private static readonly TableSchema _orders = new(
        new("shop", "orders"),
        [
            new() { Name = "id", Kind = ColumnKind.Int32, Nullable = false },
            new() { Name = "code", Kind = ColumnKind.String },
            new() { Name = "total", Kind = ColumnKind.Int64 },
        ],
        [0]);

    [Theory]
    [InlineData(5, 5, "index id=1, code=A, total=5, label=A was id=1, code=A, total=5, label=A")]
    [InlineData(5, -5, "delete id=1, code=A, total=5, label=A")]
    [InlineData(-5, 5, "index id=1, code=A, total=5, label=A")]
    [InlineData(-5, -5, "")]
    public void The_condition_looks_at_both_images_and_both_come_out_mapped(int before, int after, string expected)
    {
        var plan = TablePlan.Compile(Select() with { Where = "total > 0", Set = [Set("label", "coalesce(code, '-')")] }, _orders);

        Assert.Equal(expected, Apply(plan, Row(1, "A", before), Row(1, "A", after)));
    }

    [Theory]
    [InlineData(FollowedOperations.Insert, "index id=1, code=A, total=5", "", "")]
    [InlineData(FollowedOperations.Update, "", "index id=1, code=B, total=5 was id=1, code=A, total=5", "")]
    [InlineData(FollowedOperations.Delete, "", "", "delete id=1, code=A, total=5")]
    public void Operations_that_are_not_followed_are_filtered(FollowedOperations when, string insert, string update, string delete)
    {
        var plan = TablePlan.Compile(Select() with { When = when }, _orders);

        Assert.Equal(insert, Apply(plan, null, Row(1, "A", 5)));
        Assert.Equal(update, Apply(plan, Row(1, "A", 5), Row(1, "B", 5)));
        Assert.Equal(delete, Apply(plan, Row(1, "A", 5), null));
        Assert.Equal(when == FollowedOperations.Delete, plan.FollowsDeletes);
    }

    [Fact]
    public void A_key_that_is_computed_moves_the_row_when_its_value_changes()
    {
        var plan = TablePlan.Compile(Select() with { Set = [Set("id", "coalesce(code, 'none')")] }, _orders);

        Assert.Equal("delete id=A, code=A, total=5, index id=B, code=B, total=5", Apply(plan, Row(1, "A", 5), Row(1, "B", 5)));
        Assert.Equal("index id=A, code=A, total=6 was id=A, code=A, total=5", Apply(plan, Row(1, "A", 5), Row(2, "A", 6)));
        Assert.Equal([0], plan.Shape.Key);
        Assert.Equal(ColumnKind.String, plan.Shape.Schema.Columns[0].Kind);
    }

    [Fact]
    public void A_computed_key_without_a_value_is_refused()
    {
        var plan = TablePlan.Compile(Select() with { Set = [Set("id", "code")] }, _orders);

        var error = Assert.Throws<PauseException>(() => Apply(plan, null, Row(1, null, 5)));

        Assert.Equal(
            "Table shop.orders (as 'orders'): the key column 'id' is NULL for the change at offset 7, so the row has no place at the target. "
            + "Give 'id' an expression that always has a value, for example with coalesce. [LEAT-1229]",
            error.Message);
    }

    [Fact]
    public void A_deleted_row_stays_marked_and_one_that_leaves_the_filter_or_moves_does_not()
    {
        var plan = TablePlan.Compile(Select() with { Where = "total > 0", SoftDelete = [Set("deleted", "1")] }, _orders);

        Assert.True(plan.MarksDeleted);
        Assert.Equal("index id=1, code=A, total=5, deleted=NULL", Apply(plan, null, Row(1, "A", 5)));
        Assert.Equal("index id=1, code=A, total=5, deleted=1 was id=1, code=A, total=5, deleted=NULL", Apply(plan, Row(1, "A", 5), null));
        Assert.Equal("delete id=1, code=A, total=5, deleted=NULL", Apply(plan, Row(1, "A", 5), Row(1, "A", 0)));
        Assert.Equal("delete id=1, code=A, total=5, deleted=NULL, index id=2, code=A, total=5, deleted=NULL", Apply(plan, Row(1, "A", 5), Row(2, "A", 5)));
        Assert.Equal("", Apply(plan, Row(1, "A", 0), null));
    }

    [Fact]
    public void A_row_that_stays_marked_has_to_be_told_as_a_whole()
    {
        var partial = _orders.As(partial: true);
        var plan = TablePlan.Compile(Select() with { SoftDelete = [Set("deleted", "1")] }, partial);

        Assert.Equal("index id=1, code=A, total=5, deleted=1 was id=1, code=A, total=5, deleted=NULL", Apply(plan, Rows.Encode(partial, 1, "A", 5), null));
        var error = Assert.Throws<PauseException>(() => Apply(plan, Rows.Encode(partial, 1, Rows.Absent, Rows.Absent), null));
        Assert.StartsWith("Table shop.orders (as 'orders'): the delete at offset 7 does not tell column 'code', which the pipeline delivers.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_partial_row_is_delivered_as_far_as_what_it_is_made_of_is_told()
    {
        var partial = _orders.As(partial: true);
        var plan = TablePlan.Compile(Select() with { Set = [Set("label", "coalesce(code, '-')"), Set("sum", "total + id")] }, partial);

        Assert.Equal(
            "update id=1, code=B, total=?, label=B, sum=? was id=1, code=?, total=?, label=?, sum=?",
            Apply(plan, Rows.Encode(partial, 1, Rows.Absent, Rows.Absent), Rows.Encode(partial, 1, "B", Rows.Absent), takesPartialRows: true));
        var error = Assert.Throws<PauseException>(() => Apply(plan, Rows.Encode(partial, 1, Rows.Absent, Rows.Absent), Rows.Encode(partial, 2, "B", Rows.Absent), takesPartialRows: true));
        Assert.StartsWith("Table shop.orders (as 'orders'): the update at offset 7 does not tell column 'sum', which the pipeline delivers.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_key_of_a_mapped_row_hashes_as_that_of_the_row_itself()
    {
        var plain = TablePlan.Compile(Select(), _orders);
        var mapped = TablePlan.Compile(Select() with { Set = [Set("label", "'x'")] }, _orders);

        Assert.Equal(Operations(plain, null, Row(42, "A", 1))[0].KeyHash, Operations(mapped, null, Row(42, "A", 1))[0].KeyHash);
    }

    private static TableSelection Select() => new("orders", new("shop", "orders"), [], null);

    private static byte[] Row(int id, string? code, int total) => Rows.Encode(_orders, id, code, total);

    private static Operation[] Operations(TablePlan plan, byte[]? before, byte[]? after, bool takesPartialRows = false)
    {
        var operations = new Operation[TablePlan.MaxOperations];
        var count = plan.Apply(TablePlanTests.Encode(before, after), 7, operations, new RowArena(), takesPartialRows);
        return operations[..count];
    }

    private static string Apply(TablePlan plan, byte[]? before, byte[]? after, bool takesPartialRows = false) =>
        string.Join(", ", Operations(plan, before, after, takesPartialRows).Select(operation =>
            $"{operation.Kind.ToString().ToLowerInvariant()} {Text(operation.Shape.Schema, operation.Row.Span)}{(operation.Before.IsEmpty ? "" : $" was {Text(operation.Shape.Schema, operation.Before.Span)}")}"));
}
