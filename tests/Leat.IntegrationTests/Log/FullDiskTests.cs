using System.Diagnostics;
using System.Text;
using Leat.Log;
using Leat.Log.Posix;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.IntegrationTests.Log;

/// <summary>A really full disk: a small file system in memory. Mounting one takes root.</summary>
public sealed class FullDiskTests : IAsyncLifetime
{
    private const int Mebibyte = 1024 * 1024;

    private readonly string _mount = Directory.CreateTempSubdirectory("leat-full-").FullName;
    private bool _mounted;

    public async ValueTask InitializeAsync() => _mounted = await RunAsync("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", _mount) == 0;

    [Fact]
    public async Task A_full_disk_stops_the_log_says_what_to_do_and_loses_nothing_acknowledged()
    {
        Assert.SkipUnless(_mounted, "a small file system cannot be mounted here: it takes root");
        var folder = Path.Combine(_mount, "log");
        var acknowledged = 0L;
        using (var log = Open(folder))
        {
            var stream = log.OpenStream("shop", new());
            var told = new TaskCompletionSource();
            log.Failed.Register(told.SetResult);

            var error = await Assert.ThrowsAsync<LogException>(async () =>
            {
                while (true)
                {
                    stream.Append(Batch(stream, 100_000));
                    await stream.WaitSyncedAsync(stream.EndOffset, TestContext.Current.CancellationToken);
                    acknowledged = stream.SyncedOffset;
                }
            });

            var file = Path.Combine(folder, "shop-0", "00000000000000000000.log");
            Assert.Equal(
                $"The log in {folder} stopped: the disk is full (pwrite of {file} failed: No space left on device). "
                + "Free space there or move the folder to a larger disk, then start again. Nothing captured is lost. [LEAT-2004]", error.Message);
            Assert.Equal(error.Message, log.Failure?.Message);
            await told.Task;
            Assert.Equal(2004, Assert.Throws<LogException>(() => stream.Append(Batch(stream, 10))).Code);
            Assert.Equal(acknowledged, stream.SyncedOffset);
        }

        Assert.Equal(0, await RunAsync("mount", "-o", "remount,size=8m", _mount));
        using var again = Open(folder);
        var reopened = again.OpenStream("shop", new());
        Assert.True(acknowledged > 10);
        Assert.Equal(acknowledged, reopened.EndOffset);
        reopened.Append(Batch(reopened, Mebibyte));
        await reopened.WaitSyncedAsync(reopened.EndOffset, TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        if (_mounted)
            await RunAsync("umount", _mount);
        Directory.Delete(_mount, recursive: true);
    }

    private static LogDirectory Open(string folder) =>
        LogDirectory.Open(folder, new PosixDisk(), TimeProvider.System, new ThreadScheduler(), NullLogger.Instance);

    private static BatchBuilder Batch(StreamPartition stream, int bytes)
    {
        var batch = stream.NewBatch();
        batch.BeginRecord(Encoding.ASCII.GetBytes("key"), hasKey: true);
        batch.GetSpan(bytes)[..bytes].Fill(1);
        batch.Advance(bytes);
        batch.EndRecord();
        return batch;
    }

    private static async Task<int> RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true });
        Assert.NotNull(process);
        await process.WaitForExitAsync();
        return process.ExitCode;
    }
}
