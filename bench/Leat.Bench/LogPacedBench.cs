using System.Diagnostics;
using System.Globalization;
using Leat.Log;
using Leat.Log.Posix;
using Microsoft.Extensions.Logging.Abstractions;

namespace Leat.Bench;

/// <summary>How long a record waits from its append until a reader has it, at 10,000 records a second, beside one write and sync at the same pace.</summary>
internal static class LogPacedBench
{
    private const int RecordBytes = 1024;
    private const int PerSecond = 10_000;
    private const int Records = 5 * PerSecond;
    private const int Rounds = 3;

    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(1);

    public static async Task Run(string[] args)
    {
        var root = args.Length > 0 ? args[0] : Path.Combine(Path.GetTempPath(), $"leat-paced-{Environment.ProcessId}");
        Directory.CreateDirectory(root);
        try
        {
            for (var round = 0; round < Rounds; round++)
            {
                Print("write of what is due + fdatasync", await BareAsync(Path.Combine(root, $"bare-{round}")));
                Print("append to readable, each record", await LogAsync(Path.Combine(root, $"log-{round}")));
            }
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    private static async Task<double[]> BareAsync(string path)
    {
        using var file = new PosixDisk().Open(path, DiskOpen.CreateNew);
        var bytes = new byte[Records * RecordBytes];
        var micros = new List<double>();
        var clock = Stopwatch.StartNew();
        using var timer = new PeriodicTimer(Tick);
        for (var done = 0; done < Records;)
        {
            await timer.WaitForNextTickAsync();
            var due = Due(clock);
            var started = Stopwatch.GetTimestamp();
            file.Write((long)done * RecordBytes, bytes.AsSpan(0, (due - done) * RecordBytes));
            file.SyncData();
            micros.Add(Stopwatch.GetElapsedTime(started).TotalMicroseconds);
            done = due;
        }

        return [.. micros];
    }

    private static async Task<double[]> LogAsync(string folder)
    {
        using var log = LogDirectory.Open(folder, new PosixDisk(), TimeProvider.System, new ThreadScheduler(), NullLogger.Instance);
        var stream = log.OpenStream("paced", new());
        var appended = new long[Records];
        var reading = ReadAsync(stream, appended);
        var value = new byte[RecordBytes];
        var clock = Stopwatch.StartNew();
        using var timer = new PeriodicTimer(Tick);
        for (var i = 0; i < Records;)
        {
            await timer.WaitForNextTickAsync();
            for (var due = Due(clock); i < due; i++)
            {
                var batch = stream.NewBatch();
                batch.BeginRecord(default, hasKey: false);
                value.CopyTo(batch.GetSpan(value.Length));
                batch.Advance(value.Length);
                batch.EndRecord();
                Volatile.Write(ref appended[i], Stopwatch.GetTimestamp());
                stream.Append(batch);
            }
        }

        return await reading;
    }

    // A timer of one millisecond ticks every one to four: what has become due meanwhile goes at once.
    private static int Due(Stopwatch clock) => (int)Math.Min(Records, (clock.Elapsed.TotalSeconds * PerSecond) + 1);

    private static async Task<double[]> ReadAsync(StreamPartition stream, long[] appended)
    {
        var micros = new double[appended.Length];
        using var reader = stream.NewReader(0);
        while (reader.NextOffset < appended.Length)
        {
            await stream.WaitReadableAsync(reader.NextOffset, CancellationToken.None);
            using var block = reader.Read(1 << 20);
            if (block is null)
                continue;
            var records = block.Records();
            while (records.MoveNext())
                micros[records.Offset] = Stopwatch.GetElapsedTime(Volatile.Read(ref appended[records.Offset])).TotalMicroseconds;
        }

        return micros;
    }

    private static void Print(string name, double[] micros)
    {
        Array.Sort(micros);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{name,-34} p50 {micros[micros.Length / 2],5:F0} us, p99 {micros[micros.Length * 99 / 100],5:F0} us, p99.9 {micros[micros.Length * 999 / 1000],5:F0} us"));
    }
}
