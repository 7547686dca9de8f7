using Leat.Log;
using Leat.Log.Posix;

namespace Leat.Tests.Log;

/// <summary>The real disk, which notes what is done to it, and can be as full as a test wants it to be.</summary>
internal sealed class WatchedDisk : IDisk
{
    private readonly PosixDisk _disk = new();
    private readonly List<string> _calls = [];

    /// <summary>What was opened, written, renamed and removed, each as call and name.</summary>
    public List<string> Calls
    {
        get
        {
            lock (_calls)
                return [.. _calls];
        }
    }

    /// <summary>What <see cref="FreeBytes"/> answers; null: the truth.</summary>
    public long? Free { get; set; }

    /// <summary>Writes to files whose path ends so fail for lack of space, so many times.</summary>
    public (string Suffix, int Times) Full { get; set; }

    public void Forget()
    {
        lock (_calls)
            _calls.Clear();
    }

    public IDiskFile Open(string path, DiskOpen mode)
    {
        Note("open", path);
        return new Watched(_disk.Open(path, mode), path, this);
    }

    public void CreateDirectory(string path) => _disk.CreateDirectory(path);

    public IReadOnlyList<string> List(string directory) => _disk.List(directory);

    public void Rename(string from, string to)
    {
        Note("rename", to);
        _disk.Rename(from, to);
    }

    public void Delete(string path)
    {
        Note("delete", path);
        _disk.Delete(path);
    }

    public void DeleteDirectory(string path) => _disk.DeleteDirectory(path);

    public DiskEntry? Find(string path) => _disk.Find(path);

    public void SyncDirectory(string path) => _disk.SyncDirectory(path);

    public long FreeBytes(string directory) => Free ?? _disk.FreeBytes(directory);

    public IDisposable? TryLock(string path) => _disk.TryLock(path);

    public IDisposable? TryLockShared(string path) => _disk.TryLockShared(path);

    public void ProveSyncErrorsAreReported() => _disk.ProveSyncErrorsAreReported();

    public void ReadRandom(Span<byte> bytes) => _disk.ReadRandom(bytes);

    private void Note(string call, string path)
    {
        lock (_calls)
            _calls.Add($"{call} {Path.GetFileName(path)}");
    }

    private void Write(string path)
    {
        Note("write", path);
        if (Full.Times <= 0 || !path.EndsWith(Full.Suffix, StringComparison.Ordinal))
            return;
        Full = (Full.Suffix, Full.Times - 1);
        throw new DiskException("pwrite", path, "No space left on device", DiskFailure.Full);
    }

    private sealed class Watched(IDiskFile file, string path, WatchedDisk disk) : IDiskFile
    {
        public long Length => file.Length;
        public int Read(long position, Span<byte> buffer) => file.Read(position, buffer);

        public void Write(long position, ReadOnlySpan<byte> bytes)
        {
            disk.Write(path);
            file.Write(position, bytes);
        }

        public void Write(long position, ReadOnlySpan<ArraySegment<byte>> parts)
        {
            disk.Write(path);
            file.Write(position, parts);
        }

        public void Truncate(long length)
        {
            disk.Note("truncate", path);
            file.Truncate(length);
        }

        public void SyncData() => file.SyncData();
        public void Dispose() => file.Dispose();
    }
}

/// <summary>A clock that stands until it is moved; wall and steady clock apart.</summary>
internal sealed class SteppedTime : TimeProvider
{
    private long _ticks;

    public DateTimeOffset Wall { get; set; } = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_000);

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => Interlocked.Read(ref _ticks);

    public override DateTimeOffset GetUtcNow() => Wall;

    public void Pass(TimeSpan time)
    {
        Interlocked.Add(ref _ticks, time.Ticks);
        Wall += time;
    }
}

/// <summary>Runs workers only when a test says so, on the test's own thread.</summary>
internal sealed class SteppedScheduler : ILogScheduler
{
    private readonly List<(string Name, Func<TimeSpan?> Step)> _workers = [];

    public IEnumerable<string> Names => _workers.Select(worker => worker.Name);

    public ILogWorker Start(string name, Func<TimeSpan?> step)
    {
        _workers.Add((name, step));
        return new Worker();
    }

    /// <summary>One step of each worker whose name begins so.</summary>
    public void Run(string name = "")
    {
        foreach (var worker in _workers.Where(worker => worker.Name.StartsWith(name, StringComparison.Ordinal)).ToList())
            worker.Step();
    }

    private sealed class Worker : ILogWorker
    {
        public void Wake()
        {
        }

        public void Dispose()
        {
        }
    }
}
