using System.Diagnostics;
using System.Globalization;
using Leat.Log;
using Leat.Log.Posix;
using Microsoft.Extensions.Logging.Abstractions;

namespace Leat.Bench;

/// <summary>How fast the log appends, syncs and reads, beside the same writes made bare on the same disk in the same run.</summary>
internal static class LogBench
{
    private const int RecordBytes = 1024;
    private const int Runs = 5;

    /// <summary>Runs all cases in a folder (default: a temporary one) and prints the medians.</summary>
    public static async Task Run(string[] args)
    {
        var root = args.Length > 0 ? args[0] : Path.Combine(Path.GetTempPath(), $"leat-logbench-{Environment.ProcessId}");
        Directory.CreateDirectory(root);
        try
        {
            foreach (var (groupBytes, totalBytes) in new[] { (64 * 1024, 128L << 20), (1024 * 1024, 512L << 20) })
            {
                var size = $"{groupBytes / 1024} KiB";
                await PrintAsync($"bare pwrite + fdatasync, {size}", totalBytes, groupBytes, () => BareAsync(root, groupBytes, totalBytes));
                await PrintAsync($"append + sync each, {size}", totalBytes, groupBytes, () => AppendAsync(root, groupBytes, totalBytes, waitEach: true));
                await PrintAsync($"append, group commit, {size}", totalBytes, groupBytes, () => AppendAsync(root, groupBytes, totalBytes, waitEach: false));
            }

            await PrintAsync("append, group commit, 300 B batches", 300L * 300_000, 300, () => AppendAsync(root, 300, 300L * 300_000, waitEach: false));
            await LatencyAsync(root);
            await ReadAsync(root);
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    private static async Task PrintAsync(string name, long bytes, int groupBytes, Func<Task<TimeSpan>> run)
    {
        var times = new List<double>();
        for (var i = 0; i < Runs; i++)
            times.Add((await run()).TotalSeconds);
        times.Sort();
        var seconds = times[Runs / 2];
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{name,-42} {bytes / seconds / 1e6,8:F0} MB/s {bytes / groupBytes / seconds,10:F0} batches/s"));
    }

    private static Task<TimeSpan> BareAsync(string root, int groupBytes, long totalBytes)
    {
        var path = Path.Combine(root, "bare");
        var bytes = new byte[groupBytes];
        var clock = Stopwatch.StartNew();
        using (var file = new PosixDisk().Open(path, DiskOpen.Replace))
        {
            for (var at = 0L; at < totalBytes; at += groupBytes)
            {
                file.Write(at, bytes);
                file.SyncData();
            }
        }

        var taken = clock.Elapsed;
        File.Delete(path);
        return Task.FromResult(taken);
    }

    private static async Task<TimeSpan> AppendAsync(string root, int groupBytes, long totalBytes, bool waitEach)
    {
        var folder = Path.Combine(root, "log");
        TimeSpan taken;
        using (var log = Open(folder))
        {
            var stream = log.OpenStream("bench", new());
            var clock = Stopwatch.StartNew();
            for (var at = 0L; at < totalBytes; at += groupBytes)
            {
                await stream.WhenRoomAsync(CancellationToken.None);
                stream.Append(Fill(stream.NewBatch(), groupBytes));
                if (waitEach)
                    await stream.WaitSyncedAsync(stream.EndOffset, CancellationToken.None);
            }

            await stream.WaitSyncedAsync(stream.EndOffset, CancellationToken.None);
            taken = clock.Elapsed;
        }

        Directory.Delete(folder, recursive: true);
        return taken;
    }

    // One small batch a millisecond: the time from append until a reader can have it.
    private static async Task LatencyAsync(string root)
    {
        var folder = Path.Combine(root, "log");
        var micros = new List<double>();
        using (var log = Open(folder))
        {
            var stream = log.OpenStream("bench", new());
            for (var i = 0; i < 5_000; i++)
            {
                var started = Stopwatch.GetTimestamp();
                var offset = stream.Append(Fill(stream.NewBatch(), 300));
                await stream.WaitReadableAsync(offset, CancellationToken.None);
                micros.Add(Stopwatch.GetElapsedTime(started).TotalMicroseconds);
            }
        }

        Directory.Delete(folder, recursive: true);
        micros.Sort();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"append to readable, 300 B, one at a time     p50 {micros[micros.Count / 2]:F0} us, p99 {micros[micros.Count * 99 / 100]:F0} us"));
    }

    private static async Task ReadAsync(string root)
    {
        const long totalBytes = 512L << 20;
        var folder = Path.Combine(root, "log");
        using (var log = Open(folder))
        {
            var stream = log.OpenStream("bench", new());
            for (var at = 0L; at < totalBytes; at += 1 << 20)
            {
                await stream.WhenRoomAsync(CancellationToken.None);
                stream.Append(Fill(stream.NewBatch(), 1 << 20));
            }

            await stream.WaitSyncedAsync(stream.EndOffset, CancellationToken.None);
            await PrintAsync("read and check all records, cached", totalBytes, 1 << 20, () => Task.FromResult(LogReadBench.ReadAll(stream)));
        }

        var clock = Stopwatch.StartNew();
        using (var log = Open(folder))
        {
            log.OpenStream("bench", new());
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"start after an orderly close, 512 MiB          {clock.Elapsed.TotalMilliseconds:F0} ms"));
        }

        Directory.Delete(folder, recursive: true);
    }

    private static BatchBuilder Fill(BatchBuilder batch, int bytes)
    {
        while (batch.SizeBytes < bytes)
        {
            var value = Math.Min(RecordBytes, Math.Max(1, bytes - batch.SizeBytes - 12));
            batch.BeginRecord(default, hasKey: false);
            batch.GetSpan(value)[..value].Fill(7);
            batch.Advance(value);
            batch.EndRecord();
        }

        return batch;
    }

    private static LogDirectory Open(string folder) =>
        LogDirectory.Open(folder, new PosixDisk(), TimeProvider.System, new ThreadScheduler(), NullLogger.Instance);
}
