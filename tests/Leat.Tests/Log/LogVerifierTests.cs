using System.Globalization;
using Leat.Log;
using Leat.Log.Posix;
using Leat.Log.Tools;
using Xunit;

namespace Leat.Tests.Log;

public sealed class LogVerifierTests : IDisposable
{
    private const string Mend = "Run 'leat log verify shop' to see all of it; then restore the log from a backup, or run 'leat log repair shop', which says first what would be lost.";

    private readonly LogFixture _fixture = new();

    [Fact]
    public async Task A_log_without_damage_has_no_finding()
    {
        var folder = await ToolFixture.ClosedAsync(_fixture);

        var report = ToolFixture.Verify(folder);

        Assert.Empty(report.Findings);
        Assert.Empty(report.Notes);
        Assert.Equal((40, 40), (report.Batches, report.Records));
        Assert.Equal(Directory.GetFiles(Path.Combine(folder, "shop-0"), "*.log").Sum(file => new FileInfo(file).Length), report.Bytes);
    }

    [Fact]
    public void Logs_of_every_format_have_no_finding()
    {
        var golden = Repository.Path("tests/Leat.Tests/Log/Golden");
        var logs = Directory.GetFiles(golden, "log-id", SearchOption.AllDirectories).Select(file => Path.GetDirectoryName(file) ?? "").ToArray();

        Assert.NotEmpty(logs);
        foreach (var folder in logs)
        {
            using var view = ToolFixture.View(_fixture.CopyAsIfKilled(folder));
            foreach (var stream in view.Streams)
                Assert.Empty(new LogVerifier(view, ToolFixture.Silent).Verify(stream, LogFixture.Token).Findings);
        }
    }

    [Theory]
    [InlineData(Compression.None)]
    [InlineData(Compression.Zstd)]
    public async Task A_compacted_stream_has_no_finding(Compression compression)
    {
        var (folder, _) = await ToolFixture.CompactedAsync(_fixture, compression);

        Assert.Empty(ToolFixture.Verify(folder).Findings);
    }

    [Theory]
    [InlineData(".timeindex", "its times are not those of the records")]
    [InlineData(".txnindex", "its aborted transactions are not those of the segment")]
    [InlineData(".keys", "it is damaged, or not a filter of this segment's keys")]
    public async Task A_side_file_that_lies_is_found(string suffix, string problem)
    {
        var folder = await ToolFixture.ClosedAsync(_fixture);
        var file = LogFixture.PathOf(folder, "shop", ToolFixture.Segments(folder)[1], suffix);
        var bytes = File.Exists(file) ? File.ReadAllBytes(file) : new byte[34];
        bytes[^1] ^= 1;
        File.WriteAllBytes(file, bytes);

        var finding = Assert.Single(ToolFixture.Verify(folder).Findings);

        Assert.Equal(2074, finding.Code);
        Assert.StartsWith($"{file} is wrong: {problem}. ", finding.What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_log_in_use_has_no_finding_while_it_is_written()
    {
        using var log = _fixture.Open();
        var stream = log.OpenStream("shop", new() { SegmentBytes = 64 * 1024, RetentionBytes = 256 * 1024 });
        using var stop = new CancellationTokenSource();
        var writing = WriteAsync(stream, stop.Token);
        for (var pass = 0; pass < 20 || stream.StartOffset == 0; pass++) // until retention has deleted, too
            Assert.Empty(ToolFixture.Verify(_fixture.Folder).Findings);

        await stop.CancelAsync();
        await writing;
    }

    [Fact]
    public async Task Every_flipped_bit_of_a_segment_is_found()
    {
        var folder = await ToolFixture.ClosedAsync(_fixture, records: 12);
        var file = LogFixture.PathOf(folder, "shop", 0);
        var good = File.ReadAllBytes(file);
        for (var bit = 0; bit < good.Length * 8; bit += 101)
        {
            var bad = good.ToArray();
            bad[bit / 8] ^= (byte)(1 << (bit % 8));
            File.WriteAllBytes(file, bad);
            var findings = ToolFixture.Verify(folder).Findings;

            // Not under the checksum, and nothing but information: the epoch of a batch.
            if (!IsEpoch(good, bit / 8))
                Assert.True(findings.Count > 0, $"bit {bit}");
        }
    }

    [Fact]
    public async Task A_finding_says_what_where_what_it_means_and_what_to_do()
    {
        var folder = await ToolFixture.ClosedAsync(_fixture);
        var segments = ToolFixture.Segments(folder);
        var file = LogFixture.PathOf(folder, "shop", segments[1]);
        var size = (int)(new FileInfo(file).Length / (segments[2] - segments[1]));
        ToolFixture.Damage(file, where: 1.5 / (segments[2] - segments[1])); // the second of its batches

        var finding = Assert.Single(ToolFixture.Verify(folder).Findings);

        Assert.Equal(2070, finding.Code);
        Assert.Equal(
            $"{file} is damaged: bytes {size} to {size * 2} should hold offsets {segments[1] + 1} to {segments[1] + 1}, and what stands there fails its checksum. "
            + $"Readers stop before offset {segments[1] + 1}; nothing wrong is passed on.", finding.What);
        Assert.Equal(Mend, finding.Remedy);
    }

    [Fact]
    public async Task A_missing_a_short_and_a_strange_segment_are_found()
    {
        var folder = await ToolFixture.ClosedAsync(_fixture);
        var segments = ToolFixture.Segments(folder);
        File.Delete(LogFixture.PathOf(folder, "shop", segments[1]));
        var cut = LogFixture.PathOf(folder, "shop", segments[2]);
        var bytes = File.ReadAllBytes(cut);
        File.WriteAllBytes(cut, bytes[..^10]);
        File.WriteAllText(LogFixture.PathOf(folder, "shop", 1_000_000), "");

        var findings = ToolFixture.Verify(folder).Findings;

        var last = bytes.Length - bytes.Length / (int)(segments[3] - segments[2]);
        Assert.Equal(
            [
                $"2072 {LogFixture.PathOf(folder, "shop", 1_000_000)} is not a segment that the manifest of its stream knows. The stream does not open while it lies there.",
                $"2071 {LogFixture.PathOf(folder, "shop", segments[1])}, which should hold offsets {segments[1]} to {segments[2] - 1}, is missing. The stream does not open.",
                $"2070 {cut} is damaged: bytes {last} to {bytes.Length - 10} should hold offsets {segments[3] - 1} to {segments[3] - 1}, and what stands there is cut off. "
                + $"Readers stop before offset {segments[3] - 1}; nothing wrong is passed on.",
            ],
            findings.Select(finding => $"{finding.Code} {finding.What}"));
    }

    [Fact]
    public async Task A_segment_cut_between_two_batches_is_found()
    {
        var folder = await ToolFixture.ClosedAsync(_fixture);
        var segments = ToolFixture.Segments(folder);
        var file = LogFixture.PathOf(folder, "shop", segments[0]);
        var bytes = File.ReadAllBytes(file);
        File.WriteAllBytes(file, bytes[..(bytes.Length / (int)segments[1] * 2)]);

        var finding = Assert.Single(ToolFixture.Verify(folder).Findings);

        Assert.Equal(
            $"{file}, which should hold offsets 2 to {segments[1] - 1}, has {bytes.Length / segments[1] * 2} bytes and should have {bytes.Length}. The stream does not open.",
            finding.What);
    }

    [Fact]
    public async Task A_torn_tail_above_the_watermark_is_a_note_and_not_a_finding()
    {
        using (var log = _fixture.Open())
        {
            await ToolFixture.FillAsync(log.OpenStream("shop", new()), 5);
            var killed = _fixture.CopyAsIfKilled();
            var file = LogFixture.PathOf(killed, "shop", 0);
            File.AppendAllText(file, "torn");

            var report = ToolFixture.Verify(killed);

            Assert.Empty(report.Findings);
            Assert.Equal(
                [$"{file} has 4 bytes after its last whole batch: being written, left from an earlier use of the file, or torn and cut by the next start."], report.Notes);
        }
    }

    [Fact]
    public async Task Damage_below_the_watermark_of_the_active_segment_is_found()
    {
        using var log = _fixture.Open();
        var stream = log.OpenStream("shop", new());
        for (var i = 0; i < 5; i++)
            await LogFixture.AppendSyncedAsync(stream, ToolFixture.ValueOf(i));
        var killed = _fixture.CopyAsIfKilled();
        ToolFixture.Damage(LogFixture.PathOf(killed, "shop", 0), where: 0.3); // the second; the later ones say that it was durable

        var finding = Assert.Single(ToolFixture.Verify(killed).Findings);

        Assert.Equal(2070, finding.Code);
        Assert.Contains("should hold offsets 1 to 1, and what stands there fails its checksum.", finding.What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_index_that_lies_is_found_and_a_missing_one_is_not()
    {
        using (var log = _fixture.Open())
            await ToolFixture.FillAsync(log.OpenStream("shop", new() { SegmentBytes = 64 * 1024 }), 400);
        var folder = _fixture.CopyAsIfKilled();
        var segments = ToolFixture.Segments(folder);
        File.Delete(LogFixture.PathOf(folder, "shop", segments[0], ".index"));
        var index = LogFixture.PathOf(folder, "shop", segments[1], ".index");
        var bytes = File.ReadAllBytes(index);
        bytes[15] ^= 1;
        File.WriteAllBytes(index, bytes);

        var finding = Assert.Single(ToolFixture.Verify(folder).Findings);

        Assert.Equal(2074, finding.Code);
        Assert.StartsWith($"{index} is wrong: entry 1 points at byte ", finding.What, StringComparison.Ordinal);
        Assert.EndsWith(", where no batch starts. Records are not affected: such files are made again from the segment when they prove wrong.", finding.What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_manifest_that_cannot_be_trusted_is_found()
    {
        var folder = await ToolFixture.ClosedAsync(_fixture);
        var manifest = Path.Combine(folder, "shop-0", "manifest");
        ToolFixture.Damage(manifest);

        var finding = Assert.Single(ToolFixture.Verify(folder).Findings);

        Assert.Equal(new LogFinding("shop", 2085, $"{manifest} is damaged: its checksum does not agree with its lines. The stream does not open.", Mend), finding);
    }

    [Fact]
    public async Task A_manifest_that_contradicts_the_segments_is_found()
    {
        var folder = await ToolFixture.ClosedAsync(_fixture);
        var partition = new LogFolder(new PosixDisk(), folder).PartitionOf("shop");
        var manifest = partition.ReadManifest();
        Assert.NotNull(manifest);
        var first = manifest.Sealed[0];
        partition.WriteManifest(manifest with
        {
            LastCommitted = null, Sealed = [first with { LatestTimeMs = first.LatestTimeMs + 1 }, .. manifest.Sealed.Skip(1)],
        });

        var findings = ToolFixture.Verify(folder).Findings;

        Assert.Equal([2075, 2075], findings.Select(finding => finding.Code));
        Assert.StartsWith(string.Create(
            CultureInfo.InvariantCulture, $"{partition.ManifestPath} and the segments disagree: the latest time in the segment of offset 0 is {first.LatestTimeMs}, not {first.LatestTimeMs + 1}."),
            findings[0].What, StringComparison.Ordinal);
        Assert.Contains("the last committed batch stands at byte ", findings[1].What, StringComparison.Ordinal);
    }

    public void Dispose() => _fixture.Dispose();

    private static async Task WriteAsync(StreamPartition stream, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            for (var i = 0; i < 20; i++)
                stream.Append(LogFixture.Batch(stream, ToolFixture.ValueOf(stream.EndOffset)));
            await stream.WaitSyncedAsync(stream.EndOffset, LogFixture.Token);
        }
    }

    private static bool IsEpoch(byte[] segment, int at)
    {
        for (var start = 0; start < segment.Length;)
        {
            var size = (int)new BatchView(segment.AsSpan(start)).SizeBytes;
            if (at >= start + BatchFormat.EpochAt && at < start + BatchFormat.MagicAt)
                return true;
            start += size;
        }

        return false;
    }
}
