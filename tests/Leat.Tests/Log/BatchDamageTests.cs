using System.Buffers;
using Leat.Log;
using Leat.Log.Codecs;
using Xunit;

namespace Leat.Tests.Log;

/// <summary>Batches whose content is damaged although the checksum agrees: written by a faulty program, or made by somebody.</summary>
public sealed class BatchDamageTests
{
    public static TheoryData<Compression> All => [Compression.None, .. CodecTests.All];

    [Theory]
    [MemberData(nameof(All))]
    public void Records_are_read_or_the_damage_is_told_and_nothing_else_happens(Compression compression)
    {
        var random = new Random(5 + (int)compression);
        var good = Good(compression);
        var (told, read) = (0, 0);
        for (var round = 0; round < 4000; round++)
        {
            byte[] bad = [.. good[..BatchFormat.HeaderBytes], .. CodecTests.Damage(good[BatchFormat.HeaderBytes..], random)];
            BatchFormat.WriteBody(bad, compression);
            BatchFormat.WriteCrc(bad);
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                read += Read(bad);
            }
            catch (LogException error)
            {
                Assert.Equal(2017, error.Code);
                told++;
            }

            new BatchView(bad).SyncedOffset();
            Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 8 * 1024 * 1024);
        }

        Assert.True(told > 100, $"{told} told");
        Assert.True(read > 10, $"{read} read");
    }

    // As readers and the makers of key filters do. Returns 1 when every record was read.
    private static int Read(byte[] batch)
    {
        byte[] plain;
        int bytes;
        if (new BatchView(batch).Compression == Compression.None)
        {
            bytes = batch.Length;
            plain = ArrayPool<byte>.Shared.Rent(bytes);
            batch.CopyTo(plain.AsSpan());
        }
        else
        {
            plain = CompressedBatch.Inflate(batch, out bytes) ?? throw LogErrors.MalformedRecord(0);
        }

        using var collector = new KeyCollector(null, 1000);
        using var block = new LogBlock(plain, bytes, 0, 3, []);
        collector.Add(batch, 0);
        var records = block.Records();
        while (records.MoveNext())
        {
            Assert.InRange(records.Offset, 0, 2);
            Assert.InRange(records.ValueStart + records.ValueLength, 0, bytes);
            Assert.InRange(records.KeyStart + records.KeyLength, 0, bytes);
        }

        return 1;
    }

    private static byte[] Good(Compression compression)
    {
        var batch = new BatchBuilder(1000, 5);
        LogFixture.Add(batch, "key one", new string('v', 40));
        LogFixture.Add(batch, null, "no key");
        LogFixture.Add(batch, "", new string('w', 90));
        batch.Seal(new(0, 1, 0, 3, 99, SyncedOffset: 0), compression);
        var bytes = batch.Stored.ToArray();
        batch.Release();
        Assert.Equal(compression, new BatchView(bytes).Compression);
        return bytes;
    }
}
