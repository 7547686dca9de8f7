using Leat.Log;
using Xunit;

namespace Leat.Tests.Log;

public sealed class TransactionTests : IDisposable
{
    private readonly LogFixture _fixture = new();

    [Fact]
    public async Task An_open_transaction_is_not_readable_and_a_committed_one_is_whole()
    {
        using var log = _fixture.Open();
        var stream = log.OpenStream("shop", new());
        await LogFixture.AppendSyncedAsync(stream, "before");
        stream.Append(LogFixture.Batch(stream, "t1", "t2"), BatchKind.Transactional);
        stream.Append(LogFixture.Batch(stream, "t3"), BatchKind.Transactional);
        await stream.WaitSyncedAsync(stream.EndOffset, LogFixture.Token);

        Assert.Equal((4L, 1L), (stream.SyncedOffset, stream.ReadableOffset));
        Assert.Equal(["0=before"], LogFixture.ReadAll(stream));

        await LogFixture.MarkAsync(stream, BatchKind.CommitMarker);
        await LogFixture.AppendSyncedAsync(stream, "after");

        Assert.Equal(["0=before", "1=t1", "2=t2", "3=t3", "5=after"], LogFixture.ReadAll(stream));
    }

    [Fact]
    public async Task An_aborted_transaction_is_never_read_and_the_next_one_is()
    {
        using var log = _fixture.Open();
        var stream = log.OpenStream("shop", new());
        stream.Append(LogFixture.Batch(stream, "t1"), BatchKind.Transactional);
        await LogFixture.MarkAsync(stream, BatchKind.AbortMarker);
        stream.Append(LogFixture.Batch(stream, "t2"), BatchKind.Transactional);
        await LogFixture.MarkAsync(stream, BatchKind.CommitMarker);

        Assert.Equal(["2=t2"], LogFixture.ReadAll(stream));
        Assert.Equal(["2=t2"], LogFixture.ReadAll(stream, from: 1));
    }

    [Fact]
    public async Task A_transaction_open_at_a_crash_is_aborted_in_a_new_segment_at_start()
    {
        using var log = _fixture.Open();
        var stream = log.OpenStream("shop", new());
        await LogFixture.AppendSyncedAsync(stream, "before");
        stream.Append(LogFixture.Batch(stream, "lost"), BatchKind.Transactional);
        await stream.WaitSyncedAsync(stream.EndOffset, LogFixture.Token);

        using var again = _fixture.Open(_fixture.CopyAsIfKilled());
        var reopened = again.OpenStream("shop", new());

        Assert.Equal((3L, 3L), (reopened.EndOffset, reopened.ReadableOffset));
        await LogFixture.AppendSyncedAsync(reopened, "after");
        Assert.Equal(["0=before", "3=after"], LogFixture.ReadAll(reopened));
        Assert.True(new FileInfo(LogFixture.PathOf(again.Path, "shop", 2)).Length > 0);
    }

    [Fact]
    public async Task A_transaction_open_at_an_orderly_close_is_aborted_at_start_too()
    {
        using (var log = _fixture.Open())
        {
            var stream = log.OpenStream("shop", new());
            stream.Append(LogFixture.Batch(stream, "lost"), BatchKind.Transactional);
        }

        using var again = _fixture.Open();
        var reopened = again.OpenStream("shop", new());
        await LogFixture.AppendSyncedAsync(reopened, "after");

        Assert.Equal(["2=after"], LogFixture.ReadAll(reopened));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Transactions_across_segments_and_starts_keep_their_end(bool killed)
    {
        var options = new StreamOptions { SegmentBytes = 4096 };
        var big = new string('x', 1500);
        var folder = _fixture.Folder;
        using (var log = _fixture.Open())
        {
            var stream = log.OpenStream("shop", options);
            for (var round = 0; round < 4; round++)
            {
                for (var i = 0; i < 5; i++)
                    stream.Append(LogFixture.Batch(stream, $"{round}.{i} {big}"), BatchKind.Transactional);
                await LogFixture.MarkAsync(stream, round % 2 == 0 ? BatchKind.AbortMarker : BatchKind.CommitMarker);
            }

            if (killed)
                folder = _fixture.CopyAsIfKilled();
        }

        using var again = _fixture.Open(folder);
        var reopened = again.OpenStream("shop", options);

        Assert.Equal(["1.0", "1.1", "1.2", "1.3", "1.4", "3.0", "3.1", "3.2", "3.3", "3.4"],
            LogFixture.ReadAll(reopened, maxBytes: 2000).Select(text => text.Split('=')[1].Split(' ')[0]));
        using var last = reopened.ReadLastCommittedBatch();
        Assert.NotNull(last);
        Assert.Equal([$"22=3.4 {big}"], LogFixture.Texts(last));
    }

    [Fact]
    public async Task The_last_committed_batch_is_neither_a_marker_nor_aborted_nor_open()
    {
        using var log = _fixture.Open();
        var stream = log.OpenStream("shop", new());
        Assert.Null(stream.ReadLastCommittedBatch());
        await LogFixture.AppendSyncedAsync(stream, "a");
        await LogFixture.AppendSyncedAsync(stream, "b", "c");
        stream.Append(LogFixture.Batch(stream, "aborted"), BatchKind.Transactional);
        await LogFixture.MarkAsync(stream, BatchKind.AbortMarker);
        stream.Append(LogFixture.Batch(stream, "open"), BatchKind.Transactional);
        await stream.WaitSyncedAsync(stream.EndOffset, LogFixture.Token);

        using var last = stream.ReadLastCommittedBatch();

        Assert.NotNull(last);
        Assert.Equal(["1=b", "2=c"], LogFixture.Texts(last));
    }

    [Fact]
    public void Markers_and_plain_batches_out_of_place_are_a_programmers_mistake()
    {
        using var log = _fixture.Open();
        var stream = log.OpenStream("shop", new());

        Assert.Throws<InvalidOperationException>(() => stream.Append(stream.NewBatch(), BatchKind.CommitMarker));
        Assert.Throws<InvalidOperationException>(() => stream.Append(stream.NewBatch()));
        stream.Append(LogFixture.Batch(stream, "a"), BatchKind.Transactional);
        Assert.Throws<InvalidOperationException>(() => stream.Append(LogFixture.Batch(stream, "b")));
    }

    public void Dispose() => _fixture.Dispose();
}
