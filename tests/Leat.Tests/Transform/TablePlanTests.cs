using Leat.Changes;
using Leat.Tests.Changes;
using Leat.Tests.Pipeline;
using Leat.Transform.Plan;
using Xunit;

namespace Leat.Tests.Transform;

public sealed class TablePlanTests
{
    [Theory]
    [InlineData(null, 1, 200, "index 1")]
    [InlineData(null, 1, 50, "index 1", "v < 100")]
    [InlineData(null, 1, 200, "", "v < 100")]
    [InlineData(50, 1, 60, "index 1", "v < 100")]
    [InlineData(50, 1, 200, "delete 1", "v < 100")]
    [InlineData(200, 1, 50, "index 1", "v < 100")]
    [InlineData(200, 1, 300, "", "v < 100")]
    [InlineData(50, 2, 60, "delete 1, index 2", "v < 100")]
    [InlineData(50, 2, 200, "delete 1", "v < 100")]
    [InlineData(200, 2, 50, "index 2", "v < 100")]
    [InlineData(50, 1, null, "delete 1", "v < 100")]
    [InlineData(200, 1, null, "", "v < 100")]
    public void Both_images_decide(int? before, int newId, int? after, string expected, string? where = null)
    {
        var plan = TablePlan.Compile(new("items", new("shop", "items"), [], where), TestTable.Schema);
        var record = Encode(
            before is { } old ? TestTable.Row(1, old) : null, after is { } now ? TestTable.Row(newId, now) : null);
        var operations = new Operation[2];

        var count = plan.Apply(record, 7, operations, new RowArena());

        Assert.Equal(expected, string.Join(", ", operations.Take(count).Select(operation =>
            $"{(operation.Kind == OperationKind.Index ? "index" : "delete")} {TestTable.IdOf(operation.Row.Span)}")));
        Assert.All(operations.Take(count), operation => Assert.Equal(7, operation.Offset));
    }

    [Fact]
    public void Null_and_an_empty_text_are_two_keys()
    {
        var table = new TableSchema(new("shop", "audit"), [new() { Name = "who", Kind = ColumnKind.String }], [0]) { IsKeyless = true };
        var plan = TablePlan.Compile(new("audit", table.Table, [], null), table);
        var operations = new Operation[2];

        Assert.Equal(2, plan.Apply(Encode(Rows.Encode(table, [null]), Rows.Encode(table, "")), 7, operations, new RowArena()));
        Assert.Equal(1, plan.Apply(Encode(Rows.Encode(table, [null]), Rows.Encode(table, [null])), 8, operations, new RowArena()));
    }

    [Fact]
    public void Planning_a_change_does_not_allocate()
    {
        using var arena = new RowArena();
        var plan = TablePlan.Compile(new("items", new("shop", "items"), [], "v < 100"), TestTable.Schema);
        ReadOnlyMemory<byte> record = Encode(TestTable.Row(1, 10), TestTable.Row(2, 11));
        var operations = new Operation[2];
        plan.Apply(record, 0, operations, arena);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
            plan.Apply(record, i, operations, arena);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Key_columns_are_delivered_first_when_they_are_not_named()
    {
        var plan = TablePlan.Compile(new("items", new("shop", "items"), ["note", "v"], null), TestTable.Schema);

        Assert.Equal([new("id", 0), new("note", 2), new ShapeColumn("v", 1)], plan.Shape.Columns);
    }

    [Fact]
    public void A_table_without_a_primary_key_is_refused_with_the_statement_to_run()
    {
        var table = new TableSchema(TestTable.Schema.Table, TestTable.Schema.Columns, []);

        var error = Assert.Throws<PauseException>(() => TablePlan.Compile(new("items", table.Table, [], null), table));

        Assert.Equal(
            "Table shop.items (as 'items') has no primary key, so its rows cannot be told apart at a target. "
            + "Add one with `ALTER TABLE shop.items ADD PRIMARY KEY (…)`, or take the table out of the pipeline. [LEAT-1220]",
            error.Message);
    }

    [Fact]
    public void An_unknown_column_is_refused_with_the_nearest()
    {
        var error = Assert.Throws<PauseException>(() => TablePlan.Compile(new("items", new("shop", "items"), ["note", "vv"], null), TestTable.Schema));

        Assert.Equal("Table shop.items (as 'items') has no column 'vv'. Did you mean 'v'? [LEAT-1221]", error.Message);
    }

    [Fact]
    public void Hashes_of_keys_stay_what_they_are()
    {
        // Positions that targets keep for each lane depend on these numbers: a change here needs a new routing in the checkpoint.
        Assert.Equal([HashOf("items", 1), HashOf("items", 1)], [HashOf("items", 1), HashOf("items", 1)]);
        Assert.Equal("BE554C62156A4F09", HashOf("items", 1).ToString("X16", System.Globalization.CultureInfo.InvariantCulture));
        var lanes = Enumerable.Range(0, 4000).GroupBy(id => HashOf("items", id) % 4).Select(lane => lane.Count());
        Assert.All(lanes, count => Assert.InRange(count, 850, 1150));
    }

    [Fact]
    public void Text_keys_that_a_collation_holds_equal_hash_alike()
    {
        var schema = new TableSchema(new("shop", "codes"), [new() { Name = "code", Kind = ColumnKind.String }], [0]);
        ulong Hash(string code)
        {
            var bytes = new byte[64];
            var row = new RowWriter(bytes, 1);
            row.WriteString(code);
            var plan = TablePlan.Compile(new("codes", schema.Table, [], null), schema);
            var operations = new Operation[2];
            plan.Apply(Encode(null, bytes[..row.WrittenBytes]), 0, operations, new RowArena());
            return operations[0].KeyHash;
        }

        Assert.Equal(Hash("abc-longer-than-8"), Hash("ABC-Longer-Than-8  "));
        Assert.NotEqual(Hash("abc"), Hash("abd"));
    }

    internal static byte[] Encode(byte[]? before, byte[]? after)
    {
        var bytes = new byte[1024];
        var kind = before is null ? ChangeKind.Insert : after is null ? ChangeKind.Delete : ChangeKind.Update;
        var marks = (before is null ? 0 : ChangeMarks.HasBefore) | (after is null ? 0 : ChangeMarks.HasAfter);
        var at = EncodedChange.WriteHeader(bytes, kind, marks, 1, 0, 0, before?.Length ?? 0, "t"u8);
        before?.CopyTo(bytes, at);
        after?.CopyTo(bytes, at + (before?.Length ?? 0));
        return bytes[..(at + (before?.Length ?? 0) + (after?.Length ?? 0))];
    }

    private static ulong HashOf(string alias, int id)
    {
        var plan = TablePlan.Compile(new(alias, new("shop", "items"), [], null), TestTable.Schema);
        var operations = new Operation[2];
        plan.Apply(Encode(null, TestTable.Row(id, 0)), 0, operations, new RowArena());
        return operations[0].KeyHash;
    }
}
