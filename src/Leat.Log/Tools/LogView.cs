namespace Leat.Log.Tools;

/// <summary>A log folder to look at: open or closed, in use by another process or left by one that died. Never writes, never holds anybody up.</summary>
/// <remarks>
/// Shows whole batches as the files have them now. In the log of a running process the last of them may not be durable yet, and segments
/// may be deleted or compacted while they are read. Segment files are not recycled while a view is open, so that they do not change under it.
/// </remarks>
public sealed class LogView : IDisposable
{
    private readonly LogFolder _folder;
    private readonly IDisposable? _readers;

    private LogView(LogFolder folder, IDisposable? readers, Guid? id)
    {
        (_folder, _readers, Id) = (folder, readers, id);
    }

    /// <summary>The folder, as a full path.</summary>
    public string Path => _folder.Path;

    /// <summary>The log's id; null when its file is missing.</summary>
    public Guid? Id { get; }

    /// <summary>Names of the streams, sorted by bytes.</summary>
    public IReadOnlyList<string> Streams => Guarded(() => _folder.Streams);

    internal LogFolder Folder => _folder;

    /// <summary>Opens a log's folder for looking.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="disk">The files.</param>
    /// <exception cref="LogException">There is no log, its identity is damaged or of a later version, or it cannot be read.</exception>
    public static LogView Open(string path, IDisk disk) => Open(path, disk, needsIdentity: true);

    /// <summary>The same; without its identity for whoever is about to mend that.</summary>
    internal static LogView Open(string path, IDisk disk, bool needsIdentity) => Guarded(() =>
    {
        var folder = new LogFolder(disk, path);
        folder.MustExist();
        var readers = LockReaders(folder);
        try
        {
            return new LogView(folder, readers, needsIdentity ? folder.ReadIdentity() : null);
        }
        catch
        {
            readers?.Dispose();
            throw;
        }
    });

    /// <summary>One of its streams, as it is now.</summary>
    /// <exception cref="LogException">There is no such stream, its manifest is damaged or of a later version, or it cannot be read.</exception>
    public StreamView Stream(string name) => Guarded(() =>
    {
        var known = _folder.Streams;
        return known.Contains(name) ? StreamView.Read(_folder, name) : throw LogErrors.StreamUnknown(Path, name, known);
    });

    /// <summary>Lets recycling go on.</summary>
    public void Dispose() => _readers?.Dispose();

    /// <summary>The same failure, in words for people.</summary>
    internal static T Guarded<T>(Func<T> action)
    {
        try
        {
            return action();
        }
        catch (DiskException error)
        {
            throw LogErrors.Unreadable(error);
        }
    }

    // A log that was never opened by a program that recycles has no such file, and needs none. The log takes it exclusively for a moment only.
    private static IDisposable? LockReaders(LogFolder folder)
    {
        const int attempts = 1000;
        if (!folder.Disk.List(folder.Path).Contains(LogDirectory.ReadersName))
            return null;
        var path = System.IO.Path.Combine(folder.Path, LogDirectory.ReadersName);
        for (var attempt = 0; attempt < attempts; attempt++)
        {
            if (folder.Disk.TryLockShared(path) is { } held)
                return held;
        }

        return null; // what is read is checked all the same: at worst a file that changed is taken for a damaged one
    }
}
