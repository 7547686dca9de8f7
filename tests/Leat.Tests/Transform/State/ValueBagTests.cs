using Leat.Changes;
using Leat.Transform.State;
using Xunit;

namespace Leat.Tests.Transform.State;

public sealed class ValueBagTests
{
    [Theory]
    [InlineData(1, 6)]
    [InlineData(2, 60)]
    [InlineData(3, 1500)]
    public void Is_what_a_sorted_dictionary_would_be(int seed, int mostBytes)
    {
        var memory = new StateMemory(1 << 30);
        var bag = new ValueBag(memory);
        var model = new SortedDictionary<string, uint>(StringComparer.Ordinal);
        var random = new Random(seed);
        for (var round = 0; round < 20_000; round++)
        {
            // Grows, then shrinks: blocks are cut and joined.
            var value = new byte[random.Next(4) == 0 ? random.Next(mostBytes) : 2];
            random.NextBytes(value);
            var name = Convert.ToHexString(value);
            var held = model.GetValueOrDefault(name);
            if (random.Next(100) < (round < 10_000 ? 60 : 30))
            {
                bag.Add(value);
                model[name] = held + 1;
            }
            else
            {
                Assert.Equal(held > 0, bag.Remove(value));
                if (held > 1)
                    model[name] = held - 1;
                else
                    model.Remove(name);
            }

            if (round % 2000 == 0 || round == 19_999)
                AssertSame(model, bag);
        }

        foreach (var (name, times) in model)
        {
            for (var i = 0; i < times; i++)
                Assert.True(bag.Remove(Convert.FromHexString(name)));
        }

        Assert.Equal(0, memory.UsedBytes);
        Assert.Equal(0, bag.HeldBytes);
    }

    [Fact]
    public void Full_memory_leaves_it_as_it_was()
    {
        var bag = new ValueBag(new StateMemory(3000));
        var model = new SortedDictionary<string, uint>(StringComparer.Ordinal);
        var random = new Random(1);
        Assert.Throws<PauseException>(() =>
        {
            for (var i = 0; i < 1000; i++)
            {
                var value = new byte[8];
                random.NextBytes(value);
                bag.Add(value);
                model[Convert.ToHexString(value)] = 1;
            }
        });

        AssertSame(model, bag);
        Assert.InRange(bag.HeldBytes, 2000, 3000);
    }

    private static void AssertSame(SortedDictionary<string, uint> model, ValueBag bag)
    {
        var walked = new List<(string, uint)>();
        foreach (var entry in bag)
            walked.Add((Convert.ToHexString(entry.Value), entry.Times));
        Assert.Equal(model.Select(pair => (pair.Key, pair.Value)), walked);
        Assert.Equal(model.Count, bag.Distinct);
        if (model.Count == 0)
            return;
        Assert.Equal(model.First().Key, Convert.ToHexString(bag.Least));
        Assert.Equal(model.Last().Key, Convert.ToHexString(bag.Greatest));
    }
}
