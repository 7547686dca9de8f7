using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Leat.Log;
using Xunit;

namespace Leat.Tests.Log;

public sealed class BatchBuilderTests
{
    [Theory]
    [InlineData(0, "00")]
    [InlineData(-1, "01")]
    [InlineData(63, "7E")]
    [InlineData(64, "8001")]
    [InlineData(-65, "8101")]
    [InlineData(8191, "FE7F")]
    [InlineData(8192, "808001")]
    [InlineData(long.MaxValue, "FEFFFFFFFFFFFFFFFF01")]
    [InlineData(long.MinValue, "FFFFFFFFFFFFFFFFFF01")]
    public void Writes_zig_zag_integers_in_the_fewest_bytes(long value, string expected)
    {
        var bytes = new byte[Varint.MaxBytes64];

        var written = Varint.Write(bytes, value);

        Assert.Equal(expected, Convert.ToHexString(bytes, 0, written));
        Assert.Equal(written, Varint.Size(value));
        var at = 0;
        Assert.True(Varint.TryRead(bytes.AsSpan(0, written), ref at, out var back));
        Assert.Equal((value, written), (back, at));
    }

    [Fact]
    public void An_integer_that_is_cut_off_is_not_read()
    {
        var at = 0;
        Assert.False(Varint.TryRead([0x80, 0x80], ref at, out _));
    }

    [Fact]
    public void Every_size_of_value_after_every_other_comes_back_with_minimal_integers()
    {
        // Lengths around each border of the integers' widths, in both directions, so that values move both ways.
        int[] sizes = [0, 1, 30, 63, 64, 100, 8170, 8191, 8192, 8200, 5, 1_048_570, 1_048_576, 3, 64, 0];
        using var batch = new BatchBuilder(100, nowMs: 5);
        batch.TimestampMs = 1_000;
        var random = new Random(7);
        var expected = new List<(string Key, byte[] Value, long Time)>();
        foreach (var size in sizes.Concat(sizes.Reverse()))
        {
            var value = new byte[size];
            random.NextBytes(value);
            var key = new string('k', size % 150);
            batch.TimestampMs += size;
            batch.BeginRecord(Encoding.ASCII.GetBytes(key), hasKey: true);
            foreach (var part in value.Chunk(5_000))
            {
                part.CopyTo(batch.GetSpan(part.Length));
                batch.Advance(part.Length);
            }

            batch.EndRecord();
            expected.Add((key, value, batch.TimestampMs));
        }

        using var block = Sealed(batch, baseOffset: 500);
        var records = block.Records();
        for (var i = 0; i < expected.Count; i++)
        {
            Assert.True(records.MoveNext());
            Assert.Equal(500 + i, records.Offset);
            Assert.Equal(expected[i].Time, records.TimestampMs);
            Assert.Equal(expected[i].Key, Encoding.ASCII.GetString(block.Buffer, records.KeyStart, records.KeyLength));
            Assert.True(block.Buffer.AsSpan(records.ValueStart, records.ValueLength).SequenceEqual(expected[i].Value));
        }

        Assert.False(records.MoveNext());
        AssertMinimalLengths(block);
    }

    [Fact]
    public void A_missing_key_is_not_an_empty_one()
    {
        using var batch = new BatchBuilder(100, nowMs: 5);
        LogFixture.Add(batch, null, "a");
        LogFixture.Add(batch, "", "b");

        using var block = Sealed(batch, baseOffset: 0);
        var records = block.Records();

        Assert.True(records.MoveNext());
        Assert.Equal(-1, records.KeyLength);
        Assert.True(records.MoveNext());
        Assert.Equal(0, records.KeyLength);
    }

    [Fact]
    public void Rolling_back_leaves_the_bytes_that_were_there_at_the_mark()
    {
        using var batch = new BatchBuilder(100, nowMs: 5);
        LogFixture.Add(batch, "1", "one");
        var mark = batch.Mark();
        var before = batch.Batch.ToArray();
        LogFixture.Add(batch, "2", new string('x', 10_000));
        batch.BeginRecord("3"u8, hasKey: true);
        batch.Advance(Math.Min(5, batch.GetSpan(5).Length));

        batch.RollbackTo(mark);

        Assert.Equal(1, batch.RecordCount);
        Assert.Equal(before, batch.Batch.ToArray());
        LogFixture.Add(batch, "4", "four");
        using var block = Sealed(batch, baseOffset: 10);
        Assert.Equal(["10=one", "11=four"], LogFixture.Texts(block));
    }

    [Fact]
    public void Rolling_back_to_nothing_makes_the_next_record_the_first()
    {
        using var batch = new BatchBuilder(100, nowMs: 5);
        var empty = batch.Mark();
        LogFixture.Add(batch, "1", "one");
        batch.RollbackTo(empty);
        LogFixture.Add(batch, "2", "two");

        using var block = Sealed(batch, baseOffset: 3);

        Assert.Equal(["3=two"], LogFixture.Texts(block));
        Assert.Equal(77, new BatchView(block.Buffer.AsSpan(0, block.Length)).SyncedOffset());
    }

    [Fact]
    public void One_byte_of_the_last_value_can_be_changed_and_of_no_other()
    {
        using var batch = new BatchBuilder(100, nowMs: 5);
        LogFixture.Add(batch, "1", "abc");
        LogFixture.Add(batch, "2", "abc");

        batch.PatchLastValue(1, (byte)'X');

        Assert.Throws<ArgumentOutOfRangeException>(() => batch.PatchLastValue(3, 0));
        using var block = Sealed(batch, baseOffset: 0);
        Assert.Equal(["0=abc", "1=aXc"], LogFixture.Texts(block));
    }

    [Fact]
    public void Every_flipped_bit_is_noticed_or_changes_nothing_that_is_read()
    {
        using var batch = new BatchBuilder(100, nowMs: 5);
        LogFixture.Add(batch, "key", "some value");
        LogFixture.Add(batch, "key2", "another");
        using var block = Sealed(batch, baseOffset: 42);
        var good = block.Buffer.AsSpan(0, block.Length).ToArray();
        for (var bit = 0; bit < good.Length * 8; bit++)
        {
            var bad = good.ToArray();
            bad[bit / 8] ^= (byte)(1 << (bit % 8));
            var view = new BatchView(bad);
            var accepted = view.IsPlausible(42, 99) && view.SizeBytes <= bad.Length && view.IsWhole();
            var isEpochField = bit / 8 is >= BatchFormat.EpochAt and < BatchFormat.MagicAt; // informative only
            Assert.True(!accepted || isEpochField, $"bit {bit} flipped and accepted");
        }
    }

    [Fact]
    public void A_batch_cut_at_any_byte_is_not_taken_for_whole()
    {
        using var batch = new BatchBuilder(100, nowMs: 5);
        LogFixture.Add(batch, "key", "some value");
        using var block = Sealed(batch, baseOffset: 42);
        for (var length = BatchFormat.HeaderBytes; length < block.Length; length++)
            Assert.True(new BatchView(block.Buffer.AsSpan(0, length)).SizeBytes > length);
    }

    [Fact]
    public void A_batch_above_256_MiB_is_refused()
    {
        using var batch = new BatchBuilder(100, nowMs: 5);
        batch.BeginRecord([], hasKey: false);

        var error = Assert.Throws<LogException>(() => { batch.GetSpan(BatchFormat.MaxBatchBytes); });

        Assert.Equal(
            "A batch of 268435525 bytes was begun; the largest is 268435456. Write smaller rows, or close the batch earlier. [LEAT-2013]", error.Message);
    }

    [Fact]
    public void The_checksum_is_Castagnolis()
    {
        Assert.Equal(0xE3069283u, BatchFormat.Crc("123456789"u8)); // RFC 3720's check value
        Assert.Equal(0x8A9136AAu, BatchFormat.Crc(new byte[32])); // RFC 3720, B.4: 32 bytes of zeros
    }

    internal static LogBlock Sealed(BatchBuilder batch, long baseOffset)
    {
        batch.Seal(new(baseOffset, Epoch: 1, Attributes: 0, batch.RecordCount, Incarnation: 99, SyncedOffset: 77), Compression.None);
        var length = batch.Batch.Count;
        var bytes = ArrayPool<byte>.Shared.Rent(length);
        batch.Batch.AsSpan().CopyTo(bytes);
        var view = new BatchView(bytes.AsSpan(0, length));
        Assert.True(view.IsPlausible(baseOffset, 99));
        Assert.True(view.IsWhole());
        return new(bytes, length, baseOffset, view.NextOffset, []);
    }

    private static void AssertMinimalLengths(LogBlock block)
    {
        var at = BatchFormat.HeaderBytes;
        for (var i = 0; i < BinaryPrimitives.ReadInt32BigEndian(block.Buffer.AsSpan(BatchFormat.RecordCountAt)); i++)
        {
            var start = at;
            Assert.True(Varint.TryRead(block.Buffer, ref at, out var length));
            Assert.Equal(Varint.Size(length), at - start);
            at += (int)length;
        }

        Assert.Equal(block.Length, at);
    }
}
