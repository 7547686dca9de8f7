using Leat.Log;

namespace Leat.Simulation.Log;

/// <summary>A known way to get a log wrong.</summary>
internal sealed record Plant
{
    /// <summary>Most seeds that it may take to be found: several times what it took when this was written.</summary>
    public required ulong Budget { get; init; }

    /// <summary>Found only where cold data is damaged.</summary>
    public bool NeedsDamage { get; init; }

    /// <summary>The disk with the bug.</summary>
    public Func<FakeDisk, IDisk>? Disk { get; init; }

    /// <summary>The clock with the bug.</summary>
    public Func<SimTimeProvider, TimeProvider>? Time { get; init; }

    /// <summary>The scheduler with the bug.</summary>
    public Func<SimScheduler, ILogScheduler>? Scheduler { get; init; }
}

/// <summary>Known ways to get a log wrong, each of which the simulation must notice. Planted in what the log stands on: the log itself has no switch for any.</summary>
internal static class PlantedBugs
{
    public static SortedDictionary<string, Plant> All { get; } = new(StringComparer.Ordinal)
    {
        ["acknowledges before the sync"] = Segments(100, file => new SyncDoesNothing(file)),
        ["believes that a running sync covers what came after it"] = Segments(100, file => new SyncLeftOut(file)),
        ["does not sync folders"] = new() { Budget = 100, Disk = disk => new NoFolderSync(disk) },
        ["does not sync the folder after a rename"] = new() { Budget = 100, Disk = disk => new NoFolderSyncAfter(disk, static _ => true) },
        ["does not sync the folder of a new segment"] = new() { Budget = 100, Disk = disk => new NoFolderSyncAfterSegment(disk) },
        ["ignores a failed sync"] = Files(100, _ => true, file => new SyncErrorsSwallowed(file)),
        ["repeats a failed sync"] = Files(100, _ => true, file => new SyncRepeated(file)),
        ["ignores a failed write"] = Segments(200, file => new WriteErrorsSwallowed(file, static error => error.Kind != DiskFailure.Full)),
        ["takes a full disk for a finished write"] = Segments(200, file => new WriteErrorsSwallowed(file, static error => error.Kind == DiskFailure.Full)),
        ["takes a short write for a whole one"] = Segments(100, file => new ShortWrites(file)),
        ["does not check the CRC"] = Segments(100, file => new ChecksumsAlwaysAgree(file)),
        ["does not sync the manifest before its rename"] = Files(100, IsReplacement, file => new SyncDoesNothing(file)),
        ["replaces the manifest in two steps"] = new() { Budget = 100, Disk = disk => new RenameInTwoSteps(disk) },
        ["writes the manifest in place"] = new() { Budget = 100, Disk = disk => new WrittenInPlace(disk) },
        ["does not write again what a failed sync left behind"] = Segments(500, file => new SameContentNotWritten(file)),
        ["loses the marker that aborts an open transaction"] = Segments(100, file => new FirstMarkerLost(file)),
        ["keeps no copy of what it cuts"] = new() { Budget = 100, Disk = disk => new NoCopyAside(disk) },
        ["lets two processes in"] = new() { Budget = 100, Disk = disk => new LockForAll(disk) },
        ["takes stale bytes of a recycled file for records"] = Segments(2_000, file => new AnyBatchIsNext(file)),
        ["writes over a segment that another process reads"] = new() { Budget = 2_000, Disk = disk => new ReadersIgnored(disk) },
        ["does not sync the swap of a compacted segment"] = new() { Budget = 2_000, Disk = disk => new NoFolderSyncAfter(disk, IsCompacted) },
        ["does not sync a compacted segment"] = Files(2_000, IsCompacted, file => new SyncDoesNothing(file)),
        ["forgets that segments take each other's place"] = Files(2_000, IsManifest, file => new LinesLost(file, "swap ")),
        ["forgets which segments it deletes"] = Files(2_000, IsManifest, file => new LinesLost(file, "drop ")),
        ["forgets that it was not synced"] = Files(2_000, IsManifest, file => new LinesLost(file, "sync os", "sync disk")),
        ["forgets what it aborted"] = Files(2_000, IsManifest, file => new LinesLost(file, "aborted ")),
        ["lets a deleted stream come back"] = new() { Budget = 2_000, Disk = disk => new NoFolderSyncAfter(disk, IsDeleted) },
        ["deletes early when the clock is set forward"] = new() { Budget = 2_000, Time = time => new ForwardJumpsCount(time) },
        ["measures the sync interval by the wall clock"] = new() { Budget = 200, Time = time => new WallClockOnly(time) },
        ["forgets a worker that waits"] = new() { Budget = 100, Scheduler = scheduler => new ForgetfulScheduler(scheduler) },
    };

    public static bool IsSegment(string path) => path.EndsWith(".log", StringComparison.Ordinal);

    private static bool IsManifest(string path) => path.EndsWith("manifest.new", StringComparison.Ordinal);

    private static bool IsCompacted(string path) => path.EndsWith(".cleaned", StringComparison.Ordinal);

    private static bool IsDeleted(string path) => path.Contains(".deleted", StringComparison.Ordinal);

    private static bool IsReplacement(string path) => path.EndsWith(".new", StringComparison.Ordinal);

    private static Plant Segments(ulong budget, Func<IDiskFile, IDiskFile> wrap) => Files(budget, IsSegment, wrap);

    private static Plant Files(ulong budget, Func<string, bool> lies, Func<IDiskFile, IDiskFile> wrap) =>
        new() { Budget = budget, Disk = disk => new LyingFiles(disk, lies, wrap) };

    private sealed class WallClockOnly(SimTimeProvider time) : TimeProvider
    {
        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => time.GetUtcNow().Ticks;

        public override DateTimeOffset GetUtcNow() => time.GetUtcNow();
    }

    private sealed class ForwardJumpsCount(SimTimeProvider time) : TimeProvider
    {
        private long _ahead;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp()
        {
            _ahead = Math.Max(_ahead, time.GetUtcNow().Subtract(DateTimeOffset.UnixEpoch).Ticks - time.GetTimestamp());
            return time.GetTimestamp() + _ahead;
        }

        public override DateTimeOffset GetUtcNow() => time.GetUtcNow();
    }

    private sealed class ForgetfulScheduler(SimScheduler scheduler) : ILogScheduler
    {
        public ILogWorker Start(string name, Func<TimeSpan?> step) => scheduler.Start(name, () => step() is { } delay && delay == TimeSpan.Zero ? delay : null);
    }
}
