using Leat.Log;
using Xunit;

namespace Leat.Tests.Log;

public sealed class CleanStartTests : IDisposable
{
    private readonly LogFixture _fixture = new();
    private readonly WatchedDisk _disk = new();

    [Fact]
    public async Task After_an_orderly_close_a_start_reads_the_manifest_and_touches_nothing_else()
    {
        using (var log = _fixture.Open())
            await LogFixture.AppendSyncedAsync(log.OpenStream("shop", new()), "a", "b");

        using (var log = _fixture.Open(_disk))
            Assert.Equal(2, log.OpenStream("shop", new()).EndOffset);

        Assert.Equal(["open log-id", "open manifest"], _disk.Calls);
    }

    [Fact]
    public async Task The_first_append_says_that_the_state_is_open_before_it_writes_to_the_segment()
    {
        using (var log = _fixture.Open())
            await LogFixture.AppendSyncedAsync(log.OpenStream("shop", new()), "a");
        using var again = _fixture.Open(_disk);
        var stream = again.OpenStream("shop", new());
        _disk.Forget();

        await LogFixture.AppendSyncedAsync(stream, "b");

        Assert.Equal(
            ["open 00000000000000000000.index", "open manifest.new", "write manifest.new", "rename manifest",
             "open 00000000000000000000.log", "write 00000000000000000000.log"], _disk.Calls);
        Assert.Contains("state open", File.ReadAllText(Path.Combine(_fixture.Folder, "shop-0", "manifest")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stream_that_is_closed_again_unused_is_left_as_it_was()
    {
        using (var log = _fixture.Open())
            log.OpenStream("shop", new());
        var before = File.ReadAllBytes(Path.Combine(_fixture.Folder, "shop-0", "manifest"));
        using (var log = _fixture.Open())
            log.OpenStream("shop", new());

        Assert.Equal(before, File.ReadAllBytes(Path.Combine(_fixture.Folder, "shop-0", "manifest")));
        using var again = _fixture.Open();
        await LogFixture.AppendSyncedAsync(again.OpenStream("shop", new()), "a");
    }

    [Fact]
    public async Task Old_records_of_the_active_segment_are_found_with_and_without_its_index_file()
    {
        using (var log = _fixture.Open())
        {
            var stream = log.OpenStream("shop", new());
            for (var i = 0; i < 120; i++)
                await LogFixture.AppendSyncedAsync(stream, $"{i} " + new string('x', 1000));
        }

        using (var log = _fixture.Open())
            Assert.StartsWith("77=77 ", LogFixture.ReadAll(log.OpenStream("shop", new()), from: 77)[0], StringComparison.Ordinal);
        File.Delete(LogFixture.PathOf(_fixture.Folder, "shop", 0, ".index"));
        using (var log = _fixture.Open())
        {
            var stream = log.OpenStream("shop", new());
            Assert.StartsWith("77=77 ", LogFixture.ReadAll(stream, from: 77)[0], StringComparison.Ordinal);
            await LogFixture.AppendSyncedAsync(stream, "after");
            Assert.StartsWith("13=13 ", LogFixture.ReadAll(stream, from: 13)[0], StringComparison.Ordinal);
            Assert.Equal(["120=after"], LogFixture.ReadAll(stream, from: 120));
        }
    }

    [Fact]
    public async Task An_unclean_start_reads_only_what_the_manifest_does_not_vouch_for()
    {
        using (var log = _fixture.Open())
            await LogFixture.AppendSyncedAsync(log.OpenStream("shop", new()), "a", "b");
        using var again = _fixture.Open();
        var stream = again.OpenStream("shop", new());
        await LogFixture.AppendSyncedAsync(stream, "c");
        var killed = _fixture.CopyAsIfKilled();
        var file = LogFixture.PathOf(killed, "shop", 0);
        var bytes = File.ReadAllBytes(file);
        bytes[70] ^= 1; // in the first batch, below the watermark: it is not looked at now, and told when it is read
        File.WriteAllBytes(file, bytes);
        using var third = _fixture.Open(killed);
        var recovered = third.OpenStream("shop", new());

        Assert.Equal(3, recovered.EndOffset);
        Assert.Equal(["2=c"], LogFixture.ReadAll(recovered, from: 2));
        Assert.Equal(2006, Assert.Throws<LogException>(() => LogFixture.ReadAll(recovered)).Code);
    }

    [Fact]
    public void A_manifest_of_another_stream_is_refused()
    {
        using (var log = _fixture.Open())
        {
            log.OpenStream("shop", new());
            log.OpenStream("other", new());
        }

        var manifest = Path.Combine(_fixture.Folder, "shop-0", "manifest");
        File.Copy(Path.Combine(_fixture.Folder, "other-0", "manifest"), manifest, overwrite: true);
        using var again = _fixture.Open();

        var error = Assert.Throws<LogException>(() => again.OpenStream("shop", new()));

        Assert.Equal(
            $"{manifest} is damaged: it is the manifest of stream other. Restore the log from a backup, or run 'leat log repair', which says first "
            + "what it would do. The rest of the log is untouched; nothing was cut or deleted. [LEAT-2007]", error.Message);
        again.OpenStream("other", new());
    }

    [Fact]
    public async Task Intents_that_were_begun_are_finished_at_the_start()
    {
        using (var log = _fixture.Open())
        {
            var stream = log.OpenStream("shop", new() { SegmentBytes = 4096 });
            for (var i = 0; i < 6; i++)
                await LogFixture.AppendSyncedAsync(stream, i + new string('x', 1500));
        }

        var folder = Path.Combine(_fixture.Folder, "shop-0");
        var path = Path.Combine(folder, "manifest");
        var manifest = Manifest.Read(path, File.ReadAllBytes(path));
        var (first, second) = (manifest.Sealed[0], manifest.Sealed[1]);
        var name = LogFixture.PathOf(_fixture.Folder, "shop", second.BaseOffset);
        File.Move(name, name + ".cleaned"); // complete, and not yet in its place; below, a segment whose deletion was begun, and orphans
        File.WriteAllBytes(path, (manifest with { Sealed = [.. manifest.Sealed.Skip(1)], Swaps = [second.BaseOffset], Drops = [first.BaseOffset] }).Write());
        File.WriteAllText(name.Replace(".log", ".log.spare", StringComparison.Ordinal), "x");
        File.WriteAllText(Path.Combine(folder, "00000000000000000099.log.cleaned"), "half");
        File.WriteAllText(path + ".new", "half");
        using var again = _fixture.Open();
        var reopened = again.OpenStream("shop", new() { SegmentBytes = 4096 });

        Assert.Equal(second.BaseOffset, reopened.StartOffset);
        Assert.Equal(6 - (int)second.BaseOffset, LogFixture.ReadAll(reopened).Count);
        Assert.DoesNotContain(Directory.GetFiles(folder), file => file.EndsWith(".cleaned", StringComparison.Ordinal) || file.EndsWith(".new", StringComparison.Ordinal));
        Assert.False(File.Exists(LogFixture.PathOf(_fixture.Folder, "shop", first.BaseOffset)));
        Assert.Empty(Manifest.Read(path, File.ReadAllBytes(path)) is var after ? after.Swaps.Concat(after.Drops) : []);
    }

    [Fact]
    public async Task A_reader_is_told_of_a_range_that_a_repair_gave_up()
    {
        using (var log = _fixture.Open())
            await LogFixture.AppendSyncedAsync(log.OpenStream("shop", new()), "a", "b");
        var path = Path.Combine(_fixture.Folder, "shop-0", "manifest");
        var manifest = Manifest.Read(path, File.ReadAllBytes(path));
        File.WriteAllBytes(path, (manifest with
        {
            Sealed = [new(0, new FileInfo(LogFixture.PathOf(_fixture.Folder, "shop", 0)).Length, Manifest.UnknownTime)], Lost = [new(2, 10)],
            ActiveBase = 10, Watermark = 10, ScanOffset = 10, ScanPosition = 0,
        }).Write());
        using var again = _fixture.Open();
        var stream = again.OpenStream("shop", new());
        await LogFixture.AppendSyncedAsync(stream, "after");
        using var reader = stream.NewReader(0);
        using (var block = reader.Read(1000))
            Assert.NotNull(block);

        var error = Assert.Throws<LogException>(() => reader.Read(1000));

        Assert.Equal(
            "Offsets 2 to 9 of stream shop were damaged, and given up by 'leat log repair'. Take a new snapshot of the tables concerned, or read on "
            + "from offset 10 and do without those records. [LEAT-2023]", error.Message);
        Assert.Equal(["10=after"], LogFixture.ReadAll(stream, from: 10));
    }

    public void Dispose() => _fixture.Dispose();
}
