using System.Diagnostics;
using System.Globalization;
using Leat.Log;
using Leat.Log.Posix;
using Microsoft.Extensions.Logging.Abstractions;

namespace Leat.Bench;

/// <summary>Append with a sync for each group of 64 KiB: new segments, segments whose files are written over, and the bare calls of both kinds.</summary>
/// <remarks>All four take turns, so that whatever else the machine does hits them alike.</remarks>
internal static class LogSteadyBench
{
    private const int GroupBytes = 64 * 1024;
    private const int RecordBytes = 1024;
    private const int Rounds = 5;
    private const long SegmentBytes = 32L << 20;
    private const long RoundBytes = 64L << 20;

    public static async Task Run(string[] args)
    {
        var root = args.Length > 0 ? args[0] : Path.Combine(Path.GetTempPath(), $"leat-steady-{Environment.ProcessId}");
        Directory.CreateDirectory(root);
        try
        {
            await MeasureAsync(root);
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    private static async Task MeasureAsync(string root)
    {
        var old = Path.Combine(root, "overwritten");
        WriteAll(old);
        using var log = LogDirectory.Open(
            Path.Combine(root, "log"), new PosixDisk(), TimeProvider.System, new ThreadScheduler(), NullLogger.Instance, new());
        var steady = log.OpenStream("steady", new() { SegmentBytes = SegmentBytes, RetentionBytes = 2 * SegmentBytes });
        var fresh = log.OpenStream("fresh", new() { SegmentBytes = SegmentBytes });
        await AppendAsync(steady, 6 * SegmentBytes, ahead: 1); // until every segment begins in the file of an older one

        var cases = new (string Name, Func<Task<Rates>> Run)[]
        {
            ("bare writes, new blocks", () => Task.FromResult(Bare(Path.Combine(root, "new"), DiskOpen.Replace))),
            ("bare writes over old blocks", () => Task.FromResult(Bare(old, DiskOpen.ReadWrite))),
            ("append, new segments", () => AppendAsync(fresh, RoundBytes, ahead: 1)),
            ("append, recycled segments", () => AppendAsync(steady, RoundBytes, ahead: 1)),
            ("the same, waiting for each", () => AppendAsync(steady, RoundBytes, ahead: 0)),
        };
        var all = cases.Select(_ => new List<Rates>()).ToArray();
        for (var round = 0; round < Rounds; round++)
        {
            for (var i = 0; i < cases.Length; i++)
                all[i].Add(await cases[i].Run());
        }

        for (var i = 0; i < cases.Length; i++)
        {
            var rates = all[i].OrderBy(rate => rate.BytesPerSecond).ToArray();
            var (low, middle, high) = (rates[0], rates[Rounds / 2], rates[^1]);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{cases[i].Name,-30} {middle.BytesPerSecond / 1e6,6:F0} MB/s ({low.BytesPerSecond / 1e6:F0} to {high.BytesPerSecond / 1e6:F0}), p50 {middle.P50:F0} us, p99 {middle.P99:F0} us"));
        }

        var ratios = Enumerable.Range(0, Rounds).Select(round => all[3][round].BytesPerSecond / all[1][round].BytesPerSecond).Order().ToArray();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"recycled / bare overwriting     {ratios[Rounds / 2]:P0} ({ratios[0]:P0} to {ratios[^1]:P0})"));
    }

    private static void WriteAll(string path)
    {
        using var file = new PosixDisk().Open(path, DiskOpen.Replace);
        var bytes = new byte[1 << 20];
        for (var at = 0L; at < RoundBytes; at += bytes.Length)
            file.Write(at, bytes);
        file.SyncData();
    }

    private static Rates Bare(string path, DiskOpen mode)
    {
        var bytes = new byte[GroupBytes];
        Array.Fill(bytes, (byte)7);
        var micros = new List<double>();
        var clock = Stopwatch.StartNew();
        using (var file = new PosixDisk().Open(path, mode))
        {
            for (var at = 0L; at < RoundBytes; at += GroupBytes)
            {
                var started = Stopwatch.GetTimestamp();
                file.Write(at, bytes);
                file.SyncData();
                micros.Add(Stopwatch.GetElapsedTime(started).TotalMicroseconds);
            }
        }

        return Rates.Of(RoundBytes, clock.Elapsed, micros);
    }

    // One group ahead: the next is built and appended while the last is synced, each with a sync of its own, as a busy writer does.
    private static async Task<Rates> AppendAsync(StreamPartition stream, long bytes, int ahead)
    {
        var previous = stream.EndOffset;
        var micros = new List<double>();
        var value = new byte[RecordBytes];
        Array.Fill(value, (byte)7);
        var clock = Stopwatch.StartNew();
        for (var at = 0L; at < bytes; at += GroupBytes)
        {
            var started = Stopwatch.GetTimestamp();
            var batch = stream.NewBatch();
            while (batch.SizeBytes < GroupBytes - RecordBytes)
            {
                batch.BeginRecord(default, hasKey: false);
                value.CopyTo(batch.GetSpan(value.Length));
                batch.Advance(value.Length);
                batch.EndRecord();
            }

            stream.Append(batch);
            var end = stream.EndOffset;
            await stream.WaitSyncedAsync(ahead == 0 ? end : previous, CancellationToken.None);
            previous = end;
            micros.Add(Stopwatch.GetElapsedTime(started).TotalMicroseconds);
        }

        await stream.WaitSyncedAsync(previous, CancellationToken.None);
        return Rates.Of(bytes, clock.Elapsed, micros);
    }

    private readonly record struct Rates(double BytesPerSecond, double P50, double P99)
    {
        public static Rates Of(long bytes, TimeSpan taken, List<double> micros)
        {
            micros.Sort();
            return new(bytes / taken.TotalSeconds, micros[micros.Count / 2], micros[micros.Count * 99 / 100]);
        }
    }
}
