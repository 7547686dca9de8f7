namespace Leat.Log.Tools;

/// <summary>What a repair of one stream found, would do, and what is lost by it.</summary>
public sealed record RepairPlan
{
    /// <summary>The stream.</summary>
    public required string Stream { get; init; }

    /// <summary>What is wrong; with nothing to do it may still hold what a repair cannot mend.</summary>
    public required IReadOnlyList<LogFinding> Findings { get; init; }

    /// <summary>What is done, in order; whole sentences. Empty: there is nothing to do.</summary>
    public required IReadOnlyList<string> Actions { get; init; }

    /// <summary>Offsets whose records are lost.</summary>
    public required IReadOnlyList<OffsetRange> Lost { get; init; }

    /// <summary>Offsets whose records are there and are dropped all the same, as the rest of their transaction is gone.</summary>
    public required IReadOnlyList<OffsetRange> Dropped { get; init; }

    /// <summary>The stream's epoch afterwards.</summary>
    public required uint Epoch { get; init; }

    internal Guid LogId { get; init; }
    internal bool MakesIdentity { get; init; }
    internal Manifest? Manifest { get; init; }
    internal Salvage? Salvage { get; init; }
    internal IReadOnlyList<string> Strays { get; init; } = [];
    internal IReadOnlyList<string> Derived { get; init; } = [];
}

/// <summary>Mends damaged streams of a log that no process has open. Nothing is thrown away: what is taken out is kept beside.</summary>
public sealed class LogRepairer : IDisposable
{
    private readonly LogFolder _folder;
    private readonly IDisposable _lock;

    private LogRepairer(LogFolder folder, IDisposable held) => (_folder, _lock) = (folder, held);

    /// <summary>Takes the log.</summary>
    /// <exception cref="LogException">There is none, a process has it open, or it cannot be read.</exception>
    public static LogRepairer Open(string path, IDisk disk) => LogView.Guarded(() =>
    {
        var folder = new LogFolder(disk, path);
        folder.MustExist();
        return new LogRepairer(folder, folder.Lock());
    });

    /// <summary>Reads the whole stream and says what is to be done. Changes nothing.</summary>
    /// <exception cref="LogException">Of a later version or another log, not to be repaired, or it cannot be read.</exception>
    public RepairPlan Plan(string stream, IProgress<LogProgress> progress, CancellationToken cancellationToken) => LogView.Guarded(() =>
    {
        if (!_folder.Streams.Contains(stream))
            throw LogErrors.StreamUnknown(_folder.Path, stream, _folder.Streams);
        var done = 0L;
        void Read(long bytes) => progress.Report(new(stream, done += bytes, done));
        var (id, makesIdentity) = Identity(stream);
        var partition = _folder.PartitionOf(stream);
        var manifest = ManifestOf(partition, out var manifestProblem);
        if (manifest is not null && manifest.LogId != id)
            throw LogErrors.Foreign(partition.ManifestPath, manifest.LogId, id);

        var findings = manifest is null ? FindingsWithout(stream, partition, manifestProblem) : FindingsOf(stream, Read, cancellationToken);
        var isStructural = findings.Any(finding => RepairActions.IsStructural(finding.Code));
        var salvage = isStructural ? Salvage.Run(partition, manifest, Read, cancellationToken) : null;
        var epoch = salvage is null ? manifest?.Epoch ?? 1 : NextEpoch(partition, manifest, salvage);
        var plan = new RepairPlan
        {
            Stream = stream, Findings = findings, Actions = [], Epoch = epoch, LogId = id, MakesIdentity = makesIdentity, Manifest = manifest, Salvage = salvage,
            Lost = [.. salvage?.Lost.Select(lost => new OffsetRange(lost.First, lost.Next)) ?? []],
            Dropped = [.. salvage?.Torn.Select(torn => new OffsetRange(torn.First, torn.Marker + 1)) ?? []],
            Strays = manifest is null ? [] : RepairActions.StraysIn(partition, manifest),
            Derived = [.. findings.Where(finding => finding.Code == RepairActions.DerivedCode).SelectMany(finding => RepairActions.FilesNamedIn(partition, finding))],
        };
        return plan with { Actions = RepairActions.Describe(plan, partition) };
    });

    /// <summary>Does what the plan says. May be cut off anywhere: a start, or this again, completes it.</summary>
    /// <exception cref="LogException">The disk failed.</exception>
    public void Apply(RepairPlan plan) => LogView.Guarded(() =>
    {
        if (plan.MakesIdentity)
            _folder.WriteIdentity(plan.LogId);
        new RepairActions(_folder.PartitionOf(plan.Stream), plan).Run();
        return true;
    });

    /// <summary>Lets the log go.</summary>
    public void Dispose() => _lock.Dispose();

    // The log's own id; when its file is lost, the one that all manifests agree on.
    private (Guid Id, bool Makes) Identity(string stream)
    {
        try
        {
            if (_folder.ReadIdentity() is { } id)
                return (id, false);
        }
        catch (LogException error) when (error.Code == LogErrors.DamagedFileCode && ManifestIds().Length == 1)
        {
            return (ManifestIds()[0], true);
        }

        var ids = ManifestIds();
        return ids.Length == 1
            ? (ids[0], true)
            : throw LogErrors.RepairImpossible(stream, ids.Length == 0 ? "neither the file log-id nor any manifest says which log this is" : "the manifests name several logs, and the file log-id is lost");
    }

    private Guid[] ManifestIds() =>
        [.. _folder.Streams.Select(name => ManifestOf(_folder.PartitionOf(name), out _)?.LogId).OfType<Guid>().Distinct()];

    private static Manifest? ManifestOf(PartitionFolder partition, out LogException? problem)
    {
        problem = null;
        try
        {
            var manifest = partition.ReadManifest();
            if (manifest is null)
                problem = LogErrors.DamagedFile(partition.ManifestPath, "it is missing");
            return manifest;
        }
        catch (LogException error) when (error.Code == LogErrors.DamagedFileCode)
        {
            problem = error;
            return null;
        }
    }

    private static List<LogFinding> FindingsWithout(string stream, PartitionFolder partition, LogException? problem)
    {
        var isNew = !partition.Disk.List(partition.Path).Contains(PartitionFolder.ManifestName) && !Salvage.BasesIn(partition).Any();
        return isNew || problem is null ? [] : [LogFinding.Of(stream, LogErrors.ManifestUnusable(stream, problem))];
    }

    // The same eyes as `leat log verify`: what that calls well, this leaves alone.
    private List<LogFinding> FindingsOf(string stream, Action<long> read, CancellationToken cancellationToken)
    {
        using var view = LogView.Open(_folder.Path, _folder.Disk, needsIdentity: false);
        return [.. new StreamCheck(view, view.Stream(stream), read).Run(cancellationToken).Findings];
    }

    // Above every epoch that anybody can have seen.
    private static uint NextEpoch(PartitionFolder partition, Manifest? manifest, Salvage salvage)
    {
        var highest = Math.Max(manifest?.Epoch ?? 0, salvage.HighestEpoch);
        foreach (var name in partition.Disk.List(partition.Path))
        {
            var suffix = name[(name.LastIndexOf('-') + 1)..];
            if (name.Contains(".log.", StringComparison.Ordinal) && uint.TryParse(suffix, out var epoch))
                highest = Math.Max(highest, epoch);
        }

        return checked(highest + 1);
    }
}
