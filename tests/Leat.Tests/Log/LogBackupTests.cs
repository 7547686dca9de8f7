using Leat.Log;
using Leat.Log.Posix;
using Leat.Log.Tools;
using Xunit;

namespace Leat.Tests.Log;

public sealed class LogBackupTests : IDisposable
{
    private readonly LogFixture _fixture = new();

    private string Target => _fixture.Folder + "-backup";

    private string Restored => _fixture.Folder + "-restored";

    [Fact]
    public async Task A_restored_backup_holds_every_record_under_a_higher_epoch()
    {
        var folder = await ToolFixture.ClosedAsync(_fixture);
        var made = Backup(folder);

        var restored = Restore();

        Assert.Equal([new BackupStream("shop", 1, 0, 40)], made.Streams);
        Assert.Equal([new BackupStream("shop", 2, 0, 40)], restored.Streams);
        Assert.Equal(made.LogId, restored.LogId);
        Assert.Empty(ToolFixture.Verify(Restored).Findings);
        using var log = _fixture.Open(Restored);
        Assert.Equal(made.LogId, log.Id);
        var stream = log.OpenStream("shop", ToolFixture.SmallSegments);
        Assert.Equal(2u, stream.Epoch);
        await ToolFixture.FillAsync(stream, 3);
        Assert.Equal(ToolFixture.Expected(0, 43), LogFixture.ReadAll(stream));
        using var last = stream.ReadLastCommittedBatch();
        Assert.Equal(ToolFixture.Expected(42, 43), LogFixture.Texts(Assert.IsType<LogBlock>(last)));
    }

    [Fact]
    public async Task A_log_in_use_is_backed_up_while_segments_come_and_go()
    {
        using var log = _fixture.Open();
        var stream = log.OpenStream("shop", new() { SegmentBytes = 16 * 1024, RetentionBytes = 128 * 1024 });
        await ToolFixture.FillAsync(stream, 100);
        using var stop = new CancellationTokenSource();
        var writing = WriteAsync(stream, stop.Token);
        for (var i = 0; i < 5; i++)
        {
            using var view = ToolFixture.View(_fixture.Folder);
            var before = stream.SyncedOffset;
            var made = Assert.Single(new LogBackup(view, new PosixDisk(), TimeProvider.System, ToolFixture.Silent).Run($"{Target}{i}", ["shop"], LogFixture.Token).Streams);
            new LogRestore(new PosixDisk(), ToolFixture.Silent).Run($"{Target}{i}", $"{Restored}{i}", LogFixture.Token);
            using var copy = _fixture.Open($"{Restored}{i}");
            var restored = copy.OpenStream("shop", new() { SegmentBytes = 16 * 1024 });

            Assert.True(made.EndOffset >= before);
            Assert.Equal((made.StartOffset, made.EndOffset), (restored.StartOffset, restored.EndOffset));
            Assert.Equal(ToolFixture.Expected(made.StartOffset, made.EndOffset), LogFixture.ReadAll(restored));
        }

        await stop.CancelAsync();
        await writing;
    }

    [Fact]
    public async Task A_compacted_stream_is_restored_as_it_was()
    {
        var (folder, left) = await ToolFixture.CompactedAsync(_fixture);

        Backup(folder);
        Restore();

        Assert.Empty(ToolFixture.Verify(Restored).Findings);
        using var log = _fixture.Open(Restored);
        Assert.Equal(left, LogFixture.ReadAll(log.OpenStream("shop", ToolFixture.SmallSegments)));
    }

    [Fact]
    public async Task A_transaction_that_was_open_is_aborted_in_the_restored_log()
    {
        using var log = _fixture.Open();
        var stream = log.OpenStream("shop", new());
        await LogFixture.AppendSyncedAsync(stream, "done");
        stream.Append(LogFixture.Batch(stream, "open"), BatchKind.Transactional);
        await stream.WaitSyncedAsync(2, LogFixture.Token);

        Backup(_fixture.Folder);
        Restore();

        using var restored = _fixture.Open(Restored);
        var copy = restored.OpenStream("shop", new());
        await LogFixture.AppendSyncedAsync(copy, "after");
        Assert.Equal(["0=done", "3=after"], LogFixture.ReadAll(copy));
    }

    [Fact]
    public async Task Every_damaged_missing_or_short_file_of_a_backup_is_refused_and_nothing_restored()
    {
        Backup(await ToolFixture.ClosedAsync(_fixture));
        foreach (var file in Directory.GetFiles(Target, "*", SearchOption.AllDirectories))
        {
            var good = File.ReadAllBytes(file);
            ToolFixture.Damage(file);
            AssertRefused(file);
            File.WriteAllBytes(file, good[..^1]);
            AssertRefused(file);
            File.Delete(file);
            AssertRefused(file);
            File.WriteAllBytes(file, good);
        }

        Restore();
    }

    [Fact]
    public async Task A_file_that_is_not_as_it_was_is_named()
    {
        Backup(await ToolFixture.ClosedAsync(_fixture));
        var file = LogFixture.PathOf(Target, "shop", 0);
        ToolFixture.Damage(file);

        var error = Assert.Throws<LogException>(Restore);

        Assert.Equal(
            $"{file} is not as it was when the backup was made: its checksum does not agree. Use another backup. Nothing was restored. [LEAT-2081]", error.Message);
    }

    [Fact]
    public async Task Folders_that_hold_something_are_refused()
    {
        var folder = await ToolFixture.ClosedAsync(_fixture);
        Backup(folder);

        Assert.Equal(
            $"{Target} is not empty. Name a folder that does not exist yet or is empty. [LEAT-2079]", Assert.Throws<LogException>(() => Backup(folder)).Message);
        Directory.CreateDirectory(Restored);
        Restore(); // empty
        Assert.Equal(
            $"{Restored} is not empty. Name a folder that does not exist yet or is empty. [LEAT-2079]", Assert.Throws<LogException>(Restore).Message);
    }

    [Fact]
    public async Task What_is_no_backup_or_an_unfinished_one_is_refused()
    {
        var folder = await ToolFixture.ClosedAsync(_fixture);

        var error = Assert.Throws<LogException>(() => new LogRestore(new PosixDisk(), ToolFixture.Silent).Run(folder, Restored, LogFixture.Token));

        Assert.Equal(
            $"{folder} is not a finished backup: it has no file 'backup'. "
            + "Name a folder that 'leat log backup' has written to its end; an unfinished one is called .partial. [LEAT-2080]", error.Message);
    }

    [Fact]
    public async Task Damage_stops_a_backup_and_leaves_it_unfinished()
    {
        var folder = await ToolFixture.ClosedAsync(_fixture);
        var file = LogFixture.PathOf(folder, "shop", ToolFixture.Segments(folder)[1]);
        ToolFixture.Damage(file, where: 0.1);

        var error = Assert.Throws<LogException>(() => Backup(folder));

        Assert.Equal(2082, error.Code);
        Assert.StartsWith($"The backup was stopped: stream shop is damaged. {file} is damaged at byte 0: ", error.What, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Target));
        Assert.Equal(
            $"{Target}.partial is left from an earlier try that did not finish. Name a folder that does not exist yet or is empty. [LEAT-2079]",
            Assert.Throws<LogException>(() => Backup(folder)).Message);
    }

    [Fact]
    public void The_list_of_a_backup_is_as_the_document_says()
    {
        var list = new BackupList(
            Guid.Parse("00000000-0000-0000-0000-000000000001"), new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero), [new("shop", 3, 10, 20)],
            [new("shop-0/00000000000000000010.log", 4711, 0x0BADCAFE)]);

        var text = System.Text.Encoding.ASCII.GetString(list.Write());

        Assert.StartsWith(
            "leat-backup 1\nlog 00000000-0000-0000-0000-000000000001\nmade 2026-01-31T12:00:00Z\nstream shop 3 10 20\n"
            + "file shop-0/00000000000000000010.log 4711 0badcafe\ncrc ", text, StringComparison.Ordinal);
        var read = BackupList.Read("backup", list.Write());
        Assert.Equal((list.LogId, list.MadeAt), (read.LogId, read.MadeAt));
        Assert.Equal(list.Streams, read.Streams);
        Assert.Equal(list.Files, read.Files);
    }

    public void Dispose() => _fixture.Dispose();

    private BackupSummary Backup(string folder)
    {
        using var view = ToolFixture.View(folder);
        return new LogBackup(view, new PosixDisk(), TimeProvider.System, ToolFixture.Silent).Run(Target, view.Streams, LogFixture.Token);
    }

    private BackupSummary Restore() => new LogRestore(new PosixDisk(), ToolFixture.Silent).Run(Target, Restored, LogFixture.Token);

    private void AssertRefused(string file)
    {
        var error = Assert.Throws<LogException>(Restore);
        Assert.True(error.Code is 2081 or 2007 or 2080, $"{file}: {error.Message}");
        Assert.False(Directory.Exists(Restored) || Directory.Exists(Restored + ".partial"));
    }

    private static async Task WriteAsync(StreamPartition stream, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            for (var i = 0; i < 5; i++)
                stream.Append(LogFixture.Batch(stream, ToolFixture.ValueOf(stream.EndOffset)));
            await stream.WaitSyncedAsync(stream.EndOffset, LogFixture.Token);
        }
    }
}
