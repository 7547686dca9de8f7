namespace Leat.Simulation;

/// <summary>One file: what programs see of it, what is on the platter, and which sectors differ because nobody synced them.</summary>
internal sealed class FakeFile
{
    private readonly SortedSet<int> _dirty = [];
    private readonly HashSet<int> _everDurable = [];
    private byte[] _cached = [];
    private byte[] _durable = [];
    private bool _sizeDirty;

    private static ulong _files;

    public long Length => _cached.Length;

    /// <summary>Like an inode's number.</summary>
    public ulong Identity { get; } = Interlocked.Increment(ref _files);

    /// <summary>The content as programs see it; a test may flip bits in it, on the platter too.</summary>
    public void Flip(int at, int bit)
    {
        _cached[at] ^= (byte)(1 << bit);
        if (at < _durable.Length)
            _durable[at] ^= (byte)(1 << bit);
    }

    public int Read(long position, Span<byte> buffer)
    {
        var bytes = (int)Math.Clamp(_cached.Length - position, 0, buffer.Length);
        _cached.AsSpan((int)Math.Min(position, _cached.Length), bytes).CopyTo(buffer);
        return bytes;
    }

    public void Write(long position, ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
            return;
        var end = (int)position + bytes.Length;
        if (end > _cached.Length)
        {
            Array.Resize(ref _cached, end);
            _sizeDirty = true;
        }

        bytes.CopyTo(_cached.AsSpan((int)position));
        for (var sector = (int)position / FakeDisk.SectorBytes; sector <= (end - 1) / FakeDisk.SectorBytes; sector++)
            _dirty.Add(sector);
    }

    public void Truncate(long length)
    {
        Array.Resize(ref _cached, (int)length);
        _sizeDirty = true;
        var last = (int)(length - 1) / FakeDisk.SectorBytes;
        _dirty.RemoveWhere(sector => length == 0 || sector > last);
    }

    public void Sync()
    {
        // Only what is marked dirty is written: after a failed sync that is not all that differs.
        Array.Resize(ref _durable, _cached.Length);
        foreach (var sector in _dirty)
            CopySector(sector, _cached, grow: false);
        Clean();
    }

    /// <summary>A failed sync: half of the pages reached the platter, all are marked clean, the cache still shows everything.</summary>
    public void FailSync(SimRandom random)
    {
        foreach (var sector in _dirty)
        {
            if (random.Chance(50))
                CopySector(sector, _cached, grow: random.Chance(50));
        }

        _dirty.Clear();
    }

    public void Cut(CutMode mode, SimRandom random)
    {
        // The size first: it may be that of any moment since the last sync.
        if (_sizeDirty && random.Chance(60))
            Array.Resize(ref _durable, random.Chance(50) ? _cached.Length : Between(_durable.Length, _cached.Length, random));
        foreach (var sector in _dirty)
        {
            var kept = random.Below(4);
            if (kept < 2)
                CopySector(sector, _cached, grow: kept == 0);
            else if (kept == 2 && mode == CutMode.Garbage && !_everDurable.Contains(sector))
                Spoil(sector, random);
        }

        _cached = [.. _durable];
        Clean();
    }

    private void Clean()
    {
        _dirty.Clear();
        _sizeDirty = false;
        for (var sector = 0; sector * FakeDisk.SectorBytes < _durable.Length; sector++)
            _everDurable.Add(sector);
    }

    private static int Between(int one, int other, SimRandom random) =>
        Math.Min(one, other) + random.Below(Math.Abs(one - other) + 1);

    private void CopySector(int sector, byte[] from, bool grow)
    {
        var start = sector * FakeDisk.SectorBytes;
        var end = Math.Min(start + FakeDisk.SectorBytes, from.Length);
        if (end > _durable.Length && grow)
            Array.Resize(ref _durable, end);
        end = Math.Min(end, _durable.Length);
        if (end > start)
            from.AsSpan(start, end - start).CopyTo(_durable.AsSpan(start));
    }

    private void Spoil(int sector, SimRandom random)
    {
        var start = sector * FakeDisk.SectorBytes;
        var end = Math.Min(start + FakeDisk.SectorBytes, _durable.Length);
        if (end <= start)
            return;
        if (random.Chance(50))
            random.Fill(_durable.AsSpan(start, end - start));
        else
            _durable.AsSpan(start, end - start).Clear();
    }
}
