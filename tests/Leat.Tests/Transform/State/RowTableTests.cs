using System.Buffers;
using System.Collections.Immutable;
using Leat.Changes;
using Leat.Tests.Changes;
using Leat.Transform.State;
using Xunit;

namespace Leat.Tests.Transform.State;

public sealed class RowTableTests
{
    private static readonly TableSchema Items = new(
        new("shop", "items"),
        [
            new() { Name = "id", Kind = ColumnKind.Int32 },
            new() { Name = "order_id", Kind = ColumnKind.Int64, Nullable = true },
            new() { Name = "sku", Kind = ColumnKind.String, Nullable = true },
            new() { Name = "note", Kind = ColumnKind.String },
        ],
        [0]);

    private static readonly ImmutableArray<ImmutableArray<int>> Indexes = [[1], [2, 1]];

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Rows_that_grow_for_a_long_time_take_no_more_than_twice_what_they_need(bool inStep)
    {
        const int Rows = 20_000;
        var memory = new StateMemory(1L << 30);
        var table = new RowTable(Items, [0], Indexes, memory);
        var random = new Random(7);
        var lengths = new int[Rows];
        var moves = 0;
        for (var step = 0; step < 30 * Rows; step++)
        {
            var id = inStep ? step % Rows : random.Next(Rows);
            lengths[id] += 16;
            var slot = table.Put(Row(id, id % 100, null, new('n', lengths[id])));
            table.Marks(slot) = (byte)id;
            if (step % 1000 != 0 || !memory.IsWasteful)
                continue;
            memory.BeginMoving();
            table.Move();
            memory.EndMoving();
            moves++;
            Assert.InRange(memory.Bytes, 0, 2 * memory.UsedBytes);
        }

        Assert.InRange(moves, 1, 20);
        Assert.InRange(memory.Bytes, 0, (2 * memory.UsedBytes) + (6 << 20));
        for (var id = 0; id < Rows; id++)
        {
            var row = Row(id, id % 100, null, new('n', lengths[id]));
            var slot = table.FindSame(row);
            Assert.True(table.Row(slot).SequenceEqual(row), $"row {id}");
            Assert.Equal((byte)id, table.Marks(slot));
        }

        for (var slot = table.After(-1); slot >= 0; slot = table.After(slot))
            table.Remove(slot);
        memory.BeginMoving();
        Assert.InRange(memory.Bytes, 0, 8 << 20);
    }

    // No room to move to: what is left stays where it is, and the memory goes on.
    [Fact]
    public void Rows_that_find_no_room_stay_where_they_are()
    {
        var memory = new StateMemory(8 << 20);
        var table = new RowTable(Items, [0], [], memory);
        var full = 0;
        for (var note = new string('n', 300); ; full++)
        {
            if (Record.Exception(() => table.Put(Row(full, 1, null, note))) is PauseException)
                break;
        }

        for (var id = 0; id < full; id++)
        {
            if (id % 5 > 1)
                table.Remove(table.FindSame(Row(id, null, null, "")));
        }

        for (var round = 0; round < 3; round++)
        {
            memory.BeginMoving();
            table.Move();
            memory.EndMoving();
            for (var id = 0; id < full; id += 5)
                Assert.Equal(Row(id, 1, null, new('n', 300)), table.Row(table.FindSame(Row(id, null, null, ""))).ToArray());
            Assert.True(table.Put(Row(full + round, 1, null, new('n', 3000))) >= 0);
        }

        Assert.InRange(memory.Bytes, 0, 8 << 20);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Is_what_a_dictionary_would_be(int seed)
    {
        var memory = new StateMemory(64 << 20);
        var table = new RowTable(Items, [0], Indexes, memory);
        var model = new Model();
        var random = new Random(seed);
        for (var round = 0; round < 30_000; round++)
        {
            var id = random.Next(400);
            if (random.Next(100) < 35)
            {
                var slot = table.FindSame(Row(id, null, null, ""));
                Assert.Equal(model.Rows.Remove(id), slot >= 0);
                if (slot >= 0)
                    table.Remove(slot);
                continue;
            }

            var note = new string('n', random.Next(100) switch { < 90 => random.Next(40), < 99 => random.Next(3000), _ => random.Next(60_000) });
            long? order = random.Next(10) == 0 ? null : random.Next(12);
            var sku = random.Next(10) == 0 ? null : "s" + random.Next(3);
            var isNew = !model.Rows.ContainsKey(id);
            model.Rows[id] = (order, sku, note);
            var put = table.Put(Row(id, order, sku, note));
            Assert.Equal(isNew ? 0 : (byte)id, table.Marks(put));
            table.Marks(put) = (byte)id;
            if (round % 1000 == 0)
                model.AssertSame(table);
        }

        model.AssertSame(table);
        foreach (var id in model.Rows.Keys)
            table.Remove(table.FindSame(Row(id, null, null, "")));
        model.Rows.Clear();
        model.AssertSame(table);
        table.Clear();
        Assert.Equal(0, memory.UsedBytes);
    }

    [Fact]
    public void A_slot_stays_while_its_row_is_replaced_by_one_of_every_size()
    {
        var table = new RowTable(Items, [0], Indexes, new(64 << 20));
        var slot = table.Put(Row(1, 1, "a", ""));
        for (var length = 0; length < 50_000; length += 1 + length / 16)
        {
            var row = Row(1, 1, "a", new('x', length));
            Assert.Equal(slot, table.Put(row));
            Assert.Equal(row, table.Row(slot).ToArray());
        }

        Assert.Equal(1, table.Count);
    }

    [Fact]
    public void A_row_leaves_a_list_of_a_hundred_thousand_without_a_search()
    {
        const int Count = 100_000;
        var table = new RowTable(Items, [0], Indexes, new(64 << 20));
        var slots = new List<int>();
        for (var id = 0; id < Count; id++)
            slots.Add(table.Put(Row(id, 7, "s", "")));
        var order = slots.ToArray();
        new Random(5).Shuffle(order);

        // Searching would be five thousand million steps; within the time of a test there is none of that.
        foreach (var slot in order.AsSpan(0, Count - 3))
            table.Remove(slot);

        var left = new List<int>();
        for (var slot = table.First(0, Key([1], Row(0, 7, "s", ""))); slot >= 0; slot = table.Next(0, slot))
            left.Add(slot);
        Assert.Equal(order[^3..].Order(), left.Order());
    }

    [Fact]
    public void Full_memory_leaves_the_table_as_it_was()
    {
        var memory = new StateMemory(300_000);
        var table = new RowTable(Items, [0], Indexes, memory);
        var model = new Model();
        Assert.Throws<PauseException>(() =>
        {
            for (var id = 0; id < 100_000; id++)
            {
                table.Put(Row(id, id % 9, "s", "something to read"));
                model.Rows[id] = (id % 9, "s", "something to read");
            }
        });

        model.AssertSame(table);
        Assert.Throws<PauseException>(() => Enumerable.Range(0, 100).Select(_ => memory.Take(60_000)).Count());
        Assert.Throws<PauseException>(() => table.Put(Row(0, 5, "t", new('x', 60_000))));
        model.AssertSame(table);
        table.Put(Row(0, 5, "t", ""));
        model.Rows[0] = (5, "t", "");
        model.AssertSame(table);
    }

    [Fact]
    public void Rows_with_a_null_in_their_key_are_told_apart_by_it()
    {
        var table = new RowTable(Items, [1, 2], [], new(1 << 20));

        var first = table.Put(Row(1, null, "a", ""));
        Assert.NotEqual(first, table.Put(Row(2, 1, "a", "")));
        Assert.Equal(first, table.Put(Row(3, null, "a", "")));
    }

    [Fact]
    public void A_small_row_costs_about_forty_bytes_beside_its_own()
    {
        var memory = new StateMemory(1L << 30);
        var table = new RowTable(Items, [0], [[1]], memory);
        long own = 0;
        for (var id = 0; id < 200_000; id++)
        {
            var row = Row(id, id / 5, "sku", "note of " + id % 1000);
            own += row.Length;
            table.Put(row);
        }

        Assert.InRange((memory.UsedBytes - own) / 200_000.0, 20, 42);
    }

    [Fact]
    public void Putting_and_finding_do_not_allocate()
    {
        var table = new RowTable(Items, [0], Indexes, new(64 << 20));
        var rows = Enumerable.Range(0, 1000).Select(id => Row(id, id % 50, "a", "b")).ToList();
        var moved = Enumerable.Range(0, 1000).Select(id => Row(id, id % 40, "a", "")).ToList();
        var key = Key([0], rows[5]);
        Pass();
        var before = GC.GetAllocatedBytesForCurrentThread();
        Pass();

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Pass()
        {
            foreach (var row in rows)
                table.Put(row);
            foreach (var row in moved)
                table.Put(row);
            table.Remove(table.Find(key));
        }
    }

    private static byte[] Row(int id, long? order, string? sku, string note) => Rows.Encode(Items, id, order, sku, note);

    private static byte[] Key(ImmutableArray<int> columns, byte[] row)
    {
        var target = new ArrayBufferWriter<byte>();
        JoinKey.Write(Items, columns, row, target);
        return target.WrittenSpan.ToArray();
    }

    private sealed class Model
    {
        public Dictionary<int, (long? Order, string? Sku, string Note)> Rows { get; } = [];

        public void AssertSame(RowTable table)
        {
            Assert.Equal(Rows.Count, table.Count);
            var walked = new HashSet<string>();
            for (var slot = table.After(-1); slot >= 0; slot = table.After(slot))
                Assert.True(walked.Add(Convert.ToHexString(table.Row(slot))));
            Assert.Equal(Rows.Select(row => Convert.ToHexString(Encode(row.Key))).ToHashSet(), walked);
            foreach (var (id, _) in Rows)
                Assert.Equal(Encode(id), table.Row(table.Find(Key([0], Encode(id)))).ToArray());

            AssertIndex(table, 0, [1], row => row.Order is not null, row => row.Order!);
            AssertIndex(table, 1, [2, 1], row => row.Order is not null && row.Sku is not null, row => (row.Sku, row.Order));
        }

        private byte[] Encode(int id) => Row(id, Rows[id].Order, Rows[id].Sku, Rows[id].Note);

        private void AssertIndex(
            RowTable table, int index, ImmutableArray<int> columns,
            Func<(long? Order, string? Sku, string Note), bool> isIn, Func<(long? Order, string? Sku, string Note), object> keyOf)
        {
            foreach (var group in Rows.Where(row => isIn(row.Value)).GroupBy(row => keyOf(row.Value)))
            {
                var found = new List<string>();
                for (var slot = table.First(index, Key(columns, Encode(group.First().Key))); slot >= 0; slot = table.Next(index, slot))
                    found.Add(Convert.ToHexString(table.Row(slot)));
                Assert.Equal(group.Select(row => Convert.ToHexString(Encode(row.Key))).Order(), found.Order());
            }

            Assert.Equal(-1, table.First(index, Key(columns, Row(0, 999, "none", ""))));
        }
    }
}
