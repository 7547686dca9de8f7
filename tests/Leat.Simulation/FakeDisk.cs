using System.Numerics;
using System.Runtime.InteropServices;
using Leat.Log;

namespace Leat.Simulation;

/// <summary>An in-memory disk that keeps apart what is cached and what is durable, and loses the difference.</summary>
/// <remarks>Names are durable only after their folder's sync; each unsynced one may be lost on its own, or in order where the disk is so set.</remarks>
internal sealed class FakeDisk : IDisk
{
    /// <summary>A disk that is large enough for everything.</summary>
    public const long Unlimited = long.MaxValue / 2;

    private readonly List<NameChange> _unsyncedNames = [];
    private readonly Dictionary<string, int> _locks = new(StringComparer.Ordinal); // -1: held by one alone, else how many share it
    private readonly int _sectorBytes;
    private FakeFolder _root = new();
    private ulong _unpredictable = 1;
    private ulong _identities;
    private long _used;
    private bool _isDead;
    private bool _isInterleaving;

    /// <summary>An empty disk.</summary>
    /// <param name="random">How far a torn write reaches, and the like.</param>
    /// <param name="sectorBytes">What is written as a whole or not at all: 512 or 4096.</param>
    /// <param name="ordered">Changes of names reach the disk in the order in which they were made, sizes after the data they cover.</param>
    public FakeDisk(SimRandom random, int sectorBytes = 512, bool ordered = false)
    {
        (Random, _sectorBytes, IsOrdered) = (random, sectorBytes, ordered);
    }

    public SimRandom Random { get; }

    public bool IsOrdered { get; }

    public DiskFaults Faults { get; private init; } = new();

    /// <summary>Bytes that all files together may have.</summary>
    public long Capacity { get; set; } = Unlimited;

    /// <summary>Bytes that all files together have.</summary>
    public long Used => _used;

    /// <summary>Called while a call of the log's worker is at the disk: what other threads do meanwhile.</summary>
    public Action? Meanwhile { get; set; }

    /// <summary>Called for each write and sync: how long it takes.</summary>
    public Action? Takes { get; set; }

    /// <summary>Operations that change the disk, so far.</summary>
    public long Operations { get; private set; }

    /// <summary>Hash over every operation: equal for equal seeds.</summary>
    public ulong Trace { get; private set; } = 14695981039346656037;

    /// <summary>Every file by its path, in order.</summary>
    public IEnumerable<KeyValuePair<string, FakeFile>> Files => FilesBelow(_root, "");

    /// <summary>Questions that a power cut now would ask.</summary>
    public int Undecided => _unsyncedNames.Count + Files.Sum(file => file.Value.Undecided);

    /// <summary>The same disk once more, to try two things on it.</summary>
    public FakeDisk Clone()
    {
        var clones = new Dictionary<FakeNode, FakeNode>();
        var clone = new FakeDisk(new(Random.Next()), _sectorBytes, IsOrdered)
        {
            _root = (FakeFolder)_root.Clone(clones), _unpredictable = _unpredictable, _identities = _identities, _used = _used, Capacity = Capacity,
        };
        foreach (var change in _unsyncedNames)
            clone._unsyncedNames.Add(change.Clone(clones));
        return clone;
    }

    public IDiskFile Open(string path, DiskOpen mode)
    {
        var (folder, name) = Parent(path);
        var file = folder?.Names.GetValueOrDefault(name) as FakeFile;
        if (mode is DiskOpen.Read or DiskOpen.ReadWrite)
        {
            if (file is null)
                throw new DiskException("open", path, "No such file or directory", DiskFailure.NotFound);
            return new FakeHandle(this, path, file);
        }

        Begin("open", path, (long)mode);
        if (folder is null)
            throw new DiskException("open", path, "No such file or directory", DiskFailure.NotFound);
        if (mode == DiskOpen.CreateNew && file is not null)
            throw new DiskException("open", path, "File exists", DiskFailure.Exists);
        ThrowIfNameFails("open", path);
        if (file is null)
        {
            file = new FakeFile(_sectorBytes) { Identity = ++_identities };
            Change(folder, name, file);
        }
        else
        {
            Resized(file, 0);
        }

        return new FakeHandle(this, path, file);
    }

    public void CreateDirectory(string path)
    {
        Begin("mkdir", path, 0);
        var folder = _root;
        foreach (var range in path.AsSpan().Split('/'))
        {
            var name = path[range];
            if (name.Length == 0)
                continue;
            if (!folder.Names.TryGetValue(name, out var next))
            {
                ThrowIfNameFails("mkdir", path);
                next = new FakeFolder();
                Change(folder, name, next);
            }

            folder = (FakeFolder)next;
        }
    }

    public IReadOnlyList<string> List(string directory)
    {
        if (_isDead)
            throw new CrashException();
        if (FolderAt(directory) is not { } folder)
            return [];
        var names = new string[folder.Names.Count];
        folder.Names.Keys.CopyTo(names, 0);
        Array.Sort(names, StringComparer.Ordinal);
        return names;
    }

    public void Rename(string from, string to)
    {
        Begin("rename", from, 0);
        ThrowIfNameFails("rename", from);
        var ((source, oldName), (target, newName)) = (Parent(from), Parent(to));
        if (source is null || target is null || !source.Names.TryGetValue(oldName, out var node))
            throw new DiskException("rename", from, "No such file or directory", DiskFailure.NotFound);
        if (target.Names.GetValueOrDefault(newName) is FakeFile replaced)
            _used -= replaced.Length;
        if (node is FakeFile spare && (from.EndsWith(".spare", StringComparison.Ordinal) || to.EndsWith(".spare", StringComparison.Ordinal)))
            spare.BecomeSpare();
        source.Names.Remove(oldName);
        target.Names[newName] = node;
        _unsyncedNames.Add(new(source, oldName, null, target, newName, node));
    }

    public void Delete(string path)
    {
        Begin("unlink", path, 0);
        ThrowIfNameFails("unlink", path);
        var (folder, name) = Parent(path);
        if (folder is null || !folder.Names.TryGetValue(name, out var node))
            throw new DiskException("unlink", path, "No such file or directory", DiskFailure.NotFound);
        if (node is not FakeFile file)
            throw new DiskException("unlink", path, "Is a directory", DiskFailure.Other);
        _used -= file.Length;
        Change(folder, name, null);
    }

    public void DeleteDirectory(string path)
    {
        Begin("rmdir", path, 0);
        ThrowIfNameFails("rmdir", path);
        var (parent, name) = Parent(path);
        if (parent is null || FolderAt(path) is not { } folder)
            throw new DiskException("rmdir", path, "No such file or directory", DiskFailure.NotFound);
        if (folder.Names.Count > 0)
            throw new DiskException("rmdir", path, "Directory not empty", DiskFailure.Other);
        Change(parent, name, null);
    }

    public void SyncDirectory(string path)
    {
        Begin("fsync", path, 0);
        var folder = FolderAt(path) ?? throw new DiskException("open", path, "No such file or directory", DiskFailure.NotFound);
        ThrowIfSyncFails("fsync", path);
        foreach (var change in _unsyncedNames)
            change.ApplyTo(folder);
        _unsyncedNames.RemoveAll(static change => change.IsDone);
    }

    public DiskEntry? Find(string path)
    {
        ThrowIfDead();
        var (folder, name) = Parent(path);
        return folder?.Names.GetValueOrDefault(name) switch
        {
            FakeFile file => new(file.Length, file.Identity),
            FakeFolder => new(0, 0),
            _ => null,
        };
    }

    public long FreeBytes(string directory) => Math.Max(0, Capacity - _used);

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

    public void ReadRandom(Span<byte> bytes) => new SimRandom(_unpredictable++).Fill(bytes);

    /// <summary>The process ends; the cache lives on.</summary>
    public void Kill()
    {
        _isDead = false;
        _locks.Clear();
    }

    /// <summary>The power goes: of what was not synced, the dice decide.</summary>
    public void Cut(CutDice dice)
    {
        Kill();
        var inOrder = IsOrdered ? dice.NamesInOrder(_unsyncedNames.Count) : 0;
        foreach (var change in _unsyncedNames)
        {
            if (IsOrdered ? inOrder-- > 0 : dice.KeepsName())
                change.Apply();
        }

        _unsyncedNames.Clear();
        _root.Cut(file => file.Cut(dice, IsOrdered, Random));
        _used = Files.Sum(file => (long)file.Value.Length);
    }

    /// <summary>Counts an operation; the process may end right before it.</summary>
    internal void Begin(string operation, string path, long size)
    {
        if (_isDead)
            throw new CrashException();
        Interleave();
        Count(operation, path, size);
        if (Faults.CrashStrikes())
            Die();
    }

    internal void Count(string operation, string path, long size)
    {
        Operations++;
        Trace = ((Trace ^ Hash(operation) ^ (ulong)size) * 1099511628211) ^ (Hash(path) * 31);
    }

    internal void ThrowIfDead()
    {
        if (_isDead)
            throw new CrashException();
    }

    internal void Die()
    {
        _isDead = true; // what the dead process still tries, in its finally blocks, does nothing
        throw new CrashException();
    }

    internal void ThrowIfSyncFails(string operation, string path, FakeFile? file = null)
    {
        Takes?.Invoke();
        if (!Faults.SyncStrikes())
            return;
        file?.FailSync(Random);
        throw Faults.SyncSaysFull
            ? new DiskException(operation, path, "No space left on device", DiskFailure.Full)
            : new DiskException(operation, path, "Input/output error", DiskFailure.Other);
    }

    // While the log waits for the disk, other threads go on.
    internal void Interleave()
    {
        if (_isInterleaving || Meanwhile is not { } meanwhile)
            return;
        _isInterleaving = true;
        try
        {
            meanwhile();
        }
        finally
        {
            _isInterleaving = false;
        }
    }

    internal void Resized(FakeFile file, int length)
    {
        _used += length - file.Length;
        file.Truncate(length);
    }

    internal void Resized(FakeFile file, ReadOnlySpan<byte> written, int position)
    {
        var before = file.Length;
        file.Write(position, written);
        _used += file.Length - before;
    }

    private void ThrowIfNameFails(string operation, string path)
    {
        if (Faults.NameStrikes())
            throw new DiskException(operation, path, "Input/output error", DiskFailure.Other);
    }

    private void Change(FakeFolder folder, string name, FakeNode? node)
    {
        if (node is null)
            folder.Names.Remove(name);
        else
            folder.Names[name] = node;
        _unsyncedNames.Add(new(folder, name, node, null, "", null));
    }

    private (FakeFolder? Folder, string Name) Parent(string path)
    {
        var slash = path.LastIndexOf('/');
        return (FolderAt(path.AsSpan(0, slash)), path[(slash + 1)..]);
    }

    private FakeFolder? FolderAt(ReadOnlySpan<char> path)
    {
        var folder = _root;
        foreach (var range in path.Split('/'))
        {
            if (range.Start.Value == range.End.Value)
                continue;
            if (!folder.Names.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(path[range], out var next) || next is not FakeFolder below)
                return null;
            folder = below;
        }

        return folder;
    }

    private static IEnumerable<KeyValuePair<string, FakeFile>> FilesBelow(FakeFolder folder, string path)
    {
        foreach (var (name, node) in folder.Sorted())
        {
            if (node is FakeFile file)
                yield return new($"{path}/{name}", file);
            else if (node is FakeFolder below)
            {
                foreach (var deeper in FilesBelow(below, $"{path}/{name}"))
                    yield return deeper;
            }
        }
    }

    private static ulong Hash(string text)
    {
        var hash = 0u;
        var bytes = MemoryMarshal.AsBytes(text.AsSpan());
        foreach (var word in MemoryMarshal.Cast<byte, ulong>(bytes))
            hash = BitOperations.Crc32C(hash, word);
        foreach (var rest in bytes[(bytes.Length & ~7)..])
            hash = BitOperations.Crc32C(hash, rest);
        return hash;
    }

    private sealed class Lock(FakeDisk disk, string path) : IDisposable
    {
        public void Dispose() => disk._locks[path] = Math.Max(0, disk._locks.GetValueOrDefault(path) - 1);
    }

    // One entry that changed; a rename changes two, together.
    private sealed class NameChange(FakeFolder folder, string name, FakeNode? node, FakeFolder? second, string secondName, FakeNode? secondNode)
    {
        public bool IsDone { get; private set; }

        public void Apply()
        {
            folder.MakeDurable(name, node);
            second?.MakeDurable(secondName, secondNode);
            IsDone = true;
        }

        public void ApplyTo(FakeFolder synced)
        {
            if (folder == synced || second == synced)
                Apply();
        }

        public NameChange Clone(Dictionary<FakeNode, FakeNode> clones) => new(
            (FakeFolder)folder.Clone(clones), name, node?.Clone(clones), (FakeFolder?)second?.Clone(clones), secondName, secondNode?.Clone(clones));
    }
}
