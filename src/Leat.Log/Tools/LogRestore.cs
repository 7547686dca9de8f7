using System.Buffers;

namespace Leat.Log.Tools;

/// <summary>Makes a log of a backup. Its streams get a higher epoch and a new incarnation: what was written after the backup is not there.</summary>
public sealed class LogRestore(IDisk disk, IProgress<LogProgress> progress)
{
    private const int CopyBytes = 1024 * 1024;
    private const string PartialSuffix = ".partial";

    private long _done;
    private long _total;

    /// <summary>Checks every byte of the backup, then copies it.</summary>
    /// <param name="backup">The backup's folder.</param>
    /// <param name="target">A folder that does not exist or is empty.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="LogException">Not a backup, damaged, of a later version, the target holds something, or a disk failed.</exception>
    public BackupSummary Run(string backup, string target, CancellationToken cancellationToken)
    {
        backup = Path.GetFullPath(backup);
        target = Path.GetFullPath(target).TrimEnd(Path.DirectorySeparatorChar);
        var partial = target + PartialSuffix;
        try
        {
            if (!disk.List(backup).Contains(BackupList.FileName))
                throw LogErrors.NotABackup(backup);
            var listFile = Path.Combine(backup, BackupList.FileName);
            var list = BackupList.Read(listFile, CheckedText.ReadAll(disk, listFile));
            _total = 2 * list.Files.Sum(file => file.Bytes);
            foreach (var file in list.Files)
                Pass(backup, file, copy: null, cancellationToken);
            BackupTarget.Prepare(disk, target, partial);
            foreach (var stream in list.Streams)
                disk.CreateDirectory(new LogFolder(disk, partial).PartitionOf(stream.Name).Path);
            foreach (var file in list.Files)
                CopyFile(backup, partial, file, cancellationToken);
            BackupStream[] streams = [.. list.Streams.Select(stream => Renew(partial, stream))];
            BackupTarget.Finish(disk, partial, target);
            return new(target, list.LogId, list.MadeAt, list.Files.Sum(file => file.Bytes), streams);
        }
        catch (DiskException error)
        {
            throw LogErrors.CopyFailed(target, error);
        }
    }

    private void CopyFile(string backup, string partial, BackupFile file, CancellationToken cancellationToken)
    {
        using var copy = disk.Open(Path.Combine(partial, file.Name), DiskOpen.Replace);
        Pass(backup, file, copy, cancellationToken);
        copy.SyncData();
    }

    private void Pass(string backup, BackupFile file, IDiskFile? copy, CancellationToken cancellationToken)
    {
        var path = Path.Combine(backup, file.Name);
        using var source = OpenListed(path);
        if (source.Length != file.Bytes)
            throw LogErrors.BackupDamaged(path, FormattableString.Invariant($"it has {source.Length} bytes and had {file.Bytes}"));
        var crc = new RunningCrc();
        var buffer = ArrayPool<byte>.Shared.Rent(CopyBytes);
        try
        {
            for (var at = 0L; at < file.Bytes;)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var part = buffer.AsSpan(0, (int)Math.Min(CopyBytes, file.Bytes - at));
                part = part[..source.Read(at, part)];
                if (part.IsEmpty)
                    break;
                crc.Add(part);
                copy?.Write(at, part);
                at += part.Length;
                progress.Report(new(file.Name, _done += part.Length, _total));
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        if (crc.Value != file.Crc)
            throw LogErrors.BackupDamaged(path, "its checksum does not agree");
    }

    private IDiskFile OpenListed(string path)
    {
        try
        {
            return disk.Open(path, DiskOpen.Read);
        }
        catch (DiskException error) when (error.Kind == DiskFailure.NotFound)
        {
            throw LogErrors.BackupDamaged(path, "it is missing");
        }
    }

    // The offsets that come next may have been given before: to records that are in nobody's log any more, but perhaps in a target.
    private BackupStream Renew(string partial, BackupStream stream)
    {
        var folder = new LogFolder(disk, partial).PartitionOf(stream.Name);
        var manifest = folder.ReadManifest() ?? throw LogErrors.BackupDamaged(folder.ManifestPath, "it is missing");
        List<Incarnation> incarnations = [.. manifest.Incarnations];
        incarnations.RemoveAll(incarnation => incarnation.BaseOffset >= manifest.ActiveBase);
        incarnations.Add(new(manifest.ActiveBase, Incarnation.New(disk)));
        folder.WriteManifest(manifest with { Epoch = manifest.Epoch + 1, Incarnations = incarnations });
        return stream with { Epoch = manifest.Epoch + 1 };
    }
}
