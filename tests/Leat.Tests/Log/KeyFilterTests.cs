using System.Buffers.Binary;
using System.Text;
using Leat.Log;
using Xunit;

namespace Leat.Tests.Log;

public sealed class KeyFilterTests : IDisposable
{
    private static readonly SegmentWindow Window = new(1000, 5000, false, false, 2000, 0, Generation: 0);

    private readonly LogFixture _fixture = new();

    [Theory]
    [InlineData(1)]
    [InlineData(1000)]
    [InlineData(200_000)]
    public void Every_key_is_found_and_two_foreign_ones_in_a_hundred_at_most(int keys)
    {
        var filter = KeyFilter.Create(keys, 16 << 20);
        for (var i = 0; i < keys; i++)
            KeyFilter.Add(filter, Hash(i));
        KeyFilter.Seal(filter, keys, Window, rule: 0);

        for (var i = 0; i < keys; i++)
            Assert.True(KeyFilter.MayContain(filter, Hash(i)));
        var falsely = Enumerable.Range(0, 200_000).Count(i => KeyFilter.MayContain(filter, Hash(-1 - i)));
        TestContext.Current.SendDiagnosticMessage($"{keys} keys: {falsely / 2000.0:F2} % falsely perhaps");
        Assert.InRange(falsely, 0, 4000);
        Assert.InRange(filter.Length, KeyFilter.HeaderBytes, KeyFilter.HeaderBytes + keys * 10 / 8 + KeyFilter.BlockBytes + KeyFilter.CrcBytes);
    }

    [Fact]
    public void A_filter_of_another_segment_or_rule_or_with_any_bit_flipped_is_not_believed()
    {
        var filter = KeyFilter.Create(100, 16 << 20);
        for (var i = 0; i < 100; i++)
            KeyFilter.Add(filter, Hash(i));
        KeyFilter.Seal(filter, 100, Window, rule: 7);
        Assert.True(KeyFilter.IsOf(filter, Window, rule: 7));

        Assert.False(KeyFilter.IsOf(filter, Window, rule: 0));
        Assert.False(KeyFilter.IsOf(filter, Window with { BaseOffset = 0 }, rule: 7));
        Assert.False(KeyFilter.IsOf(filter, Window with { Bytes = 4999 }, rule: 7));
        Assert.False(KeyFilter.IsOf(filter.AsSpan(0, filter.Length - 1), Window, rule: 7));
        Assert.False(KeyFilter.IsOf([], Window, rule: 7));
        for (var bit = 0; bit < filter.Length * 8; bit++)
        {
            var bad = filter.ToArray();
            bad[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(KeyFilter.IsOf(bad, Window, rule: 7));
        }
    }

    [Fact]
    public void A_known_key_sets_known_bits()
    {
        // docs/formats/log-segment.md: the hash of "row:1", and the filter of one block that holds it alone.
        Assert.Equal(0x4365D97E18300811ul, KeyHash.Of("row:1"u8));
        var filter = KeyFilter.Create(1, 16 << 20);
        KeyFilter.Add(filter, KeyHash.Of("row:1"u8));
        KeyFilter.Seal(filter, 1, Window, rule: 0);

        Assert.Equal(
            "6C6561746B6579730000000100000001000000000000000100000000000003E800000000000013880000000000000000"
            + "0010000000002000000000800800000004000000000000020400000000000040" + "347BDEE9", Convert.ToHexString(filter));
    }

    [Fact]
    public void Hashes_are_spread_and_lengths_and_order_count()
    {
        Assert.NotEqual(KeyHash.Of([0]), KeyHash.Of([0, 0]));
        Assert.NotEqual(KeyHash.Of([]), KeyHash.Of([0]));
        Assert.NotEqual(KeyHash.Combine(1, 2), KeyHash.Combine(2, 1));
        Assert.Equal(100_000, Enumerable.Range(0, 100_000).Select(Hash).Distinct().Count());
    }

    [Fact]
    public async Task All_records_of_a_key_are_found_without_reading_every_segment()
    {
        using var log = _fixture.Open(scheduler: new HeldMaintenance());
        var stream = log.OpenStream("shop", new() { SegmentBytes = 8 * 1024, Compression = Compression.Lz4 });
        var expected = await FillAsync(stream, 2000);
        Assert.True(SideFiles.WriteMissing(stream, 2));
        Assert.False(SideFiles.WriteMissing(stream, int.MaxValue));

        using var reader = stream.FindKey(KeyHash.Of("rare"u8), 0, stream.EndOffset);
        Assert.Equal(expected, RecordsOf(reader, "rare"));
        Assert.True(reader.SkippedSegments > 10 * reader.ReadSegments, $"{reader.SkippedSegments} skipped, {reader.ReadSegments} read");
        Assert.Equal(stream.ReadableOffset, reader.NextOffset);
    }

    [Fact]
    public async Task Maintenance_makes_the_files_of_what_was_closed()
    {
        var scheduler = new HeldMaintenance();
        using var log = _fixture.Open(scheduler: scheduler);
        var stream = log.OpenStream("shop", new() { SegmentBytes = 8 * 1024 });
        await FillAsync(stream, 500);
        var folder = Path.Combine(_fixture.Folder, "shop-0");
        Assert.Empty(Directory.GetFiles(folder, "*.keys"));

        scheduler.RunMaintenance();

        var closed = Directory.GetFiles(folder, "*.log").Length - 1;
        Assert.Equal(closed, Directory.GetFiles(folder, "*.keys").Length);
        Assert.Equal(closed, Directory.GetFiles(folder, "*.timeindex").Length);
        Assert.False(SideFiles.WriteMissing(stream, 0));
    }

    [Fact]
    public async Task A_filter_that_is_gone_or_lies_is_made_again()
    {
        using var log = _fixture.Open(scheduler: new HeldMaintenance());
        var stream = log.OpenStream("shop", new() { SegmentBytes = 8 * 1024 });
        var expected = await FillAsync(stream, 500);
        var files = () => Directory.GetFiles(Path.Combine(_fixture.Folder, "shop-0"), "*.keys").Order(StringComparer.Ordinal).ToArray();
        Assert.Empty(files());

        Assert.Equal(expected, FindRare(stream));
        var good = files().Select(File.ReadAllBytes).ToArray();
        Assert.NotEmpty(good);
        foreach (var file in files())
        {
            var bad = File.ReadAllBytes(file);
            bad.AsSpan(KeyFilter.HeaderBytes..^KeyFilter.CrcBytes).Clear();
            File.WriteAllBytes(file, bad);
        }

        Assert.Equal(expected, FindRare(stream));
        Assert.Equal(good, files().Select(File.ReadAllBytes));
    }

    [Fact]
    public async Task Another_rule_for_keys_makes_the_filters_again()
    {
        using (var log = _fixture.Open(scheduler: new HeldMaintenance()))
        {
            var stream = log.OpenStream("shop", new() { SegmentBytes = 8 * 1024 });
            await FillAsync(stream, 500);
            SideFiles.WriteMissing(stream, int.MaxValue);
        }

        using var again = _fixture.Open(scheduler: new HeldMaintenance());
        var byValue = again.OpenStream("shop", new() { SegmentBytes = 8 * 1024, KeysOf = new ValueKeys() });
        using var reader = byValue.FindKey(42, 0, byValue.EndOffset);
        var found = 0;
        while (reader.Read(1 << 20) is { } block)
        {
            using (block)
                found += LogFixture.Texts(block).Count(text => text.EndsWith("rare value", StringComparison.Ordinal));
        }

        Assert.Equal(2, found);
        Assert.True(reader.SkippedSegments > 0);
    }

    [Fact]
    public async Task Reading_ends_where_the_range_ends()
    {
        using var log = _fixture.Open(scheduler: new HeldMaintenance());
        var stream = log.OpenStream("shop", new() { SegmentBytes = 8 * 1024 });
        var expected = await FillAsync(stream, 500);

        using var reader = stream.FindKey(KeyHash.Of("rare"u8), 0, 300);
        Assert.Equal(expected.Where(text => int.Parse(text.Split('=')[0]) < 300), RecordsOf(reader, "rare"));
        Assert.InRange(reader.NextOffset, 300, 499);
    }

    [Fact]
    public void More_keys_than_are_counted_still_give_a_sharp_filter()
    {
        const int keys = 1_500_000;
        const int keysOfBatch = 10_000;
        const int bytesOfBatch = 160_000; // about
        var key = new byte[8];
        using var collector = new KeyCollector(null, 2L * bytesOfBatch * (keys / keysOfBatch)); // as if as much was to follow
        long position = 0;
        for (var first = 0; first < keys; first += keysOfBatch)
        {
            var batch = new BatchBuilder(1 << 18, 0);
            for (var i = first; i < first + keysOfBatch; i++)
            {
                BinaryPrimitives.WriteInt64LittleEndian(key, i);
                batch.BeginRecord(key, hasKey: true);
                batch.EndRecord();
            }

            batch.Seal(new(first, 1, 0, keysOfBatch, 1, 0), Compression.None);
            position += batch.Stored.Count;
            collector.Add(batch.Stored, position);
            batch.Release();
        }

        Assert.InRange(position, bytesOfBatch * (keys / keysOfBatch) / 2, 2 * bytesOfBatch * (keys / keysOfBatch));
        var filter = collector.Close(Window);

        Assert.True(KeyFilter.IsOf(filter, Window, 0));
        for (var i = 0; i < keys; i += 101)
        {
            BinaryPrimitives.WriteInt64LittleEndian(key, i);
            Assert.True(KeyFilter.MayContain(filter, KeyHash.Of(key)));
        }

        Assert.InRange(Enumerable.Range(0, 100_000).Count(i => KeyFilter.MayContain(filter, Hash(i))), 0, 2000);
    }

    public void Dispose() => _fixture.Dispose();

    private static ulong Hash(int i) => KeyHash.Of(Encoding.ASCII.GetBytes($"row:{i}"));

    private static async Task<List<string>> FillAsync(StreamPartition stream, int records)
    {
        var expected = new List<string>();
        for (var i = 0; i < records; i++)
        {
            var batch = stream.NewBatch();
            var isRare = i == 7 || i == records - 60;
            LogFixture.Add(batch, isRare ? "rare" : $"row:{i}", isRare ? "a rare value" : string.Concat(Enumerable.Range(i, 60).Select(j => $"{j * 7919 % 10007} ")));
            if (isRare)
                expected.Add($"{i}=a rare value");
            stream.Append(batch);
        }

        await stream.WaitSyncedAsync(stream.EndOffset, LogFixture.Token);
        return expected;
    }

    private static List<string> FindRare(StreamPartition stream)
    {
        using var reader = stream.FindKey(KeyHash.Of("rare"u8), 0, stream.EndOffset);
        return RecordsOf(reader, "rare");
    }

    private static List<string> RecordsOf(KeyReader reader, string key)
    {
        var found = new List<string>();
        while (reader.Read(1 << 20) is { } block)
        {
            using (block)
            {
                var records = block.Records();
                while (records.MoveNext())
                {
                    if (Encoding.UTF8.GetString(block.Buffer, records.KeyStart, Math.Max(0, records.KeyLength)) == key)
                        found.Add($"{records.Offset}={Encoding.UTF8.GetString(block.Buffer, records.ValueStart, records.ValueLength)}");
                }
            }
        }

        return found;
    }

    private sealed class ValueKeys : IRecordKeys
    {
        public int Hash(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, Span<ulong> hashes)
        {
            hashes[0] = value.EndsWith("rare value"u8) ? 42 : KeyHash.Of(value);
            return 1;
        }
    }
}
