namespace Leat.Pipeline.Delivery;

/// <summary>Which operation under way has last taken or freed a value that must be unique at the target, and in which lane. Used by the dispatcher alone.</summary>
/// <remarks>
/// Open addressing over three arrays: nothing is allocated for an operation. An entry whose operation has its outcome is dead, and is
/// found to be by the lowest offset that its lane still has. Dead ones leave when the table is half full, so it never holds more than some
/// times the operations under way, and those are bounded by the lanes' queues.
/// </remarks>
/// <param name="lanes">How many lanes there are.</param>
/// <param name="lowestOf">Tells the lowest offset without an outcome of a lane.</param>
internal sealed class ConflictMap(int lanes, Func<int, long> lowestOf)
{
    private const int SmallestRoom = 1024;

    private readonly long[] _lowest = new long[lanes];
    private ulong[] _hashes = new ulong[SmallestRoom];
    private long[] _offsets = new long[SmallestRoom];
    private byte[] _lanes = new byte[SmallestRoom];
    private int _used;

    /// <summary>Every operation up to this offset was handed to its lane; those above still wait with the dispatcher.</summary>
    public long Published { get; set; } = -1;

    /// <summary>Room in the table, for tests.</summary>
    public int Room => _hashes.Length;

    /// <summary>Whether an operation in another lane touches the same value and has no outcome yet; tells the lane and offset to wait for.</summary>
    public bool TryFind(ulong hash, int lane, out int other, out long offset)
    {
        var at = Find(hash);
        other = _lanes[at];
        offset = _offsets[at];
        return _hashes[at] == hash && other != lane && IsUnderWay(other, offset);
    }

    /// <summary>Takes note that an operation touches a value; it is the last in the stream that does.</summary>
    public void Set(ulong hash, int lane, long offset)
    {
        var at = Find(hash);
        if (_hashes[at] == 0)
        {
            if (++_used > _hashes.Length / 2)
            {
                Rebuild();
                at = Find(hash);
                _used++;
            }

            _hashes[at] = hash;
        }

        _offsets[at] = offset;
        _lanes[at] = (byte)lane;
    }

    /// <summary>Whether an operation of a lane has no outcome yet.</summary>
    public bool IsUnderWay(int lane, long offset) => offset > Published || lowestOf(lane) <= offset;

    private int Find(ulong hash)
    {
        var mask = _hashes.Length - 1;
        var at = (int)(hash >> 1) & mask;
        while (_hashes[at] != 0 && _hashes[at] != hash)
            at = (at + 1) & mask;
        return at;
    }

    // Keeps the living, in a table at most a quarter full.
    private void Rebuild()
    {
        for (var lane = 0; lane < _lowest.Length; lane++)
            _lowest[lane] = lowestOf(lane);
        var (hashes, offsets, owners) = (_hashes, _offsets, _lanes);
        var living = 0;
        for (var i = 0; i < hashes.Length; i++)
        {
            if (hashes[i] != 0 && (offsets[i] > Published || _lowest[owners[i]] <= offsets[i]))
                living++;
            else
                hashes[i] = 0;
        }

        var room = Math.Max(SmallestRoom, (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)(living + 1) * 4));
        _hashes = new ulong[room];
        _offsets = new long[room];
        _lanes = new byte[room];
        _used = living;
        for (var i = 0; i < hashes.Length; i++)
        {
            if (hashes[i] == 0)
                continue;
            var at = Find(hashes[i]);
            _hashes[at] = hashes[i];
            _offsets[at] = offsets[i];
            _lanes[at] = owners[i];
        }
    }
}
