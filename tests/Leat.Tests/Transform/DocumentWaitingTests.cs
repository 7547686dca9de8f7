using Leat.Changes;
using Leat.Transform.Plan;
using Leat.Transform.Plan.Documents;
using Leat.Transform.Plan.Rules;
using Xunit;
using static Leat.Tests.Transform.DocumentShop;

namespace Leat.Tests.Transform;

/// <summary>Documents that wait in the background because many share a row that changed.</summary>
public sealed class DocumentWaitingTests
{
    private static readonly DocumentRule WithCustomer = new()
    {
        Root = "orders",
        Merge = [new() { From = "customers", On = On(("id", "customer_id")), As = "customer", Fields = [new("town", "city")], Location = Here }],
        Location = Here,
    };

    [Fact]
    public void Documents_that_wait_are_named_as_long_as_they_are_few()
    {
        using var shop = new DocumentShop(WithCustomer, [Take(Orders), Take(Customers)], Orders, Customers);
        shop.Commit("insert customers 7 Ada Bern");
        shop.Commit([.. Enumerable.Range(1, 100).Select(id => $"insert orders {id} 1 x 7")]);
        Assert.Empty(shop.Plan.Waiting(0)!.Value);

        shop.Apply("update customers 7 city=Basel");
        shop.Plan.EndTransaction();
        shop.Apply("update customers 7 city=Thun"); // once more, while they wait
        shop.Plan.EndTransaction();
        shop.Apply("delete orders 9"); // told at once
        shop.Plan.EndTransaction();
        var room = new Operation[64];
        using var arena = new RowArena();
        while (shop.Plan.Emit(arena, room) > 0)
        {
            // until all that was touched is emitted
        }

        Assert.Equal([.. Enumerable.Range(1, 100).Where(id => id != 9)], WaitingOf(shop.Plan, 100));
        Assert.Null(shop.Plan.Waiting(98));
        var emitted = shop.Plan.EmitBacklog(arena, room, 200, 0);
        Assert.Equal(64, emitted);
        Assert.Equal(99 - 64, WaitingOf(shop.Plan, 99).Length);
        shop.Plan.EmitAll();
        Assert.Null(shop.Plan.Waiting(1_000));
    }

    // A change of what is shared comes before the documents of the last one are all written, again and again.
    [Fact]
    public void What_was_written_is_noted_no_more_although_others_always_wait()
    {
        using var shop = new DocumentShop(WithCustomer, [Take(Orders), Take(Customers)], Orders, Customers);
        shop.Commit("insert customers 7 Ada Bern");
        shop.Commit([.. Enumerable.Range(1, 1_000).Select(id => $"insert orders {id} 1 x 7")]);
        var room = new Operation[960];
        var most = 0L;
        for (var round = 0; round < 100; round++)
        {
            shop.Apply($"update customers 7 city=c{round}");
            shop.Plan.EndTransaction();
            using var arena = new RowArena();
            Assert.Equal(960, shop.Plan.EmitBacklog(arena, room, 5_000 + round, 0));
            Assert.True(shop.Plan.HasBacklog);
            if (round == 0)
                most = shop.Plan.StateBytes + 100_000;
            Assert.InRange(shop.Plan.StateBytes, 0, most);
        }

        Assert.Equal(40, WaitingOf(shop.Plan, 40).Length);
    }

    private static int[] WaitingOf(DocumentPlan plan, int most) => [.. plan.Waiting(most)!.Value.Select(row =>
    {
        var reader = new RowReader(plan.Shape.Schema, row);
        reader.Seek(plan.Shape.Key[0]);
        return (int)reader.Int64;
    }).Order()];
}
