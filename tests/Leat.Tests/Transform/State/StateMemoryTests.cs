using Leat.Changes;
using Leat.Transform.State;
using Xunit;

namespace Leat.Tests.Transform.State;

public sealed class StateMemoryTests
{
    [Fact]
    public void A_cell_of_every_length_is_at_most_an_eighth_larger_than_asked_for()
    {
        for (var length = 1; length <= 4 << 20; length += length < 5000 ? 1 : length / 977)
        {
            var bytes = StateMemory.CellBytes(length);
            Assert.InRange(bytes, length, length <= 64 ? length + 7 : length + length / 8 + 8);
            Assert.Equal(0, bytes % 8);
        }
    }

    [Fact]
    public void Cells_never_overlap_and_keep_their_bytes()
    {
        var memory = new StateMemory(64 << 20);
        var random = new Random(7);
        var held = new List<(Cell Cell, byte Fill)>();
        for (var round = 0; round < 20_000; round++)
        {
            if (held.Count > 0 && random.Next(100) < 45)
            {
                var at = random.Next(held.Count);
                AssertFilled(memory, held[at]);
                memory.Free(held[at].Cell);
                held[at] = held[^1];
                held.RemoveAt(held.Count - 1);
                continue;
            }

            var length = random.Next(100) < 2 ? random.Next(1, 700_000) : random.Next(1, 600);
            if (memory.UsedBytes + length > 40 << 20)
                continue;
            var cell = memory.Take(length);
            var fill = (byte)random.Next();
            memory.Span(cell).Fill(fill);
            held.Add((cell, fill));
        }

        Assert.Equal(held.Sum(one => (long)StateMemory.CellBytes(one.Cell.Length)), memory.UsedBytes);
        foreach (var one in held)
        {
            AssertFilled(memory, one);
            memory.Free(one.Cell);
        }

        Assert.Equal(0, memory.UsedBytes);
    }

    [Fact]
    public void The_limit_is_a_named_error_and_takes_nothing()
    {
        var memory = new StateMemory(100_000);
        var taken = new List<Cell>();
        var error = Assert.Throws<PauseException>(() =>
        {
            while (taken.Count < 1000)
                taken.Add(memory.Take(1000));
        });

        Assert.Equal(
            "The rows that the documents are made of do not fit into their memory: 100,000 of 100,000 bytes are taken, and 1,024 more are needed. "
            + "Nothing of the change was applied. Raise `state` in the pipeline's `document` block, when the machine has the memory; or keep less: name the `fields` that "
            + "the documents need, and drop rows early with `where` in `tables`. Then start again. [LEAT-1270]",
            error.Message);
        Assert.InRange(taken.Count, 96, 97);
        Assert.Equal(taken.Count * 1024L, memory.UsedBytes);
        Assert.Equal(100_000, memory.Bytes);
    }

    [Fact]
    public void At_the_limit_a_larger_free_cell_is_cut_up()
    {
        var memory = new StateMemory(100_000);
        var large = memory.Take(60_000);
        memory.Take(30_000);
        memory.Free(large);
        var used = memory.UsedBytes;

        for (var i = 0; i < 500; i++)
            memory.Take(100);

        Assert.Equal(used + 500 * 104, memory.UsedBytes);
    }

    [Fact]
    public void A_large_row_gives_its_memory_back()
    {
        var memory = new StateMemory(64 << 20);
        var cell = memory.Take(10_000_000);

        Assert.Equal(10_002_432, memory.Bytes);
        memory.Free(cell);
        Assert.Equal(0, memory.Bytes);
        Assert.Equal(0, memory.UsedBytes);
    }

    private static void AssertFilled(StateMemory memory, (Cell Cell, byte Fill) one) =>
        Assert.Equal(-1, memory.Span(one.Cell).IndexOfAnyExcept(one.Fill));
}
