namespace Leat.Simulation;

/// <summary>A file or a folder.</summary>
internal abstract class FakeNode
{
    /// <summary>The same node of a copied disk.</summary>
    public abstract FakeNode Clone(Dictionary<FakeNode, FakeNode> clones);
}

/// <summary>One file: what programs see of it, what is on the platter, and which sectors differ because nobody synced them.</summary>
/// <remarks>Bytes of both buffers beyond their lengths are always zero.</remarks>
internal sealed class FakeFile(int sectorBytes) : FakeNode
{
    private SectorSet _dirty = new();
    private SectorSet _everDurable = new();
    private byte[] _cached = [];
    private byte[] _durable = [];
    private int _length;
    private int _durableLength;
    private int _cutTo = int.MaxValue;
    private bool _sizeDirty;
    private bool _syncFailed;

    public int Length => _length;

    /// <summary>Like the number of an inode.</summary>
    public required ulong Identity { get; init; }

    /// <summary>Every read of it fails: the medium is broken there.</summary>
    public bool Fails { get; set; }

    /// <summary>Questions that a power cut now would ask.</summary>
    public int Undecided => _dirty.Count() + (_sizeDirty ? 1 : 0);

    public ReadOnlySpan<byte> Bytes => _cached.AsSpan(0, _length);

    public override FakeNode Clone(Dictionary<FakeNode, FakeNode> clones)
    {
        if (clones.TryGetValue(this, out var known))
            return known;
        var clone = new FakeFile(sectorBytes)
        {
            Identity = Identity, Fails = Fails, _dirty = _dirty.Clone(), _everDurable = _everDurable.Clone(), _cached = _cached.AsSpan(0, _length).ToArray(),
            _durable = _durable.AsSpan(0, _durableLength).ToArray(), _length = _length, _durableLength = _durableLength,
            _cutTo = _cutTo, _sizeDirty = _sizeDirty, _syncFailed = _syncFailed,
        };
        clones.Add(this, clone);
        return clone;
    }

    /// <summary>Changes the content behind everybody's back, on the platter too: the disk rots, or another write went astray.</summary>
    public void Damage(int at, ReadOnlySpan<byte> bytes)
    {
        bytes[..Math.Clamp(_length - at, 0, bytes.Length)].CopyTo(_cached.AsSpan(at));
        if (at < _durableLength)
            bytes[..Math.Min(_durableLength - at, bytes.Length)].CopyTo(_durable.AsSpan(at));
    }

    /// <summary>From now on nothing of it counts as durable before: the file is used for something else.</summary>
    public void BecomeSpare() => _everDurable.Clear();

    public int Read(long position, Span<byte> buffer)
    {
        var bytes = (int)Math.Clamp(_length - position, 0, buffer.Length);
        _cached.AsSpan((int)Math.Min(position, _length), bytes).CopyTo(buffer);
        return bytes;
    }

    public void Write(int position, ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
            return;
        var end = position + bytes.Length;
        if (end > _length)
        {
            Reserve(ref _cached, end);
            _length = end;
            _sizeDirty = true;
        }

        bytes.CopyTo(_cached.AsSpan(position));
        _dirty.AddRange(position / sectorBytes, (end - 1) / sectorBytes);
    }

    public void Truncate(int length)
    {
        if (length == _length)
            return;
        _sizeDirty = true;
        if (length > _length)
        {
            Reserve(ref _cached, length);
        }
        else
        {
            Array.Clear(_cached, length, _length - length);
            _cutTo = Math.Min(_cutTo, length);
            _dirty.RemoveFrom((length + sectorBytes - 1) / sectorBytes);
            if (length % sectorBytes != 0)
                _dirty.AddRange(length / sectorBytes, length / sectorBytes); // its rest became zero
        }

        _length = length;
    }

    public void Sync()
    {
        // Only what is marked dirty is written: after a failed sync that is not all that differs.
        if (_cutTo < _durableLength)
            Resize(_cutTo);
        Resize(_length);
        for (var sector = _dirty.Next(0); sector >= 0; sector = _dirty.Next(sector + 1))
            CopySector(sector, grow: false);
        BecomeClean();
    }

    /// <summary>A failed sync: half of the pages reached the platter, all are marked clean, the cache still shows everything.</summary>
    public void FailSync(SimRandom random)
    {
        for (var sector = _dirty.Next(0); sector >= 0; sector = _dirty.Next(sector + 1))
        {
            if (random.Chance(50))
                CopySector(sector, grow: random.Chance(50));
        }

        _dirty.Clear();
        _syncFailed = true;
    }

    /// <summary>The power goes.</summary>
    /// <param name="dice">Decide what survives.</param>
    /// <param name="ordered">The file system writes data before the size that covers it.</param>
    /// <param name="garbage">What a spoiled sector holds.</param>
    public void Cut(CutDice dice, bool ordered, SimRandom garbage)
    {
        if (_dirty.Next(0) < 0 && !_sizeDirty && !_syncFailed)
            return;
        var before = _durableLength;
        if (_sizeDirty)
            Resize(dice.Size(_durableLength, _length));
        for (var sector = _dirty.Next(0); sector >= 0; sector = _dirty.Next(sector + 1))
        {
            var fate = dice.Fate(_everDurable.Contains(sector));
            if (fate is SectorFate.Kept or SectorFate.KeptAndReached || (ordered && (sector + 1) * sectorBytes > before))
                CopySector(sector, grow: fate == SectorFate.KeptAndReached && !ordered);
            else if (fate is SectorFate.Zeroed or SectorFate.Garbage)
                Spoil(sector, fate == SectorFate.Garbage ? garbage : null);
        }

        Reserve(ref _cached, _durableLength);
        Array.Clear(_cached);
        _durable.AsSpan(0, _durableLength).CopyTo(_cached);
        _length = _durableLength;
        _syncFailed = false;
        BecomeClean();
    }

    private void BecomeClean()
    {
        _dirty.Clear();
        _sizeDirty = false;
        _cutTo = int.MaxValue;
        if (_durableLength > 0)
            _everDurable.AddRange(0, (_durableLength - 1) / sectorBytes);
    }

    private void CopySector(int sector, bool grow)
    {
        var start = sector * sectorBytes;
        var end = Math.Min(start + sectorBytes, _length);
        if (end > _durableLength && grow)
            Resize(end);
        end = Math.Min(end, _durableLength);
        if (end > start)
            _cached.AsSpan(start, end - start).CopyTo(_durable.AsSpan(start));
    }

    private void Spoil(int sector, SimRandom? garbage)
    {
        var start = sector * sectorBytes;
        var end = Math.Min(start + sectorBytes, _durableLength);
        if (end <= start)
            return;
        _durable.AsSpan(start, end - start).Clear();
        garbage?.Fill(_durable.AsSpan(start, end - start));
    }

    private void Resize(int length)
    {
        Reserve(ref _durable, length);
        if (length < _durableLength)
            Array.Clear(_durable, length, _durableLength - length);
        _durableLength = length;
    }

    private static void Reserve(ref byte[] buffer, int length)
    {
        if (buffer.Length < length)
            Array.Resize(ref buffer, Math.Max(length, Math.Max(512, buffer.Length * 2)));
    }
}
