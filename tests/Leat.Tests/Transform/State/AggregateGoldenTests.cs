using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Transform.Expressions;
using Leat.Transform.State;
using Xunit;

namespace Leat.Tests.Transform.State;

/// <summary>
/// A sequence of changes of the table o(id, cust, type, amt) and what SQLite 3.40 gives after each for
/// <c>SELECT cust, count(*), count(amt), sum(amt), min(amt), max(amt), count(DISTINCT amt) FROM o WHERE type IN (1,2) GROUP BY cust</c> and for
/// <c>count(*), sum(amt)</c> without groups.
/// </summary>
public sealed class AggregateGoldenTests
{
    private static readonly Column Amount = new() { Name = "amt", Kind = ColumnKind.Int32 };

    private static readonly AggregateSpec[] View =
    [
        new(AggregateKind.Count, null), new(AggregateKind.Count, Amount), new(AggregateKind.Sum, Amount),
        new(AggregateKind.Min, Amount), new(AggregateKind.Max, Amount), new(AggregateKind.CountDistinct, Amount),
    ];

    private readonly SortedDictionary<string, (int Rows, Aggregator[] Values)> _groups = [];
    private readonly Aggregator[] _all = [.. View.Select(spec => Aggregator.Create(spec))];

    private sealed record Order(int Id, string Customer, int Type, int? Amount);

    [Fact]
    public void Each_step_gives_what_the_query_gives()
    {
        Step(null, new(1, "A", 1, 10), "A: 1,1,10,10,10,1", "1,10");
        Step(null, new(2, "A", 2, 30), "A: 2,2,40,10,30,2", "2,40");
        Step(null, new(3, "B", 1, 5), "A: 2,2,40,10,30,2 B: 1,1,5,5,5,1", "3,45");
        Step(null, new(4, "A", 3, 99), "A: 2,2,40,10,30,2 B: 1,1,5,5,5,1", "3,45");
        Step(null, new(5, "A", 1, 30), "A: 3,3,70,10,30,2 B: 1,1,5,5,5,1", "4,75");
        Step(new(1, "A", 1, 10), new(1, "A", 1, 12), "A: 3,3,72,12,30,2 B: 1,1,5,5,5,1", "4,77");
        Step(new(2, "A", 2, 30), null, "A: 2,2,42,12,30,2 B: 1,1,5,5,5,1", "3,47");
        Step(new(5, "A", 1, 30), new(5, "B", 1, 30), "A: 1,1,12,12,12,1 B: 2,2,35,5,30,2", "3,47");
        Step(new(4, "A", 3, 99), new(4, "A", 2, 99), "A: 2,2,111,12,99,2 B: 2,2,35,5,30,2", "4,146");
        Step(new(1, "A", 1, 12), new(1, "A", 3, 12), "A: 1,1,99,99,99,1 B: 2,2,35,5,30,2", "3,134");
        Step(new(3, "B", 1, 5), new(3, "B", 1, null), "A: 1,1,99,99,99,1 B: 2,1,30,30,30,1", "3,129");
        Step(new(4, "A", 2, 99), null, "B: 2,1,30,30,30,1", "2,30");
        Step(new(5, "B", 1, 30), new(50, "B", 1, 30), "B: 2,1,30,30,30,1", "2,30");
        Step(null, new(6, "A", 1, -7), "A: 1,1,-7,-7,-7,1 B: 2,1,30,30,30,1", "3,23");
        Step(new(50, "B", 1, 30), null, "A: 1,1,-7,-7,-7,1 B: 1,0,,,,0", "2,-7");
        Step(new(3, "B", 1, null), null, "A: 1,1,-7,-7,-7,1", "1,-7");
    }

    private void Step(Order? before, Order? after, string view, string total)
    {
        if (before is { Type: 1 or 2 })
            Count(before, isAway: true);
        if (after is { Type: 1 or 2 })
            Count(after, isAway: false);

        Assert.Equal(view, string.Join(' ', _groups.Select(group => $"{group.Key}: {Show(group.Value.Values)}")));
        Assert.Equal(total, Show([_all[0], _all[2]]));
    }

    private void Count(Order order, bool isAway)
    {
        if (!_groups.TryGetValue(order.Customer, out var group))
            group = (0, [.. View.Select(spec => Aggregator.Create(spec))]);
        group.Rows += isAway ? -1 : 1;
        foreach (var value in group.Values.Concat(_all))
        {
            var isNull = value.Spec.Argument is not null && order.Amount is null;
            var bytes = value.Spec.Argument is null || isNull ? [] : BitConverter.GetBytes(order.Amount!.Value);
            if (isAway)
                Assert.True(value.Remove(bytes, isNull));
            else
                value.Add(bytes, isNull);
        }

        if (group.Rows == 0)
            _groups.Remove(order.Customer);
        else
            _groups[order.Customer] = group;
    }

    private static string Show(Aggregator[] values) => string.Join(',', values.Select(value =>
    {
        var row = new RowBuilder();
        row.Begin(1);
        value.Append(row);
        var reader = new RowReader(new(new("shop", "view"), [value.Spec.Result], [0]), row.Row);
        reader.Read();
        return ValueText.Of(ref reader);
    }));
}
