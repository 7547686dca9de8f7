using Leat.Log;
using Leat.Log.Tools;
using Xunit;

namespace Leat.Tests.Log;

public sealed class LogViewTests : IDisposable
{
    private readonly LogFixture _fixture = new();

    [Fact]
    public async Task A_closed_log_is_seen_as_it_is_and_not_touched()
    {
        var folder = await ToolFixture.ClosedAsync(_fixture);
        var before = ToolFixture.Snapshot(folder);
        using var view = ToolFixture.View(folder);
        var stream = view.Stream("shop");

        Assert.Equal(["shop"], view.Streams);
        Assert.Equal((0, 40, 40, 40), (stream.StartOffset, stream.ReadableOffset, stream.EndOffset, stream.DurableOffset));
        Assert.True(stream.IsClean);
        Assert.True(stream.Segments.Count > 3);
        Assert.Equal(ToolFixture.Expected(0, 40), ToolFixture.ReadAll(stream));
        Assert.Equal(before, ToolFixture.Snapshot(folder));
    }

    [Fact]
    public async Task A_log_in_use_is_seen_while_it_grows()
    {
        using var log = _fixture.Open();
        var written = log.OpenStream("shop", ToolFixture.SmallSegments);
        await ToolFixture.FillAsync(written, 3);
        using var view = ToolFixture.View(_fixture.Folder);
        var stream = view.Stream("shop");
        using var reader = stream.NewReader(0, all: false);
        Assert.Equal(ToolFixture.Expected(0, 3), ToolFixture.ReadAll(reader));

        await ToolFixture.FillAsync(written, 50); // rolls several times
        Assert.Empty(ToolFixture.ReadAll(reader));
        stream.Refresh();

        Assert.Equal(ToolFixture.Expected(3, 53), ToolFixture.ReadAll(reader));
        Assert.False(stream.IsClean);
    }

    [Fact]
    public async Task Reading_from_any_offset_gives_every_record_from_there()
    {
        var folder = await ToolFixture.ClosedAsync(_fixture);
        using var view = ToolFixture.View(folder);
        var stream = view.Stream("shop");

        for (var from = 0; from <= 40; from += 3)
            Assert.Equal(ToolFixture.Expected(from, 40), ToolFixture.ReadAll(stream, from));
    }

    [Theory]
    [InlineData(Compression.None)]
    [InlineData(Compression.Gzip)]
    [InlineData(Compression.Zstd)]
    public async Task Transactions_are_shown_as_readers_see_them_or_all_of_them(Compression compression)
    {
        using var log = _fixture.Open();
        var written = log.OpenStream("shop", new() { Compression = compression });
        await LogFixture.AppendSyncedAsync(written, new string('p', 500));
        written.Append(LogFixture.Batch(written, new string('a', 500)), BatchKind.Transactional);
        await LogFixture.MarkAsync(written, BatchKind.AbortMarker);
        written.Append(LogFixture.Batch(written, new string('c', 500)), BatchKind.Transactional);
        await LogFixture.MarkAsync(written, BatchKind.CommitMarker);
        written.Append(LogFixture.Batch(written, new string('o', 500)), BatchKind.Transactional);
        await written.WaitSyncedAsync(written.EndOffset, LogFixture.Token);
        using var view = ToolFixture.View(_fixture.Folder);
        var stream = view.Stream("shop");

        Assert.Equal(["0=ppp", "3=ccc"], ToolFixture.ReadAll(stream).Select(text => text[..5]));
        Assert.Equal((5, 6, 5, 1), (stream.ReadableOffset, stream.EndOffset, stream.OpenTransaction, stream.AbortedTransactions));
        var states = new List<string>();
        using var reader = stream.NewReader(0, all: true);
        while (reader.Read() is { } block)
        {
            using (block)
                states.Add($"{block.NextOffset - 1} {reader.State}");
        }

        Assert.Equal(["0 Committed", "1 Aborted", "2 AbortMarker", "3 Committed", "4 CommitMarker", "5 Open"], states);
        Assert.Equal(compression, stream.Compression);
    }

    [Fact]
    public async Task A_time_leads_to_the_first_batch_that_is_as_late()
    {
        using (var log = _fixture.Open())
        {
            var written = log.OpenStream("shop", ToolFixture.SmallSegments);
            for (var i = 0; i < 40; i++)
            {
                var batch = written.NewBatch();
                batch.TimestampMs = 1_700_000_000_000 + i * 1000;
                LogFixture.Add(batch, null, ToolFixture.ValueOf(i));
                written.Append(batch);
            }
        }

        using var view = ToolFixture.View(_fixture.Folder);
        var stream = view.Stream("shop");

        Assert.Equal(0, stream.OffsetAt(DateTimeOffset.FromUnixTimeMilliseconds(0)));
        Assert.Equal(17, stream.OffsetAt(DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_016_001)));
        Assert.Equal(17, stream.OffsetAt(DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_017_000)));
        Assert.Equal(40, stream.OffsetAt(DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_100_000)));
        Assert.Equal(DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_000), stream.OldestTime);
        Assert.Equal(DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_039_000), stream.NewestTime);
    }

    [Theory]
    [InlineData(Compression.None)]
    [InlineData(Compression.Lz4)]
    public async Task A_compacted_stream_is_read_from_any_offset(Compression compression)
    {
        var (folder, left) = await ToolFixture.CompactedAsync(_fixture, compression);
        using var view = ToolFixture.View(folder);
        var stream = view.Stream("shop");

        Assert.True(left.Count < 100);
        Assert.Contains(stream.Segments, segment => segment.IsCompacted);
        for (var from = 0; from <= 100; from += 7)
            Assert.Equal(left.Where(text => int.Parse(text.AsSpan(0, text.IndexOf('=')), provider: null) >= from), ToolFixture.ReadAll(stream, from));
    }

    [Fact]
    public async Task Damage_is_told_and_reading_goes_on_behind_it()
    {
        var folder = await ToolFixture.ClosedAsync(_fixture);
        var second = ToolFixture.Segments(folder)[1];
        var file = LogFixture.PathOf(folder, "shop", second);
        ToolFixture.Damage(file, where: 0.1); // its first batch
        using var view = ToolFixture.View(folder);
        using var reader = view.Stream("shop").NewReader(0, all: false);

        var read = new List<string>();
        var error = Assert.Throws<LogException>(() =>
        {
            while (reader.Read() is { } block)
            {
                using (block)
                    read.AddRange(LogFixture.Texts(block));
            }
        });

        Assert.Equal(ViewReader.DamageCode, error.Code);
        Assert.StartsWith($"{file} is damaged at byte 0: the batch of offset {second} fails its checksum.", error.Message, StringComparison.Ordinal);
        Assert.Equal(ToolFixture.Expected(0, second), read);
        Assert.Equal(ToolFixture.Expected(second + 1, 40), ToolFixture.ReadAll(reader));
    }

    [Fact]
    public void A_folder_without_a_log_is_told()
    {
        Directory.CreateDirectory(_fixture.Folder);

        var error = Assert.Throws<LogException>(() => ToolFixture.View(_fixture.Folder));

        Assert.Equal(
            $"There is no log in {_fixture.Folder}. Name its folder with --log FOLDER, or the configuration file that has it with --file FILE. [LEAT-2077]", error.Message);
    }

    [Fact]
    public async Task An_unknown_stream_is_told_with_those_there_are()
    {
        var folder = await ToolFixture.ClosedAsync(_fixture);
        using var view = ToolFixture.View(folder);

        var error = Assert.Throws<LogException>(() => view.Stream("shoop"));

        Assert.Equal($"The log in {folder} has no stream 'shoop'. It has: shop. [LEAT-2083]", error.Message);
    }

    [Theory]
    [InlineData("shop-0/manifest", "leat-manifest 2", "leat-manifest 9", 2)]
    [InlineData("log-id", "leat-log 1", "leat-log 9", 1)]
    public async Task A_later_format_is_refused(string name, string line, string later, int known)
    {
        var folder = await ToolFixture.ClosedAsync(_fixture);
        var file = Path.Combine(folder, name);
        var text = File.ReadAllText(file).Replace(line, later, StringComparison.Ordinal);
        text = text[..(text.LastIndexOf("crc ", StringComparison.Ordinal))];
        File.WriteAllBytes(file, CheckedText.Close(new(text)));

        var error = Assert.Throws<LogException>(() =>
        {
            using var view = ToolFixture.View(folder);
            return view.Stream("shop");
        });

        Assert.Equal(
            $"{file} has format version 9; this program knows versions up to {known}. Use the program version that wrote it, or a later one. [LEAT-2008]", error.Message);
        Assert.Equal(2008, Assert.Throws<LogException>(() => ToolFixture.Repair(folder)).Code);
    }

    public void Dispose() => _fixture.Dispose();
}
