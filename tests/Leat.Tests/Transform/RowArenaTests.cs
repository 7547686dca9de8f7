using Leat.Transform.Plan;
using Xunit;

namespace Leat.Tests.Transform;

public sealed class RowArenaTests
{
    [Fact]
    public void Keeps_rows_of_any_size_until_it_is_disposed()
    {
        using var arena = new RowArena();
        var kept = new List<(byte[] Row, ReadOnlyMemory<byte> Kept)>();
        foreach (var bytes in (int[])[0, 1, 40, 30_000, 40, 100_000, 7, 32_768, 1])
        {
            var row = new byte[bytes];
            Array.Fill(row, (byte)kept.Count);
            kept.Add((row, arena.Keep(row)));
        }

        Assert.All(kept, one => Assert.Equal(one.Row, one.Kept.ToArray()));
        Assert.InRange(arena.Bytes, 30_000 + 100_000 + 32_768, 400_000);
    }

    [Fact]
    public void Small_rows_go_on_in_the_chunk_that_has_room()
    {
        using var arena = new RowArena();
        arena.Keep(new byte[100]);
        var one = arena.Bytes;
        arena.Keep(new byte[one]);
        arena.Keep(new byte[100]);

        Assert.Equal(3 * one, arena.Bytes + one); // the large row's own chunk, and the first
    }

    [Fact]
    public void Takes_no_memory_of_its_own_once_the_pool_is_warm()
    {
        Fill();
        Fill();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
            Fill();

        // The arena itself and its list of chunks; not the megabytes that went through.
        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - before) / 100, 0, 400);

        static void Fill()
        {
            using var arena = new RowArena();
            for (var row = 0; row < 1_000; row++)
                arena.Take(100);
        }
    }
}
