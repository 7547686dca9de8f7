using Leat.Log;

namespace Leat.Simulation.Log;

/// <summary>Another process, a tool or a backup, that reads a segment while the log goes on. What it sees of a closed segment never changes.</summary>
internal sealed class OutsideReader(FakeDisk disk, string readersLock)
{
    private IDisposable? _lock;
    private IDiskFile? _file;
    private byte[] _seen = [];
    private string _path = "";

    /// <summary>Takes the lock and opens a segment, or reads that to its end and lets it go.</summary>
    public void Turn(string path)
    {
        if (_file is not null)
        {
            Check();
            Forget();
            return;
        }

        if (disk.Find(path) is null || disk.TryLockShared(readersLock) is not { } held)
            return;
        (_lock, _path) = (held, path);
        _file = disk.Open(path, DiskOpen.Read);
        _seen = new byte[_file.Length];
        _file.Read(0, _seen);
    }

    /// <summary>The log's process ended and this one did not: it still has its lock.</summary>
    public void Hold()
    {
        if (_file is not null)
            _lock = disk.TryLockShared(readersLock);
    }

    /// <summary>It ended, too.</summary>
    public void Forget()
    {
        _lock?.Dispose();
        (_lock, _file) = (null, null);
    }

    private void Check()
    {
        var now = new byte[_seen.Length];
        var got = _file?.Read(0, now) ?? 0;
        Violation.Unless(got == _seen.Length && now.AsSpan().SequenceEqual(_seen), $"{_path} changed while another process read it");
    }
}
