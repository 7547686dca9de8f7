using Leat.Changes;
using Leat.Tests.Pipeline;
using Leat.Transform.Plan;
using Xunit;

namespace Leat.Tests.Transform;

/// <summary>What becomes of changes whose rows lack columns.</summary>
public sealed class PartialPlanTests
{
    private static readonly TableSchema Partial = TestTable.Schema.As(partial: true);

    // id, v, note; "…" for a column that is left out.
    [Theory]
    [InlineData("1,…,…", "1,5,…", "index 1", null, "id,v")]
    [InlineData("1,…,…", "2,5,…", "delete 1, index 2", null, "id,v")]
    [InlineData("1,…,…", null, "delete 1", null, "id,v,note")]
    [InlineData("1,…,…", null, "delete 1", "v < 100", "id,v")]
    [InlineData("1,200,…", null, "", "v < 100", "id,v,note")]
    [InlineData("1,…,…", "1,200,…", "delete 1", "v < 100", "id,v,note")]
    [InlineData("1,…,…", "1,50,a", "index 1", "v < 100", "id,v,note")]
    [InlineData("1,200,…", "1,300,…", "", "v < 100", "id,v,note")]
    [InlineData("1,…,…", "2,200,…", "delete 1", "v < 100", "id,v,note")]
    public void What_can_be_decided_is(string? before, string? after, string expected, string? where, string columns)
    {
        var operations = new Operation[2];

        var count = Compile(columns, where).Apply(Record(before, after), 7, operations, new RowArena());

        Assert.Equal(expected, string.Join(", ", operations.Take(count).Select(operation =>
            $"{(operation.Kind == OperationKind.Index ? "index" : "delete")} {IdOf(operation)}")));
    }

    [Theory]
    [InlineData("1,…,…", "1,5,…", null, "does not tell column 'note', which the pipeline delivers.", "'note' out of the pipeline's columns")]
    [InlineData("1,…,…", "1,…,a", "v < 100", "does not tell column 'v', which the pipeline's condition looks at.", "'v' out of the pipeline's condition")]
    [InlineData("…,1,…", null, null, "does not tell column 'id', which the pipeline delivers.", "'id' out of the pipeline's columns")]
    public void What_is_needed_and_not_told_stops_the_pipeline_by_name(string? before, string? after, string? where, string what, string remedy)
    {
        var error = Assert.Throws<PauseException>(() => Compile("id,v,note", where).Apply(Record(before, after), 7, new Operation[2], new RowArena()));

        Assert.Equal(
            $"Table shop.items (as 'items'): the {(after is null ? "delete" : "update")} at offset 7 {what} The server logs only what changed: "
            + "SET GLOBAL binlog_row_image = FULL; and see that no session sets another. To pass this change, take "
            + $"{remedy}, or begin anew with an empty log folder, which takes a new snapshot. [LEAT-1222]", error.Message);
    }

    [Theory]
    [InlineData("1,…,…", "1,5,…", "update 1", null)]
    [InlineData("1,…,…", "1,5,a", "index 1", null)]
    [InlineData("1,50,…", "1,60,…", "update 1", "v < 100")]
    [InlineData("1,50,…", "1,200,…", "delete 1", "v < 100")]
    public void A_target_that_takes_partial_rows_gets_an_update(string before, string after, string expected, string? where)
    {
        var operations = new Operation[2];

        var count = Compile("id,v,note", where).Apply(Record(before, after), 7, operations, new RowArena(), takesPartialRows: true);

        Assert.Equal(expected, string.Join(", ", operations.Take(count).Select(operation => $"{operation.Kind.ToString().ToLowerInvariant()} {IdOf(operation)}")));
        Assert.Equal(expected.StartsWith("update", StringComparison.Ordinal), !operations[0].Before.IsEmpty);
    }

    [Theory]
    [InlineData("1,…,…", "2,5,…", null, "'note', which the pipeline delivers")] // another key: the target has no such row
    [InlineData(null, "1,5,…", null, "'note', which the pipeline delivers")]
    [InlineData("1,200,…", "1,60,…", "v < 100", "'note', which the pipeline delivers")] // it enters: the target has no such row
    [InlineData("1,…,…", "1,60,…", "v < 100", "'note', which the pipeline delivers")] // nobody can tell whether it enters
    [InlineData("1,…,…", "1,…,a", "v < 100", "'v', which the pipeline's condition looks at")]
    public void A_row_that_the_target_may_not_hold_has_to_be_told_as_a_whole(string? before, string after, string? where, string what)
    {
        var error = Assert.Throws<PauseException>(() => Compile("id,v,note", where).Apply(Record(before, after), 7, new Operation[2], new RowArena(), takesPartialRows: true));

        Assert.Contains($"does not tell column {what}.", error.Message, StringComparison.Ordinal);
        Assert.Equal(1222, error.Code.Number);
    }

    [Fact]
    public void Rows_of_a_partial_shape_take_the_lane_of_whole_ones()
    {
        var operations = new Operation[2];
        Compile("id,v", null).Apply(Record("1,…,…", "1,5,…"), 7, operations, new RowArena());
        var partial = operations[0].KeyHash;
        TablePlan.Compile(new("items", new("shop", "items"), [], null), TestTable.Schema).Apply(TablePlanTests.Encode(null, TestTable.Row(1, 5)), 8, operations, new RowArena());

        Assert.Equal(operations[0].KeyHash, partial);
    }

    [Fact]
    public void A_partial_shape_prepares_the_target_for_whole_rows_once()
    {
        var plan = new PipelinePlan([new("items", new("shop", "items"), [], null)]);

        Assert.True(plan.Learn(1, TestTable.Schema));
        Assert.False(plan.Learn(2, Partial));
        Assert.Equal([TestTable.Schema], plan.Shapes.Select(shape => shape.Schema));
        Assert.True(plan.Find(2)?.Shape.Schema.IsPartial);
    }

    [Fact]
    public void A_partial_shape_that_comes_first_prepares_the_target_for_whole_rows()
    {
        var plan = new PipelinePlan([new("items", new("shop", "items"), [], null)]);

        Assert.True(plan.Learn(2, Partial));
        Assert.Equal([TestTable.Schema], plan.Shapes.Select(shape => shape.Schema));
        Assert.True(plan.Find(2)?.Shape.Schema.IsPartial);
    }

    private static TablePlan Compile(string columns, string? where) =>
        TablePlan.Compile(new("items", new("shop", "items"), [.. columns.Split(',')], where), Partial);

    private static byte[] Record(string? before, string? after) => TablePlanTests.Encode(Row(before), Row(after));

    private static byte[]? Row(string? text)
    {
        if (text is null)
            return null;
        var values = text.Split(',');
        var bytes = new byte[100];
        var row = RowWriter.Partial(bytes, 3);
        if (values[0] == "…")
            row.WriteAbsent();
        else
            row.WriteUInt32(uint.Parse(values[0], System.Globalization.CultureInfo.InvariantCulture));
        if (values[1] == "…")
            row.WriteAbsent();
        else
            row.WriteUInt64(ulong.Parse(values[1], System.Globalization.CultureInfo.InvariantCulture));
        if (values[2] == "…")
            row.WriteAbsent();
        else
            row.WriteString(values[2]);
        return bytes[..row.WrittenBytes];
    }

    private static long IdOf(Operation operation)
    {
        var reader = new RowReader(operation.Shape.Schema, operation.Row.Span);
        reader.Seek(0);
        return reader.Int64;
    }
}
