using System.Text;
using Leat.Log;
using Leat.Log.Codecs;
using Xunit;

namespace Leat.Tests.Log;

public sealed class CompressedStreamTests : IDisposable
{
    private readonly LogFixture _fixture = new();

    public static TheoryData<Compression> All => [Compression.None, .. CodecTests.All];

    [Theory]
    [MemberData(nameof(All))]
    public async Task Every_record_is_read_from_any_offset_in_any_step(Compression compression)
    {
        List<string> expected;
        using (var log = _fixture.Open())
        {
            var stream = log.OpenStream("shop", Options(compression));
            expected = await FillAsync(stream, batches: 120);
            Check(stream, expected);
        }

        using var again = _fixture.Open();
        Check(again.OpenStream("shop", Options(Compression.None)), expected);
        Assert.True(Directory.GetFiles(Path.Combine(_fixture.Folder, "shop-0"), "*.log").Length > 2);
    }

    [Theory]
    [MemberData(nameof(All))]
    public async Task The_batches_say_how_they_are_compressed_and_are_smaller(Compression compression)
    {
        using var log = _fixture.Open();
        var stream = log.OpenStream("shop", Options(compression));
        await LogFixture.AppendSyncedAsync(stream, new string('a', 5000));

        var file = File.ReadAllBytes(LogFixture.PathOf(_fixture.Folder, "shop", 0));
        Assert.Equal(compression, new BatchView(file).Compression);
        Assert.Equal(file.Length, new BatchView(file).SizeBytes);
        Assert.True(new BatchView(file).IsWhole());
        Assert.Equal(compression == Compression.None, file.Length > 5000);
    }

    [Theory]
    [MemberData(nameof(All))]
    public async Task What_does_not_get_smaller_and_markers_stay_as_they_are(Compression compression)
    {
        using var log = _fixture.Open();
        var stream = log.OpenStream("shop", Options(compression));
        await LogFixture.AppendSyncedAsync(stream, "ab");
        stream.Append(LogFixture.Batch(stream, new string('t', 2000)), BatchKind.Transactional);
        stream.Append(stream.NewBatch(), BatchKind.CommitMarker);
        await stream.WaitSyncedAsync(3, LogFixture.Token);

        var kinds = new List<Compression>();
        for (var rest = File.ReadAllBytes(LogFixture.PathOf(_fixture.Folder, "shop", 0)).AsSpan(); !rest.IsEmpty;)
        {
            kinds.Add(new BatchView(rest).Compression);
            rest = rest[(int)new BatchView(rest).SizeBytes..];
        }

        Assert.Equal([Compression.None, compression, Compression.None], kinds);
        Assert.Equal(["0=ab", "1=" + new string('t', 2000)], LogFixture.ReadAll(stream));
        using var last = stream.ReadLastCommittedBatch();
        Assert.NotNull(last);
        Assert.Equal(["1=" + new string('t', 2000)], LogFixture.Texts(last));
    }

    [Fact]
    public async Task A_stream_may_change_its_compression_at_every_opening()
    {
        var expected = new List<string>();
        for (var round = 0; round < 2; round++)
        {
            foreach (var compression in All.Select(row => row.Data))
            {
                using var log = _fixture.Open();
                var stream = log.OpenStream("shop", Options(compression));
                for (var i = 0; i < 5; i++)
                {
                    var value = new string((char)('a' + i), 600 + i);
                    expected.Add($"{stream.EndOffset}={value}");
                    await LogFixture.AppendSyncedAsync(stream, value);
                }
            }
        }

        using var last = _fixture.Open();
        Check(last.OpenStream("shop", Options(Compression.None)), expected);
    }

    [Theory]
    [MemberData(nameof(All))]
    public async Task An_unclean_end_is_recovered_by_what_the_batches_say_was_durable(Compression compression)
    {
        var (expected, killed) = await KilledAsync(compression);
        var path = LogFixture.PathOf(killed, "shop", 0);
        var whole = File.ReadAllBytes(path);
        var second = (int)new BatchView(whole).SizeBytes;

        // The last batch torn: cut. The first one damaged: a later one says that it was durable.
        var torn = _fixture.CopyAsIfKilled(killed);
        File.WriteAllBytes(LogFixture.PathOf(torn, "shop", 0), whole[..^3]);
        using (var log = _fixture.Open(torn))
        {
            var stream = log.OpenStream("shop", Options(compression));
            Assert.Equal(expected[..^1], LogFixture.ReadAll(stream));
            Assert.Equal(2u, stream.Epoch);
        }

        var damaged = _fixture.CopyAsIfKilled(killed);
        whole[second - 2] ^= 4;
        File.WriteAllBytes(LogFixture.PathOf(damaged, "shop", 0), whole);
        using var other = _fixture.Open(damaged);
        var error = Assert.Throws<LogException>(() => other.OpenStream("shop", Options(compression)));
        Assert.Equal(2005, error.Code);
    }

    [Theory]
    [MemberData(nameof(All))]
    public async Task No_flipped_bit_of_a_closed_segment_is_ever_served(Compression compression)
    {
        using (var log = _fixture.Open())
            await FillAsync(log.OpenStream("shop", Options(compression)), batches: 60);
        var path = LogFixture.PathOf(_fixture.Folder, "shop", 0);
        var good = File.ReadAllBytes(path);
        using var again = _fixture.Open();
        var stream = again.OpenStream("shop", Options(compression));
        var all = LogFixture.ReadAll(stream);

        for (var at = 0; at < good.Length; at += 97)
        {
            var bad = good.ToArray();
            bad[at] ^= (byte)(1 << (at % 8));
            File.WriteAllBytes(path, bad);
            var read = new List<string>();
            try
            {
                using var reader = stream.NewReader(0);
                while (reader.Read(5000) is { } block)
                {
                    using (block)
                        read.AddRange(LogFixture.Texts(block));
                }
            }
            catch (LogException error)
            {
                Assert.Equal(2006, error.Code);
            }

            // The leader epoch, bytes 12 to 15 of a batch, is outside the checksum and tells readers nothing.
            Assert.Equal(all[..read.Count], read);
        }
    }

    [Fact]
    public async Task A_batch_whose_checksum_agrees_and_that_cannot_be_decompressed_is_told()
    {
        using (var log = _fixture.Open())
            await FillAsync(log.OpenStream("shop", Options(Compression.Zstd)), batches: 60);
        var path = LogFixture.PathOf(_fixture.Folder, "shop", 0);
        var bytes = File.ReadAllBytes(path);
        var size = (int)new BatchView(bytes).SizeBytes;
        bytes[size - 1] ^= 0xFF;
        bytes[size - 9] ^= 0xFF;
        BatchFormat.WriteCrc(bytes.AsSpan(0, size));
        File.WriteAllBytes(path, bytes);
        using var again = _fixture.Open();
        var stream = again.OpenStream("shop", Options(Compression.None));
        using var reader = stream.NewReader(0);

        var error = Assert.Throws<LogException>(() => reader.Read(1));

        Assert.Equal(
            $"{path}: the batch of offset 0 at byte 0 cannot be decompressed (zstd), although its checksum agrees. "
            + "It was written wrong, not damaged on the disk. Report it with the segment file. [LEAT-2041]", error.Message);
    }

    [Fact]
    public async Task What_was_compressed_makes_as_much_room_as_it_took_when_it_is_synced()
    {
        using var log = _fixture.Open();
        var stream = log.OpenStream("shop", Options(Compression.Lz4) with { MaxUnsyncedBytes = 50_000 });
        for (var i = 0; i < 50; i++)
        {
            await stream.WhenRoomAsync(LogFixture.Token);
            await LogFixture.AppendSyncedAsync(stream, new string('a', 10_000));
        }

        await stream.WhenRoomAsync(LogFixture.Token);
    }

    [Fact]
    public void An_unknown_compression_is_refused()
    {
        using var log = _fixture.Open();

        var error = Assert.Throws<LogException>(() => log.OpenStream("shop", Options((Compression)5)));

        Assert.Equal(
            "The settings of stream shop are not possible: compression number 5, expected none, gzip, snappy, lz4 or zstd. Correct the value. [LEAT-2018]",
            error.Message);
    }

    [Fact]
    public void The_synced_offset_is_found_in_a_first_record_of_any_size()
    {
        foreach (var compression in All.Select(row => row.Data))
        {
            foreach (var size in new[] { 0, 300, 900, 1000, 1100, 5000, 3_000_000 })
            {
                var batch = new BatchBuilder(100, 5);
                LogFixture.Add(batch, "key", new string('v', size));
                LogFixture.Add(batch, "key", "second");
                batch.Seal(new(1000, 1, 0, 2, 99, SyncedOffset: 987), compression);
                Assert.Equal(987, new BatchView(batch.Stored).SyncedOffset());
                batch.Release();
            }
        }
    }

    public void Dispose() => _fixture.Dispose();

    private static StreamOptions Options(Compression compression) => new() { SegmentBytes = 32 * 1024, Compression = compression };

    private static void Check(StreamPartition stream, List<string> expected)
    {
        foreach (var maxBytes in new[] { 1, 3000, 50_000, 1 << 20 })
        {
            for (var from = 0; from < expected.Count; from += 41)
                Assert.Equal(expected[from..], LogFixture.ReadAll(stream, from, maxBytes));
        }
    }

    private static async Task<List<string>> FillAsync(StreamPartition stream, int batches)
    {
        var expected = new List<string>();
        var random = new Random(7);
        for (var i = 0; i < batches; i++)
        {
            var batch = stream.NewBatch();
            for (var j = random.Next(1, 6); j > 0; j--)
            {
                var value = new StringBuilder();
                while (value.Length < (i % 7 == 0 ? 6000 : 500))
                    value.Append(random.Next(1000)).Append(" of a row; ");
                expected.Add($"{stream.EndOffset + batch.RecordCount}={value}");
                LogFixture.Add(batch, "key", value.ToString());
            }

            stream.Append(batch);
            if (i % 3 == 0)
                await stream.WaitSyncedAsync(stream.EndOffset, LogFixture.Token);
        }

        await stream.WaitSyncedAsync(stream.EndOffset, LogFixture.Token);
        return expected;
    }

    private async Task<(List<string> Expected, string Folder)> KilledAsync(Compression compression)
    {
        var log = _fixture.Open();
        var stream = log.OpenStream("shop", Options(compression));
        for (var i = 0; i < 6; i++)
            await LogFixture.AppendSyncedAsync(stream, $"{i}" + new string('v', 1000));
        return (LogFixture.ReadAll(stream), _fixture.CopyAsIfKilled());
    }
}
