using Leat.Log;
using Leat.Log.Posix;
using Leat.Log.Tools;
using Xunit;

namespace Leat.Tests.Log;

public sealed class LogRepairerTests : IDisposable
{
    private readonly LogFixture _fixture = new();

    [Fact]
    public async Task A_stream_that_is_well_is_left_alone()
    {
        var folder = await ToolFixture.ClosedAsync(_fixture);
        var before = ToolFixture.Snapshot(folder);

        var plan = ToolFixture.Repair(folder);

        Assert.Empty(plan.Findings);
        Assert.Empty(plan.Actions);
        Assert.Equal(before, ToolFixture.Snapshot(folder));
    }

    [Fact]
    public async Task A_plan_says_exactly_what_is_done_and_lost_and_changes_nothing()
    {
        var folder = await ToolFixture.ClosedAsync(_fixture);
        var segments = ToolFixture.Segments(folder);
        var (first, next) = (segments[1], segments[2]);
        var size = new FileInfo(LogFixture.PathOf(folder, "shop", first)).Length / (next - first);
        ToolFixture.Damage(LogFixture.PathOf(folder, "shop", first), where: 1.5 / (next - first)); // its second batch
        var before = ToolFixture.Snapshot(folder);
        using var repairer = LogRepairer.Open(folder, new PosixDisk());

        var plan = repairer.Plan("shop", ToolFixture.Silent, LogFixture.Token);

        Assert.Equal(
            [
                $"Keep bytes {size} to {size * 2} of {first:D20}.log in {first + 1:D20}.log.damaged-2: they hold no whole record.",
                $"Write {size} whole bytes of {first:D20}.log, from byte 0 on, as {first:D20}.log.",
                $"Write {size * (next - first - 2)} whole bytes of {first:D20}.log, from byte {size * 2} on, as {first + 2:D20}.log.",
                $"Write {size * (40 - segments[^1])} whole bytes of {segments[^1]:D20}.log, from byte 0 on, as {segments[^1]:D20}.log.",
                $"Write a new manifest: {segments.Length + 1} closed segments, next offset 40, epoch 2, and the gaps.",
            ],
            plan.Actions);
        Assert.Equal([new OffsetRange(first + 1, first + 2)], plan.Lost);
        Assert.Equal(before, ToolFixture.Snapshot(folder));
    }

    [Fact]
    public async Task After_the_repair_all_is_there_but_what_was_damaged_and_readers_are_told()
    {
        var folder = await ToolFixture.ClosedAsync(_fixture);
        var file = LogFixture.PathOf(folder, "shop", ToolFixture.Segments(folder)[1]);
        var lost = ToolFixture.Segments(folder)[1] + 1;
        var bytes = File.ReadAllBytes(file);
        ToolFixture.Damage(file, where: 1.5 / (ToolFixture.Segments(folder)[2] - lost + 1));

        ToolFixture.Repair(folder);

        Assert.Empty(ToolFixture.Verify(folder).Findings);
        Assert.Equal([$"Offsets {lost} to {lost} were given up by a repair."], ToolFixture.Verify(folder).Notes);
        using var log = _fixture.Open(folder);
        var stream = log.OpenStream("shop", ToolFixture.SmallSegments);
        Assert.Equal(2u, stream.Epoch);
        using var reader = stream.NewReader(0);
        var read = new List<string>();
        var error = Assert.Throws<LogException>(() =>
        {
            while (reader.Read(1024 * 1024) is { } block)
            {
                using (block)
                    read.AddRange(LogFixture.Texts(block));
            }
        });
        Assert.Equal(2023, error.Code);
        Assert.Equal(ToolFixture.Expected(0, lost), read);
        Assert.Equal(ToolFixture.Expected(lost + 1, 40), LogFixture.ReadAll(stream, from: lost + 1));
        using (var last = stream.ReadLastCommittedBatch())
            Assert.Equal(ToolFixture.Expected(39, 40), LogFixture.Texts(Assert.IsType<LogBlock>(last)));
        await ToolFixture.FillAsync(stream, 5);
        Assert.Equal(ToolFixture.Expected(38, 45), LogFixture.ReadAll(stream, from: 38));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public async Task A_missing_segment_is_given_up(int which)
    {
        var folder = await ToolFixture.ClosedAsync(_fixture);
        var segments = ToolFixture.Segments(folder);
        File.Delete(LogFixture.PathOf(folder, "shop", segments[which]));

        var plan = ToolFixture.Repair(folder);

        Assert.Equal([new OffsetRange(segments[which], segments[which + 1])], plan.Lost);
        AssertReadable(folder, [.. ToolFixture.Expected(0, segments[which]), .. ToolFixture.Expected(segments[which + 1], 40)]);
    }

    [Fact]
    public async Task A_damaged_tail_that_was_durable_is_given_up_and_its_offsets_are_not_given_again()
    {
        var killed = await KilledAsync();
        ToolFixture.Damage(LogFixture.PathOf(killed, "shop", 0), where: 0.5); // the third of five

        var plan = ToolFixture.Repair(killed);

        Assert.Equal([new OffsetRange(2, 3)], plan.Lost);
        AssertReadable(killed, [.. ToolFixture.Expected(0, 2), .. ToolFixture.Expected(3, 5)]);
        File.WriteAllBytes(LogFixture.PathOf(killed, "shop", 3), []);
        plan = ToolFixture.Repair(killed);
        Assert.Equal([new OffsetRange(3, 5)], plan.Lost);
        Assert.Equal(3u, plan.Epoch);
        using var log = _fixture.Open(killed);
        Assert.Equal(5, log.OpenStream("shop", new()).EndOffset);
    }

    [Fact]
    public async Task Damage_and_a_torn_tail_are_told_apart()
    {
        var killed = await KilledAsync();
        var file = LogFixture.PathOf(killed, "shop", 0);
        var length = new FileInfo(file).Length;
        File.AppendAllText(file, "torn");
        ToolFixture.Damage(file, where: 0.1);

        var plan = ToolFixture.Repair(killed);

        Assert.Equal($"Keep bytes {length} to {length + 4} of {0:D20}.log in {0:D20}.log.tail-2: they were never durable.", plan.Actions[1]);
        Assert.Equal([new OffsetRange(0, 1)], plan.Lost);
        Assert.Equal("torn", File.ReadAllText(file + ".tail-2"));
        AssertReadable(killed, ToolFixture.Expected(1, 5));
    }

    [Fact]
    public async Task A_lost_manifest_is_made_again_from_the_segments()
    {
        var folder = await ToolFixture.ClosedAsync(_fixture);
        File.Delete(Path.Combine(folder, "shop-0", "manifest"));

        var plan = ToolFixture.Repair(folder);

        Assert.Empty(plan.Lost);
        Assert.Equal(2u, plan.Epoch);
        AssertReadable(folder, ToolFixture.Expected(0, 40));
        using var log = _fixture.Open(folder);
        using var last = log.OpenStream("shop", ToolFixture.SmallSegments).ReadLastCommittedBatch();
        Assert.Equal(ToolFixture.Expected(39, 40), LogFixture.Texts(Assert.IsType<LogBlock>(last)));
    }

    [Fact]
    public async Task A_damaged_manifest_and_a_missing_segment_together_leave_a_gap()
    {
        var folder = await ToolFixture.ClosedAsync(_fixture);
        var segments = ToolFixture.Segments(folder);
        ToolFixture.Damage(Path.Combine(folder, "shop-0", "manifest"));
        File.Delete(LogFixture.PathOf(folder, "shop", segments[2]));

        var plan = ToolFixture.Repair(folder);

        Assert.Equal([new OffsetRange(segments[2], segments[3])], plan.Lost);
        AssertReadable(folder, [.. ToolFixture.Expected(0, segments[2]), .. ToolFixture.Expected(segments[3], 40)]);
    }

    [Fact]
    public async Task A_lost_log_id_is_made_again_from_the_manifests()
    {
        var folder = await ToolFixture.ClosedAsync(_fixture);
        var before = File.ReadAllText(Path.Combine(folder, "log-id"));
        File.WriteAllText(Path.Combine(folder, "log-id"), "nonsense");

        var plan = ToolFixture.Repair(folder);

        Assert.StartsWith("Make the file log-id again: all manifests say that this is log ", Assert.Single(plan.Actions), StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllText(Path.Combine(folder, "log-id")));
    }

    [Fact]
    public async Task A_strange_segment_and_a_lying_index_are_put_out_of_the_way_without_a_new_epoch()
    {
        using (var log = _fixture.Open())
            await ToolFixture.FillAsync(log.OpenStream("shop", new() { SegmentBytes = 64 * 1024 }), 400);
        var folder = _fixture.CopyAsIfKilled();
        File.WriteAllText(LogFixture.PathOf(folder, "shop", 1_000_000), "who?");
        var index = LogFixture.PathOf(folder, "shop", ToolFixture.Segments(folder)[1], ".index");
        ToolFixture.Damage(index);

        var plan = ToolFixture.Repair(folder);

        Assert.Equal(
            [
                "Rename 00000000000001000000.log to 00000000000001000000.log.stray-1.",
                $"Delete {Path.GetFileName(index)}; it is made again from its segment when it is needed.",
            ],
            plan.Actions);
        Assert.Empty(ToolFixture.Verify(folder).Findings);
        using var again = _fixture.Open(folder);
        Assert.Equal(1u, again.OpenStream("shop", new()).Epoch);
    }

    [Fact]
    public async Task Of_a_torn_transaction_nothing_is_shown()
    {
        string killed;
        using (var log = _fixture.Open())
        {
            var stream = log.OpenStream("shop", new());
            await LogFixture.AppendSyncedAsync(stream, ToolFixture.ValueOf(0));
            for (var i = 1; i <= 3; i++)
            {
                stream.Append(LogFixture.Batch(stream, ToolFixture.ValueOf(i)), BatchKind.Transactional);
                await stream.WaitSyncedAsync(stream.EndOffset, LogFixture.Token);
            }

            await LogFixture.MarkAsync(stream, BatchKind.CommitMarker);
            await LogFixture.AppendSyncedAsync(stream, ToolFixture.ValueOf(5));
            killed = _fixture.CopyAsIfKilled();
        }

        ToolFixture.Damage(LogFixture.PathOf(killed, "shop", 0), where: 0.5); // offset 2, the middle of the transaction

        var plan = ToolFixture.Repair(killed);

        Assert.Equal([new OffsetRange(2, 3)], plan.Lost);
        Assert.Equal([new OffsetRange(1, 2), new OffsetRange(3, 5)], plan.Dropped);
        AssertReadable(killed, [.. ToolFixture.Expected(0, 1), .. ToolFixture.Expected(5, 6)]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_compacted_stream_is_repaired_with_what_is_left(bool isManifestLost)
    {
        var (folder, left) = await ToolFixture.CompactedAsync(_fixture);
        if (isManifestLost)
            File.Delete(Path.Combine(folder, "shop-0", "manifest"));
        else
            File.Delete(LogFixture.PathOf(folder, "shop", ToolFixture.Segments(folder)[^2]));

        var lost = ToolFixture.Repair(folder).Lost;

        Assert.Equal(isManifestLost ? 0 : 1, lost.Count);
        left.RemoveAll(text => lost.Any(range => Offset(text) >= range.First && Offset(text) < range.Next));
        AssertReadable(folder, left);
    }

    [Fact]
    public async Task A_log_in_use_is_refused()
    {
        using var log = _fixture.Open();
        await ToolFixture.FillAsync(log.OpenStream("shop", new()), 1);

        var error = Assert.Throws<LogException>(() => LogRepairer.Open(_fixture.Folder, new PosixDisk()));

        Assert.Equal(2001, error.Code);
    }

    [Fact]
    public async Task Any_damage_of_any_segment_is_repaired_so_that_the_rest_is_read()
    {
        var good = await ToolFixture.ClosedAsync(_fixture, records: 20);
        var files = Directory.GetFiles(Path.Combine(good, "shop-0"), "*.log").Order(StringComparer.Ordinal).ToArray();
        for (var round = 0; round < 60; round++)
        {
            var folder = _fixture.CopyAsIfKilled(good);
            var random = new Random(round);
            var expected = ToolFixture.Expected(0, 20).ToHashSet();
            foreach (var file in files.Where(_ => random.Next(3) == 0))
                Spoil(Path.Combine(folder, "shop-0", Path.GetFileName(file)), random);
            var isManifestLost = random.Next(4) == 0;
            if (isManifestLost)
                File.Delete(Path.Combine(folder, "shop-0", "manifest"));

            var lost = ToolFixture.Repair(folder).Lost;

            Assert.True(ToolFixture.Verify(folder).Findings is [], $"round {round}: {string.Join(' ', ToolFixture.Verify(folder).Findings)}");
            using var view = ToolFixture.View(folder);
            var read = ToolFixture.ReadAll(view.Stream("shop"));
            var end = view.Stream("shop").EndOffset; // without a manifest nobody can tell what stood behind the last whole record
            expected.RemoveWhere(text => Offset(text) >= end || lost.Any(range => Offset(text) >= range.First && Offset(text) < range.Next));
            Assert.True(isManifestLost || end == 20, $"round {round}: the stream ends at {end}");
            Assert.True(expected.Order().SequenceEqual(read.Where(text => Offset(text) < 20).Order()), $"round {round}: {read.Count} of {expected.Count} are left");
            using var log = _fixture.Open(folder);
            log.OpenStream("shop", ToolFixture.SmallSegments);
        }
    }

    public void Dispose() => _fixture.Dispose();

    private static long Offset(string text) => long.Parse(text.AsSpan(0, text.IndexOf('=')), provider: null);

    private static void Spoil(string file, Random random)
    {
        var bytes = File.ReadAllBytes(file);
        var (from, count) = (random.Next(bytes.Length), random.Next(1, 1500));
        switch (random.Next(3))
        {
            case 0: bytes.AsSpan(from, Math.Min(count, bytes.Length - from)).Clear(); break;
            case 1: bytes = bytes[..from]; break;
            default: bytes[from] ^= 0x40; break;
        }

        File.WriteAllBytes(file, bytes);
    }

    // Five records, each synced before the next was written, and a process that did not close the log.
    private async Task<string> KilledAsync()
    {
        using var log = _fixture.Open();
        var stream = log.OpenStream("shop", new());
        for (var i = 0; i < 5; i++)
            await LogFixture.AppendSyncedAsync(stream, ToolFixture.ValueOf(i));
        return _fixture.CopyAsIfKilled();
    }

    private void AssertReadable(string folder, List<string> expected)
    {
        Assert.Empty(ToolFixture.Verify(folder).Findings);
        using (var view = ToolFixture.View(folder))
            Assert.Equal(expected, ToolFixture.ReadAll(view.Stream("shop")));
        using var log = _fixture.Open(folder);
        Assert.Equal(2u, log.OpenStream("shop", ToolFixture.SmallSegments).Epoch);
    }
}
