using System.Globalization;
using System.Text;
using Leat.Log;
using Leat.Log.Posix;
using Microsoft.Extensions.Logging.Abstractions;

namespace Leat.IntegrationTests.Log;

/// <summary>What a log does in a day, in a second: recovers, appends, commits and aborts, rolls, recycles, deletes, closes. Tells each thing that it may rely on.</summary>
/// <remarks>
/// Run in a process of its own and killed at any place, or with failing system calls. Everything happens on the main thread, so that the same
/// folder gives the same sequence of system calls. Lines of the output: <c>ack STREAM FIRST COUNT</c>: these records are durable and visible; <c>deleted</c>,
/// <c>closed</c>, <c>failed CODE</c>.
/// </remarks>
internal static class LogScenario
{
    /// <summary>First argument of the test program that asks for the scenario.</summary>
    public const string Argument = "log-scenario";

    /// <summary>Exit code after a failure that the log told.</summary>
    public const int Failed = 3;

    private const int Rounds = 24;

    /// <summary>Small segments, so that a short run has several; recycled and deleted in <c>kept</c>.</summary>
    public static StreamOptions OptionsOf(string stream) => stream switch
    {
        "kept" => new() { SegmentBytes = 4096, RetentionBytes = 12 * 1024 },
        "packed" => new() { SegmentBytes = 4096, Compression = Compression.Lz4 },
        _ => new() { SegmentBytes = 4096 },
    };

    /// <summary>Runs it to its end, or to the first failure.</summary>
    public static int Run(string folder, TextWriter told)
    {
        var scheduler = new OneThread();
        try
        {
            LogDirectory log;
            using (log = Open(folder, scheduler))
            {
                var (kept, packed, gone) = (OpenStream(log, "kept"), OpenStream(log, "packed"), OpenStream(log, "gone"));
                for (var round = 0; round < Rounds; round++)
                {
                    Append(kept, scheduler, told, round);
                    if (round % 3 == 0)
                        Append(gone, scheduler, told, round);
                    if (round % 4 == 3)
                        AppendTransaction(packed, scheduler, told, round);
                    else
                        Append(packed, scheduler, told, round);
                }

                log.DeleteStream("gone");
                Tell(told, "deleted");
                Append(kept, scheduler, told, Rounds);
            }

            if (log.Failure is { } failure)
                throw failure;
            Tell(told, "closed");
            return 0;
        }
        catch (LogException error)
        {
            Tell(told, FormattableString.Invariant($"failed {error.Code}"));
            return Failed;
        }
    }

    /// <summary>The value of a record: tells by itself where it belongs, and whether anybody may see it.</summary>
    public static string ValueOf(string stream, long offset, bool isAborted) =>
        string.Create(CultureInfo.InvariantCulture, $"{stream} {offset} {(isAborted ? "aborted" : "good")} ") + new string((char)('a' + (offset % 26)), (int)(offset * 37 % 400));

    /// <summary>Opens a folder with a reserve, as the product does.</summary>
    public static LogDirectory Open(string folder, ILogScheduler scheduler) =>
        LogDirectory.Open(folder, new PosixDisk(), TimeProvider.System, scheduler, NullLogger.Instance, new() { ReserveBytes = 64 * 1024 });

    private static StreamPartition OpenStream(LogDirectory log, string name) => log.OpenStream(name, OptionsOf(name));

    private static void AppendTransaction(StreamPartition stream, OneThread scheduler, TextWriter told, int round)
    {
        var isAborted = round % 8 == 7;
        var first = Append(stream, scheduler, round, BatchKind.Transactional, isAborted);
        var second = Append(stream, scheduler, round + 1, BatchKind.Transactional, isAborted);
        stream.Append(stream.NewBatch(), isAborted ? BatchKind.AbortMarker : BatchKind.CommitMarker);
        Sync(stream, scheduler);
        if (isAborted)
            return;
        Tell(told, first);
        Tell(told, second);
    }

    private static void Append(StreamPartition stream, OneThread scheduler, TextWriter told, int round) =>
        Tell(told, Append(stream, scheduler, round, BatchKind.Plain, isAborted: false));

    private static string Append(StreamPartition stream, OneThread scheduler, int round, BatchKind kind, bool isAborted)
    {
        var batch = stream.NewBatch();
        var records = 1 + (round % 3);
        for (var record = 0; record < records; record++)
        {
            var value = ValueOf(stream.Name, stream.EndOffset + record, isAborted);
            batch.BeginRecord("key"u8, hasKey: true);
            Encoding.ASCII.GetBytes(value, batch.GetSpan(value.Length));
            batch.Advance(value.Length);
            batch.EndRecord();
        }

        var first = stream.Append(batch, kind);
        Sync(stream, scheduler);
        return FormattableString.Invariant($"ack {stream.Name} {first} {records}");
    }

    // Runs everything that waits; then either all is synced, or the log has stopped.
    private static void Sync(StreamPartition stream, OneThread scheduler)
    {
        scheduler.Run();
        var synced = stream.WaitSyncedAsync(stream.EndOffset, CancellationToken.None).AsTask();
        if (synced.Exception?.InnerException is LogException error)
            throw error;
        if (!synced.IsCompletedSuccessfully)
            throw new InvalidOperationException("Nothing is left to do, and what was appended is not synced.");
    }

    private static void Tell(TextWriter told, string line)
    {
        told.WriteLine(line);
        told.Flush();
    }

    /// <summary>Workers that run when they are asked to, one after the other.</summary>
    public sealed class OneThread : ILogScheduler
    {
        private readonly List<Worker> _workers = [];

        public ILogWorker Start(string name, Func<TimeSpan?> step)
        {
            var worker = new Worker(step);
            _workers.Add(worker);
            return worker;
        }

        /// <summary>Runs workers until none was woken.</summary>
        public void Run()
        {
            while (_workers.Find(worker => worker.IsWoken) is { } worker)
                worker.Run();
        }

        private sealed class Worker(Func<TimeSpan?> step) : ILogWorker
        {
            public bool IsWoken { get; private set; } = true;

            public void Wake() => IsWoken = true;

            public void Run()
            {
                IsWoken = false;
                IsWoken |= step() == TimeSpan.Zero;
            }

            public void Dispose() => IsWoken = false;
        }
    }
}
