using Leat.Log;

namespace Leat.Simulation;

/// <summary>The machine lost its power, or the process was killed, in the middle of an operation.</summary>
internal sealed class CrashException() : Exception("The simulated process ended here.");

/// <summary>What a power cut does to sectors that were written and not synced.</summary>
internal enum CutMode
{
    /// <summary>Each is there or not.</summary>
    Drop,

    /// <summary>A sector that was never durable may also hold garbage or zeros; one that was holds its old or its new content.</summary>
    Garbage,
}

/// <summary>An in-memory disk that keeps apart what is cached and what is durable, and loses the difference.</summary>
/// <remarks>Sectors of 512 bytes. Names are durable only after their folder's sync; each unsynced one may be lost on its own.</remarks>
internal sealed class FakeDisk(SimRandom random) : IDisk
{
    public const int SectorBytes = 512;

    private Dictionary<string, FakeFile> _files = new(StringComparer.Ordinal);
    private Dictionary<string, FakeFile> _durableFiles = new(StringComparer.Ordinal);
    private HashSet<string> _folders = new(StringComparer.Ordinal);
    private HashSet<string> _durableFolders = new(StringComparer.Ordinal);
    private List<(string Folder, Action<Dictionary<string, FakeFile>> Apply)> _unsyncedNames = [];
    private ulong _random = 1;
    private readonly Dictionary<string, int> _locks = new(StringComparer.Ordinal); // -1: exclusive, else how many share it

    /// <summary>Operations until the next crash; negative: none is planned.</summary>
    public int CrashAfter { get; set; } = -1;

    /// <summary>Syncs until one fails; negative: none does.</summary>
    public int FailSyncAfter { get; set; } = -1;

    /// <summary>Bytes that can still be written before the disk is full.</summary>
    public long Space { get; set; } = long.MaxValue;

    /// <summary>Operations so far.</summary>
    public long Operations { get; private set; }

    /// <summary>Hash over every operation: equal for equal seeds.</summary>
    public ulong Trace { get; private set; } = 14695981039346656037;

    public SimRandom Random => random;

    public IReadOnlyDictionary<string, FakeFile> Files => _files;

    public IDiskFile Open(string path, DiskOpen mode)
    {
        Count("open", path, (long)mode);
        var exists = _files.TryGetValue(path, out var file);
        if (mode is DiskOpen.Read or DiskOpen.ReadWrite && !exists)
            throw new DiskException("open", path, "No such file or directory", DiskFailure.NotFound);
        if (mode == DiskOpen.CreateNew && exists)
            throw new DiskException("open", path, "File exists", DiskFailure.Exists);
        if (!exists)
        {
            file = new FakeFile();
            Name(path, files => files[path] = file);
        }
        else if (mode == DiskOpen.Replace)
        {
            file!.Truncate(0); // it exists
        }

        return new Handle(this, path, file!); // found or made above
    }

    public void CreateDirectory(string path)
    {
        Count("mkdir", path, 0);
        for (var folder = path; folder is not null; folder = Path.GetDirectoryName(folder))
            _folders.Add(folder);
    }

    public IReadOnlyList<string> List(string directory)
    {
        var names = _files.Keys.Concat(_folders).Where(path => Path.GetDirectoryName(path) == directory).Select(path => Path.GetFileName(path)).ToList();
        names.Sort(StringComparer.Ordinal);
        return names;
    }

    public void Rename(string from, string to)
    {
        Count("rename", from, 0);
        var isFolder = _folders.Remove(from);
        if (isFolder)
            _folders.Add(to);
        Name(from, files =>
        {
            if (files.Remove(from, out var file))
                files[to] = file;
            foreach (var inside in files.Keys.Where(path => isFolder && path.StartsWith(from + "/", StringComparison.Ordinal)).ToList())
            {
                files[to + inside[from.Length..]] = files[inside];
                files.Remove(inside);
            }
        });
    }

    public void Delete(string path)
    {
        Count("unlink", path, 0);
        Name(path, files => files.Remove(path));
    }

    public void DeleteDirectory(string path)
    {
        Count("rmdir", path, 0);
        _folders.Remove(path);
    }

    public DiskEntry? Find(string path) => _files.TryGetValue(path, out var file) ? new(file.Length, file.Identity)
        : _folders.Contains(path) ? new(0, 0)
        : null;

    public void SyncDirectory(string path)
    {
        Count("fsync", path, 0);
        if (SyncFails())
            throw new DiskException("fsync", path, "Input/output error", DiskFailure.Other);
        foreach (var (folder, apply) in _unsyncedNames)
        {
            if (folder == path)
                apply(_durableFiles);
        }

        _unsyncedNames.RemoveAll(change => change.Folder == path);
        _durableFolders.UnionWith(_folders.Where(folder => Path.GetDirectoryName(folder) == path));
    }

    public long FreeBytes(string directory) => Space;

    public IDisposable? TryLock(string path)
    {
        if (_locks.GetValueOrDefault(path) != 0)
            return null;
        _locks[path] = -1;
        return new Lock(this, path);
    }

    public IDisposable? TryLockShared(string path)
    {
        var holders = _locks.GetValueOrDefault(path);
        if (holders < 0)
            return null;
        _locks[path] = holders + 1;
        return new Lock(this, path);
    }

    public void ProveSyncErrorsAreReported()
    {
    }

    public void ReadRandom(Span<byte> bytes) => new SimRandom(_random++).Fill(bytes);

    /// <summary>The process ends; the cache lives on.</summary>
    public void Kill() => _locks.Clear();

    /// <summary>The power goes: of what was not synced, the dice decide.</summary>
    public void Cut(CutMode mode)
    {
        Kill();
        foreach (var (_, apply) in _unsyncedNames)
        {
            if (random.Chance(50))
                apply(_durableFiles);
        }

        // A file without its folder is not reachable.
        _durableFolders.UnionWith(_folders.Where(_ => random.Chance(50)));
        _unsyncedNames = [];
        _files = _durableFiles.Where(file => IsReachable(file.Key)).ToDictionary(StringComparer.Ordinal);
        _durableFiles = new(_files, StringComparer.Ordinal);
        _folders = [.. _durableFolders.Where(folder => folder == "/" || IsReachable(folder))];
        _durableFolders = [.. _folders];
        foreach (var file in _files.OrderBy(file => file.Key, StringComparer.Ordinal))
            file.Value.Cut(mode, random);
    }

    internal void Count(string operation, string path, long size)
    {
        Operations++;
        foreach (var letter in operation)
            Trace = (Trace ^ letter) * 1099511628211;
        foreach (var letter in path)
            Trace = (Trace ^ letter) * 1099511628211;
        Trace = (Trace ^ (ulong)size) * 1099511628211;
        if (CrashAfter >= 0 && CrashAfter-- == 0)
            throw new CrashException();
    }

    internal bool SyncFails() => FailSyncAfter >= 0 && FailSyncAfter-- == 0;

    private bool IsReachable(string path)
    {
        for (var folder = Path.GetDirectoryName(path); folder is not null and not "/"; folder = Path.GetDirectoryName(folder))
        {
            if (!_durableFolders.Contains(folder))
                return false;
        }

        return true;
    }

    private void Name(string path, Action<Dictionary<string, FakeFile>> apply)
    {
        apply(_files);
        _unsyncedNames.Add((Path.GetDirectoryName(path) ?? "/", apply));
    }

    private sealed class Lock(FakeDisk disk, string path) : IDisposable
    {
        public void Dispose() => disk._locks[path] = Math.Max(0, disk._locks.GetValueOrDefault(path) - 1);
    }

    private sealed class Handle(FakeDisk disk, string path, FakeFile file) : IDiskFile
    {
        public long Length => file.Length;

        public int Read(long position, Span<byte> buffer) => file.Read(position, buffer);

        public void Write(long position, ReadOnlySpan<byte> bytes)
        {
            var crashes = disk.CrashAfter == 0;
            var fits = (int)Math.Min(bytes.Length, disk.Space);
            var reaches = crashes ? disk.Random.Below(bytes.Length + 1) : fits;
            file.Write(position, bytes[..Math.Min(reaches, fits)]);
            disk.Space -= Math.Min(reaches, fits);
            disk.Count("pwrite", path, bytes.Length);
            if (fits < bytes.Length)
                throw new DiskException("pwrite", path, "No space left on device", DiskFailure.Full);
        }

        public void Write(long position, ReadOnlySpan<ArraySegment<byte>> parts)
        {
            if (parts.Length == 1)
            {
                Write(position, parts[0].AsSpan());
                return;
            }

            var all = new byte[parts.ToArray().Sum(part => part.Count)];
            var at = 0;
            foreach (var part in parts)
            {
                part.AsSpan().CopyTo(all.AsSpan(at));
                at += part.Count;
            }

            Write(position, all);
        }

        public void Truncate(long length)
        {
            disk.Count("ftruncate", path, length);
            file.Truncate(length);
        }

        public void SyncData()
        {
            disk.Count("fdatasync", path, file.Length);
            if (disk.SyncFails())
            {
                file.FailSync(disk.Random);
                throw new DiskException("fdatasync", path, "Input/output error", DiskFailure.Other);
            }

            file.Sync();
        }

        public void Dispose()
        {
        }
    }
}
