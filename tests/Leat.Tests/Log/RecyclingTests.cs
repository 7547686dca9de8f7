using Leat.Log;
using Leat.Log.Posix;
using Xunit;

namespace Leat.Tests.Log;

public sealed class RecyclingTests : IDisposable
{
    private static readonly StreamOptions Small = new() { SegmentBytes = 4096, RetentionBytes = 0, TailBytes = 0 };

    private readonly LogFixture _fixture = new();
    private readonly WatchedDisk _disk = new();
    private readonly SteppedScheduler _scheduler = new();
    private int _next;

    private string Folder => Path.Combine(_fixture.Folder, "shop-0");

    [Fact]
    public void A_new_segment_begins_in_the_file_of_a_deleted_one_and_is_cut_when_it_is_closed()
    {
        using var log = Open(out var stream);
        var old = Inode(0);
        Retain();
        Assert.Equal(["00000000000000000000.log.spare", "00000000000000000002.log.spare"], Spares());

        Append(stream, 1);

        Assert.Equal(old, Inode(6));
        Assert.Equal(3132, new FileInfo(LogFixture.PathOf(_fixture.Folder, "shop", 6)).Length);
        Append(stream, 1, letters: 500);
        Append(stream, 1, letters: 2200);
        Assert.Equal(1566 + 589, new FileInfo(LogFixture.PathOf(_fixture.Folder, "shop", 6)).Length);
        Assert.Contains("truncate 00000000000000000006.log", _disk.Calls);
        Assert.Equal(["4", "5", "6", "7", "8"], Numbers(stream));
    }

    [Fact]
    public void At_most_two_files_are_kept_to_be_written_over()
    {
        using var log = Open(out var stream);
        Append(stream, 10);

        Retain();

        Assert.Equal(2, Spares().Length);
        Assert.Equal(16, stream.EndOffset);
        Assert.Equal(["14", "15"], Numbers(stream));
    }

    [Fact]
    public void A_file_that_a_reader_has_open_is_not_written_over()
    {
        using var log = Open(out var stream);
        using var reader = stream.NewReader(0);
        using (reader.Read(10))
            Retain();

        Assert.Equal(["00000000000000000002.log.spare"], Spares());
    }

    [Fact]
    public void No_file_is_written_over_while_another_process_reads_the_log()
    {
        using var log = Open(out _);
        using (new PosixDisk().TryLockShared(Path.Combine(_fixture.Folder, "readers")))
            Retain();

        Assert.Empty(Spares());
        Assert.False(File.Exists(LogFixture.PathOf(_fixture.Folder, "shop", 0)));
    }

    [Fact]
    public void What_a_recycled_file_held_before_is_neither_read_nor_taken_for_a_tail()
    {
        using var log = Open(out var stream);
        Retain();
        Append(stream, 1); // the file's second batch is still the one of offset 1
        var killed = _fixture.CopyAsIfKilled();

        using var again = _fixture.Open(killed);
        var reopened = again.OpenStream("shop", new());

        Assert.Equal((1u, 7L), (reopened.Epoch, reopened.EndOffset));
        Assert.Equal(["4", "5", "6"], Numbers(reopened));
        Assert.Empty(Directory.GetFiles(killed, "*.tail-*", SearchOption.AllDirectories));
        Assert.Equal(1566, new FileInfo(LogFixture.PathOf(killed, "shop", 6)).Length);
    }

    [Fact]
    public void A_torn_batch_in_a_recycled_file_is_put_aside_without_what_was_there_before()
    {
        using var log = Open(out var stream);
        Retain();
        Append(stream, 1);
        Append(stream, 1, letters: 500);
        var killed = _fixture.CopyAsIfKilled();
        var file = LogFixture.PathOf(killed, "shop", 6);
        var bytes = File.ReadAllBytes(file);
        bytes[1566 + 300] ^= 1;
        File.WriteAllBytes(file, bytes);

        using var again = _fixture.Open(killed);
        var reopened = again.OpenStream("shop", new());

        Assert.Equal((2u, 7L), (reopened.Epoch, reopened.EndOffset));
        Assert.Equal(bytes[1566..(1566 + 589)], File.ReadAllBytes(file + ".tail-2"));
        Assert.Equal(["4", "5", "6"], Numbers(reopened));
    }

    [Fact]
    public void After_an_orderly_close_a_recycled_file_is_gone_on_with()
    {
        using (Open(out var stream))
        {
            Retain();
            Append(stream, 1);
        }

        using var again = _fixture.Open(_disk, _scheduler);
        var reopened = again.OpenStream("shop", Small);
        Append(reopened, 1, letters: 400);
        Assert.Equal(["4", "5", "6", "7"], Numbers(reopened));
    }

    public void Dispose() => _fixture.Dispose();

    // Three segments of two batches each, the last one written to.
    private LogDirectory Open(out StreamPartition stream)
    {
        var log = _fixture.Open(_disk, _scheduler);
        stream = log.OpenStream("shop", Small);
        Append(stream, 6);
        return log;
    }

    private void Retain() => _scheduler.Run("log maintenance");

    private void Append(StreamPartition stream, int count, int letters = 1477)
    {
        for (var i = 0; i < count; i++)
        {
            var batch = stream.NewBatch();
            LogFixture.Add(batch, null, $"{_next++:D2} " + new string('x', letters));
            stream.Append(batch);
        }

        _scheduler.Run("log shop");
    }

    private string[] Spares() => [.. Directory.GetFiles(Folder, "*.spare").Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal)];

    private UInt128? Inode(long segment) => new PosixDisk().Find(LogFixture.PathOf(_fixture.Folder, "shop", segment))?.Identity;

    private static List<string> Numbers(StreamPartition stream) =>
        [.. LogFixture.ReadAll(stream).Select(record => record.Split('=')[1].Split(' ')[0].TrimStart('0'))];
}
