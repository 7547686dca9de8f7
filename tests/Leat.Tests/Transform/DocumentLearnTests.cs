using Leat.Changes;
using Leat.Transform.Plan;
using Leat.Transform.Plan.Documents;
using Leat.Transform.Plan.Rules;
using Xunit;
using static Leat.Tests.Transform.DocumentShop;

namespace Leat.Tests.Transform;

/// <summary>Tables that change their shape, and tables that are one.</summary>
public sealed class DocumentLearnTests
{
    private static readonly DocumentRule WithItems = new()
    {
        Root = "orders",
        Nest = [new() { As = "items", From = "order_items", On = On(("order_id", "id")), Fields = [new("id", "id"), new("qty", "qty")], Location = Here }],
        Location = Here,
    };

    [Fact]
    public void A_column_that_no_document_needs_changes_nothing()
    {
        using var shop = new DocumentShop(WithItems, [Take(Orders, columns: ["id"]), Take(DocumentShop.Items)], Orders, DocumentShop.Items);
        shop.Commit("insert orders 1 1 x null", "insert order_items 11 1 a 2");
        var (shape, fingerprint) = (shop.Plan.Shape, shop.Plan.Fingerprint);

        var learnt = shop.Plan.Learn(9, Table("order_items", "id:i32 colour:text order_id:i32 sku:text qty:i32", 0));

        Assert.Equal(LearnResult.Same, learnt);
        Assert.Same(shape, shop.Plan.Shape);
        Assert.Equal(fingerprint, shop.Plan.Fingerprint);
        Assert.False(shop.Plan.HasBacklog);
        Assert.Equal([(Orders.Table, 2u), (DocumentShop.Items.Table, 9u)], shop.Plan.InForce);
    }

    [Fact]
    public void A_wider_column_converts_the_rows_that_are_held()
    {
        using var shop = new DocumentShop(WithItems, [Take(Orders, columns: ["id"]), Take(DocumentShop.Items)], Orders, DocumentShop.Items);
        shop.Commit("insert orders 1 1 x null", "insert order_items 11 1 a 2");
        var wide = Table("order_items", "id:i64 order_id:i64 sku:text qty:dec", 0);

        var learnt = shop.Plan.Learn(9, wide);
        shop.Drain();
        shop.Plan.Apply(Record(ChangeKind.Update, wide, 9, [11, 1, "a", "2.00"], [11, 1, "a", "2.50"]), 50);
        shop.Plan.EndTransaction();
        shop.Drain();

        Assert.Equal((false, true, 0), (learnt.ShapeChanged, learnt.RowsChanged, learnt.Untold.Length));
        Assert.Equal(["index 1@2", "index 1@2 later", "index 1@50"], shop.Log);
        Assert.Equal("""1: {"id":1,"items":[{"id":11,"qty":"2.50"}]}""", shop.Documents());
        Assert.Equal(0, shop.Plan.Retractions);
        Assert.True(shop.Plan.Unsaved >= 2);
    }

    [Fact]
    public void A_new_column_of_the_root_changes_the_shape_and_is_not_told_for_rows_that_are_held()
    {
        using var shop = new DocumentShop(WithItems with { Nest = [] }, [Take(Orders)], Orders);
        shop.Commit("insert orders 1 1 x null");
        var wide = Table("orders", "id:i32 type:i32 note:text customer_id:i32 colour:text", 0);

        var learnt = shop.Plan.Learn(9, wide);
        shop.Drain();
        shop.Plan.Apply(Record(ChangeKind.Insert, wide, 9, null, [2, 1, "y", null, "red"]), 50);
        shop.Plan.Apply(Record(ChangeKind.Insert, Orders, 1, null, [3, 1, "late", null]), 51); // of before: the stream is read again
        shop.Plan.EndTransaction();
        shop.Drain();

        Assert.True(learnt.ShapeChanged);
        Assert.Equal([(Orders.Table, "colour")], learnt.Untold);
        Assert.Equal(
            """
            1: {"id":1,"type":1,"note":"x","customer_id":null,"colour":null}; 2: {"id":2,"type":1,"note":"y","customer_id":null,"colour":"red"};
            """ + """ 3: {"id":3,"type":1,"note":"late","customer_id":null,"colour":null}""", shop.Documents());
    }

    [Fact]
    public void A_dropped_column_that_is_needed_stops_and_leaves_the_plan_as_it_was()
    {
        using var shop = new DocumentShop(WithItems, [Take(Orders, columns: ["id"]), Take(DocumentShop.Items)], Orders, DocumentShop.Items);
        shop.Commit("insert orders 1 1 x null", "insert order_items 11 1 a 2");

        var error = Assert.Throws<PauseException>(() => shop.Plan.Learn(9, Table("order_items", "id:i32 order_id:i32 sku:text", 0)));

        Assert.Equal("leat.yaml:10:5: 'order_items' has no column 'qty'. Known: id, order_id, sku. [LEAT-1252]", error.Message);
        shop.Commit("update order_items 11 qty=3");
        Assert.Equal("""1: {"id":1,"items":[{"id":11,"qty":3}]}""", shop.Documents());
    }

    [Fact]
    public void Groups_are_right_after_a_change_of_shape()
    {
        var rule = new DocumentRule { Root = "orders", Group = [Set("kind", "type")], Set = [Set("rows", "count(*)"), Set("most", "max(customer_id)")], Location = Here };
        using var shop = new DocumentShop(rule, [Take(Orders)], Orders);
        shop.Commit("insert orders 1 1 x 7", "insert orders 2 1 y 9");
        var wide = Table("orders", "id:i32 type:i32 note:text customer_id:i64", 0);

        shop.Plan.Learn(9, wide);
        shop.Drain();
        shop.Plan.Apply(Record(ChangeKind.Delete, wide, 9, [2, 1, "y", 9], null), 50);
        shop.Plan.EndTransaction();
        shop.Drain();

        Assert.Equal("""1: {"kind":1,"rows":1,"most":7}""", shop.Documents());
        Assert.False(shop.Plan.IsSuspect);
    }

    [Fact]
    public void Tables_that_are_one_are_one_root_and_an_emptied_one_takes_its_own_rows_along()
    {
        var shards = new TableSelection("orders", new("", "orders"), ["id", "note"], null) { Pattern = new(@"shop\.orders_(\d+)", "shard") };
        var (one, two) = (Table("orders_1", "id:i32 note:text", 0), Table("orders_2", "id:i64 note:text", 0));
        using var plan = DocumentPlan.Compile(new() { Root = "orders", Location = Here }, [shards], [one, two, Customers]);
        plan.Learn(1, one);
        plan.Learn(2, two);
        using var target = new DocumentShop(WithItems, [Take(Orders), Take(DocumentShop.Items)], Orders, DocumentShop.Items);

        plan.Apply(Record(ChangeKind.Insert, one, 1, null, [7, "a"]), 1);
        plan.Apply(Record(ChangeKind.Insert, two, 2, null, [7, "b"]), 2);
        Emit(plan, target);
        Assert.Equal("""1:7: {"shard":"1","id":7,"note":"a"}; 2:7: {"shard":"2","id":7,"note":"b"}""", target.Documents());

        plan.Truncate(one.Table, 3, 0);
        Emit(plan, target);
        Assert.Equal("""2:7: {"shard":"2","id":7,"note":"b"}""", target.Documents());
        Assert.True(plan.Takes(new("shop", "orders_99")));
    }

    [Fact]
    public void One_table_may_take_part_under_two_names()
    {
        var employees = Table("employees", "id:i32 name:text boss_id:i32", 0);
        var rule = new DocumentRule
        {
            Root = "employees", Location = Here, Merge = [new() { From = "bosses", On = On(("id", "boss_id")), Fields = [new("boss", "name")], Location = Here }],
        };
        using var shop = new DocumentShop(rule, [Take(employees, columns: ["id", "name"]), Take(employees) with { Alias = "bosses" }], employees);

        shop.Commit("insert employees 1 Ada null", "insert employees 2 Eve 1");
        shop.Commit("update employees 1 name=Ida");
        shop.Commit("update employees 2 boss_id=2", "delete employees 1");

        Assert.Equal("""2: {"id":2,"name":"Eve","boss":"Eve"}""", shop.Documents());
        Assert.Equal(["index 1@1", "index 2@2", "index 1@3", "index 2@3", "index 2@4", "delete 1@5"], shop.Log);
    }

    [Fact]
    public void Keys_of_held_rows_are_told_in_the_shape_of_their_table_and_those_gone_are_removed()
    {
        using var shop = new DocumentShop(WithItems, [Take(Orders, columns: ["id"]), Take(DocumentShop.Items)], Orders, DocumentShop.Items);
        shop.Commit("insert orders 1 1 x null", "insert order_items 11 1 a 2", "insert order_items 12 1 b 3", "insert order_items 13 1 c 4");
        using var arena = new RowArena();
        var rows = new ReadOnlyMemory<byte>[2];
        var keys = new List<int>();
        var cursor = 0L;

        while (shop.Plan.Keys(DocumentShop.Items.Table, ref cursor, arena, rows) is var count and > 0)
        {
            foreach (var row in rows.AsSpan(0, count))
            {
                var reader = new RowReader(shop.Plan.SchemaOf(DocumentShop.Items.Table)!, row.Span);
                reader.Seek(0);
                keys.Add((int)reader.Int64);
                if (reader.Int64 != 12)
                    shop.Plan.Remove(DocumentShop.Items.Table, row.Span, 90, 0);
            }
        }

        shop.Plan.EndTransaction();
        shop.Drain();

        Assert.Equal([11, 12, 13], keys.Order());
        Assert.Equal("""1: {"id":1,"items":[{"id":12,"qty":3}]}""", shop.Documents());
    }

    [Fact]
    public void One_document_is_made_anew_by_its_key()
    {
        using var shop = new DocumentShop(WithItems, [Take(Orders, columns: ["id"]), Take(DocumentShop.Items)], Orders, DocumentShop.Items);
        shop.Commit("insert orders 1 1 x null");
        using var arena = new RowArena();
        var there = shop.Plan.EmitKey(Key(shop.Plan.Shape, 1), 5, 0, arena);
        var gone = shop.Plan.EmitKey(Key(shop.Plan.Shape, 2), 5, 0, arena);

        Assert.Equal((OperationKind.Index, true, OperationKind.Delete, true), (there.Kind, there.IsUnpositioned, gone.Kind, gone.IsUnpositioned));
        Assert.Equal("""{"id":1,"items":[]}""", Json(there.Shape, there.Row.Span));
        Assert.False(shop.Plan.Find(there.KeyHash, arena).IsEmpty);
        Assert.True(shop.Plan.Find(gone.KeyHash, arena).IsEmpty);
    }

    // A letter is replayed in the place that it had: a target may have something newer by then, and the document itself is still to come.
    [Fact]
    public void A_document_that_waits_goes_on_waiting_when_it_is_made_by_its_key()
    {
        using var shop = new DocumentShop(WithItems, [Take(Orders, columns: ["id"]), Take(DocumentShop.Items)], Orders, DocumentShop.Items);
        shop.Commit("insert orders 1 1 x null", "insert orders 2 1 y null");
        shop.Plan.EmitAll();
        using var arena = new RowArena();
        var room = new Operation[8];

        Assert.Equal(OperationKind.Index, shop.Plan.EmitKey(Key(shop.Plan.Shape, 1), 5, 0, arena).Kind);
        Assert.Equal(2, shop.Plan.Backlog);

        Assert.Equal(2, shop.Plan.EmitBacklog(arena, room, 6, 0));
        Assert.Equal(0, shop.Plan.Backlog);
        Assert.False(shop.Plan.HasBacklog);
    }

    private static byte[] Key(Shape shape, int id)
    {
        var row = new RowBuilder();
        row.Begin(shape.Schema.Columns.Length);
        row.WriteUInt32((uint)id);
        row.WriteNulls(shape.Schema.Columns.Length - 1);
        return row.Row.ToArray();
    }

    private static void Emit(DocumentPlan plan, DocumentShop target)
    {
        plan.EndTransaction();
        using var arena = new RowArena();
        var operations = new Operation[8];
        while (plan.Emit(arena, operations) is var count and > 0)
            target.Take(operations.AsSpan(0, count));
    }
}
