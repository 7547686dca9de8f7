using Leat.Log;
using Leat.Log.Posix;
using Xunit;

namespace Leat.Tests.Log;

public sealed class PosixDiskTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("leat-disk-").FullName;
    private readonly PosixDisk _disk = new();

    [Fact]
    public void Errors_of_a_sync_are_reported() => _disk.ProveSyncErrorsAreReported();

    [Fact]
    public void What_was_written_in_many_parts_is_read_back()
    {
        var parts = Enumerable.Range(0, 200).Select(i => new ArraySegment<byte>([.. Enumerable.Repeat((byte)i, i * 7)])).ToArray();
        using var file = _disk.Open(Path.Combine(_folder, "f"), DiskOpen.CreateNew);

        file.Write(10, parts);
        file.SyncData();

        var expected = parts.SelectMany(part => part).ToArray();
        var read = new byte[expected.Length + 100];
        Assert.Equal(10 + expected.Length, file.Length);
        Assert.Equal(expected.Length, file.Read(10, read));
        Assert.Equal(expected, read[..expected.Length]);
        file.Truncate(3);
        Assert.Equal(3, file.Length);
    }

    [Fact]
    public void A_failure_names_the_call_the_file_and_the_reason()
    {
        var path = Path.Combine(_folder, "missing");

        var missing = Assert.Throws<DiskException>(() => _disk.Open(path, DiskOpen.Read));
        Assert.Equal($"open of {path} failed: No such file or directory.", missing.Message);
        Assert.Equal(DiskFailure.NotFound, missing.Kind);

        _disk.Open(path, DiskOpen.CreateNew).Dispose();
        Assert.Equal(DiskFailure.Exists, Assert.Throws<DiskException>(() => _disk.Open(path, DiskOpen.CreateNew)).Kind);
        using var reading = _disk.Open(path, DiskOpen.Read);
        Assert.Equal($"pwrite of {path} failed: Bad file descriptor.", Assert.Throws<DiskException>(() => reading.Write(0, [1])).Message);
    }

    [Fact]
    public void A_sync_of_a_closed_file_fails()
    {
        var file = _disk.Open(Path.Combine(_folder, "f"), DiskOpen.CreateNew);
        file.Dispose();

        Assert.Throws<DiskException>(file.SyncData);
    }

    [Fact]
    public void Folders_are_made_with_their_parents_listed_in_order_and_synced()
    {
        var inner = Path.Combine(_folder, "a", "b");
        _disk.CreateDirectory(inner);
        _disk.CreateDirectory(inner);
        foreach (var name in new[] { "z", "a", "m" })
            _disk.Open(Path.Combine(inner, name), DiskOpen.CreateNew).Dispose();
        _disk.Rename(Path.Combine(inner, "z"), Path.Combine(inner, "b"));
        _disk.Delete(Path.Combine(inner, "m"));
        _disk.SyncDirectory(inner);

        Assert.Equal(["a", "b"], _disk.List(inner));
        Assert.Empty(_disk.List(Path.Combine(_folder, "missing")));
        Assert.True(_disk.FreeBytes(inner) > 0);
    }

    [Fact]
    public void A_lock_is_held_once_until_it_is_let_go()
    {
        var path = Path.Combine(_folder, "lock");
        var held = _disk.TryLock(path);

        Assert.NotNull(held);
        Assert.Null(_disk.TryLock(path));
        held.Dispose();
        using var again = _disk.TryLock(path);
        Assert.NotNull(again);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
