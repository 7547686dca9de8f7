using System.Diagnostics;
using System.Globalization;
using System.Text;
using Leat.Log;
using Leat.Log.Posix;
using Microsoft.Extensions.Logging.Abstractions;

namespace Leat.Bench;

/// <summary>How fast the log is read: from memory at the tail, from the file beside bare reads of it, and compressed in each way.</summary>
internal static class LogReadBench
{
    private const int Runs = 5;

    /// <summary>Runs all cases in a folder (default: a temporary one) and prints the medians.</summary>
    public static async Task Run(string[] args)
    {
        var root = args.Length > 0 ? args[0] : Path.Combine(Path.GetTempPath(), $"leat-logread-{Environment.ProcessId}");
        Directory.CreateDirectory(root);
        try
        {
            foreach (var batchBytes in new[] { 300, 64 * 1024, 1 << 20 })
                await TailAsync(root, batchBytes);
            await FileAsync(root);
            foreach (var compression in Enum.GetValues<Compression>())
                await CompressedAsync(root, compression);
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    private static async Task TailAsync(string root, int batchBytes)
    {
        const long total = 48L << 20;
        var folder = Path.Combine(root, "tail");
        using (var log = Open(folder))
        {
            var stream = log.OpenStream("bench", new() { TailBytes = 128L << 20 });
            await FillAsync(stream, total, batchBytes, Row(0, 1000));
            Print($"read the tail, batches of {batchBytes} B", total, () => ReadAll(stream));
        }

        Directory.Delete(folder, recursive: true);
    }

    private static async Task FileAsync(string root)
    {
        const long total = 512L << 20;
        var folder = Path.Combine(root, "file");
        using (var log = Open(folder))
        {
            var stream = log.OpenStream("bench", new() { TailBytes = 0 });
            await FillAsync(stream, total, 64 * 1024, Row(0, 1000));
            var files = Directory.GetFiles(Path.Combine(folder, "bench-0"), "*.log");
            Print("bare reads of 1 MiB, cached", total, () => ReadBare(files));
            Print("read and check all records, cached", total, () => ReadAll(stream));
            if (TryDropCache())
            {
                Print("bare reads of 1 MiB, cold", total, () => Cold(() => ReadBare(files)));
                Print("read and check all records, cold", total, () => Cold(() => ReadAll(stream)));
            }
        }

        Directory.Delete(folder, recursive: true);
    }

    private static async Task CompressedAsync(string root, Compression compression)
    {
        const long total = 64L << 20;
        var folder = Path.Combine(root, "compressed");
        using (var log = Open(folder))
        {
            var stream = log.OpenStream("bench", new() { TailBytes = 0, Compression = compression });
            var clock = Stopwatch.StartNew();
            await FillAsync(stream, total, 256 * 1024, null);
            var seconds = clock.Elapsed.TotalSeconds;
            var onDisk = Directory.GetFiles(Path.Combine(folder, "bench-0"), "*.log").Sum(file => new FileInfo(file).Length);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"append rows, {compression,-29} {total / seconds / 1e6,8:F0} MB/s {(double)total / onDisk,8:F2} times smaller"));
            Print($"read rows, {compression}", total, () => ReadAll(stream));
        }

        Directory.Delete(folder, recursive: true);
    }

    private static void Print(string name, long bytes, Func<TimeSpan> run)
    {
        var times = new double[Runs];
        for (var i = 0; i < Runs; i++)
            times[i] = run().TotalSeconds;
        Array.Sort(times);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-42} {bytes / times[Runs / 2] / 1e6,8:F0} MB/s"));
    }

    private static TimeSpan Cold(Func<TimeSpan> run) =>
        TryDropCache() ? run() : throw new InvalidOperationException("the system's cache cannot be emptied any more");

    // Only root may; a host may still have a cache of its own behind the disk.
    private static bool TryDropCache()
    {
        try
        {
            File.WriteAllText("/proc/sys/vm/drop_caches", "3");
            return true;
        }
        catch (Exception error) when (error is UnauthorizedAccessException or IOException)
        {
            return false;
        }
    }

    /// <summary>Reads a stream from its start to its end, every record of it.</summary>
    internal static TimeSpan ReadAll(StreamPartition stream)
    {
        var clock = Stopwatch.StartNew();
        using var reader = stream.NewReader(0);
        var count = 0L;
        while (reader.Read(1 << 20) is { } block)
        {
            using (block)
            {
                var records = block.Records();
                while (records.MoveNext())
                    count++;
            }
        }

        return count == stream.EndOffset ? clock.Elapsed : throw new InvalidOperationException($"read {count} of {stream.EndOffset} records");
    }

    private static TimeSpan ReadBare(string[] files)
    {
        var buffer = new byte[1 << 20];
        var disk = new PosixDisk();
        var clock = Stopwatch.StartNew();
        foreach (var path in files)
        {
            using var file = disk.Open(path, DiskOpen.Read);
            for (var at = 0L; file.Read(at, buffer) is > 0 and var got; at += got)
            {
                // the reading itself is what is measured
            }
        }

        return clock.Elapsed;
    }

    // Rows that differ from each other as rows of a table do, unless one is given.
    private static async Task FillAsync(StreamPartition stream, long total, int batchBytes, byte[]? row)
    {
        var number = 0;
        for (var done = 0L; done < total;)
        {
            await stream.WhenRoomAsync(CancellationToken.None);
            var batch = stream.NewBatch();
            do
            {
                ReadOnlySpan<byte> value = row ?? Row(++number, 300);
                value = value[..Math.Min(value.Length, batchBytes)];
                batch.BeginRecord(default, hasKey: false);
                value.CopyTo(batch.GetSpan(value.Length));
                batch.Advance(value.Length);
                batch.EndRecord();
            }
            while (batch.SizeBytes < batchBytes);
            done += batch.SizeBytes;
            stream.Append(batch);
        }

        await stream.WaitSyncedAsync(stream.EndOffset, CancellationToken.None);
    }

    private static byte[] Row(int number, int bytes)
    {
        var mixed = unchecked((uint)number * 2654435761u);
        var text = string.Create(
            CultureInfo.InvariantCulture,
            $"{number}|{mixed}|customer {mixed % 5000}|open|2026-11-{1 + number % 28:D2} {number % 24:D2}:{mixed % 60:D2}|{mixed % 100000 / 100.0:F2}|street {mixed >> 8} ");
        return Encoding.ASCII.GetBytes(text.PadRight(bytes, (char)('a' + mixed % 26)))[..bytes];
    }

    private static LogDirectory Open(string folder) =>
        LogDirectory.Open(folder, new PosixDisk(), TimeProvider.System, new ThreadScheduler(), NullLogger.Instance);
}
