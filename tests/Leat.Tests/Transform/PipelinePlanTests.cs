using System.Collections.Immutable;
using Leat.Changes;
using Leat.Tests.Changes;
using Leat.Transform.Plan;
using Xunit;
using static Leat.Tests.Transform.RowMapTests;

namespace Leat.Tests.Transform;

public sealed class PipelinePlanTests
{
    private static readonly Column _id = new() { Name = "id", Kind = ColumnKind.Int32, Nullable = false, SourceType = "int(11)" };
    private static readonly Column _note = new() { Name = "note", Kind = ColumnKind.String, Length = 20, SourceType = "varchar(20)" };

    [Fact]
    public void Tables_of_a_pattern_are_one_at_the_target()
    {
        var plan = Sharded(@"shop_(\d+)\.orders");

        Assert.True(plan.Learn(1, Table("shop_0.orders", _id, _note)));
        Assert.False(plan.Learn(2, Table("shop_1.orders", _id, _note)));
        Assert.False(plan.Learn(3, Table("shop_x.orders", _id, _note)));

        Assert.Null(plan.Find(3));
        Assert.Same(plan.Find(1)!.Shape, plan.Find(2)!.Shape);
        Assert.Same(plan.Find(1)!.Shape, Assert.Single(plan.Shapes));
        Assert.Equal(["shard", "id", "note"], plan.Shapes[0].Columns.Select(column => column.Name));
        Assert.Equal([0, 1], plan.Shapes[0].Key);
        Assert.Equal("index shard=0, id=7, note=a", Insert(plan, 1, 7, "a"));
        Assert.Equal("index shard=1, id=7, note=a", Insert(plan, 2, 7, "a"));
        Assert.Equal(["shop_0.orders", "shop_1.orders"], plan.PartsOf("orders").Select(part => part.Source.Table.ToString()));
    }

    [Theory]
    [InlineData(@"shop_(\d+)\.orders_(\d+)", "3_12")]
    [InlineData(@"shop_\d+\.orders_\d+", "shop_3.orders_12")]
    public void The_shard_is_what_the_groups_capture_or_the_whole_name(string pattern, string shard)
    {
        var plan = Sharded(pattern);
        plan.Learn(1, Table("shop_3.orders_12", _id));

        Assert.Equal($"index shard={shard}, id=7", Insert(plan, 1, 7));
    }

    [Fact]
    public void With_unique_ids_there_is_no_shard_column()
    {
        var plan = Sharded(@"shop\.orders_\d+", shard: null);
        plan.Learn(1, Table("shop.orders_1", _id, _note));
        plan.Learn(2, Table("shop.orders_2", _id, _note));

        Assert.Equal(["id", "note"], plan.Shapes[0].Columns.Select(column => column.Name));
        Assert.Equal("index id=7, note=a", Insert(plan, 2, 7, "a"));
    }

    [Fact]
    public void A_condition_and_computed_columns_see_the_shard()
    {
        var plan = new PipelinePlan([Selection(@"shop\.orders_(\d+)", "shard") with { Where = "shard <> '2'", Set = [Set("label", "coalesce(shard, '')")] }]);
        plan.Learn(1, Table("shop.orders_1", _id));
        plan.Learn(2, Table("shop.orders_2", _id));

        Assert.Equal("index shard=1, id=7, label=1", Insert(plan, 1, 7));
        Assert.Equal("", Insert(plan, 2, 7));
    }

    [Fact]
    public void Tables_that_differ_are_widened_to_one_shape()
    {
        var plan = Sharded(@"shop\.orders_(\d+)");
        plan.Learn(1, Table("shop.orders_1", _id, _note));

        Assert.True(plan.Learn(2, Table("shop.orders_2", _id with { Kind = ColumnKind.Int64 }, new() { Name = "qty", Kind = ColumnKind.UInt8 })));

        Assert.Equal(["shard", "id", "note", "qty"], plan.Shapes[0].Columns.Select(column => column.Name));
        Assert.Equal(ColumnKind.Int64, plan.Shapes[0].Schema.Columns[1].Kind);
        Assert.Equal("index shard=1, id=7, note=a, qty=NULL", Insert(plan, 1, 7, "a"));
        Assert.Equal("index shard=2, id=-8, note=NULL, qty=200", Insert(plan, 2, -8L, 200));
        Assert.Same(plan.Find(1)!.Shape, plan.Find(2)!.Shape);
    }

    [Fact]
    public void The_shard_column_may_not_exist()
    {
        var error = Assert.Throws<PauseException>(() => Sharded(@"shop\.orders_(\d+)").Learn(1, Table("shop.orders_1", _id, _note with { Name = "shard" })));

        Assert.Equal(
            "The tables of 'orders' are told apart by a column 'shard', and table shop.orders_1 has one of that name. "
            + "Name another with `shard: NAME`; or, when no two of the tables ever have a row with the same key, write `unique_ids: true`. [LEAT-1226]",
            error.Message);
    }

    [Fact]
    public void Tables_that_no_type_holds_together_are_refused_and_leave_the_others_as_they_were()
    {
        var plan = Sharded(@"shop\.orders_(\d+)");
        plan.Learn(1, Table("shop.orders_1", _id, _note));

        var error = Assert.Throws<PauseException>(() => plan.Learn(2, Table("shop.orders_2", _id, _note with { Kind = ColumnKind.Date, SourceType = "date" })));

        Assert.Equal(
            "The tables of 'orders' cannot be one: column 'note' of shop.orders_2 is date, and that of the tables before it varchar(20). "
            + "Leave the table out of the pattern, or give it a type or key that goes with the others'. [LEAT-1227]",
            error.Message);
        Assert.Equal("index shard=1, id=7, note=a", Insert(plan, 1, 7, "a"));
        Assert.False(plan.Knows(2));
    }

    [Fact]
    public void Two_tables_of_one_shard_value_are_refused()
    {
        var plan = Sharded(@"(shop)_\d+\.orders");
        plan.Learn(1, Table("shop_0.orders", _id));

        var error = Assert.Throws<PauseException>(() => plan.Learn(2, Table("shop_1.orders", _id)));

        Assert.Equal(
            "The tables of 'orders' cannot be one: the pattern captures 'shop' for shop_0.orders and for shop_1.orders. "
            + "Put what tells the tables apart between parentheses, or leave the parentheses out: then the whole name tells them apart. [LEAT-1227]",
            error.Message);
    }

    [Fact]
    public void A_table_that_two_entries_take_is_refused()
    {
        var plan = new PipelinePlan([new("first", new("shop", "orders_1"), [], null), Selection(@"shop\.orders_(\d+)", "shard")]);

        var error = Assert.Throws<PauseException>(() => plan.Learn(1, Table("shop.orders_1", _id)));

        Assert.Equal(
            "The tables of 'orders' cannot be one: table shop.orders_1 is taken by 'first', too. Change the pattern so that only one entry of the pipeline takes it. [LEAT-1227]",
            error.Message);
    }

    [Fact]
    public void Evolving_delivers_what_the_table_has()
    {
        var plan = Single(SchemaChange.Evolve);
        plan.Learn(1, Table("shop.orders", _id, _note));

        Assert.True(plan.Learn(2, Table("shop.orders", _id, New("x"))));
        Assert.Equal("index id=7, x=1", Insert(plan, 2, 7, 1));
        Assert.Equal("index id=7, note=a", Insert(plan, 1, 7, "a"));
        Assert.Equal(["id", "x"], plan.Shapes[0].Columns.Select(column => column.Name));
    }

    [Fact]
    public void Lenient_keeps_the_target_as_it_is()
    {
        var plan = Single(SchemaChange.Lenient);
        plan.Learn(1, Table("shop.orders", _id, _note, New("x")));

        Assert.False(plan.Learn(2, Table("shop.orders", _id, New("fresh"), New("x") with { Kind = ColumnKind.String })));
        Assert.Equal("index id=7, note=NULL, x=5", Insert(plan, 2, 7, 1, "5"));
        Assert.Equal("index id=7, note=NULL, x=NULL", Insert(plan, 2, 7, 1, "five"));
        Assert.Same(plan.Find(1)!.Shape, plan.Find(2)!.Shape);
    }

    [Fact]
    public void Ignoring_leaves_new_columns_out_and_stops_for_what_is_gone_or_changed()
    {
        var plan = Single(SchemaChange.Ignore);
        plan.Learn(1, Table("shop.orders", _id, _note));

        Assert.False(plan.Learn(2, Table("shop.orders", _id, _note, New("x"))));
        Assert.Equal("index id=7, note=a", Insert(plan, 2, 7, "a", 1));
        var gone = Assert.Throws<PauseException>(() => plan.Learn(3, Table("shop.orders", _id, New("x"))));
        Assert.Equal(
            "Table shop.orders (as 'orders') has changed: column 'note' is gone, and `on_schema_change: ignore` does not follow that. "
            + "To follow, prepare the target, set `on_schema_change: evolve` and start Leat again; it may be set back afterwards. [LEAT-1228]",
            gone.Message);
        var changed = Assert.Throws<PauseException>(() => plan.Learn(3, Table("shop.orders", _id, _note with { Length = 50, SourceType = "varchar(50)" })));
        Assert.StartsWith("Table shop.orders (as 'orders') has changed: column 'note' is varchar(50), and was varchar(20), and", changed.Message, StringComparison.Ordinal);
        Assert.Equal("index id=7, note=a", Insert(plan, 2, 7, "a", 1));
    }

    [Fact]
    public void Exception_stops_for_every_change_of_what_is_taken()
    {
        var plan = Single(SchemaChange.Exception);
        plan.Learn(1, Table("shop.orders", _id, _note));
        var added = Assert.Throws<PauseException>(() => plan.Learn(2, Table("shop.orders", _id, _note, New("x"))));
        Assert.StartsWith("Table shop.orders (as 'orders') has changed: column 'x' is new, and `on_schema_change: exception` does not follow that.", added.Message, StringComparison.Ordinal);

        var named = new PipelinePlan([new("orders", new("shop", "orders"), ["id"], "note <> 'x'") { OnSchemaChange = SchemaChange.Exception }]);
        named.Learn(1, Table("shop.orders", _id, _note, New("unused")));
        Assert.False(named.Learn(2, Table("shop.orders", _id, _note, New("x"))));
        Assert.Throws<PauseException>(() => named.Learn(3, Table("shop.orders", _id, New("x"))));
    }

    [Theory]
    [InlineData(SchemaChange.Lenient)]
    [InlineData(SchemaChange.Ignore)]
    [InlineData(SchemaChange.Exception)]
    public void Another_key_stops_whoever_keeps_the_target_as_it_is(SchemaChange mode)
    {
        var plan = Single(mode);
        plan.Learn(1, Table("shop.orders", _id, _note));
        var moved = new TableSchema(new("shop", "orders"), [_id, _note], [1]);

        var error = Assert.Throws<PauseException>(() => plan.Learn(2, moved));

        Assert.StartsWith("Table shop.orders (as 'orders') has changed: its key is (note), and was (id), and", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_restart_goes_by_the_shape_that_the_target_was_prepared_for()
    {
        var first = Table("shop.orders", _id, _note);
        var second = Table("shop.orders", _id, New("x"));
        var plan = Single(SchemaChange.Lenient);
        plan.Learn(1, first);
        plan.Prepared();
        plan.Learn(2, second);
        plan.Prepared();
        Assert.Equal([KeyValuePair.Create(first.Table, 1u)], plan.Held);

        var restarted = Single(SchemaChange.Lenient);
        restarted.Hold(1, first);
        restarted.LearnAhead(2, second);
        Assert.Equal("index id=7, note=NULL", Insert(restarted, 2, 7, 1));

        var agreed = Single(SchemaChange.Evolve);
        agreed.Hold(1, first);
        agreed.LearnAhead(2, second);
        agreed.Prepared();
        Assert.Equal([KeyValuePair.Create(first.Table, 2u)], agreed.Held);
    }

    [Theory]
    [InlineData(SchemaChange.Lenient)]
    [InlineData(SchemaChange.Evolve)]
    public void A_shape_that_was_told_before_it_had_a_number_is_held_once_it_has_one(SchemaChange mode)
    {
        var table = Table("shop.orders", _id, _note);
        var plan = Single(mode);
        plan.LearnAhead(0, table with { Origin = "told by the source itself" });
        plan.Prepared();
        Assert.Empty(plan.Held);

        Assert.False(plan.Learn(1, table));
        Assert.Equal([KeyValuePair.Create(table.Table, 1u)], plan.Held);
    }

    [Fact]
    public void A_decision_is_asked_for_when_the_first_change_of_the_new_shape_comes()
    {
        var first = Table("shop.orders", _id, _note);
        var second = Table("shop.orders", _id, New("x"));
        var plan = Single(SchemaChange.Exception);
        plan.Hold(1, first);

        plan.LearnAhead(2, second);

        Assert.Equal("index id=7, note=a", Insert(plan, 1, 7, "a"));
        Assert.False(plan.Knows(2));
        Assert.Throws<PauseException>(() => plan.Learn(2, second));
    }

    [Fact]
    public void What_the_target_cannot_follow_is_left_out_column_by_column()
    {
        var plan = Single(SchemaChange.TryEvolve);
        plan.Learn(1, Table("shop.orders", _id, _note, New("old")));
        plan.Prepared();
        Assert.True(plan.Learn(2, Table("shop.orders", _id, New("x"), _note with { Length = 50 })));
        Assert.Equal(["x", "note", "old"], plan.Changes().Select(change => change.Column));

        plan.LeaveOut(plan.Changes(), leave: true);
        Assert.Equal("index id=7, note=a, old=NULL", Insert(plan, 2, 7, 1, "a"));
        Assert.Equal(20, plan.Shapes[0].Schema.Columns[1].Length);
        plan.LeaveOut([new("orders", new("shop", "orders"), "x")], leave: false);
        Assert.Equal("index id=7, x=1, note=a, old=NULL", Insert(plan, 2, 7, 1, "a"));
        plan.Prepared();
        Assert.Equal(1u, plan.Held.Single().Value);
    }

    [Fact]
    public void What_is_left_out_is_left_out_of_whole_and_partial_rows()
    {
        var plan = Single(SchemaChange.TryEvolve);
        plan.Learn(1, Table("shop.orders", _id, _note));
        plan.Prepared();
        var now = Table("shop.orders", _id, _note, New("x"));
        plan.Learn(2, now);
        plan.Learn(3, now.As(partial: true));

        plan.LeaveOut(plan.Changes(), leave: true);

        Assert.Equal("index id=7, note=a", Insert(plan, 2, 7, "a", 1));
        Assert.Equal("index id=7, note=a", Insert(plan, 3, 7, "a", 1));
        Assert.Equal(["id", "note"], plan.Shapes[0].Columns.Select(column => column.Name));
    }

    private static Column New(string name) => new() { Name = name, Kind = ColumnKind.Int32 };

    private static TableSchema Table(string name, params ImmutableArray<Column> columns)
    {
        Assert.True(TableName.TryParse(name, out var table));
        return new(table, columns, [0]);
    }

    private static TableSelection Selection(string pattern, string? shard) => new("orders", new("", "orders"), [], null) { Pattern = new(pattern, shard) };

    private static PipelinePlan Sharded(string pattern, string? shard = "shard") => new([Selection(pattern, shard)]);

    private static PipelinePlan Single(SchemaChange mode) => new([new("orders", new("shop", "orders"), [], null) { OnSchemaChange = mode }]);

    private static string Insert(PipelinePlan plan, uint id, params object?[] values)
    {
        var operations = new Operation[TablePlan.MaxOperations];
        var table = plan.Find(id)!;
        var count = table.Apply(TablePlanTests.Encode(null, Rows.Encode(table.Source, values)), 7, operations, new RowArena());
        return string.Join(", ", operations.Take(count).Select(operation => $"{operation.Kind.ToString().ToLowerInvariant()} {Text(operation.Shape.Schema, operation.Row.Span)}"));
    }
}
