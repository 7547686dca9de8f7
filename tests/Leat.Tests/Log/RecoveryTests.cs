using System.Globalization;
using Leat.Log;
using Xunit;

namespace Leat.Tests.Log;

public sealed class RecoveryTests : IDisposable
{
    private const string Remedy = "Run 'leat log verify shop' to see all of it; "
        + "then restore the log from a backup, or run 'leat log repair shop', which says first what would be lost. ";

    private readonly LogFixture _fixture = new();

    [Fact]
    public async Task A_file_cut_at_any_byte_of_its_last_three_batches_opens_with_the_whole_batches_before()
    {
        var (ends, killed) = await KilledWithUnprovenTailAsync();
        var file = LogFixture.PathOf(killed, "shop", 0);
        var whole = File.ReadAllBytes(file);
        for (var length = 0; length <= whole.Length; length++)
        {
            var folder = _fixture.CopyAsIfKilled(killed);
            File.WriteAllBytes(LogFixture.PathOf(folder, "shop", 0), whole[..length]);
            var batches = ends.Count(end => end <= length);
            var cuts = length > 0 && !ends.Contains(length);

            using var log = _fixture.Open(folder);
            var stream = log.OpenStream("shop", new());

            Assert.Equal(Enumerable.Range(0, batches).Select(i => $"{i}=value {i}"), LogFixture.ReadAll(stream));
            Assert.Equal(cuts ? 2u : 1u, stream.Epoch);
            Assert.Equal(batches, stream.EndOffset);
            await LogFixture.AppendSyncedAsync(stream, "next");
            Assert.Equal([$"{batches}=next"], LogFixture.ReadAll(stream, from: batches));
            var tail = LogFixture.PathOf(folder, "shop", 0) + ".tail-2";
            Assert.Equal(cuts, File.Exists(tail));
            if (cuts)
                Assert.Equal(whole[(batches == 0 ? 0 : ends[batches - 1])..length], File.ReadAllBytes(tail));
        }
    }

    [Fact]
    public async Task Opening_again_after_a_recovery_changes_nothing()
    {
        var (ends, killed) = await KilledWithUnprovenTailAsync();
        var file = LogFixture.PathOf(killed, "shop", 0);
        File.WriteAllBytes(file, File.ReadAllBytes(file)[..(ends[1] + 5)]);
        using (var log = _fixture.Open(killed))
            log.OpenStream("shop", new());
        var once = Snapshot(killed);

        using (var log = _fixture.Open(killed))
        {
            var stream = log.OpenStream("shop", new());
            Assert.Equal(["0=value 0", "1=value 1"], LogFixture.ReadAll(stream));
            Assert.Equal(2u, stream.Epoch);
        }

        Assert.Equal(once, Snapshot(killed));
    }

    [Fact]
    public async Task Damage_below_the_watermark_is_told_and_nothing_is_changed()
    {
        var (ends, killed) = await KilledWithUnprovenTailAsync();
        var file = LogFixture.PathOf(killed, "shop", 0);
        var bytes = File.ReadAllBytes(file);
        bytes[ends[0] - 1] ^= 1; // the first batch: a later one says that it was durable
        File.WriteAllBytes(file, bytes);
        var before = Snapshot(killed);
        using var log = _fixture.Open(killed);

        var error = Assert.Throws<LogException>(() => log.OpenStream("shop", new()));

        Assert.Equal(
            $"{file} is damaged: bytes 0 to {bytes.Length} should hold offsets 0 to 1, which were durable, and do not. "
            + Remedy + "The rest of the log is untouched; nothing was cut or deleted. [LEAT-2005]", error.Message);
        Assert.Equal(before, Snapshot(killed));
        log.OpenStream("other", new());
    }

    [Fact]
    public async Task Any_flipped_bit_is_cut_or_told_and_never_read()
    {
        var (ends, killed) = await KilledWithUnprovenTailAsync();
        var good = File.ReadAllBytes(LogFixture.PathOf(killed, "shop", 0));
        for (var bit = 0; bit < good.Length * 8; bit += 11)
        {
            var folder = _fixture.CopyAsIfKilled(killed);
            var bad = good.ToArray();
            bad[bit / 8] ^= (byte)(1 << (bit % 8));
            File.WriteAllBytes(LogFixture.PathOf(folder, "shop", 0), bad);
            using var log = _fixture.Open(folder);
            try
            {
                var all = LogFixture.ReadAll(log.OpenStream("shop", new()));
                Assert.Equal(Enumerable.Range(0, all.Count).Select(i => $"{i}=value {i}"), all);
                Assert.True(all.Count >= 2, $"bit {bit}: a batch below the watermark was cut");
            }
            catch (LogException error)
            {
                Assert.Equal(2005, error.Code);
                Assert.True(bit / 8 < ends[1], $"bit {bit}: damage above the watermark must not stop the stream");
            }
        }
    }

    [Fact]
    public async Task A_missing_closed_segment_is_named()
    {
        var killed = await ThreeSegmentsAsync();
        var second = Directory.GetFiles(Path.Combine(killed, "shop-0"), "*.log").Order(StringComparer.Ordinal).ElementAt(1);
        var baseOffset = long.Parse(Path.GetFileNameWithoutExtension(second), CultureInfo.InvariantCulture);
        File.Delete(second);
        using var log = _fixture.Open(killed);

        var error = Assert.Throws<LogException>(() => log.OpenStream("shop", new() { SegmentBytes = 4096 }));

        Assert.Equal(
            $"{second}, the segment that starts at offset {baseOffset}, is missing. Put the file back from a backup. "
            + Remedy + "The rest of the log is untouched; nothing was cut or deleted. [LEAT-2009]", error.Message);
    }

    [Fact]
    public async Task A_segment_that_nobody_knows_is_named()
    {
        var killed = await ThreeSegmentsAsync();
        var stranger = LogFixture.PathOf(killed, "shop", 1_000_000);
        File.WriteAllText(stranger, "");
        using var log = _fixture.Open(killed);

        var error = Assert.Throws<LogException>(() => log.OpenStream("shop", new() { SegmentBytes = 4096 }));

        Assert.Equal(
            $"{stranger} is not a segment that the manifest of its stream knows. "
            + "Move it out of the folder; it does not belong to this log. Nothing was read from it. [LEAT-2010]", error.Message);
    }

    [Fact]
    public async Task A_damaged_closed_segment_is_told_when_it_is_read_and_never_served()
    {
        var killed = await ThreeSegmentsAsync();
        var file = LogFixture.PathOf(killed, "shop", 0);
        var bytes = File.ReadAllBytes(file);
        bytes[100] ^= 1;
        File.WriteAllBytes(file, bytes);
        using var log = _fixture.Open(killed);
        var stream = log.OpenStream("shop", new() { SegmentBytes = 4096 });

        var error = Assert.Throws<LogException>(() => LogFixture.ReadAll(stream));

        Assert.Equal(
            $"{file} is damaged at byte 0: the batch of offset 0 fails its checksum. Nothing from there on was passed on. "
            + Remedy + "The rest of the log is untouched; nothing was cut or deleted. [LEAT-2006]", error.Message);
    }

    [Fact]
    public async Task After_an_unclean_start_the_old_segment_is_closed()
    {
        using var log = _fixture.Open();
        var stream = log.OpenStream("shop", new());
        await LogFixture.AppendSyncedAsync(stream, "a", "b");

        using var again = _fixture.Open(_fixture.CopyAsIfKilled());
        var reopened = again.OpenStream("shop", new());
        await LogFixture.AppendSyncedAsync(reopened, "c");

        Assert.Equal(
            ["00000000000000000000.log", "00000000000000000002.log"],
            Directory.GetFiles(Path.Combine(again.Path, "shop-0"), "*.log").Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal(["0=a", "1=b", "2=c"], LogFixture.ReadAll(reopened));
        Assert.Equal(1u, reopened.Epoch);
    }

    public void Dispose() => _fixture.Dispose();

    // Three batches of one record; the last one says that offsets below 2 are durable, nothing says it of offset 2.
    private async Task<(List<int> Ends, string Killed)> KilledWithUnprovenTailAsync()
    {
        using var log = _fixture.Open();
        var stream = log.OpenStream("shop", new());
        var ends = new List<int>();
        for (var i = 0; i < 3; i++)
        {
            await LogFixture.AppendSyncedAsync(stream, $"value {i}");
            ends.Add((int)new FileInfo(LogFixture.PathOf(_fixture.Folder, "shop", 0)).Length);
        }

        var killed = _fixture.CopyAsIfKilled();
        return (ends, killed);
    }

    private async Task<string> ThreeSegmentsAsync()
    {
        using var log = _fixture.Open();
        var stream = log.OpenStream("shop", new() { SegmentBytes = 4096 });
        for (var i = 0; i < 6; i++)
            await LogFixture.AppendSyncedAsync(stream, new string('x', 1500));
        return _fixture.CopyAsIfKilled();
    }

    // The content of every file but the lock, and of the manifest without what each orderly close writes anew.
    private static List<string> Snapshot(string folder) =>
        [.. Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Where(file => Path.GetFileName(file) != "lock").Order(StringComparer.Ordinal)
            .Select(file => $"{file} {Convert.ToHexString(File.ReadAllBytes(file))}")];
}
