using Leat.Changes;
using Leat.Transform.Plan;
using Leat.Transform.Plan.Documents;
using Leat.Transform.Plan.Rules;
using Xunit;
using static Leat.Tests.Transform.DocumentShop;

namespace Leat.Tests.Transform;

/// <summary>What documents look like, and which changes reach them.</summary>
public sealed class DocumentShapeTests
{
    private static readonly DocumentRule Plain = new() { Root = "orders", Location = Here };

    private static readonly NestRule Items = new() { As = "items", From = "order_items", On = On(("order_id", "id")), Fields = [new("id", "id"), new("qty", "qty")], Location = Here };

    private static readonly NestRule PartsOfItems = new() { As = "parts", From = "parts", On = On(("item_id", "id")), Fields = [new("label", "label")], Location = Here };

    private static readonly MergeRule Customer = new() { From = "customers", On = On(("id", "customer_id")), As = "customer", Fields = [new("name", "name"), new("town", "city")], Location = Here };

    [Fact]
    public void A_merged_row_is_an_object_or_fields_of_the_document_itself()
    {
        var rule = Plain with { Merge = [Customer] };
        using var inside = Shop(rule);
        using var flat = Shop(Plain with { Merge = [Customer with { As = null, Fields = [new("customer", "name")] }] });

        foreach (var shop in new[] { inside, flat })
            shop.Commit("insert customers 7 Ada Bern", "insert orders 1 1 x 7", "insert orders 2 1 y 8", "insert orders 3 1 z null");

        Assert.Equal(
            """
            1: {"id":1,"customer":{"name":"Ada","town":"Bern"}}; 2: {"id":2,"customer":null}; 3: {"id":3,"customer":null}
            """.Trim(), inside.Documents());
        Assert.Equal("""1: {"id":1,"customer":"Ada"}; 2: {"id":2,"customer":null}; 3: {"id":3,"customer":null}""", flat.Documents());
    }

    [Fact]
    public void A_document_is_new_to_its_target_once_whatever_happened_to_which_table()
    {
        using var shop = Shop(Plain with { Merge = [Customer] });

        shop.Commit("insert customers 7 Ada Bern", "insert orders 1 1 x 7");
        shop.Commit("delete customers 7");
        shop.Commit("insert customers 7 Eva Bern");
        shop.Commit("delete orders 1");
        shop.Commit("insert orders 1 1 x 7");

        Assert.Equal([ChangeKind.Insert, ChangeKind.Update, ChangeKind.Update, ChangeKind.Delete, ChangeKind.Insert], shop.Causes);
    }

    [Fact]
    public void A_document_waits_for_a_row_that_it_requires_and_goes_with_it()
    {
        using var shop = Shop(Plain with { Merge = [Customer with { IsRequired = true }] });

        shop.Commit("insert orders 1 1 x 7");
        Assert.Empty(shop.Target);
        shop.Commit("insert customers 7 Ada Bern");
        Assert.Equal("""1: {"id":1,"customer":{"name":"Ada","town":"Bern"}}""", shop.Documents());
        shop.Commit("update orders 1 customer_id=9");
        Assert.Empty(shop.Target);
        shop.Commit("update customers 7 id=9");
        Assert.Equal("""1: {"id":1,"customer":{"name":"Ada","town":"Bern"}}""", shop.Documents());
        shop.Commit("delete customers 9");
        Assert.Equal(["index 1@2", "delete 1@3", "index 1@4", "delete 1@5"], shop.Log);
    }

    [Fact]
    public void A_row_of_many_documents_is_emitted_in_the_background_each_document_once()
    {
        var rule = Plain with { Merge = [Customer], Where = Written("type = 1") };
        using var shop = new DocumentShop(rule, [Take(Orders, columns: ["id", "note"]), Take(Customers)], Orders, Customers);
        shop.Commit("insert customers 7 Ada Bern");
        shop.Commit([.. Enumerable.Range(1, 100).Select(id => $"insert orders {id} {(id == 50 ? 2 : 1)} x 7")]);
        shop.Log.Clear();

        // The second one finds all of them waiting; order 3 changes itself, and is emitted at once.
        shop.Commit("update customers 7 city=Basel", "update customers 7 city=Thun", "update orders 3 note=y");

        Assert.Equal("index 3@104", shop.Log[0]);
        // Of one that is none a restart could not tell whether it was sent while it waited: it is deleted, which does no harm.
        Assert.Equal(100, shop.Log.Count);
        Assert.Equal(100, shop.Log.Distinct().Count());
        Assert.Equal("delete 50@104 later", Assert.Single(shop.Log, line => line.StartsWith("delete", StringComparison.Ordinal)));
        Assert.All(shop.Log.Skip(1), line => Assert.EndsWith("@104 later", line, StringComparison.Ordinal));
        Assert.All(shop.Target.Values, document => Assert.Contains("Thun", document, StringComparison.Ordinal));
        Assert.Equal(0, shop.Plan.Backlog);
    }

    [Fact]
    public void Documents_that_tell_what_they_were_do_not_wait_for_the_background()
    {
        using var shop = Shop(Plain with { Merge = [Customer] });
        shop.Plan.WantsBefore = true;
        shop.Commit("insert customers 7 Ada Bern");
        shop.Commit([.. Enumerable.Range(1, 100).Select(id => $"insert orders {id} 1 x 7")]);
        shop.Log.Clear();
        var bytes = shop.Plan.StateBytes;

        shop.Apply("update customers 7 city=Basel");
        Assert.InRange(shop.Plan.StateBytes - bytes, 100 * 20, 100 * 200);
        shop.Commit();

        Assert.Equal(100, shop.Log.Count);
        Assert.All(shop.Log, line => Assert.EndsWith("@102", line, StringComparison.Ordinal));
        Assert.Equal(bytes, shop.Plan.StateBytes);
    }

    [Fact]
    public void Few_documents_of_one_row_are_emitted_with_its_transaction()
    {
        using var shop = Shop(Plain with { Merge = [Customer] });
        shop.Commit("insert customers 7 Ada Bern", "insert orders 1 1 x 7", "insert orders 2 1 y 7");
        shop.Log.Clear();

        shop.Commit("update customers 7 city=Basel");

        Assert.Equal(["index 1@4", "index 2@4"], shop.Log);
    }

    [Fact]
    public void A_change_of_what_no_document_needs_emits_nothing()
    {
        using var shop = Shop(Plain with { Merge = [Customer with { Fields = [new("name", "name")] }] });
        shop.Commit("insert customers 7 Ada Bern", "insert orders 1 1 x 7");
        shop.Log.Clear();

        shop.Commit("update customers 7 city=Basel");
        shop.Commit("update orders 1 note=y");

        Assert.Empty(shop.Log);
    }

    [Fact]
    public void Two_levels_follow_every_table_of_them()
    {
        using var shop = Shop(Plain with { Nest = [Items with { Nest = [PartsOfItems] }] });
        shop.Commit("insert parts 100 11 lid", "insert orders 1 1 x null", "insert orders 2 1 y null", "insert order_items 11 1 a 5");
        Assert.Equal("""1: {"id":1,"items":[{"id":11,"qty":5,"parts":[{"label":"lid"}]}]}; 2: {"id":2,"items":[]}""", shop.Documents());
        shop.Log.Clear();

        shop.Commit("insert parts 99 11 box");
        shop.Commit("update parts 100 label=top");
        shop.Commit("update order_items 11 order_id=2");
        shop.Commit("update parts 99 item_id=12");

        Assert.Equal("""1: {"id":1,"items":[]}; 2: {"id":2,"items":[{"id":11,"qty":5,"parts":[{"label":"top"}]}]}""", shop.Documents());
        Assert.Equal(["index 1@5", "index 1@6", "index 1@7", "index 2@7", "index 2@8"], shop.Log);
    }

    [Theory]
    [InlineData(NestForm.Array, """[{"id":12,"qty":1},{"id":11,"qty":5},{"id":13,"qty":5}]""")]
    [InlineData(NestForm.Map, """{"11":{"id":11,"qty":5},"12":{"id":12,"qty":1},"13":{"id":13,"qty":5}}""")]
    [InlineData(NestForm.First, """{"id":12,"qty":1}""")]
    [InlineData(NestForm.Count, "3")]
    public void Collections_have_a_form_and_an_order(NestForm form, string expected)
    {
        using var shop = Shop(Plain with { Nest = [Items with { Form = form, Order = [("qty", false)] }] });

        shop.Commit("insert orders 1 1 x null", "insert order_items 13 1 c 5", "insert order_items 11 1 a 5", "insert order_items 12 1 b 1");

        Assert.Equal($$"""1: {"id":1,"items":{{expected}}}""", shop.Documents());
    }

    [Theory]
    [InlineData(NestForm.Array, "[]")]
    [InlineData(NestForm.Map, "{}")]
    [InlineData(NestForm.First, "null")]
    [InlineData(NestForm.Count, "0")]
    public void Empty_collections_have_a_form_too(NestForm form, string expected)
    {
        using var shop = Shop(Plain with { Nest = [Items with { Form = form }] });

        shop.Commit("insert orders 1 1 x null");

        Assert.Equal($$"""1: {"id":1,"items":{{expected}}}""", shop.Documents());
    }

    [Fact]
    public void An_order_may_fall_and_puts_NULL_first_when_it_rises()
    {
        using var shop = Shop(Plain with { Nest = [Items with { Order = [("qty", true)] }] });

        shop.Commit("insert orders 1 1 x null", "insert order_items 10 1 c null", "insert order_items 11 1 a -5", "insert order_items 12 1 b 1");

        Assert.Equal("""1: {"id":1,"items":[{"id":12,"qty":1},{"id":11,"qty":-5},{"id":10,"qty":null}]}""", shop.Documents());
    }

    [Fact]
    public void Objects_of_a_collection_have_a_condition_merged_rows_and_computed_fields()
    {
        var rule = Plain with
        {
            Nest =
            [
                Items with
                {
                    Where = Written("qty > 1 AND customers.name IS NOT NULL"), Merge = [Customer with { On = On(("id", "qty")), As = "buyer" }],
                    Set = [Set("qty", "upper(items.sku)"), Set("label", "items.sku")],
                },
            ],
        };
        using var shop = Shop(rule);

        shop.Commit("insert orders 1 1 x null", "insert order_items 11 1 a 1", "insert order_items 12 1 b 7", "insert order_items 13 1 c 8", "insert customers 7 Ada Bern");

        Assert.Equal("""1: {"id":1,"items":[{"id":12,"qty":"B","buyer":{"name":"Ada","town":"Bern"},"label":"b"}]}""", shop.Documents());
        shop.Commit("insert customers 8 Eve Rom", "update order_items 12 qty=0");
        Assert.Equal("""1: {"id":1,"items":[{"id":13,"qty":"C","buyer":{"name":"Eve","town":"Rom"},"label":"c"}]}""", shop.Documents());
    }

    [Fact]
    public void Aggregates_decide_which_documents_there_are_and_are_fields_of_them()
    {
        var rule = Plain with
        {
            Where = Written("count(items) > 0 AND sum(items.qty) < 100"),
            Nest = [Items with { Form = NestForm.None }],
            Set = [Set("items", "count(items)"), Set("most", "max(items.qty)"), Set("skus", "string_agg(items.sku, '+' ORDER BY items.qty DESC)")],
        };
        using var shop = Shop(rule);

        shop.Commit("insert orders 1 1 x null");
        Assert.Empty(shop.Log);
        shop.Commit("insert order_items 11 1 a 2", "insert order_items 12 1 b 9");
        Assert.Equal("""1: {"id":1,"items":2,"most":9,"skus":"b+a"}""", shop.Documents());
        shop.Commit("update order_items 11 qty=95");
        Assert.Empty(shop.Target);
        shop.Commit("delete order_items 11");
        Assert.Equal("""1: {"id":1,"items":1,"most":9,"skus":"b"}""", shop.Documents());
    }

    [Fact]
    public void Computed_fields_see_those_before_them_and_replace_a_field_of_their_name()
    {
        var rule = Plain with { Merge = [Customer], Set = [Set("note", "upper(note)"), Set("title", "coalesce(customers.name, note)"), Set("kind", "type = 1")] };
        using var shop = new DocumentShop(rule, [Take(Orders, columns: ["id", "note"]), Take(Customers)], Orders, Customers);

        shop.Commit("insert orders 1 1 x null");

        Assert.Equal("""1: {"id":1,"note":"X","customer":null,"title":"X","kind":1}""", shop.Documents());
        Assert.Equal(shop.Plan.Shape.Columns[1].Ordinal, shop.Plan.Shape.Schema.Find("note")); // a template cannot reach what it replaces
    }

    [Fact]
    public void A_merged_row_is_called_by_its_table_or_by_its_object()
    {
        var rule = Plain with { Merge = [Customer], Where = Written("customer.name <> 'Eve' OR customers.city IS NULL"), Set = [Set("both", "coalesce(customer.city, customers.name)")] };
        var group = rule with { Group = [Set("city", "customer.city")], Set = [Set("most", "max(customer.name)"), Set("least", "min(customers.name)")] };
        using var shop = Shop(rule);
        using var groups = Shop(group);

        foreach (var one in new[] { shop, groups })
            one.Commit("insert customers 7 Ada Bern", "insert orders 1 1 x 7", "insert customers 8 Eve Bern", "insert orders 2 1 x 8");

        Assert.Equal("""1: {"id":1,"customer":{"name":"Ada","town":"Bern"},"both":"Bern"}""", shop.Documents());
        Assert.Equal("""Bern: {"city":"Bern","most":"Ada","least":"Ada"}""", groups.Documents());
    }

    [Fact]
    public void Objects_of_a_collection_have_aggregates_over_their_own_collections()
    {
        var rule = Plain with
        {
            Nest = [Items with { Where = Written("count(parts) > 0"), Nest = [PartsOfItems with { Form = NestForm.None }], Set = [Set("parts", "string_agg(parts.label, ',')")] }],
            Set = [Set("items", "sum(items.qty)")],
        };
        using var shop = Shop(rule);

        shop.Commit("insert orders 1 1 x null", "insert order_items 11 1 a 5", "insert order_items 12 1 a 7", "insert order_items 13 1 a 8");
        shop.Commit("insert parts 100 11 lid", "insert parts 101 11 box", "insert parts 102 13 cup");

        Assert.Equal(["index 1@4", "index 1@7"], shop.Log);
        Assert.Contains("13", shop.Documents(), StringComparison.Ordinal);
    }

    [Fact]
    public void Changes_of_a_stream_that_goes_on_do_not_allocate()
    {
        using var shop = Shop(Plain with { Merge = [Customer], Nest = [Items with { Nest = [PartsOfItems] }], Where = Written("type = 1"), Set = [Set("items_count", "count(items)"), Set("qty", "sum(items.qty)")] });
        shop.Commit("insert customers 7 Ada Bern", "insert orders 1 1 x 7", "insert order_items 11 1 a 5", "insert order_items 12 1 a 7", "insert parts 100 11 lid");
        byte[][] records =
        [
            Record(ChangeKind.Update, DocumentShop.Items, 3, [11, 1, "a", 5], [11, 1, "a", 6]), Record(ChangeKind.Update, DocumentShop.Items, 3, [11, 1, "a", 6], [11, 1, "a", 5]),
            Record(ChangeKind.Update, Customers, 5, [7, "Ada", "Bern"], [7, "Ada", "Rome"]), Record(ChangeKind.Update, Customers, 5, [7, "Ada", "Rome"], [7, "Ada", "Bern"]),
        ];
        var operations = new Operation[4];
        var saved = new Discarded();
        using var arena = new RowArena();
        Run(200);
        var before = GC.GetAllocatedBytesForCurrentThread();

        Run(1000);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Run(int times)
        {
            for (var i = 0; i < times; i++)
            {
                shop.Plan.Apply(records[i % records.Length], 100 + i);
                shop.Plan.EndTransaction();
                while (shop.Plan.Emit(arena, operations) > 0)
                    arena.Dispose();
                shop.Plan.Save(saved, 10);
            }
        }
    }

    [Fact]
    public void A_document_before_is_told_when_it_is_asked_for()
    {
        using var shop = Shop(Plain with { Merge = [Customer], Nest = [Items], Where = Written("type = 1") });
        shop.Plan.WantsBefore = true;
        shop.Commit("insert customers 7 Ada Bern", "insert orders 1 1 x 7", "insert order_items 11 1 a 2");

        Assert.Equal(["index {}", """index {"id":1,"customer":{"name":"Ada","town":"Bern"},"items":[{"id":11,"qty":2}]}"""], [Before("insert orders 2 1 x 7"), Before("update order_items 11 qty=3", "update customers 7 name=Eve city=Rom", "update order_items 11 qty=4")]);
        Assert.Equal("""delete {"id":1,"customer":{"name":"Eve","town":"Rom"},"items":[{"id":11,"qty":4}]}""", Before("update orders 1 type=2 customer_id=8"));

        string Before(params string[] statements)
        {
            foreach (var statement in statements)
                shop.Apply(statement);
            Assert.False(shop.Plan.HasTouched);
            shop.Plan.EndTransaction();
            Assert.True(shop.Plan.HasTouched);
            using var arena = new RowArena();
            var operations = new Operation[4];
            var last = operations[shop.Plan.Emit(arena, operations) - 1];
            Assert.False(shop.Plan.HasTouched);
            var row = last.Kind == OperationKind.Delete ? last.Row : last.Before;
            return $"{last.Kind.ToString().ToLowerInvariant()} {(row.IsEmpty ? "{}" : Json(last.Shape, row.Span))}";
        }
    }

    [Fact]
    public void A_moved_key_is_a_delete_and_an_index_and_takes_the_collection_along_or_leaves_it()
    {
        using var shop = Shop(Plain with { Nest = [Items] });
        shop.Commit("insert orders 1 1 x null", "insert order_items 11 1 a 2", "insert order_items 12 2 a 2");
        shop.Log.Clear();

        shop.Commit("update orders 1 id=2");

        Assert.Equal(["delete 1@4", "index 2@4"], shop.Log);
        Assert.Equal("""2: {"id":2,"items":[{"id":12,"qty":2}]}""", shop.Documents());
    }

    [Fact]
    public void A_row_deleted_and_inserted_again_in_one_transaction_is_one_index()
    {
        using var shop = Shop(Plain with { Nest = [Items] });
        shop.Commit("insert orders 1 1 x null");
        shop.Log.Clear();

        shop.Commit("delete orders 1", "insert order_items 11 1 a 2", "insert orders 1 1 y null");
        shop.Commit("insert orders 2 1 y null", "delete orders 2");

        Assert.Equal(["index 1@4"], shop.Log);
        Assert.Equal("""1: {"id":1,"items":[{"id":11,"qty":2}]}""", shop.Documents());
    }

    [Fact]
    public void Keys_change_places_in_one_transaction()
    {
        using var shop = Shop(Plain with { Nest = [Items with { Fields = [new("sku", "sku")] }] });
        shop.Commit("insert orders 1 1 x null", "insert orders 2 1 y null", "insert order_items 11 1 a 2", "insert order_items 12 2 b 2");

        shop.Commit("update order_items 11 id=99", "update order_items 12 id=11", "update order_items 99 id=12");

        Assert.Equal("""1: {"id":1,"items":[{"sku":"a"}]}; 2: {"id":2,"items":[{"sku":"b"}]}""", shop.Documents());
        Assert.Equal(0, shop.Plan.Retractions);
    }

    [Fact]
    public void Of_several_rows_to_merge_the_one_with_the_lowest_key_counts()
    {
        using var shop = Shop(Plain with { Merge = [Customer with { On = On(("city", "note")), Fields = [new("id", "id")] }] });

        shop.Commit("insert orders 1 1 Bern null", "insert customers 9 Eve Bern", "insert customers 8 Ada Bern");
        Assert.Equal("""1: {"id":1,"customer":{"id":8}}""", shop.Documents());
        shop.Commit("delete customers 8");
        Assert.Equal("""1: {"id":1,"customer":{"id":9}}""", shop.Documents());
    }

    [Fact]
    public void A_row_that_should_have_been_held_is_counted()
    {
        using var shop = Shop(Plain);
        var record = Record(ChangeKind.Delete, Orders, 1, [5, 1, "x", null], null);

        shop.Plan.Apply(record, 1);

        Assert.Equal(1, shop.Plan.Retractions);
        Assert.True(shop.Plan.IsSuspect);
        shop.Plan.EndTransaction();
        shop.Drain();
        Assert.Empty(shop.Log);
    }

    [Fact]
    public void Nothing_is_emitted_while_loading_and_everything_once_afterwards()
    {
        using var shop = Shop(Plain with { Nest = [Items], Where = Written("type = 1") });
        shop.Plan.IsLoading = true;
        shop.Commit("read order_items 11 1 a 2", "read orders 1 1 x null", "read orders 2 2 y null");
        shop.Commit("update order_items 11 qty=3", "delete orders 2");
        Assert.Empty(shop.Log);

        shop.Plan.IsLoading = false;
        shop.Plan.EmitAll();
        shop.Drain();

        Assert.Equal(["index 1@5 later"], shop.Log);
        Assert.Equal("""1: {"id":1,"items":[{"id":11,"qty":3}]}""", shop.Documents());
        Assert.Equal(0, shop.Plan.Retractions);
    }

    [Fact]
    public void An_emptied_table_takes_its_documents_or_its_collections_along()
    {
        using var shop = Shop(Plain with { Nest = [Items] });
        shop.Commit("insert orders 1 1 x null", "insert orders 2 1 y null", "insert order_items 11 1 a 2");
        shop.Log.Clear();

        shop.Plan.Truncate(DocumentShop.Items.Table, 10, 0);
        shop.Plan.EndTransaction();
        shop.Drain();
        Assert.Equal(["index 1@10"], shop.Log);
        Assert.Equal("""1: {"id":1,"items":[]}; 2: {"id":2,"items":[]}""", shop.Documents());

        shop.Plan.Truncate(Orders.Table, 11, 0);
        shop.Plan.EndTransaction();
        shop.Drain();
        Assert.Equal(["index 1@10", "delete 1@11", "delete 2@11"], shop.Log);
        Assert.Equal(0, shop.Plan.StateRows);
    }

    private sealed class Discarded : IStateTarget
    {
        public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
        {
        }

        public void Delete(ReadOnlySpan<byte> key)
        {
        }
    }

    private static DocumentShop Shop(DocumentRule rule) => new(
        rule, [Take(Orders, columns: ["id"]), Take(DocumentShop.Items), Take(Customers), Take(Parts)], Orders, DocumentShop.Items, Customers, Parts);
}
