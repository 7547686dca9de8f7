using System.Diagnostics;
using System.Globalization;
using Leat.Log;
using Leat.Log.Posix;
using Microsoft.Extensions.Logging.Abstractions;

namespace Leat.Bench;

/// <summary>How long a log takes to start: with many partitions after an orderly close, and with one long segment after a kill.</summary>
internal static class LogStartBench
{
    private const int Partitions = 10_000;
    private const long PartitionBytes = 10L * 1024 * 1024 + 512 * 1024; // 100 GiB in all, sparse
    private const long SegmentBytes = 1L << 30;

    public static async Task Run(string[] args)
    {
        var root = args.Length > 0 ? args[0] : Path.Combine(Path.GetTempPath(), $"leat-start-{Environment.ProcessId}");
        Directory.CreateDirectory(root);
        try
        {
            var folder = Path.Combine(root, "many");
            Make(folder);
            for (var run = 0; run < 3; run++)
                await OpenInAnotherProcessAsync(folder);
            foreach (var total in new[] { 64L << 20, SegmentBytes - (8L << 20) })
                await UncleanAsync(root, total);
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    /// <summary>Opens every stream of a log and prints what that took. In a process of its own: its memory is the figure.</summary>
    public static void Measure(string folder)
    {
        using var self = Process.GetCurrentProcess();
        var before = self.TotalProcessorTime;
        var clock = Stopwatch.StartNew();
        using var log = Open(folder);
        foreach (var name in log.Streams)
            log.OpenStream(name, new());
        var taken = clock.Elapsed;
        self.Refresh();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{log.Streams.Count} clean partitions open in {taken.TotalMilliseconds:F0} ms ({(self.TotalProcessorTime - before).TotalMilliseconds:F0} ms of processor time); {self.WorkingSet64 / 1e6:F0} MB resident, {Directory.GetFiles("/proc/self/fd").Length} descriptors, {self.Threads.Count} threads"));
    }

    // As orderly closes leave them: one closed segment and an empty one that is written to. The segments' bytes are holes.
    internal static void Make(string folder)
    {
        Guid id;
        using (var log = Open(folder))
            id = log.Id;
        for (var i = 0; i < Partitions; i++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"stream-{i:D5}");
            var path = Path.Combine(folder, name + "-0");
            Directory.CreateDirectory(path);
            using (var segment = File.Create(Path.Combine(path, "00000000000000000000.log")))
                segment.SetLength(PartitionBytes);
            var manifest = new Manifest
            {
                LogId = id, Stream = name, Epoch = 1, Clean = true, Watermark = 1000, ActiveBase = 1000, ScanOffset = 1000, ScanPosition = 0,
                Incarnations = [new(0, i)], Sealed = [new(0, PartitionBytes, 1_700_000_000_000)],
            };
            File.WriteAllBytes(Path.Combine(path, "manifest"), manifest.Write());
        }
    }

    private static async Task OpenInAnotherProcessAsync(string folder)
    {
        var program = Environment.ProcessPath ?? "dotnet";
        string[] arguments = Path.GetFileNameWithoutExtension(program) == "dotnet"
            ? [Environment.GetCommandLineArgs()[0], "log-partitions-open", folder]
            : ["log-partitions-open", folder];
        using var process = Process.Start(program, arguments);
        await process.WaitForExitAsync();
    }

    // One stream, killed: its files are copied while it is open. What was written after the manifest's last renewal has to be read.
    private static async Task UncleanAsync(string root, long total)
    {
        var (folder, killed) = (Path.Combine(root, "one"), Path.Combine(root, "killed"));
        var name = Path.Combine("s-0", "00000000000000000000.log");
        using (var log = Open(folder))
        {
            var stream = log.OpenStream("s", new() { SegmentBytes = SegmentBytes });
            var value = new byte[1000];
            for (var at = 0L; at < total; at += 64 * 1024)
            {
                await stream.WhenRoomAsync(CancellationToken.None);
                var batch = stream.NewBatch();
                while (batch.SizeBytes < 64 * 1024 - 1100)
                {
                    batch.BeginRecord(default, hasKey: false);
                    value.CopyTo(batch.GetSpan(value.Length));
                    batch.Advance(value.Length);
                    batch.EndRecord();
                }

                stream.Append(batch);
            }

            await stream.WaitSyncedAsync(stream.EndOffset, CancellationToken.None);
            Directory.CreateDirectory(Path.Combine(killed, "s-0"));
            foreach (var file in new[] { "log-id", Path.Combine("s-0", "manifest"), name })
                File.Copy(Path.Combine(folder, file), Path.Combine(killed, file));
        }

        var clock = Stopwatch.StartNew();
        using (var log = Open(killed))
        {
            var stream = log.OpenStream("s", new() { SegmentBytes = SegmentBytes });
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"unclean start, segment of {new FileInfo(Path.Combine(killed, name)).Length >> 20} MiB: {clock.Elapsed.TotalMilliseconds:F0} ms, {stream.EndOffset} records"));
        }

        Directory.Delete(folder, recursive: true);
        Directory.Delete(killed, recursive: true);
    }

    private static LogDirectory Open(string folder) =>
        LogDirectory.Open(folder, new PosixDisk(), TimeProvider.System, new ThreadScheduler(), NullLogger.Instance);
}
