using Leat.Log;
using Xunit;

namespace Leat.Tests.Log;

public sealed class ReaderTests : IDisposable
{
    private static readonly StreamOptions SmallSegments = new() { SegmentBytes = 16 * 1024, TailBytes = 0 };

    private readonly LogFixture _fixture = new();

    [Fact]
    public async Task A_waiting_reader_is_woken_by_the_sync()
    {
        using var log = _fixture.Open();
        var stream = log.OpenStream("shop", new());
        var waiting = stream.WaitReadableAsync(0, LogFixture.Token);
        Assert.False(waiting.IsCompleted);

        stream.Append(LogFixture.Batch(stream, "a"));
        await waiting;

        Assert.Equal(["0=a"], LogFixture.ReadAll(stream));
    }

    [Fact]
    public async Task A_wait_that_is_cancelled_ends()
    {
        using var log = _fixture.Open();
        var stream = log.OpenStream("shop", new());
        using var stop = new CancellationTokenSource();
        var waiting = stream.WaitReadableAsync(0, stop.Token).AsTask();

        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(500)]
    [InlineData(1024 * 1024)]
    public async Task Reading_from_any_offset_gives_every_record_from_there_in_every_segment(int maxBytes)
    {
        using var log = _fixture.Open();
        var stream = log.OpenStream("shop", SmallSegments);
        var expected = await FillAsync(stream, batches: 300);

        for (var from = 0; from <= expected.Count; from += 37)
            Assert.Equal(expected[from..], LogFixture.ReadAll(stream, from, maxBytes));
        Assert.True(Directory.GetFiles(Path.Combine(_fixture.Folder, "shop-0"), "*.log").Length > 3);
    }

    [Fact]
    public async Task An_index_that_is_gone_or_lies_is_made_again()
    {
        using var log = _fixture.Open();
        var stream = log.OpenStream("shop", new() { SegmentBytes = 256 * 1024, TailBytes = 0 });
        var expected = await FillAsync(stream, batches: 4000);
        var index = LogFixture.PathOf(_fixture.Folder, "shop", 0, ".index");
        var good = File.ReadAllBytes(index);
        Assert.True(good.Length > 8 * 20);

        File.Delete(index);
        Assert.Equal(expected[200..], LogFixture.ReadAll(stream, 200));
        Assert.Equal(good, File.ReadAllBytes(index));

        for (var i = 0; i < good.Length; i += 5)
        {
            var bad = good.ToArray();
            bad[i] ^= 0x55;
            File.WriteAllBytes(index, bad);
            Assert.Equal(expected[1000..1010], LogFixture.ReadAll(stream, 1000)[..10]);
        }

        File.WriteAllBytes(index, []);
        Assert.Equal(expected[1000], LogFixture.ReadAll(stream, 1000)[0]);
        Assert.Equal(good, File.ReadAllBytes(index));
    }

    [Fact]
    public async Task A_batch_larger_than_asked_for_is_read_whole()
    {
        using var log = _fixture.Open();
        var stream = log.OpenStream("shop", new());
        await LogFixture.AppendSyncedAsync(stream, new string('x', 3_000_000));
        using var reader = stream.NewReader(0);

        using var block = reader.Read(maxBytes: 1000);

        Assert.NotNull(block);
        Assert.Equal(3_000_002, LogFixture.Texts(block)[0].Length);
        Assert.Equal(1, reader.NextOffset);
        Assert.Null(reader.Read(1000));
    }

    [Fact]
    public void An_offset_that_the_stream_does_not_have_is_refused()
    {
        using var log = _fixture.Open();
        var stream = log.OpenStream("shop", new());

        var error = Assert.Throws<LogException>(() => stream.NewReader(5));

        Assert.Equal(
            "Stream shop has offsets 0 to 0, and offset 5 was asked for. The log is older than whoever asks: it was restored or replaced. "
            + "Take a new snapshot, or restore the newer log. [LEAT-2014]", error.Message);
    }

    [Fact]
    public async Task A_block_lives_until_its_last_owner_lets_go()
    {
        using var log = _fixture.Open();
        var stream = log.OpenStream("shop", new());
        await LogFixture.AppendSyncedAsync(stream, "a");
        using var reader = stream.NewReader(0);
        var block = reader.Read(1000);
        Assert.NotNull(block);

        block.AddReference();
        block.Dispose();
        Assert.Equal(["0=a"], LogFixture.Texts(block));
        block.Dispose();

        Assert.Throws<ObjectDisposedException>(block.Dispose);
    }

    [Fact]
    public async Task Many_threads_append_and_every_reader_sees_one_order()
    {
        using var log = _fixture.Open();
        var stream = log.OpenStream("shop", new() { SegmentBytes = 64 * 1024, MaxUnsyncedBytes = 16 * 1024 });
        var writers = Enumerable.Range(0, 4).Select(writer => Task.Run(
            async () =>
            {
                for (var i = 0; i < 500; i++)
                {
                    await stream.WhenRoomAsync(LogFixture.Token);
                    stream.Append(LogFixture.Batch(stream, $"{writer}:{i}"));
                }
            },
            LogFixture.Token)).ToArray();
        var seen = new List<string>();
        using var reader = stream.NewReader(0);
        while (seen.Count < 2000)
        {
            await stream.WaitReadableAsync(reader.NextOffset, LogFixture.Token);
            using var block = reader.Read(4096);
            Assert.NotNull(block);
            seen.AddRange(LogFixture.Texts(block));
        }

        await Task.WhenAll(writers);
        for (var writer = 0; writer < 4; writer++)
        {
            var own = seen.Select(text => text.Split('=')[1]).Where(text => text.StartsWith($"{writer}:", StringComparison.Ordinal));
            Assert.Equal(Enumerable.Range(0, 500).Select(i => $"{writer}:{i}"), own);
        }
    }

    public void Dispose() => _fixture.Dispose();

    private static async Task<List<string>> FillAsync(StreamPartition stream, int batches)
    {
        var expected = new List<string>();
        for (var i = 0; i < batches; i++)
        {
            var batch = stream.NewBatch();
            for (var j = 0; j <= i % 3; j++)
            {
                var value = $"{i}.{j} {new string('v', i % 120)}";
                expected.Add($"{expected.Count}={value}");
                LogFixture.Add(batch, null, value);
            }

            stream.Append(batch);
        }

        await stream.WaitSyncedAsync(stream.EndOffset, LogFixture.Token);
        return expected;
    }
}
