using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;

namespace Leat.Log.Tools;

/// <summary>What is in a log's folder, seen without opening the log.</summary>
internal sealed class LogFolder(IDisk disk, string path)
{
    public const string IdentityName = "log-id";
    public const string LockName = "lock";

    private const string IdentityLine = "leat-log ";
    private const int IdentityVersion = 1;
    public const string PartitionSuffix = "-0";

    public IDisk Disk => disk;

    /// <summary>The folder, as a full path.</summary>
    public string Path { get; } = System.IO.Path.GetFullPath(path);

    /// <summary>Names of the streams, sorted by bytes.</summary>
    public IReadOnlyList<string> Streams =>
        [.. disk.List(Path).Where(name => name.EndsWith(PartitionSuffix, StringComparison.Ordinal)).Select(name => name[..^PartitionSuffix.Length])];

    private string IdentityPath => System.IO.Path.Combine(Path, IdentityName);

    public PartitionFolder PartitionOf(string stream) => new(
        disk, System.IO.Path.Combine(Path, stream + PartitionSuffix), new(disk, Path, reserveBytes: 0, NullLogger.Instance), NullLogger.Instance);

    /// <summary>The log's id; null when the file is not there.</summary>
    /// <exception cref="LogException">Damaged, or of a later version.</exception>
    public Guid? ReadIdentity()
    {
        if (!disk.List(Path).Contains(IdentityName))
            return null;
        var (lines, _) = CheckedText.Open(IdentityPath, CheckedText.ReadAll(disk, IdentityPath), IdentityLine, IdentityVersion);
        return lines.Length == 2 && Guid.TryParse(lines[1].Split(' ')[^1], out var id)
            ? id
            : throw LogErrors.DamagedFile(IdentityPath, "its checksum agrees but its lines do not make sense");
    }

    public void WriteIdentity(Guid id)
    {
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"{IdentityLine}{IdentityVersion}\nid {id}\n");
        CheckedText.Replace(disk, Path, IdentityName, CheckedText.Close(text));
    }

    /// <summary>Fails unless there is a log here.</summary>
    public void MustExist()
    {
        if (Streams.Count == 0 && !disk.List(Path).Contains(IdentityName))
            throw LogErrors.NoLog(Path);
    }

    /// <summary>The log's own lock: nobody else opens the log until it is disposed.</summary>
    /// <exception cref="LogException">A process has the log open.</exception>
    public IDisposable Lock() => disk.TryLock(System.IO.Path.Combine(Path, LockName)) ?? throw LogErrors.InUse(Path);
}
