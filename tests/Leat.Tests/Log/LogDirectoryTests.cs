using Leat.Log;
using Xunit;

namespace Leat.Tests.Log;

public sealed class LogDirectoryTests : IDisposable
{
    private readonly LogFixture _fixture = new();

    [Fact]
    public async Task What_was_synced_is_there_after_an_orderly_close()
    {
        Guid id;
        using (var log = _fixture.Open())
        {
            id = log.Id;
            var stream = log.OpenStream("shop", new());
            await LogFixture.AppendSyncedAsync(stream, "a", "b");
            await LogFixture.AppendSyncedAsync(stream, "c");
            Assert.Equal(["0=a", "1=b", "2=c"], LogFixture.ReadAll(stream));
        }

        using var again = _fixture.Open();
        var reopened = again.OpenStream("shop", new());

        Assert.Equal(id, again.Id);
        Assert.Equal((3L, 3L, 3L, 1u), (reopened.EndOffset, reopened.SyncedOffset, reopened.ReadableOffset, reopened.Epoch));
        Assert.Equal(["0=a", "1=b", "2=c"], LogFixture.ReadAll(reopened));
        await LogFixture.AppendSyncedAsync(reopened, "d");
        Assert.Equal(["3=d"], LogFixture.ReadAll(reopened, from: 3));
        Assert.Single(Directory.GetFiles(Path.Combine(_fixture.Folder, "shop-0"), "*.log"));
    }

    [Fact]
    public void An_append_that_nobody_waited_for_is_synced_by_the_close()
    {
        using (var log = _fixture.Open())
        {
            var stream = log.OpenStream("shop", new() { Sync = SyncMode.Interval, SyncInterval = TimeSpan.FromHours(1) });
            stream.Append(LogFixture.Batch(stream, "a"));
        }

        using var again = _fixture.Open();
        Assert.Equal(["0=a"], LogFixture.ReadAll(again.OpenStream("shop", new())));
    }

    [Fact]
    public async Task A_builder_belongs_to_the_log_once_it_is_appended()
    {
        using var log = _fixture.Open();
        var stream = log.OpenStream("shop", new());
        using (var batch = LogFixture.Batch(stream, "a"))
        {
            stream.Append(batch);
            Assert.Throws<InvalidOperationException>(() => stream.Append(batch));
        }

        var (one, other) = (stream.NewBatch(), stream.NewBatch());
        Assert.NotSame(one, other);
        await stream.WaitSyncedAsync(1, LogFixture.Token);
        Assert.Equal(["0=a"], LogFixture.ReadAll(stream));
    }

    [Fact]
    public void A_second_opening_is_refused_and_told_which_folder()
    {
        using var log = _fixture.Open();

        var error = Assert.Throws<LogException>(() => _fixture.Open());

        Assert.Equal(
            $"The log folder {_fixture.Folder} is in use by another process. Stop that process, or give this one a log folder of its own. [LEAT-2001]",
            error.Message);
    }

    [Fact]
    public void The_same_stream_opened_twice_is_one_instance()
    {
        using var log = _fixture.Open();

        Assert.Same(log.OpenStream("shop", new()), log.OpenStream("shop", new()));
        log.OpenStream("shop.schemas", new());
        Assert.Equal(["shop", "shop.schemas"], log.Streams);
    }

    [Theory]
    [InlineData("")]
    [InlineData("../up")]
    [InlineData(".hidden")]
    [InlineData("a b")]
    public void A_name_that_cannot_be_a_folder_is_refused(string name)
    {
        using var log = _fixture.Open();

        var error = Assert.Throws<LogException>(() => log.OpenStream(name, new()));

        Assert.Equal(
            $"'{name}' cannot be the name of a stream. Use 1 to 200 letters, digits, dots, hyphens and underscores, not starting with a dot. [LEAT-2015]",
            error.Message);
    }

    [Fact]
    public void Streams_without_their_logs_identity_are_refused()
    {
        using (var log = _fixture.Open())
            log.OpenStream("shop", new());
        var identity = Path.Combine(_fixture.Folder, "log-id");
        File.Delete(identity);

        var error = Assert.Throws<LogException>(() => _fixture.Open());

        Assert.Equal(
            $"{identity} is missing, although its folder holds streams. Restore it from a backup of the folder. "
            + "A new one is not made: it would hide that this is another log. [LEAT-2012]", error.Message);
    }

    [Fact]
    public void A_stream_folder_of_another_log_is_refused()
    {
        using var log = _fixture.Open();
        log.OpenStream("shop", new());
        var other = _fixture.CopyAsIfKilled();
        File.Delete(Path.Combine(other, "log-id"));
        Directory.Move(Path.Combine(other, "shop-0"), Path.Combine(other, "aside"));
        using var stranger = _fixture.Open(other);
        Directory.Move(Path.Combine(other, "aside"), Path.Combine(other, "shop-0"));

        var error = Assert.Throws<LogException>(() => stranger.OpenStream("shop", new()));

        Assert.Equal(
            $"{Path.Combine(other, "shop-0", "manifest")} belongs to log {log.Id}, but the folder's log is {stranger.Id}. "
            + "Keep folders of different logs apart: move this one back to where it came from. [LEAT-2011]", error.Message);
    }

    [Fact]
    public void A_manifest_with_any_bit_flipped_is_refused_and_changes_nothing()
    {
        using (var log = _fixture.Open())
            log.OpenStream("shop", new());
        var manifest = Path.Combine(_fixture.Folder, "shop-0", "manifest");
        var good = File.ReadAllBytes(manifest);
        using var again = _fixture.Open();
        for (var bit = 0; bit < good.Length * 8; bit += 3)
        {
            var bad = good.ToArray();
            bad[bit / 8] ^= (byte)(1 << (bit % 8));
            File.WriteAllBytes(manifest, bad);

            var error = Assert.Throws<LogException>(() => again.OpenStream("shop", new()));

            Assert.Equal(2007, error.Code);
            Assert.Equal(bad, File.ReadAllBytes(manifest));
        }

        File.WriteAllBytes(manifest, good);
        again.OpenStream("shop", new());
    }

    [Fact]
    public void A_manifest_of_a_later_version_is_refused()
    {
        using (var log = _fixture.Open())
            log.OpenStream("shop", new());
        var manifest = Path.Combine(_fixture.Folder, "shop-0", "manifest");
        var lines = File.ReadAllText(manifest).Replace("leat-manifest 2", "leat-manifest 3", StringComparison.Ordinal);
        File.WriteAllBytes(manifest, CheckedText.Close(new(lines[..lines.LastIndexOf("crc ", StringComparison.Ordinal)])));
        using var again = _fixture.Open();

        var error = Assert.Throws<LogException>(() => again.OpenStream("shop", new()));

        Assert.Equal(
            $"{manifest} has format version 3; this program knows versions up to 2. Use the program version that wrote it, or a later one. [LEAT-2008]",
            error.Message);
    }

    [Fact]
    public async Task Room_comes_back_when_batches_are_compressed()
    {
        var stream = _fixture.Open().OpenStream("shop", new() { Compression = Compression.Gzip, MaxUnsyncedBytes = 100_000 });
        for (var i = 0; i < 10; i++)
        {
            await stream.WhenRoomAsync(LogFixture.Token);
            await LogFixture.AppendSyncedAsync(stream, new string('v', 50_000));
        }

        Assert.True(stream.WhenRoomAsync(LogFixture.Token).AsTask().IsCompletedSuccessfully);
    }

    [Fact]
    public async Task After_the_close_nobody_waits_forever()
    {
        var log = _fixture.Open();
        var stream = log.OpenStream("shop", new());
        var waiting = stream.WaitReadableAsync(0, LogFixture.Token).AsTask();

        log.Dispose();

        var error = await Assert.ThrowsAsync<LogException>(() => waiting);
        Assert.Equal($"The log in {_fixture.Folder} is closed. Open it again. [LEAT-2019]", error.Message);
        Assert.Equal(2019, Assert.Throws<LogException>(() => stream.Append(LogFixture.Batch(stream, "a"))).Code);
    }

    public void Dispose() => _fixture.Dispose();
}
