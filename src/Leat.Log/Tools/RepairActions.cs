using System.Buffers;

namespace Leat.Log.Tools;

/// <summary>Carries a repair out, in an order in which every crash leaves something that the next start completes.</summary>
internal sealed class RepairActions(PartitionFolder folder, RepairPlan plan)
{
    /// <summary>The number of <see cref="LogErrors.DerivedWrong"/>.</summary>
    public const int DerivedCode = 2074;

    private const int CopyBytes = 1024 * 1024;

    // Damage, lost segments, wrong or lost manifests: what makes the manifest new.
    private static readonly int[] Structural = [2070, 2071, 2075, 2085, 2086];

    private IDisk Disk => folder.Disk;

    /// <summary>Whether a finding of this number makes a new manifest necessary.</summary>
    public static bool IsStructural(int code) => Structural.Contains(code);

    /// <summary>Segment files that the manifest does not know.</summary>
    public static IReadOnlyList<string> StraysIn(PartitionFolder folder, Manifest manifest)
    {
        var known = manifest.Sealed.Select(segment => segment.BaseOffset).Append(manifest.ActiveBase).Concat(manifest.Drops)
            .Select(offset => Path.GetFileName(folder.SegmentPath(offset))).ToHashSet(StringComparer.Ordinal);
        return [.. folder.Disk.List(folder.Path).Where(name => name.EndsWith(PartitionFolder.SegmentSuffix, StringComparison.Ordinal) && !known.Contains(name))];
    }

    /// <summary>Names of the derived files that a finding is about.</summary>
    public static IEnumerable<string> FilesNamedIn(PartitionFolder folder, LogFinding finding) =>
        folder.Disk.List(folder.Path).Where(name => PartitionFolder.SideSuffixes.Any(suffix => name.EndsWith(suffix, StringComparison.Ordinal))
            && finding.What.Contains(Path.Combine(folder.Path, name), StringComparison.Ordinal));

    /// <summary>What <see cref="Run"/> does, for people.</summary>
    public static IReadOnlyList<string> Describe(RepairPlan plan, PartitionFolder folder)
    {
        var actions = new List<string>();
        if (plan.MakesIdentity)
            actions.Add($"Make the file log-id again: all manifests say that this is log {plan.LogId}.");
        actions.AddRange(plan.Strays.Select(name => $"Rename {name} to {StrayName(name, plan.Epoch)}."));
        actions.AddRange(plan.Derived.Select(name => $"Delete {name}; it is made again from its segment when it is needed."));
        if (plan.Salvage is not { } salvage)
            return actions;
        foreach (var aside in salvage.Aside.Where(aside => aside.Range.Bytes > 0))
        {
            actions.Add(FormattableString.Invariant(
                $"Keep bytes {aside.Range.Position} to {aside.Range.Position + aside.Range.Bytes} of {Name(folder, aside.Source)} in {AsideName(folder, aside, plan.Epoch)}: {(aside.IsTail ? "they were never durable" : "they hold no whole record")}."));
        }

        foreach (var piece in salvage.Pieces.Where(piece => piece.IsCopied))
        {
            actions.Add(FormattableString.Invariant(
                $"Write {piece.Bytes} whole bytes of {Name(folder, piece.Source)}, from byte {piece.Position} on, as {Name(folder, piece.BaseOffset)}."));
        }

        actions.Add(FormattableString.Invariant(
            $"Write a new manifest: {salvage.Pieces.Count} closed segments, next offset {salvage.EndOffset}, epoch {plan.Epoch}{(salvage.Lost.Count > 0 ? ", and the gaps" : "")}.{(plan.Manifest is null ? " Whether records stood behind that offset cannot be told without the old one." : "")}"));
        return actions;
    }

    public void Run()
    {
        foreach (var name in plan.Strays)
            Disk.Rename(Path.Combine(folder.Path, name), Path.Combine(folder.Path, StrayName(name, plan.Epoch)));
        foreach (var name in plan.Derived)
            Disk.Delete(Path.Combine(folder.Path, name));
        Disk.SyncDirectory(folder.Path);
        if (plan.Salvage is { } salvage)
            Rebuild(salvage);
    }

    // Copies first, then the manifest that names them, then they take their places: a start finishes what the manifest says.
    private void Rebuild(Salvage salvage)
    {
        if (plan.Manifest is { } old)
            SegmentFiles.FinishIntents(folder, old);
        foreach (var aside in salvage.Aside.Where(aside => aside.Range.Bytes > 0))
            Copy(aside.Source, aside.Range.Position, aside.Range.Bytes, Path.Combine(folder.Path, AsideName(folder, aside, plan.Epoch)));
        var copied = salvage.Pieces.Where(piece => piece.IsCopied).ToArray();
        foreach (var piece in copied)
            Copy(piece.Source, piece.Position, piece.Bytes, folder.CleanedPath(piece.BaseOffset));
        Disk.SyncDirectory(folder.Path);

        var kept = salvage.Pieces.Select(piece => piece.BaseOffset).ToHashSet();
        var gone = Salvage.BasesIn(folder).Where(source => !kept.Contains(source) && source != salvage.EndOffset).ToArray();
        var manifest = NewManifest(salvage) with { Swaps = [.. copied.Select(piece => piece.BaseOffset)], Drops = gone };
        folder.WriteManifest(manifest);

        SegmentFiles.FinishIntents(folder, manifest);
        var names = Disk.List(folder.Path).ToHashSet(StringComparer.Ordinal);
        foreach (var baseOffset in salvage.Pieces.Where(piece => piece.IsCopied || !IsAsBefore(piece)).Select(piece => piece.BaseOffset).Concat(gone))
            folder.RemoveSideFiles(baseOffset, names);
        Disk.SyncDirectory(folder.Path);
        folder.WriteManifest(manifest with { Swaps = [], Drops = [] });
    }

    private bool IsAsBefore(SalvagedPiece piece) =>
        plan.Manifest?.Sealed.Any(segment => segment.BaseOffset == piece.BaseOffset && segment.Bytes == piece.Bytes) == true;

    private Manifest NewManifest(Salvage salvage)
    {
        var old = plan.Manifest;
        var end = salvage.EndOffset;
        List<Incarnation> incarnations = [.. old?.Incarnations ?? salvage.Incarnations];
        incarnations.RemoveAll(incarnation => incarnation.BaseOffset >= end);
        incarnations.Add(new(end, Incarnation.New(Disk)));
        AbortedRange[] known = [.. old?.Aborted ?? [], .. salvage.Torn];
        var aborted = known.Concat(salvage.Transactions.Aborted.Where(range => !known.Any(other => other.First <= range.First && other.Marker >= range.Marker)));
        return new()
        {
            LogId = plan.LogId,
            Stream = plan.Stream,
            Epoch = plan.Epoch,
            Clean = false,
            Watermark = end,
            ActiveBase = end,
            ScanOffset = end,
            ScanPosition = 0,
            WasUnsynced = old?.WasUnsynced ?? false,
            Open = salvage.Transactions.Open,
            LastCommitted = salvage.Transactions.LastCommitted,
            Incarnations = incarnations,
            Sealed = [.. salvage.Pieces.Select(piece => new SealedSegment(piece.BaseOffset, piece.Bytes, piece.LatestTimeMs, piece.IsCompacted))],
            Aborted = [.. aborted.OrderBy(range => range.First)],
            Lost = [.. (old?.Lost ?? []).Concat(salvage.Lost).OrderBy(lost => lost.First)],
        };
    }

    private void Copy(long source, long position, long bytes, string target)
    {
        using var from = Disk.Open(folder.SegmentPath(source), DiskOpen.Read);
        using var to = Disk.Open(target, DiskOpen.Replace);
        var buffer = ArrayPool<byte>.Shared.Rent(CopyBytes);
        try
        {
            for (var done = 0L; done < bytes;)
            {
                var part = buffer.AsSpan(0, (int)Math.Min(CopyBytes, bytes - done));
                ReadAround(from, position + done, part);
                to.Write(done, part);
                done += part.Length;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        to.SyncData();
    }

    // What cannot be read is damaged and put aside; zeros stand for it.
    private static void ReadAround(IDiskFile from, long position, Span<byte> part)
    {
        try
        {
            part[from.Read(position, part)..].Clear();
        }
        catch (DiskException error) when (error.Kind == DiskFailure.Other && part.Length > 4096)
        {
            for (var at = 0; at < part.Length; at += 4096)
                ReadAround(from, position + at, part.Slice(at, Math.Min(4096, part.Length - at)));
        }
        catch (DiskException error) when (error.Kind == DiskFailure.Other)
        {
            part.Clear();
        }
    }

    private static string StrayName(string name, uint epoch) => FormattableString.Invariant($"{name}.stray-{epoch}");

    private static string AsideName(PartitionFolder folder, BytesAside aside, uint epoch) => aside.IsTail
        ? FormattableString.Invariant($"{Name(folder, aside.Source)}.tail-{epoch}")
        : FormattableString.Invariant($"{Name(folder, aside.Range.FirstOffset)}.damaged-{epoch}");

    private static string Name(PartitionFolder folder, long baseOffset) => Path.GetFileName(folder.SegmentPath(baseOffset));
}
